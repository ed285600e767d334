package deployment

import (
	"context"
	"encoding/json"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
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
		if err := s.renewBoth(ctx, r, to, time.Duration(r.Plan.ApprovalSeconds)*time.Second); err != nil {
			return "", err
		}
		if decided, err := s.decided(ctx, r, to, taskToken); decided || err != nil {
			return answeredNow, err
		}
		document, seen, err := LoadDocument(ctx, s.Files, r.Plan.Document)
		if err != nil {
			return "", err
		}
		if seen.SHA256 != r.Plan.Seen {
			return "", fault.Permanent("the plan %s was changed after it was written", r.Plan.Document)
		}
		approval := s.approval(r, to, taskToken)
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
			Authors: approval.Authors.Names(), SelfAllowed: approval.SelfAllowed, Document: &seen,
		}, to.Stage, to.Stack))
	})
}

func (s *Service) approval(r Release, to events.Target, taskToken string) Approval {
	stage, _, _ := r.Current()
	return Approval{
		Run: r.Run(), Target: to, CausationID: r.CausationID, ChangeSetID: r.Plan.ChangeSetID, Digest: r.Plan.Digest,
		Risk: r.Plan.Risk, Reasons: r.Plan.Reasons, Document: r.Plan.Document, Seen: r.Plan.Seen, Token: taskToken,
		Requested: s.Now().UTC(), Expires: r.Plan.Expires,
		Authors: r.Authors, SelfAllowed: stage.SelfApproval == pipeline.SelfAllowed,
	}
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

// byPolicy is the client and the decider of an approval that nobody gave.
const byPolicy = "policy"

// decidedByPolicy says that the stage's policy lets a safe plan go without a
// person, and which plan it was.
func (s *Service) decidedByPolicy(ctx context.Context, r Release, to events.Target) error {
	now := s.Now().UTC()
	return s.Publisher.Publish(ctx, s.fact(r, events.ApprovalDecided{
		Run: r.Run(), Target: to, Digest: r.Plan.Digest, Approved: true, By: byPolicy + ": " + pipeline.ApprovalOnRisk,
		ChangeSetID: r.Plan.ChangeSetID, At: &now, Risk: r.Plan.Risk, Via: &events.Via{Client: byPolicy},
		Seen: &events.Seen{Key: r.Plan.Document, SHA256: r.Plan.Seen},
	}, to.Stage, to.Stack))
}

// LoadDocument reads the document of a plan, and says what was read.
func LoadDocument(ctx context.Context, files interface {
	Get(ctx context.Context, key string) ([]byte, error)
}, key string) (Document, Seen, error) {
	data, err := files.Get(ctx, key)
	if err != nil {
		return Document{}, Seen{}, err
	}
	var document Document
	if err := json.Unmarshal(data, &document); err != nil {
		return Document{}, Seen{}, fault.Permanent("%s is not a plan: %w", key, err)
	}
	return document, Seen{Key: key, SHA256: approval.Hash(data)}, nil
}
