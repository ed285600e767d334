package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const networkStack = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-network-test/5f1c2a10-0b7e-11f1-8a4e-0a1b2c3d0001"

// scanned fills the ledger with one scan that was changed.
func (c *cli) scanned(change func(*events.DriftScanned)) {
	c.t.Helper()
	data, err := os.ReadFile("../../testdata/events/DriftScanned.v1.json")
	if err != nil {
		c.t.Fatal(err)
	}
	var raw events.Envelope[struct {
		Metadata events.Metadata     `json:"metadata"`
		Data     events.DriftScanned `json:"data"`
	}]
	if err := json.Unmarshal(data, &raw); err != nil {
		c.t.Fatal(err)
	}
	change(&raw.Detail.Data)
	if data, err = json.Marshal(raw); err != nil {
		c.t.Fatal(err)
	}
	var bare events.Envelope[json.RawMessage]
	if err := json.Unmarshal(data, &bare); err != nil {
		c.t.Fatal(err)
	}
	entry, _, err := ledger.NewEntry(bare)
	if err != nil {
		c.t.Fatal(err)
	}
	c.aws.On("dynamodb", "Query", func(call awsstub.Call) awsstub.Answer { return query(c.t, call, []ledger.Entry{entry}) })
}

// known is a scan of which everything is known.
func known(s *events.DriftScanned) {
	s.Digest = "d1"
	r := &s.Resources[0]
	r.Severity, r.Response, r.Why, r.Engine = "high", "open", "high: it decides how data is encrypted; made by class person", "both"
	r.Disagreement = "live says 6, CloudFormation says 5"
	r.Undeclared = []events.PropertyDifference{{Path: "/DelaySeconds", Type: "ADD", Actual: "3"}}
	r.Attribution = &events.Attribution{
		Class: "person", Principal: "arn:aws:sts::222222222222:assumed-role/admin/kim", Session: "kim", SourceIP: "203.0.113.9",
		UserAgent: "aws-cli/2 \x1b[2J", EventName: "SetQueueAttributes", EventID: "e-1", From: "ledger", Exact: true, Why: "no role of ours",
	}
}

func TestDriftShow(t *testing.T) {
	c := newCLI(t)
	c.scanned(known)
	c.run("drift", "show", "shop-network-test").want(0)
	c.golden("drift-show")
	c.run("drift", "show", networkStack, "--json").want(0)
	if s := decoded[driftStory](c); s.Digest != "d1" || len(s.Timeline) != 1 || s.Resources[0].Attribution.EventID != "e-1" {
		t.Errorf("%+v", s)
	}
	c.run("drift", "show", "nothing").want(3, "evenkeel drift scan nothing")
}

// TestDriftFailOn: what fails a build, and what does not.
func TestDriftFailOn(t *testing.T) {
	tests := []struct {
		failOn  string
		change  func(*events.DriftScanned)
		outcome string
		code    int
	}{
		{"any", known, drift.OutcomeDrifted, 1},
		{"high", known, drift.OutcomeDrifted, 1},
		{"critical", known, drift.OutcomeDrifted, 0},
		{"none", known, drift.OutcomeDrifted, 0},
		{"critical", func(*events.DriftScanned) {}, drift.OutcomeDrifted, 1}, // a severity that is not known
		{"any", func(s *events.DriftScanned) { s.Resources[0].Response = "ignore" }, drift.OutcomeDrifted, 0},
		{"any", func(s *events.DriftScanned) { s.Status, s.Resources = "UNKNOWN", nil }, drift.OutcomeUnknown, 1},
		{"low", func(s *events.DriftScanned) { s.Status, s.Resources = "UNKNOWN", nil }, drift.OutcomeUnknown, 0},
		{"critical", func(s *events.DriftScanned) { s.Status, s.Resources = "UNKNOWN", nil }, drift.OutcomeFailed, 1},
		{"any", func(s *events.DriftScanned) { s.Status, s.Resources = "UNKNOWN", nil }, drift.OutcomeSkipped, 1},
		{"low", func(s *events.DriftScanned) { s.Status, s.Resources = "UNKNOWN", nil }, drift.OutcomeSkipped, 0},
		{"any", func(s *events.DriftScanned) { s.Status, s.Resources = "IN_SYNC", nil }, drift.OutcomeInSync, 0},
	}
	for _, tt := range tests {
		c := newCLI(t)
		status := ""
		c.scanned(func(s *events.DriftScanned) { tt.change(s); status = s.Status })
		c.workflow("SUCCEEDED", summary(tt.outcome, status))
		if c.run("drift", "scan", "--fail-on", tt.failOn); c.code != tt.code {
			t.Errorf("%s of %s: exit code %d, want %d\n%s", tt.failOn, tt.outcome, c.code, tt.code, c.out.String())
		}
	}
	c := newCLI(t)
	c.scanned(known)
	c.run("drift", "list").want(0)
	c.run("drift", "list", "--fail-on", "high").want(1)
	c.run("drift", "list", "--fail-on", "huge").want(2, "the levels are any, low")
	c.run("drift", "list", "--format", "pdf").want(2, "the formats are html")
}

