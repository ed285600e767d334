package emulator_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// execute runs a definition with the probe in place of ${Probe} and returns how
// it ended.
func execute(t *testing.T, p *probe, definition, input string) *sfn.DescribeExecutionOutput {
	t.Helper()
	client, execution := startExecution(t, p, definition, input)
	var out *sfn.DescribeExecutionOutput
	eventually(t, 30*time.Second, "the end of the execution", func() bool {
		var err error
		if out, err = client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)}); err != nil {
			t.Fatal(err)
		}
		return out.Status != types.ExecutionStatusRunning
	})
	return out
}

func startExecution(t *testing.T, p *probe, definition, input string) (*sfn.Client, string) {
	t.Helper()
	client := sfn.NewFromConfig(configOf(hub(t), account))
	machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(name("machine")), RoleArn: aws.String("arn:aws:iam::" + account + ":role/states"),
		Definition: aws.String(strings.ReplaceAll(definition, "${Probe}", p.arn)),
	})
	if err != nil {
		t.Fatal(err)
	}
	started, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Input: aws.String(input)})
	if err != nil {
		t.Fatal(err)
	}
	return client, aws.ToString(started.ExecutionArn)
}

func expectOutput(t *testing.T, out *sfn.DescribeExecutionOutput, want string) {
	t.Helper()
	if out.Status != types.ExecutionStatusSucceeded || !sameJSON(aws.ToString(out.Output), want) {
		t.Errorf("the execution is %s with output %s (%s: %s), not SUCCEEDED with %s",
			out.Status, aws.ToString(out.Output), aws.ToString(out.Error), aws.ToString(out.Cause), want)
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// A Task of ours: Payload, OutputPath, an error named by the function's type.
func TestStepFunctionsCatchesTheErrorTypeOfAFunction(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	definition := `{"StartAt":"A","States":{
		"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"${Probe}","Payload.$":"$"},"OutputPath":"$.Payload",
			"Catch":[{"ErrorEquals":["errorString"],"ResultPath":"$.error","Next":"Caught"}],"Next":"Echoed"},
		"Caught":{"Type":"Pass","Result":"caught","End":true},"Echoed":{"Type":"Pass","End":true}}}`
	expectOutput(t, execute(t, p, definition, `{"fail":"no"}`), `"caught"`)
	expectOutput(t, execute(t, p, definition, `{"echo":{"a":1}}`), `{"a":1}`)
}

// 1.4.21 ignored Catch on Map and on Parallel.
func TestStepFunctionsCatchesOnMapAndParallel(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	task := `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"${Probe}","Payload":{"fail":"no"}},"End":true}}}`
	caught := `"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Caught"}],"Next":"Done"},"Caught":{"Type":"Pass","Result":"caught","End":true},"Done":{"Type":"Pass","Result":"done","End":true}}}`
	expectOutput(t, execute(t, p, `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":`+strings.Replace(task, "{", `{"ProcessorConfig":{"Mode":"INLINE"},`, 1)+`,`+caught, `{"items":[1]}`), `"caught"`)
	expectOutput(t, execute(t, p, `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[`+task+`],`+caught, `{}`), `"caught"`)
}

// 1.4.21 ignored TimeoutSeconds.
func TestStepFunctionsEndsATaskAtItsTimeout(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	expectOutput(t, execute(t, p, `{"StartAt":"A","States":{
		"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"${Probe}","Payload":{"sleepMs":4000}},"TimeoutSeconds":1,
			"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"Caught"}],"End":true},
		"Caught":{"Type":"Pass","Result":"late","End":true}}}`, `{}`), `"late"`)
}

const callback = `{"StartAt":"A","States":{
	"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"${Probe}","Payload":{"taskToken.$":"$$.Task.Token","fail.$":"$.fail"}},
		TIMEOUT "Catch":[{"ErrorEquals":["States.Timeout"],"Next":"Late"},{"ErrorEquals":["States.HeartbeatTimeout"],"Next":"Silent"},{"ErrorEquals":["States.ALL"],"Next":"Failed"}],"End":true},
	"Late":{"Type":"Pass","Result":"late","End":true},"Silent":{"Type":"Pass","Result":"silent","End":true},"Failed":{"Type":"Pass","Result":"failed","End":true}}}`

func taskToken(t *testing.T, p *probe) string {
	t.Helper()
	var event struct{ TaskToken string }
	if err := json.Unmarshal(p.await(t, 1, 20*time.Second)[0].Event, &event); err != nil {
		t.Fatal(err)
	}
	return event.TaskToken
}

func TestStepFunctionsCompletesATaskByItsToken(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	client, execution := startExecution(t, p, strings.Replace(callback, "TIMEOUT", `"TimeoutSeconds":20,`, 1), `{"fail":""}`)
	_, err := client.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: aws.String(taskToken(t, p)), Output: aws.String(`{"ok":true}`)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the end of the execution", func() bool {
		out, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
		return err == nil && out.Status == types.ExecutionStatusSucceeded && sameJSON(aws.ToString(out.Output), `{"ok":true}`)
	})
	// "TaskTimedOut: The task token has either expired or the task … has already been closed", or InvalidToken.
	if _, err := client.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: aws.String("gone"), Output: aws.String(`{}`)}); err == nil {
		t.Error("a token that never was has been taken")
	}
}

