package rollout

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// Begin is the state of a rollout that nothing was done for yet.
func Begin(p Plan, at time.Time) State {
	s := State{Phase: Stepping, Step: -1, Deadline: at.Add(p.Longest() - settleTime)}
	if p.First {
		s.Target, s.Stable = 100, 100
	}
	return s
}

// Pending reports whether the router is to be asked for Target. On the way back
// it always is: what an older call may have set, the record does not know. And
// before a side is called the live one, it is asked once more.
func (s State) Pending() bool {
	return s.Phase == Aborting || s.Phase == Promoting || s.Target != s.Weight || s.Step >= 0 && s.Since.IsZero()
}

// Apply writes a decision into the state: what is wanted, before anything is
// done. A decision that was taken for another phase changes nothing, so that
// one that comes late or twice does no harm.
func Apply(p Plan, s State, d Decision, at time.Time) State {
	switch {
	case d.Action == Advance && s.Phase == Stepping && d.Weight > s.Target:
		s.Target, s.Why, s.Cause = d.Weight, "", ""
	case d.Action == Pause && (s.Phase == Stepping || s.Phase == Promoting):
		if d.Cause == CauseFailed && s.Target != s.Weight {
			s.Target, s.Since = s.Weight, time.Time{} // not onwards: set once more what was
		}
		s.Phase, s.Paused, s.Why, s.Cause = Paused, at, d.Why, d.Cause
	case d.Action == Promote && s.Phase == Stepping && !s.Pending() && s.Step == len(p.Steps)-1:
		s.Phase, s.Target, s.Why, s.Cause = Promoting, 100, d.Why, ""
	case d.Action == Abort && (s.Phase == Stepping || s.Phase == Paused || s.Phase == Promoting):
		s = back(s, d.Cause, d.Why)
	}
	return s
}

// Settle notes that the router has Target, everywhere: an abort and a promotion
// are done with that.
func Settle(p Plan, s State, at time.Time) State {
	if !s.Pending() {
		return s
	}
	s.Weight, s.Step, s.Since = s.Target, p.step(s.Target), at
	s.Measured, s.Earlier = nil, nil
	switch {
	case s.Phase == Aborting && s.Cause == CauseSwitchBack:
		s.Phase = SwitchedBack
	case s.Phase == Aborting:
		s.Phase = Aborted
	case s.Phase == Promoting:
		s.Phase, s.Why, s.Cause = Promoted, "", ""
	}
	return s
}

// Retire ends the time in which a promoted rollout can be switched back.
func Retire(s State) State {
	if s.Phase == Promoted {
		s.Phase = Retired
	}
	return s
}

// SwitchBack gives the traffic of a promoted rollout back to the old side. A
// ConflictError says that there is no way back any more.
func SwitchBack(p Plan, s State, why string, at time.Time) (State, error) {
	switch {
	case s.Phase == SwitchedBack || s.Phase == Aborting && s.Cause == CauseSwitchBack:
		return s, nil
	case s.Phase != Promoted:
		return s, fault.Conflict("the rollout is %s: only a promoted one can be switched back", s.Phase)
	case p.First:
		return s, fault.Conflict("it was the first rollout of this stack: there is no other side to switch back to; push the commit that is wanted")
	case !at.Before(s.Since.Add(p.Keep)):
		return s, fault.Conflict("the old side was kept until %s, and may be gone: push the commit that is wanted", s.Since.Add(p.Keep).UTC().Format(time.RFC3339))
	}
	return back(s, CauseSwitchBack, why), nil
}

func back(s State, cause Cause, why string) State {
	s.Phase, s.Target, s.Cause, s.Why = Aborting, s.Stable, cause, why
	s.Paused = time.Time{}
	return s
}

