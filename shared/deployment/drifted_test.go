package deployment

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
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

type changers []attribution.Known

func (c changers) Changers(_ context.Context, stack events.StackRef) ([]attribution.Known, error) {
	if stack.StackID != "arn:stack" || stack.Account != "222222222222" || stack.Region != "us-east-1" || stack.StackName != "shop" {
		return nil, fault.Invalid("asked for %+v", stack)
	}
	return c, nil
}

// TestWithDriftSaysWhoMadeIt: the plan names principal, class, time and call of
// what the last scan knows, in its reasons, its text and its JSON; and nobody
// for what has drifted since. CloudFormation tells of no change who made it.
func TestWithDriftSaysWhoMadeIt(t *testing.T) {
	at := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	kim := events.Attribution{Class: attribution.ClassPerson, Principal: "arn:aws:sts::222222222222:assumed-role/ops/kim\x1b[2J", EventName: "SetQueueAttributes", EventID: "e-1", Time: at, Exact: true}
	lee := events.Attribution{Class: attribution.ClassBreakGlass, Principal: "arn:aws:iam::222222222222:user/lee", EventName: "DeleteTopic", EventID: "e-2", Time: at}
	to := events.Target{StackName: "shop", Account: "222222222222", Region: "us-east-1"}
	set := ChangeSet{Changes: []changeset.Change{
		{Action: "Modify", LogicalID: "Queue", Type: "AWS::SQS::Queue", Replacement: "False"},
		{Action: "Modify", LogicalID: "Topic", Type: "AWS::SNS::Topic", Replacement: "False"},
	}}
	plan := func(known changers) (reasons, text, document string) {
		t.Helper()
		shown, err := WithDrift(context.Background(), driftingStack{}, Outside{Changers: known}, to, set, at)
		if err != nil {
			t.Fatal(err)
		}
		rated := risk.Assess(shown, risk.Templates{}, risk.Published("us-east-1"), risk.Policy{})
		d := NewDocument(shown, rated, to.Region)
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(rated.Texts(), "\n"), d.Text(), string(data)
	}
	reasons, text, document := plan(changers{
		{LogicalID: "Queue", Paths: []string{"/DelaySeconds"}, By: kim, Scanned: at.Add(time.Hour)}, {LogicalID: "Topic", By: lee, Scanned: at.Add(time.Hour)},
	})
	const delay = "may overwrite /Properties/DelaySeconds; arn:aws:sts::222222222222:assumed-role/ops/kim [2J (person) changed it at 2026-01-01T10:00:00Z with SetQueueAttributes"
	const topic = "was deleted outside of the stack; the last known change of the resource is of arn:aws:iam::222222222222:user/lee (breakGlass) at 2026-01-01T10:00:00Z with DeleteTopic"
	for _, want := range []string{delay, topic} {
		if !strings.Contains(reasons, want) || !strings.Contains(text, want) || !strings.Contains(document, want) {
			t.Errorf("%s\n%s\nlacks %s", reasons, text, want)
		}
	}
	if strings.Contains(reasons, "/Tags/0; ") {
		t.Errorf("what has drifted since the scan is nobody's: %s", reasons)
	}
	for _, want := range []string{`"driftBy":{"principal":"arn:aws:iam::222222222222:user/lee","class":"breakGlass","call":"DeleteTopic","eventId":"e-2","time":"2026-01-01T10:00:00Z","scanned":"2026-01-01T11:00:00Z"}`} {
		if !strings.Contains(document, want) {
			t.Errorf("%s\nlacks %s", document, want)
		}
	}
	if want := "[drift: DELETED by arn:aws:iam::222222222222:user/lee (breakGlass)]"; !strings.Contains(text, want) || strings.Contains(text, "\x1b") {
		t.Errorf("%s\nlacks %s, or steers the terminal", text, want)
	}
	// It was modified when it was scanned, and is gone now: that is another change.
	if reasons, _, _ := plan(changers{{LogicalID: "Topic", Paths: []string{"/DisplayName"}, By: lee}}); strings.Contains(reasons, "lee") {
		t.Errorf("%s", reasons)
	}
	if reasons, _, _ := plan(nil); strings.Contains(reasons, "arn:") {
		t.Errorf("names nobody's principal: %s", reasons)
	}
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
		set, err := WithDrift(context.Background(), driftingStack{}, Outside{Baselines: baselines}, events.Target{StackName: "shop"}, set, now)
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
