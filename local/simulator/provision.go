package simulator

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// one brings one resource to its new state.
func (x *execution) one(ctx context.Context, id string) error {
	declared, _ := x.p.template.Resources.Get(id)
	properties, attributes, err := x.p.evaluate(ctx, id, x.resource)
	next := &resource{logicalID: id, typeName: declared.Type, properties: properties, attributes: attributes}
	old := x.before[id]
	if err != nil {
		return x.fail(next, old, err)
	}
	if old == nil {
		return x.create(ctx, next)
	}
	t, _ := schema.Load(declared.Type)
	drifted := false
	if x.op.revert && declared.Type != nestedStack {
		gone := false
		if gone, drifted, err = x.readActual(ctx, t, next, old); err != nil {
			return x.fail(next, old, err)
		} else if gone {
			return x.create(ctx, next)
		}
	}
	if old.typeName != next.typeName || replaces(t, old.properties, properties) {
		return x.replace(ctx, next, old)
	}
	if declared.Type == nestedStack {
		if x.skipsChild(id) {
			x.keep(next)
			return nil
		}
		return x.update(ctx, next, old)
	}
	changed := !reflect.DeepEqual(old.properties, properties)
	if x.op.revert {
		changed = drifted || x.unseen(t, old, properties)
	}
	if !changed {
		x.keep(next)
		return nil
	}
	return x.update(ctx, next, old)
}

// keep records a resource that has nothing to be done to: only what
// CloudFormation knows about it changes.
func (x *execution) keep(next *resource) {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	res := x.s.resources[next.logicalID]
	res.attributes, res.properties = next.attributes, next.properties
	if x.op.revert {
		res.drift = nil
	}
}

// unseen tells whether a drift-aware update has to do what comparing the new
// template with the live model does not show: a write-only property changed, or
// the template no longer names a property that is still there.
func (x *execution) unseen(t *schema.Type, old *resource, after map[string]any) bool {
	x.r.mu.Lock()
	live := x.actual[old.logicalID]
	x.r.mu.Unlock()
	return slices.ContainsFunc(leaves(old.properties, after), func(l leaf) bool {
		_, there := valueAt(live, l.path)
		return t != nil && contains(t.WriteOnly, l.path) || l.kind == types.AttributeChangeTypeRemove && there
	})
}

// replaces tells whether going from before to after needs a new resource.
func replaces(t *schema.Type, before, after map[string]any) bool {
	return slices.ContainsFunc(leaves(before, after), func(l leaf) bool {
		return recreation(t, l) == types.RequiresRecreationAlways
	})
}

// readActual looks at the live resource for a drift-aware update and keeps its
// state for a rollback (CFN-38).
func (x *execution) readActual(ctx context.Context, t *schema.Type, next, old *resource) (gone, drifted bool, err error) {
	live, err := x.r.models.read(ctx, old.typeName, old.identifier)
	var failed *ResourceError
	if errors.As(err, &failed) && failed.Code == "NotFound" {
		return true, false, nil
	}
	if err != nil {
		return false, false, err
	}
	x.r.mu.Lock()
	x.actual[next.logicalID] = live
	x.r.mu.Unlock()
	return false, len(driftBetween(t, next.properties, live)) > 0, nil
}

func (x *execution) create(ctx context.Context, next *resource) error {
	x.r.mu.Lock()
	x.s.resources[next.logicalID] = next
	x.touched[next.logicalID] = touch{created: true, next: next}
	x.r.setResource(x.s, x.op, next, types.ResourceStatusCreateInProgress, "")
	x.r.mu.Unlock()
	if err := x.make(ctx, next); err != nil {
		return x.fail(next, nil, err)
	}
	x.set(next, types.ResourceStatusCreateComplete, "")
	return nil
}

// make creates the physical resource of next.
func (x *execution) make(ctx context.Context, next *resource) error {
	if err := x.step(ctx, next, "create"); err != nil {
		return err
	}
	t, _ := schema.Load(next.typeName)
	if found := checkProperties(t, next.properties); len(found) > 0 {
		return errors.New(describeViolations(next.logicalID, found))
	}
	if next.typeName == nestedStack {
		return x.makeChild(ctx, next)
	}
	identifier, model, err := x.r.models.create(ctx, next.typeName, next.properties, nameHint{x.s.name, next.logicalID})
	if err != nil {
		return err
	}
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	next.identifier, next.model = identifier, model
	next.physicalID = physicalID(t, next.typeName, identifier, model)
	status := types.ResourceStatusCreateInProgress
	if x.before[next.logicalID] != nil {
		status = types.ResourceStatusUpdateInProgress
	}
	x.r.setResource(x.s, x.op, next, status, "Resource creation Initiated")
	return nil
}

