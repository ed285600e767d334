package guard

import (
	"context"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Judge judges templates by Guard rules.
type Judge struct {
	Run   Runner
	Rules map[string]string // texts by file name
}

// Judge gives the findings of the rules in a template.
func (j Judge) Judge(file string, t *template.Template, s policy.Scope) ([]policy.Finding, error) {
	in := policy.NewInput(t, s)
	in.File = file
	return Check(context.Background(), j.Run, j.Rules, in, t)
}
