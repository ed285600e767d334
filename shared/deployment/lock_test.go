package deployment_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

const lease = 15 * time.Minute

func entrant(run, branch string, pushed int) deployment.Entrant {
	return deployment.Entrant{RunID: run, Branch: branch, Pushed: epoch.Add(time.Duration(pushed) * time.Second), Token: "t-" + run}
}

// state names who holds the lock and who waits.
func state(q deployment.Queue) string {
	holder := "-"
	if q.Holder != nil {
		holder = q.Holder.RunID
	}
	text := holder + " <"
	for _, e := range q.Waiting {
		text += " " + e.RunID
	}
	return text
}

func told(answers []deployment.Answer) string {
	text := ""
	for _, a := range answers {
		text += fmt.Sprintf("%s:%s ", a.RunID, a.State)
	}
	return text
}

func TestQueue(t *testing.T) {
	q := deployment.Queue{}
	now := epoch
	steps := []struct {
		name    string
		do      func(deployment.Queue) (deployment.Queue, []deployment.Answer)
		state   string
		answers string
	}{
		{"a free lock is granted at once", join(entrant("a", "main", 1), &now), "a <", "a:held "},
		{"joining again only answers again", join(entrant("a", "main", 1), &now), "a <", "a:held "},
		{"the second waits", join(entrant("b", "main", 2), &now), "a < b", ""},
		{"another branch waits behind it", join(entrant("x", "dev", 3), &now), "a < b x", ""},
		{"a later push supersedes the one that waits", join(entrant("c", "main", 4), &now), "a < c x", "b:superseded "},
		{"an earlier push that arrives late is superseded", join(entrant("b2", "main", 3), &now), "a < c x", "b2:superseded "},
		{"leaving passes the lock on", leave("a", &now), "c < x", "c:held "},
		{"leaving twice changes nothing", leave("a", &now), "c < x", ""},
		{"one that waits may leave", leave("x", &now), "c <", ""},
		{"the holder's lease ended: the next takes over", func(q deployment.Queue) (deployment.Queue, []deployment.Answer) {
			now = now.Add(lease)
			return q.Join(entrant("d", "main", 1000), now, lease)
		}, "d <", "d:held "},
		{"the old holder cannot free it", leave("c", &now), "d <", ""},
	}
	for _, s := range steps {
		var answers []deployment.Answer
		before := state(q)
		next, answers := s.do(q)
		if state(q) != before {
			t.Errorf("%s: the queue was changed in place", s.name)
		}
		if q = next; state(q) != s.state || told(answers) != s.answers {
			t.Errorf("%s: %q, told %q; want %q, %q", s.name, state(q), told(answers), s.state, s.answers)
		}
	}
	if _, held := q.Renew("c", now.Add(time.Hour)); held {
		t.Error("a run that lost the lock renewed it")
	}
	if next, held := q.Renew("d", now.Add(time.Hour)); !held || !next.Holder.Expires.Equal(now.Add(time.Hour)) {
		t.Error("the holder could not renew")
	}
}

func join(e deployment.Entrant, now *time.Time) func(deployment.Queue) (deployment.Queue, []deployment.Answer) {
	return func(q deployment.Queue) (deployment.Queue, []deployment.Answer) { return q.Join(e, *now, lease) }
}

func leave(run string, now *time.Time) func(deployment.Queue) (deployment.Queue, []deployment.Answer) {
	return func(q deployment.Queue) (deployment.Queue, []deployment.Answer) { return q.Leave(run, *now, lease) }
}

// TestQueueInvariants: whatever comes in whatever order, a run is told at most
// that it holds while it is the holder, nobody waits beside a free lock, and
// no run stands in the queue twice.
// TestStandingAside: a run that waits for its stage leaves the lock to others and
// joins again, unless a later push of its branch came, however long ago.
func TestStandingAside(t *testing.T) {
	now := epoch
	aside := func() deployment.Queue {
		q, _ := deployment.Queue{}.Join(entrant("a", "main", 1), now, lease)
		q, _ = q.Join(entrant("x", "dev", 2), now, lease)
		q, answers := q.StepAside(entrant("a", "main", 1), now.Add(40*24*time.Hour), now, lease)
		if state(q) != "x <" || told(answers) != "x:held " {
			t.Fatalf("%s, told %s", state(q), told(answers))
		}
		q, _ = q.Leave("x", now, lease)
		return q
	}
	later := now.Add(40 * 24 * time.Hour)
	if q, answers := aside().Join(entrant("a", "main", 1), later, lease); told(answers) != "a:held " || len(q.Aside) != 0 {
		t.Errorf("told %s, %+v", told(answers), q)
	}
	q, _ := aside().Join(entrant("b", "main", 3), now.Add(time.Hour), lease)
	q, _ = q.Leave("b", now.Add(2*time.Hour), lease)
	q, _ = q.Join(entrant("y", "dev", 4), later.Add(-time.Hour), lease)
	q, _ = q.Leave("y", later, lease)
	if q, answers := q.Join(entrant("a", "main", 1), later, lease); told(answers) != "a:superseded " || q.Holder != nil {
		t.Errorf("told %s, %+v", told(answers), q)
	}
	if q := aside(); len(q.Aside) != 1 {
		t.Errorf("%+v", q)
	} else if q, _ = q.Leave("a", now, lease); len(q.Aside) != 0 {
		t.Errorf("it left, and is still expected: %+v", q)
	}
	// A run that never came back does not keep its branch's push for ever.
	q, _ = aside().Join(entrant("z", "dev", 5), later.Add(26*time.Hour), lease)
	if _, kept := q.Latest["main"]; kept || len(q.Aside) != 0 {
		t.Errorf("%+v", q)
	}
}

