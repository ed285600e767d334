package simulator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// failed decides what follows a failed create or update (CFN-5, CFN-6).
func (x *execution) failed(ctx context.Context, failed []failure) {
	create, suffix := x.op.kind == types.OperationTypeCreateStack, " Rollback requested by user."
	reason := failureReason(slices.DeleteFunc(slices.Clone(failed), func(f failure) bool { return f.id == "" }), "")
	for _, f := range failed {
		if f.id == "" {
			reason, suffix = f.err.Error(), ""
		}
	}
	x.r.mu.Lock()
	x.s.undo, x.op.cancel = x, nil
	if x.op.cancelled {
		reason = "User Initiated"
	}
	x.r.mu.Unlock()
	if x.op.onFailure == types.OnStackFailureDoNothing {
		x.leaveChildren()
	}
	switch {
	case x.op.onFailure == types.OnStackFailureDoNothing && create:
		x.end(types.StackStatusCreateFailed, reason, true)
	case x.op.onFailure == types.OnStackFailureDoNothing:
		x.end(types.StackStatusUpdateFailed, reason, true)
	case create && x.op.onFailure == types.OnStackFailureDelete:
		x.r.deleteEverything(ctx, x.s, x.op, nil)
	case create:
		x.rollbackCreate(ctx, reason+suffix)
	default:
		x.rollbackUpdate(ctx, reason, skipping{})
	}
}

// rollbackCreate deletes what a failed create made (CFN-5).
func (x *execution) rollbackCreate(ctx context.Context, reason string) {
	x.enter(types.StackStatusRollbackInProgress, strings.TrimSpace(reason))
	x.r.mu.Lock()
	var made []*resource
	for _, id := range sortedKeys(x.s.resources) {
		res := x.s.resources[id]
		if x.op.retainExceptOnCreate || res.attributes.deletionPolicy == "RetainExceptOnCreate" {
			res.attributes.deletionPolicy = "Delete"
		}
		made = append(made, res)
	}
	x.r.mu.Unlock()
	failed := x.cleanUp(ctx, made)
	if ctx.Err() != nil {
		return
	}
	if len(failed) > 0 {
		x.end(types.StackStatusRollbackFailed, deleteReason(failed), true)
		return
	}
	x.end(types.StackStatusRollbackComplete, "", true)
}

func deleteReason(failed []failure) string {
	var ids []string
	for _, f := range failed {
		ids = append(ids, f.id)
	}
	slices.Sort(ids)
	return "The following resource(s) failed to delete: [" + strings.Join(ids, ", ") + "]. "
}

