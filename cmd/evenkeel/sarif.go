package main

import (
	"encoding/json"
	"io"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// writeJSON writes value indented.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// The part of SARIF 2.1.0 that code scanning reads.
// Source: OASIS SARIF 2.1.0; GitHub docs, "SARIF support for code scanning".
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string    `json:"id"`
		Short   sarifText `json:"shortDescription"`
		HelpURI string    `json:"helpUri,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// sarifLevels are SARIF's words for the severities.
var sarifLevels = map[validation.Severity]string{validation.Error: "error", validation.Warning: "warning", validation.Info: "note"}

// writeSARIF writes the findings with the rules that they name.
func writeSARIF(w io.Writer, r validation.Result) error {
	known := map[string]validation.Rule{}
	for _, rule := range append(validation.Rules(), validation.SourceRules()...) {
		known[rule.ID] = rule
	}
	run := sarifRun{
		Tool:    sarifTool{sarifDriver{Name: "evenkeel", InformationURI: "https://github.com/evenkeel/evenkeel", Rules: []sarifRule{}}},
		Results: []sarifResult{},
	}
	index := map[string]int{}
	for _, f := range r.Findings {
		i, listed := index[f.Rule]
		if !listed {
			i = len(run.Tool.Driver.Rules)
			index[f.Rule] = i
			title := known[f.Rule].Title
			if title == "" {
				title = f.Rule
			}
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: f.Rule, Short: sarifText{title}, HelpURI: known[f.Rule].Link})
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: i, Level: sarifLevels[f.Severity], Message: sarifText{f.Message},
			Locations: []sarifLocation{{sarifPhysical{sarifArtifact{f.File}, sarifRegion{f.Line, f.Column}}}},
		})
	}
	return writeJSON(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}
