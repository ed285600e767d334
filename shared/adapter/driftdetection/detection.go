// Package driftdetection detects and reverts drift with CloudFormation in
// workload accounts.
package driftdetection

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// pageSize is the most rows of DescribeStackResourceDrifts.
// Source: CloudFormation API reference, DescribeStackResourceDrifts.
const pageSize = 100

// CloudFormation implements drift.Stacks and drift.ChangeSets.
type CloudFormation struct{ workloads *session.Workloads }

// New returns CloudFormation in the accounts and regions that workloads opens.
func New(workloads *session.Workloads) *CloudFormation { return &CloudFormation{workloads: workloads} }

var (
	_ drift.Stacks     = (*CloudFormation)(nil)
	_ drift.ChangeSets = (*CloudFormation)(nil)
)

func (c *CloudFormation) in(stack events.StackRef) *cloudformation.Client {
	return cloudformation.NewFromConfig(c.workloads.In(stack.Account, stack.Region))
}

// State implements drift.Stacks. A stack that was deleted stays visible under
// its ARN for 90 days; it counts as gone.
// Source: CloudFormation API reference, DescribeStacks.
func (c *CloudFormation) State(ctx context.Context, stack events.StackRef) (drift.StackState, error) {
	found, err := c.describe(ctx, stack)
	if err != nil || found == nil || found.StackStatus == types.StackStatusDeleteComplete {
		return drift.StackState{}, err
	}
	updated := aws.ToTime(found.CreationTime)
	if found.LastUpdatedTime != nil {
		updated = *found.LastUpdatedTime
	}
	return drift.StackState{Status: string(found.StackStatus), Reason: aws.ToString(found.StackStatusReason), Updated: updated.UTC()}, nil
}

// describe returns the stack, or nil if there is none.
func (c *CloudFormation) describe(ctx context.Context, stack events.StackRef) (*types.Stack, error) {
	out, err := c.in(stack).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(stack.StackID)})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, awserr.Classify("describe "+stack.StackName, err)
	}
	if len(out.Stacks) == 0 {
		return nil, nil
	}
	return &out.Stacks[0], nil
}

// missing reports the error of a stack that does not exist. CloudFormation has
// no code of its own for it: "Stack with id X does not exist".
func missing(err error) bool {
	return awserr.HasCode(err, "ValidationError") && strings.Contains(awserr.Message(err), "does not exist")
}

// classify is awserr.Classify for calls on a stack that somebody else may be
// changing or checking. CloudFormation has no code of its own for that, only a
// ValidationError: "Drift detection is already in progress for stack [ARN]",
// "Stack:ARN is in UPDATE_IN_PROGRESS state and can not be updated".
func classify(doing string, err error) error {
	if awserr.HasCode(err, "ValidationError") {
		message := strings.ReplaceAll(strings.ToLower(awserr.Message(err)), "_", " ")
		if strings.Contains(message, "in progress") {
			return fault.Conflict("%s: %w", doing, err)
		}
	}
	return awserr.Classify(doing, err)
}

// StartDetection implements drift.Stacks.
func (c *CloudFormation) StartDetection(ctx context.Context, stack events.StackRef) (string, error) {
	out, err := c.in(stack).DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: aws.String(stack.StackID)})
	if err != nil {
		return "", classify("detect drift of "+stack.StackName, err)
	}
	return aws.ToString(out.StackDriftDetectionId), nil
}

// Detection implements drift.Stacks.
func (c *CloudFormation) Detection(ctx context.Context, stack events.StackRef, id string) (drift.Detection, error) {
	out, err := c.in(stack).DescribeStackDriftDetectionStatus(ctx,
		&cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: aws.String(id)})
	if err != nil {
		return drift.Detection{}, awserr.Classify("read the drift detection of "+stack.StackName, err)
	}
	return drift.Detection{
		ID: id, State: drift.DetectionState(string(out.DetectionStatus)),
		Reason: reason(aws.ToString(out.DetectionStatusReason)), Started: aws.ToTime(out.Timestamp),
	}, nil
}

