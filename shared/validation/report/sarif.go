package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/sarif"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// sourceRoot is the base of all paths; GitHub knows it as the repository's root.
const sourceRoot = "%SRCROOT%"

var levels = map[validation.Severity]string{validation.Error: "error", validation.Warning: "warning", validation.Info: "note"}

func (r *Report) sarif(w io.Writer) error {
	all := slices.Concat(r.Findings, r.Suppressed)
	invocation := sarif.Invocation{Successful: true}
	for _, file := range r.Incomplete {
		invocation.Notify("warning", file+" is too large to be analysed completely")
	}
	if len(all) > sarif.MaxResults {
		invocation.Notify("warning", fmt.Sprintf("%d of %d results are left out, the least severe: code scanning takes %d", len(all)-sarif.MaxResults, len(all), sarif.MaxResults))
		all = bySeverity(all)[:sarif.MaxResults]
	}
	driver := sarif.Driver{Name: "evenkeel", Version: r.Version, InformationURI: "https://github.com/evenkeel/evenkeel", Rules: []sarif.Rule{}}
	indexes := map[string]int{}
	for _, f := range all {
		if _, ok := indexes[f.Rule]; !ok {
			indexes[f.Rule] = 0
			driver.Rules = append(driver.Rules, newSARIFRule(r.rule(f)))
		}
	}
	slices.SortFunc(driver.Rules, func(a, b sarif.Rule) int { return strings.Compare(a.ID, b.ID) })
	for i, rule := range driver.Rules {
		indexes[rule.ID] = i
	}
	run := sarif.Run{
		Tool: sarif.Tool{Driver: driver}, Invocations: []sarif.Invocation{invocation}, ColumnKind: "unicodeCodePoints", Results: make([]sarif.Result, 0, len(all)),
		BaseIDs: map[string]sarif.Artifact{sourceRoot: {Description: &sarif.Text{Text: "The folder that evenkeel ran in."}}},
	}
	seen := map[string]int{}
	for _, f := range all {
		result := newSARIFResult(f, indexes[f.Rule])
		print := fingerprint(f)
		seen[print]++
		result.Fingerprints = map[string]string{"primaryLocationLineHash": print + ":" + strconv.Itoa(seen[print])}
		run.Results = append(run.Results, result)
	}
	return encode(w, sarif.Log{Schema: sarif.Schema, Version: sarif.Version, Runs: []sarif.Run{run}}, "  ")
}

func newSARIFRule(rule Rule) sarif.Rule {
	help := sentence(rule.describe())
	if rule.Fix != "" {
		help += " " + sentence(rule.Fix)
	}
	s := sarif.Rule{
		ID: rule.ID, ShortDescription: sarif.Text{Text: rule.Title}, FullDescription: sarif.Text{Text: rule.describe()},
		Help: sarif.Text{Text: help}, HelpURI: rule.Link, Default: sarif.Level{Level: levels[rule.Severity]},
		Properties: sarif.Properties{Precision: "very-high", Tags: slices.Clone(rule.Tags)},
	}
	if rule.Link != "" {
		s.Help.Text += " See " + rule.Link
		s.Help.Markdown = help + " [Documentation](" + rule.Link + ")"
	}
	if rule.Security > 0 {
		s.Properties.Security = strconv.FormatFloat(rule.Security, 'f', 1, 64)
		s.Properties.Precision = "high"
		if !slices.Contains(s.Properties.Tags, "security") {
			s.Properties.Tags = append([]string{"security"}, s.Properties.Tags...)
		}
	} else {
		s.Properties.Severity = map[string]string{"error": "error", "warning": "warning", "note": "recommendation"}[s.Default.Level]
	}
	s.Properties.Tags = s.Properties.Tags[:min(len(s.Properties.Tags), sarif.MaxTags)]
	return s
}

func sentence(text string) string {
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

func newSARIFResult(f validation.Finding, index int) sarif.Result {
	endLine, endColumn := end(f)
	location := sarif.Location{Physical: &sarif.Physical{
		Artifact: artifact(f.File), Region: sarif.Region{StartLine: max(f.Line, 1), StartColumn: max(f.Column, 1), EndLine: endLine, EndColumn: endColumn},
	}}
	if f.Path != "" {
		location.Logical = append(location.Logical, sarif.Logical{Name: f.Path, Kind: "member"})
	}
	if f.Construct != "" {
		location.Logical = append(location.Logical, sarif.Logical{Name: f.Construct, Kind: "resource"})
	}
	result := sarif.Result{RuleID: f.Rule, RuleIndex: index, Level: levels[f.Severity], Message: sarif.Text{Text: message(f)}, Locations: []sarif.Location{location}}
	if s := f.Suppression; s != nil {
		kind := "external"
		if s.InSource() {
			kind = "inSource"
		}
		result.Suppressions = []sarif.Suppression{{Kind: kind, Status: "accepted", Justification: s.Reason}}
	}
	return result
}

// artifact names a file by a URI: relative to where the program ran, unless
// its path is absolute.
func artifact(file string) sarif.Artifact {
	name := strings.TrimPrefix(strings.ReplaceAll(file, `\`, "/"), "./")
	if path.IsAbs(name) {
		return sarif.Artifact{URI: (&url.URL{Scheme: "file", Path: name}).String()}
	}
	return sarif.Artifact{URI: (&url.URL{Path: name}).String(), BaseID: sourceRoot}
}

// fingerprint tells findings apart when lines move: by rule, file and the path
// in the template. Source: GitHub documentation, "SARIF support for code
// scanning", "Preventing duplicate alerts using fingerprints".
func fingerprint(f validation.Finding) string {
	where := f.Path
	if where == "" {
		where = f.Message
	}
	sum := sha256.Sum256([]byte(f.Rule + "\n" + f.File + "\n" + where))
	return hex.EncodeToString(sum[:8])
}
