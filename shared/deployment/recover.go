package deployment

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// Recovery asks to recover a stack. Only a person does: what a workflow may do
// by itself, it does before it plans.
type Recovery struct {
	ID     string        `json:"id"`     // of this recovery: repeated with the same one, it is followed and not begun again
	Target events.Target `json:"target"` // account, region and stack name, and what else is known
	RunID  string        `json:"runId"`  // of the run that left the stack so; may be ""
	// Repository that the stack is deployed for, when the target names a role.
	Repository string `json:"repository"`
	// Skip names the resources that are left as they are: a continued rollback
	// takes them as restored, a deletion leaves them behind.
	Skip  []string `json:"skip"`
	By    string   `json:"by"`    // caller ARN
	Begin bool     `json:"begin"` // false only looks
	// Operation is what the person agreed to; another one is not begun.
	Operation string `json:"operation"`
}

// States of a recovery.
const (
	RecoveryNeeded  = "needed"  // and not begun
	RecoveryRunning = "running" // its end is awaited by asking again
	RecoveryDone    = "done"    // the stack is in order, or gone
	RecoveryStuck   = "stuck"   // it failed
)

// Recovered is how the stack stands.
type Recovered struct {
	State     string     `json:"state"`     // one of the Recovery constants
	Operation string     `json:"operation"` // that recovers it, one of the Operation constants
	Status    string     `json:"status"`    // of the stack; "" when it is gone
	Reason    string     `json:"reason,omitempty"`
	Resources []Resource `json:"resources"`      // that exist, or are not as they were
	Next      string     `json:"next,omitempty"` // what to type next
}

var recoveryID = regexp.MustCompile(`^[a-z0-9]{8,32}$`)

// recoveryLease is for how long a recovery holds the stack's lock when nobody
// follows it any more.
const recoveryLease = 5 * time.Minute

// Recover looks at a stack that a failed operation left, begins what recovers
// it, and says how that goes on. It never waits: the person's command asks
// again. The stack's lock is held while somebody asks. Errors: InvalidError for
// a request that does not fit the stack, ConflictError while somebody else works
// on it.
func (s *Service) Recover(ctx context.Context, q Recovery) (Recovered, error) {
	if !recoveryID.MatchString(q.ID) || q.Target.Account == "" || q.Target.Region == "" || q.Target.StackName == "" || q.Begin && q.By == "" {
		return Recovered{}, fault.Invalid("a recovery names its id, the account, the region, the stack, and who asks for it")
	}
	q.Target.Owner = q.Repository
	stack, err := s.Stacks.Describe(ctx, q.Target)
	if err != nil {
		return Recovered{}, err
	}
	if stack.Status != "" && stack.Tags[ownerTag] == "" {
		return Recovered{}, fault.Invalid("the stack %s in %s was not deployed from here: it has no tag %s", q.Target.StackName, q.Target.Account, ownerTag)
	}
	if stack.ID != "" {
		rows, err := s.Stacks.Events(ctx, q.Target, stack.ID, q.token())
		if err != nil {
			return Recovered{}, err
		}
		if len(rows) > 0 {
			return s.followed(ctx, q, stack, rows)
		}
	}
	found, err := s.look(ctx, q, stack)
	switch {
	case err != nil:
		return found, err
	case found.State == RecoveryDone:
		return found, s.release(ctx, q)
	case found.State != RecoveryNeeded || !q.Begin || q.Operation != found.Operation:
		return found, nil
	}
	err = s.beginRecovery(ctx, q, stack, &found)
	return found, err
}

func (q Recovery) owner() string { return "recovery-" + q.ID }

func (q Recovery) token() string { return "evenkeel-recover-" + q.ID }

