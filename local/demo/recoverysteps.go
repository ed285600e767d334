package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/gateway"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const brittleName = "acme/brittle"

// recoveryGroup drives every way out of a failed stack, and looks at the states
// that each run visited.
func recoveryGroup() Group {
	group := Group{"A failed deployment always finds a way back, or says what to type next", nil, []Step{
		{Want: "a repository is registered", Run: func(ctx context.Context, w *World) (string, error) {
			return brittleName, w.adopt(ctx, brittleName, "brittle")
		}},
	}}
	timeout := 30
	for _, b := range brittles {
		for _, d := range b.steps {
			timeout++ // every push changes both queues
			seconds := timeout
			group.Steps = append(group.Steps, Step{Want: b.name + ": " + d.want, Run: func(ctx context.Context, w *World) (string, error) {
				return w.deploys(ctx, b.name, d, seconds)
			}})
		}
	}
	group.Steps = append(group.Steps, Step{Want: "no alarm is left on the stack that names none", Run: notWatched})
	return group
}

func (w *World) deploys(ctx context.Context, name string, d deployment, timeout int) (string, error) {
	stack := name + "-queue-test"
	if err := w.writeQueues(name, d, timeout); err != nil {
		return "", err
	}
	if d.before != nil {
		if err := d.before(ctx, w, stack); err != nil {
			return "", err
		}
	}
	before, err := w.stuckMetrics()
	if err != nil {
		return "", err
	}
	if _, err := w.push(ctx, name+": "+d.want); err != nil {
		return "", err
	}
	if _, err := runStarts(ctx, w); err != nil {
		return "", err
	}
	end, err := w.finished(ctx)
	if err != nil {
		return "", err
	}
	status, err := w.stackStatus(ctx, stack)
	if err != nil {
		return "", err
	}
	path, execution, err := w.visited(ctx)
	if err != nil {
		return "", err
	}
	return end.Outcome + ": " + end.Reason, firstError(
		expect("the outcome ("+end.Reason+")", end.Outcome, d.outcome),
		expect("the reason holds "+d.reason+": "+end.Reason, strings.Contains(end.Reason, d.reason), true),
		expect("the stack's status "+status+" ends with "+d.status, strings.HasSuffix(status, d.status), true),
		expect("the visited states", path, d.path),
		w.alarms(ctx, end.Outcome, execution, before))
}

// alarms checks that a run that is stuck is measured: the ledger's line in the
// embedded metric format, on which there is the alarm evenkeel-run-stuck, and
// the execution that failed by that name.
func (w *World) alarms(ctx context.Context, outcome string, execution *sfn.DescribeExecutionOutput, before int) error {
	if outcome != events.OutcomeStuck {
		return nil
	}
	return firstError(
		expect("the execution's status", execution.Status, sfntypes.ExecutionStatusFailed),
		expect("its error", aws.ToString(execution.Error), events.OutcomeStuck),
		await(ctx, "the metric of a stuck run in the ledger's log", func() (bool, error) {
			found, err := w.stuckMetrics()
			return found > before, err
		}))
}

// stuckMetrics counts the runs that are stuck by the metric lines of the ledger.
func (w *World) stuckMetrics() (int, error) {
	log, err := os.ReadFile(filepath.Join(w.Cloud.State.Logs, "lambda-evenkeel-ledger.log"))
	if err != nil {
		return 0, err
	}
	found := 0
	for line := range strings.Lines(string(log)) {
		var metric struct {
			Outcome      string
			RunsFinished int
			AWS          struct{ CloudWatchMetrics []any } `json:"_aws"`
		}
		if json.Unmarshal([]byte(line), &metric) == nil && metric.Outcome == events.OutcomeStuck && len(metric.AWS.CloudWatchMetrics) > 0 {
			found += metric.RunsFinished
		}
	}
	return found, nil
}

