package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const busyStack = "busy-prod"

const busyTemplate = `
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  News: {Type: AWS::SNS::Topic, Properties: {DisplayName: news}}
`

// busyFor is how long the update of the stack takes. It ends before the scan,
// whose workflow waits for 20 seconds after a conflict, tries again.
const busyFor = 15 * time.Second

// busyScan is the scan of a stack that was being updated when the scan reached
// it.
type busyScan struct {
	arn       string // of the stack
	execution string // ARN
	ended     chan error
}

// begin updates a stack with a drifted queue, slowly, and scans it meanwhile.
func (b *busyScan) begin(ctx context.Context, w *World) (string, error) {
	var err error
	if b.arn, err = w.makeInProd(ctx, busyStack, busyTemplate); err != nil {
		return "", err
	}
	if err := w.patch(ctx, busyStack, "Jobs", queueType, `[{"op":"replace","path":"/VisibilityTimeout","value":5}]`); err != nil {
		return "", err
	}
	slow := fmt.Sprintf(`{"kind":"resource","account":%q,"stack":%q,"resource":"News","on":"update","delayMs":%d,"times":1}`, prodAccount, busyStack, busyFor.Milliseconds())
	if err := firstError(w.inject(ctx, slow), w.updateBusy(ctx, "olds", false)); err != nil {
		return "", err
	}
	go func(ctx context.Context) {
		_, err := w.evenkeel(ctx, "drift", "scan", b.arn)
		b.ended <- err
	}(context.WithoutCancel(ctx)) // it goes on after this step
	cause := ""
	err = await(ctx, "the scan to meet the update", func() (bool, error) {
		cause, err = b.refusal(ctx, w)
		return cause != "", err
	})
	if err != nil {
		return "", err
	}
	said, err := w.scanOf(ctx, busyStack)
	if !errors.Is(err, errNothing) {
		return "", firstError(err, fmt.Errorf("something is said of the stack: %+v", said))
	}
	return cause, expect("the refusal names the state", strings.Contains(cause, "the stack is in UPDATE_IN_PROGRESS"), true)
}

// refusal is why the first task of the scan's execution was refused, or "".
func (b *busyScan) refusal(ctx context.Context, w *World) (string, error) {
	client := sfn.NewFromConfig(w.account(w.Cloud.State.Hub))
	machine := w.Outputs["DriftWorkflow"]
	running, err := client.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: sfntypes.ExecutionStatusRunning})
	if err != nil || len(running.Executions) == 0 {
		return "", err
	}
	b.execution = aws.ToString(running.Executions[0].ExecutionArn)
	history, err := client.GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{ExecutionArn: &b.execution, MaxResults: 1000})
	if err != nil {
		return "", err
	}
	for _, e := range history.Events {
		if d := e.TaskFailedEventDetails; d != nil && aws.ToString(d.Error) == "ConflictError" {
			return aws.ToString(d.Cause), nil
		}
	}
	return "", nil
}

// end waits for the scan, whose detection began after the update had ended.
func (b *busyScan) end(ctx context.Context, w *World) (string, error) {
	seen := scanSeen{}
	select {
	case err := <-b.ended:
		seen.ok = err == nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
	scan, err := w.scanOf(ctx, busyStack)
	if err != nil {
		return "", err
	}
	seen.DriftScanned = scan
	client := cloudformation.NewFromConfig(w.account(prodAccount))
	detection, err := client.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: &scan.DetectionID})
	if err != nil {
		return "", err
	}
	updated, err := w.updateEnded(ctx, client)
	waited := aws.ToTime(detection.Timestamp).Sub(updated)
	return fmt.Sprintf("looked at %s after the update: %s", waited.Round(100*time.Millisecond), seen), firstError(err,
		expect("the detection began after the update", waited > 0, true),
		expect("the scan is the one that was refused", strings.HasSuffix(b.execution, ":"+scan.ScanID), true),
		seen.is("DRIFTED", events.Coverage{Checked: 2, Live: 2}, "Jobs"))
}

// updateEnded is when the stack's last update ended, by its own history.
func (w *World) updateEnded(ctx context.Context, client *cloudformation.Client) (time.Time, error) {
	out, err := client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(busyStack)})
	if err != nil {
		return time.Time{}, err
	}
	for _, e := range out.StackEvents { // newest first
		if aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId) && e.ResourceStatus == "UPDATE_COMPLETE" {
			return aws.ToTime(e.Timestamp), nil
		}
	}
	return time.Time{}, fmt.Errorf("the history of %s has no update that ended", busyStack)
}

// updateBusy renames the stack's topic, by an update of the stack.
func (w *World) updateBusy(ctx context.Context, name string, disableRollback bool) error {
	_, err := cloudformation.NewFromConfig(w.account(prodAccount)).UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: aws.String(busyStack), TemplateBody: aws.String(strings.Replace(busyTemplate, "DisplayName: news", "DisplayName: "+name, 1)),
		DisableRollback: aws.Bool(disableRollback),
	})
	return err
}

// scanStuck lets an update fail and stay as it is: there no detection is
// allowed. The drift that was told before is neither gone nor told again.
func scanStuck(ctx context.Context, w *World) (string, error) {
	fails := fmt.Sprintf(`{"kind":"resource","account":%q,"stack":%q,"resource":"News","on":"update","reason":"not now","times":1}`, prodAccount, busyStack)
	if err := firstError(w.inject(ctx, fails), w.updateBusy(ctx, "latest", true)); err != nil {
		return "", err
	}
	if err := w.comesTo(ctx, busyStack, "UPDATE_FAILED"); err != nil {
		return "", err
	}
	before, err := w.scanOf(ctx, busyStack)
	if err != nil {
		return "", err
	}
	stuck, err := w.scanAnew(ctx, busyStack, before.StackID)
	if err := firstError(err, stuck.is("UNKNOWN", events.Coverage{}), stuck.says("the stack is in UPDATE_FAILED; drift can be detected in")); err != nil {
		return "", err
	}
	client := cloudformation.NewFromConfig(w.account(prodAccount))
	if _, err := client.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: aws.String(busyStack)}); err != nil {
		return "", err
	}
	if err := w.comesTo(ctx, busyStack, "UPDATE_ROLLBACK_COMPLETE"); err != nil {
		return "", err
	}
	again, err := w.scanAnew(ctx, busyStack, before.StackID)
	if err := firstError(err, again.is("DRIFTED", events.Coverage{Checked: 2, Live: 2}, "Jobs")); err != nil {
		return "", err
	}
	subject := ledger.DriftSubject(prodAccount, "us-east-1", busyStack)
	told, err := facts[events.DriftDetected](ctx, w, subject)
	if err != nil {
		return "", err
	}
	resolved, err := facts[events.DriftResolved](ctx, w, subject)
	return stuck.String() + "; then " + again.String(), firstError(err,
		expect("how often the drift was told", len(told), 1), expect("how often it was called resolved", len(resolved), 0))
}