func TestStepFunctionsEndsAWaitForATokenAtItsTimeout(t *testing.T) {
	t.Parallel()
	expectOutput(t, execute(t, newProbe(t), strings.Replace(callback, "TIMEOUT", `"TimeoutSeconds":1,`, 1), `{"fail":""}`), `"late"`)
}

// "TimeoutSecondsPath … a Reference Path to a value". MiniStack does not know it;
// the launcher does.
func TestStepFunctionsEndsAWaitForATokenAtItsTimeoutPath(t *testing.T) {
	t.Parallel()
	expectOutput(t, execute(t, newProbe(t), strings.Replace(callback, "TIMEOUT", `"TimeoutSecondsPath":"$.wait",`, 1), `{"fail":"","wait":1}`), `"late"`)
}

// "HistoryEvent: stateEnteredEventDetails", also for the states of a Map's
// iterations. MiniStack leaves them out; the launcher adds them.
func TestStepFunctionsRecordsTheStatesOfAMap(t *testing.T) {
	t.Parallel()
	out := execute(t, newProbe(t), `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":1,"End":true,
		"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"A","States":{
			"A":{"Type":"Pass","Next":"B?"},"B?":{"Type":"Choice","Choices":[{"Variable":"$","StringEquals":"x","Next":"C"}],"Default":"D"},
			"C":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"${Probe}","Payload":{}},"End":true},"D":{"Type":"Pass","End":true}}}}}}`, `{"items":["x","y"]}`)
	history, err := sfn.NewFromConfig(configOf(hub(t), account)).GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: out.ExecutionArn, MaxResults: 100})
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, e := range history.Events {
		if e.StateEnteredEventDetails != nil {
			states = append(states, aws.ToString(e.StateEnteredEventDetails.Name))
		}
	}
	if got := strings.Join(states, " "); got != "M A B? C A B? D" {
		t.Errorf("the history shows %s", got)
	}
}

// A task that is failed by its token is tried again after the interval, in a Map
// too. MiniStack gives each try the same token, where AWS makes a new one.
func TestStepFunctionsRetriesAFailureByTheToken(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	client, execution := startExecution(t, p, `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,
		"ItemSelector":{"item.$":"$$.Map.Item.Value","all.$":"$"},"ResultPath":"$.results","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"T","States":{
		"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","TimeoutSeconds":20,
			"Parameters":{"FunctionName":"${Probe}","Payload":{"taskToken.$":"$$.Task.Token","retries.$":"$$.State.RetryCount","item.$":"$.item"}},
			"Retry":[{"ErrorEquals":["PlanPending"],"IntervalSeconds":1,"MaxAttempts":3,"BackoffRate":1}],"End":true}}}}}}`, `{"items":["a"]}`)
	var began []time.Time
	for n := 1; n <= 3; n++ {
		var event struct {
			TaskToken, Item string
			Retries         int
		}
		if err := json.Unmarshal(p.await(t, n, 20*time.Second)[n-1].Event, &event); err != nil {
			t.Fatal(err)
		}
		began = append(began, time.Now())
		if event.Item != "a" || event.Retries != n-1 {
			t.Errorf("try %d: %+v", n, event)
		}
		var err error
		if n < 3 {
			_, err = client.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: &event.TaskToken, Error: aws.String("PlanPending")})
		} else {
			_, err = client.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &event.TaskToken, Output: aws.String(`{"ready":true}`)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if apart := began[2].Sub(began[0]); apart < 1500*time.Millisecond {
		t.Errorf("three tries within %s: the interval is not kept", apart)
	}
	eventually(t, 5*time.Second, "the end of the execution", func() bool {
		out, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
		return err == nil && out.Status == types.ExecutionStatusSucceeded && sameJSON(aws.ToString(out.Output), `{"items":["a"],"results":[{"ready":true}]}`)
	})
}

