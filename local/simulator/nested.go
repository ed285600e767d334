package simulator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// nestedStack is the type of a nested stack (CFN-70).
const nestedStack = "AWS::CloudFormation::Stack"

// maxStackName is the longest name of a stack.
// Source: API reference, CreateStack, StackName.
const maxStackName = 128

// ancestors gives ParentId and RootId, nil for a stack that is not nested.
func (s *stack) ancestors() (parent, root *string) {
	if s.parent == nil {
		return nil, nil
	}
	return &s.parent.id, &s.root.id
}

// protected tells whether termination protection is on: a nested stack has its
// root's (CFN-73).
func (s *stack) protected() bool {
	if s.root != nil {
		s = s.root
	}
	return s.terminationProtection
}

// nestUnder makes a stack a nested one.
func (s *stack) nestUnder(parent *stack) {
	s.parent, s.root = parent, parent
	if parent.root != nil {
		s.root = parent.root
	}
}

func childName(parent, logicalID string) string {
	const suffix = 12
	name := parent + "-" + logicalID
	return name[:min(len(name), maxStackName-suffix-1)] + "-" + random(suffix, upperAlphabet)
}

// childDeployment reads what a nested stack's properties ask for; body is its
// template if that was read before.
func (r *region) childDeployment(ctx context.Context, parent *deployment, properties map[string]any, body string) (deployment, []types.Parameter, error) {
	d := deployment{body: body, capabilities: parent.capabilities, role: parent.role}
	if body == "" {
		url, known := properties["TemplateURL"].(string)
		if !known {
			return d, nil, errors.New("TemplateURL must be known before the stack is deployed")
		}
		var err error
		if d.body, err = r.templateBody(ctx, nil, &url, false, ""); err != nil {
			return d, nil, plain(err)
		}
	}
	tags, _ := properties["Tags"].([]any)
	for _, element := range tags {
		if tag, ok := element.(map[string]any); ok {
			d.tags = append(d.tags, types.Tag{Key: aws.String(fmt.Sprint(tag["Key"])), Value: aws.String(fmt.Sprint(tag["Value"]))})
		}
	}
	topics, _ := properties["NotificationARNs"].([]any)
	for _, topic := range topics {
		d.notifications = append(d.notifications, fmt.Sprint(topic))
	}
	given, _ := properties["Parameters"].(map[string]any)
	var parameters []types.Parameter
	for _, name := range sortedKeys(given) {
		parameters = append(parameters, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(parameterText(given[name]))})
	}
	return d, parameters, nil
}

// parameterText gives a parameter's value as text; a list is joined by commas.
func parameterText(value any) string {
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(convert("string", value))
	}
	var parts []string
	for _, element := range list {
		parts = append(parts, fmt.Sprint(convert("string", element)))
	}
	return strings.Join(parts, ",")
}

// plain takes the API's error code off: a nested stack's failure is a reason.
func plain(err error) error {
	var api *APIError
	if errors.As(err, &api) {
		return errors.New(api.Message)
	}
	return err
}

// prepareChild prepares the nested stack of a resource as its change set, if it
// has one, or the current template says.
func (x *execution) prepareChild(ctx context.Context, res *resource, name, id string) (*prepared, *changeSet, error) {
	set, body := x.childSet(res.logicalID), ""
	if set != nil {
		body = set.deployment.body
	}
	d, parameters, err := x.r.childDeployment(ctx, x.p.deployment, res.properties, body)
	if err != nil {
		return nil, nil, err
	}
	if set != nil {
		d.changeSetID = set.id
	}
	p, err := x.r.prepare(ctx, name, id, &d, parameters, nil)
	return p, set, plain(err)
}

// childSet is the change set of a nested stack that is executed with ours.
func (x *execution) childSet(logicalID string) *changeSet {
	if x.op.changeSet == nil {
		return nil
	}
	return x.op.changeSet.children[logicalID]
}

// skipsChild tells whether the executed change set found nothing to do in a
// nested stack (CFN-75).
func (x *execution) skipsChild(logicalID string) bool {
	return x.op.changeSet != nil && x.op.changeSet.nested && x.childSet(logicalID) == nil
}

