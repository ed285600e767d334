package stacks

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Create implements deployment.ChangeSets.
func (c *ChangeSets) Create(ctx context.Context, t events.Target, in deployment.ChangeSetInput) (changeSetID, stackID string, err error) {
	input := &cloudformation.CreateChangeSetInput{
		StackName: aws.String(t.StackName), ChangeSetName: aws.String(in.Name), ChangeSetType: types.ChangeSetType(in.Type),
		Description:           aws.String(in.Description),
		RollbackConfiguration: rollbackInput(in.Rollback),
		RoleARN:               aws.String("arn:" + session.Partition(t.Region) + ":iam::" + t.Account + ":role/" + ExecutionRole),
	}
	if in.IncludeNested {
		input.IncludeNestedStacks = aws.Bool(true)
	}
	if in.TemplateURL != "" {
		input.TemplateURL = aws.String(in.TemplateURL)
	} else {
		input.TemplateBody = aws.String(string(in.Template))
	}
	for _, name := range slices.Sorted(maps.Keys(in.Parameters)) {
		input.Parameters = append(input.Parameters, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(in.Parameters[name])})
	}
	for _, name := range in.Previous {
		input.Parameters = append(input.Parameters, types.Parameter{ParameterKey: aws.String(name), UsePreviousValue: aws.Bool(true)})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Tags)) {
		input.Tags = append(input.Tags, types.Tag{Key: aws.String(name), Value: aws.String(in.Tags[name])})
	}
	for _, capability := range in.Capabilities {
		input.Capabilities = append(input.Capabilities, types.Capability(capability))
	}
	out, err := c.in(t).CreateChangeSet(ctx, input)
	if awserr.HasCode(err, "AlreadyExistsException") {
		return c.find(ctx, t, in.Name)
	}
	if busy(err) {
		return "", "", fault.Conflict("create the change set of %s: %w", t.StackName, err)
	}
	err = awserr.Classify("create the change set of "+t.StackName, err)
	if fault.Is(err, fault.InvalidError) {
		return "", "", fault.Invalid("CloudFormation refuses the plan of %s: %s", t.StackName, awserr.Message(err)) // for the person who pushed
	}
	if err != nil {
		return "", "", err
	}
	return aws.ToString(out.Id), aws.ToString(out.StackId), nil
}

// inProgress is in the message about a stack that somebody operates on, which
// has the code of every malformed request.
// Source: observed message, "Stack:arn:… is in UPDATE_IN_PROGRESS state and can not be updated."
var inProgress = regexp.MustCompile(`is in [A-Z_]+_IN_PROGRESS state`)

func busy(err error) bool {
	return awserr.HasCode(err, "ValidationError") && inProgress.MatchString(awserr.Message(err))
}

// find returns the change set that an earlier try made.
func (c *ChangeSets) find(ctx context.Context, t events.Target, name string) (changeSetID, stackID string, err error) {
	out, err := c.in(t).DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: aws.String(name), StackName: aws.String(t.StackName),
	})
	if err != nil {
		return "", "", awserr.Classify("find the change set "+name, err)
	}
	return aws.ToString(out.ChangeSetId), aws.ToString(out.StackId), nil
}

// maxNestedSets bounds the change sets of nested stacks that are read for one
// plan. CloudFormation allows more, in theory; those beyond are not known.
const maxNestedSets = 200

// Read implements deployment.ChangeSets. A page has at most 1 MB; values of
// properties only come when they are asked for. The change sets of nested
// stacks are read by the ARN that their rows name; the number is bounded.
func (c *ChangeSets) Read(ctx context.Context, t events.Target, changeSetID string) (deployment.ChangeSet, error) {
	left := maxNestedSets
	return c.read(ctx, t, changeSetID, &left)
}

func (c *ChangeSets) read(ctx context.Context, t events.Target, changeSetID string, left *int) (deployment.ChangeSet, error) {
	set, err := c.pages(ctx, t, changeSetID)
	if err != nil {
		return deployment.ChangeSet{}, err
	}
	for _, change := range set.Changes {
		if change.Nested == "" || *left == 0 {
			continue
		}
		*left--
		child, err := c.read(ctx, t, change.Nested, left)
		if err != nil {
			return deployment.ChangeSet{}, err
		}
		if set.Nested == nil {
			set.Nested = map[string]deployment.ChangeSet{}
		}
		set.Nested[change.Nested] = child
	}
	return set, nil
}

