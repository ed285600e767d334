package validation

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Engine validates templates. Offline is the implementation in this package.
type Engine interface {
	// Validate checks the contents of files by name.
	Validate(files map[string][]byte) Result
}

// Offline is the Engine that needs nothing but the templates.
type Offline struct{}

var _ Engine = Offline{}

// Validate implements Engine.
func (Offline) Validate(files map[string][]byte) Result { return Validate(files) }

// maxWork bounds the analysis of one template, in steps of about a tenth of a
// microsecond.
const maxWork = 1_000_000

// Validate checks templates by file name, several at a time. The result does
// not depend on the order of the work.
func Validate(files map[string][]byte) Result {
	names := slices.Sorted(maps.Keys(files))
	reports := make([]report, len(names))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				reports[i] = validateFile(names[i], files[names[i]])
			}
		})
	}
	workers.Wait()

	var findings []Finding
	var incomplete []string
	for i, r := range reports {
		findings = append(findings, r.findings...)
		if r.incomplete {
			incomplete = append(incomplete, names[i])
		}
	}
	return newResult(len(names), findings, incomplete)
}

type report struct {
	findings   []Finding
	incomplete bool
}

func validateFile(name string, data []byte) report {
	parsed, err := template.Parse(name, data)
	if err != nil {
		return report{findings: []Finding{parseFinding(name, err)}}
	}
	c := newTemplate(parsed)
	for _, family := range families {
		for i := range family {
			c.run(&family[i])
		}
	}
	c.notes()
	return report{findings: c.suppressed(), incomplete: c.spent()}
}

func parseFinding(name string, err error) Finding {
	f := Finding{File: name, Line: 1, Column: 1, Rule: parseRule.ID, Severity: Error, Message: err.Error()}
	var syntax *template.SyntaxError
	if errors.As(err, &syntax) {
		f.Line, f.Column, f.Message = syntax.Line, syntax.Column, syntax.Message
	}
	return f
}

// LooksLikeTemplate reports whether a file's content seems to be a
// CloudFormation template: an object with AWSTemplateFormatVersion, or with
// Resources whose entries have a Type with "::". A file that cannot be parsed
// is one if it contains those words.
func LooksLikeTemplate(data []byte) bool {
	root, err := template.ParseNode("", data)
	if err != nil {
		text := string(data)
		return strings.Contains(text, "AWSTemplateFormatVersion") || strings.Contains(text, "Resources") && strings.Contains(text, "AWS::")
	}
	if root.Get("AWSTemplateFormatVersion") != nil {
		return true
	}
	resources := root.Get("Resources")
	return resources.IsMap() && slices.ContainsFunc(resources.Entries, func(e template.Entry) bool {
		return strings.Contains(e.Value.Get("Type").Str(), "::")
	})
}

// notes says which parts were left alone and why.
func (c *Template) notes() {
	c.rule = &noteRule
	for _, name := range c.Transforms {
		if !c.understood(name) {
			c.reportf(path{"Transform"}, "the macro %s changes this template when it is deployed; what depends on its result is not checked", name)
		}
	}
	for id, r := range c.Resources.All() {
		switch {
		case strings.HasSuffix(r.Type, "::MODULE"):
			c.reportf(path{"Resources", id, "Type"}, "%s is a module; its properties are not checked", r.Type)
		case strings.HasPrefix(r.Type, "Custom::"):
			c.reportf(path{"Resources", id, "Type"}, "%s is a custom resource; only ServiceToken is checked", r.Type)
		case !strings.HasPrefix(r.Type, "AWS::") && !strings.HasPrefix(r.Type, "Alexa::") && strings.Count(r.Type, "::") == 2:
			c.reportf(path{"Resources", id, "Type"}, "%s is a private or third-party type; it is not checked", r.Type)
		}
	}
	if c.spent() {
		c.rule = &limitRule
		c.reportf(path{c.stoppedAt}, "analysis incomplete: the template is too large to be analysed within bounds")
	}
}

// spent reports whether the budget of work is used up.
func (c *Template) spent() bool { return c.work > maxWork || c.incomplete }

func (p path) String() string { return strings.Join(p, "/") }

func quoted(names []string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(parts, ", ")
}
