package workflow_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
)

// tick is what advance answers.
func tick(next, seconds string) string {
	return `{"id": "r-1", "target": {"stage": "prod", "stack": "api"}, "next": "` + next + `", "seconds": ` + seconds + `}`
}

const begun = `{"id": "r-1", "target": {"stage": "prod", "stack": "api"}}`

var (
	transient = []string{"TransientError", "Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"}
	stopped   = []string{"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory"}
)

// TestRolloutPaths: every state, every way and every entry of Retry and Catch
// of the workflow is visited.
func TestRolloutPaths(t *testing.T) {
	advance := func(next, seconds string) call { return call{action: "advance", answer: tick(next, seconds)} }
	end := advance("end", "0")
	tests := []struct {
		name   string
		calls  []call
		states string
		took   time.Duration
		status string
		cause  string
	}{
		{"a canary that is promoted and whose old side is kept for an hour",
			[]call{advance("bake", "60"), advance("bake", "30"), advance("keep", "3600"), {action: "retire", answer: `{"state": "retired"}`, after: time.Second}},
			"Advance WhatNext? Bake Advance WhatNext? Bake Advance WhatNext? Keep Retire Done", 3691 * time.Second, interpreter.Succeeded, ""},
		{"nothing is left to do", []call{end}, "Advance WhatNext? Done", 0, interpreter.Succeeded, ""},
		{"nothing to wait for", []call{advance("bake", "0"), end}, "Advance WhatNext? Bake Advance WhatNext? Done", 0, interpreter.Succeeded, ""},
		{"a person lets it go on",
			[]call{advance("ask", "86400"), {action: "ask", answer: `{"command": "resume"}`, after: 2 * time.Hour}, end},
			"Advance WhatNext? AskPerson Advance WhatNext? Done", 2 * time.Hour, interpreter.Succeeded, ""},
		{"nobody answers", []call{advance("ask", "86400"), {action: "ask", answer: `{}`}, end},
			"Advance WhatNext? AskPerson Advance WhatNext? Done", 24 * time.Hour, interpreter.Succeeded, ""},
		{"the pause cannot be announced", []call{advance("ask", "60"), {action: "ask", fails: "PermanentError"}},
			"Advance WhatNext? AskPerson Failed", 0, interpreter.Failed, "scripted"},
		{"nothing can be decided", []call{{action: "advance", fails: "PermanentError"}}, "Advance Failed", 0, interpreter.Failed, "scripted"},
		{"the old side takes long to delete",
			[]call{advance("keep", "0"), {action: "retire", fails: "RetirePending", after: time.Second}, {action: "retire", fails: "RetirePending", after: time.Second}, {action: "retire", answer: `{}`, after: time.Second}},
			"Advance WhatNext? Keep Retire Done", (3 + 15 + 45) * time.Second, interpreter.Succeeded, ""},
		{"the old side cannot be retired", []call{advance("keep", "0"), {action: "retire", fails: "InvalidError", after: time.Second}},
			"Advance WhatNext? Keep Retire Failed", time.Second, interpreter.Failed, "scripted"},
	}
	seen := visited{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, states := play(t, workflow.Definitions()[workflow.Rollout], begun, tt.calls...)
			wantStates(t, states, tt.states)
			if e := s.execution; e.Status != tt.status || e.Cause != tt.cause || s.now.Sub(epoch) != tt.took {
				t.Errorf("%s (%s) after %s, want %s (%s) after %s", e.Status, e.Cause, s.now.Sub(epoch), tt.status, tt.cause, tt.took)
			}
			seen.add(s.execution)
		})
	}
	t.Run("retries", func(t *testing.T) {
		for action, before := range map[string][]call{"advance": nil, "ask": {advance("ask", "600")}, "retire": {advance("keep", "0")}} {
			names := slices.Concat(transient, stopped, []string{"ConflictError"})
			for _, name := range names {
				calls := append(slices.Clone(before), call{action: action, fails: name})
				again := call{action: action, answer: tick("end", "0")}
				if action != "advance" {
					again = call{action: action, answer: `{}`, after: time.Second}
				}
				if calls = append(calls, again); action == "ask" {
					calls = append(calls, end)
				}
				s, states := play(t, workflow.Definitions()[workflow.Rollout], begun, calls...)
				if s.execution.Status != interpreter.Succeeded || states[len(states)-1] != "Done" {
					t.Errorf("%s after %s: %s %v", action, name, s.execution.Status, states)
				}
				seen.add(s.execution)
			}
		}
	})
	machine, err := workflow.Parse([]byte(workflow.Definitions()[workflow.Rollout]))
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range every(machine) {
		if !seen[what] {
			t.Errorf("no test visits %s", what)
		}
	}
}

