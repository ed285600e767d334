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
		r.observe(health.At, measured)
		asks := r.State.Phase == Paused && d.Action == Pause
		switch {
		case !settled && d.Action != Abort:
			return NextBake, settleWait, nil
		case d.Action != Hold && !asks:
			s.apply(r, d)
			err = s.write(ctx, r)
		case len(measured) > 0:
			return bakeOr(asks), d.Wait, s.write(ctx, r)
		default:
			return bakeOr(asks), d.Wait, nil
		}
		if err != nil {
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
	measured := r.State.Measured // of the step that ends with it
	r.to(Apply(r.Plan, r.State, d, now))
	e := Entry{Time: now, Weight: r.State.Weight, Why: d.Why, Measured: measured}
	switch d.Action {
	case Pause:
		e.Action = EntryPaused
		r.note(e)
	case Promote:
		e.Action = EntryPromoted
		r.Intent = &e
	case Advance:
		e.Action = EntryStepped
		r.Intent = &e
	case Abort:
		e.Action = EntryAborted
		r.Intent = &e
	}
}

// to makes it the state of the record. The change that the router works on is
// only of interest while the same weight is wanted.
func (r *Record) to(state State) {
	if state.Target != r.State.Target || state.Phase == Promoting || state.Phase == Aborting {
		state.Change = ""
	}
	r.State = state
}

// carry brings into force what the record wants, tells what was not told, and
// answers who waits. settled is false while the router still works on it.
func (s *Service) carry(ctx context.Context, r *Record) (settled bool, err error) {
	if err := s.compare(ctx, r); err != nil {
		return false, err
	}
	switch {
	case r.underWay():
		settled, err = s.move(ctx, r)
	case r.State.Phase == Stepping && r.State.Step < 0 && r.State.Found == "":
		settled, err = s.prepare(ctx, r)
	default:
		settled = true
	}
	if err != nil {
		return false, err
	}
	return settled, s.conclude(ctx, r)
}

// prepare makes the new side known to the router, without traffic, before the
// first step: a target group is checked from then on.
// Source: Elastic Load Balancing user guide, "Target group health checks": the
// targets of a group that no listener uses are not checked.
func (s *Service) prepare(ctx context.Context, r *Record) (settled bool, err error) {
	return s.route(ctx, r, 0)
}

// route asks the router for a weight, and waits until it is in force everywhere:
// the change that the router works on is kept in the record. The end of a
// rollout is not held up by what the router still distributes. A weight that it
// refuses for what evenkeel.yaml or the new side say ends the rollout; nothing
// else would help.
func (s *Service) route(ctx context.Context, r *Record, percent int) (settled bool, err error) {
	routing := r.routing()
	if r.State.Change == "" {
		change, err := s.Traffic.SetWeight(ctx, routing, percent)
		if err != nil {
			return s.refused(ctx, r, percent, err)
		}
		if change == "" || r.State.Phase == Promoting || r.State.Phase == Aborting {
			return true, nil
		}
		r.State.Change = change
		if err := s.write(ctx, r); err != nil {
			return false, err
		}
	}
	settled, err = s.Traffic.Settled(ctx, routing, r.State.Change)
	if err != nil {
		return s.refused(ctx, r, percent, err)
	}
	if settled {
		r.State.Change = ""
	}
	return settled, nil
}

// refused is what follows from an answer of the router that is none.
func (s *Service) refused(ctx context.Context, r *Record, percent int, err error) (settled bool, _ error) {
	switch {
	case !fault.Is(err, fault.InvalidError):
		return false, err
	case r.State.Phase == Stepping:
		d := Decision{Action: Abort, Weight: r.State.Stable, Cause: CauseFailed, Why: "the router refused: " + err.Error()}
		if r.Plan.First {
			d.Action, d.Wait = Pause, r.Plan.PauseTimeout
		}
		s.apply(r, d)
		return false, s.write(ctx, r)
	case r.State.Phase == Aborting: // what it never took needs not be taken back
		if has, routed, readErr := s.Traffic.Weight(ctx, r.routing()); readErr == nil && (!routed || has == percent) {
			return true, nil
		}
	}
	return false, err
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
		Action: Pause, Cause: CauseForeign, Wait: r.Plan.PauseTimeout,
		Why: "somebody else has changed the weights: " + found + ". evenkeel rollout resume sets ours again, abort gives all traffic back",
	})
	r.State.Found = found
	return s.write(ctx, r)
}

// move asks the router for the weight that is wanted, and stores that it is in
// force. A step begins only when it is so everywhere; the end of a rollout is
// not held up by what the router still distributes.
func (s *Service) move(ctx context.Context, r *Record) (settled bool, err error) {
	if settled, err = s.route(ctx, r, r.State.Target); err != nil || !settled {
		return false, err
	}
	now := s.Now().UTC()
	r.State = Settle(r.Plan, r.State, now)
	switch {
	case r.State.Phase == Promoted && !r.promoted():
		r.Old, r.Live = r.Live, r.Request.Candidate
	case r.State.Phase == SwitchedBack && r.promoted():
		r.Live, r.Old = r.Old, Side{}
	}
	if r.State.Phase.Ended() {
		r.Ended = now
	}
	if r.State.Phase.over() {
		r.State.Found = ""
	}
	if r.Intent != nil {
		e := *r.Intent
		e.Time, e.Weight, r.Intent = now, r.State.Weight, nil
		if r.State.Phase == SwitchedBack {
			e.Action = EntrySwitchedBack
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
		r.note(Entry{Time: now, Action: EntryHeld, Weight: state.Weight, Measured: over})
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

// over says what is left of a rollout that went through or was given back.
func (s *Service) over(ctx context.Context, r *Record) (next string, wait time.Duration, err error) {
	if r.State.Phase == Retired {
		if r.Left == "" {
			return NextKeep, 0, nil // it was interrupted
		}
		return NextEnd, 0, nil
	}
	if err := s.repair(ctx, r); err != nil {
		return "", 0, err
	}
	now := s.Now()
	if left := r.State.Since.Add(max(invocationTime, r.Plan.MinStep)).Sub(now); left > 0 {
		return NextBake, left, nil
	}
	if r.State.Phase.Ended() {
		return NextEnd, 0, nil
	}
	return NextKeep, Decide(r.Plan, r.State, Health{At: now, Live: Unknown}).Wait, nil
}

// repair sets the last weight again if it is not there any more. An invocation
// that was overtaken, a stepping one by a person's abort, may have set its own
// after the last one: no condition on the record can stop a call of the router
// that is under way. After a while it was somebody else, who may want it so;
// but what was aborted stays so.
func (s *Service) repair(ctx context.Context, r *Record) error {
	percent, routed, err := s.Traffic.Weight(ctx, r.routing())
	switch {
	case fault.Is(err, fault.InvalidError):
		return nil // of other sides than these
	case err != nil || !routed || percent == r.State.Weight:
		return err
	case r.State.Phase == Promoted && s.Now().Sub(r.State.Since) > repairTime:
		return nil
	}
	_, err = s.Traffic.SetWeight(ctx, r.routing(), r.State.Weight)
	return err
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
