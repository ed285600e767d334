package deployment

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Push is the event that starts a run.
type Push = events.Envelope[events.Detail[events.GitPushed]]

// Begin makes the release of a push and announces the run. When another
// execution owns the run (EventBridge delivered the push twice), the release
// is marked as a duplicate and nothing is announced.
func (s *Service) Begin(ctx context.Context, push Push, execution string) (Release, error) {
	r, err := newRelease(push, execution)
	if err != nil {
		return Release{}, err
	}
	record, err := s.Runs.Claim(ctx, r.RunID, execution)
	if err != nil {
		return Release{}, err
	}
	// An execution that somebody stopped may end its run before this answer.
	if record.Execution != execution || record.End != nil {
		r.Duplicate = true
		return r, nil
	}
	return r, s.Publisher.Publish(ctx, s.fact(r, events.RunStarted{Run: r.Run()}))
}

func newRelease(push Push, execution string) (Release, error) {
	data, metadata := push.Detail.Data, push.Detail.Metadata
	if data.Repository == "" || data.Branch == "" || data.Commit == "" {
		return Release{}, fault.Invalid("the event %s names no repository, branch or commit", push.ID)
	}
	return Release{
		RunID: data.RunID(), Execution: execution, CausationID: metadata.ID,
		Repository: data.Repository, Provider: data.Provider, CloneURL: data.CloneURL, Branch: data.Branch,
		Commit: data.Commit, Actor: data.Actor, DeliveryID: data.DeliveryID, Pushed: metadata.Time,
		Authors:    approval.NewAuthors(data.Actor, data.Authors),
		Validation: Validation{Validated: events.Validated{Findings: []events.Finding{}}},
		Stages:     []pipeline.Stage{}, Wave: []Step{}, Results: []StackResult{}, Done: []Deployed{}, Plan: Plan{Reasons: []string{}},
	}, nil
}

// Lock joins the queue of the repository. The Lock state is answered at once
// when the lock is free, else when it becomes free or a later push takes over.
func (s *Service) Lock(ctx context.Context, r Release, token string) (Answered, error) {
	return s.callback(ctx, r, token, func() (string, error) {
		state := answeredLater
		entrant := Entrant{RunID: r.RunID, Branch: r.Branch, Pushed: r.Pushed, Token: token}
		err := s.changeQueue(ctx, r.Repository, func(q Queue) (Queue, []Answer, error) {
			next, answers := q.Join(entrant, s.Now(), leaseSlack)
			state = answeredLater
			for _, answer := range answers {
				if answer.Token == token {
					state = answeredNow
				}
			}
			return next, answers, nil
		})
		return state, err
	})
}

// maxReason bounds the reason of a run's end, in bytes. It becomes the
// cause of a failed execution, which takes 32,768.
// Source: Step Functions API reference, HistoryEvent, ExecutionFailedEventDetails.
const maxReason = 4000

// Finish concludes the run: it announces the end, remembers it and gives the
// lock to the next run.
func (s *Service) Finish(ctx context.Context, r Release) (Release, error) {
	r = folded(r) // Next may have failed after the last wave
	end := withNext(r.RunID, Conclude(r))
	r.Outcome, r.Reason, r.Failure = end.Outcome, cut(end.Reason, maxReason), end.Failure
	stored, err := s.end(ctx, r)
	r.Outcome, r.Reason, r.Failure = stored.Outcome, stored.Reason, stored.Failure
	return r, err
}

// discard deletes a change set. One that cannot be deleted is untidy and
// nothing worse: it does not hold up the run.
func (s *Service) discard(ctx context.Context, to events.Target, changeSetID string) error {
	err := s.ChangeSets.Delete(ctx, to, changeSetID)
	if fault.Is(err, fault.TransientError) {
		return err
	}
	return nil
}

// end stores the run's end, announces what is stored and leaves the lock. The
// first end that was stored wins, so that a run has one end whoever concludes
// it; every repetition announces it again under the same id and time.
func (s *Service) end(ctx context.Context, r Release) (events.RunFinished, error) {
	finished := events.RunFinished{Run: r.Run(), Outcome: r.Outcome, Reason: r.Reason, Failure: r.Failure, Changed: r.Changed()}
	if r.Outcome == events.OutcomeRejected && !r.Validation.Valid {
		finished.Findings = r.Validation.Findings
	}
	end, err := s.Runs.Close(ctx, r.RunID, End{At: s.Now().UTC(), Finished: finished})
	if err != nil {
		return finished, err
	}
	if err := s.Publisher.Publish(ctx, fact(end.At, r.RunID, r.CausationID, end.Finished)); err != nil {
		return end.Finished, err
	}
	return end.Finished, s.changeQueue(ctx, r.Repository, func(q Queue) (Queue, []Answer, error) {
		next, answers := q.Leave(r.RunID, s.Now(), leaseSlack)
		return next, answers, nil
	})
}

// ExecutionEnded hears that a workflow execution failed, timed out or was
// aborted. It frees the lock, and ends the run when nobody else did: an
// execution that somebody stops by hand never reaches Finish.
func (s *Service) ExecutionEnded(ctx context.Context, detail events.ExecutionStatusDetail) (Answered, error) {
	if detail.Status != "FAILED" && detail.Status != "TIMED_OUT" && detail.Status != "ABORTED" {
		return Answered{State: "ignored"}, nil
	}
	var push Push
	if err := json.Unmarshal([]byte(detail.Input), &push); err != nil {
		return Answered{}, fault.Permanent("the input of %s is not a push: %w", detail.ExecutionARN, err)
	}
	r, err := newRelease(push, detail.ExecutionARN)
	if fault.Is(err, fault.InvalidError) {
		return Answered{State: "ignored"}, nil
	}
	// Claimed, not only read: when the execution ended before Begin did, a Begin
	// that is still under way must find that the run has an end.
	record, err := s.Runs.Claim(ctx, r.RunID, detail.ExecutionARN)
	if err != nil {
		return Answered{}, err
	}
	if record.Execution != detail.ExecutionARN {
		return Answered{RunID: r.RunID, State: "ignored"}, nil
	}
	end := withNext(r.RunID, Conclusion{
		Outcome: events.OutcomeStuck,
		Reason:  strings.TrimSpace("The workflow execution ended as " + detail.Status + " before the run did. " + detail.Error + " " + detail.Cause),
	})
	r.Outcome, r.Reason = end.Outcome, end.Reason
	_, err = s.end(ctx, r)
	if record.End != nil {
		return Answered{RunID: r.RunID, State: "ended before"}, err
	}
	return Answered{RunID: r.RunID, State: "ended"}, err
}
