package route_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/infra/route"
)

// event makes an event from a source, a detail-type and a detail.
func event(source, detailType, detail string) map[string]any {
	var d any
	if err := json.Unmarshal([]byte(detail), &d); err != nil {
		panic(err)
	}
	return map[string]any{"source": source, "detail-type": detailType, "detail": d}
}

const (
	stackChange  = "CloudFormation Stack Status Change"
	driftChange  = "CloudFormation Drift Detection Status Change"
	statesChange = "Step Functions Execution Status Change"
	cloudTrail   = "AWS API Call via CloudTrail"
	buildChange  = "CodeBuild Build State Change"
	codeCommit   = "CodeCommit Repository State Change"
	pullRequest  = "CodeCommit Pull Request State Change"
)

// TestRoutesMatch: which rules take an event. Shapes follow the user guides of
// the services.
func TestRoutesMatch(t *testing.T) {
	tests := []struct {
		name  string
		event map[string]any
		want  []string // without the prefix
	}{
		{"a push", event("evenkeel.source", "GitPushed.v1", `{}`), []string{"git-pushed", "ledger"}},
		{"a pull request", event("evenkeel.source", "PullRequestUpdated.v1", `{}`), []string{"ledger", "pull-request-updated"}},
		{"a run began", event("evenkeel.pipeline", "RunStarted.v1", `{}`), []string{"ledger", "run-status"}},
		{"a pull request of CodeCommit", event("aws.codecommit", pullRequest, `{"event": "pullRequestSourceBranchUpdated", "pullRequestStatus": "Open"}`), []string{"codecommit-pull-request"}},
		{"a pull request was merged", event("aws.codecommit", pullRequest, `{"event": "pullRequestMergeStatusUpdated", "pullRequestStatus": "Closed"}`), nil},
		{"a review broke off", event("aws.states", statesChange, `{"status": "TIMED_OUT", "stateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-review"}`), []string{"review-broken"}},
		{"a rollout broke off", event("aws.states", statesChange, `{"status": "FAILED", "stateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-rollout"}`), []string{"rollout-broken"}},
		{"a rollout ended", event("aws.states", statesChange, `{"status": "SUCCEEDED", "stateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-rollout"}`), nil},
		{"a step of a rollout", event("evenkeel.rollout", "RolloutStepped.v1", `{}`), []string{"ledger"}},
		{"another fact", event("evenkeel.drift", "DriftScanned.v1", `{}`), []string{"ledger"}},
		{"a fact of somebody else", event("evenkeeler.source", "GitPushed.v1", `{}`), nil},
		{"a branch moved", event("aws.codecommit", codeCommit, `{"event": "referenceUpdated", "referenceType": "branch"}`), []string{"codecommit-push"}},
		{"a branch was deleted", event("aws.codecommit", codeCommit, `{"event": "referenceDeleted", "referenceType": "branch"}`), nil},
		{"a tag", event("aws.codecommit", codeCommit, `{"event": "referenceCreated", "referenceType": "tag"}`), nil},
		{"a stack rests", event("aws.cloudformation", stackChange, `{"status-details": {"status": "UPDATE_ROLLBACK_COMPLETE"}}`), []string{"stack-settled-deployment", "stack-settled-drift"}},
		{"a stack failed", event("aws.cloudformation", stackChange, `{"status-details": {"status": "UPDATE_ROLLBACK_FAILED"}}`), []string{"stack-settled-deployment", "stack-settled-drift"}},
		{"a stack works", event("aws.cloudformation", stackChange, `{"status-details": {"status": "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}}`), nil},
		{"a build failed", event("aws.codebuild", buildChange, `{"build-status": "FAILED"}`), []string{"tests-ended"}},
		{"a build runs", event("aws.codebuild", buildChange, `{"build-status": "IN_PROGRESS"}`), nil},
		{"a detection ended", event("aws.cloudformation", driftChange, `{"status-details": {"detection-status": "DETECTION_FAILED"}}`), []string{"drift-detected"}},
		{"a detection runs", event("aws.cloudformation", driftChange, `{"status-details": {"detection-status": "DETECTION_IN_PROGRESS"}}`), nil},
		{"a run broke off", event("aws.states", statesChange, `{"status": "ABORTED", "stateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-pipeline"}`), []string{"run-broken"}},
		{"a run succeeded", event("aws.states", statesChange, `{"status": "SUCCEEDED", "stateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-pipeline"}`), nil},
		{"another workflow failed", event("aws.states", statesChange, `{"status": "FAILED", "stateMachineArn": "arn:aws:states:us-east-1:111111111111:stateMachine:other"}`), nil},
		{"a group was opened", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress"}`), []string{"resource-written", "security-group-changed"}},
		{"nobody opened a group", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress", "errorCode": "Client.UnauthorizedOperation"}`), nil},
		{"somebody may have opened a group", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress", "errorCode": "Server.InternalError"}`), []string{"security-group-changed"}},
		{"a group was closed", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "RevokeSecurityGroupIngress"}`), []string{"resource-written"}},
		{"a group was tagged", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "CreateTags", "requestParameters": {"resourcesSet": {"items": [{"resourceId": "i-1"}, {"resourceId": "sg-1"}]}}}`), []string{"resource-written", "security-group-changed"}},
		{"an instance was tagged", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "CreateTags", "requestParameters": {"resourcesSet": {"items": [{"resourceId": "i-1"}]}}}`), []string{"resource-written"}},
		{"nobody tagged a group", event("aws.ec2", cloudTrail, `{"eventSource": "ec2.amazonaws.com", "eventName": "DeleteTags", "errorCode": "Client.UnauthorizedOperation", "requestParameters": {"resourcesSet": {"items": [{"resourceId": "sg-1"}]}}}`), nil},
		{"a queue was changed", event("aws.sqs", cloudTrail, `{"eventSource": "sqs.amazonaws.com", "eventName": "SetQueueAttributes", "readOnly": false, "managementEvent": true}`), []string{"resource-written"}},
		{"a queue was read", event("aws.sqs", cloudTrail, `{"eventSource": "sqs.amazonaws.com", "eventName": "GetQueueAttributes", "readOnly": true, "managementEvent": true}`), nil},
		{"an object was put", event("aws.s3", cloudTrail, `{"eventSource": "s3.amazonaws.com", "eventName": "PutObject", "readOnly": false, "managementEvent": false}`), nil},
		{"nobody changed a queue", event("aws.sqs", cloudTrail, `{"eventSource": "sqs.amazonaws.com", "eventName": "SetQueueAttributes", "readOnly": false, "errorCode": "AccessDenied"}`), nil},
		{"a service that nobody watches", event("aws.braket", cloudTrail, `{"eventSource": "braket.amazonaws.com", "eventName": "CancelJob", "readOnly": false}`), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, r := range route.Routes() {
				if matches(t, r, tt.event) {
					got = append(got, strings.TrimPrefix(r.Name, "evenkeel-"))
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("taken by %v, want %v", got, tt.want)
			}
		})
	}
}

func matches(t *testing.T, r route.Route, event map[string]any) bool {
	t.Helper()
	if r.Pattern == nil {
		return false
	}
	matched, err := route.Matches(r.Pattern, event)
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	return matched
}

// TestSamplesAreTaken: each event sample of the repository that has an envelope
// is taken by a rule, or it is listed here with the reason why not.
func TestSamplesAreTaken(t *testing.T) {
	files, err := filepath.Glob("../../testdata/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no event samples: %v", err)
	}
	enveloped := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sample map[string]any
		if json.Unmarshal(data, &sample) != nil || sample["detail-type"] == nil {
			continue // a webhook's payload, or a bare detail
		}
		enveloped++
		var taken []string
		for _, r := range route.Routes() {
			if matches(t, r, sample) {
				taken = append(taken, r.Name)
			}
		}
		why, ignored := notTaken(sample)
		if (len(taken) == 0) != ignored {
			t.Errorf("%s is taken by %v; %s", filepath.Base(file), taken, why)
		}
	}
	if enveloped == 0 {
		t.Error("no sample is an event")
	}
}

// notTaken says why no rule should take an event.
func notTaken(sample map[string]any) (string, bool) {
	detail, _ := sample["detail"].(map[string]any)
	text, _ := json.Marshal(detail)
	has := func(fragments ...string) bool {
		return slices.ContainsFunc(fragments, func(f string) bool { return strings.Contains(string(text), f) })
	}
	switch {
	case sample["detail-type"] == "Scheduled Event":
		return "a schedule has no pattern", true
	case has(`"errorCode":`):
		return "the call failed: nothing changed", true
	case has("_IN_PROGRESS"):
		return "the operation has not ended", true
	case sample["detail-type"] == statesChange && has(`"status":"SUCCEEDED"`, `"status":"RUNNING"`):
		return "the execution is well", true
	case sample["detail-type"] == codeCommit && has(`"event":"referenceDeleted"`, `"referenceType":"tag"`):
		return "no branch moved", true
	}
	return "it should be", false
}

// TestForwardedIsWhatTheHubTakes: a workload account forwards the events that a
// rule of the hub waits for, and each of its patterns equals one of the hub's.
func TestForwardedIsWhatTheHubTakes(t *testing.T) {
	for _, f := range route.Forwarded() {
		want, _ := json.Marshal(f.Pattern)
		found := slices.ContainsFunc(route.Routes(), func(r route.Route) bool {
			got, _ := json.Marshal(r.Pattern)
			return !r.OwnBus && string(got) == string(want)
		})
		if !found {
			t.Errorf("%s forwards what no rule of the hub takes", f.Name)
		}
	}
}

func TestRoutesAreSound(t *testing.T) {
	names := map[string]bool{}
	for _, r := range slices.Concat(route.Routes(), route.Forwarded()) {
		if names[r.Name] || !strings.HasPrefix(r.Name, "evenkeel-") || len(r.Name) > 64 || r.Description == "" {
			t.Errorf("%q: names are unique, at most 64 characters, and described", r.Name)
		}
		names[r.Name] = true
		if (r.Pattern == nil) == (r.Schedule == "") {
			t.Errorf("%s needs a pattern or a schedule", r.Name)
		}
	}
	for _, r := range route.Routes() {
		if (r.Function == "") == (r.Workflow == "") {
			t.Errorf("%s needs one target", r.Name)
		}
		if r.Queued && (r.Function == "" || r.Input != "" || r.Pattern == nil) {
			t.Errorf("%s: only events wait in a queue, and only for a function", r.Name)
		}
	}
}

// TestSweeps: what hears of events that are sent with best effort looks around
// by itself too.
func TestSweeps(t *testing.T) {
	swept := map[string]bool{}
	for _, r := range route.Routes() {
		if r.Input == `{"action":"sweep"}` {
			swept[r.Function] = r.Schedule == "rate(15 minutes)"
		}
	}
	if !swept["healing"] || !swept["rollout"] || len(swept) != 2 {
		t.Errorf("swept %v", swept)
	}
}

// TestPatternsFit: an event pattern has at most 2,048 characters.
// Source: EventBridge user guide, "Amazon EventBridge quotas".
func TestPatternsFit(t *testing.T) {
	for _, r := range route.Routes() {
		if text, err := json.Marshal(r.Pattern); err != nil || len(text) > 2048 {
			t.Errorf("%s: %d characters, %v", r.Name, len(text), err)
		}
	}
}

func TestMatchesRefusesWhatItDoesNotKnow(t *testing.T) {
	pattern := map[string]any{"source": []any{map[string]any{"wildcard": "a*"}}}
	if _, err := route.Matches(pattern, map[string]any{"source": "ab"}); err == nil {
		t.Error("an unknown operator passed")
	}
}
