package simulator_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/testtool"
)

// script drives the simulator with boto3, its waiters and its paginators.
const script = `
import boto3, json, sys, time
template = open("template.yaml").read()
cfn = boto3.client("cloudformation")
control = boto3.client("cloudcontrol")
cfn.create_change_set(StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=template)
cfn.get_waiter("change_set_create_complete").wait(StackName="shop", ChangeSetName="first", WaiterConfig={"Delay": 1})
described = cfn.describe_change_set(StackName="shop", ChangeSetName="first", IncludePropertyValues=True)
print("changes", sorted(c["ResourceChange"]["LogicalResourceId"] for c in described["Changes"]))
cfn.execute_change_set(StackName="shop", ChangeSetName="first", ClientRequestToken="token-1")
cfn.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
events = [e for page in cfn.get_paginator("describe_stack_events").paginate(StackName="shop") for e in page["StackEvents"]]
print("tokens", {e.get("ClientRequestToken") for e in events if e["ResourceStatus"] != "REVIEW_IN_PROGRESS"})
stack = cfn.describe_stacks(StackName="shop")["Stacks"][0]
print("status", stack["StackStatus"], stack["CreationTime"].year >= 2025, stack["EnableTerminationProtection"])
resources = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in cfn.describe_stack_resources(StackName="shop")["StackResources"]}
print("queue", resources["Queue"])
model = json.loads(control.get_resource(TypeName="AWS::SQS::Queue", Identifier=resources["Queue"])["ResourceDescription"]["Properties"])
print("delay", model["DelaySeconds"])
made = control.create_resource(TypeName="AWS::SNS::Topic", DesiredState=json.dumps({"TopicName": "extra"}))["ProgressEvent"]
control.get_waiter("resource_request_success").wait(RequestToken=made["RequestToken"], WaiterConfig={"Delay": 1})
print("topics", sorted(d["Identifier"].split(":")[-1] for p in control.get_paginator("list_resources").paginate(TypeName="AWS::SNS::Topic") for d in p["ResourceDescriptions"])[-1])
try:
    control.get_resource(TypeName="AWS::SNS::Topic", Identifier="none")
except control.exceptions.ResourceNotFoundException as e:
    print("missing", e.response["Error"]["Code"])
try:
    cfn.describe_change_set(StackName="shop", ChangeSetName="none")
except cfn.exceptions.ChangeSetNotFoundException as e:
    print("missing", e.response["Error"]["Code"])
cfn.delete_stack(StackName="shop")
cfn.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"], WaiterConfig={"Delay": 1})
print("deleted", cfn.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"])
`

// boto3, unmodified, with its waiters, paginators and modelled exceptions.
func TestBoto3(t *testing.T) {
	t.Parallel()
	python := testtool.Any(t, "EVENKEEL_TEST_PYTHON", "python")
	w := start(t)
	if _, err := w.command("", python, "-c", "import boto3"); err != nil {
		testtool.Missing(t, "boto3 is not installed")
	}
	dir := t.TempDir()
	writeFile(t, dir, "template.yaml", tagged)
	got := w.must(dir, python, "-c", script)
	want := `changes ['Hidden', 'Queue', 'Topic']
tokens {'token-1'}
status CREATE_COMPLETE True False
queue ` + queueURL + `
delay 5
topics shop-Topic-
missing ResourceNotFoundException
missing ChangeSetNotFound
deleted DELETE_COMPLETE
`
	// The generated topic name ends in random characters.
	lines := strings.Split(got, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "topics shop-Topic-") {
			lines[i] = "topics shop-Topic-"
		}
	}
	if got = strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// nesting plans, deploys, fails, rolls back and deletes nested stacks.
const nesting = `
import boto3
template = open("template.yaml").read()
cfn = boto3.client("cloudformation")
def plan(name, kind, **parameters):
    cfn.create_change_set(StackName="shop", ChangeSetName=name, ChangeSetType=kind, TemplateBody=template, IncludeNestedStacks=True,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        RollbackConfiguration={"RollbackTriggers": [], "MonitoringTimeInMinutes": 0})
    cfn.get_waiter("change_set_create_complete").wait(StackName="shop", ChangeSetName=name, WaiterConfig={"Delay": 1})
    return cfn.describe_change_set(StackName="shop", ChangeSetName=name)
rows = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in plan("first", "CREATE")["Changes"]}
child = cfn.describe_change_set(ChangeSetName=rows["Net"]["ChangeSetId"])
print("child", child["ParentChangeSetId"] == child["RootChangeSetId"], [c["ResourceChange"]["LogicalResourceId"] for c in child["Changes"]])
cfn.execute_change_set(StackName="shop", ChangeSetName="first")
cfn.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
print("roots", sorted({s.get("RootId", "none").split("/")[-2] if s.get("RootId") else "-" for s in cfn.describe_stacks()["Stacks"]}))
plan("second", "UPDATE", Delay="9", Fail="out of luck")
cfn.execute_change_set(StackName="shop", ChangeSetName="second", DisableRollback=True)
try:
    cfn.get_waiter("stack_update_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
except Exception as e:
    print("failed", cfn.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"])
cfn.rollback_stack(StackName="shop", ClientRequestToken="back")
cfn.get_waiter("stack_rollback_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
print("rolled back", {s["StackStatus"] for s in cfn.describe_stacks()["Stacks"]})
arn = cfn.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
cfn.delete_stack(StackName="shop")
cfn.get_waiter("stack_delete_complete").wait(StackName=arn, WaiterConfig={"Delay": 1})
print("left", len(cfn.describe_stacks()["Stacks"]))
`

// boto3, unmodified, on nested stacks and the ways out of a failure.
func TestBoto3Nested(t *testing.T) {
	t.Parallel()
	python := testtool.Any(t, "EVENKEEL_TEST_PYTHON", "python")
	w, _ := startNested(t)
	if _, err := w.command("", python, "-c", "import boto3"); err != nil {
		testtool.Missing(t, "boto3 is not installed")
	}
	dir := t.TempDir()
	writeFile(t, dir, "template.yaml", parent)
	want := `child True ['Queue']
roots ['-', 'shop']
failed UPDATE_FAILED
rolled back {'UPDATE_ROLLBACK_COMPLETE'}
left 0
`
	if got := w.must(dir, python, "-c", nesting); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
