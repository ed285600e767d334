package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// Advance is the one step of the clock: it finishes what is under way, measures
// what is due, does what Decide decides, tells it, and says what to wait for.
// However often it is called, and whatever it was interrupted at, it goes on
// from the record. A rollout that a later one has replaced ends.
func (s *Service) Advance(ctx context.Context, ref Ref) (Tick, error) {
	tick := Tick{Ref: ref}
	err := s.change(ctx, ref, func(r *Record) (err error) {
		var wait time.Duration
		tick.Next, wait, err = s.advance(ctx, r)
		tick.Seconds = seconds(wait)
		return err
	})
	if errors.Is(err, errGone) {
		return Tick{Ref: ref, Next: NextEnd}, nil
	}
	return tick, err
}

// seconds rounds up: what is waited for is over then. It is never 0, which a
// time-out cannot be.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

func (s *Service) advance(ctx context.Context, r *Record) (next string, wait time.Duration, err error) {
	for range rounds {
		settled, err := s.carry(ctx, r)
		if err != nil {
			return "", 0, err
		}
		if r.State.Phase.over() {
			return s.over(ctx, r)
		}
		health, measured := s.measure(ctx, r)
		d := Decide(r.Plan, r.State, health)
		r.observe(s.Now().UTC(), measured)
		asks := r.State.Phase == Paused && d.Action == Pause
		if waits := d.Action == Hold || asks || !settled && d.Action == Advance; !waits {
			s.apply(r, d)
		} else if len(measured) == 0 {
			return bakeOr(asks), d.Wait, nil
		}
		if err := s.write(ctx, r); err != nil {
			return "", 0, err
		}
	}
	return NextBake, settleWait, nil
}

// over reports whether the release goes on: what is left is to keep the old
// side, or nothing.
func (p Phase) over() bool { return p == Promoted || p.Ended() }

// apply does to the record what was decided. What moves traffic is told once it
// is in force.
func (s *Service) apply(r *Record, d Decision) {
	now := s.Now().UTC()
	r.State = Apply(r.Plan, r.State, d, now)
	e := Entry{Time: now, Weight: r.State.Weight, Why: d.Why, Measured: d.Decided}
	switch d.Action {
	case Pause:
		e.Action = ActionPaused
		r.note(e)
	case Promote:
		e.Action = ActionPromoted
		if r.Intent != nil { // a person's promote, which is told with who it was
			e.Why, e.By, r.Intent = r.Intent.Why, r.Intent.By, nil
		}
		r.Old, r.Live = r.Live, r.Request.Candidate
		r.note(e)
	case Advance:
		e.Action = ActionStepped
		r.Intent = &e
	case Abort:
		e.Action = ActionAborted
		r.Intent = &e
	}
}

// carry brings into force what the record wants, tells what was not told, and
// answers who waits. settled is false while the router still works on it.
func (s *Service) carry(ctx context.Context, r *Record) (settled bool, err error) {
	if err := s.compare(ctx, r); err != nil {
		return false, err
	}
	settled = true
	if r.underWay() {
		if settled, err = s.move(ctx, r); err != nil {
			return false, err
		}
	}
	return settled, s.conclude(ctx, r)
}

// underWay reports whether the router is to be asked.
func (r *Record) underWay() bool {
	switch r.State.Phase {
	case Stepping, Paused:
		return r.State.Pending() && r.State.Found == ""
	default:
		return r.State.Pending()
	}
}

// compare looks whether somebody else has set weights. Then they are left
// alone, and a person is asked. An abort and a promotion do not look: what they
// set is wanted whatever was there.
func (s *Service) compare(ctx context.Context, r *Record) error {
	if r.State.Phase != Stepping || r.State.Found != "" {
		return nil
	}
	percent, routed, err := s.Traffic.Weight(ctx, r.routing())
	found := ""
	switch {
	case fault.Is(err, fault.InvalidError):
		found = told(err.Error())
	case err != nil:
		return err
	case !routed && r.State.Weight > 0:
		found = "neither side is routed to"
	case routed && percent != r.State.Weight && percent != r.State.Target:
		found = fmt.Sprintf("the new side gets %d %% and not %d %%", percent, r.State.Weight)
	default:
		return nil
	}
	s.apply(r, Decision{
		Action: Pause, Cause: CauseFound, Wait: r.Plan.PauseTimeout,
		Why: "somebody else has changed the weights: " + found + ". evenkeel rollout resume sets ours again, abort gives all traffic back",
	})
	r.State.Found = found
	return s.write(ctx, r)
}

