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
	if _, err := w.cfn.DetectStackDrift(ctx, &cfn.DetectStackDriftInput{StackName: aws.String("new")}); err == nil || !strings.Contains(err.Error(), "in REVIEW_IN_PROGRESS state") {
		t.Errorf("in review: %v", err)
	}
}