// pages reads one change set.
func (c *ChangeSets) pages(ctx context.Context, t events.Target, changeSetID string) (deployment.ChangeSet, error) {
	input := &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(changeSetID), IncludePropertyValues: aws.Bool(true)}
	client := c.in(t)
	var set deployment.ChangeSet
	for {
		out, err := client.DescribeChangeSet(ctx, input)
		if gone(err) {
			return deployment.ChangeSet{ID: changeSetID, Status: "DELETE_COMPLETE"}, nil
		}
		if err != nil {
			return deployment.ChangeSet{}, awserr.Classify("read the change set of "+t.StackName, err)
		}
		if set.ID == "" {
			set = header(out)
		}
		for _, change := range out.Changes {
			if change.ResourceChange != nil {
				set.Changes = append(set.Changes, resourceChange(*change.ResourceChange))
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return set, nil
		}
		input.NextToken = out.NextToken
	}
}

func header(out *cloudformation.DescribeChangeSetOutput) deployment.ChangeSet {
	set := deployment.ChangeSet{
		ID: aws.ToString(out.ChangeSetId), StackID: aws.ToString(out.StackId), StackName: aws.ToString(out.StackName), Status: string(out.Status),
		ExecutionStatus: string(out.ExecutionStatus), StatusReason: aws.ToString(out.StatusReason), Parameters: map[string]string{},
		DeploymentMode: string(out.DeploymentMode), StackDrift: string(out.StackDriftStatus), OnStackFailure: string(out.OnStackFailure),
		IncludesNested: aws.ToBool(out.IncludeNestedStacks), Notifications: out.NotificationARNs, Rollback: rollback(out.RollbackConfiguration),
	}
	for _, p := range out.Parameters {
		set.Parameters[aws.ToString(p.ParameterKey)] = changeset.Parameter(aws.ToString(p.ParameterValue), aws.ToString(p.ResolvedValue))
	}
	for _, tag := range out.Tags {
		if set.Tags == nil {
			set.Tags = map[string]string{}
		}
		set.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, capability := range out.Capabilities {
		set.Capabilities = append(set.Capabilities, string(capability))
	}
	return set
}

func rollback(c *types.RollbackConfiguration) *changeset.Rollback {
	if c == nil || len(c.RollbackTriggers) == 0 && aws.ToInt32(c.MonitoringTimeInMinutes) == 0 {
		return nil
	}
	r := &changeset.Rollback{MonitoringMinutes: int(aws.ToInt32(c.MonitoringTimeInMinutes))}
	for _, trigger := range c.RollbackTriggers {
		r.Alarms = append(r.Alarms, aws.ToString(trigger.Arn))
	}
	slices.Sort(r.Alarms)
	return r
}

func resourceChange(c types.ResourceChange) deployment.Change {
	change := deployment.Change{
		Action: string(c.Action), LogicalID: aws.ToString(c.LogicalResourceId), PhysicalID: aws.ToString(c.PhysicalResourceId),
		Type: aws.ToString(c.ResourceType), Replacement: string(c.Replacement), PolicyAction: string(c.PolicyAction),
		Before: aws.ToString(c.BeforeContext), After: aws.ToString(c.AfterContext),
		Nested: aws.ToString(c.ChangeSetId), Drift: string(c.ResourceDriftStatus),
	}
	for _, ignored := range c.ResourceDriftIgnoredAttributes {
		change.DriftIgnored = append(change.DriftIgnored, aws.ToString(ignored.Path)+" "+string(ignored.Reason))
	}
	for _, scope := range c.Scope {
		change.Scope = append(change.Scope, string(scope))
	}
	for _, d := range c.Details {
		detail := deployment.Detail{Evaluation: string(d.Evaluation), Source: string(d.ChangeSource), Cause: aws.ToString(d.CausingEntity)}
		if d.Target != nil {
			detail.Attribute, detail.Name, detail.Path = string(d.Target.Attribute), aws.ToString(d.Target.Name), aws.ToString(d.Target.Path)
			detail.ChangeType, detail.Recreation = string(d.Target.AttributeChangeType), string(d.Target.RequiresRecreation)
			detail.Before, detail.After = changeset.Plain(aws.ToString(d.Target.BeforeValue)), changeset.Plain(aws.ToString(d.Target.AfterValue))
			detail.BeforeFrom = string(d.Target.BeforeValueFrom)
			if d.Target.Drift != nil {
				detail.Deployed = changeset.Plain(aws.ToString(d.Target.Drift.PreviousValue))
			}
		}
		change.Details = append(change.Details, detail)
	}
	return change
}
