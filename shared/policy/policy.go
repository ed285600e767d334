// Package policy checks templates against security policies: a built-in pack of
// rules, users' own policies (package rego) and CloudFormation Guard (package
// guard). The pack sees the resolved template: values of parameters, mappings
// and conditions, never the text alone. What cannot be known before a
// deployment is not reported.
package policy

import (
	"cmp"
	"slices"
	"strings"
)

//go:generate go run ./internal/docs ../../docs/policies.md

// Severity says how much a finding matters.
type Severity string

// The severities, the worst first.
const (
	Critical Severity = "critical" // anybody on the internet can read, change or run it
	High     Severity = "high"     // one more mistake away from that
	Medium   Severity = "medium"   // a layer of defence is missing
	Low      Severity = "low"      // hardening, traceability, recovery
)

// Severities returns all severities, the worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

// Rule is one rule of the built-in pack.
type Rule struct {
	ID       string // "EK1004"
	Title    string // what is true when nothing is found
	Severity Severity
	// Types are the resource types that Check is called with. Without any,
	// Template is called once for each template.
	Types []string
	// FSBP are controls of AWS Foundational Security Best Practices, ControlTower
	// proactive controls of AWS Control Tower, Others ids of other catalogues
	// (checkov, cdk-nag) that ask for the same.
	FSBP, ControlTower, Others []string
	Rationale                  string // why it matters
	Fix                        string // what to change
	Link                       string // documentation

	Check    func(r *Resource)
	Template func(t *Template)
}

// Finding is one breach of a policy.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Path leads from the root of the template to what is wrong. Where
	// something is missing it ends at what lacks it.
	Path    []string `json:"path"`
	Line    int      `json:"line"`   // from 1
	Column  int      `json:"column"` // from 1
	Message string   `json:"message"`
	// Condition says when the finding holds ("IsProd and not UseKey"), "" for
	// always.
	Condition string `json:"condition,omitempty"`
}

// Resource returns the logical id of the resource that the finding is about,
// "" if it is about none.
func (f Finding) Resource() string {
	if len(f.Path) > 1 && f.Path[0] == "Resources" {
		return f.Path[1]
	}
	return ""
}

// Sort brings findings into the order of the text.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Rule, b.Rule),
			slices.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message), strings.Compare(a.Condition, b.Condition))
	})
}
