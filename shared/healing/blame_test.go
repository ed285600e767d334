package healing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// opening is the sample as the event of the call that made the rule.
func opening(t testing.TB, name string, rule events.SecurityGroupRule) []byte {
	t.Helper()
	return ruleIDs.ReplaceAll(sample(t, name), []byte(rule.RuleID))
}

// made is the record of a call that made or changed rules, at a second of the
// minute in which the samples were made.
func made(t testing.TB, id, by string, second int, rules ...events.SecurityGroupRule) []byte {
	t.Helper()
	items := []any{}
	for _, r := range rules {
		items = append(items, m{"groupId": group, "securityGroupRuleId": r.RuleID})
	}
	return record(t, m{"eventID": id, "awsRegion": hub.Region, "userIdentity": m{"arn": by}, "userAgent": "agent of " + by,
		"eventTime":         time.Date(2026, 11, 2, 9, 14, second, 0, time.UTC).Format(time.RFC3339),
		"requestParameters": m{"groupId": group}, "responseElements": m{"securityGroupRuleSet": m{"items": items}}})
}

// triggers are what the facts say of each rule, by rule id.
func (w *world) triggers(t *testing.T) map[string]events.Trigger {
	t.Helper()
	found := map[string]events.Trigger{}
	for _, f := range w.bus.distinct(t) {
		switch data := f.Data.(type) {
		case events.SecurityGroupHealed:
			found[data.Removed[0].Rule.RuleID] = data.Trigger
			if (data.Exposure == 0) != data.Trigger.Time.IsZero() {
				t.Errorf("exposure %s, opened at %s", data.Exposure, data.Trigger.Time)
			}
		case events.SecurityGroupExposed:
			found[data.Exposed[0].Rule.RuleID] = data.Trigger
		}
	}
	return found
}

// known are the calls of a ledger, by rule id.
type known map[string]events.Trigger

func (k known) Opener(_ context.Context, _ healing.Place, rule events.SecurityGroupRule, before time.Time) (events.Trigger, bool, error) {
	by, ok := k[rule.RuleID]
	if by.EventID == "broken" {
		return by, true, errors.New("access denied")
	}
	return by, ok && !by.Time.After(before), nil
}

// Nobody is named for a rule that the event only led to. Who opened it, and
// when, the ledger may know.
func TestBlame(t *testing.T) {
	yesterday := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, mode := range []healing.Mode{healing.Enforce, healing.Observe} {
		t.Run(string(mode), func(t *testing.T) {
			w := newQuarantine()
			w.policy.Mode = mode
			old, older, broken, named := w.open("tcp/22", "0.0.0.0/0"), w.open("tcp/3389", "0.0.0.0/0"), w.open("tcp/23", "0.0.0.0/0"), w.open("tcp/22", "::/0")
			w.Openers = known{
				old.RuleID:    {EventID: "e-0", EventName: "AuthorizeSecurityGroupIngress", Principal: "bob", SourceIP: "192.0.2.1", UserAgent: "console", Time: yesterday},
				broken.RuleID: {EventID: "broken", Principal: "bob", Time: yesterday},
				named.RuleID:  {EventID: "e-1", Principal: "bob", Time: yesterday},
			}
			result := w.mustHandle(t, made(t, "e-2", "alice", 7, named))
			got := w.triggers(t)
			want := map[string]events.Trigger{
				old.RuleID: {EventID: "e-2", EventName: "AuthorizeSecurityGroupIngress", Found: events.FoundByOtherEvent, Principal: "bob", SourceIP: "192.0.2.1", UserAgent: "console", Time: yesterday,
					OpenedBy: "AuthorizeSecurityGroupIngress", OpenedByID: "e-0"},
				older.RuleID:  {EventID: "e-2", EventName: "AuthorizeSecurityGroupIngress", Found: events.FoundByOtherEvent},
				broken.RuleID: {EventID: "e-2", EventName: "AuthorizeSecurityGroupIngress", Found: events.FoundByOtherEvent},
				named.RuleID: {EventID: "e-2", EventName: "AuthorizeSecurityGroupIngress", Found: events.FoundByEvent, Principal: "alice", UserAgent: "agent of alice",
					Time: time.Date(2026, 11, 2, 9, 14, 7, 0, time.UTC)},
			}
			for id, trigger := range want {
				if got[id] != trigger {
					t.Errorf("%s:\n%+v, want\n%+v", id, got[id], trigger)
				}
			}
			if len(got) != len(want) || len(result.Unread) != 1 {
				t.Errorf("%d rules, unread %q", len(got), result.Unread)
			}
		})
	}
}

// A sweep names nobody by itself.
func TestBlameOfASweep(t *testing.T) {
	w := newQuarantine()
	first := w.open("tcp/22", "0.0.0.0/0")
	w.mustSweep(t, "1")
	w.Openers = known{"sgr-00000000000000002": {EventID: "e-0", EventName: "ModifySecurityGroupRules", Principal: "bob", Time: w.now.Add(-time.Hour)}}
	second := w.open("tcp/3389", "0.0.0.0/0")
	w.mustSweep(t, "2")
	got := w.triggers(t)
	if by := got[first.RuleID]; by != (events.Trigger{EventID: "sweep-1", EventName: "Sweep", Found: events.FoundBySweep}) {
		t.Errorf("first: %+v", by)
	}
	if by := got[second.RuleID]; by.Principal != "bob" || by.Found != events.FoundBySweep || by.OpenedByID != "e-0" || by.EventID != "sweep-2" {
		t.Errorf("second: %+v", by)
	}
	for _, h := range w.state.Heals() {
		if exposure := h.Closed.Sub(h.Trigger.Time); h.Trigger.OpenedByID != "" && (exposure < time.Hour || exposure > time.Hour+time.Second) {
			t.Errorf("open for %s, want an hour", exposure)
		}
	}
}

