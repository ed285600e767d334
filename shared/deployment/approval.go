package deployment

import (
	"context"
	"encoding/json"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// RequestApproval stores the plan for a person to decide on and announces it.
// The RequestApproval state is answered by Approver.Decide; when the decision
// is there already (the state was repeated), it is answered at once.
func (s *Service) RequestApproval(ctx context.Context, r Release, taskToken string) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		to, err := target(r)
		if err != nil {
			return "", err
		}
		if err := s.renewBoth(ctx, r, to, approvalTime); err != nil {
			return "", err
		}
		if decided, err := s.decided(ctx, r, to, taskToken); decided || err != nil {
			return answeredNow, err
		}
		document, err := LoadDocument(ctx, s.Files, r.Plan.Document)
		if err != nil {
			return "", err
		}
		approval := Approval{
			Run: r.Run(), Target: to, CausationID: r.CausationID, ChangeSetID: r.Plan.ChangeSetID, Digest: r.Plan.Digest,
			Risk: r.Plan.Risk, Reasons: r.Plan.Reasons, Document: r.Plan.Document, Token: taskToken,
			Requested: s.Now().UTC(), Expires: s.Now().Add(approvalTime).UTC(),
		}
		if err := s.Approvals.Put(ctx, approval); err != nil {
			if !fault.Is(err, fault.ConflictError) {
				return "", err
			}
			// Somebody decided since, on what the state asked before it was repeated.
			if decided, readErr := s.decided(ctx, r, to, taskToken); decided || readErr != nil {
				return answeredNow, readErr
			}
			return "", err
		}
		return answeredLater, s.Publisher.Publish(ctx, s.fact(r, events.ApprovalRequested{
			Run: r.Run(), Target: to, ChangeSetID: approval.ChangeSetID, Digest: approval.Digest,
			Changes: document.summary(), Risk: approval.Risk, Reasons: approval.Reasons, Expires: approval.Expires,
		}, to.Stage, to.Stack))
	})
}

// decided answers the task with a decision that is there already.
func (s *Service) decided(ctx context.Context, r Release, to events.Target, taskToken string) (bool, error) {
	approval, ok, err := s.Approvals.Get(ctx, r.RunID, to.Stage, to.Stack)
	if err != nil || !ok || approval.Decision == nil {
		return false, err
	}
	_, err = s.Tasks.Answer(ctx, taskToken, *approval.Decision)
	return true, err
}

// LoadDocument reads the document of a plan.
func LoadDocument(ctx context.Context, files interface {
	Get(ctx context.Context, key string) ([]byte, error)
}, key string) (Document, error) {
	data, err := files.Get(ctx, key)
	if err != nil {
		return Document{}, err
	}
	var document Document
	if err := json.Unmarshal(data, &document); err != nil {
		return Document{}, fault.Permanent("%s is not a plan: %w", key, err)
	}
	return document, nil
}

// Approver decides on plans for a person. It needs nothing of a workload
// account: the execution checks by itself that the change set is still the one
// that was approved.
type Approver struct {
	Approvals Approvals
	Runs      interface {
		Read(ctx context.Context, runID string) (RunRecord, error)
	}
	Tasks     Tasks
	Publisher Publisher
	Now       func() time.Time
}

// Verdict is a person's decision on one plan.
type Verdict struct {
	RunID, Stage, Stack string
	Approve             bool
	Digest              string // of the plan that the person saw; "" takes the stored one
	By                  string // caller ARN
	Comment             string
}

// Pending returns the plans that wait and have not expired, oldest first.
func (a *Approver) Pending(ctx context.Context) ([]Approval, error) {
	all, err := a.Approvals.Pending(ctx)
	if err != nil {
		return nil, err
	}
	open := make([]Approval, 0, len(all))
	for _, approval := range all {
		if a.Now().Before(approval.Expires) {
			open = append(open, approval)
		}
	}
	return open, nil
}

// Decide records the verdict once, answers the waiting run and announces the
// decision. Repeating the same verdict of the same person only completes what
// an interrupted first try left undone. A run that does not wait at this very
// moment is about to ask again and finds the decision; or it took the answer
// and the confirmation was lost. Errors: InvalidError for an unknown plan,
// ConflictError for one that is decided or expired, differs from the one seen,
// or belongs to a run that has ended.
func (a *Approver) Decide(ctx context.Context, v Verdict) (Approval, error) {
	approval, ok, err := a.Approvals.Get(ctx, v.RunID, v.Stage, v.Stack)
	if err != nil {
		return Approval{}, err
	}
	run, err := a.Runs.Read(ctx, v.RunID)
	if err != nil {
		return approval, err
	}
	plan := v.Stack + " in " + v.Stage + " of run " + v.RunID
	switch {
	case !ok:
		return Approval{}, fault.Invalid("no plan of %s waits for approval", plan)
	case approval.Decision != nil && (approval.Decision.Approved != v.Approve || approval.Decision.By != v.By):
		return approval, fault.Conflict("the plan of %s was already %s by %s", plan, verb(approval.Decision.Approved), approval.Decision.By)
	case approval.Decision == nil && !a.Now().Before(approval.Expires):
		return approval, fault.Conflict("the approval of %s expired at %s", plan, approval.Expires.Format(time.RFC3339))
	case approval.Decision == nil && run.End != nil:
		return approval, fault.Conflict("run %s has ended as %s", v.RunID, run.End.Finished.Outcome)
	case v.Digest != "" && v.Digest != approval.Digest:
		return approval, fault.Conflict("the plan of %s is not the one that was shown: its digest is %.12s", plan, approval.Digest)
	}
	if approval.Decision == nil {
		decision := Decision{Approved: v.Approve, By: v.By, Comment: v.Comment, Digest: approval.Digest, At: a.Now().UTC()}
		if approval, err = a.Approvals.Settle(ctx, v.RunID, v.Stage, v.Stack, decision); err != nil {
			return approval, err
		}
	}
	if _, err := a.Tasks.Answer(ctx, approval.Token, *approval.Decision); err != nil {
		return approval, err
	}
	return approval, a.Publisher.Publish(ctx, fact(a.Now(), v.RunID, approval.CausationID, events.ApprovalDecided{
		Run: approval.Run, Target: approval.Target, Digest: approval.Digest,
		Approved: approval.Decision.Approved, By: approval.Decision.By, Comment: approval.Decision.Comment,
	}, v.Stage, v.Stack))
}

func verb(approved bool) string {
	if approved {
		return "approved"
	}
	return "rejected"
}