// reason makes a sentence of a DetectionStatusReason: the summary, and why in
// CloudFormation's words, each of them once. A failed detection's is JSON text
// with a reason for each resource; any other text is its own sentence.
// Source: no documentation; as seen in aws-cloudformation/cloudformation-coverage-roadmap#801.
func reason(text string) string {
	var document struct {
		Summary  string
		Failures []struct{ FailureReason string }
	}
	if json.Unmarshal([]byte(text), &document) != nil || document.Summary == "" {
		return text
	}
	var why []string
	for _, f := range document.Failures {
		if f.FailureReason != "" && !slices.Contains(why, f.FailureReason) {
			why = append(why, f.FailureReason)
		}
	}
	if len(why) == 0 {
		return document.Summary
	}
	return document.Summary + ": " + strings.Join(why, "; ")
}

// Resources implements drift.Stacks.
func (c *CloudFormation) Resources(ctx context.Context, stack events.StackRef) ([]drift.Resource, error) {
	var found []drift.Resource
	pages := cloudformation.NewListStackResourcesPaginator(c.in(stack),
		&cloudformation.ListStackResourcesInput{StackName: aws.String(stack.StackID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the resources of "+stack.StackName, err)
		}
		for _, r := range page.StackResourceSummaries {
			if r.ResourceStatus == types.ResourceStatusDeleteComplete {
				continue // an older resource of the same stack
			}
			found = append(found, drift.Resource{
				LogicalID: aws.ToString(r.LogicalResourceId), PhysicalID: aws.ToString(r.PhysicalResourceId), Type: aws.ToString(r.ResourceType),
			})
		}
	}
	return found, nil
}

// Drifts implements drift.Stacks.
func (c *CloudFormation) Drifts(ctx context.Context, stack events.StackRef) ([]drift.ResourceDrift, error) {
	var found []drift.ResourceDrift
	pages := cloudformation.NewDescribeStackResourceDriftsPaginator(c.in(stack),
		&cloudformation.DescribeStackResourceDriftsInput{StackName: aws.String(stack.StackID), MaxResults: aws.Int32(pageSize)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the drift of "+stack.StackName, err)
		}
		for _, d := range page.StackResourceDrifts {
			row, err := resourceDrift(d)
			if err != nil {
				return nil, err
			}
			found = append(found, row)
		}
	}
	return found, nil
}

func resourceDrift(d types.StackResourceDrift) (drift.ResourceDrift, error) {
	row := drift.ResourceDrift{
		Resource: drift.Resource{
			LogicalID: aws.ToString(d.LogicalResourceId), PhysicalID: aws.ToString(d.PhysicalResourceId), Type: aws.ToString(d.ResourceType),
		},
		Status: string(d.StackResourceDriftStatus), Reason: aws.ToString(d.DriftStatusReason), Checked: aws.ToTime(d.Timestamp),
	}
	var err error
	if row.Expected, err = properties(d.ExpectedProperties); err == nil {
		row.Actual, err = properties(d.ActualProperties)
	}
	if err != nil {
		return row, fault.Permanent("the properties of %s are not JSON: %w", row.LogicalID, err)
	}
	for _, p := range d.PropertyDifferences {
		row.Differences = append(row.Differences, events.PropertyDifference{
			Path: aws.ToString(p.PropertyPath), Type: string(p.DifferenceType),
			Expected: aws.ToString(p.ExpectedValue), Actual: aws.ToString(p.ActualValue),
		})
	}
	return row, nil
}

// properties decodes a JSON structure, which is absent for a deleted resource.
func properties(text *string) (map[string]any, error) {
	if aws.ToString(text) == "" {
		return nil, nil
	}
	var out map[string]any
	err := json.Unmarshal([]byte(*text), &out)
	return out, err
}
