package validation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/template/sam"
	"github.com/evenkeel/evenkeel/shared/validation/check"
	"github.com/evenkeel/evenkeel/shared/validation/rules"
)

// Engine validates templates. Offline is the implementation in this package.
type Engine interface {
	// Validate checks the contents of files by name.
	Validate(files map[string][]byte, o Options) Result
}

// Offline is the Engine that needs nothing but the templates.
type Offline struct{}

var _ Engine = Offline{}

// Validate implements Engine.
func (Offline) Validate(files map[string][]byte, o Options) Result { return ValidateWith(files, o) }

// Validate checks templates by file name with the default options.
func Validate(files map[string][]byte) Result { return ValidateWith(files, Options{}) }

// ValidateWith checks templates by file name, several at a time. The result
// does not depend on the order of the work.
func ValidateWith(files map[string][]byte, o Options) Result {
	s := newSuppressor(&o)
	templates := &nested{files: files, read: o.ReadFile}
	names := slices.Sorted(maps.Keys(files))
	reports := make([]report, len(names))
	order := largestFirst(files, names)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(order); n = int(next.Add(1)) - 1 {
				i := order[n]
				reports[i] = validateFile(names[i], files[names[i]], s, templates)
			}
		})
	}
	workers.Wait()

	var findings, suppressed []Finding
	var incomplete []string
	for i, r := range reports {
		findings = append(findings, r.findings...)
		suppressed = append(suppressed, r.suppressed...)
		if r.incomplete {
			incomplete = append(incomplete, names[i])
		}
	}
	result := newResult(len(names), append(findings, s.notes()...), incomplete)
	result.Suppressed = suppressed
	return result
}

// largestFirst orders indexes of names so that no worker is left with a large
// file when the others have nothing to do.
func largestFirst(files map[string][]byte, names []string) []int {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(files[names[b]]) - len(files[names[a]]) })
	return order
}

type report struct {
	findings   []Finding
	suppressed []Finding
	incomplete bool
}

func validateFile(name string, data []byte, s *suppressor, templates *nested) report {
	parsed, err := template.Parse(name, data)
	if err != nil {
		f := parseFinding(name, err)
		if len(data) > template.MaxBytes {
			f.Rule, f.Path = "E1002", "Template"
		}
		kept, suppressed := s.apply(nil, name, data, []Finding{f})
		return report{findings: kept, suppressed: suppressed}
	}
	braces := notJSON(name, data)
	found, incomplete := guarded(name, parsed.Root, len(data), s.o, templates)
	kept, suppressed := s.apply(parsed, name, data, append(found, braces...))
	return report{findings: kept, suppressed: suppressed, incomplete: incomplete}
}

// guarded turns a fault in the program into a finding about the template, so
// that one template cannot keep others from being validated.
func guarded(name string, root *template.Node, size int, o *Options, templates *nested) (found []Finding, incomplete bool) {
	defer func() {
		if fault := recover(); fault != nil {
			at := ofNode(root)
			found, incomplete = append(found, Finding{
				File: name, Line: at.line, Column: at.column, Rule: internalRule.ID, Severity: Error,
				Message: fmt.Sprintf("the validator failed on this template, please report it: %v", fault),
			}), true
		}
	}()
	return analyse(name, root, size, o, templates)
}

// maxFindings bounds what is reported of one template: who has a thousand
// findings has one fault a thousand times.
const maxFindings = 1000

