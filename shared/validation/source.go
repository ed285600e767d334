package validation

import (
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/baseline"
)

// The rules about evenkeel.yaml.
const (
	RulePipelineMissing   = "P0001" // there is none
	RulePipelineMalformed = "P0002" // it does not say what to deploy
	RuleParameters        = "P0003" // a stack's parameters do not fit its template
	RuleBoundary          = "P0004" // a stage is beyond what the repository is registered for
	RuleAssembly          = "P0005" // the cloud assembly cannot be deployed as evenkeel.yaml says
	RuleRollout           = "P0006" // a template cannot be rolled out as evenkeel.yaml wants it
)

// SourceRules returns the rules about evenkeel.yaml, sorted by id. They are
// not checks of a template, so Rules does not have them.
func SourceRules() []Rule {
	const link = "https://github.com/evenkeel/evenkeel#readme"
	return []Rule{
		{ID: RulePipelineMissing, Severity: Error, Title: "The repository has no evenkeel.yaml", Link: link},
		{ID: RulePipelineMalformed, Severity: Error, Title: "evenkeel.yaml does not say what to deploy", Link: link},
		{ID: RuleParameters, Severity: Error, Title: "The parameters of a stack do not fit its template", Link: link},
		{ID: RulePolicy, Severity: Error, Title: "The policies of the repository cannot be used", Link: link},
		{ID: RuleBoundary, Severity: Error, Title: "A stage is beyond what the repository is registered for", Link: link},
		{ID: RuleAssembly, Severity: Error, Title: "The cloud assembly cannot be deployed as evenkeel.yaml says", Link: link},
		{ID: RuleRollout, Severity: Error, Title: "A template cannot be rolled out as evenkeel.yaml wants it", Link: link},
	}
}

// Join puts results of different files together.
func Join(results ...Result) Result {
	files, findings, suppressed, incomplete := 0, []Finding{}, []Finding(nil), []string{}
	for _, r := range results {
		files += r.Files
		findings = append(findings, r.Findings...)
		suppressed = append(suppressed, r.Suppressed...)
		incomplete = append(incomplete, r.Incomplete...)
	}
	joined := newResult(files, findings, incomplete)
	slices.SortFunc(suppressed, Compare)
	joined.Suppressed = suppressed
	return joined
}

// Checked is what a whole repository was found to be.
type Checked struct {
	Result
	Pipeline *pipeline.Pipeline // nil when evenkeel.yaml is missing or malformed
	Fixed    []baseline.Entry   // of the baseline of evenkeel.yaml

	resolved map[string][]pipeline.Stage // by branch, with what the cloud assembly says; nil without one
}

// Stages returns the stages that follow the branch, each with its stacks. It
// is never nil.
func (c Checked) Stages(branch string) []pipeline.Stage {
	if c.Pipeline == nil {
		return []pipeline.Stage{}
	}
	if stages, ok := c.resolved[branch]; ok {
		return stages
	}
	return c.Pipeline.For(branch)
}

// Source checks a repository: evenkeel.yaml, the template of every stack, and
// every other template below templates/. What evenkeel.yaml says about
// validation is added to the options. Stacks of a cloud assembly are checked
// when the tree has it in its folder.
func Source(tree source.Tree, engine Engine, o Options) Checked {
	return checkTree(tree, engine, o, false)
}

// checkTree is Source; built says that the cloud assembly must be there.
func checkTree(tree source.Tree, engine Engine, o Options, built bool) Checked {
	p, findings := readPipeline(tree)
	files := templates(tree, p)
	synth := synthesise(tree, p, built)
	synth.add(tree, files)
	o = o.ForRepository(p)
	o, broken := o.withPolicies(tree, p)
	findings = append(findings, broken...)
	result := engine.Validate(files, o)
	synth.construct(result.Findings, result.Suppressed)
	all := Checked{Pipeline: p, resolved: synth.stages}
	findings = append(findings, all.parameters(files)...)
	findings = append(findings, synth.findings...)
	findings = append(findings, result.Findings...)
	all.Result = newResult(result.Files, findings, result.Incomplete)
	all.Suppressed = result.Suppressed
	return all.applyBaseline(tree)
}

