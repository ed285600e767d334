package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/sarif"
)

// levels are the levels of SARIF, and scores those of code scanning services on
// the scale of CVSS.
var (
	levels = map[response.Severity]string{response.Low: "note", response.Medium: "warning", response.High: "error", response.Critical: "error"}
	scores = map[response.Severity]string{response.Low: "3.0", response.Medium: "5.5", response.High: "8.0", response.Critical: "9.5"}
)

func (r Report) sarif(w io.Writer) error {
	run := sarif.Run{
		Tool:       sarif.Tool{Driver: sarif.Driver{Name: "evenkeel", Version: r.Version, InformationURI: "https://github.com/evenkeel/evenkeel", Rules: []sarif.Rule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarif.Result{},
	}
	invocation := sarif.Invocation{Successful: true}
	for _, scan := range r.Scans {
		if scan.Status == drift.StatusUnknown || scan.Reason != "" {
			invocation.Notify("warning", fmt.Sprintf("%s is %s: %s", scan.StackName, scan.Status, scan.Reason))
		}
		for _, resource := range scan.Resources {
			for _, c := range changes(resource) {
				run.Results = append(run.Results, result(scan, resource, c))
			}
		}
	}
	if left := len(run.Results) - sarif.MaxResults; left > 0 {
		invocation.Notify("warning", fmt.Sprintf("%d of %d results are left out: code scanning takes %d", left, len(run.Results), sarif.MaxResults))
		run.Results = run.Results[:sarif.MaxResults]
	}
	run.Invocations = []sarif.Invocation{invocation}
	run.Tool.Driver.Rules = rules(run.Results)
	for i := range run.Results {
		run.Results[i].RuleIndex = slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarif.Rule) bool { return rule.ID == run.Results[i].RuleID })
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(sarif.Log{Schema: sarif.Schema, Version: sarif.Version, Runs: []sarif.Run{run}})
}

// rules describes what the results name, sorted by id. A rule is as severe as
// the worst of its results.
func rules(results []sarif.Result) []sarif.Rule {
	out := []sarif.Rule{}
	at := map[string]int{}
	for _, result := range results {
		i, known := at[result.RuleID]
		if !known {
			i = len(out)
			at[result.RuleID] = i
			title := "Drift of " + result.RuleID
			out = append(out, sarif.Rule{
				ID: result.RuleID, ShortDescription: sarif.Text{Text: title},
				FullDescription: sarif.Text{Text: "What is live is not what the template of the stack says."},
				Help:            sarif.Text{Text: "Bring it back with `evenkeel drift revert`, accept it with `evenkeel drift accept`, or change the template."},
				Default:         sarif.Level{Level: result.Level},
				Properties:      sarif.Properties{Precision: "high", Tags: []string{"drift"}},
			})
		}
		if score := result.Properties.Security; score > out[i].Properties.Security {
			out[i].Properties.Security, out[i].Default.Level = score, result.Level
		}
	}
	slices.SortFunc(out, func(a, b sarif.Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// item is the index of an item of a list in a JSON pointer.
var item = regexp.MustCompile(`/[0-9]+(/|$)`)

// ruleID names what drifted by type and property, the same for every item of a
// list.
func ruleID(kind, path string) string {
	if path == "" {
		return kind
	}
	for item.MatchString(path) {
		path = item.ReplaceAllString(path, "/*$1")
	}
	return kind + path
}

func result(scan events.DriftScanned, r events.DriftedResource, c change) sarif.Result {
	severity := severityOf(r)
	stack := scan.Account + "/" + scan.Region + "/" + scan.StackName
	text := sentence(scan, r, c)
	if by := who(r.Attribution); by != "" {
		text += " Changed by " + by + "."
	}
	if r.Why != "" {
		text += fmt.Sprintf(" Response: %s (%s).", r.Response, r.Why)
	}
	sum := sha256.Sum256([]byte(stack + "\n" + r.LogicalID + "\n" + c.Path))
	out := sarif.Result{
		RuleID: ruleID(r.ResourceType, c.Path), Level: levels[severity], Message: sarif.Text{Text: text},
		Locations: []sarif.Location{{Logical: []sarif.Logical{
			{Name: stack + "/" + r.LogicalID + c.Path, Kind: "member"}, {Name: stack + "/" + r.LogicalID, Kind: "resource"},
		}}},
		Fingerprints: map[string]string{"evenkeelDrift/v1": hex.EncodeToString(sum[:8])},
		Properties:   &sarif.Properties{Precision: "high", Security: scores[severity], Tags: []string{"drift", string(severity)}},
	}
	if r.Response == string(response.Ignore) {
		out.Suppressions = []sarif.Suppression{{Kind: "external", Status: "accepted", Justification: r.Why}}
	}
	return out
}

// sentence says what drifted, as a person would.
func sentence(scan events.DriftScanned, r events.DriftedResource, c change) string {
	at := fmt.Sprintf("%s of %s", r.LogicalID, scan.StackName)
	place := r.LogicalID + c.Path + " of " + scan.StackName
	was, is := quote(c.Expected), quote(c.Actual)
	switch {
	case r.Status == drift.StatusDeleted:
		return at + " was deleted."
	case c.Path == "":
		return at + " was changed."
	case c.Undeclared && is == "":
		return fmt.Sprintf("%s was removed: it was %s when first scanned. The template does not set it.", place, was)
	case c.Undeclared && was == "":
		return fmt.Sprintf("%s was added: %s. The template does not set it.", place, is)
	case c.Undeclared:
		return fmt.Sprintf("%s is %s; it was %s when first scanned. The template does not set it.", place, is, was)
	case is == "":
		return fmt.Sprintf("%s was removed: the template says %s.", place, was)
	case was == "":
		return fmt.Sprintf("%s was added: %s. The template does not have it.", place, is)
	default:
		return fmt.Sprintf("%s is %s; the template says %s.", place, is, was)
	}
}

// quote is a value as code, "" for none.
func quote(value string) string {
	if value == "(none)" || value == "" {
		return ""
	}
	return "`" + value + "`"
}

// who says who made a change, or is empty.
func who(a *events.Attribution) string {
	if a == nil || a.Principal == "" {
		return ""
	}
	text := a.Principal + " (" + a.Class + ")"
	if a.EventName != "" {
		text += " with " + a.EventName
	}
	if !a.Time.IsZero() {
		text += " at " + a.Time.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return text
}
