package deployment

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// How long things may take. The workflow's TimeoutSeconds of the state is
// named beside each.
const (
	leaseSlack    = 15 * time.Minute // beyond the time-out of the longest state that a lease covers
	approvalTime  = 24 * time.Hour   // RequestApproval
	executionTime = 30 * time.Minute // Execute
	awaitTime     = 2 * time.Hour    // Await
	shareTime     = time.Hour        // CloudFormation reads a template's URL within minutes

	maxOperation = 24 * time.Hour // then a stack operation counts as stuck
	maxAwaits    = 40             // the same when waiting fails again and again; a day of waiting takes 12
	maxAttempts  = 3              // to start an execution
)

// Service performs the actions of the pipeline workflow. Each method may be
// called again with the same input and then has the same effect once.
type Service struct {
	Stacks     Stacks
	ChangeSets ChangeSets
	Locks      Locks
	Runs       Runs
	Approvals  Approvals
	Tokens     Tokens
	Registry   Registry
	Tasks      Tasks
	Files      Files
	Assets     Assets // nil where no cloud assembly is deployed
	Publisher  Publisher
	Stateful   []string // further types whose resources hold data
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
	if failed := s.Tasks.Fail(ctx, token, fault.Kind(err), err.Error()); failed != nil {
		return Answered{}, failed
	}
	return Answered{RunID: r.RunID, State: "failed", Error: err.Error()}, nil
}

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
	return events.Target{Stage: stage.Name, Stack: stack.Name, StackName: stack.StackName, Account: stage.Account, Region: stage.Region}, nil
}

// token is the ClientRequestToken of the step: the same one whenever the step
// is repeated. CloudFormation puts it on every event of the operation.
func token(r Release) string { return "evenkeel-" + r.RunID + "-" + r.Step.Stage + "-" + r.Step.Stack }

// writes is how often a queue is read and written again when another run was
// faster.
const writes = 10

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
// run that lost the lock must not touch a stack any more.
func (s *Service) renew(ctx context.Context, r Release, d time.Duration) error {
	return s.changeQueue(ctx, r.Repository, func(q Queue) (Queue, []Answer, error) {
		next, held := q.Renew(r.RunID, s.Now().Add(d+leaseSlack))
		if !held {
			return q, nil, fault.Conflict("run %s no longer holds the lock of %s", r.RunID, r.Repository)
		}
		return next, nil, nil
	})
}
