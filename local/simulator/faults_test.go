package simulator_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// inject adds a fault through the admin endpoint and gives the answer.
func (w *world) inject(method, path, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.url+"/admin"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// CFN-61: a fault from outside fails one resource, as often as it says.
func TestInjectedResourceFault(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	if status, text := w.inject("POST", "/faults", `{"kind":"resource","stack":"shop","resource":"Queue","on":"update","reason":"injected","times":1}`); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	changed := strings.Replace(tagged, "DelaySeconds: 5", "DelaySeconds: 6", 1)
	w.wantStatus(w.execute(w.update("shop", changed), "t"), types.StackStatusUpdateRollbackComplete)
	if text := strings.Join(w.history("shop"), "\n"); !strings.Contains(text, `Queue UPDATE_FAILED Resource handler returned message: "injected"`) {
		t.Error(text)
	}
	if _, text := w.inject("GET", "/faults", ""); strings.TrimSpace(text) != "[]" {
		t.Errorf("a fault with times 1 remains: %s", text)
	}
	cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("again"), TemplateBody: &changed})
	w.wantStatus(w.execute(cs, "t2"), types.StackStatusUpdateComplete)
	for _, bad := range []string{`{"kind":"weather"}`, `{"kind":"call","cal":"x"}`, `no JSON`} {
		if status, _ := w.inject("POST", "/faults", bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
}

// CFN-61: a throttled call answers the error that SDKs retry; a delay delays.
func TestInjectedCallFault(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	once := func(o *cfn.Options) { o.RetryMaxAttempts = 1 }
	describe := func(options ...func(*cfn.Options)) error {
		_, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{StackName: aws.String("shop")}, options...)
		return err
	}
	w.inject("POST", "/faults", `{"kind":"call","call":"DescribeStacks","times":1}`)
	if err := describe(once); err == nil || !strings.Contains(err.Error(), "Throttling: Rate exceeded") {
		t.Errorf("%v", err)
	}
	w.inject("POST", "/faults", `{"kind":"call","call":"DescribeStacks","times":1}`)
	if err := describe(); err != nil {
		t.Errorf("the SDK did not retry: %v", err)
	}
	w.inject("POST", "/faults", `{"kind":"call","call":"Describe*","status":500,"error":"InternalFailure","reason":"down"}`)
	if err := describe(once); err == nil || !strings.Contains(err.Error(), "InternalFailure: down") {
		t.Errorf("%v", err)
	}
	w.inject("DELETE", "/faults", "")
	w.inject("POST", "/faults", `{"kind":"call","delayMs":50,"times":1}`)
	began := time.Now()
	if err := describe(once); err != nil || time.Since(began) < 50*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// CFN-61: events can be lost and delivered twice.
func TestInjectedEventFault(t *testing.T) {
	w := start(t)
	w.inject("POST", "/faults", `{"kind":"event","detailType":"CloudFormation Stack Status Change","event":"CREATE_IN_PROGRESS","lose":true}`)
	w.inject("POST", "/faults", `{"kind":"event","detailType":"CloudFormation Stack Status Change","event":"CREATE_COMPLETE","repeat":2}`)
	w.deploy("shop", tagged)
	var got string
	w.eventually("events", func() bool {
		got = ""
		for _, e := range w.published("CloudFormation Stack Status Change") {
			_, rest, _ := strings.Cut(string(e.Detail), `"status":"`)
			status, _, _ := strings.Cut(rest, `"`)
			got += status + " "
		}
		return got == "REVIEW_IN_PROGRESS CREATE_COMPLETE CREATE_COMPLETE CREATE_COMPLETE "
	})
}

// CFN-52: what cannot be read is UNKNOWN, the detection fails and keeps the
// other results.
func TestUnreadableResource(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"read","reason":"access denied"}`)
	out := w.detect("shop")
	if out.DetectionStatus != types.StackDriftDetectionStatusDetectionFailed || !strings.Contains(*out.DetectionStatusReason, "Queue") {
		t.Errorf("%+v", out)
	}
	drifts := w.drifts("shop")
	if d := drifts["Queue"]; d.StackResourceDriftStatus != types.StackResourceDriftStatusUnknown || aws.ToString(d.DriftStatusReason) != "access denied" {
		t.Errorf("%+v", d)
	}
	if d := drifts["Topic"]; d.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Errorf("%+v", d)
	}
}

// CFN-50: one detection at a time, only in a stable state.
func TestDetectionRefused(t *testing.T) {
	w := start(t, func(o *simulator.Options) { o.OperationDelay = 200 * time.Millisecond })
	w.deploy("shop", tagged)
	ctx := context.Background()
	if _, err := w.cfn.DetectStackDrift(ctx, &cfn.DetectStackDriftInput{StackName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.cfn.DetectStackDrift(ctx, &cfn.DetectStackDriftInput{StackName: aws.String("shop")}); err == nil || !strings.Contains(err.Error(), "Drift detection is already in progress for stack [arn:") {
		t.Errorf("second: %v", err)
	}
	review := tagged
	w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("new"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &review})
	if _, err := w.cfn.DetectStackDrift(ctx, &cfn.DetectStackDriftInput{StackName: aws.String("new")}); err == nil || !strings.Contains(err.Error(), "cannot be performed on stack [arn:") {
		t.Errorf("in review: %v", err)
	}
}

// partial has three resources, which a detection reaches in this order.
const partial = `
Resources:
  Alerts: {Type: AWS::SNS::Topic, Properties: {DisplayName: alerts}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs, DelaySeconds: 5}}
  News: {Type: AWS::SNS::Topic, Properties: {DisplayName: news}}
