package rollout

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// tape gives the choices of a history; when it is over, all are 0.
type tape struct {
	bytes []byte
	at    int
}

func (t *tape) next(n int) int {
	if t.at >= len(t.bytes) {
		return 0
	}
	t.at++
	return int(t.bytes[t.at-1]) % n
}

func (t *tape) over() bool { return t.at >= len(t.bytes) }

// anyPlan is a plan of any shape.
func anyPlan(t *tape) Plan {
	seconds := func(choices ...int) pipeline.Duration {
		return pipeline.Duration(time.Duration(choices[t.next(len(choices))]) * time.Second)
	}
	r := pipeline.Rollout{PauseTimeout: seconds(600, 10, 86400), Keep: seconds(0, 60, 3600)}
	if t.next(2) == 1 {
		r.Promotion = pipeline.PromotionManual
	}
	if t.next(2) == 1 {
		r.Router.Route53 = &pipeline.Route53Router{TTL: seconds(0, 60, 300)}
	}
	for weight := 0; weight < 100; {
		weight = min(weight+1+t.next(60), 100)
		r.Steps = append(r.Steps, pipeline.RolloutStep{Weight: weight, Bake: seconds(60, 1, 300), Pause: t.next(4) == 1})
	}
	for i := range t.next(4) {
		m := pipeline.Metric{Name: string(rune('a' + i)), Interval: seconds(60, 10, 45), Delay: seconds(0, 30, 400), Count: t.next(4),
			FailureLimit: t.next(3), InconclusiveLimit: t.next(3), ErrorLimit: t.next(4), NoData: []string{pipeline.NoDataPause, pipeline.NoDataAbort}[t.next(2)]}
		r.Analysis.Metrics = append(r.Analysis.Metrics, m)
	}
	live := Side{Name: Blue}
	if t.next(5) == 1 {
		live = Side{}
	}
	return NewPlan(Request{Rollout: r}, live)
}

// history plays a rollout as the service does, with whatever can go wrong: it
// checks each transition.
type history struct {
	*testing.T
	*tape
	plan   Plan
	state  State
	router int // the weight that is really in force; -1 while it is unknown
	began  time.Time
	now    time.Time
	log    []string
}

var outcomes = []string{Successful, Failed, Inconclusive, NoData, Errored}

func (h *history) fail(format string, args ...any) {
	h.Helper()
	for _, line := range h.log {
		h.Log(line)
	}
	h.Fatalf(format+"\nstate %+v\nplan %+v", append(args, h.state, h.plan)...)
}

// turn is one call of the clock. It returns for how long to wait.
func (h *history) turn(mayFail bool, outcome func(metric int) string) time.Duration {
	for range 3 {
		if !h.state.Pending() {
			break
		}
		if mayFail && h.next(4) == 1 {
			return time.Second // the router was not reached, or the call ended before it answered
		}
		h.router = h.state.Target
		if mayFail && h.next(4) == 1 {
			return time.Second // what it has now was not written down
		}
		h.move(Settle(h.plan, h.state, h.now), nil)
	}
	var measured []Measurement
	for i, m := range Due(h.plan, h.state, h.now) {
		measured = append(measured, Measurement{Metric: m.Name, Time: h.now, Outcome: outcome(i)})
	}
	if mayFail && h.next(8) == 1 {
		return time.Second // what was measured is lost
	}
	noted, _ := Note(h.state, measured...)
	h.state = noted
	health := Health{At: h.now, Measured: h.state.Measured, Live: []string{Unknown, Healthy, Unhealthy}[h.next(3)]}
	d := Decide(h.plan, h.state, health)
	if again := Decide(h.plan, h.state, health); !reflect.DeepEqual(d, again) {
		h.fail("two decisions: %+v and %+v", d, again)
	}
	h.check(d, health)
	next := Apply(h.plan, h.state, d, h.now)
	if again := Apply(h.plan, next, d, h.now); !reflect.DeepEqual(again, next) {
		h.fail("%+v twice is %+v", d, again)
	}
	h.move(next, &d)
	return d.Wait
}

