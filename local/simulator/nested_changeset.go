package simulator

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// identifier gives the ARN of a change set, nil for none.
func (cs *changeSet) identifier() *string {
	if cs == nil {
		return nil
	}
	return &cs.id
}

// obsolete marks the stack's change sets that no longer fit it (CFN-26), all
// but the executed one. The caller holds r.mu.
func (s *stack) obsolete(executed *changeSet) {
	for _, cs := range s.changes {
		if cs != executed && cs.execution == types.ExecutionStatusAvailable {
			cs.execution = types.ExecutionStatusObsolete
		}
	}
}

// abandon removes the change sets of nested stacks that were not executed with
// theirs, and the stacks that are still in review (CFN-75). The caller holds
// r.mu.
func (r *region) abandon(cs *changeSet) {
	for _, id := range sortedKeys(cs.children) {
		child := cs.children[id]
		if child.executed() {
			continue
		}
		r.abandon(child)
		s := child.stack
		s.changes = slices.DeleteFunc(s.changes, func(other *changeSet) bool { return other == child })
		if s.status == types.StackStatusReviewInProgress {
			s.deleted = aws.Time(r.now())
			r.setStatus(s, &operation{}, types.StackStatusDeleteComplete, "")
		}
	}
}

func (cs *changeSet) executed() bool {
	switch cs.execution {
	case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return true
	}
	return false
}

// nestedStack plans a nested stack: one row that says little (CFN-74), or one
// that names the change set of the child (CFN-75).
func (pl *planner) nestedStack(ctx context.Context, node *template.Node, change planned) error {
	var set *changeSet
	if pl.set != nil {
		var err error
		if set, err = pl.region.planChild(ctx, pl.set, pl.planning, change); err != nil {
			return err
		}
		change.changeSetID = aws.ToString(set.identifier())
	}
	if change.old == nil {
		pl.add(change)
		return nil
	}
	t, _ := schema.Load(nestedStack)
	d := pl.differ(t, change.id, node)
	for _, l := range leaves(change.old.properties, change.properties) {
		change.details = append(change.details, d.detail(l))
	}
	change.details = append(change.details, attributeDetails(change.old.attributes, change.attributes)...)
	f := &fate{old: change.old, properties: change.properties, changed: map[string]bool{}}
	pl.fates[change.id] = f
	if pl.set != nil && set == nil && len(change.details) == 0 {
		return nil
	}
	if pl.set == nil || set != nil {
		f.changed["Outputs"] = true
		change.details = append(change.details, types.ResourceChangeDetail{
			Target:     &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, RequiresRecreation: types.RequiresRecreationNever},
			Evaluation: types.EvaluationTypeDynamic, ChangeSource: types.ChangeSourceAutomatic,
		})
	}
	change.action, change.replacement = types.ChangeActionModify, types.ReplacementFalse
	pl.changes = append(pl.changes, change)
	return nil
}

// planChild makes the change set of a nested stack and waits for it. There is
// none if the stack stays as it is.
func (r *region) planChild(ctx context.Context, parent *changeSet, how planning, change planned) (*changeSet, error) {
	d, parameters, err := r.childDeployment(ctx, &parent.deployment, change.properties, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", change.id, err)
	}
	r.mu.Lock()
	set, err := r.openChildSet(parent, change, d)
	if err != nil {
		r.mu.Unlock()
		return nil, err
	}
	s := set.stack
	r.mu.Unlock()
	d.changeSetID = set.id
	p, err := r.prepare(ctx, s.name, s.id, &d, parameters, nil)
	r.mu.Lock()
	if err != nil {
		set.fail(plain(err).Error())
	} else {
		set.prepared, set.deployment = p, d
		p.deployment = &set.deployment
	}
	r.mu.Unlock()
	if err == nil {
		how.set = set
		r.fillChangeSet(ctx, s, set, how)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if set.reason == noChanges {
		delete(parent.children, change.id)
		s.changes = slices.DeleteFunc(s.changes, func(other *changeSet) bool { return other == set })
		return nil, nil //nolint:nilnil // no change set is the answer
	}
	if set.status != types.ChangeSetStatusCreateComplete {
		return nil, fmt.Errorf("Nested change set %s was not successfully created: Currently in FAILED.", set.id) //nolint:staticcheck,revive // CloudFormation's own sentence
	}
	return set, nil
}

// openChildSet registers the change set of a nested stack, and a new one's
// stack in review. The caller holds r.mu.
func (r *region) openChildSet(parent *changeSet, change planned, d deployment) (*changeSet, error) {
	set := &changeSet{
		name: childName(parent.name, change.id), created: r.now(), kind: types.ChangeSetTypeUpdate, status: types.ChangeSetStatusCreateInProgress,
		execution: types.ExecutionStatusUnavailable, onFailure: parent.onFailure, deployment: d, operation: newOperation(types.OperationTypeCreateChangeset, ""),
		nested: true, parent: parent, root: parent, children: map[string]*changeSet{},
	}
	if parent.root != nil {
		set.root = parent.root
	}
	set.id = r.arn("cloudformation", "changeSet/"+set.name+"/"+newUUID())
	if change.old == nil {
		set.kind, set.stack = types.ChangeSetTypeCreate, r.newStack(childName(parent.stack.name, change.id))
		set.stack.nestUnder(parent.stack)
		r.setStatus(set.stack, &operation{}, types.StackStatusReviewInProgress, "")
	} else {
		child, err := r.mustFindStack(change.old.identifier)
		if err != nil {
			return nil, plain(err)
		}
		if err := child.checkUpdatable(); err != nil {
			return nil, plain(err)
		}
		set.stack = child
	}
	set.stack.changes = append(set.stack.changes, set)
	parent.children[change.id] = set
	return set, nil
}
