package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a definition.
type Problem struct {
	State   string // "" for the machine; "Map / State" inside a Map
	Message string
}

func (p Problem) String() string {
	if p.State == "" {
		return p.Message
	}
	return p.State + ": " + p.Message
}

// knownSubstitutions are the tokens that the CDK app fills in.
var knownSubstitutions = []string{"BuildFunction", "DeploymentFunction", "DriftFunction", "ReviewFunction", "RolloutFunction", "ValidationFunction"}

// knownErrors are the error names that can reach a Retry or Catch.
// Source: Step Functions developer guide, "Handling errors in workflows", and
// "Lambda service exceptions"; the last ones are the kinds of package fault, and
// what a task token is failed with while something is not over.
var knownErrors = []string{
	"States.ALL", "States.BranchFailed", "States.DataLimitExceeded", "States.ExceedToleratedFailureThreshold",
	"States.HeartbeatTimeout", "States.IntrinsicFailure", "States.ItemReaderFailed", "States.NoChoiceMatched",
	"States.ParameterPathFailure", "States.Permissions", "States.ResultPathMatchFailure", "States.ResultWriterFailed",
	"States.Runtime", "States.TaskFailed", "States.Timeout",
	"Lambda.AWSLambdaException", "Lambda.ClientExecutionTimeoutException", "Lambda.ResourceNotFoundException",
	"Lambda.SdkClientException", "Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.Unknown",
	"Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory",
	"ConflictError", "InvalidError", "PermanentError", "TransientError",
	"PlanPending", "RetirePending", "VerificationPending10s", "VerificationPending30s", "VerificationPending1m", "VerificationPending5m", "VerificationBuildEnded",
}

// brokenOff are the names of one and the same thing: a function that was
// stopped, so that nobody knows what it had done. Newer Lambda runtimes report
// a time-out, a crash and the lack of memory under names of their own; only
// what is not reported at all is still Lambda.Unknown. Who expects one of them
// must expect all.
// Source: Step Functions developer guide, "Handle transient Lambda service
// exceptions" (Lambda.Unknown and Sandbox.Timedout); AWS Lambda developer
// guide, "Lambda runtime environment lifecycle" (Runtime.ExitError).
var brokenOff = []string{"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory"}

const (
	lambdaInvoke = "arn:aws:states:::lambda:invoke"
	lambdaWait   = lambdaInvoke + ".waitForTaskToken"
)

// Lint returns what is wrong with a definition, sorted by state; none means
// that every rule of this package holds.
func Lint(definition []byte) []Problem {
	m, err := Parse(definition)
	if err != nil {
		return []Problem{{Message: err.Error()}}
	}
	l := &linter{}
	for _, name := range Substitutions(definition) {
		if !slices.Contains(knownSubstitutions, name) {
			l.add("", "${%s} is not one of %s", name, strings.Join(knownSubstitutions, ", "))
		}
	}
	l.machine("", m)
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return strings.Compare(a.State+"\x00"+a.Message, b.State+"\x00"+b.Message)
	})
	return l.problems
}

type linter struct{ problems []Problem }

func (l *linter) add(state, format string, args ...any) {
	l.problems = append(l.problems, Problem{State: state, Message: fmt.Sprintf(format, args...)})
}

func (l *linter) machine(prefix string, m *Machine) {
	if len(m.States) == 0 {
		l.add(strings.TrimSuffix(prefix, " / "), "no states")
		return
	}
	if m.States[m.StartAt] == nil {
		l.add(strings.TrimSuffix(prefix, " / "), "StartAt %q is not a state", m.StartAt)
	}
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		l.state(prefix+name, name, m)
	}
	l.reach(prefix, m)
}

func (l *linter) state(at, name string, m *Machine) {
	s := m.States[name]
	if s == nil {
		l.add(at, "is null")
		return
	}
	if len([]rune(name)) > 80 {
		l.add(at, "the name is longer than 80 characters")
	}
	for _, next := range Targets(s) {
		if m.States[next] == nil {
			l.add(at, "goes to %q, which is not a state", next)
		}
	}
	l.fields(at, s)
	l.ending(at, s)
	l.paths(at, s)
	switch s.Type {
	case "Task":
		l.task(at, s)
	case "Map":
		l.mapState(at, s)
	case "Choice":
		l.choice(at, s)
	case "Wait":
		l.wait(at, s)
	case "Fail":
		if s.Error == "" {
			l.add(at, "a Fail state needs an Error: it is the execution's outcome")
		}
	case "Pass", "Succeed":
	default:
		l.add(at, "type %q is not one of Task, Map, Choice, Wait, Pass, Succeed, Fail", s.Type)
	}
	l.retries(at, s)
	l.catches(at, s)
}

// Targets returns every state that s can go to, in the order of the definition.
func Targets(s *State) []string {
	var out []string
	if s.Next != "" {
		out = append(out, s.Next)
	}
	for _, c := range s.Catch {
		out = append(out, c.Next)
	}
	for _, c := range s.Choices {
		out = append(out, c.Next)
	}
	if s.Default != "" {
		out = append(out, s.Default)
	}
	return out
}

func (l *linter) ending(at string, s *State) {
	switch s.Type {
	case "Choice", "Succeed", "Fail":
		if s.Next != "" || s.End {
			l.add(at, "a %s state has neither Next nor End", s.Type)
		}
	default:
		if (s.Next != "") == s.End {
			l.add(at, "needs exactly one of Next and End")
		}
	}
}

