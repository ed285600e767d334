package report

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
)

var command = map[validation.Severity]string{validation.Error: "error", validation.Warning: "warning", validation.Info: "notice"}

// github writes the commands that make annotations. A step shows ten of each
// kind and the worst matter most, so these come first.
// Source: GitHub documentation, "Workflow commands for GitHub Actions".
func (r *Report) github(p *printer) {
	for _, f := range bySeverity(r.Findings) {
		endLine, endColumn := end(f)
		p.printf("::%s file=%s,line=%d,endLine=%d", command[f.Severity], property(f.File), f.Line, endLine)
		if endLine == f.Line { // columns of several lines are refused
			p.printf(",col=%d,endColumn=%d", f.Column, endColumn)
		}
		p.printf(",title=%s::%s\n", property(f.Rule+" "+r.rule(f).Title), data(message(f)))
	}
	p.printf("%s\n", r.Summary())
}

// data escapes the message of a workflow command, property a value in front of
// it. Source: actions/toolkit, packages/core, command.
func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(legal(text))
}

func property(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(legal(text))
}
