package simulator

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// describePage is the size at which DescribeChangeSet starts a new page.
// Source: API reference, DescribeChangeSet, NextToken.
const describePage = 1 << 20

func (r *region) describeChangeSet(_ context.Context, in *cfn.DescribeChangeSetInput) (*cfn.DescribeChangeSetOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, cs, err := r.findChangeSet(aws.ToString(in.ChangeSetName), in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cfn.DescribeChangeSetOutput{
		ChangeSetId: &cs.id, ChangeSetName: &cs.name, StackId: &s.id, StackName: &s.name, Description: cs.description,
		CreationTime: &cs.created, Status: cs.status, StatusReason: optional(cs.reason), ExecutionStatus: cs.execution,
		Parameters: shown(cs.deployment.body, cs.deployment.parameters), Tags: nonNil(cs.deployment.tags), Capabilities: nonNil(cs.deployment.capabilities),
		NotificationARNs: nonNil(cs.deployment.notifications), RollbackConfiguration: orDefault(cs.deployment.rollback, &types.RollbackConfiguration{}),
		IncludeNestedStacks: aws.Bool(cs.nested), ParentChangeSetId: cs.parent.identifier(), RootChangeSetId: cs.root.identifier(),
		OnStackFailure: cs.onFailure, DeploymentMode: cs.mode, Changes: []types.Change{},
	}
	if cs.mode == types.DeploymentModeRevertDrift && cs.status != types.ChangeSetStatusCreateInProgress {
		out.StackDriftStatus = cs.stackDrift
	}
	start, _ := strconv.Atoi(aws.ToString(in.NextToken))
	size := 0
	for i := max(start, 0); i < len(cs.changes); i++ {
		change := cs.changes[i].change(aws.ToBool(in.IncludePropertyValues), cs.mode == types.DeploymentModeRevertDrift)
		size += len(compactJSON(change))
		if size > describePage && len(out.Changes) > 0 {
			out.NextToken = aws.String(strconv.Itoa(i))
			break
		}
		out.Changes = append(out.Changes, change)
	}
	return out, nil
}

// change renders a planned change. Without values, paths and contexts are
// left out too (CFN-16).
func (c *planned) change(values, revert bool) types.Change {
	rc := &types.ResourceChange{
		Action: c.action, LogicalResourceId: &c.id, ResourceType: &c.typeName, Details: []types.ResourceChangeDetail{},
		Scope: []types.ResourceAttribute{}, PolicyAction: c.policy, ChangeSetId: optional(c.changeSetID),
	}
	if c.old != nil {
		rc.PhysicalResourceId = optional(c.old.physicalID)
	}
	if c.action == types.ChangeActionModify {
		rc.Replacement = c.replacement
	}
	seen := map[types.ResourceAttribute]bool{}
	for _, detail := range c.details {
		if attribute := detail.Target.Attribute; !seen[attribute] {
			seen[attribute] = true
			rc.Scope = append(rc.Scope, attribute)
		}
		if !values {
			target := *detail.Target
			target.Path, target.BeforeValue, target.AfterValue = nil, nil, nil
			detail.Target = &target
		}
		rc.Details = append(rc.Details, detail)
	}
	if revert {
		rc.ResourceDriftStatus, rc.ResourceDriftIgnoredAttributes = c.driftStatus, c.ignored
	}
	if values {
		c.contexts(rc, revert)
	}
	return types.Change{Type: types.ChangeTypeResource, ResourceChange: rc}
}

func (c *planned) contexts(rc *types.ResourceChange, revert bool) {
	if c.action != types.ChangeActionRemove {
		rc.AfterContext = aws.String(contextJSON(c.properties, c.attributes))
	}
	if c.old == nil {
		return
	}
	rc.BeforeContext = aws.String(contextJSON(c.old.properties, c.old.attributes))
	if revert {
		rc.PreviousDeploymentContext = rc.BeforeContext
		rc.BeforeContext = aws.String(contextJSON(c.actual, c.old.attributes))
	}
}

// contextJSON renders a resource as Before/AfterContext: a JSON string.
func contextJSON(properties map[string]any, attributes resourceAttributes) string {
	m := map[string]any{"Properties": properties}
	if attributes.metadata != nil {
		m["Metadata"] = attributes.metadata
	}
	if attributes.deletionPolicy != "" {
		m["DeletionPolicy"] = attributes.deletionPolicy
	}
	if attributes.updateReplacePolicy != "" {
		m["UpdateReplacePolicy"] = attributes.updateReplacePolicy
	}
	return compactJSON(m)
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
