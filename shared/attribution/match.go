package attribution

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Change is drift that somebody made.
type Change struct {
	Stack    events.StackRef
	Resource events.DriftedResource
	Names    []string  // further names by which calls may name the resource; "a|b" is both together
	From     time.Time // when the stack was deployed last; zero if that is not known
	Until    time.Time // when the drift was seen; zero if that is not known
}

// clockSkew is how far the clocks of AWS's services may be apart.
const clockSkew = time.Minute

// handling is the longest that a call of Cloud Control may go on after it was
// recorded: its handlers call the service meanwhile.
// Source: CloudFormation CLI user guide, "Resource type handlers" (a handler
// may take up to 36 hours; those of property updates take minutes).
const handling = 15 * time.Minute

// The writes that may explain a change, worst first.
const (
	fitsOther    = iota // another call that changed the resource, by the deployment itself
	fitsNamed           // a call that changed the resource, and names other properties
	fitsOwn             // the deployment's own call that names the property
	fitsHidden          // a call whose record does not show what it set
	fitsProperty        // a call that names the property, or that deleted the resource
)

// candidate is a write with what it explains.
type candidate struct {
	Write
	class, why string
	fits       int
	since      bool // made after the last deployment
}

// Match returns who made the change, or nil when none of the writes is about
// the resource: the last call that names a property that drifted, else the last
// one that may have set it, else the last one at all. A write after the drift
// was seen is never the answer, one before the last deployment only when it
// explains more than any since, the deployment itself only when nobody else
// fits.
func (c Classifier) Match(change Change, writes []Write) *events.Attribution {
	var found []candidate
	for _, w := range writes {
		if !w.concerns(change) || !change.Until.IsZero() && w.Time.After(change.Until.Add(clockSkew)) {
			continue
		}
		class, why := c.Classify(change.Stack, w)
		found = append(found, candidate{
			Write: w, class: class, why: why, fits: w.fits(change.Resource, class),
			since: !w.Time.Before(change.From.Add(-clockSkew)),
		})
	}
	if len(found) == 0 {
		return nil
	}
	best := slices.MaxFunc(found, better)
	return c.explain(change, best, found)
}

// better orders candidates, the better one last.
func better(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.fits, b.fits), compareBool(a.since, b.since), a.Time.Compare(b.Time), strings.Compare(a.EventID, b.EventID))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// fits says how well the write explains the drift.
func (w Write) fits(r events.DriftedResource, class string) int {
	own, exact := class == ClassOwnDeployment, w.exact(r)
	switch {
	case exact && own:
		return fitsOwn
	case exact:
		return fitsProperty
	case own:
		return fitsOther
	case w.Opaque:
		return fitsHidden
	}
	return fitsNamed
}

// exact reports whether the write names what drifted.
func (w Write) exact(r events.DriftedResource) bool {
	if r.Status == deleted {
		return w.removes(r)
	}
	for _, d := range slices.Concat(r.Differences, r.Undeclared) {
		if slices.ContainsFunc(w.Properties, func(p string) bool { return touches(p, d.Path) }) {
			return true
		}
	}
	return false
}

// deleted is the status of a resource that is gone.
// Source: CloudFormation API reference, StackResourceDrift.
const deleted = "DELETED"

var removing = []string{"Delete", "Terminate", "Remove", "Release", "Deregister", "ScheduleKeyDeletion"}

// removes reports whether the call deletes a resource of this type: DeleteRole
// deletes a role, DeleteRolePolicy does not.
func (w Write) removes(r events.DriftedResource) bool {
	kind := r.ResourceType[strings.LastIndex(r.ResourceType, ":")+1:]
	for _, v := range removing {
		noun, ok := strings.CutPrefix(w.EventName, v)
		if !ok {
			continue
		}
		noun = strings.TrimSuffix(noun, "s")
		if noun == "" || noun == "Resource" && w.EventSource == cloudControl ||
			len(noun) >= 4 && strings.HasSuffix(strings.ToLower(kind), strings.ToLower(noun)) || strings.EqualFold(noun, kind) {
			return true
		}
	}
	return false
}

// touches reports whether a call that sets property changes path: one is at or
// below the other. Records write names in camelCase where templates have
// PascalCase, and places in lists are not told.
func touches(property, path string) bool {
	a, b := segments(property), segments(path)
	for i := range min(len(a), len(b)) {
		if !strings.EqualFold(a[i], b[i]) {
			return false
		}
	}
	return len(a) > 0 && len(b) > 0
}

func segments(path string) []string {
	var out []string
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if part != "" && strings.Trim(part, "0123456789") != "" {
			out = append(out, part)
		}
	}
	return out
}

// explain tells of the best candidate.
func (c Classifier) explain(change Change, best candidate, all []candidate) *events.Attribution {
	told, exact := best, best.fits == fitsProperty || best.fits == fitsOwn
	why := []string{best.why}
	if request := requested(best, all); request != nil {
		told = *request
		told.class, told.why = c.Classify(change.Stack, request.Write)
		why = []string{told.why, "it was asked for with " + request.EventName + " of Cloud Control, whose handler called " + best.EventName}
	}
	if !exact {
		why = append(why, "the last call that is known to have changed the resource; which property, its record does not say")
		if best.fits == fitsNamed || best.fits == fitsOther {
			why[len(why)-1] = "the last call that is known to have changed the resource; it names other properties than those that drifted"
		}
	}
	if !best.since {
		why = append(why, "it is older than the last deployment of the stack")
	}
	if later := hiddenAfter(best, told, all); later != nil {
		why = append(why, "a later "+later.EventName+" by "+later.Principal+" does not show what it set")
	}
	return &events.Attribution{
		Class: told.class, Principal: told.Principal, Session: told.Session, SourceIP: told.SourceIP, UserAgent: told.UserAgent,
		EventName: told.EventName, EventID: told.EventID, Time: told.Time, Exact: exact, Why: strings.Join(why, "; "),
	}
}

// requested finds the call of Cloud Control that a handler worked for. The
// handler calls through CloudFormation, with the requester's permissions or
// with the role that the requester passed, and hides from where the request
// came.
// Source: Cloud Control API user guide, "Specifying credentials for Cloud
// Control API".
func requested(handler candidate, all []candidate) *candidate {
	if !byCloudFormation(handler.Write) || handler.class == ClassOwnDeployment {
		return nil
	}
	var found *candidate
	for i, c := range all {
		lag := handler.Time.Sub(c.Time)
		if c.EventSource == cloudControl && (c.Principal == handler.Principal || c.Passed != "" && c.Passed == handler.Issuer) && lag <= handling && lag >= -clockSkew &&
			(found == nil || better(*found, c) < 0) {
			found = &all[i]
		}
	}
	return found
}

// hiddenAfter finds a later call that may have set the same property.
func hiddenAfter(best, told candidate, all []candidate) *candidate {
	if best.fits < fitsOwn {
		return nil
	}
	var found *candidate
	for i, c := range all {
		if c.fits == fitsHidden && c.Time.After(best.Time) && c.EventID != told.EventID && (found == nil || better(*found, c) < 0) {
			found = &all[i]
		}
	}
	return found
}