// rollbackUpdate restores what a failed update changed, in reverse order, then
// deletes what it created; untouched resources stay untouched (CFN-6). The
// resources in skip are taken as restored.
func (x *execution) rollbackUpdate(ctx context.Context, reason string, skip skipping) {
	x.enter(types.StackStatusUpdateRollbackInProgress, reason)
	x.r.mu.Lock()
	x.s.undo = x
	if x.saved != nil {
		x.s.current, x.s.outputs, x.s.imported, x.saved = x.saved.current, x.saved.outputs, x.saved.imported, nil
	}
	x.r.mu.Unlock()
	var ids []string
	for _, id := range slices.Backward(x.p.order) {
		if t, ok := x.touched[id]; ok && !t.created {
			ids = append(ids, id)
		}
	}
	needs := dependents(x.p.template.Dependencies, ids)
	failed := inOrder(ctx, ids, needs, false, func(ctx context.Context, id string) error { return x.restore(ctx, id, skip) })
	if ctx.Err() != nil {
		return
	}
	if len(failed) > 0 {
		x.end(types.StackStatusUpdateRollbackFailed, strings.TrimSpace(failureReason(failed, "")), true)
		return
	}
	x.status(types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
	var left []*resource
	for _, id := range sortedKeys(x.touched) {
		t := x.touched[id]
		if (t.created || t.replaced) && t.next != nil && (t.next.identifier != "" || t.created) {
			made := t.next.clone()
			if t.replaced || x.op.retainExceptOnCreate || made.attributes.deletionPolicy != "Retain" {
				made.attributes.deletionPolicy = "Delete"
			}
			left = append(left, made)
		}
	}
	x.cleanUp(ctx, left)
	if ctx.Err() != nil {
		return
	}
	x.r.mu.Lock()
	for id := range x.s.resources {
		old, touched := x.before[id], x.touched[id].next != nil
		switch {
		case old == nil:
			delete(x.s.resources, id)
		case !touched:
			x.s.resources[id].properties, x.s.resources[id].attributes = clone(old.properties), old.attributes
		}
	}
	x.s.undo = nil
	x.r.mu.Unlock()
	x.end(types.StackStatusUpdateRollbackComplete, "", true)
}

// restore brings one resource back to what it was.
func (x *execution) restore(ctx context.Context, id string, skip skipping) error {
	x.r.mu.Lock()
	t, old := x.touched[id], x.before[id].clone()
	if t.restored {
		x.r.mu.Unlock()
		return nil // by an earlier attempt
	}
	skipped := skip.covers(x.s, x.s.resources[id])
	x.s.resources[id] = old
	if skipped {
		t.restored = true
		x.touched[id] = t
		x.r.setResource(x.s, x.op, old, types.ResourceStatusUpdateComplete, "Resource skipped")
		x.r.mu.Unlock()
		return nil
	}
	x.r.setResource(x.s, x.op, old, types.ResourceStatusUpdateInProgress, "")
	x.r.mu.Unlock()
	err := x.step(ctx, &resource{logicalID: id, typeName: old.typeName, attributes: t.next.attributes}, "rollback")
	switch {
	case err != nil:
	case old.typeName == nestedStack:
		err = x.restoreChild(ctx, old, skip)
	case !t.replaced:
		err = x.updateBack(ctx, t, old)
	}
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	if err != nil {
		x.r.setResource(x.s, x.op, old, types.ResourceStatusUpdateFailed, reasonOf(err, "update"))
		return err
	}
	t.restored = true
	x.touched[id] = t
	x.r.setResource(x.s, x.op, old, types.ResourceStatusUpdateComplete, "")
	return nil
}

// updateBack writes the old properties; after a drift-aware update, the values
// that were live before it (CFN-38).
func (x *execution) updateBack(ctx context.Context, t touch, old *resource) error {
	desired := x.previous(old)
	model, err := x.r.models.update(ctx, old.typeName, old.identifier, t.next.properties, desired)
	if err == nil {
		old.model = model
	}
	return err
}

// dependents inverts a dependency function over the ids.
func dependents(needs func(string) []string, ids []string) func(string) []string {
	inverted := map[string][]string{}
	for _, id := range ids {
		for _, needed := range needs(id) {
			inverted[needed] = append(inverted[needed], id)
		}
	}
	return func(id string) []string { return inverted[id] }
}

// cleanUp deletes resources, dependents first, honouring their deletion
// policy. Its failures do not fail an update.
func (x *execution) cleanUp(ctx context.Context, left []*resource) []failure {
	return x.r.deleteResources(ctx, x.s, x.op, left, x.needs())
}

// needs joins the dependencies of the deployed and the new template.
func (x *execution) needs() func(string) []string {
	before, err := parseTemplate(x.s.current.body)
	return func(id string) []string {
		needed := slices.Clone(x.p.template.Dependencies(id))
		if err == nil {
			needed = append(needed, before.Dependencies(id)...)
		}
		return needed
	}
}

// deleteResources deletes resources of a stack in reverse order of
// dependencies. One that the template retains is skipped.
func (r *region) deleteResources(ctx context.Context, s *stack, op *operation, list []*resource, needs func(string) []string) []failure {
	byID := map[string]*resource{}
	var ids []string
	for _, res := range list {
		byID[res.logicalID] = res
		ids = append(ids, res.logicalID)
	}
	slices.Reverse(ids)
	return inOrder(ctx, ids, dependents(needs, ids), false, func(ctx context.Context, id string) error {
		return r.deleteOne(ctx, s, op, byID[id])
	})
}

func (r *region) deleteOne(ctx context.Context, s *stack, op *operation, res *resource) error {
	x := &execution{r: r, s: s, op: op}
	current := func() bool {
		return s.resources[res.logicalID] == nil || s.resources[res.logicalID].identifier == res.identifier
	}
	show := func(status types.ResourceStatus, reason string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.setResource(s, op, res, status, reason)
		if current() {
			s.resources[res.logicalID] = res
		}
		if status == types.ResourceStatusDeleteComplete && op.kind == types.OperationTypeUpdateStack && current() {
			delete(s.resources, res.logicalID)
		}
	}
	switch res.attributes.deletionPolicy {
	case "Retain", "RetainExceptOnCreate":
		show(types.ResourceStatusDeleteSkipped, "")
		r.mu.Lock()
		defer r.mu.Unlock()
		if op.kind == types.OperationTypeUpdateStack && current() {
			delete(s.resources, res.logicalID)
		}
		return nil
	}
	show(types.ResourceStatusDeleteInProgress, "")
	err := x.step(ctx, res, "delete")
	switch {
	case err != nil || res.identifier == "":
	case res.typeName == nestedStack:
		err = r.deleteChild(ctx, op, res)
	default:
		err = r.models.delete(ctx, res.typeName, res.identifier)
	}
	var failed *ResourceError
	if errors.As(err, &failed) && failed.Code == "NotFound" {
		err = nil
	}
	if err != nil {
		show(types.ResourceStatusDeleteFailed, reasonOf(err, "deletion"))
		return fmt.Errorf("%s: %w", res.logicalID, err)
	}
	show(types.ResourceStatusDeleteComplete, "")
	return nil
}
