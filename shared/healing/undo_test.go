package healing_test

import (
	"context"
	"reflect"
	"testing"
	"time"

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

// An exception that somebody recorded for longer than an undo lasts is not cut
// short by the undo; one that ends before is replaced.
func TestUndoKeepsALongerException(t *testing.T) {
	for name, tt := range map[string]struct {
		recorded, want time.Duration
		owner          string
	}{
		"longer":  {30 * 24 * time.Hour, 30 * 24 * time.Hour, "net@example.com"},
		"shorter": {time.Hour, 24 * time.Hour, "dana"},
	} {
		w := newWorld()
		bad := rule("", "tcp/20-25", "0.0.0.0/0")
		bad.GroupID = group
		w.groups.AddRule(hub, bad)
		id := w.mustHandle(t, sample(t, "range-20-25")).Actions[0].HealID
		start := w.now
		e := healing.Exception{Group: group, Rule: healing.RuleKey(bad), Owner: "net@example.com", Reason: "course", By: "kim", Expires: start.Add(tt.recorded)}
		if _, err := w.Except(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		undone, err := w.Undo(t.Context(), id, "dana")
		if err != nil || undone.Until.Sub(start).Round(time.Second) != tt.want {
			t.Errorf("%s: opened until %s after, want %s: %v", name, undone.Until.Sub(start), tt.want, err)
		}
		kept, err := w.Policies.Exceptions(t.Context(), group)
		if err != nil || len(kept) != 1 || kept[0].Owner != tt.owner || kept[0].Expires.Sub(start).Round(time.Second) != tt.want {
			t.Errorf("%s: %+v, %v", name, kept, err)
		}
	}
}
