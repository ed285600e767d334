package preview

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

// Finding is a rule that the policy would have closed.
type Finding struct {
	Group    *events.SecurityGroup `json:"group"`
	Rule     events.Removal        `json:"rule"`
	Would    string                `json:"would"`              // report, quarantine or revoke
	Trigger  *events.Trigger       `json:"trigger,omitempty"`  // what made it too open; unknown in live state
	Closed   time.Time             `json:"closed,omitzero"`    // when it no longer was; none: it is at the end
	ClosedBy string                `json:"closedBy,omitempty"` // who saw to that
	Unread   bool                  `json:"unread,omitempty"`   // reported because the entries of its prefix list cannot be read
	Partial  bool                  `json:"partial,omitempty"`  // earlier rules of the group are not known
}

// OpenFor is how long the rule stayed too open; ok is false when it was not
// closed.
func (f *Finding) OpenFor() (d time.Duration, ok bool) {
	if f.Closed.IsZero() || f.Trigger == nil {
		return 0, false
	}
	return f.Closed.Sub(f.Trigger.Time), true
}

// Timeline applies records in order and asks the policy after each what it
// would do to the groups that changed. Exceptions expire at the time of the
// records. The zero value of State is used.
type Timeline struct {
	Policy healing.Policy
	State  replay.State

	findings []*Finding
	open     map[healing.Place]map[string]map[string]*Finding // by group, by rule id
	groups   map[healing.Place]map[string]*events.SecurityGroup
	words    map[string]string // one copy of each text: records repeat them
}

// Apply applies a record and notes what the policy would do. An Invalid error
// means that the record cannot be used.
func (t *Timeline) Apply(ctx context.Context, event []byte) (replay.Change, error) {
	change, err := t.State.Apply(event)
	if err != nil || !change.Changed() {
		return change, err
	}
	// A list whose entries the records do not tell is one that the healer could have
	// read then: it is partial, see State.Partial, and no reason to do anything.
	policy := t.Policy
	policy.UnknownPrefixLists = healing.ReportUnknown
	verdicts, _, err := Judge(ctx, &t.State, policy, change.Place, change.Trigger.Time, nil, change.Opened, change.Groups...)
	if err != nil {
		return change, err
	}
	for _, id := range change.Groups {
		i, judged := slices.BinarySearchFunc(verdicts, id, func(v Verdict, id string) int { return cmp.Compare(v.Group.GroupID, id) })
		if !judged {
			t.settle(change, id, Verdict{})
			continue
		}
		t.settle(change, id, verdicts[i])
	}
	return change, nil
}

// settle compares what is too open in a group with what was before.
func (t *Timeline) settle(change replay.Change, id string, v Verdict) {
	if t.open == nil {
		t.open, t.words = map[healing.Place]map[string]map[string]*Finding{}, map[string]string{}
		t.groups = map[healing.Place]map[string]*events.SecurityGroup{}
	}
	groups := t.open[change.Place]
	if groups == nil {
		groups = map[string]map[string]*Finding{}
		t.open[change.Place], t.groups[change.Place] = groups, map[string]*events.SecurityGroup{}
	}
	before := groups[id]
	var now map[string]*Finding
	var trigger *events.Trigger
	for _, removal := range v.Plan.Remove {
		f := before[removal.Rule.RuleID]
		if f == nil {
			if trigger == nil {
				trigger = t.shared(change.Trigger)
			}
			f = &Finding{Group: t.described(change.Place, v.Group), Rule: removal, Trigger: trigger, Would: v.Would(removal.Rule)}
			for _, text := range []*string{&f.Rule.Reason, &f.Rule.Rule.Protocol, &f.Rule.Rule.CIDRv4, &f.Rule.Rule.CIDRv6, &f.Rule.Rule.PrefixListID, &f.Rule.Rule.Description} {
				*text = t.word(*text)
			}
			t.findings = append(t.findings, f)
		}
		if now == nil {
			now = map[string]*Finding{}
		}
		now[removal.Rule.RuleID] = f
	}
	for rule, f := range before {
		if now[rule] == nil {
			f.Closed, f.ClosedBy = change.Trigger.Time, t.word(change.Trigger.Principal)
		}
	}
	if groups[id] = now; now == nil {
		delete(groups, id)
	}
}

// described keeps one copy of a group as long as it stays the same.
func (t *Timeline) described(at healing.Place, g events.SecurityGroup) *events.SecurityGroup {
	known := t.groups[at][g.GroupID]
	if known == nil || known.GroupName != g.GroupName || known.VPCID != g.VPCID || !maps.Equal(known.Tags, g.Tags) {
		known = &g
		t.groups[at][g.GroupID] = known
	}
	return known
}

// shared keeps one copy of each text.
func (t *Timeline) shared(trigger events.Trigger) *events.Trigger {
	for _, text := range []*string{&trigger.EventName, &trigger.Principal, &trigger.SourceIP, &trigger.UserAgent} {
		*text = t.word(*text)
	}
	return &trigger
}

func (t *Timeline) word(text string) string {
	if known, ok := t.words[text]; ok {
		return known
	}
	text = strings.Clone(text)
	t.words[text] = text
	return text
}

// Findings lists what the policy would have done, by time, group and rule.
func (t *Timeline) Findings() []*Finding {
	partial := map[healing.Place][]string{}
	for _, at := range t.State.Places() {
		partial[at] = t.State.Partial(at)
	}
	for _, f := range t.findings {
		_, f.Partial = slices.BinarySearch(partial[healing.Place{Account: f.Group.Account, Region: f.Group.Region}], f.Group.GroupID)
	}
	slices.SortFunc(t.findings, compare)
	return t.findings
}

func compare(a, b *Finding) int {
	when := 0
	if a.Trigger != nil && b.Trigger != nil {
		when = a.Trigger.Time.Compare(b.Trigger.Time)
	}
	return cmp.Or(when, cmp.Compare(a.Group.Account, b.Group.Account), cmp.Compare(a.Group.Region, b.Group.Region),
		cmp.Compare(a.Group.GroupID, b.Group.GroupID), cmp.Compare(a.Rule.Rule.RuleID, b.Rule.Rule.RuleID))
}

// Live lists what the policy would do to the live groups of a place, by group and
// rule, and what could not be read. A rule of a prefix list whose entries cannot
// be read is among the findings, as the policy says.
func Live(ctx context.Context, groups healing.Groups, policy healing.Policy, at healing.Place, now time.Time,
	exceptions func(ctx context.Context, group string) ([]healing.Exception, error)) (found []*Finding, unread []string, err error) {
	verdicts, unread, err := Judge(ctx, groups, policy, at, now, exceptions, nil)
	for _, v := range verdicts {
		group := v.Group
		var own []*Finding
		for _, removal := range v.Plan.Remove {
			own = append(own, &Finding{Group: &group, Rule: removal, Would: v.Would(removal.Rule)})
		}
		for _, unknown := range v.Plan.Unknown { // told of, whatever the mode
			own = append(own, &Finding{Group: &group, Rule: unknown, Would: Report, Unread: true})
		}
		slices.SortFunc(own, compare)
		found = append(found, own...)
	}
	return found, unread, err
}
