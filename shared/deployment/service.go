package deployment

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// How long things may take. The workflow's TimeoutSeconds of the state is
// named beside each.
const (
	leaseSlack     = 15 * time.Minute // beyond the time-out of the longest state that a lease covers
	planTime       = 15 * time.Minute // Plan and ReadPlan, with their retries
	shareTime      = time.Hour        // CloudFormation reads a template's URL within minutes
	invocationTime = 2 * time.Minute  // every Task that does not wait for a token

	maxOperation  = 24 * time.Hour // then a stack operation counts as stuck
	maxAttempts   = 3              // to begin an operation
	maxRecoveries = 2              // of one stack, before it is planned; one more may follow each failed operation
)

// Service performs the actions of the pipeline workflow. Each method may be
// called again with the same input and then has the same effect once.
type Service struct {
	Stacks     Stacks
	ChangeSets ChangeSets
	Templates  Templates
	Recoveries Recoveries
	Alarms     verification.Alarms // of the workload accounts
	Locks      Locks
	StackLocks StackLocks
	Runs       Runs
	Approvals  Approvals
	Tokens     Tokens
	Registry   Registry
	Rollouts   Rollouts  // nil where no stack is rolled out
	Baselines  Baselines // nil where no drift is accepted
	Changers   Changers  // nil where nobody knows who made drift
	Exposure   Exposure  // nil: security groups are judged by the default policy
	Tasks      Tasks
	Files      Files
	Assets     Assets // nil where no cloud assembly is deployed
	Publisher  Publisher
	Verifier   Verifier
	Now        func() time.Time
}

// Answered is what an action that waits for a task token returns: the release
// itself travels by the token's answer.
type Answered struct {
	RunID string `json:"runId"`
	State string `json:"state"`           // waiting, answered, failed
	Error string `json:"error,omitempty"` // why it failed
}

// callback runs an action of a state that waits for a token. A failure is
// answered through the token as well: the error of the function itself says
// nothing about what the token's owner will still hear.
func (s *Service) callback(ctx context.Context, r Release, token string, act func() (state string, err error)) (Answered, error) {
	state, err := act()
	if err == nil {
		return Answered{RunID: r.RunID, State: state}, nil
	}
	kind := fault.Kind(err)
	var waits *pending
	if errors.As(err, &waits) {
		kind = waits.name
	}
	if failed := s.Tasks.Fail(ctx, token, kind, err.Error()); failed != nil {
		return Answered{}, failed
	}
	return Answered{RunID: r.RunID, State: "failed", Error: err.Error()}, nil
}

// PlanPending is the error of a ReadPlan state whose change set is still being
// made. The workflow retries it with growing intervals: a retry is billed as
// one transition where a Choice, a Wait and a Task are three, and the token's
// failure is none of the function's own, which would count in its Errors.
const PlanPending = "PlanPending"

// planPatience is for how long a ReadPlan state is tried again: the sum of its
// waits.
const planPatience = (2 + 8 + 30 + 110 + 420) * time.Second

// pending is an answer that is no fault: the workflow asks again later.
type pending struct{ name, message string }

func (p *pending) Error() string { return p.message }

const (
	answeredNow   = "answered"
	answeredLater = "waiting"
)

// fact makes a fact of the release. Its id is made from the run, the type and
// parts, so that a repeated action repeats the id.
func (s *Service) fact(r Release, data events.Data, parts ...string) events.Fact {
	return fact(s.Now(), r.RunID, r.CausationID, data, parts...)
}

func fact(now time.Time, runID, causationID string, data events.Data, parts ...string) events.Fact {
	id := runID + "/" + data.DetailType()
	for _, part := range parts {
		id += "/" + part
	}
	return events.Fact{
		Metadata: events.Metadata{ID: id, CorrelationID: runID, CausationID: causationID, Time: now.UTC()},
		Data:     data,
	}
}

// target returns the stack that the step is about.
func target(r Release) (events.Target, error) {
	stage, stack, ok := r.Current()
	if !ok {
		return events.Target{}, fault.Permanent("run %s has no stack %q in stage %q", r.RunID, r.Step.Stack, r.Step.Stage)
	}
	return events.Target{Stage: stage.Name, Stack: stack.Name, StackName: stack.StackName, Account: stage.Account, Region: stage.Region, Role: stage.Role, Owner: r.Repository}, nil
}

// token is the ClientRequestToken of the plan's operation: the same one
// whenever the step is repeated. CloudFormation puts it on every event of the
// operation.
func token(r Release) string {
	name := "evenkeel-" + r.RunID + "-" + r.Step.Stage + "-" + r.Step.Stack
	if r.Step.Rollback {
		name += "-rollback"
	}
	if r.Plan.Operation == OperationExecute {
		return name
	}
	return name + "-" + r.Plan.Operation + "-" + strconv.Itoa(r.Plan.Recoveries) // the same one may be needed twice
}

// writes is how often a queue is read and written again when another run was
// faster.
const writes = 10

// errUnchanged says that the queue is as it should be.
var errUnchanged = errors.New("unchanged")

// changeQueue applies change to the repository's queue. What change returns
// besides is kept from the try that was stored.
func (s *Service) changeQueue(ctx context.Context, repository string, change func(Queue) (Queue, []Answer, error)) error {
	var err error
	for range writes {
		queue, version, readErr := s.Locks.Read(ctx, repository)
		if readErr != nil {
			return readErr
		}
		next, answers, changeErr := change(queue)
		if errors.Is(changeErr, errUnchanged) {
			return nil
		}
		if changeErr != nil {
			return changeErr
		}
		err = s.Locks.Write(ctx, repository, next, version)
		if err == nil {
			return s.answerAll(ctx, repository, answers)
		}
		if !fault.Is(err, fault.ConflictError) {
			return err
		}
	}
	return fault.Transient("the lock of %s changed %d times while it was written: %w", repository, writes, err)
}

// answerAll tells the runs. One that was granted the lock but waits no longer
// is taken out again, so that the next one gets it.
func (s *Service) answerAll(ctx context.Context, repository string, answers []Answer) error {
	for _, answer := range answers {
		waiting, err := s.Tasks.Answer(ctx, answer.Token, answer.LockAnswer)
		if err != nil {
			return err
		}
		if waiting || answer.State != LockHeld {
			continue
		}
		err = s.changeQueue(ctx, repository, func(q Queue) (Queue, []Answer, error) {
			next, more := q.Drop(answer, s.Now(), leaseSlack)
			return next, more, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// renew extends the run's lease by the time that its next state may take. A
// run that lost the lock must not touch a stack any more. The stacks of a wave
// renew side by side: a lease that is long enough is not written again.
func (s *Service) renew(ctx context.Context, r Release, d time.Duration) error {
	return s.changeQueue(ctx, r.Repository, func(q Queue) (Queue, []Answer, error) {
		if q.lasts(r.RunID, s.Now().Add(d+leaseSlack-invocationTime)) {
			return q, nil, errUnchanged
		}
		next, held := q.Renew(r.RunID, s.Now().Add(d+leaseSlack))
		if !held {
			return q, nil, fault.Conflict("run %s no longer holds the lock of %s", r.RunID, r.Repository)
		}
		return next, nil, nil
	})
}
