package driftdetection

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Create implements drift.ChangeSets: the deployed template with the deployed
// parameters, in the deployment mode that compares with the actual state.
// Tags, role and notifications that are not given stay as they are; parameters
// that are not given would fall back to the template's defaults.
// Source: CloudFormation API reference, CreateChangeSet, DeploymentMode.
func (c *CloudFormation) Create(ctx context.Context, stack events.StackRef, name string) (string, error) {
	return c.create(ctx, stack, name, cloudformation.CreateChangeSetInput{
		DeploymentMode: types.DeploymentModeRevertDrift, Description: aws.String("Reverts drift"),
	})
}

// Probe implements drift.ChangeSets. IncludeNestedStacks and REVERT_DRIFT
// exclude each other: this one has no deployment mode.
// Source: CloudFormation API reference, CreateChangeSet, IncludeNestedStacks.
func (c *CloudFormation) Probe(ctx context.Context, stack events.StackRef, name string) (string, error) {
	return c.create(ctx, stack, name, cloudformation.CreateChangeSetInput{
		IncludeNestedStacks: aws.Bool(true), Description: aws.String("Tells what an update does to nested stacks; not to be executed"),
	})
}

// create makes a change set of the deployed template and values.
func (c *CloudFormation) create(ctx context.Context, stack events.StackRef, name string, in cloudformation.CreateChangeSetInput) (string, error) {
	deployed, err := c.describe(ctx, stack)
	if err != nil {
		return "", err
	}
	doing := "plan the revert of " + stack.StackName
	if deployed == nil {
		return "", fault.Invalid("%s: the stack does not exist", doing)
	}
	parameters := make([]types.Parameter, 0, len(deployed.Parameters))
	for _, p := range deployed.Parameters {
		parameters = append(parameters, types.Parameter{ParameterKey: p.ParameterKey, UsePreviousValue: aws.Bool(true)})
	}
	in.StackName, in.ChangeSetName, in.ClientToken = aws.String(stack.StackID), aws.String(name), aws.String(name)
	in.ChangeSetType, in.UsePreviousTemplate = types.ChangeSetTypeUpdate, aws.Bool(true)
	in.Parameters, in.Capabilities = parameters, deployed.Capabilities
	out, err := c.in(stack).CreateChangeSet(ctx, &in)
	if awserr.HasCode(err, "AlreadyExistsException") {
		return c.existing(ctx, stack, name)
	}
	if err != nil {
		return "", classify(doing, err)
	}
	return aws.ToString(out.Id), nil
}

// existing returns the id of a change set that an earlier attempt created.
func (c *CloudFormation) existing(ctx context.Context, stack events.StackRef, name string) (string, error) {
	out, err := c.in(stack).DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		StackName: aws.String(stack.StackID), ChangeSetName: aws.String(name),
	})
	if err != nil {
		return "", awserr.Classify("find the change set "+name, err)
	}
	return aws.ToString(out.ChangeSetId), nil
}

func noChangeSet(err error) bool {
	return awserr.HasCode(err, "ChangeSetNotFound", "ChangeSetNotFoundException")
}

// Read implements drift.ChangeSets. The values are asked for: without them a
// value that is known only after apply would not be seen.
func (c *CloudFormation) Read(ctx context.Context, stack events.StackRef, id string) (drift.ChangeSet, error) {
	var set drift.ChangeSet
	pages := cloudformation.NewDescribeChangeSetPaginator(c.in(stack), &cloudformation.DescribeChangeSetInput{
		StackName: aws.String(stack.StackID), ChangeSetName: aws.String(id), IncludePropertyValues: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if noChangeSet(err) {
			return drift.ChangeSet{Status: drift.ChangeSetGone}, nil
		}
		if err != nil {
			return drift.ChangeSet{}, awserr.Classify("read the revert of "+stack.StackName, err)
		}
		set.Status, set.Reason = string(page.Status), aws.ToString(page.StatusReason)
		for _, change := range page.Changes {
			if change.ResourceChange != nil {
				set.Changes = append(set.Changes, resourceChange(change.ResourceChange))
			}
		}
	}
	return set, nil
}

func resourceChange(r *types.ResourceChange) drift.Change {
	change := drift.Change{
		Action: string(r.Action), LogicalID: aws.ToString(r.LogicalResourceId), PhysicalID: aws.ToString(r.PhysicalResourceId), ResourceType: aws.ToString(r.ResourceType),
		Replacement: string(r.Replacement), PolicyAction: string(r.PolicyAction), After: aws.ToString(r.AfterContext),
	}
	for _, d := range r.Details {
		if d.Target == nil {
			continue
		}
		detail := drift.ChangeDetail{
			Path: aws.ToString(d.Target.Path), Source: string(d.ChangeSource), Type: string(d.Target.AttributeChangeType),
			RequiresRecreation: string(d.Target.RequiresRecreation), After: aws.ToString(d.Target.AfterValue),
		}
		if live := d.Target.Drift; live != nil {
			detail.Drift = &drift.LiveDrift{Previous: aws.ToString(live.PreviousValue), Actual: aws.ToString(live.ActualValue)}
		}
		change.Details = append(change.Details, detail)
	}
	return change
}

// Execute implements drift.ChangeSets. DisableRollback is always said: a revert
// that fails half-way goes back.
func (c *CloudFormation) Execute(ctx context.Context, stack events.StackRef, id, requestToken string) error {
	_, err := c.in(stack).ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		StackName: aws.String(stack.StackID), ChangeSetName: aws.String(id),
		ClientRequestToken: aws.String(requestToken), DisableRollback: aws.Bool(false),
	})
	return classify("revert the drift of "+stack.StackName, err)
}

// Discard implements drift.ChangeSets.
func (c *CloudFormation) Discard(ctx context.Context, stack events.StackRef, id string) error {
	_, err := c.in(stack).DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{
		StackName: aws.String(stack.StackID), ChangeSetName: aws.String(id),
	})
	if noChangeSet(err) || missing(err) {
		return nil
	}
	return awserr.Classify("discard the revert of "+stack.StackName, err)
}