// move asks the router for the weight that is wanted, and stores that it is in
// force. A step begins only when it is so everywhere; the end of a rollout is
// not held up by what the router still distributes.
func (s *Service) move(ctx context.Context, r *Record) (settled bool, err error) {
	routing := r.routing()
	if err := s.Traffic.SetWeight(ctx, routing, r.State.Target); err != nil {
		return false, err
	}
	if r.State.Phase == Stepping || r.State.Phase == Paused {
		if settled, err = s.Traffic.Settled(ctx, routing); err != nil || !settled {
			return false, err
		}
	}
	now := s.Now().UTC()
	r.State = InForce(r.Plan, r.State, now)
	switch {
	case r.State.Phase == SwitchedBack && r.promoted():
		r.Live, r.Old = r.Old, Side{}
	case r.State.Phase == Aborted && r.Plan.First:
		r.Live = r.Request.Candidate // there is nothing else that has the traffic
	}
	if r.State.Phase.Ended() {
		r.Ended, r.State.Found = now, ""
	}
	if r.Intent != nil && r.State.Phase != Promoting { // a promotion is told once it is one
		e := *r.Intent
		e.Time, e.Weight, r.Intent = now, r.State.Weight, nil
		if r.State.Phase == SwitchedBack {
			e.Action = ActionSwitchedBack
		}
		r.note(e)
	}
	return true, s.write(ctx, r)
}

// observe notes what was measured. What the state no longer keeps goes into the
// timeline.
func (r *Record) observe(now time.Time, measured []Measurement) {
	state, over := Note(r.State, measured...)
	r.State = state
	if len(over) > 0 {
		r.note(Entry{Time: now, Action: ActionHeld, Weight: state.Weight, Measured: over})
	}
}

// bakeOr is what comes next while nothing changes.
func bakeOr(asks bool) string {
	if asks {
		return NextAsk
	}
	return NextBake
}

// conclude does what follows from the record as it is stored: first the facts,
// then the copy, then the answers to who waits. What was answered is forgotten;
// an answer that is lost is given again.
func (s *Service) conclude(ctx context.Context, r *Record) error {
	changed, err := s.tell(ctx, r)
	if err == nil && changed {
		err = s.keep(ctx, r)
	}
	if err != nil {
		return err
	}
	if r.PauseTask != "" && r.State.Phase != Paused {
		if _, err := s.Tasks.Answer(ctx, r.PauseTask, Answered{ID: r.ID, State: stateAnswered}); err != nil {
			return err
		}
		r.PauseTask, changed = "", true
	}
	if r.ReleaseTask != "" && r.State.Phase.over() {
		if _, err := s.Tasks.Answer(ctx, r.ReleaseTask, r.result()); err != nil {
			return err
		}
		r.ReleaseTask, changed = "", true
	}
	if !changed {
		return nil
	}
	return s.write(ctx, r)
}

// over says what is left of a rollout that went through or was given back. An
// invocation that was overtaken may have set its weight after the last one was
// in force: as long as one may be under way, the weight is looked at again.
func (s *Service) over(ctx context.Context, r *Record) (next string, wait time.Duration, err error) {
	want := r.State.Weight
	percent, routed, err := s.Traffic.Weight(ctx, r.routing())
	switch {
	case fault.Is(err, fault.InvalidError): // somebody else's, which is no longer ours to judge
	case err != nil:
		return "", 0, err
	case routed && percent != want:
		if err := s.Traffic.SetWeight(ctx, r.routing(), want); err != nil {
			return "", 0, err
		}
	}
	now := s.Now()
	since := r.State.Since
	if r.State.Phase.Ended() {
		since = r.Ended
	}
	if left := since.Add(invocationTime).Sub(now); left > 0 {
		return NextBake, left, nil
	}
	if r.State.Phase.Ended() {
		return NextEnd, 0, nil
	}
	return NextKeep, Decide(r.Plan, r.State, Health{At: now, Live: Unknown}).Wait, nil
}

// result is what the pipeline is told.
func (r *Record) result() Result {
	result := Result{ID: r.ID, Outcome: OutcomePromoted, Weight: r.highest()}
	switch r.State.Phase {
	case Aborted:
		result.Outcome, result.Why = OutcomeAborted, told(r.State.Why)
	case SwitchedBack:
		result.Outcome, result.Why = OutcomeSwitchedBack, told(r.State.Why)
	case Retired:
		if r.Starts == 0 {
			result.Outcome, result.Why = OutcomeNothing, nothingWhy
		}
	}
	return result
}
