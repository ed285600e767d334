package healing_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// change is another actor's ModifySecurityGroupRules.
func (w *world) change(t *testing.T, r events.SecurityGroupRule, cidr string) events.SecurityGroupRule {
	t.Helper()
	r.CIDRv4 = cidr
	if !w.groups.ChangeRule(hub, r) {
		t.Fatalf("%s cannot be changed to %s", r.RuleID, cidr)
	}
	return r
}

func (w *world) mustSweep(t *testing.T, id string) healing.Result {
	t.Helper()
	result, err := w.Sweep(context.Background(), id, []healing.Place{hub})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// A quarantined rule keeps its id, description and tags, admits one address of
// nobody, and is left alone from then on. The undo makes it what it was.
func TestQuarantineAndExactUndo(t *testing.T) {
	for _, source := range []string{"0.0.0.0/0", "::/0"} {
		t.Run(source, func(t *testing.T) {
			w := newQuarantine()
			bad := rule("", "tcp/20-25", source)
			bad.GroupID, bad.Description, bad.Tags = group, "for the vendor", map[string]string{"owner": "net"}
			bad = w.groups.AddRule(hub, bad)
			w.open("tcp/443", "0.0.0.0/0")
			before := w.groups.Live(hub)

			result := w.mustHandle(t, sample(t, "range-20-25"))
			live := w.groups.Live(hub)
			if len(live) != 2 || !quarantined(live[0]) {
				t.Fatalf("live %+v", live)
			}
			if now := live[0]; now.RuleID != bad.RuleID || now.Description != bad.Description || !reflect.DeepEqual(now.Tags, bad.Tags) || now.FromPort != 20 {
				t.Errorf("the rule is now %+v, want only another source", now)
			}
			healed, ok := w.bus.facts[0].Data.(events.SecurityGroupHealed)
			if !ok || healed.Removed[0].Quarantine != live[0].CIDRv4+live[0].CIDRv6 || result.Actions[0].Quarantine != healed.Removed[0].Quarantine || !reflect.DeepEqual(healed.Removed[0].Rule, bad) {
				t.Errorf("fact %+v", w.bus.facts[0].Data)
			}
			changes := w.changes()
			if swept := w.mustSweep(t, "1"); len(swept.Actions) != 0 || w.changes() != changes {
				t.Errorf("a sweep over the quarantined rule did %+v", swept.Actions)
			}

			undone, err := w.Undo(context.Background(), healed.HealID, "dana")
			if err != nil {
				t.Fatal(err)
			}
			if got := w.groups.Live(hub); !reflect.DeepEqual(got, before) || !reflect.DeepEqual(undone.Restored, before[:1]) {
				t.Errorf("after the undo %+v, restored %+v, want %+v", got, undone.Restored, before)
			}
			if swept := w.mustSweep(t, "2"); len(swept.Actions) != 0 {
				t.Errorf("a sweep touched the exception: %+v", swept.Actions)
			}
			w.now = undone.Until
			if swept := w.mustSweep(t, "3"); len(swept.Actions) != 1 || swept.Actions[0].HealID == healed.HealID || len(w.live()) != 1 {
				t.Errorf("after the exception %+v, live %q, want another heal", swept.Actions, w.live())
			}
		})
	}
}

// A quarantined rule that is opened again is healed again, under another id,
// with the same number of calls; each heal is told once and can be undone.
func TestReopenedQuarantine(t *testing.T) {
	w := newQuarantine()
	bad := w.open("tcp/22", "0.0.0.0/0")
	ids := map[string]bool{}
	for i := range 9 {
		calls := w.calls()
		result, err := w.HandleFirst(context.Background(), call(t, i))
		if err != nil || len(result.Actions) != 1 || len(w.live()) != 0 || w.calls()-calls != 4 {
			t.Fatalf("opening %d: %+v, %v, live %q, %d calls", i, result, err, w.live(), w.calls()-calls)
		}
		ids[result.Actions[0].HealID] = true
		w.now = w.now.Add(time.Minute)
		w.change(t, bad, "0.0.0.0/0")
	}
	if len(ids) != 9 || len(w.state.Heals()) != 9 || len(w.bus.distinct(t)) != 9 {
		t.Errorf("%d ids, %d heals, %d facts, want 9 of each", len(ids), len(w.state.Heals()), len(w.bus.distinct(t)))
	}
}

// A delivery that read the rule as open before another one closed it reads
// again, and does not take it for one that was opened again.
func TestStaleReadIsNotAReopening(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.open("tcp/22", "0.0.0.0/0")
		raced := false
		w.groups.Before = func(method string) {
			if method == "Group" && !raced {
				raced = true
				w.mustHandle(t, sample(t, "flat-form")) // overtakes, and finishes
			}
		}
		w.mustHandle(t, sample(t, "nested-ipv4"))
		if heals, facts := w.state.Heals(), w.bus.distinct(t); len(heals) != 1 || len(facts) != 1 || w.changes() != 1 {
			t.Errorf("%d heals, %d facts, %d changes, want one of each", len(heals), len(facts), w.changes())
		}
	})
}

