package deployment

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/risk"
)

// driftingStack has a queue and a topic that drifted.
type driftingStack struct{}

func (driftingStack) Describe(context.Context, events.Target) (Stack, error) {
	return Stack{ID: "arn:stack", Drift: drifted}, nil
}

func (driftingStack) Drifts(context.Context, events.Target) ([]ResourceDrift, error) {
	return []ResourceDrift{
		{LogicalID: "Queue", Status: "MODIFIED", Drifted: []changeset.Drifted{{Path: "/DelaySeconds", Expected: "0", Actual: "5"}, {Path: "/Tags/0", Actual: "x"}}},
		{LogicalID: "Topic", Status: "DELETED"},
	}, nil
}

type accepted []response.Accepted

func (a accepted) Accepted(_ context.Context, stack events.StackRef) ([]response.Accepted, error) {
	if stack.StackID != "arn:stack" {
		return nil, fault.Invalid("asked for %+v", stack)
	}
	return a, nil
}

// TestWithDriftSaysWhatWasAccepted: the plan names property, values, and who
// accepted them; what is over is not named.
func TestWithDriftSaysWhatWasAccepted(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	plan := func(baselines Baselines) string {
		t.Helper()
		set := ChangeSet{Changes: []changeset.Change{
			{Action: "Modify", LogicalID: "Queue", Type: "AWS::SQS::Queue", Replacement: "False"},
			{Action: "Modify", LogicalID: "Topic", Type: "AWS::SNS::Topic", Replacement: "False"},
		}}
		set, err := WithDrift(context.Background(), driftingStack{}, baselines, events.Target{StackName: "shop"}, set, now)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(risk.Assess(set, risk.Templates{}, risk.Published("us-east-1"), risk.Policy{}).Texts(), "\n")
	}
	all := accepted{
		{LogicalID: "Queue", Path: "/DelaySeconds", By: "kim", Reason: "load test", At: now.Add(-24 * time.Hour)},
		{LogicalID: "Queue", Path: "/Tags", By: "lee", Reason: "old", At: now, Until: now},
		{LogicalID: "Topic", By: "kim", Reason: "not needed", At: now, Until: now.Add(time.Hour)},
	}
	got := plan(all)
	for _, want := range []string{
		"from 0 to 5, and the deployment may overwrite /Properties/DelaySeconds; kim accepted drift here on 2026-01-01: load test",
		"from nothing to x, and the deployment may overwrite /Properties/Tags/0",
		"was deleted outside of the stack; kim accepted drift here on 2026-01-02: not needed",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	if strings.Contains(got, "lee") || strings.Contains(plan(nil), "kim") {
		t.Errorf("names what is over, or nobody: %s", got)
	}
}
