package healing_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestUndo(t *testing.T) {
	w := newWorld()
	bad := rule("", "tcp/20-25", "0.0.0.0/0")
	bad.GroupID, bad.Description, bad.Tags = group, "for the vendor", map[string]string{"owner": "net"}
	bad = w.groups.AddRule(hub, bad)
	result := w.mustHandle(t, sample(t, "range-20-25"))
	id := result.Actions[0].HealID

	undone, err := w.Undo(context.Background(), id, "dana")
	if err != nil {
		t.Fatal(err)
	}
	live := w.groups.Live(hub)
	if len(live) != 1 || live[0].RuleID == bad.RuleID {
		t.Fatalf("live %+v, want the rule under a new id", live)
	}
	want := bad
	want.RuleID = live[0].RuleID
	if !reflect.DeepEqual(live[0], want) || !reflect.DeepEqual(undone.Restored, live) {
		t.Errorf("restored %+v, want %+v", live[0], want)
	}
	again, err := w.Undo(context.Background(), id, "eve")
	if err != nil || !reflect.DeepEqual(again, undone) || len(w.groups.Live(hub)) != 1 {
		t.Errorf("undone again: %+v, %v", again, err)
	}
	if facts := w.bus.distinct(t); len(facts) != 2 {
		t.Errorf("%d facts, want healed and undone", len(facts))
	}

	// The healer leaves it alone until the exception expires.
	if _, err := w.Sweep(context.Background(), "1", []healing.Place{hub}); err != nil || len(w.live()) != 1 {
		t.Errorf("swept too early: %v, live %q", err, w.live())
	}
	w.now = undone.Until
	if _, err := w.Sweep(context.Background(), "2", []healing.Place{hub}); err != nil || len(w.live()) != 0 {
		t.Errorf("not swept after the exception: %v, live %q", err, w.live())
	}
}

func TestUndoRefuses(t *testing.T) {
	w := newWorld()
	for name, call := range map[string][2]string{"unknown heal": {"heal-0", "dana"}, "no heal": {"", "dana"}, "nobody asks": {"heal-0", ""}} {
		if _, err := w.Undo(context.Background(), call[0], call[1]); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
