package simulator

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// page cuts one page out of a list; tokens are offsets.
func page[T any](list []T, token *string, size int) ([]T, *string) {
	start, _ := strconv.Atoi(aws.ToString(token))
	start = min(max(start, 0), len(list))
	end := min(start+size, len(list))
	if end == len(list) {
		return nonNil(list[start:end]), nil
	}
	return list[start:end], aws.String(strconv.Itoa(end))
}

// pageSize is the size of pages where the API names none.
const pageSize = 100

func (r *region) describeStacks(_ context.Context, in *cfn.DescribeStacksInput) (*cfn.DescribeStacksOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []types.Stack{}
	if in.StackName != nil && *in.StackName != "" {
		s, err := r.mustFindStack(*in.StackName)
		if err != nil {
			return nil, err
		}
		return &cfn.DescribeStacksOutput{Stacks: append(list, s.describe())}, nil
	}
	for _, s := range slices.Backward(r.stacks) {
		if s.status != types.StackStatusDeleteComplete {
			list = append(list, s.describe())
		}
	}
	out := &cfn.DescribeStacksOutput{}
	out.Stacks, out.NextToken = page(list, in.NextToken, pageSize)
	return out, nil
}

func (s *stack) describe() types.Stack {
	d := &s.current
	out := types.Stack{
		StackId: &s.id, StackName: &s.name, StackStatus: s.status, StackStatusReason: optional(s.statusReason),
		CreationTime: aws.Time(s.created), LastUpdatedTime: s.updated, DeletionTime: s.deleted, Description: d.description,
		Parameters: shown(d.body, d.parameters), Tags: nonNil(d.tags), Capabilities: nonNil(d.capabilities), NotificationARNs: nonNil(d.notifications),
		RoleARN: d.role, RollbackConfiguration: orDefault(d.rollback, &types.RollbackConfiguration{}), ChangeSetId: optional(d.changeSetID),
		DisableRollback:      aws.Bool(s.disableRollback),
		RetainExceptOnCreate: aws.Bool(s.retainExceptOnCreate),
		DriftInformation:     &types.StackDriftInformation{StackDriftStatus: s.drift, LastCheckTimestamp: s.driftChecked},
		Outputs:              s.outputs,
	}
	out.ParentId, out.RootId = s.ancestors()
	out.EnableTerminationProtection = aws.Bool(s.protected())
	if s.lastOperation.OperationId != nil {
		out.LastOperations = []types.OperationEntry{s.lastOperation}
	}
	return out
}

func (r *region) listStacks(_ context.Context, in *cfn.ListStacksInput) (*cfn.ListStacksOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []types.StackSummary
	for _, s := range slices.Backward(r.stacks) {
		if len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, s.status) {
			continue
		}
		parent, root := s.ancestors()
		list = append(list, types.StackSummary{
			ParentId: parent, RootId: root, StackId: &s.id, StackName: &s.name, StackStatus: s.status, StackStatusReason: optional(s.statusReason),
			CreationTime: aws.Time(s.created), LastUpdatedTime: s.updated, DeletionTime: s.deleted, TemplateDescription: s.current.description,
			DriftInformation: &types.StackDriftInformationSummary{StackDriftStatus: s.drift, LastCheckTimestamp: s.driftChecked},
		})
	}
	out := &cfn.ListStacksOutput{}
	out.StackSummaries, out.NextToken = page(list, in.NextToken, pageSize)
	return out, nil
}

func (r *region) describeStackEvents(_ context.Context, in *cfn.DescribeStackEventsInput) (*cfn.DescribeStackEventsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	newestFirst := slices.Clone(s.events)
	slices.Reverse(newestFirst)
	out := &cfn.DescribeStackEventsOutput{}
	out.StackEvents, out.NextToken = page(newestFirst, in.NextToken, pageSize)
	return out, nil
}

// sortedResources lists the stack's resources by logical id.
func (s *stack) sortedResources() []*resource {
	list := make([]*resource, 0, len(s.resources))
	for _, id := range sortedKeys(s.resources) {
		list = append(list, s.resources[id])
	}
	return list
}

func (res *resource) driftInformation() *types.StackResourceDriftInformation {
	if res.drift == nil {
		return &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked}
	}
	return &types.StackResourceDriftInformation{StackResourceDriftStatus: res.drift.StackResourceDriftStatus, LastCheckTimestamp: res.drift.Timestamp}
}

