package workflow_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/infra/workflow"
)

// TestDefinitions: the workflows that are deployed hold every rule of the lint.
func TestDefinitions(t *testing.T) {
	for name, definition := range workflow.Definitions() {
		for _, problem := range workflow.Lint([]byte(definition)) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// sound is a definition without a fault; each case below breaks one thing.
const sound = `{
  "StartAt": "Work",
  "States": {
    "Work": {
      "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 60,
      "Parameters": {"FunctionName": "${DeploymentFunction}", "Payload": {"action": "work", "release.$": "$.release"}},
      "OutputPath": "$.Payload",
      "Retry": [{"ErrorEquals": ["TransientError", "Lambda.ServiceException"], "IntervalSeconds": 2, "MaxAttempts": 5, "BackoffRate": 2, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}],
      "Catch": [{"ErrorEquals": ["InvalidError"], "ResultPath": "$.error", "Next": "Failed"}, {"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
      "Next": "Again?"
    },
    "Again?": {"Type": "Choice", "Choices": [{"Variable": "$.more", "BooleanEquals": true, "Next": "Pause"}], "Default": "Each"},
    "Pause": {"Type": "Wait", "Seconds": 5, "Next": "Work"},
    "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
      "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Note", "States": {"Note": {"Type": "Pass", "End": true}}}},
    "Failed": {"Type": "Fail", "Error": "Stuck"}
  }
}`

func TestLint(t *testing.T) {
	if problems := workflow.Lint([]byte(sound)); len(problems) != 0 {
		t.Fatalf("the sound definition: %v", problems)
	}
	tests := []struct{ name, old, new, want string }{
		{"not JSON", `"StartAt"`, `StartAt`, "definition: invalid character"},
		{"unknown field", `"Seconds": 5`, `"Secs": 5`, `unknown field "Secs"`},
		{"unknown start", `"StartAt": "Work"`, `"StartAt": "Begin"`, `StartAt "Begin" is not a state`},
		{"unknown target", `"Next": "Again?"`, `"Next": "Later?"`, `Work: goes to "Later?", which is not a state`},
		{"unknown catch target", `["States.ALL"], "Next": "Failed"`, `["States.ALL"], "Next": "Lost"`, `Work: goes to "Lost"`},
		{"unreachable", `"Next": "Work"`, `"Next": "Pause"`, "Pause: no end can be reached from here"},
		{"unused", `"Default": "Each"`, `"Default": "Work"`, "Each: nothing leads here"},
		{"no end", `"Seconds": 5, "Next": "Work"`, `"Seconds": 5`, "Pause: needs exactly one of Next and End"},
		{"unknown type", `"Type": "Wait"`, `"Type": "Parallel"`, `Pause: type "Parallel" is not one of`},
		{"field of another type", `"Seconds": 5`, `"Seconds": 5, "ResultPath": "$.x"`, "Pause: a Wait state has no ResultPath"},
		{"no time-out", `"TimeoutSeconds": 60,`, ``, "Work: a Task needs TimeoutSeconds"},
		{"two time-outs", `"TimeoutSeconds": 60,`, `"TimeoutSeconds": 60, "TimeoutSecondsPath": "$.seconds",`, "Work: a Task needs TimeoutSeconds or TimeoutSecondsPath"},
		{"bad time-out path", `"TimeoutSeconds": 60,`, `"TimeoutSecondsPath": "seconds",`, `Work: TimeoutSecondsPath: path "seconds" does not begin with $`},
		{"time-out path of another type", `"Seconds": 5`, `"Seconds": 5, "TimeoutSecondsPath": "$.x"`, "Pause: a Wait state has no TimeoutSecondsPath"},
		{"no retry", `"JitterStrategy": "FULL"}]`, `"JitterStrategy": "FULL"}, {"ErrorEquals": ["Lambda.Oops"], "JitterStrategy": "FULL"}]`, `Retry 1: "Lambda.Oops" is not an error that can happen`},
		{"blind retry", `["TransientError", "Lambda.ServiceException"]`, `["States.TaskFailed"]`, "Retry 0: States.TaskFailed would repeat"},
		{"only one name of a stopped function", `["TransientError", "Lambda.ServiceException"]`, `["Lambda.Unknown"]`, "Retry 0: a function that is stopped is also reported as Sandbox.Timedout, Runtime.ExitError"},
		{"no jitter", `"JitterStrategy": "FULL"`, `"JitterStrategy": ""`, "Retry 0: JitterStrategy"},
		{"back-off below one", `"BackoffRate": 2`, `"BackoffRate": 0.5`, "Retry 0: IntervalSeconds"},
		{"short delay limit", `"MaxDelaySeconds": 60`, `"MaxDelaySeconds": 2`, "MaxDelaySeconds must be greater"},
		{"catch not last", `["States.ALL"]`, `["PermanentError"]`, "the last Catch does not take States.ALL"},
		{"everything first", `["InvalidError"]`, `["States.ALL"]`, "Catch 0: States.ALL must stand alone and last"},
		{"unknown error", `["InvalidError"]`, `["InvalidErr"]`, `"InvalidErr" is not an error`},
		{"no default", `"Default": "Each"`, `"Default": ""`, "Again?: a Choice needs Default"},
		{"two comparisons", `"BooleanEquals": true`, `"BooleanEquals": true, "IsPresent": true`, "has 2 comparisons"},
		{"no variable", `"Variable": "$.more"`, `"Variable": "more"`, `path "more" does not begin with $`},
		{"bad path", `"$.items"`, `"$.items[*]"`, "[*] is no index"},
		{"bad template path", `"$.release"`, `"release"`, "neither a path, an intrinsic function"},
		{"unknown intrinsic", `"$.release"`, `"States.Hash($.a, 'MD5')"`, "States.Hash is not one of"},
		{"template not text", `"release.$": "$.release"`, `"release.$": 7`, "ends in .$ is a path"},
		{"unknown substitution", `${DeploymentFunction}`, `${DeployFunction}`, "${DeployFunction} is not one of"},
		{"fixed function", `${DeploymentFunction}`, `evenkeel-deployment`, "is not a ${…Function} substitution"},
		{"other service", `lambda:invoke"`, `sns:publish"`, `resource "arn:aws:states:::sns:publish" is not`},
		{"token without wait", `"$.release"`, `"$$.Task.Token"`, "$$.Task.Token belongs into"},
		{"wait without token", `lambda:invoke"`, `lambda:invoke.waitForTaskToken"`, "$$.Task.Token belongs into"},
		{"unbounded map", `"MaxConcurrency": 2,`, ``, "Each: a Map needs MaxConcurrency"},
		{"distributed map", `"INLINE"`, `"DISTRIBUTED"`, "Mode is not INLINE"},
		{"fault inside a map", `{"Type": "Pass", "End": true}`, `{"Type": "Pass"}`, "Each / Note: needs exactly one of Next and End"},
		{"an iteration that fails", `"States": {"Note": {"Type": "Pass", "End": true}}`, `"States": {"Note": {"Type": "Fail", "Error": "Bad"}}`, "Each / Note: a Fail state ends the Map and all its iterations"},
		{"two waits", `"Seconds": 5`, `"Seconds": 5, "SecondsPath": "$.s"`, "exactly one of Seconds"},
		{"nameless failure", `"Error": "Stuck"`, `"Cause": "?"`, "a Fail state needs an Error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			broken := strings.Replace(sound, tt.old, tt.new, 1)
			if broken == sound {
				t.Fatalf("the case changes nothing: %s", tt.old)
			}
			var all []string
			for _, problem := range workflow.Lint([]byte(broken)) {
				all = append(all, problem.String())
			}
			if !strings.Contains(strings.Join(all, "\n"), tt.want) {
				t.Errorf("problems %q, want one with %q", all, tt.want)
			}
		})
	}
}

func TestLintWithoutRetryOrCatch(t *testing.T) {
	for _, field := range []string{"Retry", "Catch"} {
		var machine map[string]any
		if err := json.Unmarshal([]byte(sound), &machine); err != nil {
			t.Fatal(err)
		}
		delete(machine["States"].(map[string]any)["Work"].(map[string]any), field)
		broken, _ := json.Marshal(machine)
		found := false
		for _, problem := range workflow.Lint(broken) {
			found = found || problem.String() == "Work: a Task needs "+field
		}
		if !found {
			t.Errorf("a Task without %s passes: %v", field, workflow.Lint(broken))
		}
	}
}

func TestSubstitutions(t *testing.T) {
	got := workflow.Substitutions([]byte(`"${B}" "${A}" "${B}" "$.c" "${}"`))
	if strings.Join(got, " ") != "A B" {
		t.Errorf("Substitutions = %v", got)
	}
}

func TestParsePath(t *testing.T) {
	tests := []struct {
		path    string
		context bool
		want    string
	}{
		{"$", false, ""},
		{"$$.Task.Token", true, "Task Token"},
		{"$.a.b_c", false, "a b_c"},
		{"$['x y'][2].z", false, "x y #2 z"},
		{"$.a-b", false, "a-b"},
	}
	for _, tt := range tests {
		context, steps, err := workflow.ParsePath(tt.path)
		var got []string
		for _, s := range steps {
			if s.Field == "" {
				got = append(got, "#"+string(rune('0'+s.Index)))
			} else {
				got = append(got, s.Field)
			}
		}
		if err != nil || context != tt.context || strings.Join(got, " ") != tt.want {
			t.Errorf("ParsePath(%q) = %v %q, %v", tt.path, context, got, err)
		}
	}
	for _, bad := range []string{"", "a", "$a", "$.", "$..a", "$.a[", "$.a[*]", "$.a[-1]", "$['']", "$['a", "$.a[?(@.b)]", "$.a b"} {
		if _, _, err := workflow.ParsePath(bad); err == nil {
			t.Errorf("ParsePath(%q) is no error", bad)
		}
	}
}

func TestParseExpression(t *testing.T) {
	e, err := workflow.ParseExpression(`States.Format('run {} of {}', $.id, States.JsonToString($.a['b c']))`)
	if err != nil || e.Function != "States.Format" || len(e.Arguments) != 3 || e.Arguments[0].Literal != "run {} of {}" ||
		e.Arguments[2].Function != "States.JsonToString" || e.Arguments[2].Arguments[0].Path != "$.a['b c']" {
		t.Errorf("ParseExpression = %+v, %v", e, err)
	}
	if e, err := workflow.ParseExpression(`States.MathAdd($.n, -1)`); err != nil || e.Arguments[1].Literal != -1.0 {
		t.Errorf("ParseExpression = %+v, %v", e, err)
	}
	for _, bad := range []string{"", "'text'", "7", "$.a $.b", "States.Format('x'", "States.Format('x)", "States.UUID()", "true"} {
		if _, err := workflow.ParseExpression(bad); err == nil {
			t.Errorf("ParseExpression(%q) is no error", bad)
		}
	}
}
