package rego

import (
	"context"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Judge gives the findings of the policies in a template. It is Check for
// callers that have no plan and no deadline of their own: the limits of the
// options hold.
func (p *Policies) Judge(file string, t *template.Template, s policy.Scope) ([]policy.Finding, error) {
	in := policy.NewInput(t, s)
	in.File = file
	result, err := p.Check(context.Background(), in, t)
	return result.Findings, err
}

// NewJudge loads the policies of a repository with the default options.
func NewJudge(files map[string]string) (*Policies, error) { return Load(files, Options{}) }
