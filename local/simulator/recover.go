package simulator

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// continueUpdateRollback tries a failed rollback again (CFN-6).
func (r *region) continueUpdateRollback(_ context.Context, in *cfn.ContinueUpdateRollbackInput) (*cfn.ContinueUpdateRollbackOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if token := aws.ToString(in.ClientRequestToken); token != "" && s.lastToken() == token {
		return &cfn.ContinueUpdateRollbackOutput{}, nil
	}
	if s.parent != nil {
		return nil, validationError("RollbackUpdatedStack cannot be invoked on child stacks")
	}
	if s.status != types.StackStatusUpdateRollbackFailed || s.undo == nil {
		return nil, validationError("Stack:%s is in %s state and can not continue update rollback.", s.id, s.status)
	}
	skip := skipping{in.ResourcesToSkip, aws.ToBool(in.ForceRollback)}
	if err := skip.check(r, s); err != nil {
		return nil, err
	}
	op := newOperation(types.OperationTypeContinueRollback, aws.ToString(in.ClientRequestToken))
	r.begun(s, op)
	x := *s.undo
	op.retainExceptOnCreate = x.op.retainExceptOnCreate
	x.op = op
	r.setStatus(s, op, types.StackStatusUpdateRollbackInProgress, "User Initiated")
	r.start(func(ctx context.Context) { x.rollbackUpdate(ctx, "User Initiated", skip) })
	return &cfn.ContinueUpdateRollbackOutput{}, nil
}

// rollbackStack rolls back what was left as it failed (CFN-7).
func (r *region) rollbackStack(_ context.Context, in *cfn.RollbackStackInput) (*cfn.RollbackStackOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if token := aws.ToString(in.ClientRequestToken); token != "" && s.lastToken() == token {
		return &cfn.RollbackStackOutput{StackId: &s.id, OperationId: s.lastOperation.OperationId}, nil
	}
	if s.undo == nil || s.status != types.StackStatusCreateFailed && s.status != types.StackStatusUpdateFailed {
		return nil, validationError("Stack:%s is in %s state and can not be rolled back.", s.id, s.status)
	}
	op := newOperation(types.OperationTypeRollback, aws.ToString(in.ClientRequestToken))
	op.retainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
	r.begun(s, op)
	s.obsolete(nil)
	x := *s.undo
	x.op = op
	if s.status == types.StackStatusCreateFailed {
		r.setStatus(s, op, types.StackStatusRollbackInProgress, "User Initiated")
		r.start(func(ctx context.Context) { x.rollbackCreate(ctx, "User Initiated") })
	} else {
		r.setStatus(s, op, types.StackStatusUpdateRollbackInProgress, "User Initiated")
		r.start(func(ctx context.Context) { x.rollbackUpdate(ctx, "User Initiated", skipping{}) })
	}
	return &cfn.RollbackStackOutput{StackId: &s.id, OperationId: &op.id}, nil
}

// cancelUpdateStack ends a running update and rolls it back.
func (r *region) cancelUpdateStack(_ context.Context, in *cfn.CancelUpdateStackInput) (*cfn.CancelUpdateStackOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if s.status != types.StackStatusUpdateInProgress || len(s.operations) == 0 || s.operations[len(s.operations)-1].cancel == nil {
		return nil, validationError("CancelUpdateStack cannot be called from current stack status")
	}
	op := s.operations[len(s.operations)-1]
	op.cancelled = true
	op.cancel()
	return &cfn.CancelUpdateStackOutput{}, nil
}

func (r *region) updateTerminationProtection(_ context.Context, in *cfn.UpdateTerminationProtectionInput) (*cfn.UpdateTerminationProtectionOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if s.parent != nil {
		return nil, validationError("Termination protection cannot be changed on a nested stack. Change it on the root stack [%s].", s.root.id) // CFN-73
	}
	s.terminationProtection = aws.ToBool(in.EnableTerminationProtection)
	return &cfn.UpdateTerminationProtectionOutput{StackId: &s.id}, nil
}

func (r *region) setStackPolicy(_ context.Context, in *cfn.SetStackPolicyInput) (*cfn.SetStackPolicyOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	s.policy = aws.ToString(in.StackPolicyBody)
	return &cfn.SetStackPolicyOutput{}, nil
}

func (r *region) getStackPolicy(_ context.Context, in *cfn.GetStackPolicyInput) (*cfn.GetStackPolicyOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	return &cfn.GetStackPolicyOutput{StackPolicyBody: optional(s.policy)}, nil
}
