package simulator_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

const alarmARN = "arn:aws:cloudwatch:eu-west-1:222222222222:alarm:errors"

// alarms answers for CloudWatch.
type alarms struct {
	mu     sync.Mutex
	states map[string]string
	err    error
	asked  int
}

func (a *alarms) set(state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states = map[string]string{}
	if state != "" {
		a.states[alarmARN] = state
	}
}

func (a *alarms) read(_ context.Context, _, _ string, _ []string) (map[string]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return maps.Clone(a.states), a.err
}

// startAlarms is a simulator in which a minute of monitoring lasts as told.
func startAlarms(t *testing.T, minute time.Duration) (*world, *alarms) {
	a := &alarms{}
	a.set("OK")
	return start(t, func(o *simulator.Options) { o.AlarmStates, o.Minute = a.read, minute }), a
}

func triggers(minutes int32, arns ...string) *types.RollbackConfiguration {
	c := &types.RollbackConfiguration{MonitoringTimeInMinutes: &minutes}
	for _, arn := range arns {
		c.RollbackTriggers = append(c.RollbackTriggers, types.RollbackTrigger{Arn: &arn, Type: aws.String("AWS::CloudWatch::Alarm")})
	}
	return c
}

// guarded deploys the stack with rollback triggers and does not wait.
func (w *world) guarded(kind types.ChangeSetType, c *types.RollbackConfiguration, params ...string) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	w.planned++
	name := "guarded-" + strconv.Itoa(w.planned)
	cs := w.changeSet(&cfn.CreateChangeSetInput{
		StackName: aws.String("shop"), ChangeSetName: &name, ChangeSetType: kind, TemplateBody: aws.String(failing),
		Parameters: parameters(params...), RollbackConfiguration: c,
	})
	if _, err := w.cfn.ExecuteChangeSet(context.Background(), &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId}); err != nil {
		w.t.Fatal(err)
	}
	return cs
}

// baking waits until the resources are done and the monitoring time runs.
func (w *world) baking(status types.StackStatus, line string) {
	w.t.Helper()
	w.eventually("the monitoring time", func() bool { return contains(w.history("shop"), line) })
	w.wantStatus(w.stack("shop"), status)
}

// CFN-82: an alarm in the monitoring time rolls the stack back, before old
// resources are cleaned up.
func TestAlarmInTheMonitoringTime(t *testing.T) {
	want := "Rollback trigger(s) [" + alarmARN + "] went to ALARM state."
	t.Run("update", func(t *testing.T) {
		w, a := startAlarms(t, 50*time.Millisecond)
		w.deploy("shop", failing)
		w.guarded(types.ChangeSetTypeUpdate, triggers(180, alarmARN), "Delay", "9", "Name", "two")
		w.baking(types.StackStatusUpdateInProgress, "Last UPDATE_COMPLETE")
		a.set("INSUFFICIENT_DATA")
		a.set("ALARM")
		w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
		w.wantHistory("shop", "shop UPDATE_ROLLBACK_IN_PROGRESS "+want)
		w.live("AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/222222222222/q-one")
		if got := w.live("AWS::SSM::Parameter", "/last")["Value"]; got != "5" {
			t.Errorf("parameter = %v", got)
		}
	})
	t.Run("create", func(t *testing.T) {
		w, a := startAlarms(t, 50*time.Millisecond)
		w.guarded(types.ChangeSetTypeCreate, triggers(180, alarmARN))
		w.baking(types.StackStatusCreateInProgress, "Last CREATE_COMPLETE")
		a.set("ALARM")
		w.wantStatus(w.settled("shop"), types.StackStatusRollbackComplete)
		w.wantHistory("shop", "shop ROLLBACK_IN_PROGRESS "+want)
	})
	t.Run("the alarm is deleted", func(t *testing.T) {
		w, a := startAlarms(t, 50*time.Millisecond)
		w.deploy("shop", failing)
		w.guarded(types.ChangeSetTypeUpdate, triggers(180, alarmARN), "Delay", "9")
		w.baking(types.StackStatusUpdateInProgress, "Last UPDATE_COMPLETE")
		a.set("")
		w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
		w.wantHistory("shop", "shop UPDATE_ROLLBACK_IN_PROGRESS Rollback trigger(s) ["+alarmARN+"] not found.")
	})
	t.Run("rollback disabled", func(t *testing.T) {
		w, a := startAlarms(t, 50*time.Millisecond)
		w.deploy("shop", failing)
		if _, err := w.cfn.UpdateStack(context.Background(), &cfn.UpdateStackInput{
			StackName: aws.String("shop"), TemplateBody: aws.String(failing), Parameters: parameters("Delay", "9"), RollbackConfiguration: triggers(180, alarmARN), DisableRollback: aws.Bool(true),
		}); err != nil {
			t.Fatal(err)
		}
		w.baking(types.StackStatusUpdateInProgress, "Last UPDATE_COMPLETE")
		a.set("ALARM")
		s := w.settled("shop")
		w.wantStatus(s, types.StackStatusUpdateFailed)
		if *s.StackStatusReason != want {
			t.Errorf("reason %q", *s.StackStatusReason)
		}
	})
}

