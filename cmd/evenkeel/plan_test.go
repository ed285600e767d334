package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/risk"
)

// planned keeps a plan where the run would have put it.
func (c *cli) planned(stage, stack string) {
	c.t.Helper()
	document := deployment.Document{
		Target: events.Target{Stage: stage, Stack: stack, StackName: "shop-" + stack + "-" + stage}, Digest: "0123456789abcdef", Risk: risk.Dangerous,
		Reasons: []risk.Reason{{Level: risk.Dangerous, Code: "delete-stateful", LogicalID: "Orders", Text: "Orders (AWS::DynamoDB::Table) is removed"}},
		Rows:    []deployment.Row{{Action: "Remove", LogicalID: "Orders", Type: "AWS::DynamoDB::Table", Properties: []deployment.Property{}}},
	}
	c.aws.Reply("s3", "GET /bucket/"+deployment.DocumentKey("1f0c9a7b-1bee13", stage, stack), encoded(c.t, document))
}

func TestPlanShow(t *testing.T) {
	c := newCLI(t)
	c.ledger(waitingRun...)
	for _, stage := range []string{"test", "prod"} {
		c.aws.On("s3", "GET /bucket/"+deployment.DocumentKey("1f0c9a7b-1bee13", stage, "network"), func(awsstub.Call) awsstub.Answer {
			return awsstub.Answer{Status: 404, Body: "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"}
		})
	}
	c.run("plan", "show", "1f0c").want(3, "has no plan")
	for _, stage := range []string{"test", "prod"} {
		c.planned(stage, "network")
	}
	c.run("plan", "show", "1f0c").want(0, "shop-network-test", "shop-network-prod", "- Orders  AWS::DynamoDB::Table", "risk: dangerous", "dangerous: Orders")
	c.run("plan", "show", "1f0c", "prod/network", "--format", "markdown").want(0, "🔴 **Plan** `shop-network-prod", "<details>")
	c.run("plan", "show", "1f0c", "prod/network", "--json").want(0)
	if plan := decoded[deployment.Document](c); plan.Risk != risk.Dangerous || plan.Reasons[0].Code != "delete-stateful" {
		t.Errorf("%+v", plan)
	}
	c.run("plan", "show", "1f0c", "--json").want(0)
	if plans := decoded[[]deployment.Document](c); len(plans) != 2 {
		t.Errorf("%d plans", len(plans))
	}
	c.run("plan", "show", "1f0c", "prod/other").want(3, "it has:", "prod/network")
	c.run("plan", "show", "1f0c", "--format", "html").want(2, "none of text, markdown, json")
	c.run("plan", "show", "ffff").want(3)
	c.run("plan", "show").want(2, "usage:")
}

const changeSetAnswer = `{"StackName": "shop", "StackId": "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/1", "ChangeSetId": "arn:c", "Status": "CREATE_COMPLETE", "Changes": [
 {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Group", "ResourceType": "AWS::EC2::SecurityGroup", "Replacement": "False", "Scope": ["Properties"],
  "Details": [{"Target": {"Attribute": "Properties", "Name": "SecurityGroupIngress", "RequiresRecreation": "Never"}, "Evaluation": "Static"}]}}]}`

func TestPlanAssess(t *testing.T) {
	c := newCLI(t)
	t.Chdir(t.TempDir())
	group := func(cidr string) string {
		return "Resources:\n  Group:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 8080, ToPort: 8080, CidrIp: " + cidr + "}]\n"
	}
	for name, text := range map[string]string{"set.json": changeSetAnswer, "old.yaml": group("10.0.0.0/8"), "new.yaml": group("10.1.0.0/16"), "wide.yaml": group("0.0.0.0/0"), "bad.yaml": "a: [", "empty.json": "{}"} {
		if err := os.WriteFile(filepath.Join(".", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.run("plan", "assess", "set.json").want(1, "shop", "dangerous: Group", "not shown")
	c.run("plan", "assess", "set.json", "--previous-template", "old.yaml", "--template", "new.yaml", "--fail-on", "review").want(0, "risk: safe")
	c.run("plan", "assess", "set.json", "--previous-template", "old.yaml", "--template", "wide.yaml").want(0, "risk: review", "0.0.0.0/0")
	c.run("plan", "assess", "set.json", "--previous-template", "old.yaml", "--template", "wide.yaml", "--fail-on", "review").want(1)
	c.run("plan", "assess", "set.json", "--protect", "Group", "--format", "markdown").want(1, "**Plan**")
	c.run("plan", "assess", "set.json", "--json", "--fail-on", "none").want(0)
	if got := decoded[risk.Assessment](c); got.Level != risk.Dangerous || got.Reasons[0].Code != "sg-world" {
		t.Errorf("%+v", got)
	}
	c.app.in = strings.NewReader(changeSetAnswer)
	c.run("plan", "assess", "-", "--fail-on", "blocked").want(0, "risk: dangerous")
	c.run("plan", "assess", "empty.json").want(2, "want the answer of")
	c.run("plan", "assess", "missing.json").want(2)
	c.run("plan", "assess", "set.json", "--template", "bad.yaml").want(2)
	c.run("plan", "assess", "set.json", "--fail-on", "high").want(2, "none of review")
	c.run("plan", "assess", "set.json", "--new-stack", "--previous-template", "old.yaml").want(2, "exclude")
}
