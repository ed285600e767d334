package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// deploymentTemplate is the little of a template that the fake understands:
// resources with a Type, literal Properties or {Ref: Parameter}, a
// DeletionPolicy, and Outputs that are literal, {Ref: Parameter} or
// {Ref: Resource}. A resource's Metadata steers its fate:
//
//	Fail: reason          the resource fails
//	FailRollback: reason  so does the rollback that follows
//	RollbackTries: n      the rollback fails n times; without it, always
//	FailDelete: reason    the resource cannot be deleted
//	Replace: [Property]   these properties force a replacement
//	Problem: text         early validation refuses the change set
type deploymentTemplate struct {
	Resources map[string]deploymentResource `yaml:"Resources"`
	Outputs   map[string]deploymentOutput   `yaml:"Outputs"`

	problems []string
	text     []byte // as it was given
}

type deploymentOutput struct {
	Value any `yaml:"Value"`
}

type deploymentResource struct {
	Type           string         `yaml:"Type"`
	DeletionPolicy string         `yaml:"DeletionPolicy"`
	Properties     map[string]any `yaml:"Properties"`
	Metadata       struct {
		Fail         string   `yaml:"Fail"`
		FailRollback string   `yaml:"FailRollback"`
		Tries        int      `yaml:"RollbackTries"`
		FailDelete   string   `yaml:"FailDelete"`
		Problem      string   `yaml:"Problem"`
		Replace      []string `yaml:"Replace"`
	} `yaml:"Metadata"`
}

