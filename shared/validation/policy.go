package validation

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Judge judges templates by policies that are not built in, such as a team's
// own Rego files. An error says that the policies themselves are at fault.
type Judge interface {
	Judge(file string, t *template.Template, s policy.Scope) ([]policy.Finding, error)
}

// PolicyLoader makes a Judge of the texts of policies by file name.
type PolicyLoader func(files map[string]string) (Judge, error)

// RulePolicy is the rule of findings about the policies of a repository.
const RulePolicy = "P0005"

// security runs the built-in security pack and the judges over a template after
// its transforms.
func security(name string, t *template.Template, o *Options, settings Settings) (findings []Finding, complete bool) {
	scope := policy.Scope{}
	if len(settings.Regions) == 1 {
		scope.Region = settings.Regions[0]
	}
	const steps = 250_000 // values; a template of a thousand resources takes some ten thousand
	found, complete := policy.CheckWithin(t, scope, steps)
	for _, judge := range o.Judges {
		more, err := judge.Judge(name, t, scope)
		if err != nil {
			findings = append(findings, Finding{File: name, Line: 1, Column: 1, Rule: RulePolicy, Severity: Error, Message: err.Error()})
		}
		found = append(found, more...)
	}
	for _, f := range found {
		message := f.Message
		if f.Condition != "" {
			message += " (when " + f.Condition + ")"
		}
		findings = append(findings, Finding{
			File: name, Line: max(f.Line, 1), Column: max(f.Column, 1), Rule: f.Rule, Severity: ofPolicy(f.Severity),
			Path: strings.Join(f.Path, "/"), Message: message,
		})
	}
	return findings, complete
}

// ofPolicy maps how much a breach matters to what it does to a release: a
// critical or high one stops it.
func ofPolicy(s policy.Severity) Severity {
	switch s {
	case policy.Critical, policy.High:
		return Error
	case policy.Medium:
		return Warning
	}
	return Info
}

// policyFolder is where a repository has its own policies, unless evenkeel.yaml
// names others.
const policyFolder = "policies"

// withPolicies loads the Rego policies of a repository.
func (o Options) withPolicies(tree source.Tree, p *pipeline.Pipeline) (Options, []Finding) {
	if o.LoadPolicies == nil {
		return o, nil
	}
	folders := []string{policyFolder}
	if p != nil && len(p.Validation.Policies) > 0 {
		folders = p.Validation.Policies
	}
	files := map[string]string{}
	for _, f := range tree {
		inside := slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(f.Path, strings.TrimSuffix(folder, "/")+"/") })
		if inside && !f.Symlink && strings.HasSuffix(f.Path, ".rego") && !strings.HasSuffix(f.Path, "_test.rego") {
			files[f.Path] = string(f.Data)
		}
	}
	if len(files) == 0 {
		return o, nil
	}
	judge, err := o.LoadPolicies(files)
	if err != nil {
		first := slices.MinFunc(slices.Collect(maps.Keys(files)), cmp.Compare[string])
		return o, []Finding{{File: first, Line: 1, Column: 1, Rule: RulePolicy, Severity: Error, Message: err.Error()}}
	}
	o.Judges = append(slices.Clip(o.Judges), judge)
	return o, nil
}