`

// CFN-53: a detection that breaks off has results of what it checked. "Resources
// that haven't yet been checked for drift aren't included."
// CFN-54: UNKNOWN when one failed and none that was checked drifted.
func TestDetectionBrokenOff(t *testing.T) {
	w := start(t)
	w.deploy("shop", partial)
	w.inject("POST", "/faults", `{"kind":"detection","stack":"shop","after":2,"reason":"Rate exceeded","times":1}`)
	out := w.detect("shop")
	if out.DetectionStatus != types.StackDriftDetectionStatusDetectionFailed || out.StackDriftStatus != types.StackDriftStatusUnknown || *out.DriftedStackResourceCount != 0 {
		t.Errorf("%+v", out)
	}
	want := `{"Summary":"Failed to detect drift on resources [News]","Failures":[{"Resource":"News","FailureReason":"Rate exceeded"}]}`
	if got := aws.ToString(out.DetectionStatusReason); got != want {
		t.Errorf("reason %s, want %s", got, want)
	}
	drifts := w.drifts("shop")
	if _, there := drifts["News"]; there || len(drifts) != 2 || drifts["Jobs"].StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Errorf("%+v", drifts)
	}
	if out := w.detect("shop"); out.DetectionStatus != types.StackDriftDetectionStatusDetectionComplete || len(w.drifts("shop")) != 3 {
		t.Errorf("the fault struck twice: %+v", out)
	}
}

// CFN-53: "the row that an earlier detection made stays as it was, with the
// Timestamp of that one".
// CFN-54: DRIFTED "when a resource that was checked is MODIFIED or DELETED,
// whatever failed".
func TestDetectionBrokenOffKeepsOlderRows(t *testing.T) {
	w := start(t)
	w.deploy("shop", partial)
	w.detect("shop")
	before := w.drifts("shop")
	w.patch("AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/222222222222/jobs", `[{"op":"replace","path":"/DelaySeconds","value":20}]`)
	w.inject("POST", "/faults", `{"kind":"detection","stack":"shop","after":1}`)
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusUnknown || !strings.Contains(*out.DetectionStatusReason, "Internal Failure") {
		t.Errorf("a drifted resource that was not reached: %+v", out)
	}
	after := w.drifts("shop")
	if jobs := after["Jobs"]; jobs.StackResourceDriftStatus != types.StackResourceDriftStatusInSync || !jobs.Timestamp.Equal(*before["Jobs"].Timestamp) {
		t.Errorf("not reached: %+v, want %+v", jobs, before["Jobs"])
	}
	if alerts := after["Alerts"]; !alerts.Timestamp.After(*before["Alerts"].Timestamp) {
		t.Errorf("reached: %+v, before %+v", alerts, before["Alerts"])
	}
	w.inject("DELETE", "/faults", "")
	w.inject("POST", "/faults", `{"kind":"detection","stack":"shop","after":2}`)
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusDrifted || *out.DriftedStackResourceCount != 1 {
		t.Errorf("a drifted resource that was reached: %+v", out)
	}
}

// CFN-50: "In any other state it is refused", also while the stack is updated.
func TestDetectionRefusedWhileUpdated(t *testing.T) {
	w := start(t)
	w.deploy("shop", partial)
	w.inject("POST", "/faults", `{"kind":"resource","stack":"shop","resource":"Jobs","on":"update","delayMs":300,"times":1}`)
	changed := strings.Replace(partial, "DelaySeconds: 5", "DelaySeconds: 6", 1)
	if _, err := w.cfn.UpdateStack(context.Background(), &cfn.UpdateStackInput{StackName: aws.String("shop"), TemplateBody: &changed}); err != nil {
		t.Fatal(err)
	}
	_, err := w.cfn.DetectStackDrift(context.Background(), &cfn.DetectStackDriftInput{StackName: aws.String("shop")})
	if err == nil || !strings.Contains(err.Error(), "while it is in [UPDATE_IN_PROGRESS] state") {
		t.Errorf("%v", err)
	}
	w.eventually("the update to end", func() bool { return w.stack("shop").StackStatus == types.StackStatusUpdateComplete })
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusInSync {
		t.Errorf("%+v", out)
	}
}
