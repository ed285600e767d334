package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const (
	queueType  = "AWS::SQS::Queue"
	queueID    = "Fulfilment" // logical id in templates/data.yaml
	driftStack = "shop-data-prod"
)

func driftGroup() Group {
	return Group{"Drift is found, and righted behind a guard", []string{deployTitle}, []Step{
		{Want: "somebody changes the queue's VisibilityTimeout past the template", Run: changeQueue},
		{Want: "a scan reports resource, property, expected, actual and coverage", Run: scanFindsDrift},
		{Want: "a guarded revert brings it back and is verified", Run: revertDrift},
		{Want: "the queue is as the template says", Run: func(ctx context.Context, w *World) (string, error) {
			timeout, err := w.visibilityTimeout(ctx, prodAccount, "prod")
			return fmt.Sprintf("VisibilityTimeout %d", timeout), firstError(err, expect("VisibilityTimeout", timeout, 60))
		}},
	}}
}

func changeQueue(ctx context.Context, w *World) (string, error) {
	id, err := w.physicalID(ctx, prodAccount, driftStack, queueID)
	if err != nil {
		return "", err
	}
	_, err = cloudcontrol.NewFromConfig(w.account(prodAccount)).UpdateResource(ctx, &cloudcontrol.UpdateResourceInput{
		TypeName: aws.String(queueType), Identifier: &id,
		PatchDocument: aws.String(`[{"op":"replace","path":"/VisibilityTimeout","value":5}]`),
	})
	if err != nil {
		return "", err
	}
	err = await(ctx, "the queue to change", func() (bool, error) {
		timeout, err := w.visibilityTimeout(ctx, prodAccount, "prod")
		return timeout == 5, err
	})
	return "60 → 5 by Cloud Control UpdateResource", err
}

func scanFindsDrift(ctx context.Context, w *World) (string, error) {
	shown, err := w.evenkeel(ctx, "drift", "scan", driftStack)
	w.Report.Block(shown)
	scan, scanErr := w.lastScan(ctx)
	if scanErr != nil {
		return "", firstError(err, scanErr)
	}
	if err := expect("the status", scan.Status, "DRIFTED"); err != nil {
		return "", err
	}
	if scan.Coverage.Checked == 0 {
		return "", fmt.Errorf("coverage is %+v: nothing was checked", scan.Coverage)
	}
	for _, r := range scan.Resources {
		for _, d := range r.Differences {
			if r.LogicalID == queueID && d.Path == "/VisibilityTimeout" && d.Expected == "60" && d.Actual == "5" {
				return fmt.Sprintf("%s %s: expected %s, actual %s; checked %d, unsupported %d, unknown %d", r.LogicalID, d.Path, d.Expected,
					d.Actual, scan.Coverage.Checked, scan.Coverage.Unsupported, scan.Coverage.Unknown), nil
			}
		}
	}
	return "", fmt.Errorf("the change is not among %+v", scan.Resources)
}

func driftSubject() string { return ledger.DriftSubject(prodAccount, "us-east-1", driftStack) }

func (w *World) lastScan(ctx context.Context) (events.DriftScanned, error) {
	scans, err := facts[events.DriftScanned](ctx, w, driftSubject())
	if err != nil || len(scans) == 0 {
		return events.DriftScanned{}, firstError(err, errNothing)
	}
	return scans[len(scans)-1], nil
}

func revertDrift(ctx context.Context, w *World) (string, error) {
	shown, err := w.evenkeel(ctx, "drift", "revert", driftStack, "--yes")
	w.Report.Block(shown)
	if err != nil {
		return "", err
	}
	reverted, err := awaitFact(ctx, w, driftSubject(), func(events.DriftReverted) bool { return true })
	if err != nil {
		return "", err
	}
	scan, err := w.lastScan(ctx)
	if err != nil {
		return "", err
	}
	ids := []string{}
	for _, r := range reverted.Resources {
		ids = append(ids, r.LogicalID)
	}
	slices.Sort(ids)
	return fmt.Sprintf("%s righted, then scanned again: %s", strings.Join(ids, ", "), scan.Status), expect("the status", scan.Status, "IN_SYNC")
}

// visibilityTimeout reads the live queue of a stage through Cloud Control.
func (w *World) visibilityTimeout(ctx context.Context, account, stage string) (int, error) {
	id, err := w.physicalID(ctx, account, "shop-data-"+stage, queueID)
	if err != nil {
		return 0, err
	}
	return w.queueTimeout(ctx, account, id)
}

func (w *World) queueTimeout(ctx context.Context, account, id string) (int, error) {
	out, err := cloudcontrol.NewFromConfig(w.account(account)).GetResource(ctx, &cloudcontrol.GetResourceInput{
		TypeName: aws.String(queueType), Identifier: &id,
	})
	if err != nil {
		return 0, err
	}
	var model struct{ VisibilityTimeout int }
	err = json.Unmarshal([]byte(aws.ToString(out.ResourceDescription.Properties)), &model)
	return model.VisibilityTimeout, err
}

func (w *World) physicalID(ctx context.Context, account, stack, logicalID string) (string, error) {
	out, err := cloudformation.NewFromConfig(w.account(account)).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName: &stack, LogicalResourceId: &logicalID,
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId), nil
}
