// Package report writes what validation found: for people, for editors that
// know cfn-lint, and for the services that show findings beside the code. One
// file a format; every output is sorted and depends on its input only.
package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/baseline"
)

// Format is a way to write a report.
type Format string

// The formats.
const (
	Text      Format = "text"      // for people: one line a finding, with an excerpt of the source
	Quiet     Format = "quiet"     // one line a finding and nothing else
	Parseable Format = "parseable" // cfn-lint's own line: file:line:column:line:column:rule:message
	JSON      Format = "json"      // cfn-lint's list of matches
	SARIF     Format = "sarif"     // OASIS SARIF 2.1.0, for code scanning services
	JUnit     Format = "junit"     // test results, for build servers
	GitHub    Format = "github"    // workflow commands: annotations of a pull request
	Markdown  Format = "markdown"  // for comments and job summaries
)

// Formats returns the names of all formats, sorted.
func Formats() []string {
	return []string{string(GitHub), string(JSON), string(JUnit), string(Markdown), string(Parseable), string(Quiet), string(SARIF), string(Text)}
}

// Rule is what readers are told about a rule.
type Rule struct {
	ID          string              `json:"id"`
	Severity    validation.Severity `json:"severity"`
	Title       string              `json:"title"`
	Description string              `json:"description,omitempty"` // a sentence or two; "" is the title
	Fix         string              `json:"fix,omitempty"`         // what to change, for a security rule
	Link        string              `json:"link,omitempty"`
	// Security ranks a security rule from 0.1 to 10 on the scale of CVSS; 0 is
	// for all other rules. Source: GitHub documentation, "SARIF support for code
	// scanning", security-severity.
	Security float64  `json:"security,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}

// Report is a result and what is needed to show it.
type Report struct {
	validation.Result
	// Rules returns those that may appear in the result. It is called once, and
	// only by formats that describe rules. nil describes none.
	Rules func() []Rule
	// Source returns the text of a file for excerpts, nil when there is none. A
	// nil function shows no excerpts.
	Source func(file string) []byte
	// Link returns the address of a line for people, "" for none. It may be nil.
	Link func(file string, line int) string

	Version        string           // of the program
	Colour         bool             // text may carry escape sequences
	ShowSuppressed bool             // list suppressed findings too
	Fixed          []baseline.Entry // findings of the baseline that are no more

	byID map[string]Rule
}

// Write writes the report. The only errors are an unknown format and those of w.
func (r *Report) Write(w io.Writer, format Format) error {
	buffered := bufio.NewWriter(w)
	p := &printer{w: buffered}
	switch format {
	case Text:
		r.text(p)
	case Quiet:
		r.quiet(p)
	case Parseable:
		r.parseable(p)
	case JSON:
		return r.json(w)
	case SARIF:
		return r.sarif(w)
	case JUnit:
		return r.junit(w)
	case GitHub:
		r.github(p)
	case Markdown:
		r.markdown(p)
	default:
		return fmt.Errorf("format %q is not one of %s", format, strings.Join(Formats(), ", "))
	}
	if p.err != nil {
		return p.err
	}
	return buffered.Flush()
}

// printer remembers the first error of its writer.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// rule finds what is known about a rule; one that nobody described has its id
// for a title.
func (r *Report) rule(f validation.Finding) Rule {
	if r.byID == nil {
		r.byID = map[string]Rule{}
		if r.Rules != nil {
			for _, rule := range r.Rules() {
				r.byID[rule.ID] = rule
			}
		}
	}
	if rule, ok := r.byID[f.Rule]; ok {
		return rule
	}
	return Rule{ID: f.Rule, Severity: f.Severity, Title: f.Rule}
}

// describe returns the description of a rule.
func (r Rule) describe() string {
	if r.Description != "" {
		return r.Description
	}
	return r.Title
}

// message is a finding's message with the construct that it comes from.
func message(f validation.Finding) string {
	if f.Construct == "" {
		return f.Message
	}
	return f.Message + " (construct " + f.Construct + ")"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Summary counts in one line.
func (r *Report) Summary() string {
	text := fmt.Sprintf("%s checked: %s, %s", count(r.Files, "template"), count(r.Errors, "error"), count(r.Warnings, "warning"))
	if r.Infos > 0 {
		text += ", " + count(r.Infos, "note")
	}
	if known := r.suppressedBy(validation.ByBaseline); known > 0 {
		text += fmt.Sprintf("; %d in the baseline", known)
	}
	if n := len(r.Suppressed) - r.suppressedBy(validation.ByBaseline); n > 0 {
		text += fmt.Sprintf("; %d suppressed", n)
	}
	if len(r.Fixed) > 0 {
		text += fmt.Sprintf("; %d of the baseline fixed", len(r.Fixed))
	}
	return text
}

func (r *Report) suppressedBy(by string) int {
	n := 0
	for _, f := range r.Suppressed {
		if f.Suppression != nil && f.Suppression.By == by {
			n++
		}
	}
	return n
}

// bySeverity returns the findings with the worst first, otherwise in order.
func bySeverity(findings []validation.Finding) []validation.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b validation.Finding) int { return rank(a.Severity) - rank(b.Severity) })
	return sorted
}

func rank(s validation.Severity) int {
	return slices.Index([]validation.Severity{validation.Error, validation.Warning, validation.Info}, s)
}
