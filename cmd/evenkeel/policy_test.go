package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	queuePolicy = `package main

# Every queue says who owns it.
deny contains {"msg": "the queue has no owner", "resource": id, "path": "Properties"} if {
	some id, r in input.resources
	r.type == "AWS::SQS::Queue"
	not r.properties.QueueName
}

deny_replaced contains {"msg": "a queue is replaced", "resource": c.resource} if {
	some c in input.changes
	c.replacement == "True"
}
`
	queueTest = `package main

test_owner if {
	count(deny) == 1 with input as {"resources": {"Q": {"type": "AWS::SQS::Queue", "properties": {}}}}
}
`
	openGroup = `Parameters:
  Size: {Type: String, Default: small}
Conditions:
  IsBig: !Equals [!Ref Size, big]
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: open
      SecurityGroupIngress:
        - IpProtocol: tcp
          FromPort: 22
          ToPort: 22
          CidrIp: !If [IsBig, 0.0.0.0/0, 198.51.100.0/24]
`
)

func TestPolicyCheck(t *testing.T) {
	folder(t, map[string]string{"policies/queue.rego": queuePolicy, "policies/queue_test.rego": queueTest, "queue.yaml": okTemplate, "group.yaml": openGroup})
	c := newCLI(t)
	c.run("policy", "check").want(1, "queue.yaml:2:3: high main.deny: the queue has no owner", "EK1001", "when IsBig", "2 templates checked: 1 critical, 1 high")
	c.run("policy", "check", "group.yaml", "--stage", "test").want(0, "nothing found")
	c.run("policy", "check", "group.yaml", "--stage", "test", "--parameter", "Size=big").want(1, "group.yaml:14:31: critical EK1001")
	c.run("policy", "check", "group.yaml", "--no-builtin").want(0, "nothing found")
	c.run("policy", "check", "--fail-on", "none").want(0, "EK1001")
	c.run("policy", "check", "--fail-on", "sometimes").want(2, "critical, high")
	c.run("policy", "check", "no-such-folder").want(2, "no such file")
	c.run("policy", "check", "--policy", "no-such-folder").want(2, "no such file")
	c.run("policy", "check", "--namespace", "org").want(1, "no deny, violation or warn rule in the package org")

	c.run("policy", "check", "--json").want(1)
	var report policyReport
	if err := json.Unmarshal(c.out.Bytes(), &report); err != nil || report.Files != 2 || len(report.Findings) != 2 || report.Findings[0].File != "group.yaml" {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestPolicyCheckSuppressions(t *testing.T) {
	folder(t, map[string]string{
		"evenkeel.yaml": okPipeline + "validation:\n  ignore:\n    - {rule: EK1001, resource: Group, reason: a honeypot}\n",
		"group.yaml":    openGroup,
		"bucket.yaml":   "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Metadata: {guard: {SuppressedRules: [S3_BUCKET_LOGGING_ENABLED]}}\n    Properties:\n      VersioningConfiguration: {Status: Enabled}\n",
	})
	c := newCLI(t)
	c.run("policy", "check", "group.yaml", "bucket.yaml").want(0, "nothing found, 2 suppressed")
	c.run("policy", "check", "group.yaml", "--json").want(0, `"suppressed": [`, "EK1001")
}

const changeSet = `{"StackName": "app", "Changes": [
 {"Type": "Resource", "ResourceChange": {"Action": "Modify", "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue", "Replacement": "True", "PolicyAction": "ReplaceAndDelete", "Scope": ["Properties"],
  "Details": [{"Target": {"Attribute": "Properties", "Name": "FifoQueue", "RequiresRecreation": "Always", "BeforeValue": "false", "AfterValue": "true"}}]}}]}`

func TestPolicyCheckChangeSet(t *testing.T) {
	folder(t, map[string]string{"policies/queue.rego": queuePolicy, "queue.yaml": strings.Replace(okTemplate, "    DeletionPolicy", "    Properties: {QueueName: q}\n    DeletionPolicy", 1), "changes.json": changeSet})
	c := newCLI(t)
	c.run("policy", "check", "queue.yaml").want(0, "nothing found")
	c.run("policy", "check", "queue.yaml", "--change-set", "changes.json").
		want(1, "main.deny_replaced: a queue is replaced", "plan: Queue high EK1901", "FifoQueue")
	c.app.in = strings.NewReader(changeSet)
	c.run("policy", "check", "queue.yaml", "--change-set", "-").want(1, "EK1901")
	c.app.in = strings.NewReader("{}")
	c.run("policy", "check", "queue.yaml", "--change-set", "-").want(1, "describe-change-set")
}

func TestPolicyCheckGuard(t *testing.T) {
	folder(t, map[string]string{"policies/queue.guard": "rule x { Resources exists }", "queue.yaml": okTemplate})
	t.Setenv("PATH", t.TempDir())
	c := newCLI(t)
	c.run("policy", "check").want(0, "there is no cfn-guard on PATH")
	c.run("policy", "check", "--guard", "no-such-program").want(2, "--guard")

	program := filepath.Join(t.TempDir(), "cfn-guard")
	script := `#!/bin/sh
echo '[{"not_compliant": [{"Rule": {"name": "QUEUES", "checks": [{"Clause": {"Unary": {"context": "QueueName EXISTS", "messages": {"custom_message": "no name"}, "check": {"Resolved": {"value": {"path": "/Resources/Queue"}}}}}}]}}]}]'
exit 19
`
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	c.run("policy", "check", "--guard", program).want(1, "queue.yaml:2:3: high QUEUES: no name")
}

func TestPolicyInput(t *testing.T) {
	folder(t, map[string]string{"group.yaml": openGroup})
	c := newCLI(t)
	c.run("policy", "input", "group.yaml", "--parameter", "Size=big").want(0, `"CidrIp": "0.0.0.0/0"`, `"IsBig": true`)
	c.run("policy", "input", "none.yaml").want(2, "no such file")
	c.run("policy", "input").want(2)
}

func TestPolicyTest(t *testing.T) {
	folder(t, map[string]string{"policies/queue.rego": queuePolicy, "policies/queue_test.rego": queueTest})
	c := newCLI(t)
	c.run("policy", "test").want(0, "1 test: 1 passed, 0 failed")
	c.run("policy", "test", "--verbose", "--coverage").want(0, "pass policies/queue_test.rego:3: main.test_owner", "coverage", "policies/queue.rego:10")
	if err := os.WriteFile("policies/queue_test.rego", []byte(strings.Replace(queueTest, "== 1", "== 2", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	c.run("policy", "test").want(1, "FAIL policies/queue_test.rego:3: main.test_owner", "policies/queue_test.rego:4: count(deny) == 2")
	c.run("policy", "test", "--json").want(1, `"failed": 1`)
	c.run("policy", "test", "elsewhere").want(2, "no such file")
	if err := os.WriteFile("policies/old.rego", []byte("package main\ndeny[msg] { msg := \"x\" }"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.run("policy", "test").want(1, "Rego v0", "opa fmt")
}

func TestPolicyListAndShow(t *testing.T) {
	c := newCLI(t)
	c.run("policy", "list").want(0, "EK1001", "critical", "EC2.19", "EK1901")
	c.run("policy", "list", "S3", "acl").want(0)
	c.run("policy", "list", "AWS::S3::Bucket", "EK1004").want(0, "EK1004", "1 rule\n")
	c.run("policy", "list", "--json").want(0, `"fsbp"`)
	c.run("policy", "show", "EK1001").want(0, "EC2.19", "Why", "Fix", "AWS::EC2::SecurityGroup")
	c.run("policy", "show", "ct.s3.pr.1").want(0, "EK1004")
	c.run("policy", "show", "EK9999").want(3, "no rule EK9999")
	c.run("policy", "show").want(2)
}