// "HeartbeatSeconds … determines the frequency of heartbeats an activity worker
// sends"; without one in time the state fails with States.HeartbeatTimeout.
// MiniStack only knows TimeoutSeconds.
func TestStepFunctionsIgnoresHeartbeats(t *testing.T) {
	t.Parallel()
	out := execute(t, newProbe(t), strings.Replace(callback, "TIMEOUT", `"HeartbeatSeconds":1,"TimeoutSeconds":3,`, 1), `{"fail":""}`)
	if aws.ToString(out.Output) != `"late"` {
		unlike(t, "HeartbeatSeconds is ignored", aws.ToString(out.Output))
	}
}

// On AWS a function that fails while it was to keep the token fails the task.
// MiniStack swallows the error and waits for the timeout, which is why our
// functions answer their own failures by SendTaskFailure.
func TestStepFunctionsSwallowsTheErrorOfACallbackFunction(t *testing.T) {
	t.Parallel()
	out := execute(t, newProbe(t), strings.Replace(callback, "TIMEOUT", `"TimeoutSeconds":2,`, 1), `{"fail":"no"}`)
	if aws.ToString(out.Output) != `"late"` {
		unlike(t, "the error of a .waitForTaskToken function is swallowed", aws.ToString(out.Output))
	}
}

// "Step Functions Execution Status Change" reaches the default bus.
func TestStepFunctionsPublishesItsStatusChanges(t *testing.T) {
	t.Parallel()
	p, client := newProbe(t), eventbridge.NewFromConfig(configOf(hub(t), account))
	queue, queueARN := newQueue(t)
	ruleName := name("rule")
	if _, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String(ruleName), EventPattern: aws.String(
		`{"source":["aws.states"],"detail-type":["Step Functions Execution Status Change"],"detail":{"status":["FAILED","TIMED_OUT","ABORTED"]}}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String(ruleName), Targets: []ebtypes.Target{{Id: aws.String("q"), Arn: aws.String(queueARN)}}}); err != nil {
		t.Fatal(err)
	}
	out := execute(t, p, `{"StartAt":"A","States":{"A":{"Type":"Fail","Error":"Stuck","Cause":"x"}}}`, `{"unique":"status"}`)
	for {
		message := receive(t, queue, 15*time.Second)
		if message == "" {
			t.Fatal("no status change event")
		}
		if strings.Contains(message, aws.ToString(out.ExecutionArn)) && strings.Contains(message, `"FAILED"`) && strings.Contains(message, "Stuck") {
			return
		}
	}
}

// A rollout is started again under its name when its start was interrupted.
// Source: Step Functions API reference, StartExecution: idempotent for the same
// name and input while it runs, ExecutionAlreadyExists otherwise. MiniStack says
// the latter in both cases; our adapter takes either for the execution that exists.
func TestStepFunctionsFindsAnExecutionByItsName(t *testing.T) {
	t.Parallel()
	client := sfn.NewFromConfig(configOf(hub(t), account))
	machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(name("machine")), RoleArn: aws.String("arn:aws:iam::" + account + ":role/states"),
		Definition: aws.String(`{"StartAt":"W","States":{"W":{"Type":"Wait","SecondsPath":"$.seconds","End":true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	start := func() (string, error) {
		started, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Name: aws.String("r-1"), Input: aws.String(`{"seconds":2}`)})
		if err != nil {
			return "", err
		}
		return aws.ToString(started.ExecutionArn), nil
	}
	first, err := start()
	if err != nil || !strings.HasSuffix(first, ":r-1") {
		t.Fatalf("%s, %v", first, err)
	}
	var exists *types.ExecutionAlreadyExists
	if again, err := start(); again != first && !errors.As(err, &exists) {
		t.Errorf("while it runs: %s, %v", again, err)
	}
	eventually(t, 30*time.Second, "the end of the execution", func() bool {
		out, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String(first)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Status != types.ExecutionStatusRunning
	})
	if again, err := start(); !errors.As(err, &exists) {
		t.Errorf("after its end: %s, %v", again, err)
	}
	list, err := client.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: machine.StateMachineArn})
	if err != nil || len(list.Executions) != 1 {
		t.Errorf("%d executions, %v", len(list.Executions), err)
	}
}

// As AskPerson of the rollout workflow: a pause that times out keeps the input
// and goes round again.
func TestStepFunctionsGoesRoundAfterATimeout(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	definition := `{"StartAt":"A","States":{
		"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"${Probe}","Payload":{"token.$":"$$.Task.Token"}},
			"ResultPath":null,"TimeoutSecondsPath":"$.seconds","Catch":[{"ErrorEquals":["States.Timeout"],"ResultPath":null,"Next":"W"},{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"F"}],"Next":"F"},
		"W":{"Type":"Wait","SecondsPath":"$.seconds","End":true},"F":{"Type":"Fail","Error":"Failed","CausePath":"$.error.Cause"}}}`
	expectOutput(t, execute(t, p, definition, `{"id":"r-1","seconds":1}`), `{"id":"r-1","seconds":1}`)
}