func (x *execution) replace(ctx context.Context, next, old *resource) error {
	x.r.mu.Lock()
	x.touched[next.logicalID] = touch{replaced: true, next: next}
	next.physicalID = old.physicalID
	x.s.resources[next.logicalID] = next
	x.r.setResource(x.s, x.op, next, types.ResourceStatusUpdateInProgress, "Requested update requires the creation of a new physical resource; hence creating one.")
	x.r.mu.Unlock()
	if err := x.make(ctx, next); err != nil {
		var failed *ResourceError
		if errors.As(err, &failed) && failed.Code == "AlreadyExists" {
			err = fmt.Errorf("CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %s and update the stack again.", old.physicalID) //nolint:staticcheck,revive // CloudFormation's own sentence
		}
		return x.fail(next, old, err)
	}
	x.set(next, types.ResourceStatusUpdateComplete, "")
	return nil
}

func (x *execution) update(ctx context.Context, next, old *resource) error {
	next.physicalID, next.identifier, next.model = old.physicalID, old.identifier, old.model
	x.r.mu.Lock()
	x.touched[next.logicalID] = touch{next: next}
	x.s.resources[next.logicalID] = next
	x.r.setResource(x.s, x.op, next, types.ResourceStatusUpdateInProgress, "")
	x.r.mu.Unlock()
	if err := x.step(ctx, next, "update"); err != nil {
		return x.fail(next, old, err)
	}
	t, _ := schema.Load(next.typeName)
	if found := checkProperties(t, next.properties); len(found) > 0 {
		return x.fail(next, old, errors.New(describeViolations(next.logicalID, found)))
	}
	model, err := x.change(ctx, next, old)
	if err != nil {
		return x.fail(next, old, err)
	}
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	next.model = model
	x.r.setResource(x.s, x.op, next, types.ResourceStatusUpdateComplete, "")
	return nil
}

// change updates the physical resource and gives its new model.
func (x *execution) change(ctx context.Context, next, old *resource) (map[string]any, error) {
	if next.typeName == nestedStack {
		return x.updateChild(ctx, next, old)
	}
	return x.r.models.update(ctx, next.typeName, next.identifier, x.previous(old), next.properties)
}

// previous gives the properties that an update starts from: those deployed
// last, or in a drift-aware update those that are live (CFN-38).
func (x *execution) previous(old *resource) map[string]any {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	live, ok := x.actual[old.logicalID]
	if !ok {
		return old.properties
	}
	previous := clone(old.properties)
	for name := range previous {
		if value, there := live[name]; there {
			previous[name] = cloneAny(value)
		}
	}
	return previous
}

var errCancelled = errors.New("cancelled")

// step waits as long as the resource takes and applies injected faults.
func (x *execution) step(ctx context.Context, res *resource, on string) error {
	reason, delay := x.r.sim.faults.onStep(step{
		account: x.r.account, region: x.r.name, stack: x.s.name, logicalID: res.logicalID, typeName: res.typeName, on: on, metadata: res.attributes.metadata,
	})
	if !pause(ctx, max(x.r.sim.opts.ResourceDelay, 0)+delay) {
		return errCancelled
	}
	if reason != "" {
		return resourceError("GeneralServiceException", "%s", reason)
	}
	return nil
}

// fail records a resource's failure and returns it.
func (x *execution) fail(next, old *resource, err error) error {
	verb, status := "creation", types.ResourceStatusCreateFailed
	if old != nil {
		verb, status = "update", types.ResourceStatusUpdateFailed
	}
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	if _, ok := x.s.resources[next.logicalID]; !ok {
		x.s.resources[next.logicalID] = next
		x.touched[next.logicalID] = touch{created: true, next: next}
	}
	if old != nil {
		next.physicalID = old.physicalID
	}
	x.r.setResource(x.s, x.op, next, status, reasonOf(err, verb))
	if old != nil {
		// What is deployed is still the old one; a later update starts there.
		kept := old.clone()
		kept.status, kept.reason, kept.updated = next.status, next.reason, next.updated
		x.s.resources[next.logicalID] = kept
	}
	return err
}

// reasonOf words a failure as the resource's status reason (CFN-7).
func reasonOf(err error, verb string) string {
	var failed *ResourceError
	switch {
	case errors.Is(err, errCancelled):
		return "Resource " + verb + " cancelled"
	case errors.As(err, &failed):
		return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)", failed.Message, newUUID(), failed.Code)
	}
	return err.Error()
}

func (x *execution) set(res *resource, status types.ResourceStatus, reason string) {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	x.r.setResource(x.s, x.op, res, status, reason)
}
