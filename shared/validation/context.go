package validation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// path leads from the root of a template to a value: keys and list indexes.
type path []string

// with returns a copy of the path with more names at its end.
func (p path) with(names ...string) path {
	return append(slices.Clip(slices.Clone(p)), names...)
}

// Template is a parsed template under validation: what rules share, computed
// once, and where they report.
type Template struct {
	*template.Template

	rule     *Rule
	findings []Finding
	work     int
	// incomplete is set, with where, when a part was too large to check.
	incomplete bool
	stoppedAt  string

	walked       bool
	calls        []call // see functions
	checkedCalls bool
	defects      []defect // see functionDefects
	violations   map[string][]schema.Violation
}

func newTemplate(t *template.Template) *Template {
	return &Template{Template: t, violations: map[string][]schema.Violation{}}
}

func (c *Template) run(r *Rule) {
	c.rule = r
	r.Check(c)
}

// maxFindings bounds the findings in one template: nobody reads more, and each
// takes time.
const maxFindings = 1000

// reportf reports a finding of the running rule at the value that the path leads to.
func (c *Template) reportf(p path, format string, args ...any) {
	if len(c.findings) >= maxFindings && c.rule != &limitRule {
		c.stop(append(p, c.rule.ID))
		return
	}
	line, column := c.locate(p)
	c.findings = append(c.findings, Finding{
		File: c.File, Line: line, Column: column, Rule: c.rule.ID, Severity: c.rule.Severity,
		Message: fmt.Sprintf(format, args...), Path: p.String(),
	})
}

// locate returns the position of the last thing on the path that exists: of a
// map's entry its key, of a list's item its beginning.
func (c *Template) locate(p path) (line, column int) {
	line, column = c.Root.Line, c.Root.Column
	n := c.Root
	for _, name := range p {
		switch {
		case n.IsMap():
			e := n.Entry(name)
			if e == nil {
				return line, column
			}
			line, column, n = e.Line, e.Column, e.Value
		case n.IsList():
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(n.Items) {
				return line, column
			}
			n = n.Items[i]
			line, column = n.Line, n.Column
		default:
			return line, column
		}
	}
	return line, column
}

// understood reports whether a transform leaves the template readable as it is.
func (c *Template) understood(transform string) bool {
	switch transform {
	case languageExtensions, serverless, "AWS::SecretsManager-2020-07-23", "AWS::SecretsManager-2024-09-16", "AWS::CodeDeployBlueGreen":
		return true
	}
	return false
}

const (
	languageExtensions = "AWS::LanguageExtensions"
	serverless         = "AWS::Serverless-2016-10-31"
)

func (c *Template) hasTransform(name string) bool { return slices.Contains(c.Transforms, name) }

// opaque reports whether a macro rewrites the template in a way that cannot be
// foreseen, or entries are generated: names may exist that the text does not show.
func (c *Template) opaque() bool {
	return c.Loops || slices.ContainsFunc(c.Transforms, func(t string) bool { return !c.understood(t) })
}

// generated reports whether the Serverless transform may create a resource of
// the name: its own, or one derived from a serverless resource.
func (c *Template) generated(name string) bool {
	if !c.hasTransform(serverless) {
		return false
	}
	if strings.HasPrefix(name, "Serverless") {
		return true
	}
	for i := range name {
		if r, ok := c.Resources.Get(name[:i]); ok && strings.HasPrefix(r.Type, "AWS::Serverless::") {
			return true
		}
	}
	return false
}

// call is one use of an intrinsic function.
type call struct {
	name  string
	arg   *template.Node
	path  path   // of the call's key: …/Fn::Sub
	outer string // the outermost function around it, Fn::If apart; "" if none
}

// section is the top-level section that the call is in.
func (f call) section() string { return f.path[0] }

// functions returns every function call of the template, outside Metadata, in
// the order of the text.
func (c *Template) functions() []call {
	if c.walked {
		return c.calls
	}
	c.walked = true
	for _, e := range c.Root.Entries {
		if e.Key != "Metadata" {
			c.collect(e.Value, path{e.Key}, "")
		}
	}
	return c.calls
}

func (c *Template) collect(n *template.Node, p path, outer string) {
	if c.work++; c.work > maxWork {
		c.stop(p)
		return
	}
	if name, arg, ok := n.Call(); ok && len(p) > 1 {
		c.calls = append(c.calls, call{name, arg, p.with(name), outer})
		if _, checked := ruleOf[name]; checked && outer == "" && name != "Fn::If" {
			outer = name
		}
	}
	p = append(p, "")
	last := len(p) - 1
	for i := range n.Entries {
		p[last] = n.Entries[i].Key
		c.collect(n.Entries[i].Value, p, outer)
	}
	for i, item := range n.Items {
		p[last] = strconv.Itoa(i)
		c.collect(item, p, outer)
	}
}

func (c *Template) stop(p path) {
	if !c.incomplete {
		c.incomplete, c.stoppedAt = true, p[0]
	}
}

// index reads a list index of a path.
func index(name string) (int, bool) {
	i, err := strconv.Atoi(name)
	return i, err == nil && i >= 0
}