// check holds what a decision must never be.
func (h *history) check(d Decision, health Health) {
	s := h.state
	switch d.Action {
	case Advance:
		if s.Phase != Stepping {
			h.fail("advances while %s", s.Phase)
		}
		if d.Weight <= s.Target {
			return // the same again
		}
	case Promote:
		if s.Phase == Promoting {
			return // the same again
		}
	case Abort:
		if d.Weight != s.Stable {
			h.fail("aborts to %d", d.Weight)
		}
		if s.Phase != Aborting && (d.Cause == CauseFailed || d.Cause == CauseNoData) && (h.plan.First || health.Live == Unhealthy) {
			h.fail("gives the traffic back to a side that is no better: %s", d.Why)
		}
		return
	case Hold, Pause:
		if d.Wait < time.Second || d.Wait%time.Second != 0 {
			h.fail("waits %s: %+v", d.Wait, d)
		}
		return
	default:
		if s.Phase != Promoted && !s.Phase.Ended() {
			h.fail("finishes while %s", s.Phase)
		}
		return
	}
	if s.Step < 0 {
		return
	}
	if s.Phase != Stepping || s.Pending() {
		h.fail("%s while %s", d.Action, s.Phase)
	}
	if h.now.Sub(s.Since) < h.plan.MinStep {
		h.fail("a step of %s", h.now.Sub(s.Since))
	}
	if s.Cause == CausePassed {
		return // a person let it pass
	}
	if h.now.Sub(s.Since) < time.Duration(h.plan.Steps[s.Step].Bake) {
		h.fail("a bake of %s", h.now.Sub(s.Since))
	}
	// Counted once more, by what is in the list and nothing else.
	for _, m := range h.plan.Metrics {
		var failed, inconclusive, n int
		last := ""
		for _, x := range health.Measured {
			if x.Metric != m.Name || x.Time.Before(s.Since) {
				continue
			}
			last = x.Outcome
			switch last {
			case Successful:
				n++
			case Failed:
				n, failed = n+1, failed+1
			case Inconclusive:
				n, inconclusive = n+1, inconclusive+1
			}
		}
		if last != Successful || n < m.Count || failed > m.FailureLimit || inconclusive > m.InconclusiveLimit {
			if len(s.Earlier) == 0 || last != Successful {
				h.fail("%s although %s was %s (%d measured, %d failed, %d inconclusive)", d.Action, m.Name, last, n, failed, inconclusive)
			}
		}
	}
}

// move goes to another state; by is the decision, nil for the router.
func (h *history) move(to State, by *Decision) {
	from := h.state
	h.state = to
	action := "settled"
	if by != nil {
		action = string(by.Action) + " (" + by.Why + ")"
	}
	h.log = append(h.log, h.now.Sub(h.began).String()+" "+action+" "+string(from.Phase)+" → "+string(to.Phase)+" weight "+strconv.Itoa(to.Weight)+" target "+strconv.Itoa(to.Target))
	if from.Phase.Ended() && !reflect.DeepEqual(from, to) {
		h.fail("%s is not the end", from.Phase)
	}
	if from.Phase == Aborting && (to.Phase != Aborting && to.Phase != Aborted && to.Phase != SwitchedBack || to.Target != to.Stable) {
		h.fail("an abort became %s, target %d", to.Phase, to.Target)
	}
	if (to.Phase == Aborted || to.Phase == SwitchedBack) && (to.Weight != to.Stable || h.router != to.Stable) {
		h.fail("%s at %d, the router has %d", to.Phase, to.Weight, h.router)
	}
	if (to.Phase == Promoted) && (to.Weight != 100 || h.router != 100) {
		h.fail("promoted at %d, the router has %d", to.Weight, h.router)
	}
	if to.Target < from.Target && to.Phase != Aborting && to.Phase != Paused {
		h.fail("the weight fell from %d to %d without an abort", from.Target, to.Target)
	}
	if by == nil && to.Step > from.Step+1 && from.Phase != Promoting {
		h.fail("a step was left out: %d to %d", from.Step, to.Step)
	}
	if to.Step >= 0 && !to.Pending() && to.Weight != h.plan.Steps[to.Step].Weight {
		h.fail("step %d has %d %%", to.Step, to.Weight)
	}
}

func (h *history) obey(name string) {
	c := Command{Name: name, By: "arn:ada", At: h.now}
	from := h.state
	to, err := Obey(h.plan, from, c)
	if err != nil {
		if !reflect.DeepEqual(from, to) {
			h.fail("%s was refused and changed something: %+v", c.Name, to)
		}
		return
	}
	again, err := Obey(h.plan, to, c)
	if err != nil || !reflect.DeepEqual(again, to) {
		h.fail("%s twice is %+v, %v", c.Name, again, err)
	}
	h.log = append(h.log, "person: "+c.Name)
	if to.Target > from.Target && c.Name != CommandPromote {
		h.fail("%s raises the weight to %d", c.Name, to.Target)
	}
	if c.Name == CommandAbort && from.Phase != Promoted && to.Phase != Aborting && to.Phase != Aborted && to.Phase != SwitchedBack {
		h.fail("an abort did nothing: %s", to.Phase)
	}
	h.move(to, &Decision{Action: Action("obey"), Why: c.Name})
}

