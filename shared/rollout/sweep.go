package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/events"
)

// Swept is what a sweep found and did. The lists have the ids of rollouts.
type Swept struct {
	Looked    int      `json:"looked"`              // at records
	Restarted []string `json:"restarted,omitempty"` // another execution goes on with it
	Attended  []string `json:"attended,omitempty"`  // gone on with by the sweep itself
	Failed    []string `json:"failed,omitempty"`    // its workflow failed too often: a person is asked
}

// Sweep looks after every rollout that is not done and that no execution of the
// workflow drives: the event of one that broke off is best effort. What was
// neither promoted nor ended goes on in another execution, as after that event,
// and as often at most. What is left after the end, and what has no execution
// any more, is done a step each sweep. Of what is over it notes whether somebody
// else has moved the traffic since. One rollout that fails does not keep the
// others from being looked at.
// Source: EventBridge user guide, "Events from AWS services": Step Functions
// sends its events on a best-effort basis.
func (s *Service) Sweep(ctx context.Context) (Swept, error) {
	records, err := s.Records.List(ctx)
	if err != nil {
		return Swept{}, err
	}
	swept := Swept{Looked: len(records)}
	var errs []error
	for i := range records {
		ref := Ref{ID: records[i].ID, Target: records[i].Request.Target}
		state, err := s.lookAfter(ctx, ref)
		if err != nil {
			errs = append(errs, err)
		}
		switch state {
		case stateRestarted:
			swept.Restarted = append(swept.Restarted, ref.ID)
		case stateAttended:
			swept.Attended = append(swept.Attended, ref.ID)
		case stateFailed:
			swept.Failed = append(swept.Failed, ref.ID)
		}
	}
	return swept, errors.Join(errs...)
}

func (s *Service) lookAfter(ctx context.Context, ref Ref) (state string, err error) {
	err = s.change(ctx, ref, func(r *Record) (err error) {
		state, err = s.sweep(ctx, r)
		return err
	})
	if errors.Is(err, errGone) {
		return stateIgnored, nil
	}
	return state, err
}

// Source: Step Functions API reference, DescribeExecution, status.
const running = "RUNNING"

func (s *Service) sweep(ctx context.Context, r *Record) (string, error) {
	if err := s.watch(ctx, r); err != nil {
		return "", err
	}
	if r.closed() {
		return stateIgnored, nil
	}
	var execution Execution
	if r.Execution != "" {
		var err error
		if execution, err = s.Executions.Describe(ctx, r.Execution); err != nil || execution.Status == running {
			return stateIgnored, err
		}
	}
	stopped := r.Execution == "" && r.Starts > maxStarts && r.State.Phase != Stepping
	switch {
	case r.State.Phase.over(), stopped:
		return stateAttended, s.attend(ctx, r)
	case r.Execution == "": // it was about to be started
		return stateRestarted, s.clock(ctx, r)
	default:
		return s.restart(ctx, r, events.ExecutionStatusDetail{
			Name: r.executionName(), Status: execution.Status, Error: execution.Error, Cause: execution.Cause,
		})
	}
}

// watch notes in the record of what is over that the sides have other shares
// than it left them, and forgets it once they have those again. The weights stay:
// somebody wanted them so. But the side that is not live is none to deploy to. A
// router that cannot be read, or that leads elsewhere, says nothing about that.
func (s *Service) watch(ctx context.Context, r *Record) error {
	settled := r.Done || r.State.Phase == Promoted && s.Now().Sub(r.State.Since) > repairTime
	if !settled || !r.State.Phase.over() || r.Left == LeftDeleted {
		return nil
	}
	percent, routed, err := s.Traffic.Weight(ctx, r.routing())
	if err != nil {
		return nil //nolint:nilerr // nothing is known
	}
	found := ""
	if routed && percent != r.State.Weight {
		found = shares(percent, r.State.Weight)
	}
	if found == r.State.Found {
		return nil
	}
	r.State.Found = found
	return s.write(ctx, r)
}

// shares says what somebody else has set.
func shares(found, ours int) string {
	return fmt.Sprintf("the new side gets %d %% and not %d %%", found, ours)
}

// attend takes the place of a workflow for one step.
func (s *Service) attend(ctx context.Context, r *Record) error {
	next, wait, err := s.advance(ctx, r)
	if err != nil || next != NextKeep || wait > 0 {
		return err
	}
	if err = s.retire(ctx, r, false); errors.As(err, new(*pending)) {
		return nil // the next sweep looks again
	}
	return err
}
