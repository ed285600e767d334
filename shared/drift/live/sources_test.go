package live_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// What was not compared because something else could not be read or found says
// what that is, and why. CloudFormation API reference, common errors:
// AccessDeniedException, Throttling; ListExports answers the exports of one
// account and region; DescribeStacks of a stack that does not exist is a
// ValidationError.
func TestWhyUnresolved(t *testing.T) {
	const imports = "DisplayName: !ImportValue brand"
	denied := fault.Permanent("list the exports that shop may import: AccessDenied: not authorized to perform cloudformation:ListExports")
	tests := []struct {
		name   string
		change func(w *world)
		want   string // the only reason
	}{
		{"exports that may not be listed", func(w *world) { w.failCall("Exports", denied) },
			"News/DisplayName is not compared: the exports cannot be read: " + denied.Error()},
		{"an export that nobody has", func(w *world) { w.cloud.Exported = nil },
			"News/DisplayName is not compared: there is no export brand in us-east-1"},
		{"outputs that may not be read", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: {Fn::GetStackOutput: {StackName: keys, OutputName: Key}}", 1))
			w.failCall("Outputs", fault.Permanent("AccessDenied"))
		}, "News/DisplayName is not compared: the outputs of keys cannot be read: AccessDenied"},
		{"a stack that does not exist", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: {Fn::GetStackOutput: {StackName: keys, OutputName: Key}}", 1))
		}, "News/DisplayName is not compared: the stack keys is not found"},
		{"an output that the stack does not have", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: {Fn::GetStackOutput: {StackName: keys, OutputName: Key}}", 1))
			w.cloud.Out = map[string]map[string]string{"keys": {"Other": "x"}}
		}, "News/DisplayName is not compared: the stack keys has no output Key"},
		{"a nested stack that was not created", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: !GetAtt Child.Outputs.Brand", 1))
			w.resources[7].PhysicalID = ""
		}, "News/DisplayName is not compared: a nested stack has not been created"},
		{"a resource that is gone", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: !GetAtt Worker.Arn", 1))
			delete(w.cloud.Models, "AWS::Lambda::Function worker")
		}, "News/DisplayName is not compared: Worker is gone"},
		{"a resource of the user's own", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: !GetAtt Hook.Brand", 1))
		}, "News/DisplayName is not compared: Hook (Custom::Hook) cannot be read through Cloud Control"},
		{"an attribute that the model lacks", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, "DisplayName: !GetAtt Dead.Brand", 1))
		}, "News/DisplayName is not compared: the model of Dead has no Brand"},
		{"one cause, two places", func(w *world) {
			w.deploy(strings.Replace(shopTemplate, imports, imports+"\n      KmsMasterKeyId: !ImportValue key", 1))
			w.failCall("Exports", fault.Permanent("AccessDenied"))
		}, "News/DisplayName and 1 more are not compared: the exports cannot be read: AccessDenied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			engine := &live.Engine{Models: w.cloud, Deployments: w.cloud, Snapshots: w.cloud, Parallel: 4}
			results, err := engine.Check(t.Context(), shop, w.resources)
			if err != nil {
				t.Fatal(err)
			}
			report := drift.Merge(shop, drift.Findings{Engine: drift.EngineLive, Detection: drift.Detection{State: drift.DetectionNone}, Resources: w.resources, Live: results})
			if !slices.Equal(report.Reasons, []string{tt.want}) {
				t.Errorf("reasons %q, want %q", report.Reasons, tt.want)
			}
		})
	}
}

// A model that cannot be read is the reason of what needs an attribute of it.
func TestWhyNeedsAnUnreadableModel(t *testing.T) {
	w := newWorld(t)
	w.fail("AWS::SQS::Queue https://sqs/dead", fault.Permanent("AccessDenied"))
	got := w.check()["Jobs"]
	want := []drift.Unresolved{{Path: "/RedrivePolicy/deadLetterTargetArn", Reason: "Dead cannot be read: AccessDenied"}}
	if !slices.Equal(got.Why, want) {
		t.Errorf("%+v, want %+v", got.Why, want)
	}
}

// A resource whose identifier needs what cannot be read says that too.
func TestWhyNoIdentifier(t *testing.T) {
	w := newWorld(t)
	w.deploy(shopTemplate + `
  Method:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !ImportValue api, ResourceId: r, HttpMethod: GET}
`)
	w.resources = append(w.resources, drift.Resource{LogicalID: "Method", PhysicalID: "shop-Method-1", Type: "AWS::ApiGateway::Method"})
	w.failCall("Exports", fault.Permanent("AccessDenied"))
	if got := w.check()["Method"]; got.Status != drift.StatusUnknown || !strings.Contains(got.Reason, "cannot be worked out: the exports cannot be read: AccessDenied") {
		t.Errorf("%s %q", got.Status, got.Reason)
	}
}

func (w *world) failCall(name string, err error) {
	w.cloud.Fault = func(call, _ string) error {
		if call == name {
			return err
		}
		return nil
	}
}