// TestRolloutPayloads: what each state gives to the function: the rollout and
// its target alone, whatever else the document has.
func TestRolloutPayloads(t *testing.T) {
	s, _ := play(t, workflow.Definitions()[workflow.Rollout], begun,
		call{action: "advance", answer: tick("ask", "600")}, call{action: "ask", answer: `{}`, after: time.Second},
		call{action: "advance", answer: tick("keep", "0")},
		call{action: "retire", fails: "RetirePending", after: time.Second}, call{action: "retire", answer: `{}`, after: time.Second})
	rollout := map[string]any{"id": "r-1", "target": map[string]any{"stage": "prod", "stack": "api"}}
	want := []map[string]any{
		{"action": "advance", "rollout": rollout},
		{"action": "ask", "rollout": rollout, "token": s.seen[1].Token},
		{"action": "advance", "rollout": rollout},
		{"action": "retire", "rollout": rollout, "token": s.seen[3].Token, "retries": 0.0},
		{"action": "retire", "rollout": rollout, "token": s.seen[4].Token, "retries": 1.0},
	}
	for i, c := range s.seen {
		if c.Function != "RolloutFunction" || !reflect.DeepEqual(c.Payload, any(want[i])) {
			t.Errorf("call %d of %s: %v, want %v", i, c.Function, c.Payload, want[i])
		}
	}
}

// TestRetireGivesUp: the ninth RetirePending is one too many. The comment of the
// state, and the function, count on eight retries in 70 minutes.
func TestRetireGivesUp(t *testing.T) {
	calls := []call{{action: "advance", answer: tick("keep", "0")}}
	for range 9 {
		calls = append(calls, call{action: "retire", fails: "RetirePending", after: time.Second})
	}
	s, states := play(t, workflow.Definitions()[workflow.Rollout], begun, calls...)
	wantStates(t, states, "Advance WhatNext? Keep Retire Failed")
	if took := s.now.Sub(epoch); took != (15+45+135+405+4*900+9)*time.Second {
		t.Errorf("gave up after %s", took)
	}
}

// TestRolloutHistoryFits: a rollout of the most rounds that evenkeel.yaml may
// ask for keeps below the history of an execution.
func TestRolloutHistoryFits(t *testing.T) {
	const rounds = 1500
	var calls []call
	for range rounds {
		calls = append(calls, call{action: "advance", answer: tick("bake", "60")})
	}
	calls = append(calls, call{action: "advance", answer: tick("keep", "604800")}, call{action: "retire", answer: `{}`, after: time.Second})
	if s, _ := play(t, workflow.Definitions()[workflow.Rollout], begun, calls...); s.execution.Status != interpreter.Succeeded {
		t.Errorf("%s: %s", s.execution.Status, s.execution.Cause)
	}
}