// What EC2 cannot narrow is revoked, in the same heal if need be, and said so.
func TestPrefixListIsRevoked(t *testing.T) {
	w := newQuarantine()
	w.groups.SetPrefixList(hub, "pl-1", "0.0.0.0/0")
	listed, plain := w.open("tcp/22", "pl-1"), w.open("tcp/3389", "0.0.0.0/0")
	result := w.mustHandle(t, sample(t, "nested-ipv4"))
	live := w.groups.Live(hub)
	if len(live) != 1 || live[0].RuleID != plain.RuleID || !quarantined(live[0]) || w.groups.Calls("Revoke") != 1 || w.groups.Calls("Modify") != 1 {
		t.Fatalf("live %+v", live)
	}
	for _, a := range result.Actions {
		if (a.Rules[0] == listed.RuleID) != (a.Quarantine == "") {
			t.Errorf("action %+v", a)
		}
		if _, err := w.Undo(context.Background(), a.HealID, "dana"); err != nil {
			t.Error(err)
		}
	}
	if got := w.live(); !reflect.DeepEqual(got, []string{"tcp/22/pl-1", "tcp/3389/0.0.0.0/0"}) {
		t.Errorf("after the undo live %q", got)
	}
}

// An EC2 that answers success and changes nothing, or refuses, is no reason to
// leave the group open.
func TestModifyWithoutEffect(t *testing.T) {
	for name, refusal := range map[string]error{"success": nil, "refused": fault.Invalid("InvalidParameterValue: Invalid rule type")} {
		t.Run(name, func(t *testing.T) {
			w := newQuarantine()
			bad := w.open("tcp/22", "::/0")
			w.Changes = lazy{w.groups, refusal}
			w.mustHandle(t, sample(t, "nested-ipv6"))
			if len(w.groups.Live(hub)) != 0 || len(w.state.Heals()) != 1 || w.state.Heals()[0].Removed[0].Quarantine != "" {
				t.Fatalf("live %+v, heals %+v, want the rule revoked and said so", w.groups.Live(hub), w.state.Heals())
			}
			if undone, err := w.Undo(context.Background(), w.state.Heals()[0].ID, "dana"); err != nil || undone.Restored[0].RuleID == bad.RuleID {
				t.Errorf("undo %+v, %v, want a new id", undone, err)
			}
		})
	}
}

// lazy does not modify.
type lazy struct {
	healing.Changes
	answer error
}

func (l lazy) Modify(context.Context, healing.Place, string, []events.SecurityGroupRule) error {
	return l.answer
}

// The address was free when the plan was made, and is taken when it is used.
func TestAddressTakenMeanwhile(t *testing.T) {
	w := newQuarantine()
	w.open("tcp/22", "0.0.0.0/0")
	w.groups.Before = func(method string) {
		if method == "Modify" && w.groups.Calls("Modify") == 0 && len(w.groups.Live(hub)) == 1 {
			w.open("tcp/22", w.state.Heals()[0].Removed[0].Quarantine)
		}
	}
	w.mustHandle(t, sample(t, "nested-ipv4"))
	if live := w.groups.Live(hub); len(live) != 2 || live[0].CIDRv4 == live[1].CIDRv4 || len(w.live()) != 0 || len(w.bus.distinct(t)) != 1 {
		t.Errorf("live %+v, want two different addresses of the quarantine", live)
	}
}

