package deployment

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// symbols mark the actions in a rendered plan.
var symbols = map[string]string{"Add": "+", "Remove": "-", "Modify": "~", "Import": "<", "Dynamic": "?", "SyncWithActual": "="}

// maxValue is the most characters of one value in a rendered plan.
const maxValue = 160

// Text renders the plan for a terminal: per resource the action, each property
// before → after, a replacement with its reason, drift; nested stacks are
// indented below their row.
func (d Document) Text() string { return d.text(func(_, text string) string { return text }) }

// ColorText is Text with ANSI colours.
func (d Document) ColorText() string {
	return d.text(func(color, text string) string {
		if color == "" {
			return text
		}
		return "\x1b[" + color + "m" + text + "\x1b[0m"
	})
}

// The colours of actions and levels, as ANSI numbers.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

var colors = map[string]string{
	"Add": green, "Import": green, "Remove": red, "Modify": yellow, "Dynamic": yellow,
	risk.Safe: green, risk.Review: yellow, risk.Dangerous: red, risk.Blocked: red,
}

type painter func(color, text string) string

func (d Document) text(paint painter) string {
	var b strings.Builder
	title := fmt.Sprintf("%s (%s in %s, account %s, %s)", d.Target.StackName, d.Target.Stack, d.Target.Stage, d.Target.Account, d.Target.Region)
	fmt.Fprintln(&b, paint(bold, visible(title)))
	if d.Empty {
		b.WriteString("  nothing changes\n")
		return b.String()
	}
	textRows(&b, d.Rows, "  ", paint)
	if len(d.Rows) == 0 {
		b.WriteString("  no resource changes; outputs or metadata do\n")
	}
	fmt.Fprintf(&b, "risk: %s\n", paint(colors[d.Risk], visible(d.Risk)))
	for _, reason := range d.Reasons {
		fmt.Fprintf(&b, "  - %s%s\n", label(reason, paint), visible(reason.Text))
	}
	b.WriteString(d.counts())
	if d.Digest != "" { // one that was not planned by a run has none
		b.WriteString(" · digest " + visible(fmt.Sprintf("%.15s", d.Digest)))
	}
	b.WriteString("\n")
	return b.String()
}

// label is a reason's level before its text; plans of older versions have none.
func label(r risk.Reason, paint painter) string {
	if r.Level == "" {
		return ""
	}
	return paint(colors[r.Level], r.Level) + ": "
}

func textRows(b *strings.Builder, rows []Row, indent string, paint painter) {
	for _, row := range rows {
		color := colors[row.Action]
		if row.Replacement == "True" || row.Replacement == "Conditional" {
			color = red
		}
		fmt.Fprintf(b, "%s%s %s  %s%s\n", indent, paint(color, row.symbol()), visible(row.LogicalID), visible(row.Type), row.note())
		if row.Why != "" {
			fmt.Fprintf(b, "%s    because %s\n", indent, visible(row.Why))
		}
		for _, p := range row.Properties {
			fmt.Fprintf(b, "%s    %s\n", indent, p.line())
		}
		textRows(b, row.Nested, indent+"    ", paint)
	}
}

func (r Row) symbol() string {
	if symbol := symbols[r.Action]; symbol != "" {
		return symbol
	}
	return "!"
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
		notes = append(notes, visible(r.PolicyAction))
	}
	if r.Drift != "" && r.Drift != "IN_SYNC" && r.Drift != "NOT_CHECKED" {
		note := "drift: " + visible(r.Drift)
		if r.DriftBy != nil {
			note += " by " + visible(r.DriftBy.Principal) + " (" + visible(r.DriftBy.Class) + ")"
		}
		notes = append(notes, note)
	}
	if len(notes) == 0 {
		return ""
	}
	return "  [" + strings.Join(notes, ", ") + "]"
}

// line renders one property: "/Properties/X: before → after".
func (p Property) line() string {
	text := visible(p.Path)
	switch before, after := shown(p.Before), shown(p.After); {
	case before == "" && after == "":
		text += " changes"
	case before == "":
		text += ": " + after
	case after == "":
		text += ": " + before + " → (none)"
	default:
		text += ": " + before + " → " + after
	}
	return text + p.remarks()
}

// remarks say in brackets why the property changes, and what follows.
func (p Property) remarks() string {
	text := ""
	switch {
	case p.Recreation == "Always" && !strings.Contains(p.After, template.KnownAfterApply):
		text += " (forces replacement)"
	case p.Recreation == "Always", p.Recreation == "Conditionally":
		text += " (may force replacement)"
	}
	if p.Deployed != "" && p.Deployed != p.Before {
		text += " (drift: " + shown(p.Deployed) + " was deployed)"
	}
	if p.Cause != "" {
		text += " (from " + visible(p.Cause) + ")"
	}
	return text
}

// shown is a value for a person, who need not know how CloudFormation writes
// that a value is not known yet.
func shown(value string) string {
	return clip(visible(strings.ReplaceAll(value, template.KnownAfterApply, "(known after apply)")), maxValue)
}

// visible keeps text on one line and takes out what a terminal would obey or
// what turns the direction of writing: control characters are written as \n,
// \t or \u001b.
func visible(text string) string {
	if plainASCII(text) || strings.IndexFunc(text, concealed) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case concealed(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainASCII reports text of printable ASCII, which most is.
func plainASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// concealed reports control and format characters (Unicode Cc, Cf), and line
// and paragraph separators.
func concealed(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func (d Document) counts() string {
	var add, modify, replace, remove int
	for _, row := range flat(d.Rows, "") {
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