func TestDriftFormats(t *testing.T) {
	c := newCLI(t)
	c.scanned(known)
	c.run("drift", "list", "--format", "sarif").want(0)
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID string
				Level  string
			}
		}
	}
	if err := json.Unmarshal(c.out.Bytes(), &log); err != nil || len(log.Runs) != 1 || len(log.Runs[0].Results) != 2 || log.Runs[0].Results[0].RuleID != "AWS::SQS::Queue/VisibilityTimeout" || log.Runs[0].Results[0].Level != "error" {
		t.Errorf("%+v, %v", log, err)
	}
	file := filepath.Join(t.TempDir(), "drift.html")
	c.run("drift", "list", "--format", "html", "-o", file).want(0, "html of 1 stack written to")
	page, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(page), "/VisibilityTimeout") || c.out.Len() != 0 {
		t.Errorf("%s, %v", page, err)
	}
	c.run("drift", "list", "--format", "json").want(0)
	if views := decoded[[]ledger.DriftView](c); len(views) != 1 || views[0].Digest != "d1" {
		t.Errorf("%+v", views)
	}
}

func TestDriftAccept(t *testing.T) {
	c := newCLI(t)
	c.scanned(known)
	const path = "POST /2015-03-31/functions/drift/invocations"
	answer := func(accepted events.DriftAccepted) {
		text, err := json.Marshal(accepted)
		if err != nil {
			t.Fatal(err)
		}
		c.aws.Reply("lambda", path, string(text))
	}
	answer(events.DriftAccepted{StackRef: events.StackRef{StackName: "shop-network-test"}, LogicalID: "Queue", Path: "/VisibilityTimeout"})
	c.run("drift", "accept", "shop-network-test", "Queue", "/VisibilityTimeout").want(2, "say --reason")
	c.run("drift", "accept", "shop-network-test", "Queue", "VisibilityTimeout", "--reason", "x").want(2, "no JSON pointer")
	c.run("drift", "accept", "shop-network-test", "Queue", "--reason", "x", "--until", "soon").want(2, "neither a day")
	c.run("drift", "accept", "other", "Queue", "--reason", "x").want(3, "no scan of a stack other")
	c.run("drift", "accept", "shop-network-test").want(2, "usage:")
	if len(c.aws.Calls("lambda", path)) != 0 {
		t.Fatal("asked although it was wrong")
	}
	c.run("drift", "accept", "shop-network-test", "Queue", "/VisibilityTimeout", "--reason", "load test", "--until", "2026-01-31").want(0, "Queue/VisibilityTimeout of shop-network-test is accepted until it changes")
	var request struct {
		Action string
		Accept drift.Acceptance
	}
	if err := json.Unmarshal(c.aws.Calls("lambda", path)[0].Body, &request); err != nil {
		t.Fatal(err)
	}
	if a := request.Accept; request.Action != "accept" || a.Stack != networkStack || a.Seen != "d1" || a.By != "arn:aws:iam::111111111111:user/kim" ||
		a.Reason != "load test" || a.Until.Format("2006-01-02") != "2026-02-01" {
		t.Errorf("request %+v", request)
	}
	answer(events.DriftAccepted{StackRef: events.StackRef{StackName: "shop-network-test"}, LogicalID: "Queue", Withdrawn: true})
	c.run("drift", "unaccept", "shop-network-test", "Queue").want(0, "Queue of shop-network-test is drift again")
}

// TestDriftRevertNamesWhatWasSeen: the workflow gets the digest of the scan
// that was shown.
func TestDriftRevertNamesWhatWasSeen(t *testing.T) {
	c := newCLI(t)
	c.scanned(known)
	c.workflow("SUCCEEDED", summary(drift.OutcomeReverted, ""))
	c.run("drift", "revert", "shop-network-test", "--yes", "--include-accepted").want(0)
	var start struct{ Input string }
	var request drift.Request
	if err := json.Unmarshal(c.aws.Calls("states", "StartExecution")[0].Body, &start); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(start.Input), &request); err != nil {
		t.Fatal(err)
	}
	if request.Seen != "d1" || !request.IncludeKept || !request.Revert || request.Stacks[0] != networkStack {
		t.Errorf("%+v", request)
	}
	c.run("drift", "revert", "never-scanned", "--yes").want(3, "evenkeel drift scan never-scanned")
}

func TestDriftPolicy(t *testing.T) {
	c := newCLI(t)
	c.aws.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.run("drift", "policy").want(0, "the built-in policy")
	if p, err := response.Decode("shown", c.out.Bytes()); err != nil || len(p.Responses) != len(response.Default().Responses) {
		t.Errorf("what is shown is no policy: %v", err)
	}
	file := filepath.Join(t.TempDir(), "drift.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("version: 1\nresponses:\n  person: close\n")
	c.run("drift", "policy", "check", file).want(1, file+`:3:11: the response of person "close" is not one of ignore, notify, open, revert`)
	c.run("drift", "policy", "set", file).want(1)
	if len(c.aws.Calls("ssm", "PutParameter")) != 0 {
		t.Error("set what is no policy")
	}
	document := "version: 1 # ours\nignore:\n  - {stack: shop-*, until: 2026-01-01, reason: load test}\n"
	write(document)
	c.run("drift", "policy", "check", file).want(0, "1 exception", `"load test" ended at 2026-01-02T00:00:00Z`)
	c.run("drift", "policy", "set", file).want(0, "counts from the next scan on")
	var put struct{ Name, Value string }
	if err := json.Unmarshal(c.aws.Calls("ssm", "PutParameter")[0].Body, &put); err != nil || put.Value != document || put.Name != "/evenkeel/drift/policy" {
		t.Errorf("put %+v, %v", put, err)
	}
	c.aws.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"version: 1 # ours\n"}}`)
	c.run("drift", "policy", "show").want(0, "version: 1 # ours")
	c.run("drift", "policy", "check", "nowhere.yaml").want(3, "no file")
	c.run("drift", "policy", "schema").want(0, `"title": "Evenkeel drift policy"`)
}
