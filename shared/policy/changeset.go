package policy

import (
	"encoding/json"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// ParseChangeSet reads a plan from the answer of CloudFormation's
// DescribeChangeSet as the AWS CLI prints it; values are there if it was asked
// with --include-property-values. Changes of nested stacks and hooks are left
// out. An error is Invalid.
func ParseChangeSet(data []byte) (Plan, error) {
	var answer struct {
		StackName string
		Changes   []struct {
			ResourceChange *resourceChange
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return Plan{}, fault.Invalid("the change set cannot be read: %w", err)
	}
	if answer.Changes == nil {
		return Plan{}, fault.Invalid("the change set has no Changes: want the answer of aws cloudformation describe-change-set")
	}
	p := Plan{Stack: answer.StackName, Changes: []Change{}}
	for _, c := range answer.Changes {
		if c.ResourceChange != nil {
			p.Changes = append(p.Changes, c.ResourceChange.change())
		}
	}
	return p, nil
}

// resourceChange is ResourceChange of the CloudFormation API.
type resourceChange struct {
	PolicyAction, Action, ResourceType, Replacement string
	LogicalResourceID                               string `json:"LogicalResourceId"`
	Scope                                           []string
	BeforeContext, AfterContext                     string
	Details                                         []struct {
		Target struct {
			Attribute, Name, Path, RequiresRecreation string
			BeforeValue, AfterValue                   *string
		}
	}
}

func (r *resourceChange) change() Change {
	c := Change{
		Resource: r.LogicalResourceID, Type: r.ResourceType, Action: r.Action, Replacement: r.Replacement, PolicyAction: r.PolicyAction,
		Scope: r.Scope, Before: contextProperties(r.BeforeContext), After: contextProperties(r.AfterContext),
	}
	for _, d := range r.Details {
		t := d.Target
		detail := Detail{Attribute: t.Attribute, Name: t.Name, Path: t.Path, Recreation: t.RequiresRecreation}
		if t.BeforeValue != nil {
			detail.Before = *t.BeforeValue
		}
		if t.AfterValue != nil {
			detail.After = *t.AfterValue
		}
		c.Details = append(c.Details, detail)
	}
	return c
}

// contextProperties reads the properties in BeforeContext or AfterContext, nil
// if they are not there.
func contextProperties(text string) any {
	var context struct{ Properties any }
	if json.Unmarshal([]byte(text), &context) != nil {
		return nil
	}
	return context.Properties
}
