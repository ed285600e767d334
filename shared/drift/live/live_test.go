package live_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var shop = events.StackRef{
	StackID:   "arn:aws:cloudformation:us-east-1:222222222222:stack/shop/5d0c1a70-1623-11f1-9c3e-0affd1e2a301",
	StackName: "shop", Account: "222222222222", Region: "us-east-1",
}

const shopTemplate = `
Parameters:
  Stage: {Type: String, Default: dev}
  Password: {Type: String, NoEcho: true}
  Image: {Type: 'AWS::SSM::Parameter::Value<String>'}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub jobs-${Stage}
      VisibilityTimeout: !If [Prod, 60, 10]
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt Dead.Arn
        maxReceiveCount: 3
      Tags: [{Key: team, Value: shop}]
  News:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !ImportValue brand
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: front
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !GetAtt Group.GroupId, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 10.0.0.0/8}
  Worker:
    Type: AWS::Lambda::Function
    Properties:
      Role: arn:aws:iam::222222222222:role/worker
      Code: {ImageUri: !Ref Image}
      Description: !Ref Password
      Environment: {Variables: {STAGE: !Ref Stage, SECRET: '{{resolve:secretsmanager:db}}'}}
  Hook:
    Type: Custom::Hook
    Properties: {ServiceToken: arn:aws:lambda:us-east-1:222222222222:function:hook}
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: https://example.com/t.yaml}
`

// world is the stack as it was deployed, not drifted.
type world struct {
	t         *testing.T
	cloud     *fake.LiveCloud
	resources []drift.Resource
}

func newWorld(t *testing.T) *world {
	models := map[string]string{
		"AWS::SQS::Queue https://sqs/dead": `{"QueueName":"dead","Arn":"arn:aws:sqs:us-east-1:222222222222:dead","QueueUrl":"https://sqs/dead","DelaySeconds":0}`,
		"AWS::SQS::Queue https://sqs/jobs": `{"QueueName":"jobs-prod","VisibilityTimeout":60,"Arn":"arn:aws:sqs:us-east-1:222222222222:jobs-prod","QueueUrl":"https://sqs/jobs",
			"RedrivePolicy":{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:222222222222:dead","maxReceiveCount":3},
			"Tags":[{"Key":"cost","Value":"7"},{"Key":"team","Value":"shop"},{"Key":"aws:cloudformation:stack-name","Value":"shop"}]}`,
		"AWS::SNS::Topic arn:aws:sns:us-east-1:222222222222:news": `{"TopicArn":"arn:aws:sns:us-east-1:222222222222:news","TopicName":"news","DisplayName":"Acme","Subscription":[]}`,
		"AWS::EC2::SecurityGroup sg-1": `{"GroupId":"sg-1","Id":"sg-1","GroupDescription":"front","SecurityGroupIngress":[
			{"IpProtocol":"tcp","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8"},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`,
		"AWS::EC2::SecurityGroupIngress sgr-1": `{"Id":"sgr-1","GroupId":"sg-1","IpProtocol":"tcp","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8"}`,
		"AWS::Lambda::Function worker": `{"FunctionName":"worker","Role":"arn:aws:iam::222222222222:role/worker","Description":"s3cret","Environment":{"Variables":{"STAGE":"prod","SECRET":"x"}},
			"TracingConfig":{"Mode":"PassThrough"}}`,
	}
	w := &world{t: t, cloud: &fake.LiveCloud{Models: map[string]map[string]any{}, Exported: map[string]string{"brand": "Acme"}}}
	for name, text := range models {
		var model map[string]any
		if err := json.Unmarshal([]byte(text), &model); err != nil {
			t.Fatal(err)
		}
		w.cloud.Models[name] = model
	}
	w.deploy(shopTemplate)
	for _, r := range []string{
		"Dead https://sqs/dead AWS::SQS::Queue", "Jobs https://sqs/jobs AWS::SQS::Queue", "News arn:aws:sns:us-east-1:222222222222:news AWS::SNS::Topic",
		"Group sg-1 AWS::EC2::SecurityGroup", "Rule sgr-1 AWS::EC2::SecurityGroupIngress", "Worker worker AWS::Lambda::Function",
		"Hook hook-1 Custom::Hook", "Child arn:aws:cloudformation:us-east-1:222222222222:stack/shop-child/1 AWS::CloudFormation::Stack",
	} {
		parts := strings.Fields(r)
		w.resources = append(w.resources, drift.Resource{LogicalID: parts[0], PhysicalID: parts[1], Type: parts[2]})
	}
	return w
}

