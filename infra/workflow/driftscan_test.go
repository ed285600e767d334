package workflow_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
)

// TestDriftscanPaths: every state, every way and every entry of Retry and Catch
// of the workflow is visited.
func TestDriftscanPaths(t *testing.T) {
	const planned = `{"scanId": "s", "stacks": 2, "batches": [{"scanId": "s", "batch": 1}]}`
	plan := call{action: "planScan", answer: planned}
	ran := call{action: "runBatch", answer: `{"scanId": "s", "batch": 1}`, after: time.Hour}
	summed := call{action: "summarise", answer: `{"scanId": "s", "counts": {}, "stacks": []}`}
	tests := []struct {
		name   string
		calls  []call
		states string
		took   time.Duration
		status string
	}{
		{"a batch", []call{plan, ran, summed}, "Plan EachBatch EachBatch / RunBatch Summarise", time.Hour, interpreter.Succeeded},
		{"no stack", []call{{action: "planScan", answer: `{"scanId": "s", "batches": []}`}, summed}, "Plan EachBatch Summarise", 0, interpreter.Succeeded},
		{"a batch that dies", []call{plan, {action: "runBatch", fails: "BatchFailed", after: time.Minute}, summed},
			"Plan EachBatch EachBatch / RunBatch EachBatch / Missing Summarise", time.Minute, interpreter.Succeeded},
		{"a batch that is never heard of", []call{plan, {action: "runBatch", answer: `{}`}, summed},
			"Plan EachBatch EachBatch / RunBatch EachBatch / Missing Summarise", 3 * time.Hour, interpreter.Succeeded},
		{"an input that cannot be", []call{{action: "planScan", fails: "InvalidError"}}, "Plan Rejected", 0, interpreter.Failed},
		{"no list", []call{{action: "planScan", fails: "PermanentError"}}, "Plan Failed", 0, interpreter.Failed},
		{"no sum", []call{plan, ran, {action: "summarise", fails: "PermanentError"}}, "Plan EachBatch EachBatch / RunBatch Summarise Failed", time.Hour, interpreter.Failed},
	}
	seen := visited{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, states := play(t, workflow.Definitions()[workflow.Driftscan], `{}`, tt.calls...)
			wantStates(t, states, tt.states)
			if e := s.execution; e.Status != tt.status || s.now.Sub(epoch) != tt.took {
				t.Errorf("%s (%s) after %s, want %s after %s", e.Status, e.Cause, s.now.Sub(epoch), tt.status, tt.took)
			}
			seen.add(s.execution)
		})
	}
	t.Run("retries", func(t *testing.T) {
		for at, before := range [][]call{nil, {plan}, {plan, ran}} {
			good := []call{plan, ran, summed}[at]
			for _, name := range slices.Concat(transient, stopped) {
				calls := append(slices.Clone(before), call{action: good.action, fails: name})
				s, _ := play(t, workflow.Definitions()[workflow.Driftscan], `{}`, append(calls, []call{plan, ran, summed}[at:]...)...)
				if s.execution.Status != interpreter.Succeeded {
					t.Errorf("%s after %s: %s", good.action, name, s.execution.Status)
				}
				seen.add(s.execution)
			}
		}
	})
	s, _ := play(t, workflow.Definitions()[workflow.Driftscan], `{"all": true}`, plan, ran, summed)
	want := []map[string]any{
		{"action": "planScan", "input": map[string]any{"all": true}, "execution": "e"},
		{"action": "runBatch", "batch": map[string]any{"scanId": "s", "batch": 1.0}, "token": s.seen[1].Token},
		{"action": "summarise", "plan": map[string]any{"scanId": "s", "stacks": 2.0, "batches": []any{map[string]any{"scanId": "s", "batch": 1.0}}}},
	}
	for i, c := range s.seen {
		if c.Function != "DriftFunction" || !reflect.DeepEqual(c.Payload, any(want[i])) {
			t.Errorf("call %d of %s: %v, want %v", i, c.Function, c.Payload, want[i])
		}
	}
	machine, err := workflow.Parse([]byte(workflow.Definitions()[workflow.Driftscan]))
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range every(machine) {
		if !seen[what] {
			t.Errorf("no test visits %s", what)
		}
	}
}
