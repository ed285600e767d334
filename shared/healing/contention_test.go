package healing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// concurrent makes the parts of a world that are not fakes safe for many
// goroutines.
func (w *world) concurrent() {
	var mu sync.Mutex
	w.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		w.now = w.now.Add(time.Millisecond)
		return w.now
	}
	w.Publisher = publisher(func(facts ...events.Fact) error {
		mu.Lock()
		defer mu.Unlock()
		w.bus.facts = append(w.bus.facts, facts...)
		return nil
	})
}

type publisher func(...events.Fact) error

func (p publisher) Publish(_ context.Context, facts ...events.Fact) error { return p(facts...) }

// EventBridge delivers at least once: the same event in many hands at the
// same time is still one heal.
func TestTheSameEventInManyHands(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.concurrent()
		w.open("tcp/22", "0.0.0.0/0")
		w.open("tcp/443", "0.0.0.0/0")
		event := sample(t, "nested-ipv4")
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := w.Handle(context.Background(), event); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := w.live(); !reflect.DeepEqual(got, []string{"tcp/443/0.0.0.0/0"}) {
			t.Errorf("live %q", got)
		}
		if heals, facts := w.state.Heals(), w.bus.distinct(t); len(heals) != 1 || len(facts) != 1 {
			t.Errorf("%d heals, %d facts, want one of each", len(heals), len(facts))
		}
	})
}

// Two events that find the same open rule share the heal.
func TestTwoEventsOneRule(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.open("tcp/22", "0.0.0.0/0")
		raced := false
		w.groups.Before = func(method string) {
			if (method == "Revoke" || method == "Modify") && !raced {
				raced = true
				w.mustHandle(t, sample(t, "flat-form")) // overtakes
			}
		}
		w.mustHandle(t, sample(t, "nested-ipv4"))
		if heals, facts := w.state.Heals(), w.bus.distinct(t); len(heals) != 1 || len(facts) != 1 || len(w.live()) != 0 {
			t.Errorf("%d heals, %d facts, live %q", len(heals), len(facts), w.live())
		}
	})
}

// A burst of 500 events over 20 groups, a third of them delivered twice and
// all in random order, ends with every group safe, every innocent rule in
// place and every open rule in a record.
func TestBurst(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.concurrent()
		w.policy.MaxActions = 500
		r := rand.New(rand.NewPCG(7, 7))
		opened := map[string]bool{}
		var burst [][]byte
		for i := range 500 {
			id := fmt.Sprintf("sg-%02d", i%20)
			add := rule("", "tcp/443", fmt.Sprintf("198.51.%d.%d/32", i/250, i%250))
			if i%3 == 0 {
				add = rule("", fmt.Sprintf("tcp/%d", 20+i%4), []string{"0.0.0.0/0", "::/0", "0.0.0.0/1"}[i%9/3])
			}
			add.GroupID = id
			if add = w.groups.AddRule(hub, add); i%3 == 0 {
				opened[add.RuleID] = true
			}
			event := record(t, m{"eventID": fmt.Sprint(i), "awsRegion": hub.Region, "requestParameters": m{"groupId": id}})
			burst = append(burst, event)
			if r.IntN(3) == 0 {
				burst = append(burst, event)
			}
		}
		r.Shuffle(len(burst), func(i, j int) { burst[i], burst[j] = burst[j], burst[i] })

		queue := make(chan []byte)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for event := range queue {
					if _, err := w.Handle(context.Background(), event); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for _, event := range burst {
			queue <- event
		}
		close(queue)
		wait.Wait()

		live := w.live()
		if len(live) != 500-len(opened) {
			t.Errorf("%d rules are left, want the %d innocent ones", len(live), 500-len(opened))
		}
		for _, l := range w.groups.Live(hub) {
			if opened[l.RuleID] && !quarantined(l) {
				t.Errorf("still open: %+v", l)
			}
		}
		recorded := map[string]int{}
		for _, f := range w.bus.distinct(t) {
			if healed, ok := f.Data.(events.SecurityGroupHealed); ok {
				for _, removed := range healed.Removed {
					recorded[removed.Rule.RuleID]++
				}
			}
		}
		for id, n := range recorded {
			if n != 1 || !opened[id] {
				t.Errorf("%s was told of %d times", id, n)
			}
		}
		if len(recorded) != len(opened) || len(w.state.Heals()) != len(opened) {
			t.Errorf("%d rules told of in %d heals, want %d of each", len(recorded), len(w.state.Heals()), len(opened))
		}
	})
}