func (w *world) deploy(text string) {
	updated := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if old, ok := w.cloud.Stacks[shop.StackID]; ok {
		updated = old.Updated.Add(time.Hour)
	}
	w.cloud.Stacks = map[string]live.Deployed{shop.StackID: {
		Template: []byte(text), Revision: live.Revision{Updated: updated, Status: "UPDATE_COMPLETE"}, Tags: map[string]string{"cost": "7"},
		Parameters: []live.Parameter{{Name: "Stage", Value: "prod"}, {Name: "Password", Value: "****"}, {Name: "Image", Value: "/image", Resolved: "repo:1"}},
	}}
}

func (w *world) model(name string) map[string]any {
	w.t.Helper()
	for key, model := range w.cloud.Models {
		if strings.HasSuffix(key, name) {
			return model
		}
	}
	w.t.Fatalf("there is no model %s", name)
	return nil
}

func (w *world) check() map[string]drift.LiveResult {
	w.t.Helper()
	engine := &live.Engine{Models: w.cloud, Deployments: w.cloud, Snapshots: w.cloud, Parallel: 4}
	results, err := engine.Check(w.t.Context(), shop, w.resources)
	if err != nil {
		w.t.Fatal(err)
	}
	byID := map[string]drift.LiveResult{}
	for _, r := range results {
		byID[r.LogicalID] = r
	}
	return byID
}

func TestInSync(t *testing.T) {
	w := newWorld(t)
	got := w.check()
	if _, ok := got["Child"]; ok || len(got) != 7 {
		t.Errorf("%d results, want one for each resource that is not a nested stack", len(got))
	}
	for id, r := range got {
		want := drift.StatusInSync
		if id == "Hook" {
			want = drift.StatusUnsupported
		}
		if r.Status != want || len(r.Differences) > 0 || len(r.Undeclared) > 0 {
			t.Errorf("%s: %s %s %v %v", id, r.Status, r.Reason, r.Differences, r.Undeclared)
		}
	}
	if want := []string{"/Description", "/Environment/Variables/SECRET"}; !slices.Equal(got["Worker"].Unresolved, want) {
		t.Errorf("unresolved %v, want %v: NoEcho and a dynamic reference", got["Worker"].Unresolved, want)
	}
	reads := 0
	for _, call := range w.cloud.Calls() {
		if strings.HasPrefix(call, "Read ") {
			reads++
		}
	}
	if reads != 6 {
		t.Errorf("%d reads, want each resource once: %v", reads, w.cloud.Calls())
	}
}

