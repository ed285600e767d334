package simulator

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func (r *region) executeChangeSet(_ context.Context, in *cfn.ExecuteChangeSetInput) (*cfn.ExecuteChangeSetOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, cs, err := r.findChangeSet(aws.ToString(in.ChangeSetName), in.StackName)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && cs.executedBy == token {
		return &cfn.ExecuteChangeSetOutput{}, nil
	}
	if cs.status != types.ChangeSetStatusCreateComplete || cs.execution != types.ExecutionStatusAvailable {
		status := string(cs.status)
		if cs.status == types.ChangeSetStatusCreateComplete {
			status = string(cs.execution)
		}
		return nil, apiError(400, "InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", cs.id, status)
	}
	if cs.parent != nil {
		return nil, validationError("ChangeSet [%s] belongs to a nested stack. Execute the root change set [%s].", cs.id, cs.root.id)
	}
	if cs.onFailure != "" && in.DisableRollback != nil {
		return nil, validationError("DisableRollback and OnStackFailure cannot be specified together")
	}
	if s.busy() {
		return nil, s.checkUpdatable()
	}
	cs.executedBy, cs.execution = token, types.ExecutionStatusExecuteInProgress
	for _, other := range s.changes {
		if other != cs {
			r.abandon(other)
		}
	}
	s.changes = []*changeSet{cs}
	kind := types.OperationTypeUpdateStack
	if cs.kind == types.ChangeSetTypeCreate {
		kind = types.OperationTypeCreateStack
	}
	op := newOperation(kind, token)
	op.changeSet = cs
	op.revert = cs.mode == types.DeploymentModeRevertDrift
	op.retainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
	op.onFailure = cs.onFailure
	if aws.ToBool(in.DisableRollback) {
		op.onFailure = types.OnStackFailureDoNothing
	}
	r.begin(s, op, cs.prepared)
	return &cfn.ExecuteChangeSetOutput{}, nil
}
