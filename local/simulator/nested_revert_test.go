package simulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/driftdetection"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift"
)

const driftingParent = `
Resources:
  Top: {Type: AWS::SQS::Queue, Properties: {QueueName: top, DelaySeconds: 5}}
  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://b.s3.amazonaws.com/inner.yaml"}}
Outputs:
  Top: {Value: !Ref Top}
  Inner: {Value: !Ref Inner}
`

const driftingInner = `
Resources:
  Deep: {Type: AWS::SQS::Queue, Properties: {QueueName: deep, DelaySeconds: 5}}
Outputs: {Deep: {Value: !Ref Deep}}
`

// A parent whose nested stack drifted too is brought back, and the nested one
// stays as it is. CFN-36: a drift-aware change set cannot include nested stacks;
// CFN-74: it has a row for each of them, also when nothing changed; CFN-75: an
// ordinary one that includes them has none for what does not change; CFN-72:
// what does not change is left as it is; CFN-73: the nested stack can be given a
// change set of its own.
func TestParentIsRevertedBesideItsNestedStack(t *testing.T) {
	ctx := context.Background()
	w, l := startNested(t)
	l.put("inner.yaml", driftingInner)
	s := w.deploy("shop", driftingParent)
	w.wantStatus(s, types.StackStatusCreateComplete)
	top := w.output(s, "Top")
	inner := w.stack(w.output(s, "Inner"))
	deep := w.output(inner, "Deep")
	byHand := func() {
		for _, queue := range []string{top, deep} {
			w.patch("AWS::SQS::Queue", queue, `[{"op":"replace","path":"/DelaySeconds","value":9}]`)
		}
	}
	byHand()

	workloads := session.NewWorkloads(aws.Config{Region: region, BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")}, "")
	formation := driftdetection.New(workloads)
	ref := func(s types.Stack) events.StackRef {
		return events.StackRef{StackID: *s.StackId, StackName: *s.StackName, Account: account, Region: region}
	}
	read := func(stack events.StackRef, create func(context.Context, events.StackRef, string) (string, error), name string) (id string, set drift.ChangeSet) {
		t.Helper()
		id, err := create(ctx, stack, name)
		if err != nil {
			t.Fatal(err)
		}
		w.eventually("the change set "+name, func() bool {
			if set, err = formation.Read(ctx, stack, id); err != nil {
				t.Fatal(err)
			}
			return set.Status == "CREATE_COMPLETE" || set.Status == "FAILED"
		})
		return id, set
	}
	drifted := func(id string) drift.Drift {
		return drift.Drift{Resources: []events.DriftedResource{{
			LogicalID: id, ResourceType: "AWS::SQS::Queue", Status: "MODIFIED",
			Differences: []events.PropertyDifference{{Path: "/DelaySeconds", Type: "NOT_EQUAL", Expected: "5", Actual: "9"}},
		}}}
	}
	execute := func(stack types.Stack, id string) {
		t.Helper()
		if err := formation.Execute(ctx, ref(stack), id, "token-"+*stack.StackName); err != nil {
			t.Fatal(err)
		}
		w.wantStatus(w.settled(*stack.StackId), types.StackStatusUpdateComplete)
	}
	delay := func(queue string) any { return w.live("AWS::SQS::Queue", queue)["DelaySeconds"] }

	id, set := read(ref(s), formation.Create, "revert")
	if len(set.Changes) != 2 {
		t.Fatalf("%+v, want a row for the queue and one for the nested stack", set.Changes)
	}
	if reasons := drift.Guard(set, drifted("Top")); len(reasons) != 1 || !strings.Contains(reasons[0], "nothing tells") {
		t.Errorf("without a probe: %q", reasons)
	}
	probe, nested := read(ref(s), formation.Probe, "revert-nested")
	set.Probe = &nested
	if reasons := drift.Guard(set, drifted("Top")); len(reasons) > 0 {
		t.Fatalf("refused: %q, the probe is %+v", reasons, nested)
	}
	if err := formation.Discard(ctx, ref(s), probe); err != nil {
		t.Fatal(err)
	}
	execute(s, id)
	if delay(top) != 5.0 || delay(deep) != 9.0 {
		t.Errorf("the parent's queue has %v, the nested stack's %v", delay(top), delay(deep))
	}

	// The nested stack has a revert of its own.
	id, set = read(ref(inner), formation.Create, "revert")
	if reasons := drift.Guard(set, drifted("Deep")); len(reasons) > 0 {
		t.Fatalf("the nested stack's own: %q", reasons)
	}
	execute(inner, id)
	if delay(deep) != 5.0 {
		t.Errorf("the nested stack's queue has %v", delay(deep))
	}

	// With another template at its address, an update of the parent would deploy it.
	byHand()
	l.put("inner.yaml", strings.Replace(driftingInner, "DelaySeconds: 5", "DelaySeconds: 7", 1))
	_, set = read(ref(s), formation.Create, "revert-2")
	_, nested = read(ref(s), formation.Probe, "revert-2-nested")
	set.Probe = &nested
	if reasons := drift.Guard(set, drifted("Top")); len(reasons) != 1 || !strings.Contains(reasons[0], "would change it too") || !strings.Contains(reasons[0], *inner.StackId) {
		t.Errorf("reasons %q, the probe is %+v", reasons, nested)
	}
}
