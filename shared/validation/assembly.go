package validation

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/assembly"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/template"
)

// synthesised is the cloud assembly of a repository as far as evenkeel.yaml
// deploys it.
type synthesised struct {
	stages   map[string][]pipeline.Stage // by branch, resolved
	stacks   []*template.AssemblyStack   // that are deployed, with those nested in them
	findings []Finding
}

// synthesise reads the cloud assembly of the tree, when evenkeel.yaml has a
// stack of it. Before it is built there is nothing to read; built says that it
// must be there.
func synthesise(tree source.Tree, p *pipeline.Pipeline, built bool) synthesised {
	if p == nil || !p.UsesAssembly() {
		return synthesised{}
	}
	folder := p.OutputFolder()
	if _, ok := tree.File(folder + "/" + assembly.Manifest); !ok && !built {
		return synthesised{}
	}
	at := pipeline.Position{}
	if p.Build != nil {
		at = p.Build.At()
	}
	read := func(name string) ([]byte, error) {
		data, ok := tree.File(name)
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return data, nil
	}
	found, err := assembly.Read(read, folder)
	if err != nil {
		return synthesised{findings: []Finding{pipelineFinding(RuleAssembly, at, err.Error())}}
	}
	s := synthesised{stages: map[string][]pipeline.Stage{}}
	deployed := map[string]bool{}
	for _, branch := range branches(p) {
		stages, problems := found.Resolve(p.For(branch), deployment.Partition)
		s.stages[branch] = stages
		for _, problem := range problems {
			s.findings = append(s.findings, problemFinding(p, problem, at))
		}
		for _, stage := range stages {
			for _, stack := range stage.Stacks {
				deployed[stack.Template] = stack.Artifact != "" || deployed[stack.Template]
			}
		}
	}
	whole, err := template.ReadAssembly(read, folder)
	if err != nil {
		s.findings = append(s.findings, pipelineFinding(RuleAssembly, at, err.Error()))
		return s
	}
	for _, stack := range whole.Stacks {
		if deployed[stack.File] || stack.Parent != "" && deployed[stack.Parent] {
			deployed[stack.File] = true
			s.stacks = append(s.stacks, stack)
		}
	}
	return s
}

// problemFinding puts a problem at the stack of evenkeel.yaml, or its stage.
func problemFinding(p *pipeline.Pipeline, problem assembly.Problem, at pipeline.Position) Finding {
	message := problem.Message
	if problem.Stage != "" {
		message = "stage " + problem.Stage + ": " + message
	}
	for _, stage := range p.Stages {
		if stage.Name == problem.Stage {
			at = stage.At()
		}
	}
	for _, stack := range p.Stacks {
		if stack.Name == problem.Stack {
			at, message = stack.At(), "stack "+stack.Name+", "+message
		}
	}
	return pipelineFinding(RuleAssembly, at, message)
}

// add puts the templates of the assembly to the files to validate.
func (s synthesised) add(tree source.Tree, files map[string][]byte) {
	for _, stack := range s.stacks {
		if data, ok := tree.File(stack.File); ok {
			files[stack.File] = data
		}
	}
}

// construct says which constructs the findings are about.
func (s synthesised) construct(lists ...[]Finding) {
	byFile := map[string]*template.AssemblyStack{}
	for _, stack := range s.stacks {
		byFile[stack.File] = stack
	}
	for _, list := range lists {
		for i, f := range list {
			if stack := byFile[f.File]; stack != nil {
				list[i].Construct = stack.Construct(f.Resource())
			}
		}
	}
}

// deployed lists the stacks that have a template, each of an artifact once for
// each template that it has in a stage of the branch.
func (c Checked) deployed(branch string) []pipeline.Stack {
	var list []pipeline.Stack
	for _, stack := range c.Pipeline.Stacks {
		if stack.Template != "" {
			list = append(list, stack)
		}
	}
	for _, stage := range c.Stages(branch) {
		for _, stack := range stage.Stacks {
			same := func(s pipeline.Stack) bool { return s.Name == stack.Name && s.Template == stack.Template }
			if stack.Artifact != "" && stack.Template != "" && !slices.ContainsFunc(list, same) {
				list = append(list, stack)
			}
		}
	}
	return list
}

// WithAssembly puts the files of an assembly that describe it (manifests and
// templates, not the assets) in the place of what the tree has in its folder.
func WithAssembly(tree source.Tree, folder string, read template.ReadFile) (source.Tree, error) {
	described := map[string][]byte{}
	keep := func(name string) ([]byte, error) {
		data, err := read(name)
		if err == nil {
			described[name] = data
		}
		return data, err
	}
	// What is wrong with the assembly is found again, and told, in synthesise.
	_, _ = assembly.Read(keep, folder)
	_, _ = template.ReadAssembly(keep, folder)
	var files []source.File
	for _, f := range tree {
		if !strings.HasPrefix(f.Path, folder+"/") {
			files = append(files, f)
		}
	}
	for name, data := range described {
		files = append(files, source.File{Path: name, Data: data})
	}
	return source.NewTree(files)
}
