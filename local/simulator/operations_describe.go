package simulator

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// describeEvents lists events by operation, newest first, with what
// DescribeStackEvents does not tell: early-validation errors (CFN-41).
func (r *region) describeEvents(_ context.Context, in *cfn.DescribeEventsInput) (*cfn.DescribeEventsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, operations, err := r.operationsOf(in)
	if err != nil {
		return nil, err
	}
	var list []types.OperationEvent
	for i := len(operations) - 1; i >= 0; i-- {
		list = append(list, r.operationEvents(s, operations[i])...)
	}
	if in.Filters != nil && aws.ToBool(in.Filters.FailedEvents) {
		var failed []types.OperationEvent
		for _, event := range list {
			if event.EventType == types.EventTypeValidationError || event.EventType == types.EventTypeProvisioningError {
				failed = append(failed, event)
			}
		}
		list = failed
	}
	out := &cfn.DescribeEventsOutput{}
	out.OperationEvents, out.NextToken = page(list, in.NextToken, pageSize)
	return out, nil
}

func (r *region) operationsOf(in *cfn.DescribeEventsInput) (*stack, []*operation, error) {
	switch {
	case in.ChangeSetName != nil:
		s, cs, err := r.findChangeSet(*in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, nil, err
		}
		return s, []*operation{cs.operation}, nil
	case in.OperationId != nil:
		for _, s := range r.stacks {
			for _, op := range s.operations {
				if op.id == *in.OperationId {
					return s, []*operation{op}, nil
				}
			}
			for _, cs := range s.changes {
				if cs.operation.id == *in.OperationId {
					return s, []*operation{cs.operation}, nil
				}
			}
		}
		return nil, nil, validationError("Operation [%s] does not exist", *in.OperationId)
	case in.StackName != nil:
		s, err := r.mustFindStack(*in.StackName)
		if err != nil {
			return nil, nil, err
		}
		return s, s.operations, nil
	}
	return nil, nil, validationError("One of ChangeSetName, OperationId or StackName must be specified")
}

func (r *region) operationEvents(s *stack, op *operation) []types.OperationEvent {
	var list []types.OperationEvent
	for _, cs := range s.changes {
		if cs.operation == op {
			for _, failed := range cs.failures {
				failed.StackId, failed.OperationId, failed.OperationType = &s.id, &op.id, op.kind
				list = append(list, failed)
			}
		}
	}
	for i := len(s.events) - 1; i >= 0; i-- {
		e := s.events[i]
		if aws.ToString(e.OperationId) != op.id {
			continue
		}
		kind := types.EventTypeProgressEvent
		own := aws.ToString(e.PhysicalResourceId) == s.id // not a nested stack's row
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && !own {
			kind = types.EventTypeProvisioningError
		}
		if own {
			kind = types.EventTypeStackEvent
		}
		event := types.OperationEvent{
			EventId: e.EventId, EventType: kind, StackId: &s.id, OperationId: &op.id, OperationType: op.kind, Timestamp: e.Timestamp,
			LogicalResourceId: e.LogicalResourceId, PhysicalResourceId: e.PhysicalResourceId, ResourceType: e.ResourceType,
			ResourceStatus: e.ResourceStatus, ResourceStatusReason: e.ResourceStatusReason, ResourceProperties: e.ResourceProperties,
			ClientRequestToken: e.ClientRequestToken, DetailedStatus: e.DetailedStatus,
		}
		if kind == types.EventTypeStackEvent {
			event.OperationStatus, event.StartTime, event.EndTime = op.result, aws.Time(op.started), op.ended
		}
		list = append(list, event)
	}
	return list
}