// Obey writes what a person wants into the state, to be done with the next
// call of the router. What is so already changes nothing, and is no error: a
// person may type a command twice.
//
//	             promote    pause     resume         abort
//	Stepping     Promoting  Paused    as it is       Aborting
//	Paused       Promoting  as it is  by its cause   Aborting
//	Promoting    as it is   refused   as it is       Aborting
//	Promoted     as it is   refused   refused        Aborting to SwitchedBack while the old side is kept
//	Aborting     refused    refused   refused        as it is
//	Aborted      refused    refused   refused        as it is
//	SwitchedBack refused    refused   refused        as it is
//	Retired      as it is   refused   refused        refused
//
// What is refused is a ConflictError that says what can be done instead.
//
// promote is what a person wants whatever was measured: it asks no metric and
// waits for no bake. resume goes on with the next step after a gate (once its
// metrics are good again) and after inconclusive metrics (once resolvers have
// seen the step); after any other cause the step is watched anew, for nothing
// says yet that it is good.
func Obey(p Plan, s State, c Command) (State, error) {
	switch c.Name {
	case CommandPromote:
		return promote(s, c)
	case CommandPause:
		return halt(s, c)
	case CommandResume:
		return resume(s, c)
	case CommandAbort:
		return giveBack(p, s, c)
	}
	return s, fault.Invalid("%q is no command of a rollout: promote, pause, resume or abort", c.Name)
}

func promote(s State, c Command) (State, error) {
	switch s.Phase {
	case Promoting, Promoted, Retired:
		return s, nil
	case Stepping, Paused:
		s.Phase, s.Target, s.Paused = Promoting, 100, time.Time{}
		s.Why, s.Cause = commandText("promoted", c), CausePerson
		s.Measured, s.Earlier = nil, nil
		return s, nil
	}
	return s, refused(s, c)
}

func halt(s State, c Command) (State, error) {
	switch s.Phase {
	case Paused:
		return s, nil
	case Stepping:
		s.Phase, s.Paused = Paused, c.At
		s.Why, s.Cause = commandText("paused", c), CausePerson
		return s, nil
	case Promoting:
		return s, fault.Conflict("all traffic is on its way to the new side: abort gives it back")
	}
	return s, refused(s, c)
}

func resume(s State, c Command) (State, error) {
	switch s.Phase {
	case Stepping, Promoting:
		return s, nil
	case Paused:
	default:
		return s, refused(s, c)
	}
	cause := s.Cause
	s.Phase, s.Paused, s.Why, s.Cause = Stepping, time.Time{}, "", ""
	switch cause {
	case CauseGate:
		s.Approved = s.Step + 2
	case CauseInconclusive:
		s.Approved, s.Cause = s.Step+2, CausePassed
	default:
		s.Measured, s.Earlier = nil, nil
		if !s.Since.IsZero() {
			s.Since = c.At
		}
	}
	return s, nil
}

func giveBack(p Plan, s State, c Command) (State, error) {
	switch s.Phase {
	case Aborting, Aborted, SwitchedBack:
		return s, nil
	case Promoted:
		return SwitchBack(p, s, commandText("switched back", c), c.At)
	case Stepping, Paused, Promoting:
		return back(s, CausePerson, commandText("aborted", c)), nil
	}
	return s, refused(s, c)
}

// refused says why a phase does not do what is wanted, and what can be done.
func refused(s State, c Command) error {
	switch s.Phase {
	case Aborting:
		return fault.Conflict("the rollout is being aborted (%s): %s cannot stop that; push again for another one", s.Why, c.Name)
	case Promoted:
		return fault.Conflict("the rollout is promoted: there is nothing to %s; abort switches back while the old side is kept", c.Name)
	case Retired:
		return fault.Conflict("the rollout is over, and its old side retired: there is nothing to %s; push the commit that is wanted", c.Name)
	default:
		return fault.Conflict("the rollout has ended (%s): there is nothing to %s; push again for another one", s.Phase, c.Name)
	}
}

func commandText(done string, c Command) string {
	text := done
	if c.By != "" {
		text = fmt.Sprintf("%s by %s", done, c.By)
	}
	return withWhy(text, c.Reason)
}