func TestQueueInvariants(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		q, now := deployment.Queue{}, epoch
		for range 40 {
			now = now.Add(time.Duration(random.IntN(400)) * time.Second)
			n := random.IntN(6)
			run, branch := fmt.Sprintf("r%d", n), fmt.Sprintf("b%d", n%2)
			var answers []deployment.Answer
			if random.IntN(3) == 0 {
				q, answers = q.Leave(run, now, lease)
			} else {
				q, answers = q.Join(entrant(run, branch, random.IntN(100)), now, lease)
			}
			var names []string
			for _, e := range q.Waiting {
				names = append(names, e.RunID)
			}
			if q.Holder == nil && len(q.Waiting) > 0 {
				t.Fatalf("seed %d: %v wait beside a free lock", seed, names)
			}
			if q.Holder != nil {
				names = append(names, q.Holder.RunID)
			}
			slices.Sort(names)
			if len(slices.Compact(slices.Clone(names))) != len(names) {
				t.Fatalf("seed %d: %v stand twice", seed, names)
			}
			for _, a := range answers {
				if a.State == deployment.LockHeld && (q.Holder == nil || q.Holder.RunID != a.RunID) {
					t.Fatalf("seed %d: %s was told that it holds, but %s", seed, a.RunID, state(q))
				}
			}
		}
	}
}

// TestSecondPushWaits: two pushes at once are never interleaved.
func TestSecondPushWaits(t *testing.T) {
	w := newWorld(t)
	w.source(templates)
	first := w.begin(push("aaaa", 0))
	if _, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionLock, Release: first, Token: "one"}); err != nil {
		t.Fatal(err)
	}
	second := w.begin(push("bbbb", 1))
	answered, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionLock, Release: second, Token: "two"})
	if err != nil || answered.State != "waiting" || len(w.tasks.Answers) != 1 {
		t.Fatalf("the second run: %+v, %v, answers %v", answered, err, w.tasks.Answers)
	}
	third := w.begin(push("cccc", 2))
	if _, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionLock, Release: third, Token: "three"}); err != nil {
		t.Fatal(err)
	}
	if got := w.tasks.Answers[1]; got.Token != "two" || string(got.Output) != `{"state":"superseded","by":"`+third.RunID+`"}` {
		t.Errorf("answer %s to %s", got.Output, got.Token)
	}
	second.Lock = &deployment.LockAnswer{State: deployment.LockSuperseded, By: third.RunID}
	if r := w.finish(second); r.Outcome != events.OutcomeDeferred || r.Reason != "The later push of main in run "+third.RunID+" took over." {
		t.Errorf("the second run ended %s: %s", r.Outcome, r.Reason)
	}
	first.Validation.Valid = true
	w.finish(first)
	if got := w.tasks.Answers[2]; got.Token != "three" || string(got.Output) != `{"state":"held"}` {
		t.Errorf("answer %s to %s", got.Output, got.Token)
	}
}

// TestRunThatLostTheLock: a run whose lease ended must not execute anything.
func TestRunThatLostTheLock(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": changedData})
	w.decide = func(w *world, r deployment.Release) {
		w.clock.Advance(23 * time.Hour)
		decide(true, "")(w, r)
		w.clock.Advance(26 * time.Hour) // the run stands still: far beyond its lease
		other := w.begin(push("cccc", 20))
		if _, err := handle[deployment.Answered](w, deployment.Request{Action: deployment.ActionLock, Release: other, Token: "other"}); err != nil {
			w.t.Fatal(err)
		}
	}
	r := w.run(push("bbbb", 10), stagesOf(t, shop)[1:])
	if r.Outcome != events.OutcomeDeferred || len(w.cloud.Executed) != 4 {
		t.Errorf("ended %s: %s; executed %v", r.Outcome, r.Reason, w.cloud.Executed)
	}
	queue, _, err := w.service.Locks.Read(context.Background(), "acme/shop")
	if err != nil || queue.Holder == nil || queue.Holder.Token != "other" {
		t.Errorf("the lock of the other run was released: %+v, %v", queue, err)
	}
}
