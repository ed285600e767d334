package simulator

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// changeSet is one change set of a stack.
type changeSet struct {
	id          string // ARN
	name        string
	token       string
	description *string
	created     time.Time
	kind        types.ChangeSetType
	mode        types.DeploymentMode
	status      types.ChangeSetStatus
	reason      string
	execution   types.ExecutionStatus
	onFailure   types.OnStackFailure
	executedBy  string // ClientRequestToken
	deployment  deployment
	prepared    *prepared
	changes     []planned
	failures    []types.OperationEvent
	operation   *operation
	stackDrift  types.StackDriftStatus

	nested       bool                  // asked for with IncludeNestedStacks
	parent, root *changeSet            // of a nested stack's change set (CFN-75)
	children     map[string]*changeSet // by logical id of the nested stack
	stack        *stack
}

// Reasons of change sets that end FAILED (CFN-12, CFN-15).
const (
	noChanges        = "The submitted information didn't contain changes. Submit different information to create a change set."
	validationFailed = "The following hook(s)/validation failed: [%s]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
)

var changeSetName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

func (r *region) createChangeSet(ctx context.Context, in *cfn.CreateChangeSetInput) (*cfn.CreateChangeSetOutput, error) {
	name := aws.ToString(in.ChangeSetName)
	if !changeSetName.MatchString(name) {
		return nil, validationError("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	kind := orDefault(in.ChangeSetType, types.ChangeSetTypeUpdate)
	if kind == types.ChangeSetTypeImport || aws.ToBool(in.ImportExistingResources) && len(in.ResourcesToImport) > 0 {
		return nil, validationError("Import is not simulated")
	}
	if in.DeploymentMode == types.DeploymentModeRevertDrift && (kind != types.ChangeSetTypeUpdate || aws.ToBool(in.IncludeNestedStacks)) {
		return nil, validationError("DeploymentMode REVERT_DRIFT is only supported for change sets of type UPDATE without nested stacks")
	}
	body, err := r.templateBody(ctx, in.TemplateBody, in.TemplateURL, aws.ToBool(in.UsePreviousTemplate), aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if err := checkRollback(in.RollbackConfiguration); err != nil {
		return nil, err
	}
	if in.OnStackFailure == types.OnStackFailureDelete && kind != types.ChangeSetTypeCreate {
		return nil, validationError("OnStackFailure DELETE can only be specified for change sets of type CREATE") // CFN-19
	}
	d := deployment{
		body: body, capabilities: in.Capabilities, tags: in.Tags, notifications: in.NotificationARNs,
		role: in.RoleARN, rollback: in.RollbackConfiguration,
	}
	s, cs, err := r.openChangeSet(ctx, in, kind, d)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	fresh := cs.status == types.ChangeSetStatusCreatePending
	if fresh {
		cs.status = types.ChangeSetStatusCreateInProgress
	}
	r.mu.Unlock()
	if fresh {
		how := planning{revert: in.DeploymentMode == types.DeploymentModeRevertDrift, validate: !aws.ToBool(in.DisableValidation)}
		if cs.nested {
			how.set = cs
		}
		r.start(func(ctx context.Context) {
			if pause(ctx, r.sim.opts.OperationDelay) {
				r.fillChangeSet(ctx, s, cs, how)
			}
		})
	}
	return &cfn.CreateChangeSetOutput{Id: &cs.id, StackId: &s.id}, nil
}

// openChangeSet checks the request against the stack and registers the change
// set, with a new stack in review for type CREATE (CFN-10). What others did
// while the template was prepared is checked again.
func (r *region) openChangeSet(ctx context.Context, in *cfn.CreateChangeSetInput, kind types.ChangeSetType, d deployment) (*stack, *changeSet, error) {
	r.mu.Lock()
	base, repeated, err := r.changeSetBase(in, kind)
	r.mu.Unlock()
	if err != nil || repeated != nil {
		return base.stack, repeated, err
	}
	inherit(&d, &base.current)
	p, err := r.prepare(ctx, base.name, base.id, &d, in.Parameters, base.current.parameters)
	if err != nil {
		return nil, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	again, repeated, err := r.changeSetBase(in, kind)
	if err != nil || repeated != nil {
		return again.stack, repeated, err
	}
	s := again.stack
	if s == nil {
		s = r.newStack(base.name)
		p.pseudo["AWS::StackId"] = s.id
		r.setStatus(s, &operation{}, types.StackStatusReviewInProgress, "User Initiated")
	}
	s.current.description = orDefault(s.current.description, optional(p.template.Description))
	cs := &changeSet{
		id: r.arn("cloudformation", "changeSet/"+*in.ChangeSetName+"/"+newUUID()), name: *in.ChangeSetName, token: aws.ToString(in.ClientToken),
		description: in.Description, created: r.now(), kind: kind, mode: in.DeploymentMode, onFailure: in.OnStackFailure,
		status: types.ChangeSetStatusCreatePending, execution: types.ExecutionStatusUnavailable, deployment: d, prepared: p,
		operation: newOperation(types.OperationTypeCreateChangeset, aws.ToString(in.ClientToken)),
		nested:    aws.ToBool(in.IncludeNestedStacks), children: map[string]*changeSet{}, stack: s,
	}
	p.deployment = &cs.deployment
	cs.deployment.changeSetID = cs.id
	s.changes = append(s.changes, cs)
	return s, cs, nil
}

// stackBase is what a new deployment starts from.
type stackBase struct {
	stack    *stack // nil if there is none yet
	id, name string
	current  deployment
}

// changeSetBase finds the stack and refuses what its state or a change set of
// the same name forbids (CFN-10, CFN-17). A repeated request, by its client
// token, gives the change set that it made. The caller holds r.mu.
func (r *region) changeSetBase(in *cfn.CreateChangeSetInput, kind types.ChangeSetType) (stackBase, *changeSet, error) {
	nameOrID := aws.ToString(in.StackName)
	s := r.findStack(nameOrID)
	switch {
	case s == nil && kind == types.ChangeSetTypeUpdate:
		return stackBase{}, nil, validationError("Stack [%s] does not exist", nameOrID)
	case s == nil && !stackName.MatchString(nameOrID):
		return stackBase{}, nil, validationError("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", nameOrID)
	case s == nil:
		return stackBase{name: nameOrID}, nil, nil
	case kind == types.ChangeSetTypeCreate && s.status != types.StackStatusReviewInProgress:
		return stackBase{}, nil, validationError("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.name, *in.ChangeSetName)
	case kind == types.ChangeSetTypeUpdate:
		if err := s.checkUpdatable(); err != nil {
			return stackBase{}, nil, err
		}
	}
	base := stackBase{s, s.id, s.name, s.current}
	for _, other := range s.changes {
		if other.name != *in.ChangeSetName {
			continue
		}
		if in.ClientToken != nil && other.token == *in.ClientToken {
			return base, other, nil
		}
		return base, nil, apiError(400, "AlreadyExistsException", "ChangeSet %s cannot be created due to a mismatch with existing attribute Template", *in.ChangeSetName)
	}
	return base, nil, nil
}

// inherit fills what an update leaves out from the deployed state: role,
// notification topics and rollback triggers stick to the stack (CFN-8).
func inherit(d, current *deployment) {
	d.role = orDefault(d.role, current.role)
	inheritRollback(d, current)
	if d.notifications == nil {
		d.notifications = current.notifications
	}
	if d.tags == nil {
		d.tags = current.tags
	}
}

// fillChangeSet computes the change set.
func (r *region) fillChangeSet(ctx context.Context, s *stack, cs *changeSet, how planning) {
	changes, failures, err := r.plan(ctx, s, cs.prepared, how)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(s.changes, cs) || s.status == types.StackStatusDeleteComplete {
		r.abandon(cs) // deleted meanwhile: its children go, too
		return
	}
	cs.changes, cs.failures, cs.stackDrift = changes, failures, types.StackDriftStatusInSync
	for _, change := range changes {
		if change.driftStatus == types.StackResourceDriftStatusModified || change.driftStatus == types.StackResourceDriftStatusDeleted {
			cs.stackDrift = types.StackDriftStatusDrifted
		}
	}
	switch {
	case err != nil:
		cs.fail(err.Error())
	case len(failures) > 0:
		cs.fail(fmt.Sprintf(validationFailed, strings.Join(validationNames(failures), ", ")))
	case len(changes) == 0 && !r.sameButResources(s, cs):
		cs.status, cs.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	case len(changes) == 0 && cs.kind == types.ChangeSetTypeUpdate:
		cs.fail(noChanges)
	default:
		cs.status, cs.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	}
}

func (cs *changeSet) fail(reason string) {
	cs.status, cs.reason, cs.execution = types.ChangeSetStatusFailed, reason, types.ExecutionStatusUnavailable
}

func validationNames(failures []types.OperationEvent) []string {
	var names []string
	for _, failure := range failures {
		names = append(names, *failure.ValidationName)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// findChangeSet finds by ARN, or by name with the stack's name.
func (r *region) findChangeSet(nameOrID string, stackName *string) (*stack, *changeSet, error) {
	if strings.HasPrefix(nameOrID, "arn:") {
		for _, s := range r.stacks {
			for _, cs := range s.changes {
				if cs.id == nameOrID {
					return s, cs, nil
				}
			}
		}
		return nil, nil, apiError(404, "ChangeSetNotFound", "ChangeSet [%s] does not exist", nameOrID)
	}
	if stackName == nil {
		return nil, nil, validationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	s := r.findStack(*stackName)
	if s == nil {
		return nil, nil, apiError(404, "ChangeSetNotFound", "ChangeSet [%s] does not exist", nameOrID)
	}
	for i := len(s.changes) - 1; i >= 0; i-- {
		if s.changes[i].name == nameOrID {
			return s, s.changes[i], nil
		}
	}
	return nil, nil, apiError(404, "ChangeSetNotFound", "ChangeSet [%s] does not exist", nameOrID)
}

func (r *region) deleteChangeSet(_ context.Context, in *cfn.DeleteChangeSetInput) (*cfn.DeleteChangeSetOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, cs, err := r.findChangeSet(aws.ToString(in.ChangeSetName), in.StackName)
	if err != nil {
		if strings.HasPrefix(aws.ToString(in.ChangeSetName), "arn:") || in.StackName != nil && r.findStack(*in.StackName) != nil {
			return &cfn.DeleteChangeSetOutput{}, nil // deleting twice is not an error
		}
		return nil, err
	}
	if cs.execution == types.ExecutionStatusExecuteInProgress {
		return nil, apiError(400, "InvalidChangeSetStatus", "ChangeSet [%s] cannot be deleted in its current execution status of [%s]", cs.id, cs.execution)
	}
	if cs.parent != nil {
		return nil, validationError("ChangeSet [%s] belongs to a nested stack. Delete the root change set [%s].", cs.id, cs.root.id)
	}
	s.changes = slices.DeleteFunc(s.changes, func(other *changeSet) bool { return other == cs })
	r.abandon(cs)
	return &cfn.DeleteChangeSetOutput{}, nil
}

func (r *region) listChangeSets(_ context.Context, in *cfn.ListChangeSetsInput) (*cfn.ListChangeSetsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	out := &cfn.ListChangeSetsOutput{Summaries: []types.ChangeSetSummary{}}
	for _, cs := range s.changes {
		out.Summaries = append(out.Summaries, types.ChangeSetSummary{
			ChangeSetId: &cs.id, ChangeSetName: &cs.name, CreationTime: &cs.created, Description: cs.description,
			ExecutionStatus: cs.execution, Status: cs.status, StatusReason: optional(cs.reason), StackId: &s.id, StackName: &s.name,
			IncludeNestedStacks: aws.Bool(cs.nested), ParentChangeSetId: cs.parent.identifier(), RootChangeSetId: cs.root.identifier(),
		})
	}
	return out, nil
}