// An edit of a prefix list opens the rules that admit it, if it adds entries.
func TestBlameOfAPrefixList(t *testing.T) {
	const list = "pl-0e0e0e0e0e0e0e001"
	for parameter, found := range map[string]string{"AddEntry": events.FoundByEvent, "RemoveEntry": events.FoundByOtherEvent, "PrefixListName": events.FoundByOtherEvent} {
		w := newQuarantine()
		w.groups.SetPrefixList(hub, list, "0.0.0.0/0")
		listed, other := w.open("tcp/22", list), w.open("tcp/3389", "0.0.0.0/0")
		w.mustHandle(t, record(t, m{"eventName": "ModifyManagedPrefixList", "awsRegion": hub.Region, "userIdentity": m{"arn": "alice"},
			"requestParameters": m{"ModifyManagedPrefixListRequest": m{"PrefixListId": list, parameter: m{"Cidr": "0.0.0.0/0"}}}}))
		got := w.triggers(t)
		if by := got[listed.RuleID]; by.Found != found || (by.Principal == "alice") != (found == events.FoundByEvent) {
			t.Errorf("%s: %+v", parameter, by)
		}
		if by := got[other.RuleID]; by.Found != events.FoundByOtherEvent || by.Principal != "" {
			t.Errorf("%s, the other rule: %+v", parameter, by)
		}
	}
}

// Of records that came together, each says what its own call opened.
func TestBlameOfABatch(t *testing.T) {
	w := newQuarantine()
	a, b := w.open("tcp/22", "0.0.0.0/0"), w.open("tcp/3389", "0.0.0.0/0")
	later := parsed(t, made(t, "e-3", "carol", 9, b))
	if _, err := w.HandleFirst(context.Background(), made(t, "e-1", "alice", 7, a), later, parsed(t, made(t, "e-2", "bob", 8, b))); err != nil {
		t.Fatal(err)
	}
	got := w.triggers(t)
	if got[a.RuleID].Principal != "alice" || got[b.RuleID].Principal != "carol" || got[b.RuleID].EventID != "e-3" {
		t.Errorf("%+v", got)
	}
}

// In observe mode a rule is told of once, and again when a later call opened it
// again: it may have been narrow in between.
func TestObserveTellsOfEachOpening(t *testing.T) {
	w := newQuarantine()
	w.policy.Mode = healing.Observe
	r := w.open("tcp/22", "0.0.0.0/0")
	w.mustHandle(t, made(t, "e-1", "alice", 7, r)) // seen at 30 s and some
	told := func(n int, when string) {
		t.Helper()
		ids := []string{}
		for _, f := range w.bus.distinct(t) {
			if data, ok := f.Data.(events.SecurityGroupExposed); ok {
				ids = append(ids, data.HealID+" "+data.Trigger.Principal)
			}
		}
		if len(ids) != n {
			t.Errorf("%s: told %q, want %d", when, ids, n)
		}
	}
	told(1, "first")
	w.mustHandle(t, made(t, "e-0", "zoe", 5, r))
	told(1, "an older event")
	w.mustSweep(t, "1")
	told(1, "a sweep")
	for i := range 3 {
		second := 40 + 5*i
		w.now = time.Date(2026, 11, 2, 9, 14, second+1, 0, time.UTC)
		event := made(t, fmt.Sprintf("again-%d", i), "bob", second, r)
		w.mustHandle(t, event)
		w.mustHandle(t, event)
		w.mustSweep(t, fmt.Sprintf("again-%d", i))
		told(2+i, "opened again")
	}
}

// progress says how far prefix lists are.
type progress struct {
	version int64
	state   string
	gone    bool
	asked   int
}

func (l *progress) Version(context.Context, healing.Place, string) (int64, string, bool, error) {
	l.asked++
	return l.version, l.state, !l.gone, nil
}

// The event of an edit may be there before the entries have changed: then it
// comes again.
func TestEventBeforeThePrefixListChanged(t *testing.T) {
	const list = "pl-0e0e0e0e0e0e0e001"
	event := sample(t, "prefix-list-edited") // adds an entry to version 3
	for name, tt := range map[string]struct {
		live  progress
		again bool
	}{
		"not begun":       {progress{version: 3, state: "modify-complete"}, true},
		"under way":       {progress{version: 3, state: "modify-in-progress"}, true},
		"done":            {progress{version: 4, state: "modify-complete"}, false},
		"overtaken":       {progress{version: 5, state: "modify-in-progress"}, true},
		"failed":          {progress{version: 3, state: "modify-failed"}, false},
		"gone":            {progress{gone: true}, false},
		"of some new way": {progress{version: 4, state: "settled"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newQuarantine()
			w.Versions = &tt.live
			w.groups.SetPrefixList(hub, list, "203.0.113.0/24")
			w.open("tcp/22", list)
			_, err := w.HandleFirst(context.Background(), event)
			if fault.Is(err, fault.TransientError) != tt.again || err != nil && !tt.again || tt.live.asked != 1 {
				t.Fatalf("error %v, asked %d times", err, tt.live.asked)
			}
			w.groups.SetPrefixList(hub, list, "203.0.113.0/24", "0.0.0.0/0")
			tt.live.version, tt.live.state = 4, "modify-complete"
			if w.mustHandle(t, event); len(w.live()) != 0 {
				t.Errorf("live %q", w.live())
			}
		})
	}
	w := newQuarantine()
	asked := &progress{}
	w.Versions = asked
	w.mustHandle(t, made(t, "e-1", "alice", 7))
	if asked.asked != 0 {
		t.Error("the version of a prefix list is asked for an event that is about none")
	}
}
