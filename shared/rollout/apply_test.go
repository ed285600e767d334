package rollout

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var phases = []Phase{Stepping, Paused, Promoting, Promoted, Aborting, Aborted, SwitchedBack, Retired}

var commands = []string{CommandPromote, CommandPause, CommandResume, CommandAbort}

// phased is the state of a rollout in a phase, in the middle of its steps
// where it can be.
func phased(p Plan, ph Phase) State {
	s := p.at(1, func(s *State) { s.Phase, s.Why, s.Cause, s.Paused = ph, "because", CauseGate, start })
	s.Measured = seen("a", "s")
	switch ph {
	case Promoting:
		s.Target = 100
	case Promoted, Retired:
		s.Step, s.Weight, s.Target = 2, 100, 100
	case Aborting:
		s.Target, s.Cause = 0, CauseFailed
	case Aborted, SwitchedBack:
		s.Step, s.Weight, s.Target, s.Cause = -1, 0, 0, CauseFailed
	}
	return s
}

// TestObey is every phase and every command.
func TestObey(t *testing.T) {
	// The phase afterwards; "=" when nothing changes, "!" when it is refused.
	table := map[Phase]string{
		//            promote       pause    resume     abort
		Stepping:     "promoting    paused   =          aborting",
		Paused:       "promoting    =        stepping   aborting",
		Promoting:    "=            !        =          aborting",
		Promoted:     "=            !        !          aborting",
		Aborting:     "!            !        !          =",
		Aborted:      "!            !        !          =",
		SwitchedBack: "!            !        !          =",
		Retired:      "=            !        !          !",
	}
	p := canary(metric("a"))
	for _, ph := range phases {
		for i, want := range strings.Fields(table[ph]) {
			s := phased(p, ph)
			c := Command{Name: commands[i], By: "arn:ada", Reason: "it is time", At: minutes(3)}
			got, err := Obey(p, s, c)
			switch {
			case want == "!":
				if !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), ":") {
					t.Errorf("%s, %s: %v", ph, c.Name, err)
				}
				fallthrough
			case want == "=":
				if !reflect.DeepEqual(got, s) || want == "=" && err != nil {
					t.Errorf("%s, %s: %+v, %v", ph, c.Name, got, err)
				}
				continue
			case err != nil || string(got.Phase) != want:
				t.Errorf("%s, %s: %s, %v; want %s", ph, c.Name, got.Phase, err, want)
			}
			if again, err := Obey(p, got, c); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("%s, %s again: %+v, %v", ph, c.Name, again, err)
			}
			if c.Name != CommandResume && !strings.HasSuffix(got.Why, "by arn:ada: it is time") {
				t.Errorf("%s, %s: why %q", ph, c.Name, got.Why)
			}
			switch got.Phase {
			case Promoting:
				if got.Target != 100 || got.Weight != 25 || !got.Pending() || got.Measured != nil {
					t.Errorf("%s, %s: %+v", ph, c.Name, got)
				}
			case Aborting:
				if got.Target != 0 || !got.Pending() {
					t.Errorf("%s, %s: %+v", ph, c.Name, got)
				}
				end := Settle(p, got, minutes(4))
				if want := map[bool]Phase{true: SwitchedBack, false: Aborted}[ph == Promoted]; end.Phase != want || end.Weight != 0 || end.Step != -1 || end.Pending() {
					t.Errorf("%s, %s ends as %+v", ph, c.Name, end)
				}
			}
		}
	}
	if _, err := Obey(p, p.at(0), Command{Name: "retry"}); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "promote, pause, resume or abort") {
		t.Error(err)
	}
}

// TestResume is by cause: what a person judged is passed, all else is watched
// anew.
func TestResume(t *testing.T) {
	p := canary(metric("a"))
	p.Steps[0].Pause = true
	bad := seen("a", "i")
	for cause, want := range map[Cause]string{
		CauseGate:         "pause inconclusive", // its metrics are looked at once more
		CauseInconclusive: "advance ",
		CausePerson:       "hold ",
		CauseNoData:       "hold ",
		CauseFailed:       "hold ",
		CauseForeign:      "hold ",
	} {
		s := p.at(0, func(s *State) { s.Phase, s.Cause, s.Paused, s.Measured = Paused, cause, minutes(6), bad })
		s, err := Obey(p, s, Command{Name: CommandResume, At: minutes(8)})
		if err != nil || s.Phase != Stepping || !s.Paused.IsZero() || s.Target != 5 {
			t.Fatalf("%s: %+v, %v", cause, s, err)
		}
		d := Decide(p, s, Health{At: minutes(8), Measured: s.Measured})
		if got := string(d.Action) + " " + string(d.Cause); got != want {
			t.Errorf("%s: %q (%s), want %q", cause, got, d.Why, want)
		}
		if d.Action == Hold && (s.Since != minutes(8) || s.Measured != nil || s.Approved != 0) {
			t.Errorf("%s: not watched anew: %+v", cause, s)
		}
	}
}

