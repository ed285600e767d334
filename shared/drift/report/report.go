// Package report writes what scans for drift found: for people, as JSON, as
// SARIF for the services that collect findings, and as a page of HTML that needs
// nothing else. It also says when a scan fails a build. Every output is sorted
// and depends on its input only.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
)

// Format is a way to write a report.
type Format string

// The formats.
const (
	Text  Format = "text"
	JSON  Format = "json"
	SARIF Format = "sarif" // OASIS SARIF 2.1.0
	HTML  Format = "html"  // one page, without scripts
)

// Formats returns the names of all formats, sorted.
func Formats() []string { return []string{string(HTML), string(JSON), string(SARIF), string(Text)} }

// Report is what was found, and what is needed to show it.
type Report struct {
	Scans   []events.DriftScanned
	Version string // of the program
}

// Write writes the report in a format.
func (r Report) Write(w io.Writer, format Format) error {
	r.Scans = drift.Sorted(r.Scans)
	switch format {
	case Text:
		return drift.RenderText(w, r.Scans)
	case JSON:
		return drift.RenderJSON(w, r.Scans)
	case SARIF:
		return r.sarif(w)
	case HTML:
		return r.html(w)
	}
	return fmt.Errorf("%q is no format; the formats are %s", format, strings.Join(Formats(), ", "))
}

// The levels beside the severities.
const (
	FailOnAny  = "any"  // every drift, and whatever could not be checked
	FailOnNone = "none" // nothing
)

// FailOns returns what Fails knows, from everything to nothing.
func FailOns() []string {
	out := []string{FailOnAny}
	for _, s := range response.Severities() {
		out = append(out, string(s))
	}
	return append(out, FailOnNone)
}

// Fails reports whether a scan found drift that fails a build: drift that is
// neither ignored nor accepted and at least as severe as level. Drift whose
// severity is not known is taken for the worst, but a resource of which only
// changed what no template sets then fails nothing. What could not be checked
// fails with any only. What drifted in a nested stack is in the scan of that
// stack, and fails there.
func Fails(scan events.DriftScanned, level string) bool {
	if level == FailOnNone {
		return false
	}
	if level == FailOnAny && scan.Status == drift.StatusUnknown {
		return true
	}
	if scan.Status == drift.StatusDrifted && len(scan.Resources) == 0 {
		// The differences are not here, unless they are a nested stack's.
		return !slices.ContainsFunc(scan.Nested, func(n events.NestedStack) bool { return n.Status == drift.StatusDrifted })
	}
	return slices.ContainsFunc(scan.Resources, func(r events.DriftedResource) bool {
		if r.Response == string(response.Ignore) || r.Severity == "" && r.Status == drift.StatusInSync {
			return false
		}
		return level == FailOnAny || severityOf(r).AtLeast(response.Severity(level))
	})
}

// severityOf is a resource's severity. Without one it is the worst, or the least
// when nothing that a template sets has changed.
func severityOf(r events.DriftedResource) response.Severity {
	if r.Severity == "" && r.Status == drift.StatusInSync {
		return response.Low
	}
	if s := response.Severity(r.Severity); slices.Contains(response.Severities(), s) {
		return s
	}
	return response.Critical
}

// change is a difference as a report shows it.
type change struct {
	Path       string // "" for the whole resource
	Expected   string
	Actual     string
	Undeclared bool
}

// changes lists what drifted of a resource. A resource that is gone, or whose
// differences are not named, is one change as a whole.
func changes(r events.DriftedResource) []change {
	if r.Status == drift.StatusDeleted {
		return []change{{Expected: "present", Actual: "deleted"}}
	}
	var out []change
	for _, d := range r.Differences {
		out = append(out, newChange(d, false))
	}
	for _, d := range r.Undeclared {
		out = append(out, newChange(d, true))
	}
	if len(out) == 0 {
		return []change{{Actual: strings.ToLower(r.Status)}}
	}
	return out
}

func newChange(d events.PropertyDifference, undeclared bool) change {
	c := change{Path: d.Path, Expected: d.Expected, Actual: d.Actual, Undeclared: undeclared}
	switch d.Type {
	case drift.DifferenceAdd:
		c.Expected = "(none)"
	case drift.DifferenceRemove:
		c.Actual = "(none)"
	}
	return c
}
