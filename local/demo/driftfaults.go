package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const faultedStack = "faulted-prod"

// driftFaultsGroup begins to scan a stack that is being updated. The scan tries
// again after a while, in which the steps between the two can be played.
func driftFaultsGroup() Group {
	busy := &busyScan{ended: make(chan error, 1)}
	return Group{"A scan goes on when calls are throttled, detections fail, and stacks change or go", []string{deployTitle}, []Step{
		{Want: "a stack that is being updated when the scan reaches it is refused, and nothing is said of it yet", Run: busy.begin},
		{Want: "a scan whose calls are throttled ends as one whose calls are not", Run: scanThrottled},
		{Want: "a detection that fails half-way: what it reached is reported, what it did not reach is unknown", Run: scanHalfWay},
		{Want: "what it did not reach is neither in sync nor resolved, and the live engine fills it in", Run: scanTheRest},
		{Want: "the scan of the updated stack went on when the update had ended, and found its drift", Run: busy.end},
		{Want: "a stack that rests where no detection is allowed is not called clean, and the next scan finds its drift", Run: scanStuck},
		{Want: "a stack that is deleted while it is scanned is not called clean", Run: scanDeleted},
	}}
}

func scanThrottled(ctx context.Context, w *World) (string, error) {
	arn, err := w.makeFaulted(ctx)
	if err != nil {
		return "", err
	}
	for _, call := range []string{"cloudformation/DetectStackDrift", "cloudformation/ListStackResources", "cloudcontrol/GetResource"} {
		service, action, _ := strings.Cut(call, "/")
		if err := w.inject(ctx, fmt.Sprintf(`{"kind":"call","account":%q,"service":%q,"call":%q,"times":3}`, prodAccount, service, action)); err != nil {
			return "", err
		}
	}
	if shown, err := w.evenkeel(ctx, "drift", "scan", arn); err != nil {
		return "", fmt.Errorf("%w\n%s", err, shown)
	}
	scan, err := w.scanOf(ctx, faultedStack)
	return fmt.Sprintf("9 calls throttled; %s, %d checked", scan.Status, scan.Coverage.Checked), firstError(err, expect("the status", scan.Status, "IN_SYNC"))
}

// scanDeleted delays what the scan asks, and deletes the stack meanwhile.
func scanDeleted(ctx context.Context, w *World) (string, error) {
	client := cloudformation.NewFromConfig(w.account(prodAccount))
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(faultedStack)})
	if err != nil {
		return "", err
	}
	if err := w.inject(ctx, fmt.Sprintf(`{"kind":"call","account":%q,"service":"cloudformation","call":"DescribeStackResourceDrifts","delayMs":3000,"times":1}`, prodAccount)); err != nil {
		return "", err
	}
	before, err := w.scanOf(ctx, faultedStack)
	if err != nil {
		return "", err
	}
	scanned := make(chan error, 1)
	go func() {
		_, err := w.evenkeel(ctx, "drift", "scan", aws.ToString(out.Stacks[0].StackId))
		scanned <- err
	}()
	err = await(ctx, "the detection to end", func() (bool, error) {
		now, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(faultedStack)})
		return err == nil && aws.ToTime(now.Stacks[0].DriftInformation.LastCheckTimestamp).After(aws.ToTime(out.Stacks[0].DriftInformation.LastCheckTimestamp)), err
	})
	if err != nil {
		return "", err
	}
	if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(faultedStack)}); err != nil {
		return "", err
	}
	if <-scanned == nil {
		return "", fmt.Errorf("the scan of a deleted stack ended with exit code 0")
	}
	after, err := w.scanOf(ctx, faultedStack)
	if err == nil && (after.ScanID == before.ScanID || after.Status == "IN_SYNC") {
		err = fmt.Errorf("the last scan is %+v", after)
	}
	return after.Status + ": " + after.Reason, err
}

// scanOf is the last scan of a stack in prod.
func (w *World) scanOf(ctx context.Context, stack string) (events.DriftScanned, error) {
	scans, err := facts[events.DriftScanned](ctx, w, ledger.DriftSubject(prodAccount, "us-east-1", stack))
	if err != nil || len(scans) == 0 {
		return events.DriftScanned{}, firstError(err, errNothing)
	}
	return scans[len(scans)-1], nil
}

func (w *World) makeFaulted(ctx context.Context) (string, error) {
	return w.makeInProd(ctx, faultedStack, "Resources:\n  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}\n")
}

// makeInProd creates a stack as somebody does by hand, and returns its ARN.
func (w *World) makeInProd(ctx context.Context, name, template string) (string, error) {
	out, err := cloudformation.NewFromConfig(w.account(prodAccount)).CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.StackId), w.comesTo(ctx, name, "CREATE_COMPLETE")
}

// comesTo waits for the status of a stack in prod.
func (w *World) comesTo(ctx context.Context, name, status string) error {
	client := cloudformation.NewFromConfig(w.account(prodAccount))
	return await(ctx, name+" to be in "+status, func() (bool, error) {
		found, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		return err == nil && string(found.Stacks[0].StackStatus) == status, err
	})
}