func TestDrift(t *testing.T) {
	tests := []struct {
		name, id string
		change   func(w *world)
		want     []events.PropertyDifference
	}{
		{"a condition's value", "Jobs", func(w *world) { w.model("jobs")["VisibilityTimeout"] = 30.0 },
			[]events.PropertyDifference{{Path: "/VisibilityTimeout", Type: "NOT_EQUAL", Expected: "60", Actual: "30"}}},
		{"an attribute of another resource", "Jobs", func(w *world) {
			w.model("jobs")["RedrivePolicy"] = map[string]any{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:222222222222:mine", "maxReceiveCount": 3.0}
		}, []events.PropertyDifference{{Path: "/RedrivePolicy/deadLetterTargetArn", Type: "NOT_EQUAL",
			Expected: "arn:aws:sqs:us-east-1:222222222222:dead", Actual: "arn:aws:sqs:us-east-1:222222222222:mine"}}},
		{"an import", "News", func(w *world) { w.model("news")["DisplayName"] = "Evil" },
			[]events.PropertyDifference{{Path: "/DisplayName", Type: "NOT_EQUAL", Expected: "Acme", Actual: "Evil"}}},
		{"a tag of the stack", "Jobs", func(w *world) { w.model("jobs")["Tags"] = []any{map[string]any{"Key": "team", "Value": "shop"}} },
			[]events.PropertyDifference{{Path: "/Tags/1", Type: "REMOVE", Expected: `{"Key":"cost","Value":"7"}`}}},
		{"a variable more, beside one that is unresolved", "Worker", func(w *world) {
			w.model("worker")["Environment"] = map[string]any{"Variables": map[string]any{"STAGE": "prod", "SECRET": "y", "DEBUG": "1"}}
		}, []events.PropertyDifference{{Path: "/Environment/Variables/DEBUG", Type: "ADD", Actual: "1"}}},
		{"a rule that no resource declares", "Group", func(w *world) {
			g := w.model("sg-1")
			g["SecurityGroupIngress"] = append(slices.Clone(g["SecurityGroupIngress"].([]any)), map[string]any{"IpProtocol": "tcp", "FromPort": 22.0, "ToPort": 22.0, "CidrIp": "0.0.0.0/0"})
		}, []events.PropertyDifference{{Path: "/SecurityGroupIngress/2", Type: "ADD", Actual: `{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}`}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			got := w.check()
			if r := got[tt.id]; r.Status != drift.StatusModified || !reflect.DeepEqual(r.Differences, tt.want) {
				t.Errorf("%s %v, want %v", r.Status, r.Differences, tt.want)
			}
			for id, r := range got {
				if id != tt.id && len(r.Differences) > 0 {
					t.Errorf("%s drifted too: %v", id, r.Differences)
				}
			}
		})
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	denied := fault.Permanent("read AWS::SNS::Topic: AccessDenied")
	tests := []struct {
		name, id string
		change   func(w *world)
		status   string
		reason   string
	}{
		{"deleted", "Jobs", func(w *world) { delete(w.cloud.Models, "AWS::SQS::Queue https://sqs/jobs") }, drift.StatusDeleted, ""},
		{"denied", "News", func(w *world) { w.fail("AWS::SNS::Topic", denied) }, drift.StatusUnknown, "AccessDenied"},
		{"throttled", "News", func(w *world) { w.fail("AWS::SNS::Topic", fault.Transient("Rate exceeded")) }, drift.StatusUnknown, "Rate exceeded"},
		{"a type without a read handler", "News", func(w *world) { w.fail("AWS::SNS::Topic", live.ErrUnsupported) }, drift.StatusUnsupported, ""},
		{"never created", "News", func(w *world) { w.resources[2].PhysicalID = "" }, drift.StatusUnknown, "physical id"},
		{"not in the template", "News", func(w *world) { w.deploy(strings.ReplaceAll(shopTemplate, "  News:", "  Old:")) }, drift.StatusUnknown, "does not have it"},
		{"an identifier that may be wrong", "News", func(w *world) { w.resources[2].PhysicalID = "news" }, drift.StatusUnknown, "may not be its identifier"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			if r := w.check()[tt.id]; r.Status != tt.status || !strings.Contains(r.Reason, tt.reason) || len(r.Differences) > 0 {
				t.Errorf("%s %q %v, want %s %q", r.Status, r.Reason, r.Differences, tt.status, tt.reason)
			}
		})
	}
}

func (w *world) fail(what string, err error) {
	w.cloud.Fault = func(call, asked string) error {
		if strings.HasPrefix(asked, what) {
			return err
		}
		return nil
	}
}

// What depends on a model that cannot be read is not compared.
func TestUnresolvedAttributes(t *testing.T) {
	w := newWorld(t)
	w.fail("AWS::SQS::Queue https://sqs/dead", fault.Transient("Rate exceeded"))
	w.cloud.Exported = nil
	got := w.check()
	if r := got["Jobs"]; r.Status != drift.StatusInSync || !slices.Equal(r.Unresolved, []string{"/RedrivePolicy/deadLetterTargetArn"}) {
		t.Errorf("Jobs: %s %v %v", r.Status, r.Differences, r.Unresolved)
	}
	if r := got["News"]; r.Status != drift.StatusInSync || !slices.Equal(r.Unresolved, []string{"/DisplayName"}) {
		t.Errorf("News: %s %v %v", r.Status, r.Differences, r.Unresolved)
	}
}

func TestUndeclared(t *testing.T) {
	w := newWorld(t)
	w.check()
	w.model("dead")["DelaySeconds"] = 5.0
	w.model("news")["Subscription"] = []any{map[string]any{"Protocol": "email", "Endpoint": "eve@example.com"}}
	w.model("worker")["TracingConfig"] = map[string]any{"Mode": "Active"}
	for range 2 { // a repeated scan says the same
		got := w.check()
		want := map[string]events.PropertyDifference{
			"Dead":   {Path: "/DelaySeconds", Type: "NOT_EQUAL", Expected: "0", Actual: "5"},
			"News":   {Path: "/Subscription/0", Type: "ADD", Actual: `{"Endpoint":"eve@example.com","Protocol":"email"}`},
			"Worker": {Path: "/TracingConfig/Mode", Type: "NOT_EQUAL", Expected: "PassThrough", Actual: "Active"},
		}
		for id, r := range got {
			var differences []events.PropertyDifference
			if d, ok := want[id]; ok {
				differences = []events.PropertyDifference{d}
			}
			if !reflect.DeepEqual(r.Undeclared, differences) || len(r.Differences) > 0 || r.Status == drift.StatusModified {
				t.Errorf("%s: %s %v undeclared %v, want %v", id, r.Status, r.Differences, r.Undeclared, differences)
			}
		}
	}
	w.deploy(shopTemplate) // a deployment makes a new snapshot
	for id, r := range w.check() {
		if len(r.Undeclared) > 0 {
			t.Errorf("%s after a deployment: %v", id, r.Undeclared)
		}
	}
}

// What the stack itself declares is not an undeclared change of its parent.
func TestUndeclaredLeavesOutWhatTheStackDeclares(t *testing.T) {
	w := newWorld(t)
	withSubscription := shopTemplate + `
  Mail:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: email, Endpoint: ops@example.com}
`
	w.deploy(withSubscription)
	w.check() // while the subscription waits for confirmation
	w.model("news")["Subscription"] = []any{map[string]any{"Protocol": "email", "Endpoint": "ops@example.com"}}
	if r := w.check()["News"]; len(r.Undeclared) > 0 {
		t.Errorf("undeclared %v", r.Undeclared)
	}
}

func TestCheckFails(t *testing.T) {
	for _, call := range []string{"Deployed", "Find", "Put"} {
		w := newWorld(t)
		broken := errors.New(call + " broke")
		w.cloud.Fault = func(c, _ string) error {
			if c == call {
				return broken
			}
			return nil
		}
		engine := &live.Engine{Models: w.cloud, Deployments: w.cloud, Snapshots: w.cloud}
		if _, err := engine.Check(t.Context(), shop, w.resources); !errors.Is(err, broken) {
			t.Errorf("%s: %v", call, err)
		}
	}
	w := newWorld(t)
	w.deploy("[")
	engine := &live.Engine{Models: w.cloud, Deployments: w.cloud, Snapshots: w.cloud}
	if _, err := engine.Check(t.Context(), shop, w.resources); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "template of shop") {
		t.Errorf("a broken template: %v", err)
	}
}