// deployOne is what the pipeline does for one stack, as a workflow of its own.
func deployOne(t *testing.T) string {
	t.Helper()
	var machine struct {
		States struct {
			Deploy struct {
				ItemProcessor map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(workflow.Definitions()[workflow.Pipeline]), &machine); err != nil {
		t.Fatal(err)
	}
	delete(machine.States.Deploy.ItemProcessor, "ProcessorConfig")
	definition, err := json.Marshal(machine.States.Deploy.ItemProcessor)
	if err != nil {
		t.Fatal(err)
	}
	return string(definition)
}

// TestPipelineRollsOut: a stack is rolled out after its checks, or without a
// change set when its traffic is given back; one without a rollout is not.
func TestPipelineRollsOut(t *testing.T) {
	document := func(plan string) string {
		return `{"step": {"stage": "prod", "stack": "api"}, "release": {"rollout": {"run": {"runId": "r"}}, "plan": {` + plan + `}}}`
	}
	const rollsOut = `"next": "rollOut", "rolloutSeconds": 7200`
	const planned = `"operation": "", "empty": true, "gate": "auto", "verifySeconds": 60`
	plan := call{action: "plan", answer: document(`"operation": ""`)}
	read := call{action: "readPlan", answer: document(planned), after: time.Second}
	verify := func(plan string) call {
		return call{action: "verify", answer: document(planned + `, ` + plan), after: time.Second}
	}
	ended := call{action: "endStack", answer: `{"stack": "api"}`}
	const upTo = "Plan MayBePlanned? ReadPlan MayExecute? Verify RollOut? "
	tests := []struct {
		name   string
		calls  []call
		states string
		took   time.Duration
	}{
		{"promoted", []call{plan, read, verify(rollsOut), {action: "start", answer: `{"outcome": "promoted", "weight": 100}`, after: time.Hour}, ended}, upTo + "RollOut EndStack", time.Hour + 2*time.Second},
		{"it has no rollout", []call{plan, read, verify(`"next": ""`), ended}, upTo + "EndStack", 2 * time.Second},
		{"it says nothing of a rollout", []call{plan, read, verify(`"result": "deployed"`), ended}, upTo + "EndStack", 2 * time.Second},
		{"the rollout takes too long", []call{plan, read, verify(rollsOut), {action: "start", answer: `{}`}, ended}, upTo + "RollOut EndStack", 2*time.Hour + 2*time.Second},
		{"the rollout is refused", []call{plan, read, verify(rollsOut), {action: "start", fails: "InvalidError", after: time.Second}, ended}, upTo + "RollOut EndStack", 3 * time.Second},
		{"another rollout of the stack is under way", []call{plan, read, verify(rollsOut), {action: "start", fails: "ConflictError"}, {action: "start", answer: `{"outcome": "promoted"}`, after: time.Second}, ended}, upTo + "RollOut EndStack", 23 * time.Second},
		{"switched back", []call{{action: "plan", answer: document(rollsOut + `, "operation": ""`)}, {action: "start", answer: `{"outcome": "switchedBack"}`, after: time.Second}, ended}, "Plan MayBePlanned? RollOut EndStack", time.Second},
	}
	seen := visited{}
	definition := deployOne(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, states := play(t, definition, document(`"operation": ""`), tt.calls...)
			wantStates(t, states, tt.states)
			if s.execution.Status != interpreter.Succeeded || s.now.Sub(epoch) != tt.took {
				t.Errorf("%s: %s after %s, want %s", s.execution.Status, s.execution.Cause, s.now.Sub(epoch), tt.took)
			}
			seen.add(s.execution)
		})
	}
	for _, name := range slices.Concat(transient, stopped) {
		s, _ := play(t, definition, document(`"operation": ""`), plan, read, verify(rollsOut), call{action: "start", fails: name}, call{action: "start", answer: `{}`, after: time.Second}, ended)
		seen.add(s.execution)
	}
	for _, what := range []string{"RollOut? → RollOut", "RollOut? → EndStack", "MayBePlanned? → RollOut", "RollOut → EndStack", "RollOut retried by 0", "RollOut retried by 1", "RollOut retried by 2", "RollOut caught by 0"} {
		if !seen[what] {
			t.Errorf("no test visits %s", what)
		}
	}

	s, _ := play(t, definition, document(`"operation": ""`), tests[0].calls...)
	started, told := s.seen[3], s.seen[4].Payload.(map[string]any)["release"].(map[string]any)
	if want := map[string]any{"action": "start", "request": map[string]any{"run": map[string]any{"runId": "r"}}, "token": started.Token}; started.Function != "RolloutFunction" || !reflect.DeepEqual(started.Payload, any(want)) {
		t.Errorf("started with %v", started.Payload)
	}
	if outcome := told["rolledOut"].(map[string]any)["outcome"]; outcome != "promoted" {
		t.Errorf("EndStack is told %v", outcome)
	}
	s, _ = play(t, definition, document(`"operation": ""`), tests[4].calls...)
	if data, _ := json.Marshal(s.seen[4].Payload); !strings.Contains(string(data), `"error":{"Cause":"scripted","Error":"InvalidError"}`) {
		t.Errorf("EndStack is told %s", data)
	}
}