// analyse applies the transforms that are known and runs the rules.
func analyse(name string, root *template.Node, size int, o *Options, templates *nested) (found []Finding, incomplete bool) {
	settings := o.For(root)
	add := func(rule Rule, at position, path, message string) {
		found = append(found, Finding{
			File: name, Rule: rule.ID, Severity: rule.Severity, Path: path, Message: message,
			Line: at.line, Column: at.column, EndLine: at.endLine, EndColumn: at.endColumn,
		})
	}
	expanded, problems := transform(root, settings)
	for _, p := range problems[:min(len(problems), maxFindings)] {
		add(transformRule, p.at, p.path.String(), p.message)
	}
	if len(problems) > 0 {
		return found, len(problems) > maxFindings
	}
	t := check.NewTemplate(name, expanded, check.Options{
		Regions: settings.Regions, Now: o.now(), Configure: settings.Configure,
		Nested: func(url string) *template.Node { return templates.of(name, url) },
	})
	t.Before, t.Size = root, size
	t.Serverless = sam.Needed(root)
	result := rules.Run(t)
	registry := rules.Registry()
	find := finder{}
	seen := newSights(t, find)
	for _, f := range result.Findings {
		if len(found) >= maxFindings {
			result.Incomplete = f.Path.String()
			break
		}
		r := registry.Rule(f.Rule)
		at := find.locate(t.Root, f.Path)
		if r != nil && seen.add(f) {
			if newer(t, f) {
				add(noteRule, at, f.Path.String(), f.Message+"; it is newer than the schemas, so it is not checked")
				continue
			}
			add(Rule{ID: r.ID, Severity: severityOf(r.Severity)}, at, f.Path.String(), f.Message)
		}
	}
	for _, n := range leftAlone(t) {
		add(noteRule, find.locate(expanded, n.path), n.path.String(), n.message)
	}
	if whole, err := template.New(name, expanded); err == nil {
		secure, complete := security(name, whole, o, settings)
		room := max(maxFindings-len(found), 0)
		complete = complete && len(secure) <= room
		found = append(found, secure[:min(room, len(secure))]...)
		if !complete && result.Incomplete == "" {
			result.Incomplete = "Resources"
		}
	}
	if result.Sampled && result.Incomplete == "" {
		add(limitRule, ofNode(expanded), "Conditions", "analysis incomplete: the conditions have more scenarios than are looked at")
	}
	if result.Incomplete != "" {
		add(limitRule, ofNode(expanded), result.Incomplete, "analysis incomplete: the template is too large to be analysed within bounds")
	}
	return found, result.Incomplete != ""
}

func parseFinding(name string, err error) Finding {
	f := Finding{File: name, Line: 1, Column: 1, Rule: parseRule.ID, Severity: Error, Message: err.Error()}
	var syntax *template.SyntaxError
	if errors.As(err, &syntax) {
		f.Line, f.Column, f.Message = syntax.Line, syntax.Column, syntax.Message
	}
	return f
}

// notJSON reports a text that begins with a brace and is no JSON: YAML's flow
// style allows more, and CloudFormation reads such a text as JSON.
func notJSON(name string, data []byte) []Finding {
	text := bytes.TrimLeft(data, " \t\r\n")
	if len(text) == 0 || text[0] != '{' || json.Valid(data) {
		return nil
	}
	var wrong *json.SyntaxError
	var value json.RawMessage
	offset := 0
	if err := json.Unmarshal(data, &value); errors.As(err, &wrong) {
		offset = max(int(wrong.Offset)-1, 0)
	}
	before := data[:min(offset, len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return []Finding{{File: name, Line: line, Column: column, Rule: bracesRule.ID, Severity: Error,
		Message: "CloudFormation reads a text that begins with a brace as JSON, and this is none"}}
}

var typeLine = regexp.MustCompile(`(?m)^ +Type: *["']?[\w]+::`)

func atLineStart(data []byte, key string) bool {
	return bytes.HasPrefix(data, []byte(key)) || bytes.Contains(data, []byte("\n"+key))
}

// LooksLikeTemplate reports whether a file's content seems to be a
// CloudFormation template: an object with AWSTemplateFormatVersion, or with
// Resources whose entries have a Type with "::". A file that cannot be parsed
// is one if it contains those words.
func LooksLikeTemplate(data []byte) bool {
	version := bytes.Contains(data, []byte("AWSTemplateFormatVersion"))
	switch {
	case !version && (!bytes.Contains(data, []byte("Resources")) || !bytes.Contains(data, []byte("::"))):
		return false
	case version && atLineStart(data, "AWSTemplateFormatVersion:"), atLineStart(data, "Resources:") && typeLine.Match(data):
		return true // in block style, which most are written in, there is no need to parse twice
	}
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
