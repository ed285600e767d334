package deployment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

const shop = `version: 1
name: shop
stacks:
  network: {template: network.yaml, parameters: {Cidr: 10.0.0.0/16}}
  data: {template: data.yaml, dependsOn: [network], parameters: {VpcId: {output: network.VpcId}}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: always}
`

const network = `
Resources:
  Vpc: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: {Ref: Cidr}}}
Outputs:
  VpcId: {Value: {Ref: Vpc}}
`

const data = `
Resources:
  Orders: {Type: "AWS::DynamoDB::Table", Properties: {TableName: orders}}
  Queue: {Type: "AWS::SQS::Queue", Properties: {VisibilityTimeout: 30, Vpc: {Ref: VpcId}}}
`

var templates = map[string]string{"network.yaml": network, "data.yaml": data}

func stagesOf(t *testing.T, text string) []pipeline.Stage {
	t.Helper()
	p, err := pipeline.Decode("evenkeel.yaml", []byte(text), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return p.For("main")
}

// deployed returns a world in which the shop runs in both stages.
func deployed(t *testing.T) *world {
	w := newWorld(t)
	w.decide = decide(true, "")
	w.source(templates)
	if r := w.run(push("aaaa", 0), stagesOf(t, shop)); r.Outcome != events.OutcomeSucceeded {
		t.Fatalf("first run: %s: %s", r.Outcome, r.Reason)
	}
	w.visited, w.facts.Facts, w.heard, w.tasks.Answers, w.tokens = nil, nil, nil, nil, 100
	return w
}

func TestPushIsDeployedThroughStages(t *testing.T) {
	w := newWorld(t)
	w.decide = decide(true, "looks right")
	w.source(templates)
	r := w.run(push("aaaa", 0), stagesOf(t, shop))

	if r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/network, test/data, prod/network, prod/data." {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	want := "RunStarted StackPlanned StackDeployed StackPlanned StackDeployed " +
		"StackPlanned ApprovalRequested ApprovalDecided StackDeployed StackPlanned ApprovalRequested ApprovalDecided StackDeployed RunFinished"
	if w.types() != want {
		t.Errorf("facts\n got %s\nwant %s", w.types(), want)
	}
	ref := w.listed.Listed["333333333333/us-east-1/shop-data-prod"]
	if ref.RunID != r.RunID || ref.Repository != "acme/shop" || ref.Stage != "prod" || !strings.HasPrefix(ref.StackID, "arn:") {
		t.Errorf("listed %+v", ref)
	}
	if len(w.cloud.Executed) != 4 {
		t.Errorf("executed %v", w.cloud.Executed)
	}
	target := events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-data-test"}
	stack, err := w.cloud.Stacks().Describe(t.Context(), target)
	if err != nil || stack.Tags["evenkeel:repository"] != "acme/shop" || stack.Tags["evenkeel:stage"] != "test" {
		t.Errorf("tags %v, %v", stack.Tags, err)
	}
	for name := range stack.Tags {
		if strings.Contains(stack.Tags[name], r.RunID) || strings.Contains(stack.Tags[name], r.Commit) {
			t.Errorf("the tag %s changes with every push, and so would every resource", name)
		}
	}
}

func TestNothingChanged(t *testing.T) {
	w := deployed(t)
	r := w.run(push("bbbb", 10), stagesOf(t, shop))
	if r.Outcome != events.OutcomeSucceeded || r.Reason != "Nothing changed: 4 stacks already at this commit." {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	if len(w.cloud.Executed) != 4 {
		t.Errorf("executed %d change sets, want only the first run's", len(w.cloud.Executed))
	}
	for _, fact := range w.facts.Facts {
		if d, ok := fact.Data.(events.StackDeployed); ok && !d.Unchanged {
			t.Errorf("%s is not marked unchanged", d.StackName)
		}
	}
}

// TestEnds drives each way in which a run on deployed stacks ends.
func TestEnds(t *testing.T) {
	queue := "{Type: \"AWS::SQS::Queue\", Properties: {VisibilityTimeout: 30"
	failing := strings.ReplaceAll(data, queue, `{Type: "AWS::SQS::Queue", Metadata: {Fail: "Value 99999 is too long"}, Properties: {VisibilityTimeout: 99999`)
	broken := strings.ReplaceAll(failing, `{Fail: "Value`, `{FailRollback: "cannot go back", Fail: "Value`)
	refused := strings.ReplaceAll(failing, "Fail:", "Problem:")
	changed := strings.ReplaceAll(data, "30", "60")
	inTest := events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-data-test"}

	tests := []struct {
		name    string
		data    string
		shop    string
		prepare func(*world)
		outcome string
		reason  string // contained
		facts   string // the last ones
		failed  string // logical id
	}{
		{"the update fails half-way", failing, shop, nil, events.OutcomeRolledBack,
			"Queue (AWS::SQS::Queue): Value 99999 is too long", "StackRolledBack RunFinished", "Queue"},
		{"so does the rollback", broken, shop, nil, events.OutcomeStuck,
			"It could not be undone (continue): cannot go back. Next: evenkeel recover 222222222222/us-east-1/shop-data-test, and when that fails again, to leave them as they are: --skip Queue", "StackRolledBack RunFinished", "Queue"},
		{"early validation refuses", refused, shop, nil, events.OutcomeRejected,
			"Queue: Value 99999 is too long", "StackDeployed RunFinished", ""},
		{"approval denied", changed, shop, func(w *world) { w.decide = decide(false, "not on a Friday") }, events.OutcomeRejected,
			"rejected by arn:aws:iam::111111111111:user/ann: not on a Friday", "ApprovalDecided RunFinished", ""},
		{"approval expired", changed, shop, func(w *world) {
			w.decide = func(w *world, _ deployment.Release) { w.clock.Advance(25 * time.Hour) }
		}, events.OutcomeRejected, "Nobody decided on the plan of data in prod in time.", "ApprovalRequested RunFinished", ""},
		{"a protected resource goes", strings.ReplaceAll(data, "Orders: {", "Others: {"), strings.ReplaceAll(shop, "dependsOn", "protect: [Orders], dependsOn"), nil, events.OutcomeRejected,
			"The plan of data in test is blocked: Orders (AWS::DynamoDB::Table) is protected and is removed", "StackPlanned RunFinished", ""},
		{"the stack is busy", changed, shop, func(w *world) { w.cloud.Break(inTest, "UPDATE_IN_PROGRESS") }, events.OutcomeDeferred,
			"shop-data-test is busy (UPDATE_IN_PROGRESS)", "StackDeployed RunFinished", ""},
		{"the stack is broken", changed, shop, func(w *world) { w.cloud.Break(inTest, "IMPORT_ROLLBACK_FAILED") }, events.OutcomeStuck,
			"Next: aws cloudformation describe-stack-events", "StackDeployed RunFinished", ""},
		{"an output is missing", changed, strings.ReplaceAll(shop, "network.VpcId", "network.Vpc"), nil, events.OutcomeRejected,
			"reads the output network.Vpc, which stack network does not have in stage test; it has: VpcId", "StackDeployed RunFinished", ""},
		{"events are lost", changed, strings.Split(shop, "  - {name: prod")[0], func(w *world) { w.deaf = true }, events.OutcomeSucceeded,
			"Deployed test/data.", "StackDeployed RunFinished", ""},
		{"throttled for good", changed, shop, func(w *world) {
			w.cloud.Fault = func(call string) error {
				if call == "Create" {
					return fault.Transient("Rate exceeded")
				}
				return nil
			}
		}, events.OutcomeStuck, "TransientError: Rate exceeded", "RunStarted RunFinished", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deployed(t)
			w.source(map[string]string{"data.yaml": tt.data})
			if tt.prepare != nil {
				tt.prepare(w)
			}
			r := w.run(push("bbbb", 10), stagesOf(t, tt.shop))
			if r.Outcome != tt.outcome || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("ended %s: %s\nwant  %s: …%s…", r.Outcome, r.Reason, tt.outcome, tt.reason)
			}
			if !strings.HasSuffix(w.types(), tt.facts) {
				t.Errorf("facts %s, want … %s", w.types(), tt.facts)
			}
			if tt.failed != "" && (r.Failure == nil || r.Failure.LogicalID != tt.failed || r.Failure.Stage != "test") {
				t.Errorf("failure %+v, want %s named", r.Failure, tt.failed)
			}
			queue, _, err := w.service.Locks.Read(t.Context(), "acme/shop")
			if err != nil || queue.Holder != nil || len(queue.Waiting) > 0 {
				t.Errorf("the lock is not free: %+v, %v", queue, err)
			}
		})
	}
}

