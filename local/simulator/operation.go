package simulator

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// operation is one operation of a stack, by whoever asked for it.
type operation struct {
	id    string
	token string // ClientRequestToken, in every event of the operation
	kind  types.OperationType

	changeSet            *changeSet
	revert               bool // drift-aware
	onFailure            types.OnStackFailure
	retainExceptOnCreate bool
	undoes               bool // deletes a nested stack to undo its creation
	force                bool // FORCE_DELETE_STACK

	started   time.Time
	ended     *time.Time
	result    types.BeaconStackOperationStatus
	cancel    context.CancelFunc // stops starting resources; set while an update provisions
	cancelled bool
}

func newOperation(kind types.OperationType, token string) *operation {
	return &operation{id: newUUID(), token: token, kind: kind, result: types.BeaconStackOperationStatusInProgress}
}

// begun opens an operation's books. The caller holds r.mu.
func (r *region) begun(s *stack, op *operation) {
	op.started = r.now()
	s.lastOperation = types.OperationEntry{OperationId: &op.id, OperationType: op.kind}
	s.operations = append(s.operations, op)
}

// ended closes them. The caller holds r.mu.
func (r *region) ended(op *operation, failed bool) {
	now := r.now()
	op.ended, op.result = &now, types.BeaconStackOperationStatusSucceeded
	if failed {
		op.result = types.BeaconStackOperationStatusFailed
	}
	if cs := op.changeSet; cs != nil {
		cs.execution = types.ExecutionStatusExecuteComplete
		if failed {
			cs.execution = types.ExecutionStatusExecuteFailed
		}
		r.abandon(cs)
	}
}

// failure is a resource that could not be handled.
type failure struct {
	id     string
	create bool // failed to create, not to update
	err    error
}

// inOrder runs do for every id once everything it needs is done, in parallel
// where the order allows. With stop, nothing new starts after a failure and the
// context of what runs is cancelled; without, only dependents are left out.
func inOrder(ctx context.Context, ids []string, needs func(id string) []string, stop bool, do func(ctx context.Context, id string) error) []failure {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := schedule{needs: needs, done: map[string]bool{}, started: map[string]bool{}, results: make(chan failure)}
	for _, id := range ids {
		s.done[id] = false
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	var failed []failure
	for running := 0; ; running-- {
		for _, id := range ids {
			if ctx.Err() != nil || !s.ready(id) {
				continue
			}
			s.started[id] = true
			running++
			workers.Go(func() { s.results <- failure{id: id, err: do(ctx, id)} })
		}
		if running == 0 {
			return failed
		}
		result := <-s.results
		if result.err == nil {
			s.done[result.id] = true
			continue
		}
		failed = append(failed, result)
		if stop {
			cancel()
		}
	}
}

type schedule struct {
	needs   func(id string) []string
	done    map[string]bool // false: part of this run and not done
	started map[string]bool
	results chan failure
}

func (s *schedule) ready(id string) bool {
	return !s.started[id] && !slices.ContainsFunc(s.needs(id), func(other string) bool {
		done, part := s.done[other]
		return part && !done && other != id
	})
}

// failureReason is the stack's reason, listing what failed (CFN-7).
func failureReason(failed []failure, suffix string) string {
	var create, update []string
	for _, f := range failed {
		if f.create {
			create = append(create, f.id)
		} else {
			update = append(update, f.id)
		}
	}
	var sentences []string
	for _, part := range []struct {
		verb string
		ids  []string
	}{{"create", create}, {"update", update}} {
		if len(part.ids) > 0 {
			slices.Sort(part.ids)
			sentences = append(sentences, "The following resource(s) failed to "+part.verb+": ["+strings.Join(part.ids, ", ")+"].")
		}
	}
	if suffix != "" {
		sentences = append(sentences, suffix)
	}
	return strings.Join(sentences, " ")
}
