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

	"github.com/evenkeel/evenkeel/shared/validation"
)

// The limits of GitHub code scanning for one run: a larger file is refused.
// Source: GitHub documentation, "SARIF support for code scanning", "Validating
// your SARIF file".
const (
	maxResults = 25000
	maxTags    = 20
)

// The parts of SARIF 2.1.0 that a report needs.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool                `json:"tool"`
	Invocations []sarifInvocation        `json:"invocations"`
	BaseIDs     map[string]sarifArtifact `json:"originalUriBaseIds"`
	ColumnKind  string                   `json:"columnKind"`
	Results     []sarifResult            `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string          `json:"id"`
	ShortDescription sarifText       `json:"shortDescription"`
	FullDescription  sarifText       `json:"fullDescription"`
	Help             sarifText       `json:"help"`
	HelpURI          string          `json:"helpUri,omitempty"`
	Default          sarifLevel      `json:"defaultConfiguration"`
	Properties       sarifProperties `json:"properties"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifProperties struct {
	Precision string   `json:"precision"`
	Severity  string   `json:"problem.severity,omitempty"`
	Security  string   `json:"security-severity,omitempty"`
	Tags      []string `json:"tags,omitempty"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI         string     `json:"uri,omitempty"`
	BaseID      string     `json:"uriBaseId,omitempty"`
	Description *sarifText `json:"description,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

// sourceRoot is the base of all paths; GitHub knows it as the repository's root.
const sourceRoot = "%SRCROOT%"

var levels = map[validation.Severity]string{validation.Error: "error", validation.Warning: "warning", validation.Info: "note"}

func (r *Report) sarif(w io.Writer) error {
	all := slices.Concat(r.Findings, r.Suppressed)
	invocation := sarifInvocation{Successful: true}
	for _, file := range r.Incomplete {
		invocation.notify("warning", file+" is too large to be analysed completely")
	}
	if len(all) > maxResults {
		invocation.notify("warning", fmt.Sprintf("%d of %d results are left out, the least severe: code scanning takes %d", len(all)-maxResults, len(all), maxResults))
		all = bySeverity(all)[:maxResults]
	}
	driver := sarifDriver{Name: "evenkeel", Version: r.Version, InformationURI: "https://github.com/evenkeel/evenkeel", Rules: []sarifRule{}}
	indexes := map[string]int{}
	for _, f := range all {
		if _, ok := indexes[f.Rule]; !ok {
			indexes[f.Rule] = 0
			driver.Rules = append(driver.Rules, newSARIFRule(r.rule(f)))
		}
	}
	slices.SortFunc(driver.Rules, func(a, b sarifRule) int { return strings.Compare(a.ID, b.ID) })
	for i, rule := range driver.Rules {
		indexes[rule.ID] = i
	}
	run := sarifRun{
		Tool: sarifTool{driver}, Invocations: []sarifInvocation{invocation}, ColumnKind: "unicodeCodePoints", Results: make([]sarifResult, 0, len(all)),
		BaseIDs: map[string]sarifArtifact{sourceRoot: {Description: &sarifText{Text: "The folder that evenkeel ran in."}}},
	}
	seen := map[string]int{}
	for _, f := range all {
		result := newSARIFResult(f, indexes[f.Rule])
		print := fingerprint(f)
		seen[print]++
		result.Fingerprints = map[string]string{"primaryLocationLineHash": print + ":" + strconv.Itoa(seen[print])}
		run.Results = append(run.Results, result)
	}
	return encode(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}, "  ")
}

func (i *sarifInvocation) notify(level, text string) {
	i.Notifications = append(i.Notifications, sarifNotification{Level: level, Message: sarifText{Text: text}})
}

func newSARIFRule(rule Rule) sarifRule {
	help := sentence(rule.describe())
	if rule.Fix != "" {
		help += " " + sentence(rule.Fix)
	}
	s := sarifRule{
		ID: rule.ID, ShortDescription: sarifText{Text: rule.Title}, FullDescription: sarifText{Text: rule.describe()},
		Help: sarifText{Text: help}, HelpURI: rule.Link, Default: sarifLevel{levels[rule.Severity]},
		Properties: sarifProperties{Precision: "very-high", Tags: slices.Clone(rule.Tags)},
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
	s.Properties.Tags = s.Properties.Tags[:min(len(s.Properties.Tags), maxTags)]
	return s
}

func sentence(text string) string {
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

func newSARIFResult(f validation.Finding, index int) sarifResult {
	endLine, endColumn := end(f)
	location := sarifLocation{Physical: sarifPhysical{artifact(f.File), sarifRegion{max(f.Line, 1), max(f.Column, 1), endLine, endColumn}}}
	if f.Path != "" {
		location.Logical = append(location.Logical, sarifLogical{f.Path, "member"})
	}
	if f.Construct != "" {
		location.Logical = append(location.Logical, sarifLogical{f.Construct, "resource"})
	}
	result := sarifResult{RuleID: f.Rule, RuleIndex: index, Level: levels[f.Severity], Message: sarifText{Text: message(f)}, Locations: []sarifLocation{location}}
	if s := f.Suppression; s != nil {
		kind := "external"
		if s.InSource() {
			kind = "inSource"
		}
		result.Suppressions = []sarifSuppression{{Kind: kind, Status: "accepted", Justification: s.Reason}}
	}
	return result
}

// artifact names a file by a URI: relative to where the program ran, unless
// its path is absolute.
func artifact(file string) sarifArtifact {
	name := strings.TrimPrefix(strings.ReplaceAll(file, `\`, "/"), "./")
	if path.IsAbs(name) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: name}).String()}
	}
	return sarifArtifact{URI: (&url.URL{Path: name}).String(), BaseID: sourceRoot}
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
