package deployment

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Approver decides on plans for a person. It needs nothing of a workload
// account: the execution checks by itself that the change set is still the one
// that was approved, and that the person may approve it.
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
	Comment             string // of a rejection the reason; it must have one
	Via                 Via
	Seen                Seen // the document that was shown; zero if none was
}

// errDuties is in the chain of a refusal of somebody who may not approve.
var errDuties = errors.New("separation of duties")

// IsDuties reports whether somebody may not approve the plan because it is, or
// may be, their own push.
func IsDuties(err error) bool { return errors.Is(err, errDuties) }

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
// and the confirmation was lost. Errors: InvalidError for an unknown plan, a
// rejection without a reason, and (IsDuties) an author who may not approve;
// ConflictError for a plan that is decided or expired, differs from the one
// seen, or belongs to a run that has ended.
func (a *Approver) Decide(ctx context.Context, v Verdict) (Approval, error) {
	stored, ok, err := a.Approvals.Get(ctx, v.RunID, v.Stage, v.Stack)
	if err != nil {
		return Approval{}, err
	}
	run, err := a.Runs.Read(ctx, v.RunID)
	if err != nil {
		return stored, err
	}
	plan := v.Stack + " in " + v.Stage + " of run " + v.RunID
	switch {
	case !ok:
		return Approval{}, fault.Invalid("no plan of %s waits for approval", plan)
	case stored.Decision != nil && (stored.Decision.Approved != v.Approve || stored.Decision.By != v.By):
		return stored, fault.Conflict("the plan of %s was already %s by %s", plan, verb(stored.Decision.Approved), stored.Decision.By)
	case stored.Decision == nil && !a.Now().Before(stored.Expires):
		return stored, fault.Conflict("the approval of %s expired at %s", plan, stored.Expires.Format(time.RFC3339))
	case stored.Decision == nil && run.End != nil:
		return stored, fault.Conflict("run %s has ended as %s", v.RunID, run.End.Finished.Outcome)
	case v.Digest != "" && v.Digest != stored.Digest, v.Seen.SHA256 != "" && stored.Seen != v.Seen.SHA256:
		return stored, fault.Conflict("the plan of %s is not the one that was shown: its digest is %.12s", plan, stored.Digest)
	case !v.Approve && v.Comment == "":
		return stored, fault.Invalid("a rejection needs a reason: whoever pushed must know what to change")
	}
	if err := MayDecide(stored, v.By, v.Approve); err != nil {
		return stored, err
	}
	if stored.Decision == nil {
		if stored, err = a.Approvals.Settle(ctx, v.RunID, v.Stage, v.Stack, a.decision(v, stored)); err != nil {
			return stored, err
		}
	}
	if _, err := a.Tasks.Answer(ctx, stored.Token, *stored.Decision); err != nil {
		return stored, err
	}
	return stored, a.Publisher.Publish(ctx, fact(a.Now(), v.RunID, stored.CausationID, announced(stored), v.Stage, v.Stack))
}

func (a *Approver) decision(v Verdict, stored Approval) Decision {
	return Decision{
		Approved: v.Approve, By: v.By, Session: approval.Session(v.By), Comment: v.Comment, Digest: stored.Digest, At: a.Now().UTC(),
		Via: v.Via, Seen: v.Seen, Relation: stored.Authors.Standing(v.By).Relation,
	}
}

// announced is the fact of a stored decision.
func announced(stored Approval) events.ApprovalDecided {
	d := stored.Decision
	decided := events.ApprovalDecided{
		Run: stored.Run, Target: stored.Target, Digest: stored.Digest, Approved: d.Approved, By: d.By, Comment: d.Comment,
		ChangeSetID: stored.ChangeSetID, Session: d.Session, At: &d.At, Expires: &stored.Expires, Relation: d.Relation, Risk: stored.Risk,
	}
	if d.Via != (Via{}) {
		decided.Via = &d.Via
	}
	if d.Seen != (Seen{}) {
		decided.Seen = &d.Seen
	}
	return decided
}

// MayDecide refuses an approval by an author of the push where the stage
// forbids it, or by somebody who cannot be told apart from who pushed although
// the repository's registration has identities. Everybody may reject. The error
// is an InvalidError, and IsDuties.
func MayDecide(a Approval, by string, approve bool) error {
	if !approve || a.SelfAllowed {
		return nil
	}
	if reason := a.Authors.Standing(by).Refusal(); reason != "" {
		return fault.Invalid("%w: %s may not approve %s/%s: %s", errDuties, by, a.Target.Stage, a.Target.Stack, reason)
	}
	return nil
}

func verb(approved bool) string {
	if approved {
		return "approved"
	}
	return "rejected"
}