func parseDeploymentTemplate(data []byte, parameters map[string]string) (deploymentTemplate, error) {
	t := deploymentTemplate{text: slices.Clone(data)}
	if err := yaml.Unmarshal(data, &t); err != nil {
		return t, fault.Invalid("Template format error: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		resource := t.Resources[id]
		for name, value := range resource.Properties {
			resource.Properties[name] = substituted(value, parameters)
		}
		if resource.Metadata.Problem != "" {
			t.problems = append(t.problems, id+": "+resource.Metadata.Problem)
		}
	}
	for name, output := range t.Outputs {
		output.Value = substituted(output.Value, parameters)
		t.Outputs[name] = output
	}
	return t, nil
}

// substituted replaces {Ref: Parameter}; a Ref to anything else stays.
func substituted(value any, parameters map[string]string) any {
	if m, ok := value.(map[string]any); ok && len(m) == 1 {
		if name, isText := m["Ref"].(string); isText {
			if given, known := parameters[name]; known {
				return given
			}
		}
	}
	return value
}

// plan ends the making of a change set.
func (s *deploymentChangeSet) plan() {
	if len(s.template.problems) > 0 {
		s.set.Status, s.set.StatusReason = "FAILED", "Validation failed for one or more resources."
		return
	}
	s.set.Changes = difference(s.stack, s.template)
	if len(s.set.Changes) == 0 && fmt.Sprint(s.template.Outputs) == fmt.Sprint(s.stack.template.Outputs) {
		s.set.Status = "FAILED"
		s.set.StatusReason = "The submitted information didn't contain changes. Submit different information to create a change set."
		return
	}
	s.set.Status, s.set.ExecutionStatus = "CREATE_COMPLETE", "AVAILABLE"
}

// difference lists the changes from what the stack has to the template.
func difference(stack *deploymentStack, next deploymentTemplate) []deployment.Change {
	var changes []deployment.Change
	for _, id := range slices.Sorted(maps.Keys(next.Resources)) {
		resource := next.Resources[id]
		old, exists := stack.template.Resources[id]
		switch {
		case !exists:
			changes = append(changes, deployment.Change{Action: "Add", LogicalID: id, Type: resource.Type})
		case fmt.Sprint(old.Properties) != fmt.Sprint(resource.Properties):
			changes = append(changes, modification(id, stack.physical[id], old, resource))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(stack.template.Resources)) {
		if _, kept := next.Resources[id]; !kept {
			old := stack.template.Resources[id]
			policy := "Delete"
			if old.DeletionPolicy != "" {
				policy = old.DeletionPolicy
			}
			changes = append(changes, deployment.Change{Action: "Remove", LogicalID: id, PhysicalID: stack.physical[id], Type: old.Type, PolicyAction: policy})
		}
	}
	return changes
}

func modification(id, physical string, old, next deploymentResource) deployment.Change {
	change := deployment.Change{Action: "Modify", LogicalID: id, PhysicalID: physical, Type: next.Type, Replacement: "False", Scope: []string{"Properties"}}
	names := map[string]bool{}
	for name := range old.Properties {
		names[name] = true
	}
	for name := range next.Properties {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, after := text(old.Properties[name]), text(next.Properties[name])
		if before == after {
			continue
		}
		detail := deployment.Detail{
			Attribute: "Properties", Name: name, Path: "/Properties/" + name, ChangeType: "Modify", Before: before, After: after,
			Recreation: "Never", Evaluation: "Static", Source: "DirectModification",
		}
		if slices.Contains(next.Metadata.Replace, name) {
			detail.Recreation, change.Replacement = "Always", "True"
		}
		change.Details = append(change.Details, detail)
	}
	return change
}

func text(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// run executes a change set: one resource after the other on the timeline,
// then the end, or a rollback that leaves everything as it was.
func (c *DeploymentCloud) run(set *deploymentChangeSet, token string) {
	stack := set.stack
	set.set.ExecutionStatus = "EXECUTE_IN_PROGRESS"
	for id, other := range c.changeSets {
		if other.stack == stack && other != set {
			delete(c.changeSets, id)
		}
	}
	verb, undo := "CREATE", "ROLLBACK"
	if stack.status != "REVIEW_IN_PROGRESS" {
		verb, undo = "UPDATE", "UPDATE_ROLLBACK"
	}
	stack.operating, stack.rollback = token, set.given.Rollback
	if verb == "CREATE" {
		stack.tags, stack.made = set.tags, nil
	}
	c.set(stack, token, verb+"_IN_PROGRESS", "User Initiated")
	c.next(set, token, verb, undo, set.set.Changes)
}

func (c *DeploymentCloud) next(set *deploymentChangeSet, token, verb, undo string, left []deployment.Change) {
	if why := c.breach(set.stack); why != "" {
		c.failed(set, token, undo, deploymentUndo{reason: why})
		return
	}
	if len(left) == 0 {
		c.bake(set, token, verb, undo, set.stack.rollback.Minutes)
		return
	}
	change := left[0]
	action := map[string]string{"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE"}[change.Action]
	resource := set.template.Resources[change.LogicalID]
	fate := resource.Metadata
	c.Timeline.After(c.resourceTime(), func() {
		row := deployment.StackEvent{LogicalID: change.LogicalID, PhysicalID: change.PhysicalID, Type: change.Type, Status: action + "_COMPLETE"}
		if fate.Fail != "" && change.Action != "Remove" {
			row.Status, row.Reason = action+"_FAILED", fate.Fail
			c.row(set.stack, token, row)
			for _, other := range left[1:] {
				c.row(set.stack, token, deployment.StackEvent{
					LogicalID: other.LogicalID, Type: other.Type, Status: action + "_FAILED", Reason: "Resource creation cancelled",
				})
			}
			reason := "The following resource(s) failed: [" + change.LogicalID + "]."
			c.failed(set, token, undo, deploymentUndo{resource: change.LogicalID, reason: reason, fails: fate.FailRollback, tries: fate.Tries})
			return
		}
		c.row(set.stack, token, row)
		if verb == "CREATE" {
			set.stack.make(change, resource)
		}
		c.next(set, token, verb, undo, left[1:])
	})
}

func (c *DeploymentCloud) complete(set *deploymentChangeSet, token, verb string) {
	stack := set.stack
	set.set.ExecutionStatus, stack.operating = "EXECUTE_COMPLETE", ""
	stack.template, stack.given, stack.tags, stack.drift = set.template, set.given, set.tags, nil
	for id := range set.template.Resources {
		if stack.physical[id] == "" {
			stack.physical[id] = strings.ToLower(stack.target.StackName + "-" + id)
		}
	}
	stack.outputs = map[string]string{}
	for name, output := range set.template.Outputs {
		stack.outputs[name] = text(output.Value)
		if m, ok := output.Value.(map[string]any); ok {
			if ref, isText := m["Ref"].(string); isText {
				stack.outputs[name] = stack.physical[ref]
			}
		}
	}
	c.set(stack, token, verb+"_COMPLETE", "")
}
