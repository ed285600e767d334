package simulator

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/template"
)

// templateBody gives the text of a template from one of its three sources.
func (r *region) templateBody(ctx context.Context, body, url *string, usePrevious bool, stackNameOrID string) (string, error) {
	switch {
	case usePrevious:
		r.mu.Lock()
		defer r.mu.Unlock()
		s, err := r.mustFindStack(stackNameOrID)
		if err != nil {
			return "", err
		}
		return s.current.body, nil
	case body != nil && len(*body) > 51200:
		return "", validationError("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200")
	case body != nil:
		return *body, nil
	case url != nil && r.sim.opts.FetchTemplate != nil:
		text, err := r.sim.opts.FetchTemplate(ctx, r.account, *url)
		if err != nil {
			return "", validationError("S3 error: %v", err)
		}
		return string(text), nil
	case url != nil:
		return "", validationError("S3 error: Access Denied")
	}
	return "", validationError("Either Template URL or Template Body must be specified.")
}

func (r *region) createStack(ctx context.Context, in *cfn.CreateStackInput) (*cfn.CreateStackOutput, error) {
	name := aws.ToString(in.StackName)
	if !stackName.MatchString(name) {
		return nil, validationError("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	body, err := r.templateBody(ctx, in.TemplateBody, in.TemplateURL, false, name)
	if err != nil {
		return nil, err
	}
	if in.OnFailure != "" && in.DisableRollback != nil {
		return nil, validationError("You can specify either DisableRollback or OnFailure, but not both.")
	}
	if err := checkRollback(in.RollbackConfiguration); err != nil {
		return nil, err
	}
	d := &deployment{body: body, capabilities: in.Capabilities, tags: in.Tags, notifications: in.NotificationARNs, role: in.RoleARN, rollback: in.RollbackConfiguration}
	p, err := r.prepare(ctx, name, "", d, in.Parameters, nil)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if existing := r.findStack(name); existing != nil {
		if in.ClientRequestToken != nil && existing.lastToken() == *in.ClientRequestToken {
			return &cfn.CreateStackOutput{StackId: &existing.id}, nil
		}
		return nil, apiError(400, "AlreadyExistsException", "Stack [%s] already exists", name)
	}
	s := r.newStack(name)
	p.pseudo["AWS::StackId"] = s.id
	s.terminationProtection = aws.ToBool(in.EnableTerminationProtection)
	op := newOperation(types.OperationTypeCreateStack, aws.ToString(in.ClientRequestToken))
	op.onFailure = types.OnStackFailure(in.OnFailure)
	op.retainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
	if aws.ToBool(in.DisableRollback) {
		op.onFailure = types.OnStackFailureDoNothing
	}
	r.begin(s, op, p)
	return &cfn.CreateStackOutput{StackId: &s.id, OperationId: &op.id}, nil
}

func (s *stack) lastToken() string {
	if len(s.operations) == 0 {
		return ""
	}
	return s.operations[len(s.operations)-1].token
}

func (r *region) updateStack(ctx context.Context, in *cfn.UpdateStackInput) (*cfn.UpdateStackOutput, error) {
	body, err := r.templateBody(ctx, in.TemplateBody, in.TemplateURL, aws.ToBool(in.UsePreviousTemplate), aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if err := checkRollback(in.RollbackConfiguration); err != nil {
		return nil, err
	}
	d := &deployment{body: body, capabilities: in.Capabilities, tags: in.Tags, notifications: in.NotificationARNs, role: in.RoleARN, rollback: in.RollbackConfiguration}
	s, p, err := r.prepareUpdate(ctx, in, d)
	if err != nil {
		return nil, err
	}
	changes, _, err := r.plan(ctx, s, p, planning{})
	if err != nil {
		return nil, validationError("%v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := s.checkUpdatable(); err != nil {
		return nil, err
	}
	if len(changes) == 0 && r.sameOutside(s, p) && s.undo == nil {
		return nil, validationError("No updates are to be performed.")
	}
	op := newOperation(types.OperationTypeUpdateStack, aws.ToString(in.ClientRequestToken))
	op.retainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
	if aws.ToBool(in.DisableRollback) {
		op.onFailure = types.OnStackFailureDoNothing
	}
	r.begin(s, op, p)
	return &cfn.UpdateStackOutput{StackId: &s.id, OperationId: &op.id}, nil
}

func (r *region) prepareUpdate(ctx context.Context, in *cfn.UpdateStackInput, d *deployment) (*stack, *prepared, error) {
	base, err := r.updateBase(aws.ToString(in.StackName))
	if err != nil {
		return nil, nil, err
	}
	inherit(d, &base.current)
	p, err := r.prepare(ctx, base.name, base.id, d, in.Parameters, base.current.parameters)
	return base.stack, p, err
}

func (r *region) updateBase(nameOrID string) (stackBase, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.findStack(nameOrID)
	if s == nil {
		return stackBase{}, validationError("Stack [%s] does not exist", nameOrID)
	}
	return stackBase{s, s.id, s.name, s.current}, s.checkUpdatable()
}

// sameButResources tells whether a change set without resource changes changes
// nothing else either. Outputs alone are a change (CFN-12).
func (r *region) sameButResources(s *stack, cs *changeSet) bool { return r.sameOutside(s, cs.prepared) }

// sameOutside compares what is not a resource: outputs, stack tags, role,
// notification topics and rollback triggers. The caller holds r.mu.
func (r *region) sameOutside(s *stack, p *prepared) bool {
	before, err := template.Parse("template", []byte(s.current.body))
	if err != nil {
		return false
	}
	section := func(t *template.Template, d *deployment) string {
		var outputs any
		if evaluated, err := p.outputsOf(t, s); err == nil {
			outputs = evaluated
		}
		return compactJSON([]any{outputs, t.Root.Get("Outputs").Value(), nonNil(d.tags), d.role, nonNil(d.notifications), triggersOf(d), minutesOf(d)})
	}
	return section(before, &s.current) == section(p.template, p.deployment)
}

// outputsOf evaluates the outputs against the deployed resources.
func (p *prepared) outputsOf(t *template.Template, s *stack) ([]types.Output, error) {
	if t != p.template {
		return nonNil(s.outputs), nil
	}
	return p.outputs(p.scope(func(id, attribute string) (any, error) {
		if res, ok := s.resources[id]; ok {
			return res.attribute(attribute)
		}
		return template.Unknown, nil
	}))
}

func (r *region) deleteStack(_ context.Context, in *cfn.DeleteStackInput) (*cfn.DeleteStackOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.findStack(aws.ToString(in.StackName))
	if s == nil || s.status == types.StackStatusDeleteComplete || s.status == types.StackStatusDeleteInProgress {
		return &cfn.DeleteStackOutput{}, nil // deleting what is not there succeeds (CFN-9)
	}
	if s.protected() {
		return nil, validationError("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
	}
	if s.busy() && s.status != types.StackStatusCreateInProgress {
		return nil, validationError("Stack [%s] cannot be deleted while in status %s", s.name, s.status)
	}
	if len(in.RetainResources) > 0 && s.status != types.StackStatusDeleteFailed {
		return nil, validationError("Invalid operation on stack [%s]. RetainResources is only valid for a stack in DELETE_FAILED.", s.id)
	}
	op := newOperation(types.OperationTypeDeleteStack, aws.ToString(in.ClientRequestToken))
	for _, output := range s.outputs {
		if users := r.importers(aws.ToString(output.ExportName)); output.ExportName != nil && len(users) > 0 {
			r.setStatus(s, op, s.status, "Delete canceled. Cannot delete export "+*output.ExportName+" as it is in use by "+strings.Join(users, ", ")+".")
			return &cfn.DeleteStackOutput{}, nil
		}
	}
	r.begun(s, op)
	op.force = in.DeletionMode == types.DeletionModeForceDeleteStack
	r.setStatus(s, op, types.StackStatusDeleteInProgress, "User Initiated")
	r.start(func(ctx context.Context) {
		if pause(ctx, r.sim.opts.OperationDelay) {
			r.deleteEverything(ctx, s, op, in.RetainResources)
		}
	})
	return &cfn.DeleteStackOutput{}, nil
}

// deleteEverything deletes a stack's resources and then the stack (CFN-9).
func (r *region) deleteEverything(ctx context.Context, s *stack, op *operation, retain []string) {
	r.mu.Lock()
	if s.status != types.StackStatusDeleteInProgress {
		r.setStatus(s, op, types.StackStatusDeleteInProgress, "")
	}
	var list []*resource
	for _, id := range sortedKeys(s.resources) {
		res := s.resources[id]
		if res.status == types.ResourceStatusDeleteComplete || res.status == types.ResourceStatusDeleteSkipped {
			continue
		}
		if op.undoes && (op.retainExceptOnCreate || res.attributes.deletionPolicy == "RetainExceptOnCreate") {
			res.attributes.deletionPolicy = "Delete"
		}
		for _, kept := range retain {
			if kept == id {
				res.attributes.deletionPolicy = "Retain"
			}
		}
		list = append(list, res)
	}
	needs := func(string) []string { return nil }
	if t, err := parseTemplate(s.current.body); err == nil {
		needs = t.Dependencies
	}
	r.mu.Unlock()
	failed := r.deleteResources(ctx, s, op, list, needs)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(failed) > 0 && !op.force {
		r.ended(op, true)
		r.setStatus(s, op, types.StackStatusDeleteFailed, deleteReason(failed))
		return
	}
	for _, cs := range s.changes {
		r.abandon(cs)
	}
	s.deleted = aws.Time(r.now())
	s.outputs, s.imported, s.undo = nil, nil, nil
	r.ended(op, op.kind != types.OperationTypeDeleteStack)
	r.setStatus(s, op, types.StackStatusDeleteComplete, "")
}
