package healing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Heal is the record of one remediation, kept before anything is changed: it
// is all that an undo needs. The service makes one for each rule, because only
// a rule can be told of exactly once: an event may see one open rule where a
// sweep, a moment later, sees that one and another.
type Heal struct {
	ID           string                     `json:"id"`
	Group        events.SecurityGroup       `json:"group"`
	Mode         Mode                       `json:"mode"`
	Trigger      events.Trigger             `json:"trigger"`
	Removed      []events.Removal           `json:"removed"` // in observe mode: what would be
	Kept         int                        `json:"kept"`
	Planned      time.Time                  `json:"planned"`
	Closed       time.Time                  `json:"closed,omitzero"` // verified; where nothing is closed: assessed
	Severity     Severity                   `json:"severity,omitempty"`
	Reachability *events.Reachability       `json:"reachability,omitempty"`
	Owner        *events.Owner              `json:"owner,omitempty"`
	Told         time.Time                  `json:"told,omitzero"` // published, where nothing is closed
	Undone       time.Time                  `json:"undone,omitzero"`
	UndoneBy     string                     `json:"undoneBy,omitempty"`
	Restored     []events.SecurityGroupRule `json:"restored,omitempty"`
	Until        time.Time                  `json:"until,omitzero"` // of the exceptions that the undo made
	Stop         *Stop                      `json:"stop,omitempty"` // set: nothing was done, see Stop
}

// The steps of a heal, in order.
const (
	StepPlanned = iota
	StepClosed
	StepUndone // or told, where nothing is closed
)

// Step says how far the heal has come.
func (h Heal) Step() int {
	switch {
	case !h.Undone.IsZero(), !h.Told.IsZero():
		return StepUndone
	case !h.Closed.IsZero():
		return StepClosed
	}
	return StepPlanned
}

// closes reports whether the heal changes the group, and does not only tell.
func (h Heal) closes() bool { return h.Mode == Enforce && h.Stop == nil }

// place is where the group is.
func (h Heal) place() Place { return Place{Account: h.Group.Account, Region: h.Group.Region} }

// exposure is how long the group was open: from the time of the call that
// opened it until the rules were seen to be gone. It is never negative, as
// clocks differ, and zero when the time of the call is not known. A sweep's
// heal that says nothing of how it was found is older than such words, and has
// the time of the sweep.
func (h Heal) exposure() time.Duration {
	if h.Trigger.Time.IsZero() || h.Trigger.EventName == sweepEvent && h.Trigger.Found == "" {
		return 0
	}
	return max(0, h.Closed.Sub(h.Trigger.Time))
}

// fact is what is published about the heal. Its id, its time and all that it
// says come from the record, so that publishing again changes nothing.
func (h Heal) fact() events.Fact {
	f := events.Fact{Metadata: events.Metadata{
		ID: h.ID + "-closed", CorrelationID: h.ID, CausationID: h.Trigger.EventID, Time: h.Closed,
	}}
	switch {
	case h.Stop != nil:
		f.Metadata.ID, f.Metadata.CorrelationID = h.ID, h.Stop.Heal
		f.Data = events.SecurityGroupHealingStopped{
			SecurityGroup: h.Group, HealID: h.Stop.Heal, Trigger: h.Trigger, Exposed: h.Removed,
			Actions: h.Stop.Actions, Limit: h.Stop.Limit, Hour: h.Stop.Hour,
		}
	case h.Mode == Observe:
		f.Metadata.ID = h.ID + "-exposed"
		f.Data = events.SecurityGroupExposed{
			SecurityGroup: h.Group, HealID: h.ID, Trigger: h.Trigger, Exposed: h.Removed,
			Severity: string(h.Severity), Reachability: h.Reachability, Owner: h.Owner,
		}
	default:
		f.Data = events.SecurityGroupHealed{
			SecurityGroup: h.Group, HealID: h.ID, Trigger: h.Trigger, Removed: h.Removed,
			Kept: h.Kept, Closed: h.Closed, Exposure: h.exposure(),
			Severity: string(h.Severity), Reachability: h.Reachability, Owner: h.Owner,
		}
	}
	return f
}

