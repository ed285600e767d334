package deployment

import (
	"fmt"
	"slices"
	"strings"
)

// The levels of risk, rising.
const (
	RiskSafe      = "safe"
	RiskReview    = "review"
	RiskDangerous = "dangerous"
	RiskBlocked   = "blocked"
)

var levels = []string{RiskSafe, RiskReview, RiskDangerous, RiskBlocked}

// Policy is what counts beyond the built-in rating.
type Policy struct {
	Stateful []string // further types whose resources hold data
	Protect  []string // logical ids that must never be removed or replaced
}

// Assessment is the risk of a plan and why, worst reason first.
type Assessment struct {
	Level   string
	Reasons []string
}

// Assess rates the changes. What it cannot tell, it rates higher, never lower:
// an action or a replacement that CloudFormation has not decided yet counts as
// if it happened.
func Assess(changes []Change, policy Policy) Assessment {
	type reason struct {
		level int
		text  string
	}
	var reasons []reason
	for _, change := range changes {
		level, text := rate(change, policy)
		if text != "" {
			reasons = append(reasons, reason{slices.Index(levels, level), text})
		}
	}
	slices.SortStableFunc(reasons, func(a, b reason) int {
		if a.level != b.level {
			return b.level - a.level
		}
		return strings.Compare(a.text, b.text)
	})
	assessment := Assessment{Level: RiskSafe, Reasons: []string{}}
	for i, r := range reasons {
		if i == 0 {
			assessment.Level = levels[r.level]
		}
		assessment.Reasons = append(assessment.Reasons, r.text)
	}
	return assessment
}

// rate returns the level of one change and why; no reason means safe.
func rate(c Change, policy Policy) (level, reason string) {
	what := fmt.Sprintf("%s (%s)", c.LogicalID, c.Type)
	loses, verb := loss(c)
	if !loses {
		return harmless(c, what)
	}
	if slices.Contains(policy.Protect, c.LogicalID) {
		return RiskBlocked, what + " is protected and " + verb
	}
	note, holdsData := stateful[c.Type]
	if !holdsData && slices.Contains(policy.Stateful, c.Type) {
		note, holdsData = "named stateful by policy", true
	}
	switch {
	case !holdsData:
		return RiskReview, what + " " + verb + because(c)
	case strings.HasSuffix(c.PolicyAction, "Retain"):
		return RiskReview, what + " " + verb + because(c) + "; the old resource is retained"
	case strings.HasSuffix(c.PolicyAction, "Snapshot"):
		return RiskReview, what + " " + verb + because(c) + "; a snapshot is kept"
	default:
		return RiskDangerous, what + " " + verb + because(c) + "; it holds " + note
	}
}

// loss reports whether the existing resource goes away, or may.
func loss(c Change) (bool, string) {
	switch {
	case c.Action == "Remove":
		return true, "is removed"
	case c.Action == "Modify" && c.Replacement == "True", strings.HasPrefix(c.PolicyAction, "ReplaceAnd"):
		return true, "is replaced"
	case c.Action == "Modify" && c.Replacement == "Conditional":
		return true, "may be replaced"
	case c.Action == "Dynamic":
		return true, "changes in a way that is known only during the deployment"
	default:
		return false, ""
	}
}

func harmless(c Change, what string) (level, reason string) {
	switch {
	case c.Type == "AWS::CloudFormation::Stack" && c.Action == "Modify":
		return RiskReview, what + " is a nested stack; its own row says nothing about its resources"
	case c.Action == "Import":
		return RiskReview, what + " is imported"
	case c.Action == "Add", c.Action == "Modify" && c.Replacement == "False":
		return RiskSafe, ""
	default:
		return RiskReview, fmt.Sprintf("%s has the action %q with replacement %q, which this version does not know", what, c.Action, c.Replacement)
	}
}

// because names the properties that force a replacement.
func because(c Change) string {
	var paths []string
	for _, d := range c.Details {
		if d.Recreation == "Always" || d.Recreation == "Conditionally" {
			paths = append(paths, d.where())
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) == 0 || c.Action == "Remove" {
		return ""
	}
	return ", because " + strings.Join(paths, ", ") + " changes"
}

// where names the attribute as a path.
func (d Detail) where() string {
	switch {
	case d.Path != "":
		return d.Path
	case d.Name != "":
		return "/" + d.Attribute + "/" + d.Name
	default:
		return "/" + d.Attribute
	}
}
