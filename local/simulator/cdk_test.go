package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/testtool"
)

// callerIdentity answers STS GetCallerIdentity, all that the CDK CLI asks of
// another service when a stack needs no assets and no bootstrap roles.
func callerIdentity(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	if !strings.Contains(string(body), "Action=GetCallerIdentity") {
		http.Error(w, "no such service: "+string(body), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::%[1]s:user/tester</Arn><UserId>AIDATEST</UserId><Account>%[1]s</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`, account)
}

// assembly writes a cloud assembly with one stack, as a synthesizer that uses
// the CLI's own credentials would.
func assembly(t *testing.T, dir, body string) {
	t.Helper()
	writeFile(t, dir, "Shop.template.json", body)
	writeFile(t, dir, "manifest.json", `{"version":"48.0.0","artifacts":{"Shop":{"type":"aws:cloudformation:stack",
		"environment":"aws://`+account+`/`+region+`","properties":{"templateFile":"Shop.template.json","validateOnSynth":false},"displayName":"Shop"}}}`)
}

const cdkTemplate = `{"Resources":{
	"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q","DelaySeconds":%d},"Metadata":{"aws:cdk:path":"Shop/Queue"}},
	"Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[]}}},
	"CDKMetadata":{"Type":"AWS::CDK::Metadata","Properties":{"Analytics":"v2:deflate64:x"}}},
	"Outputs":{"Url":{"Value":{"Ref":"Queue"}}}}`

// The CDK CLI, unmodified: deploy, deploy of no changes, diff, update, drift,
// drift revert, destroy.
func TestCDK(t *testing.T) {
	t.Parallel()
	cdk := testtool.Any(t, "EVENKEEL_TEST_CDK", "cdk")
	w := start(t)
	dir := t.TempDir()
	assembly(t, dir, fmt.Sprintf(cdkTemplate, 5))
	run := func(args ...string) string {
		t.Helper()
		out, err := w.command(dir, cdk, append(args, "--app", dir)...)
		if err != nil {
			t.Fatalf("cdk %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	if out := run("deploy", "--require-approval", "never"); !strings.Contains(out, "✅  Shop") || !strings.Contains(out, "Shop.Url = "+queueURL) {
		t.Fatal(out)
	}
	if out := run("deploy", "--require-approval", "never", "--force"); !strings.Contains(out, "(no changes)") {
		t.Error(out)
	}
	assembly(t, dir, fmt.Sprintf(cdkTemplate, 9))
	if out := run("diff"); !strings.Contains(out, "[~] AWS::SQS::Queue Queue") || !strings.Contains(out, "[+] 9") {
		t.Error(out)
	}
	run("deploy", "--require-approval", "never")
	if got := w.live("AWS::SQS::Queue", queueURL)["DelaySeconds"]; got != 9.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
	w.patch("AWS::SQS::Queue", queueURL, `[{"op":"replace","path":"/DelaySeconds","value":20}]`)
	if out := run("drift"); !strings.Contains(out, "[~] AWS::SQS::Queue") || !strings.Contains(out, "DelaySeconds") || !strings.Contains(out, "20") {
		t.Error(out)
	}
	if out, err := w.command(dir, cdk, "drift", "--fail", "--app", dir); err == nil {
		t.Errorf("cdk drift --fail passed:\n%s", out)
	}
	run("deploy", "--require-approval", "never", "--revert-drift")
	if got := w.live("AWS::SQS::Queue", queueURL)["DelaySeconds"]; got != 9.0 {
		t.Errorf("after --revert-drift DelaySeconds = %v", got)
	}
	run("destroy", "--force")
	if out := run("list"); !strings.Contains(out, "Shop") {
		t.Error(out)
	}
}

// A failing deployment is reported with the resource and its reason.
func TestCDKFailure(t *testing.T) {
	t.Parallel()
	cdk := testtool.Any(t, "EVENKEEL_TEST_CDK", "cdk")
	w := start(t)
	dir := t.TempDir()
	assembly(t, dir, `{"Resources":{"Queue":{"Type":"AWS::SQS::Queue","Metadata":{"Evenkeel::Simulate":{"Fail":"no queues today"}}}}}`)
	out, err := w.command(dir, cdk, "deploy", "--require-approval", "never", "--app", dir)
	if err == nil || !strings.Contains(out, "no queues today") {
		t.Error(out)
	}
	assembly(t, dir, `{"Resources":{"Queue":{"Type":"AWS::SQS::Queue","Properties":{"DelaySecond":1}}}}`)
	out, err = w.command(dir, cdk, "deploy", "--require-approval", "never", "--app", dir)
	if err == nil || !strings.Contains(out, "extraneous key [DelaySecond] is not permitted") {
		t.Error(out)
	}
}
