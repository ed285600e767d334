package validation

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Format is a way to write a Result.
type Format string

// The formats. Text is for people, JSON is Result as it is, SARIF is the format
// of code scanning services (OASIS SARIF 2.1.0).
const (
	Text  Format = "text"
	JSON  Format = "json"
	SARIF Format = "sarif"
)

// Formats returns the formats' names, sorted.
func Formats() []string { return []string{string(JSON), string(SARIF), string(Text)} }

// Render writes the result. The only errors are an unknown format and those of w.
func (r Result) Render(w io.Writer, format Format) error {
	switch format {
	case Text:
		return r.text(w)
	case JSON:
		return encode(w, r)
	case SARIF:
		return encode(w, newSARIF(r))
	}
	return fmt.Errorf("format %q is not one of %v", format, Formats())
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// text writes one line a finding, as compilers do, and a summary.
func (r Result) text(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s %s: %s\n", f.File, f.Line, f.Column, f.Severity, f.Rule, f.Message); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s checked: %s, %s, %s\n", count(r.Files, "template"), count(r.Errors, "error"), count(r.Warnings, "warning"), count(r.Infos, "note"))
	return err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// The parts of SARIF 2.1.0 that a result needs.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string            `json:"id"`
	ShortDescription sarifText         `json:"shortDescription"`
	HelpURI          string            `json:"helpUri"`
	Properties       map[string]string `json:"properties,omitempty"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
}

// securitySeverity is how GitHub code scanning ranks a security finding.
var securitySeverity = map[Severity]string{Error: "8.0", Warning: "5.0", Info: "1.0"}

var sarifLevel = map[Severity]string{Error: "error", Warning: "warning", Info: "note"}

func newSARIF(r Result) sarifLog {
	driver := sarifDriver{Name: "evenkeel"}
	indexes := map[string]int{}
	for _, rule := range append(Rules(), SourceRules()...) {
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Rule == rule.ID }) {
			continue
		}
		indexes[rule.ID] = len(driver.Rules)
		s := sarifRule{ID: rule.ID, ShortDescription: sarifText{rule.Title}, HelpURI: rule.Link}
		if rule.ID >= "EK1" && rule.ID < "EL" {
			s.Properties = map[string]string{"security-severity": securitySeverity[rule.Severity]}
		}
		driver.Rules = append(driver.Rules, s)
	}
	if driver.Rules == nil {
		driver.Rules = []sarifRule{}
	}
	results := []sarifResult{}
	for _, f := range r.Findings {
		location := sarifLocation{Physical: sarifPhysical{sarifArtifact{f.File}, sarifRegion{f.Line, f.Column}}}
		if f.Path != "" {
			location.Logical = []sarifLogical{{f.Path}}
		}
		results = append(results, sarifResult{f.Rule, indexes[f.Rule], sarifLevel[f.Severity], sarifText{f.Message}, []sarifLocation{location}})
	}
	return sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{{sarifTool{driver}, results}},
	}
}