// Outputs of nested and other stacks are read once each.
func TestOutputsOfOtherStacks(t *testing.T) {
	w := newWorld(t)
	child := w.resources[7].PhysicalID
	w.deploy(strings.ReplaceAll(shopTemplate, "DisplayName: !ImportValue brand", `DisplayName: !Join ['', [!GetAtt Child.Outputs.Brand, !GetAtt Child.Outputs.Suffix]]
      KmsMasterKeyId: {Fn::GetStackOutput: {StackName: keys, OutputName: Key}}`))
	w.cloud.Out = map[string]map[string]string{child: {"Brand": "Ac", "Suffix": "me"}, "keys": {"Key": "key-1"}}
	w.model("news")["KmsMasterKeyId"] = "key-2"
	r := w.check()["News"]
	if want := []events.PropertyDifference{{Path: "/KmsMasterKeyId", Type: "NOT_EQUAL", Expected: "key-1", Actual: "key-2"}}; !reflect.DeepEqual(r.Differences, want) || len(r.Unresolved) > 0 {
		t.Errorf("%v, unresolved %v, want %v", r.Differences, r.Unresolved, want)
	}
	var asked []string
	for _, call := range w.cloud.Calls() {
		if strings.HasPrefix(call, "Outputs") {
			asked = append(asked, call)
		}
	}
	if want := []string{"Outputs " + child, "Outputs keys"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

// A stack that is being updated differs from its template for a while.
func TestAStackThatChanges(t *testing.T) {
	check := func(w *world) ([]drift.LiveResult, error) {
		engine := &live.Engine{Models: w.cloud, Deployments: w.cloud, Snapshots: w.cloud}
		return engine.Check(t.Context(), shop, w.resources)
	}
	becomes := func(w *world, status string, after time.Duration) {
		deployed := w.cloud.Stacks[shop.StackID]
		deployed.Status, deployed.Updated = status, deployed.Updated.Add(after)
		w.cloud.Stacks[shop.StackID] = deployed
	}
	w := newWorld(t)
	becomes(w, "UPDATE_IN_PROGRESS", 0)
	if _, err := check(w); !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), "UPDATE_IN_PROGRESS") {
		t.Errorf("before it is read: %v", err)
	}
	for _, drifted := range []bool{true, false} {
		w = newWorld(t)
		if drifted {
			w.model("jobs")["VisibilityTimeout"] = 30.0
		}
		w.cloud.Fault = func(call, what string) error {
			if call == "Read" && strings.HasPrefix(what, "AWS::Lambda") {
				becomes(w, "UPDATE_COMPLETE", time.Minute)
			}
			return nil
		}
		if _, err := check(w); fault.Is(err, fault.ConflictError) != drifted || drifted && len(w.cloud.Kept) > 0 {
			t.Errorf("while it is read, drifted %v: %v, kept %d", drifted, err, len(w.cloud.Kept))
		}
	}
}
