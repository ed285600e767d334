package deployment

import (
	"context"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// drifted is the status of a stack with drift.
const drifted = "DRIFTED"

// subject reads what an approval of the plan is bound to, besides the change
// set that was read already.
func (s *Service) subject(ctx context.Context, r Release, to events.Target, c ChangeSet) (approval.Subject, error) {
	stage, _, _ := r.Current()
	found := approval.Subject{ChangeSet: c, Expires: r.Plan.Expires}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return found, err
	}
	found.Stack = approval.Stack{ID: stack.ID, Status: stack.Status, Role: stack.Role, Assume: stage.Role}
	found.Drift = approval.Drift{Status: stack.Drift}
	if stack.Drift == drifted {
		drifts, err := s.Stacks.Drifts(ctx, to)
		if err != nil {
			return found, err
		}
		for _, drift := range drifts {
			found.Drift.Resources = append(found.Drift.Resources, drift.Text)
		}
	}
	if !c.Unchanged() {
		template, err := s.Templates.Original(ctx, to, c.ID)
		if err != nil {
			return found, err
		}
		found.Template = string(template)
	}
	return found, nil
}

// parts digests what an approval of the plan is bound to, as it is now.
func (s *Service) parts(ctx context.Context, r Release, to events.Target, c ChangeSet) (approval.Parts, error) {
	found, err := s.subject(ctx, r, to, c)
	if err != nil {
		return approval.Parts{}, err
	}
	return found.Parts()
}

// permitted refuses to execute a change set that is not what was planned and
// rated, or that lacks the approval of exactly that by somebody who may give it.
// Everything is read again. What is refused is an InvalidError that names what
// differs.
func (s *Service) permitted(ctx context.Context, r Release, to events.Target, c ChangeSet) error {
	now, err := s.parts(ctx, r, to, c)
	if err != nil {
		return err
	}
	at := to.Stack + " in " + to.Stage
	switch differences := r.Plan.Parts.Differences(now); {
	case len(differences) > 0:
		return fault.Invalid("the plan of %s is no longer what it was when it was made; different: %s. Push again for a new plan",
			at, strings.Join(differences, ", "))
	case now.Digest() != r.Plan.Digest:
		return fault.Invalid("the plan of %s has the digest %.15s, which is not that of what it would do (%.15s). Push again for a new plan",
			at, r.Plan.Digest, now.Digest())
	}
	if r.Plan.Gate == GateAuto {
		return nil
	}
	return s.approved(ctx, r, to, at)
}

// approved checks the decision that the workflow brought against the stored
// one, and again who may decide and until when.
func (s *Service) approved(ctx context.Context, r Release, to events.Target, at string) error {
	d := r.Decision
	if d == nil || !d.Approved || d.Digest != r.Plan.Digest {
		return fault.Invalid("the plan of %s was not approved with the digest %.15s", at, r.Plan.Digest)
	}
	if now := s.Now(); !now.Before(r.Plan.Expires) || !d.At.Before(r.Plan.Expires) {
		return fault.Invalid("the approval of %s expired at %s and cannot be used at %s. Push again for a new plan",
			at, r.Plan.Expires.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	stage, _, _ := r.Current()
	asked := Approval{Target: to, Authors: r.Authors, SelfAllowed: stage.SelfApproval == pipeline.SelfAllowed}
	if err := MayDecide(asked, d.By, true); err != nil {
		return err
	}
	stored, ok, err := s.Approvals.Get(ctx, r.RunID, to.Stage, to.Stack)
	switch {
	case err != nil:
		return err
	case !ok || stored.Decision == nil || !same(*stored.Decision, *d):
		return fault.Invalid("the decision on %s is not the one that is recorded", at)
	default:
		return nil
	}
}

func same(a, b Decision) bool {
	at := a.At.Equal(b.At)
	a.At, b.At = time.Time{}, time.Time{}
	return at && a == b
}
