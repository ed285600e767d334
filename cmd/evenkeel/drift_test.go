package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/drift"
)

const scanID = "scan-20260102T033000Z"

// workflow answers for the drift workflow: running once, then ended.
func (c *cli) workflow(status string, summary drift.Summary) {
	c.t.Helper()
	output, err := json.Marshal(summary)
	if err != nil {
		c.t.Fatal(err)
	}
	ended, err := json.Marshal(map[string]any{"executionArn": "arn:x", "status": status, "output": string(output), "error": "States.Runtime", "cause": "broken"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.aws.Reply("states", "StartExecution", `{"executionArn":"arn:aws:states:us-east-1:111111111111:execution:drift:x","startDate":1767323045}`)
	c.aws.Reply("states", "DescribeExecution", `{"executionArn":"arn:x","status":"RUNNING"}`, string(ended))
}

func summary(outcome, status string) drift.Summary {
	return drift.Summary{ScanID: scanID, Counts: map[string]int{outcome: 1}, Stacks: []drift.Result{{
		StackName: "shop-network-test", Account: "222222222222", Region: "us-east-1", Outcome: outcome, Status: status, Drifted: 1,
	}}}
}

func TestDriftScan(t *testing.T) {
	c := newCLI(t)
	c.ledger("DriftScanned.v1", "DriftDetected.v1")
	c.workflow("SUCCEEDED", summary(drift.OutcomeDrifted, "DRIFTED"))
	c.run("drift", "scan", "--engine", "magic").want(2, `there is no engine "magic"`)
	c.run("drift", "scan", "--engine", "live", "shop-network-test").want(1, "drift scan started")
	c.golden("drift-scan")

	var input drift.Request
	var start struct{ Input string }
	if err := json.Unmarshal(c.aws.Calls("states", "StartExecution")[0].Body, &start); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(start.Input), &input); err != nil {
		t.Fatal(err)
	}
	if input.Revert || input.Engine != drift.EngineLive || len(input.Stacks) != 1 || input.RequestedBy != "arn:aws:iam::111111111111:user/kim" {
		t.Errorf("input = %+v", input)
	}

	c.run("drift", "scan", "--json").want(1)
	if r := decoded[driftResult](c); r.ScanID != scanID || len(r.Scans) != 1 || r.Scans[0].Resources[0].Differences[0].Actual != "5" {
		t.Errorf("%+v", r)
	}
}

func TestDriftScanEnds(t *testing.T) {
	c := newCLI(t)
	c.ledger()
	c.workflow("SUCCEEDED", drift.Summary{ScanID: scanID})
	c.run("drift", "scan").want(0, "nothing was deployed yet")
	c.workflow("FAILED", drift.Summary{})
	c.run("drift", "scan").want(1, "ended FAILED", "broken")
	c.workflow("RUNNING", drift.Summary{})
	c.run("drift", "scan", "--timeout", "1ms").want(1, "still runs after", "goes on without")
	c.workflow("SUCCEEDED", drift.Summary{ScanID: scanID, Stacks: []drift.Result{{StackName: "s", Outcome: drift.OutcomeFailed, Reasons: []string{"no role", "no access"}}}})
	c.run("drift", "scan").want(1, "s: Failed: no role; no access")
}

func TestDriftRevertAsksFirst(t *testing.T) {
	c := newCLI(t)
	c.ledger("DriftScanned.v1")
	c.workflow("SUCCEEDED", summary(drift.OutcomeReverted, ""))
	c.run("drift", "revert", "shop-network-test").want(2, "say --yes", "/VisibilityTimeout")
	c.app.prompt = true
	c.app.in = strings.NewReader("n\n")
	c.run("drift", "revert", "shop-network-test").want(0, "nothing was changed")
	if len(c.aws.Calls("states", "")) != 0 {
		t.Fatal("it started although the answer was no")
	}
	c.app.in = strings.NewReader("y\n")
	c.run("drift", "revert", "shop-network-test").want(0, "shop-network-test: Reverted")
	c.workflow("SUCCEEDED", summary(drift.OutcomeRevertRefused, ""))
	c.run("drift", "revert", "shop-network-test", "--yes").want(1, "RevertRefused")
	if calls := c.aws.Calls("states", "StartExecution"); len(calls) != 2 || !strings.Contains(string(calls[1].Body), `\"revert\":true`) {
		t.Errorf("calls = %+v", calls)
	}
	c.run("drift", "revert").want(2, "usage:")
}

func TestDriftList(t *testing.T) {
	c := newCLI(t)
	c.ledger("DriftScanned.v1", "DriftDetected.v1", "DriftRevertRefused.v1")
	c.run("drift").want(0)
	c.golden("drift-list")
	c.ledger()
	c.run("drift", "list").want(0, "no stack was scanned yet")
}

func TestHeals(t *testing.T) {
	c := newCLI(t)
	c.ledger("SecurityGroupHealed.v1")
	c.run("heal").want(0)
	c.golden("heal-list")
	c.run("heal", "show", "h-0d4c3b2a").want(0)
	c.golden("heal-show")
	c.ledger("SecurityGroupHealed.v1", "SecurityGroupHealUndone.v1")
	c.run("heal", "show", "h-0d4c3b2a").want(0, "Undone", "opened again by", "+ tcp 22 from 0.0.0.0/0 (sgr-0a1b2c3d4e5f60010)")
	c.ledger("SecurityGroupExposed.v1")
	c.run("heal", "show", "h-0d4c3b2a").want(0, "Observed", "! tcp 22 from")
	c.run("heal", "show", "h-none").want(3, "no heal h-none")
	c.ledger()
	c.run("heal", "list").want(0, "no security group was too open yet")
	c.run("heal", "list", "--limit", "0").want(2, "--limit 0 is not at least 1")
}

func TestHealUndo(t *testing.T) {
	c := newCLI(t)
	c.ledger("SecurityGroupHealed.v1")
	undone, err := json.Marshal(events.SecurityGroupHealUndone{HealID: "h-0d4c3b2a", Restored: []events.SecurityGroupRule{{RuleID: "sgr-2", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"}}})
	if err != nil {
		t.Fatal(err)
	}
	const path = "POST /2015-03-31/functions/healing/invocations"
	c.aws.Reply("lambda", path, string(undone))
	c.run("heal", "undo", "h-0d4c3b2a").want(2, "say --yes")
	c.run("heal", "undo", "h-0d4c3b2a", "--yes").want(0, "+ tcp 22 from 0.0.0.0/0 (sgr-2)")
	if body := string(c.aws.Calls("lambda", path)[0].Body); !strings.Contains(body, `"action":"undo"`) || !strings.Contains(body, "user/kim") {
		t.Errorf("request = %s", body)
	}
	c.run("heal", "undo", "h-none").want(3, "no heal h-none")
	c.ledger("SecurityGroupExposed.v1")
	c.run("heal", "undo", "h-0d4c3b2a", "--yes").want(1, "h-0d4c3b2a only reported: nothing was closed")
	if n := len(c.aws.Calls("lambda", path)); n != 1 {
		t.Errorf("the function was asked %d times", n)
	}
}

func TestRuleText(t *testing.T) {
	tests := map[string]events.SecurityGroupRule{
		`tcp 20-25 from ::/0 (r) "quick"`:    {RuleID: "r", Protocol: "tcp", FromPort: 20, ToPort: 25, CIDRv6: "::/0", Description: "quick"},
		`every protocol from pl-1 (r)`:       {RuleID: "r", Protocol: "-1", FromPort: -1, ToPort: -1, PrefixListID: "pl-1"},
		`udp 53 from sg-2 (r)`:               {RuleID: "r", Protocol: "udp", FromPort: 53, ToPort: 53, ReferencedGroupID: "sg-2"},
		`icmp all from 10.0.0.0/8 (r)`:       {RuleID: "r", Protocol: "icmp", FromPort: -1, ToPort: -1, CIDRv4: "10.0.0.0/8"},
		`tcp 443 from 203.0.113.0/24 (r)`:    {RuleID: "r", Protocol: "tcp", FromPort: 443, ToPort: 443, CIDRv4: "203.0.113.0/24"},
		`tcp 0-65535 from 203.0.113.7/32 ()`: {Protocol: "tcp", FromPort: 0, ToPort: 65535, CIDRv4: "203.0.113.7/32"},
	}
	for want, rule := range tests {
		if got := ruleText(rule); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHealMode(t *testing.T) {
	c := newCLI(t)
	c.aws.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.run("heal", "mode").want(0, "observe")
	c.run("heal", "mode", "observe").want(0, "observe")
	if len(c.aws.Calls("ssm", "PutParameter")) != 0 {
		t.Error("an unchanged mode was written")
	}
	c.run("heal", "mode", "enforce").want(0, "enforce")
	if body := string(c.aws.Calls("ssm", "PutParameter")[0].Body); !strings.Contains(body, `\"mode\":\"enforce\"`) || !strings.Contains(body, "/evenkeel/healing/policy") {
		t.Errorf("put = %s", body)
	}
	c.run("heal", "mode", "loud").want(2, "the modes are observe and enforce")
	c.aws.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"{"}}`)
	c.run("heal", "mode", "enforce").want(1)
}