// TestRolledBackStackIsUntouched: what an update did not finish is as before.
func TestRolledBackStackIsUntouched(t *testing.T) {
	w := deployed(t)
	w.source(map[string]string{"data.yaml": strings.ReplaceAll(data, `Properties: {TableName: orders}`, `Metadata: {Fail: "no"}, Properties: {TableName: orders2}`)})
	if r := w.run(push("bbbb", 10), stagesOf(t, shop)); r.Outcome != events.OutcomeRolledBack || len(r.Changed()) != 0 {
		t.Errorf("ended %s, changed %v", r.Outcome, r.Changed())
	}
	w.source(templates)
	if r := w.run(push("cccc", 20), stagesOf(t, shop)); r.Outcome != events.OutcomeSucceeded || !strings.HasPrefix(r.Reason, "Nothing changed") {
		t.Errorf("the old commit again: %s: %s", r.Outcome, r.Reason)
	}
}

// TestFailedCreationIsCleared: "If a stack creation fails … the stack is in
// ROLLBACK_COMPLETE … you must delete it"; it never was in use.
func TestFailedCreationIsCleared(t *testing.T) {
	w := newWorld(t)
	w.source(map[string]string{"network.yaml": network, "data.yaml": strings.ReplaceAll(data, `Properties: {TableName`, `Metadata: {Fail: "no"}, Properties: {TableName`)})
	one := stagesOf(t, shop)[:1]
	r := w.run(push("aaaa", 0), one)
	if r.Outcome != events.OutcomeRolledBack || r.Failure.StackStatus != "ROLLBACK_COMPLETE" {
		t.Fatalf("ended %s, %+v", r.Outcome, r.Failure)
	}
	w.source(templates)
	if r := w.run(push("bbbb", 10), one); r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/data." {
		t.Errorf("after the repair: %s: %s", r.Outcome, r.Reason)
	}
}

