package policy

import (
	"encoding/json"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// ParseChangeSet reads a plan from the answer of CloudFormation's
// DescribeChangeSet as the AWS CLI prints it; values are there if it was asked
// with --include-property-values. Changes of nested stacks and hooks are left
// out. An error is Invalid.
func ParseChangeSet(data []byte) (Plan, error) {
	set, err := changeset.Parse(data)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Stack: set.StackName, Changes: []Change{}}
	for _, c := range set.Changes {
		p.Changes = append(p.Changes, planChange(c))
	}
	return p, nil
}

func planChange(from changeset.Change) Change {
	c := Change{
		Resource: from.LogicalID, Type: from.Type, Action: from.Action, Replacement: from.Replacement, PolicyAction: from.PolicyAction,
		Scope: from.Scope, Before: contextProperties(from.Before), After: contextProperties(from.After),
	}
	for _, d := range from.Details {
		detail := Detail{Attribute: d.Attribute, Name: d.Name, Path: d.Path, Recreation: d.Recreation}
		if d.Before != "" {
			detail.Before = d.Before
		}
		if d.After != "" {
			detail.After = d.After
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