func TestSwitchBack(t *testing.T) {
	p := canary()
	s := phased(p, Promoted)
	got, err := SwitchBack(p, s, "health of the stage failed", minutes(29))
	if err != nil || got.Phase != Aborting || got.Cause != CauseSwitchBack || got.Why != "health of the stage failed" {
		t.Fatalf("%+v, %v", got, err)
	}
	if again, err := SwitchBack(p, got, "x", minutes(99)); err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("again: %+v, %v", again, err)
	}
	end := Settle(p, got, minutes(29))
	if again, err := SwitchBack(p, end, "x", minutes(99)); err != nil || !reflect.DeepEqual(again, end) || end.Phase != SwitchedBack {
		t.Errorf("again: %+v, %v", again, err)
	}
	first := p
	first.First = true
	for name, tt := range map[string]struct {
		plan  Plan
		state State
		at    float64
		want  string
	}{
		"too late":     {p, s, 30, "kept until 2026-11-28T12:30:00Z"},
		"no old side":  {first, s, 1, "there is no other side"},
		"not promoted": {p, phased(p, Stepping), 1, "only a promoted one"},
		"aborting":     {p, phased(p, Aborting), 1, "only a promoted one"},
		"retired":      {p, Retire(s), 1, "only a promoted one"},
	} {
		got, err := SwitchBack(tt.plan, tt.state, "x", minutes(tt.at))
		if !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), tt.want) || !reflect.DeepEqual(got, tt.state) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestLateDecisions: a decision of another phase changes nothing, and one that
// comes twice no more than once.
func TestLateDecisions(t *testing.T) {
	p := canary(metric("a"))
	actions := map[Action]string{ // where it changes something
		Advance: "stepping", Hold: "", Pause: "stepping promoting", Promote: "", Abort: "stepping paused promoting", Finish: "",
	}
	for action, where := range actions {
		for _, ph := range phases {
			s := phased(p, ph)
			d := Decision{Action: action, Weight: map[Action]int{Advance: 100, Abort: 0}[action], Why: "now", Cause: CauseNoData}
			got := Apply(p, s, d, minutes(2))
			if changed := !reflect.DeepEqual(got, s); changed != strings.Contains(where+" ", string(ph)+" ") {
				t.Errorf("%s in %s: %+v", action, ph, got)
			}
			if again := Apply(p, got, d, minutes(9)); !reflect.DeepEqual(again, got) {
				t.Errorf("%s in %s again: %+v", action, ph, again)
			}
			if settled := Settle(p, got, minutes(3)); !reflect.DeepEqual(Settle(p, settled, minutes(9)), settled) {
				t.Errorf("%s in %s: it settles twice", action, ph)
			}
		}
	}
	if got := Apply(p, p.at(1), Decision{Action: Advance, Weight: 5}, start); got.Target != 25 {
		t.Errorf("an old step came back: %+v", got)
	}
	last := p.at(2)
	if got := Settle(p, Apply(p, last, Decision{Action: Promote, Weight: 100}, start), minutes(1)); got.Phase != Promoted || got.Since != minutes(1) {
		t.Errorf("%+v", got)
	}
	last.Target, last.Weight = 100, 25
	if got := Apply(p, last, Decision{Action: Promote, Weight: 100}, start); got.Phase != Stepping {
		t.Errorf("promoted before the weight is in force: %+v", got)
	}
}

