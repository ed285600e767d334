package changeset

import (
	"encoding/json"
	"slices"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// MaxBytes is the most that is read of one change set's text. CloudFormation
// answers at most 1 MB a page; 500 resources with both contexts are far below.
const MaxBytes = 32 << 20

// Parse reads a change set from the answer of CloudFormation's
// DescribeChangeSet as the AWS CLI prints it, with all pages. Values are there
// if it was asked with --include-property-values. An error is Invalid.
func Parse(data []byte) (Set, error) {
	if len(data) > MaxBytes {
		return Set{}, fault.Invalid("the change set has %d bytes, at most %d are read", len(data), MaxBytes)
	}
	var answer describeChangeSet
	if err := json.Unmarshal(data, &answer); err != nil {
		return Set{}, fault.Invalid("the change set cannot be read: %w", err)
	}
	if answer.Changes == nil {
		return Set{}, fault.Invalid("the change set has no Changes: want the answer of aws cloudformation describe-change-set")
	}
	return answer.set(), nil
}

// describeChangeSet is the answer of DescribeChangeSet.
// Source: CloudFormation API reference, DescribeChangeSet.
type describeChangeSet struct {
	ChangeSetID           string `json:"ChangeSetId"`
	StackID               string `json:"StackId"`
	StackName             string
	Status                string
	StatusReason          string
	ExecutionStatus       string
	Capabilities          []string
	NotificationARNs      []string `json:"NotificationARNs"`
	Tags                  []struct{ Key, Value string }
	DeploymentMode        string
	StackDriftStatus      string
	OnStackFailure        string
	IncludeNestedStacks   bool
	Parameters            []struct{ ParameterKey, ParameterValue, ResolvedValue string }
	RollbackConfiguration *struct {
		MonitoringTimeInMinutes int
		RollbackTriggers        []struct{ Arn, Type string }
	}
	Changes []struct{ ResourceChange *resourceChange }
}

type resourceChange struct {
	PolicyAction, Action, ResourceType, Replacement string
	LogicalResourceID                               string `json:"LogicalResourceId"`
	PhysicalResourceID                              string `json:"PhysicalResourceId"`
	Scope                                           []string
	ChangeSetID                                     string `json:"ChangeSetId"`
	BeforeContext, AfterContext                     string
	ResourceDriftStatus                             string
	ResourceDriftIgnoredAttributes                  []struct{ Path, Reason string }
	Details                                         []struct {
		Evaluation, ChangeSource, CausingEntity string
		Target                                  struct {
			Attribute, Name, Path, RequiresRecreation, AttributeChangeType string
			BeforeValue, AfterValue, BeforeValueFrom                       string
			Drift                                                          struct{ PreviousValue string }
		}
	}
}

func (a describeChangeSet) set() Set {
	s := Set{
		ID: a.ChangeSetID, StackID: a.StackID, StackName: a.StackName, Status: a.Status, StatusReason: a.StatusReason,
		ExecutionStatus: a.ExecutionStatus, Capabilities: a.Capabilities, Parameters: map[string]string{}, Changes: []Change{},
		DeploymentMode: a.DeploymentMode, StackDrift: a.StackDriftStatus, OnStackFailure: a.OnStackFailure, IncludesNested: a.IncludeNestedStacks,
		Notifications: a.NotificationARNs,
	}
	for _, tag := range a.Tags {
		if s.Tags == nil {
			s.Tags = map[string]string{}
		}
		s.Tags[tag.Key] = tag.Value
	}
	for _, p := range a.Parameters {
		s.Parameters[p.ParameterKey] = Parameter(p.ParameterValue, p.ResolvedValue)
	}
	if r := a.RollbackConfiguration; r != nil && (len(r.RollbackTriggers) > 0 || r.MonitoringTimeInMinutes > 0) {
		s.Rollback = &Rollback{MonitoringMinutes: r.MonitoringTimeInMinutes}
		for _, trigger := range r.RollbackTriggers {
			s.Rollback.Alarms = append(s.Rollback.Alarms, trigger.Arn)
		}
		slices.Sort(s.Rollback.Alarms)
	}
	for _, c := range a.Changes {
		if c.ResourceChange != nil {
			s.Changes = append(s.Changes, c.ResourceChange.change())
		}
	}
	return s
}

func (r *resourceChange) change() Change {
	c := Change{
		Action: r.Action, LogicalID: r.LogicalResourceID, PhysicalID: r.PhysicalResourceID, Type: r.ResourceType,
		Replacement: r.Replacement, PolicyAction: r.PolicyAction, Scope: r.Scope, Before: r.BeforeContext, After: r.AfterContext,
		Nested: r.ChangeSetID, Drift: r.ResourceDriftStatus,
	}
	for _, ignored := range r.ResourceDriftIgnoredAttributes {
		c.DriftIgnored = append(c.DriftIgnored, ignored.Path+" "+ignored.Reason)
	}
	for _, d := range r.Details {
		c.Details = append(c.Details, Detail{
			Attribute: d.Target.Attribute, Name: d.Target.Name, Path: d.Target.Path, ChangeType: d.Target.AttributeChangeType,
			Before: Plain(d.Target.BeforeValue), After: Plain(d.Target.AfterValue), BeforeFrom: d.Target.BeforeValueFrom,
			Deployed: Plain(d.Target.Drift.PreviousValue), Recreation: d.Target.RequiresRecreation,
			Evaluation: d.Evaluation, Source: d.ChangeSource, Cause: d.CausingEntity,
		})
	}
	return c
}

// Plain takes a JSON string out of its quotes; anything else stays as it is.
func Plain(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// Parameter is a parameter's value as Set.Parameters has it. One of a Systems
// Manager type has the name of the parameter and the value it was resolved to.
func Parameter(value, resolved string) string {
	if resolved == "" {
		return value
	}
	return value + resolvedMark + resolved
}

const resolvedMark = " = "
