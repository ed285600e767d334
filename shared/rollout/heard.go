package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func (s *Service) hear(ctx context.Context, detailType string, payload json.RawMessage) (Answered, error) {
	if detailType != events.ExecutionStatusChange {
		return Answered{State: stateIgnored}, nil
	}
	var event events.Envelope[events.ExecutionStatusDetail]
	if err := json.Unmarshal(payload, &event); err != nil {
		return Answered{}, fault.Invalid("read %s: %w", detailType, err)
	}
	return s.ExecutionEnded(ctx, event.Detail)
}

// ExecutionEnded hears that an execution of the workflow did not succeed. The
// rollout goes on from its record in another one, a few times. After that it
// has no clock: it is paused where it is, and the release is told.
func (s *Service) ExecutionEnded(ctx context.Context, e events.ExecutionStatusDetail) (Answered, error) {
	var ref Ref
	if err := json.Unmarshal([]byte(e.Input), &ref); err != nil {
		return Answered{}, fault.Invalid("the input of the execution %s cannot be read: %w", e.Name, err)
	}
	if ref.ID == "" || e.Status != "FAILED" && e.Status != "TIMED_OUT" && e.Status != "ABORTED" {
		return Answered{State: stateIgnored}, nil
	}
	answered := Answered{ID: ref.ID, State: stateIgnored}
	err := s.change(ctx, ref, func(r *Record) (err error) {
		answered.State, err = s.restart(ctx, r, e)
		return err
	})
	if errors.Is(err, errGone) {
		return answered, nil
	}
	return answered, err
}

func (s *Service) restart(ctx context.Context, r *Record, e events.ExecutionStatusDetail) (string, error) {
	switch {
	case e.Name != r.executionName(): // an earlier one, that was followed by another
		if r.Execution == "" && r.Starts > 1 {
			return stateRestarted, s.clock(ctx, r) // or was about to be
		}
		return stateIgnored, nil
	case r.State.Phase == Retired && r.Left != "", r.State.Phase.Ended() && r.State.Phase != Retired && r.ReleaseTask == "" && s.Now().Sub(r.Ended) > invocationTime:
		return stateIgnored, nil
	case r.Starts < maxStarts:
		r.Starts, r.Execution = r.Starts+1, ""
		if err := s.write(ctx, r); err != nil {
			return "", err
		}
		return stateRestarted, s.clock(ctx, r)
	}
	return stateFailed, s.stop(ctx, r, e)
}

// stop leaves a rollout without a clock: what was begun is finished, and the
// rest is for a person, whose command starts the clock again.
func (s *Service) stop(ctx context.Context, r *Record, e events.ExecutionStatusDetail) error {
	why := told(fmt.Sprintf("its workflow ended %s %d times, the last time by %s", e.Status, r.Starts, strings.TrimSpace(e.Error+" "+e.Cause)))
	r.Execution = ""
	if r.State.Phase == Stepping {
		s.apply(r, Decision{Action: Pause, Cause: CauseStopped, Why: why, Wait: r.Plan.PauseTimeout})
	}
	if err := s.write(ctx, r); err != nil {
		return err
	}
	if _, err := s.carry(ctx, r); err != nil {
		return err
	}
	if r.ReleaseTask == "" {
		return nil
	}
	message := fmt.Sprintf("the rollout %s stands at %d %%: %s. Next: evenkeel rollout status %s", r.ID, r.State.Weight, why, shownTarget(r.Request.Target))
	if err := s.Tasks.Fail(ctx, r.ReleaseTask, fault.PermanentError, message); err != nil {
		return err
	}
	r.ReleaseTask = ""
	return s.write(ctx, r)
}
