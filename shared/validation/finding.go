// Package validation checks CloudFormation templates before anything is
// deployed: pure rules over a parsed template give findings with file, line and
// column. The rule ids of E and W are those of cfn-lint, whose findings these
// rules reproduce; EK is Evenkeel's own security pack. Nothing here calls AWS.
package validation

import (
	"cmp"
	"slices"
	"strings"
)

// Severity of a finding.
type Severity string

// The severities. A release with an Error is not deployed.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Finding is one thing that a rule found.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // from 1
	Rule     string   `json:"rule"`   // "E3002"
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Path     string   `json:"path,omitempty"` // "Resources/Bucket/Properties/Tags/0"
	// EndLine and EndColumn, from 1, are the first place after what was found;
	// 0 when it is not known.
	EndLine   int `json:"endLine,omitempty"`
	EndColumn int `json:"endColumn,omitempty"`
	// Construct is the path of the CDK construct that the resource comes from,
	// "Stack/Bucket/Resource"; "" outside cloud assemblies.
	Construct string `json:"construct,omitempty"`
	// Suppression says who switched the finding off; nil when it stands.
	Suppression *Suppression `json:"suppression,omitempty"`
}

// Resource returns the logical id of the resource that the finding is in, ""
// when it is in none.
func (f Finding) Resource() string {
	rest, ok := strings.CutPrefix(f.Path, "Resources/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// about is the message with the construct that it is about.
func (f Finding) about() string {
	if f.Construct == "" {
		return f.Message
	}
	return f.Message + " (construct " + f.Construct + ")"
}

// Result is what validation found in a set of templates.
type Result struct {
	Files    int       `json:"files"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Infos    int       `json:"infos"`
	Findings []Finding `json:"findings"` // by file, line, column and rule
	// Suppressed are the findings that somebody switched off, in the same order.
	// They are not counted.
	Suppressed []Finding `json:"suppressed,omitempty"`
	// Incomplete lists the files that were too large to be analysed within
	// bounds; what was found in them is still reported.
	Incomplete []string `json:"incomplete,omitempty"`
}

// Valid reports whether nothing stands against a deployment.
func (r Result) Valid() bool { return r.Errors == 0 }

// Compare orders findings by file, line, column, rule, path and message.
func Compare(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
}

// Add puts more findings into the result and counts anew.
func (r Result) Add(findings ...Finding) Result {
	added := newResult(r.Files, append(slices.Clone(r.Findings), findings...), r.Incomplete)
	added.Suppressed = r.Suppressed
	return added
}

func newResult(files int, findings []Finding, incomplete []string) Result {
	slices.SortFunc(findings, Compare)
	findings = slices.CompactFunc(findings, func(a, b Finding) bool { return Compare(a, b) == 0 })
	slices.Sort(incomplete)
	r := Result{Files: files, Findings: findings, Incomplete: incomplete}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	for _, f := range findings {
		switch f.Severity {
		case Error:
			r.Errors++
		case Warning:
			r.Warnings++
		default:
			r.Infos++
		}
	}
	return r
}