func TestRulesThatComeAndGo(t *testing.T) {
	t.Run("closed by somebody else before the revoke", func(t *testing.T) {
		w := newWorld()
		bad := w.open("tcp/22", "0.0.0.0/0")
		w.groups.Before = func(method string) {
			if method == "Revoke" {
				w.groups.RemoveRule(hub, bad.RuleID)
			}
		}
		w.mustHandle(t, sample(t, "nested-ipv4"))
		if len(w.live()) != 0 {
			t.Errorf("live %q", w.live())
		}
	})
	t.Run("another opens between plan and read back", func(t *testing.T) {
		w := newWorld()
		w.open("tcp/22", "0.0.0.0/0")
		opened := false
		w.groups.Before = func(method string) {
			if method == "Revoke" && !opened {
				opened = true
				w.open("tcp/3389", "0.0.0.0/0")
			}
		}
		w.mustHandle(t, sample(t, "nested-ipv4"))
		if len(w.live()) != 0 || len(w.state.Heals()) != 2 {
			t.Errorf("live %q, %d heals, want each with its own record", w.live(), len(w.state.Heals()))
		}
	})
	t.Run("the group is deleted", func(t *testing.T) {
		w := newWorld()
		w.open("tcp/22", "0.0.0.0/0")
		w.groups.Before = func(method string) {
			if method == "Group" {
				w.groups.DeleteGroup(hub, group)
			}
		}
		if result := w.mustHandle(t, sample(t, "nested-ipv4")); len(result.Actions) != 0 {
			t.Errorf("actions %+v", result.Actions)
		}
	})
	t.Run("the revoke has no effect", func(t *testing.T) {
		w := newWorld()
		bad := w.open("tcp/22", "0.0.0.0/0")
		w.groups.Before = func(method string) { // an endless re-opener
			if method == "Revoke" {
				w.groups.RemoveRule(hub, bad.RuleID)
				bad = w.open("tcp/22", "0.0.0.0/0")
			}
		}
		if _, err := w.Handle(context.Background(), sample(t, "nested-ipv4")); !fault.Is(err, fault.TransientError) {
			t.Errorf("error %v, want a TransientError", err)
		}
	})
}

// Whatever call fails, the repeated event ends with the rule closed, the
// innocent one kept, one heal and one fact.
func TestInterruptedAnywhere(t *testing.T) {
	for name, make := range map[string]func() *world{"revoke": newWorld, "quarantine": newQuarantine} {
		t.Run(name, func(t *testing.T) {
			for n := 1; interrupted(t, make(), n); n++ {
				if n > 100 {
					t.Fatal("there is no end to the calls")
				}
			}
		})
	}
}

// interrupted fails the nth call and repeats the event; false when there is no
// nth call.
func interrupted(t *testing.T, w *world, n int) bool {
	t.Helper()
	w.open("tcp/22", "0.0.0.0/0")
	w.open("tcp/443", "0.0.0.0/0")
	count, failed := 0, ""
	fail := func(method string) error {
		if count++; count == n {
			failed = method
			return fault.Transient("%s is not available", method)
		}
		return nil
	}
	w.groups.Fail, w.state.Fail, w.bus.fail = fail, fail, func() error { return fail("Publish") }
	_, err := w.HandleFirst(context.Background(), sample(t, "nested-ipv4"))
	if failed == "" {
		if n < 10 {
			t.Fatalf("only %d calls: the test does not reach them", n)
		}
		return false // every call has had its turn
	}
	if !fault.Is(err, fault.TransientError) {
		t.Fatalf("call %d, %s: error %v, want the TransientError", n, failed, err)
	}
	w.mustHandle(t, sample(t, "nested-ipv4"))
	if got := w.live(); !reflect.DeepEqual(got, []string{"tcp/443/0.0.0.0/0"}) {
		t.Errorf("call %d, %s: live %q", n, failed, got)
	}
	if heals, facts := w.state.Heals(), w.bus.distinct(t); len(heals) != 1 || heals[0].Closed.IsZero() || len(facts) != 1 {
		t.Errorf("call %d, %s: heals %+v, %d facts", n, failed, heals, len(facts))
	}
	return true
}
