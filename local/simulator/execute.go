package simulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// execution is a running create or update, and afterwards what is needed to
// undo it.
type execution struct {
	r  *region
	s  *stack
	op *operation
	p  *prepared

	before  map[string]*resource      // the stack's resources when it began
	actual  map[string]map[string]any // live models before a drift-aware update
	touched map[string]touch          // what was done to each resource

	children map[string]*execution // of nested stacks that were created or updated, by logical id
	saved    *state                // what commit replaced, for a rollback after it
}

// state is what a successful operation replaces beside the resources.
type state struct {
	current  deployment
	outputs  []types.Output
	imported map[string]bool
}

// touch is what an execution did to one resource.
type touch struct {
	created  bool      // there was none before
	replaced bool      // the one before still exists, beside the new one
	next     *resource // the new one, if it got as far as having an identifier
	restored bool      // by a rollback
}

// begin starts a create or update of the stack: the first status is visible
// when it returns. The caller holds r.mu.
func (r *region) begin(s *stack, op *operation, p *prepared) {
	x := r.open(s, op, p, "User Initiated")
	ctx, cancel := context.WithCancel(r.sim.ctx)
	op.cancel = cancel
	r.start(func(whole context.Context) {
		defer cancel()
		x.run(whole, ctx)
	})
}

// open sets the first status of a create or update. The caller holds r.mu.
func (r *region) open(s *stack, op *operation, p *prepared, reason string) *execution {
	r.begun(s, op)
	s.obsolete(op.changeSet)
	x := &execution{
		r: r, s: s, op: op, p: p, before: map[string]*resource{}, actual: map[string]map[string]any{}, touched: map[string]touch{},
		children: map[string]*execution{},
	}
	for id, res := range s.resources {
		if res.identifier != "" {
			x.before[id] = res.clone()
		}
	}
	status := types.StackStatusUpdateInProgress
	if op.kind == types.OperationTypeCreateStack {
		status = types.StackStatusCreateInProgress
		s.created = r.now()
	} else {
		s.updated = aws.Time(r.now())
	}
	s.disableRollback = op.onFailure == types.OnStackFailureDoNothing
	s.retainExceptOnCreate = op.retainExceptOnCreate
	if op.kind == types.OperationTypeCreateStack {
		s.current = *p.deployment
	}
	r.setStatus(s, op, status, reason)
	return x
}

// run provisions, waits the monitoring time, and then completes or rolls back.
// provisioning is the context that CancelUpdateStack ends.
func (x *execution) run(ctx, provisioning context.Context) {
	if !pause(ctx, x.r.sim.opts.OperationDelay) {
		return
	}
	watched, w := x.watch(provisioning)
	failed := x.provision(watched)
	if len(failed) == 0 {
		pause(watched, x.monitoring())
	}
	reason := w.stop()
	if ctx.Err() != nil {
		return
	}
	if reason != "" {
		failed = append(failed, failure{err: errors.New(reason)})
	}
	if len(failed) == 0 {
		err := x.commit()
		if err == nil {
			x.complete(ctx)
			return
		}
		failed = []failure{{err: err}}
	}
	x.failed(ctx, failed)
}

// provision creates, updates and replaces, dependencies first.
func (x *execution) provision(ctx context.Context) []failure {
	failed := inOrder(ctx, x.p.order, x.p.template.Dependencies, true, x.one)
	for i := range failed {
		failed[i].create = x.before[failed[i].id] == nil
	}
	return failed
}

// resource gives the attributes of a deployed resource. The caller holds r.mu.
func (x *execution) resource(id, attribute string) (any, error) {
	res, ok := x.s.resources[id]
	if !ok || res.identifier == "" {
		return nil, fmt.Errorf("resource %s does not exist", id)
	}
	return res.attribute(attribute)
}

// commit evaluates the outputs and makes the deployment the stack's own. It
// fails if an export is taken or a removed one is in use.
func (x *execution) commit() error {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	if x.op.cancelled {
		return errors.New("User Initiated")
	}
	x.op.cancel = nil
	outputs, err := x.p.outputs(x.p.scope(x.resource))
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, output := range outputs {
		name := aws.ToString(output.ExportName)
		kept[name] = true
		if owner, _, taken := x.r.export(name); name != "" && taken && owner != x.s {
			return fmt.Errorf("Export with name %s is already exported by stack %s. Rename or delete the export with this name and try again.", name, owner.name) //nolint:staticcheck,revive // CloudFormation's own sentence
		}
	}
	for _, output := range x.s.outputs {
		name := aws.ToString(output.ExportName)
		if users := x.r.importers(name); name != "" && !kept[name] && len(users) > 0 {
			return fmt.Errorf("Export %s cannot be deleted as it is in use by %s", name, strings.Join(users, ", ")) //nolint:staticcheck // CloudFormation's own sentence
		}
	}
	x.saved = &state{x.s.current, x.s.outputs, x.s.imported}
	x.s.outputs, x.s.imported = outputs, maps.Clone(x.p.imported)
	x.s.current, x.s.undo = *x.p.deployment, nil
	x.s.current.description = optional(x.p.template.Description)
	return nil
}

// complete cleans up what the update left over and ends the operation.
func (x *execution) complete(ctx context.Context) {
	if x.op.kind == types.OperationTypeCreateStack {
		x.end(types.StackStatusCreateComplete, "", false)
		return
	}
	x.enter(types.StackStatusUpdateCompleteCleanupInProgress, "")
	for _, id := range sortedKeys(x.children) {
		if child := x.children[id]; child.op.kind == types.OperationTypeUpdateStack {
			child.complete(ctx)
		}
	}
	var left []*resource
	for _, id := range sortedKeys(x.before) {
		old := x.before[id]
		switch {
		case !slices.Contains(x.p.order, id):
			left = append(left, old)
		case x.touched[id].replaced:
			replaced := old.clone()
			replaced.attributes.deletionPolicy = x.touched[id].next.attributes.updateReplacePolicy
			left = append(left, replaced)
		}
	}
	x.cleanUp(ctx, left)
	if ctx.Err() == nil {
		x.end(types.StackStatusUpdateComplete, "", false)
	}
}

func (x *execution) status(status types.StackStatus, reason string) {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	x.r.setStatus(x.s, x.op, status, reason)
}

// enter sets a status that the stack may be in already.
func (x *execution) enter(status types.StackStatus, reason string) {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	if x.s.status != status {
		x.r.setStatus(x.s, x.op, status, reason)
	}
}

// end sets the final status. The stack's drift is unknown after any change.
func (x *execution) end(status types.StackStatus, reason string, failed bool) {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	for id, res := range x.s.resources {
		if _, touched := x.touched[id]; touched {
			res.drift = nil
		}
	}
	x.r.ended(x.op, failed)
	x.r.setStatus(x.s, x.op, status, reason)
}