// reach finds states that nothing leads to, and states from which no end can be
// reached.
func (l *linter) reach(prefix string, m *Machine) {
	reached := closure([]string{m.StartAt}, func(name string) []string {
		if s := m.States[name]; s != nil {
			return Targets(s)
		}
		return nil
	})
	from := map[string][]string{}
	var ends []string
	for name, s := range m.States {
		if s == nil {
			continue
		}
		for _, next := range Targets(s) {
			from[next] = append(from[next], name)
		}
		if s.End || s.Type == "Succeed" || s.Type == "Fail" {
			ends = append(ends, name)
		}
	}
	ending := closure(ends, func(name string) []string { return from[name] })
	for name := range m.States {
		if !reached[name] {
			l.add(prefix+name, "nothing leads here")
		}
		if !ending[name] {
			l.add(prefix+name, "no end can be reached from here")
		}
	}
}

func closure(start []string, next func(string) []string) map[string]bool {
	seen := map[string]bool{}
	for len(start) > 0 {
		name := start[len(start)-1]
		start = start[:len(start)-1]
		if !seen[name] {
			seen[name] = true
			start = append(start, next(name)...)
		}
	}
	return seen
}

func (l *linter) task(at string, s *State) {
	if s.Resource != lambdaInvoke && s.Resource != lambdaWait {
		l.add(at, "resource %q is not %s, with or without .waitForTaskToken", s.Resource, lambdaInvoke)
	}
	if (s.TimeoutSeconds == nil || *s.TimeoutSeconds < 1) == (s.TimeoutSecondsPath == "") {
		l.add(at, "a Task needs TimeoutSeconds or TimeoutSecondsPath: without one it waits for a year")
	}
	if len(s.Retry) == 0 {
		l.add(at, "a Task needs Retry")
	}
	if len(s.Catch) == 0 {
		l.add(at, "a Task needs Catch")
	}
	var parameters struct {
		FunctionName string
		Payload      json.RawMessage
	}
	if err := json.Unmarshal(s.Parameters, &parameters); err != nil {
		l.add(at, "a Task needs Parameters with FunctionName and Payload")
		return
	}
	if !substitution.MatchString(parameters.FunctionName) {
		l.add(at, "FunctionName %q is not a ${…Function} substitution", parameters.FunctionName)
	}
	if hasToken := strings.Contains(string(parameters.Payload), `"$$.Task.Token"`); hasToken != (s.Resource == lambdaWait) {
		l.add(at, "$$.Task.Token belongs into the Payload of a .waitForTaskToken, and nowhere else")
	}
}

func (l *linter) mapState(at string, s *State) {
	if s.MaxConcurrency == nil || *s.MaxConcurrency < 1 {
		l.add(at, "a Map needs MaxConcurrency: none means as many as there are items")
	}
	if s.ItemProcessor == nil {
		l.add(at, "a Map needs ItemProcessor")
		return
	}
	if c := s.ItemProcessor.ProcessorConfig; c == nil || c.Mode != "INLINE" {
		l.add(at, "ProcessorConfig.Mode is not INLINE")
	}
	l.machine(at+" / ", s.ItemProcessor)
	l.iterations(at, s)
}

// iterations checks that no iteration of a Map can fail: the first one that
// does ends the Map, stops the others in the middle and throws their results
// away. So a Task's errors must lead on, and no state may be a Fail.
// Source: Step Functions developer guide, "Using Map state in Inline mode".
func (l *linter) iterations(at string, s *State) {
	if len(s.Retry)+len(s.Catch) > 0 {
		return // the Map says itself what follows a failed iteration
	}
	for name, inner := range s.ItemProcessor.States {
		if inner != nil && inner.Type == "Fail" {
			l.add(at+" / "+name, "a Fail state ends the Map and all its iterations; the Map has no Catch")
		}
	}
}

func (l *linter) wait(at string, s *State) {
	given := 0
	for _, set := range []bool{s.Seconds != nil, s.SecondsPath != "", s.Timestamp != "", s.TimestampPath != ""} {
		if set {
			given++
		}
	}
	if given != 1 {
		l.add(at, "a Wait needs exactly one of Seconds, SecondsPath, Timestamp, TimestampPath")
	}
}

func (l *linter) choice(at string, s *State) {
	if s.Default == "" {
		l.add(at, "a Choice needs Default: without one an unforeseen value fails the execution")
	}
	if len(s.Choices) == 0 {
		l.add(at, "no Choices")
	}
	for i := range s.Choices {
		if s.Choices[i].Next == "" {
			l.add(at, "choice %d has no Next", i)
		}
		l.rule(at, i, &s.Choices[i], true)
	}
}

func (l *linter) rule(at string, i int, r *Rule, top bool) {
	if !top && r.Next != "" {
		l.add(at, "choice %d: Next inside And, Or or Not", i)
	}
	nested := slices.Concat(r.And, r.Or)
	if r.Not != nil {
		nested = append(nested, *r.Not)
	}
	operators := r.comparators()
	for _, combined := range []bool{len(r.And) > 0, len(r.Or) > 0, r.Not != nil} {
		if combined {
			operators++
		}
	}
	if operators != 1 {
		l.add(at, "choice %d has %d comparisons, not one", i, operators)
	}
	if len(nested) == 0 {
		l.path(at, fmt.Sprintf("choice %d: Variable", i), r.Variable)
	} else if r.Variable != "" {
		l.add(at, "choice %d: Variable beside And, Or or Not", i)
	}
	for j := range nested {
		l.rule(at, i, &nested[j], false)
	}
}

// comparators counts the comparison operators of the rule itself.
func (r *Rule) comparators() int {
	n := 0
	for _, set := range []bool{
		r.BooleanEquals != nil, r.StringEquals != nil, r.NumericEquals != nil,
		r.NumericGreaterThan != nil, r.NumericGreaterThanEquals != nil, r.NumericLessThan != nil,
		r.NumericLessThanEquals != nil, r.IsPresent != nil, r.IsNull != nil, r.IsString != nil,
	} {
		if set {
			n++
		}
	}
	return n
}
