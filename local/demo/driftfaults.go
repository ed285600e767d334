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

func driftFaultsGroup() Group {
	return Group{"A scan goes on when calls are throttled and stacks go", []string{deployTitle}, []Step{
		{Want: "a scan whose calls are throttled ends as one whose calls are not", Run: scanThrottled},
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
	scan, err := w.faultedScan(ctx)
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
	before, err := w.faultedScan(ctx)
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
	after, err := w.faultedScan(ctx)
	if err == nil && (after.ScanID == before.ScanID || after.Status == "IN_SYNC") {
		err = fmt.Errorf("the last scan is %+v", after)
	}
	return after.Status + ": " + after.Reason, err
}

func (w *World) faultedScan(ctx context.Context) (events.DriftScanned, error) {
	scans, err := facts[events.DriftScanned](ctx, w, ledger.DriftSubject(prodAccount, "us-east-1", faultedStack))
	if err != nil || len(scans) == 0 {
		return events.DriftScanned{}, firstError(err, errNothing)
	}
	return scans[len(scans)-1], nil
}

func (w *World) makeFaulted(ctx context.Context) (string, error) {
	client := cloudformation.NewFromConfig(w.account(prodAccount))
	out, err := client.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String(faultedStack), TemplateBody: aws.String("Resources:\n  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}\n"),
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.StackId), await(ctx, "the stack to be made", func() (bool, error) {
		found, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(faultedStack)})
		return err == nil && found.Stacks[0].StackStatus == "CREATE_COMPLETE", err
	})
}
