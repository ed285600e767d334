package report

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// text writes for people: the findings by file, each with a line that
// terminals and editors can jump from and the place in the source.
func (r *Report) text(p *printer) {
	sources := r.sources()
	file := ""
	for _, f := range r.Findings {
		if file != "" && f.File != file {
			p.printf("\n")
		}
		file = f.File
		r.line(p, f)
		excerpt(p, sources.lines(f.File), f, r.paint)
	}
	if len(r.Findings) > 0 {
		p.printf("\n")
	}
	if r.ShowSuppressed {
		r.suppressed(p)
	}
	for _, name := range r.Incomplete {
		p.printf("%s: too large to be analysed completely\n", printable(name))
	}
	p.printf("%s\n", r.Summary())
}

// quiet writes one line a finding.
func (r *Report) quiet(p *printer) {
	for _, f := range r.Findings {
		r.line(p, f)
	}
	if r.ShowSuppressed {
		r.suppressed(p)
	}
}

func (r *Report) line(p *printer, f validation.Finding) {
	p.printf("%s:%d:%d: %s %s: %s\n", printable(f.File), f.Line, f.Column, r.paint(colour[f.Severity], string(f.Severity)), f.Rule, printable(message(f)))
}

// suppressed lists what was switched off, by whom and why.
func (r *Report) suppressed(p *printer) {
	for _, f := range r.Suppressed {
		p.printf("%s:%d:%d: suppressed %s: %s [%s]\n", printable(f.File), f.Line, f.Column, f.Rule, printable(message(f)), printable(why(f.Suppression)))
	}
	for _, e := range r.Fixed {
		p.printf("%s: fixed %s %s [%s]\n", printable(e.File), e.Rule, printable(e.Path), validation.ByBaseline)
	}
	if len(r.Suppressed)+len(r.Fixed) > 0 {
		p.printf("\n")
	}
}

// why says who switched a finding off, why and for how long.
func why(s *validation.Suppression) string {
	if s == nil {
		return ""
	}
	text := s.By
	if s.Line > 0 {
		text += fmt.Sprintf(", line %d", s.Line)
	}
	if s.Until != "" {
		text += ", until " + s.Until
	}
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

// parseable writes the line of cfn-lint's format of this name.
func (r *Report) parseable(p *printer) {
	for _, f := range r.Findings {
		endLine, endColumn := end(f)
		p.printf("%s:%d:%d:%d:%d:%s:%s\n", f.File, f.Line, f.Column, endLine, endColumn, f.Rule, strings.Join(strings.Fields(printable(message(f))), " "))
	}
}

// end is where a finding ends: one column on, when it is not known.
func end(f validation.Finding) (line, column int) {
	if f.EndLine > f.Line || f.EndLine == f.Line && f.EndColumn > f.Column {
		return f.EndLine, f.EndColumn
	}
	return f.Line, f.Column + 1
}

// colour are the codes of "Select Graphic Rendition" (ECMA-48).
var colour = map[validation.Severity]string{validation.Error: "31", validation.Warning: "33", validation.Info: "36"}

func (r *Report) paint(code, text string) string {
	if !r.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// printable replaces what would move the cursor or change colours: messages
// and file names hold text that strangers wrote.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t', c == '\n':
			return ' '
		case c < ' ', c == 0x7f, 0x80 <= c && c < 0xa0, 0x202a <= c && c <= 0x202e, 0x2066 <= c && c <= 0x2069:
			return '�'
		}
		return c
	}, text)
}
