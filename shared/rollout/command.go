package rollout

import (
	"context"
	"errors"
	"reflect"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// Command does what a person wants, in this invocation: first the weights, then
// the facts, then the answers to the workflows that wait. A command that was
// done already completes what its first try left undone. It returns the record
// afterwards, without tokens. Errors: InvalidError when there is no such
// rollout, ConflictError for a command that does not fit what the rollout does.
func (s *Service) Command(ctx context.Context, q CommandRequest) (Record, error) {
	if q.ID == "" || q.Target.Account == "" || q.Target.Region == "" || q.Target.StackName == "" || q.Command.By == "" {
		return Record{}, fault.Invalid("a command names the rollout, its account, region and stack, and who gives it")
	}
	q.Command.At, q.Command.Reason = s.Now().UTC(), told(q.Command.Reason)
	var after Record
	err := s.change(ctx, Ref{ID: q.ID, Target: q.Target}, func(r *Record) error {
		err := s.obey(ctx, r, q.Command)
		after = r.Blank()
		return err
	})
	if errors.Is(err, errGone) {
		return Record{}, s.gone(ctx, q)
	}
	return after, err
}

// gone says what there is in the place of a rollout.
func (s *Service) gone(ctx context.Context, q CommandRequest) error {
	r, ok, err := s.Records.Read(ctx, q.Target)
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.Invalid("there is no rollout of %s. Next: evenkeel rollout status", shownTarget(q.Target))
	default:
		return fault.Conflict("the rollout %s is over; the last one of %s is %s, which is %s. Next: evenkeel rollout status %s",
			q.ID, q.Target.StackName, r.ID, r.State.Phase, shownTarget(q.Target))
	}
}

func (s *Service) obey(ctx context.Context, r *Record, c Command) error {
	state, err := Obey(r.Plan, r.State, c)
	if err != nil {
		return err
	}
	if changed := !reflect.DeepEqual(state, r.State); changed {
		if err := s.put(ctx, r, state, c); err != nil {
			return err
		}
	}
	if r.State.Phase == Promoting || r.State.Phase == Aborting {
		_, _, err = s.advance(ctx, r)
	} else {
		_, err = s.carry(ctx, r)
	}
	if err != nil {
		return err
	}
	return s.clock(ctx, r)
}

// put stores what a person wants, before it is done.
func (s *Service) put(ctx context.Context, r *Record, state State, c Command) error {
	if c.Name == CommandResume && r.State.Found != "" {
		// The record says ours already: the router is set before it is looked at again.
		if _, err := s.Traffic.SetWeight(ctx, r.routing(), r.State.Target); err != nil {
			return err
		}
		state.Found = ""
	}
	e := Entry{Time: c.At, Weight: r.State.Weight, Why: c.Reason, By: c.By, Measured: r.State.Measured}
	r.to(state)
	if e.Why == "" {
		e.Why = "no reason was given"
	}
	switch c.Name {
	case CommandPause:
		e.Action = EntryPaused
		r.note(e)
	case CommandResume:
		e.Action = EntryResumed
		r.note(e)
	case CommandPromote:
		e.Action = EntryPromoted
		r.Intent = &e
	default:
		e.Action = EntryAborted
		r.Intent = &e
	}
	return s.write(ctx, r)
}