// TestHaltOnTheWay: a failure that cannot be undone stops a weight that was on
// its way, and what the router has is set once more.
func TestHaltOnTheWay(t *testing.T) {
	p := canary(metric("a"))
	s := p.at(0, func(s *State) { s.Target = 25; s.Measured = seen("a", "f") })
	d := Decide(p, s, Health{At: minutes(1), Measured: s.Measured, Live: Unhealthy})
	s = Apply(p, s, d, minutes(1))
	if s.Phase != Paused || s.Target != 5 || !s.Pending() {
		t.Fatalf("%+v", s)
	}
	if s = Settle(p, s, minutes(2)); s.Pending() || s.Phase != Paused || s.Weight != 5 || s.Step != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNewPlan(t *testing.T) {
	minute := pipeline.Duration(time.Minute)
	r := pipeline.Rollout{
		Steps:     []pipeline.RolloutStep{{Weight: 10, Bake: minute, Pause: true}, {Weight: 100, Bake: 2 * minute}},
		Router:    pipeline.Router{Route53: &pipeline.Route53Router{TTL: 3 * minute, Value: "x"}},
		Analysis:  pipeline.Analysis{Metrics: []pipeline.Metric{metric("a")}},
		Promotion: pipeline.PromotionManual, PauseTimeout: pipeline.Duration(time.Hour), Keep: minute,
	}
	p := NewPlan(Request{Rollout: r}, Side{Name: Green})
	if len(p.Steps) != 2 || !p.Manual || p.First || p.MinStep != 3*time.Minute || p.Keep != time.Minute || p.PauseTimeout != time.Hour || p.bake(0) != 3*time.Minute {
		t.Errorf("%+v", p)
	}
	// Three pauses: after 10 %, before 100 %, and one that nobody foresaw.
	if d := p.Longest(); d < 3*time.Hour+6*time.Minute || d > 4*time.Hour+30*time.Minute {
		t.Errorf("longest %s", d)
	}
	first := NewPlan(Request{Rollout: r}, Side{})
	if len(first.Steps) != 1 || first.Steps[0] != (pipeline.RolloutStep{Weight: 100, Bake: 2 * minute}) || first.Manual || !first.First || first.Keep != 0 {
		t.Errorf("%+v", first)
	}
	if s := Begin(first, start); s.Target != 100 || s.Stable != 100 || !s.Pending() || Settle(first, s, start).Step != 0 {
		t.Errorf("%+v", s)
	}
	if s, err := Obey(first, Settle(first, Begin(first, start), start), Command{Name: CommandAbort, At: start}); err != nil || s.Target != 100 || Settle(first, s, start).Phase != Aborted {
		t.Errorf("an abort of a first rollout takes the traffic from the only side: %+v, %v", s, err)
	}
	r.Router = pipeline.Router{Route53: &pipeline.Route53Router{AliasName: "x", AliasZone: "Z"}}
	if p := NewPlan(Request{Rollout: r}, Side{Name: Green}); p.MinStep != time.Minute {
		t.Errorf("an alias: %s", p.MinStep)
	}
	r.Router = pipeline.Router{ALB: &pipeline.ALBRouter{}}
	if p := NewPlan(Request{Rollout: r}, Side{Name: Green}); p.MinStep != 0 {
		t.Errorf("a load balancer: %s", p.MinStep)
	}
	r.Steps = []pipeline.RolloutStep{{Weight: 50}, {Weight: 50}, {Weight: 20}, {Weight: -1}}
	if p := NewPlan(Request{Rollout: r}, Side{Name: Green}); len(p.Steps) != 2 || p.Steps[0].Weight != 50 || p.Steps[1].Weight != 100 {
		t.Errorf("steps %+v", p.Steps)
	}
	for _, weight := range []int{0, 9, 10, 99, 100} {
		if got, want := p.step(weight), map[bool]int{true: 0, false: -1}[weight >= 10]; got != want && weight != 100 || weight == 100 && got != 1 {
			t.Errorf("step of %d is %d", weight, got)
		}
	}
}

func TestID(t *testing.T) {
	if got := ID("r-1", "prod", "api"); got != "r-1-prod-api" {
		t.Error(got)
	}
	long := strings.Repeat("x", 60)
	a, b := ID(long, "prod", "a-very-long-name-of-a-stack"), ID(long, "prod", "a-very-long-name-of-a-stack2")
	if len(a) != maxID || len(b) != maxID || a == b || a != ID(long, "prod", "a-very-long-name-of-a-stack") {
		t.Error(a, b)
	}
}
