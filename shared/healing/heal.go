package healing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Heal is the record of one remediation, kept before anything is removed: it
// is all that an undo needs.
type Heal struct {
	ID       string                     `json:"id"`
	Group    events.SecurityGroup       `json:"group"`
	Mode     Mode                       `json:"mode"`
	Trigger  events.Trigger             `json:"trigger"`
	Removed  []events.Removal           `json:"removed"` // in observe mode: what would be
	Kept     int                        `json:"kept"`
	Planned  time.Time                  `json:"planned"`
	Closed   time.Time                  `json:"closed,omitzero"` // verified; in observe mode: reported
	Undone   time.Time                  `json:"undone,omitzero"`
	UndoneBy string                     `json:"undoneBy,omitempty"`
	Restored []events.SecurityGroupRule `json:"restored,omitempty"`
	Until    time.Time                  `json:"until,omitzero"` // of the exceptions that the undo made
}

// The steps of a heal, in order.
const (
	StepPlanned = iota
	StepClosed
	StepUndone
)

// Step says how far the heal has come.
func (h Heal) Step() int {
	switch {
	case !h.Undone.IsZero():
		return StepUndone
	case !h.Closed.IsZero():
		return StepClosed
	}
	return StepPlanned
}

// place is where the group is.
func (h Heal) place() Place { return Place{Account: h.Group.Account, Region: h.Group.Region} }

// exposure is how long the group was open: from the time of the call that
// opened it until the rules were seen to be gone. It is never negative, as
// clocks differ, and zero when the time of the call is not known.
func (h Heal) exposure() time.Duration {
	if h.Trigger.Time.IsZero() {
		return 0
	}
	return max(0, h.Closed.Sub(h.Trigger.Time))
}

// fact is what is published about the heal. Its id and time come from the
// record, so that publishing again changes nothing.
func (h Heal) fact() events.Fact {
	f := events.Fact{Metadata: events.Metadata{
		ID: h.ID + "-closed", CorrelationID: h.ID, CausationID: h.Trigger.EventID, Time: h.Closed,
	}}
	if h.Mode == Observe {
		f.Metadata.ID = h.ID + "-exposed"
		f.Data = events.SecurityGroupExposed{SecurityGroup: h.Group, HealID: h.ID, Trigger: h.Trigger, Exposed: h.Removed}
		return f
	}
	f.Data = events.SecurityGroupHealed{
		SecurityGroup: h.Group, HealID: h.ID, Trigger: h.Trigger, Removed: h.Removed,
		Kept: h.Kept, Closed: h.Closed, Exposure: h.exposure(),
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

// healID names a heal by what it removes, not by who asked: two events that
// find the same rules open share one heal, and a sweep does not report an
// exposure again. EC2 never uses a rule id twice, so a rule that came back
// gives another heal.
func healID(mode Mode, group events.SecurityGroup, plan Plan) string {
	parts := []string{string(mode), group.Account, group.Region, group.GroupID}
	for _, r := range plan.Remove {
		parts = append(parts, r.Rule.RuleID+"="+RuleKey(r.Rule))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return "heal-" + hex.EncodeToString(sum[:8])
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

// missing gives the rules of the heal that are not among live ones.
func (h Heal) missing(live []events.SecurityGroupRule) []events.SecurityGroupRule {
	var absent []events.SecurityGroupRule
	for _, r := range h.Removed {
		if _, ok := findLike(live, r.Rule); !ok {
			absent = append(absent, r.Rule)
		}
	}
	return absent
}

// findLike finds the ingress rule that admits the same as r, whatever its id.
func findLike(rules []events.SecurityGroupRule, r events.SecurityGroupRule) (events.SecurityGroupRule, bool) {
	key := RuleKey(r)
	i := slices.IndexFunc(rules, func(o events.SecurityGroupRule) bool { return !o.Egress && RuleKey(o) == key })
	if i < 0 {
		return events.SecurityGroupRule{}, false
	}
	return rules[i], true
}
