// Package rego runs users' policies that are written in Rego, with the
// conventions of conftest: rules deny, violation, warn and exception in the
// package main. Everything that reaches the network or the process is switched
// off; time and memory of an evaluation are limited.
package rego

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// Options say how policies are loaded and run.
type Options struct {
	// Namespaces are the packages whose rules count; none means main.
	Namespaces []string
	// Timeout limits one evaluation of all rules; 0 means DefaultTimeout.
	Timeout time.Duration
	// Memory limits, in bytes, by how much the heap may grow during one
	// evaluation; 0 means DefaultMemory. It is looked at every few milliseconds,
	// and other work of the process counts too.
	Memory uint64
}

// The default limits, and those of what is loaded.
const (
	DefaultTimeout = 5 * time.Second
	DefaultMemory  = 256 << 20
	maxResults     = 10_000 // of one rule on one template
	maxFile        = 1 << 20
	maxTotal       = 8 << 20
)

// Policies are compiled policies, ready to be evaluated. They are safe for
// concurrent use.
type Policies struct {
	rules    []rule
	options  Options
	compiler *ast.Compiler
	store    storage.Store // empty: policies have no data but their input
}

// rule is one rule of a namespace that gives findings.
type rule struct {
	namespace, name string
	query           ast.Body
	exceptions      ast.Body // nil if the namespace has none
}

// forbidden are the built-in functions that a policy may not call, with why: one
// call of bits.lsh can make a number of gigabytes, before any limit is looked at.
var forbidden = map[string]string{
	"http.send": outside, "net.lookup_ip_addr": outside, "opa.runtime": outside, "bits.lsh": "its result has no bound",
	// A $ref of a schema reads any file of the machine, to its end, whatever AllowNet says.
	"json.match_schema": outside, "json.verify_schema": outside,
}

const outside = "policies reach neither the network nor the process"

// Capabilities are what policies may use: Rego v1 without what is forbidden.
func Capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(ast.RegoV1))
	c.Builtins = slices.DeleteFunc(slices.Clone(c.Builtins), func(b *ast.Builtin) bool { return forbidden[b.Name] != "" })
	c.AllowNet = []string{}
	return c
}

// Parse reads policies, by file name. Every error is Invalid and names file and
// line.
func Parse(files map[string]string) (map[string]*ast.Module, error) {
	modules := make(map[string]*ast.Module, len(files))
	total := 0
	for _, name := range sortedKeys(files) {
		text := files[name]
		if total += len(text); len(text) > maxFile || total > maxTotal {
			return nil, fault.Invalid("policy %s: more than %d bytes in one file or %d in all", name, maxFile, maxTotal)
		}
		module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: Capabilities()})
		if err != nil {
			return nil, syntaxError(name, text, err)
		}
		if module == nil {
			continue // nothing but comments
		}
		modules[name] = module
	}
	return modules, nil
}

// syntaxError tells the old language from a mistake.
func syntaxError(name, text string, err error) error {
	if _, old := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV0}); old == nil {
		return fault.Invalid("%s is written in Rego v0: Evenkeel reads Rego v1 (`deny contains msg if { … }`); `opa fmt --write --v0-v1 %s` rewrites it: %w", name, name, firstError(err))
	}
	return fault.Invalid("policy: %w", firstError(err))
}

// firstError keeps one line of OPA's list of errors.
func firstError(err error) error {
	var all ast.Errors
	if errors.As(err, &all) && len(all) > 0 {
		first := all[0]
		more := ""
		if len(all) > 1 {
			more = fmt.Sprintf(" (and %d more)", len(all)-1)
		}
		where := ""
		if first.Location != nil {
			where = fmt.Sprintf("%s:%d: ", first.Location.File, first.Location.Row)
		}
		return fmt.Errorf("%s%s%s", where, first.Message, more)
	}
	return err
}

// Compile checks modules. Every error is Invalid.
func Compile(modules map[string]*ast.Module) (*ast.Compiler, error) {
	c := ast.NewCompiler().WithCapabilities(Capabilities()).WithDefaultRegoVersion(ast.RegoV1).WithEnablePrintStatements(false)
	if c.Compile(modules); c.Failed() {
		err := firstError(c.Errors)
		for name, why := range forbidden {
			if strings.Contains(err.Error(), name) {
				return nil, fault.Invalid("policy: %w: %s", err, why)
			}
		}
		return nil, fault.Invalid("policy: %w", err)
	}
	return c, nil
}

// Load compiles policies, by file name; tests (*_test.rego) are left out.
// Every error is Invalid.
func Load(files map[string]string, o Options) (*Policies, error) {
	kept := map[string]string{}
	for name, text := range files {
		if !IsTest(name) {
			kept[name] = text
		}
	}
	modules, err := Parse(kept)
	if err != nil {
		return nil, err
	}
	compiler, err := Compile(modules)
	if err != nil {
		return nil, err
	}
	if len(o.Namespaces) == 0 {
		o.Namespaces = []string{"main"}
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	p := &Policies{options: o, compiler: compiler, store: inmem.New()}
	for _, namespace := range o.Namespaces {
		p.add(namespace, modules)
	}
	if len(p.rules) == 0 && len(modules) > 0 {
		return nil, fault.Invalid("no deny, violation or warn rule in the package %s: name packages with --namespace", strings.Join(o.Namespaces, ", "))
	}
	return p, nil
}

// IsTest reports whether a file holds tests of policies.
func IsTest(name string) bool { return strings.HasSuffix(name, "_test.rego") }

// Names lists the rules that give findings, as "main.deny".
func (p *Policies) Names() []string {
	names := make([]string, len(p.rules))
	for i, r := range p.rules {
		names[i] = r.namespace + "." + r.name
	}
	return names
}

// findingRule matches the rules whose results are findings.
// Source: conftest documentation, "Writing policies".
var findingRule = regexp.MustCompile(`^(deny|violation|warn)(_[a-zA-Z0-9]+)*$`)

func (p *Policies) add(namespace string, modules map[string]*ast.Module) {
	names := map[string]bool{}
	excepts := false
	for _, m := range modules {
		if strings.TrimPrefix(m.Package.Path.String(), "data.") != namespace {
			continue
		}
		for _, r := range m.Rules {
			name := ruleName(r)
			excepts = excepts || name == "exception"
			if findingRule.MatchString(name) {
				names[name] = true
			}
		}
	}
	var exceptions ast.Body
	if excepts {
		exceptions = question(namespace + ".exception")
	}
	for _, name := range sortedKeys(names) {
		p.rules = append(p.rules, rule{namespace, name, question(namespace + "." + name), exceptions})
	}
}

// answer is the variable of a question.
const answer = ast.Var("answer")

// question asks for the value of a rule. It is built, not parsed: the parts of
// a package's name need not be words.
func question(rule string) ast.Body {
	ref := ast.Ref{ast.DefaultRootDocument}
	for part := range strings.SplitSeq(rule, ".") {
		ref = append(ref, ast.StringTerm(part))
	}
	return ast.NewBody(ast.Equality.Expr(ast.NewTerm(ref), ast.NewTerm(answer)))
}

func ruleName(r *ast.Rule) string {
	if ref := r.Head.Ref(); len(ref) > 0 {
		return strings.Trim(ref[0].Value.String(), `"`)
	}
	return r.Head.Name.String()
}