// TestSlowClearing: the remains of a failed creation may take hours to delete.
func TestSlowClearing(t *testing.T) {
	w := newWorld(t)
	w.source(map[string]string{"network.yaml": network, "data.yaml": strings.ReplaceAll(data, `Properties: {TableName`, `Metadata: {Fail: "no"}, Properties: {TableName`)})
	one := stagesOf(t, shop)[:1]
	w.run(push("aaaa", 0), one)
	w.source(templates)
	w.cloud.ResourceTime = 2 * time.Hour
	if r := w.run(push("bbbb", 10), one); r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/data." {
		t.Errorf("deleted after two hours: %s: %s", r.Outcome, r.Reason)
	}

	w = newWorld(t)
	w.source(templates)
	w.cloud.PlanTime = time.Hour
	if r := w.run(push("aaaa", 0), one); r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "PlanPending: the change set of shop-network-test is not ready") {
		t.Errorf("a change set that takes an hour: %s: %s", r.Outcome, r.Reason)
	}
}

// TestPublishedOutputsHideSecrets: an output is readable to whoever may read
// the stack; a fact is to whoever may read the ledger.
func TestPublishedOutputsHideSecrets(t *testing.T) {
	w := newWorld(t)
	w.decide = decide(true, "")
	w.source(map[string]string{"network.yaml": network + "  AdminPassword: {Value: hunter2}\n", "data.yaml": data})
	w.run(push("aaaa", 0), stagesOf(t, shop))
	shown := 0
	for _, fact := range w.facts.Facts {
		deployed, ok := fact.Data.(events.StackDeployed)
		if !ok || deployed.Target.Stack != "network" {
			continue
		}
		shown++
		if deployed.Outputs["AdminPassword"] != "****" || deployed.Outputs["VpcId"] == "" {
			t.Errorf("published outputs %v", deployed.Outputs)
		}
	}
	if shown != 2 {
		t.Errorf("%d facts about the stack, want one a stage", shown)
	}
}

// TestStacksOfOthersAreLeftAlone: evenkeel.yaml can name any stack of an account,
// and the lock is held for a repository, not for a stack.
func TestStacksOfOthersAreLeftAlone(t *testing.T) {
	other := func(p deployment.Push) deployment.Push {
		p.Detail.Data.Repository = "acme/other"
		return p
	}
	w := deployed(t)
	w.source(map[string]string{"network.yaml": network, "data.yaml": changedData})
	r := w.run(other(push("bbbb", 10)), stagesOf(t, shop)[:1])
	if r.Outcome != events.OutcomeRejected || !strings.Contains(r.Reason, "the stack shop-network-test in 222222222222 belongs to the repository acme/shop") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	if len(w.cloud.Executed) != 4 {
		t.Errorf("executed %v", w.cloud.Executed)
	}
}

// TestTheOwnerTagIsOurs: a tag of evenkeel.yaml cannot give a stack to another
// repository.
func TestTheOwnerTagIsOurs(t *testing.T) {
	w := newWorld(t)
	w.decide = decide(true, "")
	w.source(templates)
	tagged := strings.Replace(shop, "template: network.yaml,", `template: network.yaml, tags: {"evenkeel:repository": acme/other, team: web},`, 1)
	if r := w.run(push("aaaa", 0), stagesOf(t, tagged)); r.Outcome != events.OutcomeSucceeded {
		t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
	}
	stack, err := w.cloud.Stacks().Describe(t.Context(), events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-network-test"})
	if err != nil || stack.Tags["evenkeel:repository"] != "acme/shop" || stack.Tags["team"] != "web" {
		t.Errorf("tags %v, %v", stack.Tags, err)
	}
}

// TestStacksOfNobodyAreLeftAlone: a stack without the tag was deployed by
// something else, or by hand.
func TestStacksOfNobodyAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.source(templates)
	target := events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-network-test"}
	id, _, err := w.cloud.ChangeSets().Create(t.Context(), target, deployment.ChangeSetInput{
		Name: "by-hand", Type: "CREATE", Template: []byte(network), Parameters: map[string]string{"Cidr": "10.9.0.0/16"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.cloud.ChangeSets().Read(t.Context(), target, id); err != nil {
		t.Fatal(err)
	}
	if err := w.cloud.ChangeSets().Execute(t.Context(), target, id, "by-hand", false); err != nil {
		t.Fatal(err)
	}
	w.clock.Run()
	r := w.run(push("aaaa", 0), stagesOf(t, shop))
	if r.Outcome != events.OutcomeRejected || !strings.Contains(r.Reason, "give it the tag evenkeel:repository=acme/shop") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}
