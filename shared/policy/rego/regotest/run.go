// Package regotest runs the tests of users' policies: Rego rules whose name
// begins with test_. It is apart from package rego because only the command
// line needs it, and OPA's tester is heavy.
package regotest

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy/rego"
)

// Result is the result of one test.
type Result struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // of the test, from 1
	Package string `json:"package"`
	Name    string `json:"name"`
	Passed  bool   `json:"passed"`
	Skipped bool   `json:"skipped,omitempty"` // its name begins with todo_test_
	Error   string `json:"error,omitempty"`   // why it could not be run
	Failed  string `json:"failed,omitempty"`  // the expression that did not hold, "file:line: text"
	Output  string `json:"output,omitempty"`  // what it printed
	// Milliseconds is how long it took.
	Milliseconds float64 `json:"milliseconds"`
}

// Report is the result of all tests.
type Report struct {
	Results []Result `json:"results"` // by file and line
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"` // including errors
	Skipped int      `json:"skipped"`
	// Coverage is the share of the policies' lines that tests ran, in percent;
	// Uncovered are the others, as "file:line" or "file:first-last".
	Coverage  float64  `json:"coverage,omitempty"`
	Uncovered []string `json:"uncovered,omitempty"`
}

// Options say which tests run, and how.
type Options struct {
	Match    string        // regular expression of "package.name"; "" is all
	Coverage bool          // measure coverage
	Timeout  time.Duration // of one test; 0 means rego.DefaultTimeout
}

// Run runs the tests in files, by name. An error is Invalid: the files, or the
// pattern, cannot be read.
func Run(ctx context.Context, files map[string]string, o Options) (Report, error) {
	modules, err := rego.Parse(files)
	if err != nil {
		return Report{}, err
	}
	if o.Timeout == 0 {
		o.Timeout = rego.DefaultTimeout
	}
	coverage := cover.New()
	runner := o.runner(modules)
	if o.Coverage {
		runner.SetCoverageQueryTracer(coverage)
	}
	results, err := runner.RunTests(ctx, nil)
	if err != nil {
		if _, precise := rego.Compile(modules); precise != nil {
			return Report{}, precise
		}
		return Report{}, fault.Invalid("policy tests: %w", err)
	}
	var report Report
	for r := range results {
		report.add(r)
	}
	slices.SortFunc(report.Results, func(a, b Result) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Name, b.Name))
	})
	if err := report.explain(ctx, o, files); err != nil {
		return Report{}, err
	}
	if o.Coverage {
		report.cover(coverage.Report(modules))
	}
	return report, nil
}

// runner is a tester of the modules, which it changes: each needs its own.
func (o Options) runner(modules map[string]*ast.Module) *tester.Runner {
	compiler := ast.NewCompiler().WithCapabilities(rego.Capabilities()).WithDefaultRegoVersion(ast.RegoV1).WithEnablePrintStatements(true)
	return tester.NewRunner().SetCompiler(compiler).SetModules(modules).RaiseBuiltinErrors(true).
		CapturePrintOutput(true).SetTimeout(o.Timeout).SetParallel(1).Filter(o.Match)
}

// explain runs the tests that failed again, with a trace, which would be too
// much for all: the last expression of a test that failed is why.
func (r *Report) explain(ctx context.Context, o Options, files map[string]string) error {
	failed := map[string]int{}
	var names []string
	for i, result := range r.Results {
		if !result.Passed && !result.Skipped && result.Error == "" {
			failed[result.Package+"."+result.Name] = i
			names = append(names, regexp.QuoteMeta("data."+result.Package+"."+result.Name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	modules, err := rego.Parse(files)
	if err != nil {
		return err
	}
	o.Match = "^(" + strings.Join(names, "|") + ")$"
	results, err := o.runner(modules).EnableTracing(true).RunTests(ctx, nil)
	if err != nil {
		return fault.Invalid("policy tests: %w", err)
	}
	for again := range results {
		i, ok := failed[strings.TrimPrefix(again.Package, "data.")+"."+again.Name]
		if ok {
			r.Results[i].Failed = lastFailure(again)
		}
	}
	return nil
}

// lastFailure finds the last expression of the test itself that did not hold.
func lastFailure(r *tester.Result) string {
	for _, e := range slices.Backward(r.Trace) {
		at := e.Location
		if e.Op != topdown.FailOp || at == nil || r.Location == nil || at.File != r.Location.File || at.Row < r.Location.Row {
			continue
		}
		if lines := strings.Count(string(r.Location.Text), "\n"); at.Row <= r.Location.Row+lines {
			return at.File + ":" + strconv.Itoa(at.Row) + ": " + strings.TrimSpace(string(at.Text))
		}
	}
	return ""
}

func (r *Report) add(from *tester.Result) {
	to := Result{
		Package: strings.TrimPrefix(from.Package, "data."), Name: from.Name, Passed: from.Pass(), Skipped: from.Skip,
		Output: string(from.Output), Milliseconds: float64(from.Duration.Microseconds()) / 1000,
	}
	if from.Location != nil {
		to.File, to.Line = from.Location.File, from.Location.Row
	}
	if from.Error != nil {
		to.Error = from.Error.Error()
	}
	switch {
	case to.Skipped:
		r.Skipped++
	case to.Passed:
		r.Passed++
	default:
		r.Failed++
	}
	r.Results = append(r.Results, to)
}

// cover counts only the policies: that a test runs its own lines says nothing.
func (r *Report) cover(from cover.Report) {
	covered, all := 0, 0
	for name, file := range from.Files {
		if rego.IsTest(name) {
			continue
		}
		covered += file.CoveredLines
		all += file.CoveredLines + file.NotCoveredLines
		for _, lines := range file.NotCovered {
			text := name + ":" + strconv.Itoa(lines.Start.Row)
			if lines.End.Row != lines.Start.Row {
				text += "-" + strconv.Itoa(lines.End.Row)
			}
			r.Uncovered = append(r.Uncovered, text)
		}
	}
	slices.Sort(r.Uncovered)
	if all > 0 {
		r.Coverage = float64(covered) * 100 / float64(all)
	}
}