// writeQueues writes both files of the repository.
func (w *World) writeQueues(name string, d deployment, timeout int) error {
	metadata, retain := d.fails, ""
	if metadata == "" {
		metadata = "{}"
	}
	if d.retain {
		retain = "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n"
	}
	for path, text := range map[string]string{
		"evenkeel.yaml": fmt.Sprintf("version: 1\nname: %s\nstacks: {queue: {template: templates/queue.yaml}}\nstages:\n"+
			"  - {name: test, branch: main, account: %q, region: us-east-1, approval: never%s}\n", name, testAccount, d.stage),
		"templates/queue.yaml": fmt.Sprintf(`AWSTemplateFormatVersion: "2010-09-09"
Description: Two queues, one after the other.

Resources:
  Before:
    Type: AWS::SQS::Queue
%[1]s    Properties: {VisibilityTimeout: %[2]d, SqsManagedSseEnabled: true}
  Jobs:
    Type: AWS::SQS::Queue
    DependsOn: Before
    Metadata: %[3]s
    Properties: {VisibilityTimeout: %[2]d, SqsManagedSseEnabled: true}
`, retain, timeout, metadata),
	} {
		if err := os.WriteFile(filepath.Join(w.shop.dir, path), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// stackStatus is "" for a stack that is not there.
func (w *World) stackStatus(ctx context.Context, stack string) (string, error) {
	out, err := cloudformation.NewFromConfig(w.account(testAccount)).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(out.Stacks[0].StackStatus), nil
}

// recover types evenkeel recover for the stack, and looks for the record of it.
func (w *World) recover(ctx context.Context, stack, status string, args ...string) error {
	shown, err := w.evenkeel(ctx, append([]string{"recover", testAccount + "/us-east-1/" + stack, "--yes"}, args...)...)
	w.Report.Block(shown)
	if err != nil {
		return err
	}
	if !strings.Contains(shown, status+", in order") {
		return fmt.Errorf("the stack is not in order: %s", shown)
	}
	_, err = awaitFact(ctx, w, ledger.DriftSubject(testAccount, "us-east-1", stack), func(r events.StackRecoveryRequested) bool {
		return r.By != "" && (len(args) == 0 || len(r.Skip) == 1)
	})
	return err
}

// inject adds a fault by the simulator's admin endpoint.
func (w *World) inject(ctx context.Context, fault string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.Cloud.State.Endpoint+gateway.Prefix+"simulator/faults", strings.NewReader(fault))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return firstError(response.Body.Close(), expect("the status of the fault injection", response.StatusCode, http.StatusCreated))
}

// alarm sets the state of the alarm that the stack watched is watched with.
func (w *World) alarm(ctx context.Context, state types.StateValue) error {
	_, err := cloudwatch.NewFromConfig(w.account(testAccount)).SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("brittle"), StateValue: state, StateReason: aws.String("set by the demonstration"),
	})
	return err
}

// ringsWhile lets the alarm ring once the stack is in the status, and the
// resources of the update are through.
func (w *World) ringsWhile(ctx context.Context, stack, status string) error {
	go func() {
		ctx := context.WithoutCancel(ctx)
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		err := await(ctx, stack+" in "+status, func() (bool, error) {
			now, err := w.stackStatus(ctx, stack)
			return now == status, err
		})
		if err = errors.Join(err, w.alarm(ctx, types.StateValueAlarm)); err != nil {
			w.Report.Line("%v", err) // the step misses the rollback then
		}
	}()
	return nil
}

// notWatched looks for what is left of the alarms.
func notWatched(ctx context.Context, w *World) (string, error) {
	out, err := cloudformation.NewFromConfig(w.account(testAccount)).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("watched-queue-test")})
	if err != nil {
		return "", err
	}
	triggers := 0
	if c := out.Stacks[0].RollbackConfiguration; c != nil {
		triggers = len(c.RollbackTriggers)
	}
	return fmt.Sprintf("%d alarms", triggers), expect("alarms on the stack", triggers, 0)
}