func (r *region) listStackResources(_ context.Context, in *cfn.ListStackResourcesInput) (*cfn.ListStackResourcesOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	var list []types.StackResourceSummary
	for _, res := range s.sortedResources() {
		info := res.driftInformation()
		list = append(list, types.StackResourceSummary{
			LogicalResourceId: aws.String(res.logicalID), PhysicalResourceId: aws.String(res.physicalID), ResourceType: aws.String(res.typeName),
			ResourceStatus: res.status, ResourceStatusReason: optional(res.reason), LastUpdatedTimestamp: aws.Time(res.updated),
			DriftInformation: &types.StackResourceDriftInformationSummary{StackResourceDriftStatus: info.StackResourceDriftStatus, LastCheckTimestamp: info.LastCheckTimestamp},
		})
	}
	out := &cfn.ListStackResourcesOutput{}
	out.StackResourceSummaries, out.NextToken = page(list, in.NextToken, pageSize)
	return out, nil
}

func (r *region) describeStackResource(_ context.Context, in *cfn.DescribeStackResourceInput) (*cfn.DescribeStackResourceOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	res, ok := s.resources[aws.ToString(in.LogicalResourceId)]
	if !ok {
		return nil, validationError("Resource %s does not exist for stack %s", aws.ToString(in.LogicalResourceId), s.name)
	}
	metadata := "{}"
	if res.attributes.metadata != nil {
		metadata = compactJSON(res.attributes.metadata)
	}
	return &cfn.DescribeStackResourceOutput{StackResourceDetail: &types.StackResourceDetail{
		StackId: &s.id, StackName: &s.name, LogicalResourceId: aws.String(res.logicalID), PhysicalResourceId: aws.String(res.physicalID),
		ResourceType: aws.String(res.typeName), ResourceStatus: res.status, ResourceStatusReason: optional(res.reason), Metadata: &metadata,
		LastUpdatedTimestamp: aws.Time(res.updated), Description: optional(res.attributes.description), DriftInformation: res.driftInformation(),
	}}, nil
}

func (r *region) describeStackResources(_ context.Context, in *cfn.DescribeStackResourcesInput) (*cfn.DescribeStackResourcesOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.findStack(aws.ToString(in.StackName))
	if s == nil && in.PhysicalResourceId != nil {
		s = r.owner(*in.PhysicalResourceId)
	}
	if s == nil {
		return nil, validationError("Stack with id %s does not exist", orDefault(aws.ToString(in.StackName), aws.ToString(in.PhysicalResourceId)))
	}
	out := &cfn.DescribeStackResourcesOutput{StackResources: []types.StackResource{}}
	for _, res := range s.sortedResources() {
		if in.LogicalResourceId != nil && *in.LogicalResourceId != res.logicalID {
			continue
		}
		out.StackResources = append(out.StackResources, types.StackResource{
			StackId: &s.id, StackName: &s.name, LogicalResourceId: aws.String(res.logicalID), PhysicalResourceId: aws.String(res.physicalID),
			ResourceType: aws.String(res.typeName), ResourceStatus: res.status, ResourceStatusReason: optional(res.reason),
			Timestamp: aws.Time(res.updated), DriftInformation: res.driftInformation(),
		})
	}
	return out, nil
}

// owner finds the stack that holds a physical resource.
func (r *region) owner(physicalID string) *stack {
	for _, s := range slices.Backward(r.stacks) {
		for _, res := range s.resources {
			if res.physicalID == physicalID && s.status != types.StackStatusDeleteComplete {
				return s
			}
		}
	}
	return nil
}

func (r *region) listExports(_ context.Context, in *cfn.ListExportsInput) (*cfn.ListExportsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []types.Export
	for _, s := range r.stacks {
		for _, output := range s.outputs {
			if output.ExportName != nil {
				list = append(list, types.Export{ExportingStackId: &s.id, Name: output.ExportName, Value: output.OutputValue})
			}
		}
	}
	out := &cfn.ListExportsOutput{}
	out.Exports, out.NextToken = page(list, in.NextToken, pageSize)
	return out, nil
}

func (r *region) listImports(_ context.Context, in *cfn.ListImportsInput) (*cfn.ListImportsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	users := r.importers(aws.ToString(in.ExportName))
	if len(users) == 0 {
		return nil, validationError("Export '%s' is not imported by any stack.", aws.ToString(in.ExportName))
	}
	out := &cfn.ListImportsOutput{}
	out.Imports, out.NextToken = page(users, in.NextToken, pageSize)
	return out, nil
}
