package interpreter

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow"
)

// attempt is one try of a Task.
type attempt struct {
	*visiting
	token  string
	closed bool
}

func (v *visiting) task() {
	if v.over() {
		return
	}
	a := &attempt{visiting: v}
	e, s := v.execution, v.state
	waits := strings.HasSuffix(s.Resource, ".waitForTaskToken")
	if waits {
		a.token = e.newToken()
		e.waiting[a.token] = a
	}
	parameters, ok := v.fill("Parameters", v.templates().parameters, v.input, a.token)
	if !ok {
		return
	}
	call, ok := parameters.(map[string]any)
	if !ok {
		e.fatal("%s: Parameters are no object", v.at)
		return
	}
	if e.record(4); v.over() {
		return
	}
	timeout, limited, ok := v.timeout()
	if !ok {
		return
	}
	if limited {
		e.host.After(timeout, func() { a.fail(&Error{Name: "States.Timeout"}) })
	}
	function, _ := call["FunctionName"].(string)
	e.host.Invoke(Call{
		Execution: e.Name, State: v.at, Function: strings.Trim(function, "${}"), Payload: call["Payload"], Token: a.token, Attempt: v.total,
	}, func(result any, failure *Error) {
		switch {
		case failure != nil:
			a.fail(failure)
		case !waits: // with a token the answer of the function itself is not the result
			a.succeed(map[string]any{"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200.0})
		}
	})
}

// timeout is how long an attempt may take; ok is false when the path to it
// leads to no number, which fails the execution.
// Source: Amazon States Language, "Task state", TimeoutSecondsPath: it "must
// resolve to a positive integer".
func (v *visiting) timeout() (d time.Duration, limited, ok bool) {
	if v.state.TimeoutSeconds != nil {
		return time.Duration(*v.state.TimeoutSeconds) * time.Second, true, true
	}
	if v.state.TimeoutSecondsPath == "" {
		return 0, false, true
	}
	given, ok := v.read("TimeoutSecondsPath", v.state.TimeoutSecondsPath, v.input)
	if !ok {
		return 0, false, false
	}
	seconds, isNumber := given.(float64)
	if !isNumber || seconds < 1 || seconds != float64(int64(seconds)) {
		v.execution.fatal("%s: TimeoutSecondsPath is %s, not a positive whole number of seconds", v.at, brief(given))
		return 0, false, false
	}
	return time.Duration(seconds) * time.Second, true, true
}

// close reports whether the attempt was still open, and closes it.
func (a *attempt) close() bool {
	open := !a.closed && !a.over()
	a.closed = true
	delete(a.execution.waiting, a.token)
	return open
}

func (a *attempt) succeed(result any) {
	if a.close() {
		a.leave(result)
	}
}

func (a *attempt) fail(failure *Error) {
	if a.close() {
		a.failed(failure, a.task)
	}
}

// failed retries, catches, or fails the branch.
func (v *visiting) failed(failure *Error, again func()) {
	e := v.execution
	if i := slices.IndexFunc(v.state.Retry, func(r workflow.Retrier) bool { return catches(r.ErrorEquals, failure.Name) }); i >= 0 {
		r := v.state.Retry[i]
		if v.retries[i] < value(r.MaxAttempts, 3) {
			delay := backoff(r, v.retries[i], e.host.Jitter)
			v.retries[i]++
			v.total++
			v.visit(Visit{State: v.at, Kind: Retried, Error: failure.Name, Index: i})
			e.host.After(delay, again)
			return
		}
	}
	if i := slices.IndexFunc(v.state.Catch, func(c workflow.Catcher) bool { return catches(c.ErrorEquals, failure.Name) }); i >= 0 {
		c := v.state.Catch[i]
		output, err := any(nil), error(nil)
		report := map[string]any{"Error": failure.Name, "Cause": failure.Cause}
		switch {
		case !c.ResultPath.Set:
			output = report
		case c.ResultPath.Null:
			output = v.raw
		default:
			output, err = inject(c.ResultPath.Text, v.raw, report)
		}
		if err != nil {
			e.fatal("%s: Catch: %v", v.at, err)
			return
		}
		v.visit(Visit{State: v.at, Kind: Caught, Error: failure.Name, Index: i})
		v.next(c.Next, output)
		return
	}
	v.finish(nil, failure)
}

// catches reports whether the names take an error. States.ALL takes every
// error but the two that end an execution whatever it says; States.TaskFailed
// takes every error but a time-out.
// Source: Step Functions developer guide, "Error names".
func catches(names []string, name string) bool {
	if slices.Contains(names, name) {
		return true
	}
	if slices.Contains(names, "States.TaskFailed") && name != "States.Timeout" {
		return true
	}
	return slices.Contains(names, "States.ALL") && name != "States.DataLimitExceeded" && name != "States.Runtime"
}

// backoff is IntervalSeconds × BackoffRate^attempt, at most MaxDelaySeconds,
// and with full jitter a random part of that.
// Source: Step Functions developer guide, "Retrying after an error".
func backoff(r workflow.Retrier, attempt int, jitter func() float64) time.Duration {
	seconds := float64(value(r.IntervalSeconds, 1))
	for range attempt {
		seconds *= value(r.BackoffRate, 2.0)
	}
	if r.MaxDelaySeconds != nil {
		seconds = min(seconds, float64(*r.MaxDelaySeconds))
	}
	if r.JitterStrategy == "FULL" {
		seconds *= jitter()
	}
	return time.Duration(seconds * float64(time.Second))
}

func value[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

// mapState runs the processor for each item, some at a time. The first item
// that fails fails the Map and stops the others.
func (v *visiting) mapState() {
	if v.over() {
		return
	}
	source, ok := v.path("ItemsPath", v.state.ItemsPath, v.input)
	if !ok {
		return
	}
	items, ok := source.([]any)
	if !ok {
		v.execution.fatal("%s: ItemsPath leads to %s, not to an array", v.at, brief(source))
		return
	}
	results := make([]any, len(items))
	var branches []*branch
	started, left, failed := 0, len(items), false
	var start func()
	start = func() {
		i := started
		started++
		b := &branch{execution: v.execution, machine: v.state.ItemProcessor, prefix: v.at + " / ", parent: v.branch, item: &item{i, items[i]}}
		branches = append(branches, b)
		b.finish = func(output any, failure *Error) {
			if v.over() || failed {
				return
			}
			if failure != nil {
				failed = true
				for _, sibling := range branches {
					sibling.stopped = true
				}
				v.failed(failure, v.mapState)
				return
			}
			results[i] = output
			if left--; left == 0 {
				v.leave(results)
			} else if started < len(items) {
				start()
			}
		}
		input := items[i]
		if v.state.ItemSelector != nil {
			if input, ok = v.fillItem(b.item); !ok {
				return
			}
		}
		v.execution.host.After(0, func() { b.enter("", b.machine.StartAt, input) })
	}
	if left == 0 {
		v.leave(results)
		return
	}
	for started < min(len(items), max(value(v.state.MaxConcurrency, len(items)), 1)) && !failed {
		start()
	}
}

// fillItem evaluates ItemSelector, in which $$.Map.Item is the item.
func (v *visiting) fillItem(it *item) (any, bool) {
	b := *v.branch
	b.item = it
	w := *v
	w.branch = &b
	return w.fill("ItemSelector", v.templates().itemSelector, v.input, "")
}
