package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// Plan is the change set of one stack, as policies see it.
type Plan struct {
	Stack   string   `json:"stack"`
	Stage   string   `json:"stage"`
	Changes []Change `json:"changes"`
}

// Change is what a plan does to one resource.
// Source: CloudFormation API reference, ResourceChange.
type Change struct {
	Resource    string `json:"resource"`    // logical id
	Type        string `json:"type"`        // "AWS::RDS::DBInstance"
	Action      string `json:"action"`      // Add, Modify, Remove, Import, Dynamic
	Replacement string `json:"replacement"` // True, False or Conditional; "" unless Modify
	// PolicyAction is what happens to the old resource: Delete, Retain, Snapshot,
	// ReplaceAndDelete, ReplaceAndRetain, ReplaceAndSnapshot.
	PolicyAction string   `json:"policyAction"`
	Scope        []string `json:"scope"`   // Properties, Tags, Metadata, …
	Details      []Detail `json:"details"` // why
	Before       any      `json:"before"`  // the resource's properties before, nil if not known
	After        any      `json:"after"`   // and after
}

// Detail is the change of one attribute of a resource.
type Detail struct {
	Attribute  string `json:"attribute"`  // Properties, Tags, …
	Name       string `json:"name"`       // of the property
	Path       string `json:"path"`       // "/Properties/Engine"
	Recreation string `json:"recreation"` // Never, Conditionally, Always
	Before     any    `json:"before"`     // nil if not known
	After      any    `json:"after"`
}

// PlanRule is one rule of the built-in pack about plans.
type PlanRule struct {
	ID, Title, Rationale, Fix string
	Severity                  Severity
	Check                     func(c Change) (message string, found bool)
}

// PlanFinding is a change that a rule is against.
type PlanFinding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Resource string   `json:"resource"` // logical id
	Type     string   `json:"type"`
	Message  string   `json:"message"`
}

var planRules = []PlanRule{
	{
		ID: "EK1901", Severity: High, Title: "No data is deleted by a replacement",
		Rationale: "CloudFormation replaces a resource by a new, empty one and deletes the old one.",
		Fix:       "Change the property another way, or set UpdateReplacePolicy to Retain or Snapshot and move the data.",
		Check:     checkReplaced,
	},
	{
		ID: "EK1902", Severity: High, Title: "No data is deleted with a resource",
		Rationale: "A resource that is taken out of the template is deleted with its data.",
		Fix:       "Set DeletionPolicy to Retain or Snapshot in a deployment before the resource is removed.",
		Check:     checkRemoved,
	},
	{
		ID: "EK1903", Severity: Medium, Title: "Protection against deletion stays",
		Rationale: "The step before a database is deleted is that its protection is switched off.",
		Fix:       "Keep the protection; switch it off by hand for the moment in which it is in the way.",
		Check:     checkUnprotected,
	},
}

// PlanRules returns the built-in rules about plans, sorted by id.
func PlanRules() []PlanRule { return slices.Clone(planRules) }

// CheckPlan gives the findings of the built-in rules about a plan, by resource
// and rule.
func CheckPlan(p Plan) []PlanFinding {
	var findings []PlanFinding
	for _, c := range p.Changes {
		for _, rule := range planRules {
			if message, found := rule.Check(c); found {
				findings = append(findings, PlanFinding{rule.ID, rule.Severity, c.Resource, c.Type, message})
			}
		}
	}
	slices.SortFunc(findings, func(a, b PlanFinding) int {
		return cmp.Or(strings.Compare(a.Resource, b.Resource), strings.Compare(a.Rule, b.Rule))
	})
	return findings
}

// keepsData reports a type that holds what cannot be made again.
func keepsData(typeName string) bool {
	loss, ok := schema.Holds(typeName)
	return ok && loss.Kind == schema.Data
}

// kept reports whether the old resource, or a snapshot of it, stays.
func (c Change) kept() bool {
	return strings.HasSuffix(c.PolicyAction, "Retain") || strings.HasSuffix(c.PolicyAction, "Snapshot")
}

func checkReplaced(c Change) (string, bool) {
	if c.Action != "Modify" || !keepsData(c.Type) || c.kept() {
		return "", false
	}
	switch c.Replacement {
	case "True":
		return "the resource is replaced and the old one deleted with its data" + c.because("Always"), true
	case "Conditional":
		return "the resource may be replaced and the old one deleted with its data" + c.because("Always", "Conditionally"), true
	}
	return "", false
}

// because names the properties that force a replacement.
func (c Change) because(recreations ...string) string {
	var names []string
	for _, d := range c.Details {
		if d.Name != "" && slices.Contains(recreations, d.Recreation) {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return " (" + strings.Join(slices.Compact(names), ", ") + ")"
}

func checkRemoved(c Change) (string, bool) {
	removed := c.Action == "Remove" && keepsData(c.Type) && !c.kept()
	return "the resource is deleted with its data", removed
}

func checkUnprotected(c Change) (string, bool) {
	for _, d := range c.Details {
		protection := d.Name == "DeletionProtection" || d.Name == "DeletionProtectionEnabled"
		if c.Action == "Modify" && protection && isTrue(d.Before) && (isFalse(d.After) || d.After == nil) {
			return "the protection against deletion is switched off", true
		}
	}
	return "", false
}

func isTrue(v any) bool {
	text, _ := v.(string)
	return v == true || strings.EqualFold(text, "true") || text == "ACTIVE"
}

func isFalse(v any) bool {
	text, _ := v.(string)
	return v == false || strings.EqualFold(text, "false") || text == "INACTIVE"
}