// FuzzHistory plays whole rollouts: every metric answers what it likes, calls
// are lost, repeated or late, routers fail, people command at any time. The
// weight never rises on input that is not good, no step is too short, an abort
// ends at the stable weight and nothing wins over it; and when nothing happens
// any more but that time passes, the rollout comes to its end within the time
// that its plan says.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 0, 1, 1, 4, 0, 0, 19, 1, 0, 24, 0, 0, 50, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{2, 2, 1, 0, 59, 2, 1, 59, 0, 1, 3, 1, 1, 1, 2, 1, 1, 1, 1, 0, 0, 0, 2, 2, 2, 1, 1, 0, 0, 1, 7, 3, 1, 2, 2, 1, 0, 4, 3, 2, 1, 0, 1, 2, 3})
	f.Add([]byte("a person promotes while it aborts, and another one resumes what was never paused"))
	f.Fuzz(func(t *testing.T, bytes []byte) { playHistory(t, bytes) })
}

// TestHistories plays as many without being asked; a seed plays the same again.
func TestHistories(t *testing.T) {
	ends := map[Phase]int{}
	for seed := range uint64(1000) {
		choices := rand.New(rand.NewPCG(seed, 5))
		bytes := make([]byte, 50+choices.IntN(1500))
		rare := 1 + choices.IntN(40) // a history in which all fails ends soon: most choices are 0, which is good
		for i := range bytes {
			if i < 40 || choices.IntN(rare) == 0 {
				bytes[i] = byte(choices.IntN(256))
			}
		}
		ends[playHistory(t, bytes)]++
	}
	for _, end := range []Phase{Promoted, Aborted, SwitchedBack} {
		if ends[end] < 10 {
			t.Errorf("%d of 1000 histories end %s: %v", ends[end], end, ends)
		}
	}
}

// playHistory plays one history and returns how it ends.
func playHistory(t *testing.T, bytes []byte) Phase {
	t.Helper()
	h := &history{T: t, tape: &tape{bytes: bytes}, began: start, now: start}
	h.plan = anyPlan(h.tape)
	h.state = Begin(h.plan, start)
	for !h.over() && !h.state.Phase.Ended() {
		wait := h.turn(true, func(int) string { return outcomes[h.next(len(outcomes))] })
		if h.state.Phase == Promoted {
			// Several looks, else the time to switch back is over with the next.
			h.now = h.now.Add(wait / 2)
			if h.next(4) == 3 {
				h.obey(CommandAbort)
			}
			continue
		}
		switch h.next(8) {
		case 0, 1, 2, 3:
			h.now = h.now.Add(wait)
		case 4:
			h.now = h.now.Add(wait / 2) // a call that nobody waited for
		case 5:
			h.now = h.now.Add(wait + time.Duration(h.next(200))*time.Second) // late
		case 6: // at once, again
		case 7:
			h.obey(commands[h.next(len(commands))])
		}
	}
	// From here on nobody answers and no call fails. The metrics go on with one
	// outcome, in turns, or any old how.
	rest := rand.New(rand.NewPCG(uint64(len(bytes)), 1))
	mode := len(bytes) % 8
	settled := h.state.Phase == Promoted
	end := h.began.Add(h.plan.Longest())
	if h.now.After(end) {
		end = h.now
	}
	for turn := 0; ; turn++ {
		wait := h.turn(false, func(metric int) string {
			switch mode {
			case 5:
				return outcomes[(turn+metric)%2*3]
			case 6:
				return outcomes[(turn+metric)%len(outcomes)]
			case 7:
				return outcomes[rest.IntN(len(outcomes))]
			default:
				return outcomes[mode]
			}
		})
		phase := h.state.Phase
		if phase == Promoted && Decide(h.plan, h.state, Health{At: h.now}).Wait == 0 || phase.Ended() {
			return phase
		}
		if phase != Promoted && !settled && h.now.After(end) {
			h.fail("it takes longer than %s", h.plan.Longest())
		}
		if turn > 20000 {
			h.fail("it has no end")
		}
		h.now = h.now.Add(wait)
	}
}
