package response

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Decision is what is done about a resource that drifted.
type Decision struct {
	Severity Severity // the highest of what is not ignored, or of all if all is
	Response Response
	Why      string
	Parts    []Part // one for each difference, those of declared properties first
}

// Part is what is done about one difference.
type Part struct {
	Difference events.PropertyDifference // without a path for the whole resource
	Undeclared bool                      // no change set brings it back
	Severity   Severity
	Response   Response
	Why        string
}

// Kept are the parts that are to stay as they are: ignored or accepted.
func (d Decision) Kept() []Part {
	var out []Part
	for _, p := range d.Parts {
		if p.Response == Ignore {
			out = append(out, p)
		}
	}
	return out
}

// Decide says what is done about a resource that drifted. accepted are those of
// its stack, healed what the healer made of it. That decides first, then a
// baseline, then an exception, then the row of who changed it. What the healer
// closed is never brought back, whatever the policy wishes. A resource gets the highest response of its differences; it is
// only brought back when that is wished for every one of them, since a change
// set does not choose. An exception hides a deleted resource only if it says
// so, and never because of a property.
func Decide(p Policy, accepted []Accepted, healed []Healed, stack events.StackRef, r events.DriftedResource, now time.Time) Decision {
	all, declared := parts(r)
	d := Decision{Response: Ignore}
	wished, first := true, true
	var rest []Severity
	for i, difference := range all {
		part := p.decidePart(accepted, stack, r, difference, now).healed(healed, r)
		if part.Undeclared = i >= declared; part.Undeclared && part.Response == Revert {
			part.Response, part.Why = Open, part.Why+"; the template does not set it, so that no change set brings it back"
		}
		wished = wished && part.Response == Revert
		if first || part.Response.rank() > d.Response.rank() {
			d.Response, d.Why, first = part.Response, part.Why, false
		}
		if part.Response != Ignore {
			rest = append(rest, part.Severity)
		}
		d.Severity = worst(d.Severity, part.Severity)
		d.Parts = append(d.Parts, part)
	}
	if len(rest) > 0 {
		d.Severity = worst(rest...)
	}
	if d.Response == Revert && !wished {
		d.Response, d.Why = Open, d.Why+"; not every difference of the resource may be brought back"
	}
	return d
}

// healed is the part with what the healer says of it.
func (p Part) healed(healed []Healed, r events.DriftedResource) Part {
	for _, h := range healed {
		switch {
		case !h.of(r.LogicalID, p.Difference.Path):
		case h.Explained:
			p.Response, p.Why = Ignore, h.Why
			return p
		case p.Response == Revert:
			p.Response, p.Why = Open, p.Why+"; "+h.Why
		}
	}
	if p.Response == Revert && r.Attribution != nil && r.Attribution.Class == classHealer {
		p.Response, p.Why = Notify, p.Why+"; what the healer closed is never brought back"
	}
	return p
}

func (p Policy) decidePart(accepted []Accepted, stack events.StackRef, r events.DriftedResource, d events.PropertyDifference, now time.Time) Part {
	part := Part{Difference: d}
	var why string
	if r.Status == statusDeleted {
		part.Severity, why = p.deletedSeverity(r.ResourceType)
	} else {
		part.Severity, why = p.SeverityOf(r.ResourceType, d.Path)
	}
	for _, a := range accepted {
		if within(a.Path, d.Path) && a.holds(r, now) {
			part.Response, part.Why = Ignore, fmt.Sprintf("accepted by %s: %s", a.By, a.Reason)
			return part
		}
	}
	for _, e := range p.Ignore {
		if e.matches(stack, r, d) && now.Before(e.Until) {
			part.Response, part.Why = Ignore, fmt.Sprintf("ignored until %s: %s", e.Until.UTC().Format(time.DateOnly), e.Reason)
			return part
		}
	}
	class := Unknown
	if r.Attribution != nil && r.Attribution.Class != "" {
		class = r.Attribution.Class
	}
	var row string
	part.Response, row = p.response(class, part.Severity)
	part.Why = fmt.Sprintf("%s: %s; made by class %s", part.Severity, why, class)
	if row == everyClass {
		part.Why += ", which is answered as any"
	}
	part.Why += p.ended(accepted, stack, r, d, now)
	return part
}

// matches reports whether the exception names the difference, whatever the time.
func (e Exception) matches(stack events.StackRef, r events.DriftedResource, d events.PropertyDifference) bool {
	if !matchName(e.Stack, stack.StackName) || !matchName(e.Type, r.ResourceType) || !matchName(e.LogicalID, r.LogicalID) {
		return false
	}
	if r.Status == statusDeleted {
		return e.Deleted && e.Property == ""
	}
	return matchPointer(e.Property, d.Path)
}

// ended says which baseline or exception would have covered a difference and
// does not any more.
func (p Policy) ended(accepted []Accepted, stack events.StackRef, r events.DriftedResource, d events.PropertyDifference, now time.Time) string {
	for _, a := range accepted {
		if a.LogicalID != r.LogicalID || !within(a.Path, d.Path) {
			continue
		}
		if !a.Until.IsZero() && !now.Before(a.Until) {
			return fmt.Sprintf("; %s accepted it until %s, which is over", a.By, a.Until.UTC().Format(time.RFC3339))
		}
		return fmt.Sprintf("; %s accepted it, but it changed since", a.By)
	}
	for _, e := range p.Ignore {
		if e.matches(stack, r, d) {
			return fmt.Sprintf("; the exception %q ended on %s", e.Reason, e.Until.UTC().Format(time.DateOnly))
		}
	}
	return ""
}