func readPipeline(tree source.Tree) (*pipeline.Pipeline, []Finding) {
	data, ok := tree.File(pipeline.FileName)
	if !ok {
		return nil, []Finding{pipelineFinding(RulePipelineMissing, pipeline.Position{Line: 1, Column: 1},
			"the repository has no "+pipeline.FileName+": it says which stacks are deployed to which stages")}
	}
	p, err := pipeline.Decode(pipeline.FileName, data, func(name string) bool { _, ok := tree.File(name); return ok })
	if err == nil {
		return p, nil
	}
	faults, ok := pipeline.AsFaults(err)
	if !ok {
		return nil, []Finding{pipelineFinding(RulePipelineMalformed, pipeline.Position{Line: 1, Column: 1}, err.Error())}
	}
	var findings []Finding
	for _, f := range faults {
		findings = append(findings, pipelineFinding(RulePipelineMalformed, pipeline.Position{Line: f.Line, Column: f.Column}, f.Message))
	}
	return nil, findings
}

func pipelineFinding(rule string, at pipeline.Position, message string) Finding {
	return Finding{File: pipeline.FileName, Line: max(at.Line, 1), Column: max(at.Column, 1), Rule: rule, Severity: Error, Message: message}
}

// templates collects what to validate, by path.
func templates(tree source.Tree, p *pipeline.Pipeline) map[string][]byte {
	files := map[string][]byte{}
	if p != nil {
		for _, stack := range p.Stacks {
			if data, ok := tree.File(stack.Template); ok {
				files[stack.Template] = data
			}
		}
	}
	for _, f := range tree {
		if strings.HasPrefix(f.Path, "templates/") && !f.Symlink && IsTemplateName(f.Path) && LooksLikeTemplate(f.Data) {
			files[f.Path] = f.Data
		}
	}
	return files
}

// IsTemplateName reports whether a file could be a template by its name.
func IsTemplateName(name string) bool {
	return slices.ContainsFunc([]string{".yaml", ".yml", ".json", ".template"}, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// parameters compares what each stage gives a stack with what its template
// declares. CloudFormation refuses both an undeclared parameter and a missing
// one when the change set is created.
// Source: CloudFormation API reference, CreateChangeSet, Parameters.
func (c Checked) parameters(files map[string][]byte) []Finding {
	if c.Pipeline == nil {
		return nil
	}
	// Many stages and stacks share a template: each is parsed once.
	parsed, told := map[string]*template.Template{}, map[[3]any]bool{}
	var findings []Finding
	for _, branch := range branches(c.Pipeline) {
		for _, stage := range c.Stages(branch) {
			for _, stack := range stage.Stacks {
				if _, done := parsed[stack.Template]; !done && stack.Template != "" {
					parsed[stack.Template], _ = template.Parse(stack.Template, files[stack.Template]) // the engine reports the error
				}
				if parsed[stack.Template] == nil {
					continue
				}
				for _, message := range misfits(parsed[stack.Template], stack) {
					findings = append(findings, pipelineFinding(RuleParameters, stack.At(), "stack "+stack.Name+" in stage "+stage.Name+": "+message))
				}
				for _, f := range unrollable(parsed[stack.Template], stack) {
					if place := [3]any{f.File, f.Line, f.Message}; !told[place] { // in each stage
						told[place] = true
						findings = append(findings, f)
					}
				}
			}
		}
	}
	return findings
}

// unrollable says what keeps a stack with a rollout from being there twice.
func unrollable(t *template.Template, stack pipeline.Stack) []Finding {
	literals := map[string]string{}
	for name, parameter := range stack.Parameters {
		if parameter.Output == "" {
			literals[name] = parameter.Literal()
		}
	}
	var findings []Finding
	for _, misfit := range deployment.Misfits(t, stack, literals) {
		findings = append(findings, Finding{File: stack.Template, Line: misfit.Line, Column: misfit.Column, Rule: RuleRollout, Severity: Error, Message: misfit.Message})
	}
	return findings
}

func misfits(t *template.Template, stack pipeline.Stack) []string {
	var messages []string
	declared := map[string]bool{}
	for name, parameter := range t.Parameters.All() {
		declared[name] = true
		_, given := stack.Parameters[name]
		given = given || stack.Rollout != nil && stack.Rollout.SideParameter == name
		if !given && parameter.Default == nil {
			messages = append(messages, "the template's parameter "+name+" has no default and is not set")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(stack.Parameters)) {
		if !declared[name] {
			messages = append(messages, "the parameter "+name+" is not declared in "+stack.Template)
		}
	}
	return messages
}

// branches lists the branches, or globs of them, that stages follow.
func branches(p *pipeline.Pipeline) []string {
	seen := map[string]bool{}
	for _, stage := range p.Stages {
		seen[stage.Branch] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