// An undo does not overwrite what somebody else did meanwhile.
func TestUndoOfWhatWasChanged(t *testing.T) {
	tests := map[string]struct {
		meanwhile func(t *testing.T, w *world, r events.SecurityGroupRule)
		want      string // "" is success
	}{
		"another source":  {func(t *testing.T, w *world, r events.SecurityGroupRule) { w.change(t, r, "203.0.113.7/32") }, "admits tcp/22/203.0.113.7/32"},
		"deleted":         {func(_ *testing.T, w *world, r events.SecurityGroupRule) { w.groups.RemoveRule(hub, r.RuleID) }, "was deleted since"},
		"other ports":     {func(t *testing.T, w *world, r events.SecurityGroupRule) { r.ToPort = 80; w.change(t, r, r.CIDRv4) }, "was changed since"},
		"an equal rule":   {func(_ *testing.T, w *world, _ events.SecurityGroupRule) { w.open("tcp/22", "0.0.0.0/0") }, "admits the same"},
		"restored before": {func(t *testing.T, w *world, r events.SecurityGroupRule) { w.change(t, r, "0.0.0.0/0") }, ""},
		"description": {func(t *testing.T, w *world, r events.SecurityGroupRule) {
			r.Description = "mine"
			w.change(t, r, r.CIDRv4)
		}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newQuarantine()
			w.open("tcp/22", "0.0.0.0/0")
			id := w.mustHandle(t, sample(t, "nested-ipv4")).Actions[0].HealID
			tt.meanwhile(t, w, w.groups.Live(hub)[0])
			before, modified := w.groups.Live(hub), w.groups.Calls("Modify")
			_, err := w.Undo(context.Background(), id, "dana")
			live := w.groups.Live(hub)
			if tt.want == "" {
				if err != nil || live[0].CIDRv4 != "0.0.0.0/0" || live[0].Description != before[0].Description {
					t.Errorf("error %v, live %+v", err, live)
				}
				return
			}
			if !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), tt.want) || !reflect.DeepEqual(live, before) || w.groups.Calls("Modify") != modified {
				t.Errorf("error %v, live %+v, want a conflict and nothing changed", err, live)
			}
			if exceptions, err := w.state.Exceptions(context.Background(), group); err != nil || len(exceptions) != 0 {
				t.Errorf("exceptions %+v, %v, want none", exceptions, err)
			}
		})
	}
}

// A delivery that is about to close what another one closed, and a person
// undid in that moment, gives it back.
func TestUndoneInTheMiddle(t *testing.T) {
	w := newQuarantine()
	w.open("tcp/22", "0.0.0.0/0")
	raced := false
	w.groups.Before = func(method string) {
		if method == "Modify" && !raced {
			raced = true
			id := w.mustHandle(t, sample(t, "flat-form")).Actions[0].HealID
			if _, err := w.Undo(context.Background(), id, "dana"); err != nil {
				t.Error(err)
			}
		}
	}
	w.mustHandle(t, sample(t, "nested-ipv4"))
	if got := w.live(); !reflect.DeepEqual(got, []string{"tcp/22/0.0.0.0/0"}) || len(w.state.Heals()) != 1 || len(w.bus.distinct(t)) != 2 {
		t.Errorf("live %q, %d heals, %d facts, want the undo to hold", got, len(w.state.Heals()), len(w.bus.distinct(t)))
	}
}

// A scope decides by the group's tags, which are read only when a rule may be
// too open.
func TestScopeByTag(t *testing.T) {
	w := newQuarantine()
	w.policy.Mode = healing.Observe
	w.policy.Scopes = []healing.Scope{
		{Name: "production", Tags: map[string][]string{"stage": {"prod"}}, Mode: healing.Enforce, Remediation: healing.Revoke},
		{Name: "sandboxes", Tags: map[string][]string{"stage": {"sandbox"}}, Mode: healing.Enforce},
	}
	for id, stage := range map[string]string{"sg-prod": "prod", "sg-sandbox": "sandbox", "sg-dev": "dev"} {
		w.groups.SetGroup(hub, events.SecurityGroup{GroupID: id, GroupName: id, VPCID: "vpc-1", Tags: map[string]string{"stage": stage}})
		r := rule("", "tcp/22", "0.0.0.0/0")
		r.GroupID = id
		w.groups.AddRule(hub, r)
	}
	actions := map[string]string{}
	for _, a := range w.mustSweep(t, "1").Actions {
		actions[a.Group] = a.Action + " " + a.Quarantine
	}
	if actions["sg-prod"] != "healed " || !strings.HasPrefix(actions["sg-sandbox"], "healed 192.0.2.") || actions["sg-dev"] != "exposed " {
		t.Errorf("actions %q", actions)
	}
	for _, f := range w.bus.distinct(t) {
		if data, ok := f.Data.(events.SecurityGroupHealed); ok && data.Tags["stage"] == "" {
			t.Errorf("the fact has no tags: %+v", data)
		}
	}
}
