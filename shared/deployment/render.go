package deployment

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// symbols mark the actions in a rendered plan.
var symbols = map[string]string{"Add": "+", "Remove": "-", "Modify": "~", "Import": "<", "Dynamic": "?"}

// maxValue is the most characters of one value in a rendered plan.
const maxValue = 160

// Text renders the plan for a terminal: per resource the action, each property
// before → after, and a replacement with its reason.
func (d Document) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s in %s, account %s, %s)\n", d.Target.StackName, d.Target.Stack, d.Target.Stage, d.Target.Account, d.Target.Region)
	if d.Empty {
		b.WriteString("  nothing changes\n")
		return b.String()
	}
	for _, row := range d.Rows {
		row.text(&b)
	}
	if len(d.Rows) == 0 {
		b.WriteString("  no resource changes; outputs or metadata do\n")
	}
	fmt.Fprintf(&b, "risk: %s\n", d.Risk)
	for _, reason := range d.Reasons {
		fmt.Fprintf(&b, "  - %s\n", reason)
	}
	fmt.Fprintf(&b, "%s · digest %.12s\n", d.counts(), d.Digest)
	return b.String()
}

func (r Row) text(b *strings.Builder) {
	symbol := symbols[r.Action]
	if symbol == "" {
		symbol = "!"
	}
	fmt.Fprintf(b, "  %s %s  %s%s\n", symbol, r.LogicalID, r.Type, r.note())
	for _, p := range r.Properties {
		fmt.Fprintf(b, "      %s\n", p.line())
	}
}

// note says in brackets what the symbol does not.
func (r Row) note() string {
	var notes []string
	switch r.Replacement {
	case "True":
		notes = append(notes, "replacement")
	case "Conditional":
		notes = append(notes, "replacement possible")
	}
	if r.PolicyAction != "" {
		notes = append(notes, r.PolicyAction)
	}
	if r.Drift != "" && r.Drift != "IN_SYNC" && r.Drift != "NOT_CHECKED" {
		notes = append(notes, "drift: "+r.Drift)
	}
	if len(notes) == 0 {
		return ""
	}
	return "  [" + strings.Join(notes, ", ") + "]"
}

// line renders one property: "/Properties/X: before → after".
func (p Property) line() string {
	text := p.Path + ": "
	switch {
	case p.Before == "" && p.After == "":
		text = p.Path + " changes"
	case p.Before == "":
		text += shown(p.After)
	case p.After == "":
		text += shown(p.Before) + " → (none)"
	default:
		text += shown(p.Before) + " → " + shown(p.After)
	}
	if p.Recreation == "Always" {
		text += " (forces replacement)"
	}
	if p.Recreation == "Conditionally" {
		text += " (may force replacement)"
	}
	if p.Cause != "" {
		text += " (from " + p.Cause + ")"
	}
	return text
}

// shown is a value for a person, who need not know how CloudFormation writes
// that a value is not known yet.
func shown(value string) string {
	return clip(strings.ReplaceAll(value, template.KnownAfterApply, "(known after apply)"), maxValue)
}

func (d Document) counts() string {
	var add, modify, replace, remove int
	for _, row := range d.Rows {
		switch {
		case row.Action == "Add" || row.Action == "Import":
			add++
		case row.Action == "Remove":
			remove++
		case row.Replacement == "True" || row.Replacement == "Conditional":
			replace++
		default:
			modify++
		}
	}
	return fmt.Sprintf("%d to add, %d to modify, %d to replace, %d to remove", add, modify, replace, remove)
}