// CFN-82: an alarm while resources are changed cancels what runs.
func TestAlarmDuringTheOperation(t *testing.T) {
	w, a := startAlarms(t, 50*time.Millisecond)
	w.deploy("shop", failing)
	w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"update","delayMs":60000}`)
	w.guarded(types.ChangeSetTypeUpdate, triggers(0, alarmARN), "Delay", "9")
	w.eventually("the update of the queue", func() bool { return contains(w.history("shop"), "Queue UPDATE_IN_PROGRESS") })
	a.set("ALARM")
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
	w.wantHistory("shop", "Queue UPDATE_FAILED Resource update cancelled", "shop UPDATE_ROLLBACK_IN_PROGRESS Rollback trigger(s)")
}

// CFN-81, CFN-82: what is missing or in ALARM at the beginning fails the operation
// before anything is changed.
func TestAlarmAtTheBeginning(t *testing.T) {
	for state, want := range map[string]string{"": "not found.", "ALARM": "went to ALARM state."} {
		w, a := startAlarms(t, time.Millisecond)
		w.deploy("shop", failing)
		a.set(state)
		w.guarded(types.ChangeSetTypeUpdate, triggers(0, alarmARN), "Delay", "9")
		w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
		w.wantHistory("shop", "shop UPDATE_ROLLBACK_IN_PROGRESS Rollback trigger(s) ["+alarmARN+"] "+want)
		if contains(w.history("shop"), "Queue UPDATE_IN_PROGRESS") {
			t.Errorf("%q: the queue was touched", state)
		}
	}
}

// CFN-82: without an alarm the operation completes after the monitoring time.
// INSUFFICIENT_DATA, and a CloudWatch that does not answer, do nothing.
func TestMonitoringTimePasses(t *testing.T) {
	w, a := startAlarms(t, 10*time.Millisecond)
	a.set("INSUFFICIENT_DATA")
	w.guarded(types.ChangeSetTypeCreate, triggers(2, alarmARN))
	w.wantStatus(w.settled("shop"), types.StackStatusCreateComplete)
	a.mu.Lock()
	if a.asked < 2 {
		t.Errorf("the alarm was read %d times", a.asked)
	}
	a.err = errors.New("no answer")
	a.mu.Unlock()
	w.guarded(types.ChangeSetTypeUpdate, triggers(2, alarmARN), "Delay", "9")
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateComplete)
}

// CFN-82: an update without triggers waits all the same, and CancelUpdateStack
// ends the wait; a create does not wait.
func TestMonitoringTimeWithoutTriggers(t *testing.T) {
	w, _ := startAlarms(t, time.Hour)
	w.guarded(types.ChangeSetTypeCreate, triggers(3))
	w.wantStatus(w.settled("shop"), types.StackStatusCreateComplete)
	w.guarded(types.ChangeSetTypeUpdate, triggers(3), "Delay", "9")
	w.baking(types.StackStatusUpdateInProgress, "Last UPDATE_COMPLETE")
	if _, err := w.cfn.CancelUpdateStack(context.Background(), &cfn.CancelUpdateStackInput{StackName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
}

// CFN-8, CFN-27: the triggers stick to the stack until an empty list removes
// them; they alone are a change.
func TestTriggersStick(t *testing.T) {
	w, _ := startAlarms(t, time.Millisecond)
	cs := w.guarded(types.ChangeSetTypeCreate, triggers(1, alarmARN))
	if got := cs.RollbackConfiguration; len(got.RollbackTriggers) != 1 || *got.MonitoringTimeInMinutes != 1 {
		t.Errorf("the change set has %+v", got)
	}
	held := func(s types.Stack) string {
		var arns []string
		for _, trigger := range s.RollbackConfiguration.RollbackTriggers {
			arns = append(arns, *trigger.Arn)
		}
		return strings.Join(arns, " ")
	}
	if got := held(w.settled("shop")); got != alarmARN {
		t.Errorf("after the create: %q", got)
	}
	w.guarded(types.ChangeSetTypeUpdate, nil, "Delay", "9")
	if got := held(w.settled("shop")); got != alarmARN {
		t.Errorf("after an update that names none: %q", got)
	}
	cs = w.guarded(types.ChangeSetTypeUpdate, &types.RollbackConfiguration{RollbackTriggers: []types.RollbackTrigger{}}, "Delay", "9")
	if len(cs.Changes) != 0 {
		t.Errorf("%+v", cs.Changes)
	}
	if got := held(w.settled("shop")); got != "" {
		t.Errorf("after an empty list: %q", got)
	}
}

// CFN-83: an alarm that a simulated stack made exists, in INSUFFICIENT_DATA.
func TestModelledAlarmIsATrigger(t *testing.T) {
	w, a := startAlarms(t, time.Millisecond)
	a.set("")
	w.deploy("watch", `{"Resources": {"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "errors", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}}}}`)
	w.guarded(types.ChangeSetTypeCreate, triggers(1, alarmARN))
	w.wantStatus(w.settled("shop"), types.StackStatusCreateComplete)
}

// CFN-80: what a rollback configuration may be.
func TestRollbackConfiguration(t *testing.T) {
	ofType := func(name string) *types.RollbackConfiguration {
		return &types.RollbackConfiguration{RollbackTriggers: []types.RollbackTrigger{{Arn: aws.String(alarmARN), Type: &name}}}
	}
	for name, test := range map[string]struct {
		config *types.RollbackConfiguration
		good   bool
	}{
		"composite alarm": {ofType("AWS::CloudWatch::CompositeAlarm"), true},
		"the longest":     {triggers(180), true},
		"too long":        {triggers(181), false},
		"negative":        {triggers(-1), false},
		"too many":        {triggers(0, slices.Repeat([]string{alarmARN}, 6)...), false},
		"no ARN":          {triggers(0, "errors"), false},
		"not an alarm":    {ofType("AWS::SNS::Topic"), false},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := startAlarms(t, time.Millisecond)
			_, err := w.cfn.CreateChangeSet(context.Background(), &cfn.CreateChangeSetInput{
				StackName: aws.String("shop"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(failing), RollbackConfiguration: test.config,
			})
			if test.good != (err == nil) || err != nil && !strings.Contains(err.Error(), "ValidationError") {
				t.Error(err)
			}
		})
	}
}