// undoneFact is what is published about the undo.
func (h Heal) undoneFact() events.Fact {
	return events.Fact{
		Metadata: events.Metadata{ID: h.ID + "-undone", CorrelationID: h.ID, CausationID: h.ID + "-closed", Time: h.Undone},
		Data: events.SecurityGroupHealUndone{
			SecurityGroup: h.Group, HealID: h.ID, By: h.UndoneBy, Restored: h.Restored, Until: h.Until,
		},
	}
}

// healID names a heal by the rule that it closes, not by who asked: whoever
// finds the rule open shares the heal, and a sweep does not report an exposure
// again. EC2 never uses a rule id twice, but a quarantined rule keeps its id
// and may be opened again: n counts how often it was closed before.
func healID(mode Mode, group events.SecurityGroup, rule events.SecurityGroupRule, n int) string {
	parts := []string{string(mode), group.Account, group.Region, group.GroupID, rule.RuleID + "=" + RuleKey(rule)}
	if n > 0 {
		parts = append(parts, strconv.Itoa(n))
	}
	return "heal-" + digest(parts...)
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:8])
}

// exceptions keep the healer from undone rules until the given time.
func (h Heal) exceptions(by string, until time.Time) []Exception {
	list := make([]Exception, 0, len(h.Removed))
	for _, r := range h.Removed {
		list = append(list, Exception{
			Group: h.Group.GroupID, Rule: RuleKey(r.Rule), Owner: by,
			Reason: fmt.Sprintf("undo of %s", h.ID), Expires: until,
		})
	}
	return list
}

// gone reports whether none of the heal's rules is live as it was: each was
// removed, or has another source.
func (h Heal) gone(live []events.SecurityGroupRule) bool {
	return !slices.ContainsFunc(h.Removed, func(r events.Removal) bool {
		now, ok := findID(live, r.Rule.RuleID)
		return ok && RuleKey(now) == RuleKey(r.Rule)
	})
}

// as says how the rules are seen to have been closed: a rule that is not there
// any more was revoked, whatever was planned (EC2 cannot change every rule in
// place), and one in the quarantine is where it is.
func (h Heal) as(live []events.SecurityGroupRule, p Policy) Heal {
	h.Removed = slices.Clone(h.Removed)
	for i, r := range h.Removed {
		now, ok := findID(live, r.Rule.RuleID)
		switch {
		case !ok:
			h.Removed[i].Quarantine = ""
		case p.Quarantines(now):
			h.Removed[i].Quarantine = now.CIDRv4 + now.CIDRv6
		}
	}
	return h
}

func (h Heal) rules() []events.SecurityGroupRule {
	rules := make([]events.SecurityGroupRule, len(h.Removed))
	for i, r := range h.Removed {
		rules[i] = r.Rule
	}
	return rules
}

// findID finds the ingress rule with the id.
func findID(rules []events.SecurityGroupRule, id string) (events.SecurityGroupRule, bool) {
	return find(rules, func(r events.SecurityGroupRule) bool { return r.RuleID == id })
}

// findLike finds the ingress rule that admits the same as r, whatever its id.
func findLike(rules []events.SecurityGroupRule, r events.SecurityGroupRule) (events.SecurityGroupRule, bool) {
	key := RuleKey(r)
	return find(rules, func(o events.SecurityGroupRule) bool { return RuleKey(o) == key })
}

func find(rules []events.SecurityGroupRule, is func(events.SecurityGroupRule) bool) (events.SecurityGroupRule, bool) {
	i := slices.IndexFunc(rules, func(r events.SecurityGroupRule) bool { return !r.Egress && is(r) })
	if i < 0 {
		return events.SecurityGroupRule{}, false
	}
	return rules[i], true
}
