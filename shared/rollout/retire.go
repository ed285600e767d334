package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// RetirePending is the error of a Retire state whose stack is still being
// deleted. The workflow retries it with growing intervals.
const RetirePending = "RetirePending"

// maxRetires is how often the workflow retries: then the deletion is not waited
// for any more.
const maxRetires = 8

// pending is an answer that is no fault: the workflow asks again later.
type pending struct{ message string }

func (p *pending) Error() string { return p.message }

// Retire ends the time in which the traffic can be given back at once, and does
// with the old side what evenkeel.yaml says.
func (s *Service) Retire(ctx context.Context, ref Ref, token string, retries int) (Answered, error) {
	return s.callback(ctx, ref.ID, token, func() (string, error) {
		err := s.change(ctx, ref, func(r *Record) error { return s.retire(ctx, r, retries >= maxRetires) })
		if err == nil || errors.Is(err, errGone) {
			_, err = s.Tasks.Answer(ctx, token, Answered{ID: ref.ID, State: stateAnswered})
		}
		return stateAnswered, err
	})
}

func (s *Service) retire(ctx context.Context, r *Record, last bool) error {
	if r.State.Phase == Promoted {
		_, wait, err := s.over(ctx, r)
		if err != nil {
			return err
		}
		if wait > 0 && !last {
			return &pending{"the old side is kept for " + wait.String() + " more"}
		}
		// From here on nobody can switch back: a stack that is deleted gets no traffic.
		r.State, r.Ended = Retire(r.State), s.Now().UTC()
		if err := s.write(ctx, r); err != nil {
			return err
		}
	}
	if r.State.Phase != Retired || r.Left != "" {
		return s.conclude(ctx, r)
	}
	left, why, err := s.leave(ctx, r, last)
	if err != nil {
		return err
	}
	r.Left = left
	r.note(Entry{Time: s.Now().UTC(), Action: EntryRetired, Weight: r.State.Weight, Why: why})
	if err := s.write(ctx, r); err != nil {
		return err
	}
	return s.conclude(ctx, r)
}

// leave does with the old side what evenkeel.yaml says, and says what became of
// it and why.
func (s *Service) leave(ctx context.Context, r *Record, last bool) (left, why string, err error) {
	switch {
	case r.Old == (Side{}):
		return LeftKept, "there was no old side", nil
	case r.Request.Rollout.Retire != pipeline.RetireDelete:
		return LeftKept, r.Old.called() + " stays without traffic, for the next rollout", nil
	case r.Old.StackName == "":
		return LeftKept, r.Old.called() + " was not deployed from here", nil
	case r.Old.StackName == r.Live.StackName:
		return LeftKept, r.Old.called() + " is the stack of the new side too", nil
	}
	percent, routed, err := s.Traffic.Weight(ctx, r.routing())
	const all = 100
	switch {
	case fault.Is(err, fault.InvalidError):
		return LeftNotDeleted, told(err.Error()), nil
	case err != nil:
		return "", "", err
	case routed && percent != all:
		return LeftNotDeleted, fmt.Sprintf("the old side gets %d %% of the traffic", all-percent), nil
	}
	// A route to what is gone could be taken over by somebody else.
	if _, err := s.Traffic.SetWeight(ctx, Routing{Target: r.target(), Router: r.Request.Rollout.Router, Candidate: r.Live}, all); err != nil {
		return "", "", err
	}
	// The lock is that of both sides: a deployment of either holds it.
	holder, err := s.Locks.Acquire(ctx, r.target(), r.ID, "", s.Now().Add(lockTime))
	switch {
	case err != nil:
		return "", "", err
	case holder != r.ID && last:
		return LeftNotDeleted, "the stack " + r.Request.Target.StackName + " is locked by " + holder, nil
	case holder != r.ID:
		return "", "", &pending{"the stack " + r.Request.Target.StackName + " is locked by " + holder}
	}
	to := r.target()
	to.StackName = r.Old.StackName
	left, why, err = s.remove(ctx, r, to, last)
	if err == nil && left == LeftDeleted {
		err = s.Registry.Forget(ctx, to.Account, to.Region, to.StackName)
	}
	if err != nil {
		return "", "", err
	}
	return left, why, s.Locks.Release(ctx, r.target(), r.ID)
}

// remove deletes the stack of the old side if that loses nothing.
func (s *Service) remove(ctx context.Context, r *Record, to events.Target, last bool) (left, why string, err error) {
	stack, err := s.Stacks.Describe(ctx, to)
	switch {
	case err != nil:
		return "", "", err
	case stack.Status == "" || stack.Status == "DELETE_COMPLETE" || r.Old.StackID != "" && stack.ID != r.Old.StackID:
		return LeftDeleted, "the stack " + to.StackName + " is deleted", nil
	case stack.Status == "DELETE_FAILED":
		return LeftNotDeleted, "the stack " + to.StackName + " could not be deleted: " + stack.Reason, nil
	case last:
		return LeftNotDeleted, "the stack " + to.StackName + " is in " + stack.Status + " and was not waited for any longer", nil
	case strings.HasSuffix(stack.Status, "_IN_PROGRESS"):
		return "", "", &pending{"the stack " + to.StackName + " is in " + stack.Status}
	case stack.Repository != r.Request.Run.Repository:
		return LeftNotDeleted, "the stack " + to.StackName + " was not deployed for " + r.Request.Run.Repository, nil
	case stack.Protected:
		return LeftNotDeleted, "the stack " + to.StackName + " has termination protection", nil
	}
	text, err := s.Stacks.Template(ctx, to)
	if err != nil {
		return "", "", err
	}
	if lost := loses(text); len(lost) > 0 {
		return LeftNotDeleted, "the stack " + to.StackName + " has what would be lost: " + strings.Join(lost, ", ") + ". A DeletionPolicy of Retain lets it be deleted", nil
	}
	if err := s.Stacks.Delete(ctx, to, stack.ID, "evenkeel-retire-"+r.ID); err != nil {
		return "", "", err
	}
	return "", "", &pending{"the stack " + to.StackName + " is being deleted"}
}

// loses lists the resources of a template that hold what cannot be made again,
// and that go with their stack. Of a nested stack nobody can tell.
// Source: CloudFormation template reference, "DeletionPolicy attribute".
func loses(text []byte) []string {
	parsed, err := template.Parse("template", text)
	if err != nil {
		return []string{"a template that cannot be read"}
	}
	var lost []string
	for _, resource := range parsed.Resources.All() {
		what, holds := holding(resource.Type)
		if holds && !slices.Contains([]string{"Retain", "RetainExceptOnCreate"}, resource.DeletionPolicy) {
			lost = append(lost, fmt.Sprintf("%s (%s: %s)", resource.LogicalID, resource.Type, what))
		}
	}
	slices.Sort(lost)
	const most = 5
	if len(lost) > most {
		lost = append(lost[:most], fmt.Sprintf("and %d more", len(lost)-most))
	}
	return lost
}

func holding(resourceType string) (what string, ok bool) {
	if resourceType == "AWS::CloudFormation::Stack" {
		return "a stack of its own", true
	}
	loss, ok := schema.Holds(resourceType)
	return loss.What, ok
}