// look says what the stack needs.
func (s *Service) look(ctx context.Context, q Recovery, stack Stack) (Recovered, error) {
	found := Recovered{State: RecoveryNeeded, Status: stack.Status, Reason: stack.Reason, Resources: []Resource{}}
	switch planning(stack.Status) {
	case planUpdate, planCreate:
		found.State = RecoveryDone
		return found, nil
	case planBusy: // ours, whose rows are not there yet, or another one to wait for
		found.State = RecoveryRunning
		return found, nil
	case planBack:
		found.Operation = OperationRollback
	case planGoOn:
		found.Operation = OperationContinue
	case planClear:
		found.Operation = OperationDelete
		if stack.Protected {
			found.State, found.Next = RecoveryStuck, unprotect(q.Target)
			found.Reason = "it has to be deleted, and has termination protection"
		}
	default:
		found.State, found.Next = RecoveryStuck, remedy(stack.Status, q.Target)
		return found, nil
	}
	resources, err := s.Recoveries.Resources(ctx, q.Target, stack.ID)
	if err != nil {
		return found, err
	}
	for _, resource := range remaining(resources) {
		if found.Operation == OperationDelete || strings.HasSuffix(resource.Status, "_FAILED") {
			found.Resources = append(found.Resources, resource)
		}
	}
	return found, nil
}

// beginRecovery records who wants what, and begins it under the stack's lock.
func (s *Service) beginRecovery(ctx context.Context, q Recovery, stack Stack, found *Recovered) error {
	switch {
	case len(q.Skip) == 0:
	case found.Operation == OperationRollback:
		return fault.Invalid("a stack in %s is rolled back as a whole; if that fails, its rollback can be continued without some resources", stack.Status)
	case found.Operation == OperationDelete && stack.Status != "DELETE_FAILED":
		return fault.Invalid("CloudFormation leaves resources behind only when a deletion has failed before; recover %s without --skip first", q.Target.StackName)
	}
	if err := s.holdFor(ctx, q, stack.Tags[sideTag]); err != nil {
		return err
	}
	request := events.StackRecoveryRequested{
		RunID: q.RunID, Target: q.Target, StackID: stack.ID, StackStatus: stack.Status, Operation: found.Operation, Skip: append([]string{}, q.Skip...), By: q.By,
	}
	requested := fact(s.Now(), q.owner(), q.owner(), request)
	if q.RunID != "" {
		requested.Metadata.CorrelationID = q.RunID
	}
	if err := s.Publisher.Publish(ctx, requested); err != nil {
		return err
	}
	var err error
	switch found.Operation {
	case OperationContinue:
		err = s.Recoveries.Continue(ctx, q.Target, q.token(), q.Skip)
	case OperationRollback:
		err = s.Recoveries.Rollback(ctx, q.Target, q.token())
	default:
		err = s.Recoveries.Delete(ctx, q.Target, q.token(), q.Skip)
	}
	if err != nil {
		return err
	}
	found.State = RecoveryRunning
	return nil
}

// followed says how a recovery stands that was begun.
func (s *Service) followed(ctx context.Context, q Recovery, stack Stack, rows []StackEvent) (Recovered, error) {
	status, _ := lastStatus(stack.ID, rows)
	found := Recovered{State: RecoveryRunning, Status: status, Resources: []Resource{}}
	if !ended(status) {
		return found, s.holdFor(ctx, q, stack.Tags[sideTag])
	}
	found.State = RecoveryDone
	if planning(status) != planUpdate && status != "ROLLBACK_COMPLETE" && status != "DELETE_COMPLETE" {
		failure := firstFailure(stack.ID, rows)
		found.State, found.Reason, found.Next = RecoveryStuck, why(&failure), remedy(status, q.Target)+skipHint(status, stack.ID, rows)
		if status == "DELETE_FAILED" {
			found.Next += ", with --skip for each resource that is to be left behind"
		}
	}
	return found, s.release(ctx, q)
}

// release gives back the lock that holdFor took. The stack, and with it the tag
// that says its side, may be gone.
func (s *Service) release(ctx context.Context, q Recovery) error {
	for _, side := range []string{"", rollout.Blue, rollout.Green} {
		to := whole(Release{Plan: Plan{Side: side}}, q.Target)
		if side != "" && to == q.Target {
			continue
		}
		if err := s.StackLocks.Release(ctx, to, q.owner()); err != nil {
			return err
		}
	}
	return nil
}

// holdFor takes the stack's lock, which both sides of one have together.
func (s *Service) holdFor(ctx context.Context, q Recovery, side string) error {
	return s.hold(ctx, Release{RunID: q.owner(), Plan: Plan{Side: side}}, q.Target, recoveryLease)
}
