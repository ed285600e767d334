//go:build !validator

package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/preview"
)

// healPlan is what heal plan prints with --json.
type healPlan struct {
	Findings []*preview.Finding `json:"findings"`
	Places   int                `json:"places,omitempty"`  // live: looked at
	Files    int                `json:"files,omitempty"`   // archive
	Records  int                `json:"records,omitempty"` // archive: objects read
	Others   int                `json:"others,omitempty"`  // of which are of no call that matters
	Failed   int                `json:"failed,omitempty"`  // of which are of calls that failed
	Changes  int                `json:"changes,omitempty"` // of which changed a group
	From     *time.Time         `json:"from,omitempty"`    // of the first record that matters
	To       *time.Time         `json:"to,omitempty"`      // of the last one
	// Unknown are groups and prefix lists of which the archive tells a part.
	Unknown  []string  `json:"unknown,omitempty"`
	Unsaid   int       `json:"unsaid,omitempty"`   // how often a record leaves something unsaid
	Notes    []problem `json:"notes,omitempty"`    // the first of what it is
	Faults   int       `json:"faults,omitempty"`   // how much could not be read
	Problems []problem `json:"problems,omitempty"` // the first of them
}

// problem is what could not be read, or is not known.
type problem struct {
	Where string `json:"where"`              // file or place
	At    string `json:"position,omitempty"` // in a file: "record 7", "line 7"
	Fault string `json:"fault"`
}

func (p problem) String() string {
	return strings.ReplaceAll(p.Where+": "+p.At+": "+p.Fault, ": : ", ": ")
}

func (r *healPlan) add(where, at string, err error) {
	r.Faults++
	r.Problems = append(r.Problems, problem{where, at, err.Error()})
}

// healPlanReport prints the report, and fails when it has to.
func (a *app) healPlanReport(f *healPlanFlags, r healPlan) error {
	if r.Findings == nil {
		r.Findings = []*preview.Finding{}
	}
	if err := a.print(r, func(w io.Writer) { a.healPlanText(w, r) }); err != nil {
		return err
	}
	for _, p := range r.Problems {
		fmt.Fprintln(a.err, a.red("evenkeel: ")+printable(p.String()))
	}
	if more := r.Faults - len(r.Problems); more > 0 {
		fmt.Fprintf(a.err, "%sand %d more\n", a.red("evenkeel: "), more)
	}
	if r.Faults > 0 {
		return failed("something could not be read")
	}
	for _, found := range r.Findings {
		if f.fails(found.Rule.Severity) {
			return failed("rules would be closed")
		}
	}
	return nil
}

func (a *app) healPlanText(w io.Writer, r healPlan) {
	healPlanTable(w, r)
	fmt.Fprintln(w, a.bold(healPlanSummary(r)))
	if r.Files > 0 {
		fmt.Fprintf(w, "%s of %s read: %d of no call that matters, %d of calls that failed, %d that changed a group%s\n",
			count(r.Records, "record"), count(r.Files, "file"), r.Others, r.Failed, r.Changes, span(r))
	}
	if n := len(r.Unknown); n > 0 {
		shown := r.Unknown[:min(n, 5)]
		more := ""
		if n > len(shown) {
			more = fmt.Sprintf(" and %d more", n-len(shown))
		}
		fmt.Fprintf(w, "what was there before the first record is not known of %s%s\n", printable(strings.Join(shown, ", ")), more)
	}
	for _, note := range r.Notes[:min(len(r.Notes), 5)] {
		fmt.Fprintln(w, "note: "+printable(note.String()))
	}
	if more := r.Unsaid - 5; more > 0 {
		fmt.Fprintf(w, "and %s more; see --json\n", count(more, "note"))
	}
}

// healPlanTable writes the findings. The widths of the columns are measured
// first, so that a long archive's table is never in memory.
func healPlanTable(w io.Writer, r healPlan) {
	if len(r.Findings) == 0 {
		return
	}
	header := []string{"ACCOUNT", "REGION", "GROUP", "RULE", "SEVERITY", "WOULD"}
	if r.Files > 0 {
		header = slices.Concat([]string{"WHEN"}, header, []string{"OPEN FOR", "WHO"})
	}
	widths := make([]int, len(header))
	measure := func(cells []string) {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	b := bufio.NewWriter(w)
	defer func() { _ = b.Flush() }() // as for every table
	row := func(cells []string) {
		for i, cell := range cells[:len(cells)-1] {
			fmt.Fprintf(b, "%-*s  ", widths[i], cell)
		}
		fmt.Fprintln(b, cells[len(cells)-1])
	}
	measure(header)
	for _, f := range r.Findings {
		measure(healPlanCells(f))
	}
	row(header)
	for _, f := range r.Findings {
		row(healPlanCells(f))
	}
}

func healPlanCells(f *preview.Finding) []string {
	would := f.Would
	if f.Unread {
		would += ": its entries cannot be read"
	}
	cells := []string{printable(f.Group.Account), printable(f.Group.Region), groupText(f), printable(ruleText(f.Rule.Rule)), f.Rule.Severity, would}
	if f.Trigger == nil {
		return cells
	}
	return slices.Concat([]string{f.Trigger.Time.UTC().Format(time.RFC3339)}, cells, []string{stayedOpen(f), printable(f.Trigger.Principal)})
}

func groupText(f *preview.Finding) string {
	if f.Group.GroupName == "" {
		return printable(f.Group.GroupID)
	}
	return printable(f.Group.GroupID + " (" + f.Group.GroupName + ")")
}

func stayedOpen(f *preview.Finding) string {
	d, closed := f.OpenFor()
	if !closed {
		return "still open"
	}
	return d.Round(time.Second).String()
}

func span(r healPlan) string {
	if r.From == nil || r.To == nil {
		return ""
	}
	return fmt.Sprintf("; from %s to %s", r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339))
}

// healPlanSummary is one line about all findings.
func healPlanSummary(r healPlan) string {
	if len(r.Findings) == 0 {
		return "the policy would do nothing"
	}
	groups, severities, open := map[string]bool{}, map[string]int{}, 0
	acts := map[string]int{}
	for _, f := range r.Findings {
		groups[f.Group.Account+f.Group.Region+f.Group.GroupID] = true
		severities[cmp.Or(f.Rule.Severity, string(healing.High))]++
		acts[f.Would]++
		if f.Trigger != nil && f.Closed.IsZero() {
			open++
		}
	}
	var parts []string
	for _, s := range healing.Severities() {
		if n := severities[string(s)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	var would []string
	for _, act := range []string{preview.Quarantine, preview.Revoke, preview.Report} {
		if n := acts[act]; n > 0 {
			would = append(would, fmt.Sprintf("%s %d", act, n))
		}
	}
	text := fmt.Sprintf("%s of %s too open (%s); the policy would %s", count(len(r.Findings), "rule"), count(len(groups), "group"), strings.Join(parts, ", "), strings.Join(would, ", "))
	if open > 0 {
		text += fmt.Sprintf("; %d still open at the end", open)
	}
	return text
}