// makeChild creates the nested stack of a resource (CFN-71).
func (x *execution) makeChild(ctx context.Context, next *resource) error {
	name := childName(x.s.name, next.logicalID)
	if set := x.childSet(next.logicalID); set != nil {
		name = set.stack.name
	}
	p, set, err := x.prepareChild(ctx, next, name, "")
	if err != nil {
		return err
	}
	x.r.mu.Lock()
	var child *stack
	if set != nil {
		child = set.stack
	} else {
		child = x.r.newStack(name)
		child.nestUnder(x.s)
	}
	p.pseudo["AWS::StackId"] = child.id
	next.identifier, next.physicalID = child.id, child.id
	x.r.setResource(x.s, x.op, next, types.ResourceStatusCreateInProgress, "Resource creation Initiated")
	cx := x.openChild(next.logicalID, child, types.OperationTypeCreateStack, p, set)
	x.r.mu.Unlock()
	reason, err := cx.runChild(ctx)
	if err != nil || reason != "" {
		if x.r.sim.ctx.Err() == nil {
			cx.end(types.StackStatusCreateFailed, reason, true)
		}
		if err != nil {
			return err
		}
		return fmt.Errorf("Embedded stack %s was not successfully created: %s", child.id, reason) //nolint:staticcheck,revive // CloudFormation's own sentence
	}
	cx.end(types.StackStatusCreateComplete, "", false)
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	next.model = child.model()
	return nil
}

// updateChild updates the nested stack of a resource, if anything is different
// (CFN-72), and gives the resource's model.
func (x *execution) updateChild(ctx context.Context, next, old *resource) (map[string]any, error) {
	x.r.mu.Lock()
	child, err := x.r.mustFindStack(old.identifier)
	x.r.mu.Unlock()
	if err != nil {
		return nil, plain(err)
	}
	p, set, err := x.prepareChild(ctx, next, child.name, child.id)
	if err != nil {
		return nil, err
	}
	if set == nil {
		same, err := x.r.sameChild(ctx, child, p)
		if err != nil || same {
			return old.model, err
		}
	}
	x.r.mu.Lock()
	if err := child.checkUpdatable(); err != nil {
		x.r.mu.Unlock()
		return nil, plain(err)
	}
	cx := x.openChild(next.logicalID, child, types.OperationTypeUpdateStack, p, set)
	x.r.mu.Unlock()
	reason, err := cx.runChild(ctx)
	if err != nil || reason != "" {
		return nil, cx.childFailed(reason, err)
	}
	cx.status(types.StackStatusUpdateCompleteCleanupInProgress, "")
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	return child.model(), nil
}

// sameChild tells whether deploying p to a nested stack changes nothing.
func (r *region) sameChild(ctx context.Context, child *stack, p *prepared) (bool, error) {
	changes, _, err := r.plan(ctx, child, p, planning{})
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(changes) == 0 && updatable[child.status] && child.undo == nil && r.sameOutside(child, p), nil
}

// openChild begins a nested stack's part of the operation. The caller holds
// r.mu.
func (x *execution) openChild(logicalID string, child *stack, kind types.OperationType, p *prepared, set *changeSet) *execution {
	op := newOperation(kind, x.op.token)
	op.changeSet, op.onFailure, op.retainExceptOnCreate, op.revert = set, x.op.onFailure, x.op.retainExceptOnCreate, x.op.revert
	if set != nil {
		set.execution, child.changes = types.ExecutionStatusExecuteInProgress, []*changeSet{set}
	}
	cx := x.r.open(child, op, p, "")
	x.children[logicalID] = cx
	return cx
}

// runChild provisions a nested stack and gives the reason why it failed; an
// error says that it was stopped from outside.
func (x *execution) runChild(ctx context.Context) (reason string, err error) {
	failed := x.provision(ctx)
	if ctx.Err() != nil {
		return failureReason(failed, ""), errCancelled
	}
	if len(failed) > 0 {
		return failureReason(failed, ""), nil
	}
	if err := x.commit(); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// model is what Fn::GetAtt of a nested stack's resource reads. The caller
// holds r.mu.
func (s *stack) model() map[string]any {
	outputs := map[string]any{}
	for _, output := range s.outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return map[string]any{"StackId": s.id, "Outputs": outputs}
}
