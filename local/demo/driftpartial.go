package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const halfStack = "halved-prod"

// halfTemplate has three resources, which a detection reaches in this order.
const halfTemplate = `
Resources:
  Alerts: {Type: AWS::SNS::Topic, Properties: {DisplayName: alerts}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  News: {Type: AWS::SNS::Topic, Properties: {DisplayName: news}}
`

// scanHalfWay lets a detection fail before it reaches the last of three
// resources, of which the first and the last have drifted and were told.
func scanHalfWay(ctx context.Context, w *World) (string, error) {
	arn, err := w.makeInProd(ctx, halfStack, halfTemplate)
	if err != nil {
		return "", err
	}
	for id, name := range map[string]string{"Alerts": "alarms", "News": "olds"} {
		if err := w.rename(ctx, id, name); err != nil {
			return "", err
		}
	}
	whole, err := w.scanAnew(ctx, halfStack, arn, "--engine", "cloudformation")
	if err := firstError(err, whole.is("DRIFTED", events.Coverage{Checked: 3}, "Alerts", "News")); err != nil {
		return "", err
	}
	half, err := w.scanBroken(ctx, arn, "cloudformation")
	if err != nil {
		return "", err
	}
	status, err := cloudformation.NewFromConfig(w.account(prodAccount)).DescribeStackDriftDetectionStatus(ctx,
		&cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: &half.DetectionID})
	if err != nil {
		return "", err
	}
	return half.String(), firstError(
		expect("the detection", string(status.DetectionStatus), "DETECTION_FAILED"),
		half.is("DRIFTED", events.Coverage{Checked: 2, Unknown: 1}, "Alerts"),
		half.says("News could not be checked", "Failed to detect drift on resources [News]: Rate exceeded"))
}

// scanTheRest rights what such a detection reaches: then it finds no drift, and
// that is not the same as that there is none.
func scanTheRest(ctx context.Context, w *World) (string, error) {
	if err := w.rename(ctx, "Alerts", "alerts"); err != nil {
		return "", err
	}
	stack, err := w.scanOf(ctx, halfStack)
	if err != nil {
		return "", err
	}
	half, err := w.scanBroken(ctx, stack.StackID, "cloudformation")
	if err := firstError(err, half.is("UNKNOWN", events.Coverage{Checked: 2, Unknown: 1}), half.says("News could not be checked")); err != nil {
		return "", err
	}
	filled, err := w.scanBroken(ctx, stack.StackID, "auto")
	if err := firstError(err, filled.is("DRIFTED", events.Coverage{Checked: 3, Live: 3}, "News"), filled.says("the detection failed for at least one resource")); err != nil {
		return "", err
	}
	if err := w.rename(ctx, "News", "news"); err != nil {
		return "", err
	}
	whole, err := w.scanAnew(ctx, halfStack, stack.StackID, "--engine", "cloudformation")
	if err := firstError(err, whole.is("IN_SYNC", events.Coverage{Checked: 3})); err != nil {
		return "", err
	}
	subject := ledger.DriftSubject(prodAccount, "us-east-1", halfStack)
	if _, err := awaitFact(ctx, w, subject, func(r events.DriftResolved) bool { return r.ScanID == whole.ScanID }); err != nil {
		return "", err
	}
	resolved, err := facts[events.DriftResolved](ctx, w, subject)
	return half.String() + "; by both engines " + filled.String() + "; at last " + whole.String(), firstError(err, expect("how often it was called resolved", len(resolved), 1))
}

// scanBroken is scanAnew with a detection that reaches two resources.
func (w *World) scanBroken(ctx context.Context, arn, engine string) (scanSeen, error) {
	fault := fmt.Sprintf(`{"kind":"detection","account":%q,"stack":%q,"after":2,"reason":"Rate exceeded","times":1}`, prodAccount, halfStack)
	if err := w.inject(ctx, fault); err != nil {
		return scanSeen{}, err
	}
	return w.scanAnew(ctx, halfStack, arn, "--engine", engine)
}

// rename changes the display name of a topic past the template.
func (w *World) rename(ctx context.Context, logicalID, name string) error {
	return w.patch(ctx, halfStack, logicalID, "AWS::SNS::Topic", fmt.Sprintf(`[{"op":"replace","path":"/DisplayName","value":%q}]`, name))
}

// scanSeen is a scan, and whether the command that made it succeeded.
type scanSeen struct {
	events.DriftScanned
	ok bool
}

// scanAnew scans a stack of prod. That the command fails is no error: it does
// when the stack is not in sync.
func (w *World) scanAnew(ctx context.Context, stack string, args ...string) (scanSeen, error) {
	before, err := w.scanOf(ctx, stack)
	if err != nil && !errors.Is(err, errNothing) {
		return scanSeen{}, err
	}
	shown, failed := w.evenkeel(ctx, append([]string{"drift", "scan"}, args...)...)
	after, err := w.scanOf(ctx, stack)
	if err == nil && after.ScanID == before.ScanID {
		err = fmt.Errorf("there is no new scan of %s: %w\n%s", stack, failed, shown)
	}
	return scanSeen{after, failed == nil}, err
}

// is compares what was found; only what is in sync lets the command succeed.
func (s scanSeen) is(status string, coverage events.Coverage, drifted ...string) error {
	var names []string
	for _, r := range s.Resources {
		names = append(names, r.LogicalID)
	}
	slices.Sort(names)
	return firstError(
		expect("the status", s.Status, status),
		expect("the coverage", s.Coverage, coverage),
		expect("what drifted", strings.Join(names, ", "), strings.Join(drifted, ", ")),
		expect("whether the command succeeded", s.ok, status == "IN_SYNC"))
}

// says looks for parts of the reason.
func (s scanSeen) says(parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(s.Reason, part) {
			return fmt.Errorf("the reason %q lacks %q", s.Reason, part)
		}
	}
	return nil
}

func (s scanSeen) String() string {
	text := fmt.Sprintf("%s, %d checked, %d unknown", s.Status, s.Coverage.Checked, s.Coverage.Unknown)
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}
