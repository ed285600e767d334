// Package guard runs rules of AWS CloudFormation Guard over resolved templates.
// Guard is a program of its own: a port runs it where there is one.
package guard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Runner runs cfn-guard with arguments and standard input. exit is its exit
// code; err says that it could not be run at all.
type Runner func(ctx context.Context, stdin []byte, args ...string) (stdout, stderr []byte, exit int, err error)

// The exit codes of cfn-guard validate that say how the templates are.
// Source: cloudformation-guard 3.2, guard/src/commands/mod.rs.
const (
	exitCompliant    = 0
	exitNotCompliant = 19
)

// maxOutput limits the report that is read, in bytes.
const maxOutput = 64 << 20

// Missing is the note for rules that cannot be run because there is no program.
const Missing = "Guard rules were not checked: there is no cfn-guard on PATH (install it, or name it with --guard)"

// Check runs rule files, by name, over the template. The rules see the input's
// resolved template, so that a parameter is its value. Findings are of severity
// high; their rule is Guard's rule name. An error is Invalid if the rules are at
// fault.
func Check(ctx context.Context, run Runner, rules map[string]string, in policy.Input, t *template.Template) ([]policy.Finding, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(in.Template)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(rules))
	payload := struct {
		Data  []string `json:"data"`
		Rules []string `json:"rules"`
	}{Data: []string{string(data)}}
	for _, name := range names {
		payload.Rules = append(payload.Rules, rules[name])
	}
	stdin, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	stdout, stderr, exit, err := run(ctx, stdin, "validate", "--payload", "--structured", "--output-format", "json", "--show-summary", "none")
	switch {
	case err != nil:
		return nil, fault.Permanent("cfn-guard cannot be run: %w", err)
	case exit != exitCompliant && exit != exitNotCompliant:
		return nil, fault.Invalid("cfn-guard refuses the rules in %s (exit code %d): %s", strings.Join(names, ", "), exit, firstLine(stderr))
	case len(stdout) > maxOutput:
		return nil, fault.Invalid("cfn-guard reports more than %d bytes", maxOutput)
	}
	var reports []fileReport
	if err := json.Unmarshal(stdout, &reports); err != nil {
		return nil, fault.Permanent("the report of cfn-guard cannot be read: %w", err)
	}
	var findings []policy.Finding
	for _, report := range reports {
		for _, clause := range report.NotCompliant {
			findings = clause.findings(findings, "", t)
		}
	}
	policy.Sort(findings)
	return slices.CompactFunc(findings, func(a, b policy.Finding) bool {
		return a.Rule == b.Rule && a.Message == b.Message && slices.Equal(a.Path, b.Path)
	}), nil
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return string(line)
}

// fileReport is Guard's structured report about one template.
// Source: cloudformation-guard 3.2, guard/src/rules/eval_context.rs.
type fileReport struct {
	NotCompliant []clause `json:"not_compliant"`
}

// clause is one of Guard's kinds of clauses.
type clause struct {
	Rule *struct {
		Name   string   `json:"name"`
		Checks []clause `json:"checks"`
	} `json:"Rule"`
	Disjunctions *struct {
		Checks []clause `json:"checks"`
	} `json:"Disjunctions"`
	Block *struct {
		Context    string    `json:"context"`
		Messages   messages  `json:"messages"`
		Unresolved *position `json:"unresolved"`
	} `json:"Block"`
	Clause *struct {
		Unary  *comparison `json:"Unary"`
		Binary *comparison `json:"Binary"`
	} `json:"Clause"`
}

type comparison struct {
	Context  string   `json:"context"`
	Messages messages `json:"messages"`
	Check    struct {
		Resolved   *position                 `json:"Resolved"`
		InResolved *position                 `json:"InResolved"`
		UnResolved *struct{ Value position } `json:"UnResolved"`
	} `json:"check"`
}

type messages struct {
	Custom *string `json:"custom_message"`
	Error  *string `json:"error_message"`
}

// position says where in the document a check failed.
type position struct {
	TraversedTo *value `json:"traversed_to"`
	From        *value `json:"from"`
	Value       *value `json:"value"`
	// Remaining is the part of the query that found nothing.
	Remaining string `json:"remaining_query"`
}

type value struct {
	Path string `json:"path"` // "/Resources/Bucket/Properties"
}

func (c clause) findings(found []policy.Finding, rule string, t *template.Template) []policy.Finding {
	switch {
	case c.Rule != nil:
		if rule == "" {
			rule = c.Rule.Name
		}
		for _, inner := range c.Rule.Checks {
			found = inner.findings(found, rule, t)
		}
	case c.Disjunctions != nil:
		for _, inner := range c.Disjunctions.Checks {
			found = inner.findings(found, rule, t)
		}
	case c.Block != nil:
		found = append(found, finding(rule, c.Block.Context, c.Block.Messages, c.Block.Unresolved, t))
	case c.Clause != nil:
		if check := cmp.Or(c.Clause.Unary, c.Clause.Binary); check != nil {
			at := cmp.Or(check.Check.Resolved, check.Check.InResolved)
			if at == nil && check.Check.UnResolved != nil {
				at = &check.Check.UnResolved.Value
			}
			found = append(found, finding(rule, check.Context, check.Messages, at, t))
		}
	}
	return found
}

func finding(rule, context string, m messages, at *position, t *template.Template) policy.Finding {
	f := policy.Finding{Rule: ruleName(rule), Severity: policy.High, Path: []string{}, Line: 1, Column: 1, Message: m.text(context, at)}
	if at == nil {
		return f
	}
	if v := cmp.Or(at.TraversedTo, at.From, at.Value); v != nil && v.Path != "" {
		f.Path = strings.Split(strings.Trim(v.Path, "/"), "/")
	}
	if t != nil && len(f.Path) > 0 {
		f.Line, f.Column = policy.Locate(t, f.Path)
	}
	return f
}

// ruleName leaves out the name that Guard gives to clauses outside a rule.
func ruleName(name string) string {
	if strings.HasSuffix(name, "/default") || name == "" {
		return "guard.default"
	}
	return name
}

// text is the author's message without its layout, or else what was asked for.
func (m messages) text(context string, at *position) string {
	if m.Custom != nil && strings.TrimSpace(*m.Custom) != "" {
		return strings.Join(strings.Fields(*m.Custom), " ")
	}
	text := strings.Join(strings.Fields(context), " ")
	if at != nil && at.Remaining != "" {
		return strings.TrimPrefix(text+": "+at.Remaining+" is missing", ": ")
	}
	if text == "" && m.Error != nil {
		text, _, _ = strings.Cut(*m.Error, ". Value traversed to")
	}
	return cmp.Or(text, "the rule does not hold")
}
