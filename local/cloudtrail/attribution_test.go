package cloudtrail_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

// TestRecordsAreAttributed: the records of the local cloud say as much of who
// changed what as AWS's do.
func TestRecordsAreAttributed(t *testing.T) {
	form := func(query string) []cloudtrail.Parameter {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return cloudtrail.Parameters(values)
	}
	tests := []struct {
		name, service, action string
		form                  []cloudtrail.Parameter
		json                  map[string]any
		response              string
		kind, id, path        string
		exact                 bool
	}{
		{"a rule of a group", "ec2", "AuthorizeSecurityGroupIngress", form("GroupId=sg-1&IpPermissions.1.IpProtocol=tcp"), nil, "<R><return>true</return></R>",
			"AWS::EC2::SecurityGroup", "sg-1", "/SecurityGroupIngress/0", true},
		{"a policy of a role", "iam", "PutRolePolicy", form("RoleName=shop&PolicyName=write&PolicyDocument=%7B%7D"), nil, "<R></R>", "AWS::IAM::Role", "shop", "/Policies/0", true},
		{"a parameter", "ssm", "PutParameter", nil, map[string]any{"Name": "/shop/size", "Value": "2", "Overwrite": true}, `{"Version": 2}`, "AWS::SSM::Parameter", "/shop/size", "/Value", true},
		// Cloud Control hides what it sets, here as there.
		{"Cloud Control", "cloudcontrolapi", "UpdateResource", nil, map[string]any{"TypeName": "AWS::SQS::Queue", "Identifier": "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", "PatchDocument": "[]"},
			`{"ProgressEvent": {"OperationStatus": "SUCCESS"}}`, "AWS::SQS::Queue", "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", "/VisibilityTimeout", false},
		{"Cloud Control deletes", "cloudcontrolapi", "DeleteResource", nil, map[string]any{"TypeName": "AWS::SNS::Topic", "Identifier": "arn:aws:sns:us-east-1:222222222222:news"},
			`{"ProgressEvent": {"OperationStatus": "SUCCESS"}}`, "AWS::SNS::Topic", "arn:aws:sns:us-east-1:222222222222:news", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			call := base()
			call.Service, call.Action, call.Form, call.JSON, call.Status, call.Response = tt.service, tt.action, tt.form, tt.json, 200, []byte(tt.response)
			record, err := json.Marshal(cloudtrail.Record(call))
			if err != nil {
				t.Fatal(err)
			}
			w, skip, err := attribution.Parse(record)
			if err != nil || skip != "" {
				t.Fatalf("skipped %q, %v: %s", skip, err, record)
			}
			drifted := events.DriftedResource{ResourceType: tt.kind, PhysicalID: tt.id, Status: "MODIFIED", Differences: []events.PropertyDifference{{Path: tt.path}}}
			if tt.path == "" {
				drifted.Status, drifted.Differences = "DELETED", nil
			}
			change := attribution.Change{Stack: events.StackRef{Account: call.Account, Region: call.Region}, Resource: drifted}
			if !slices.ContainsFunc(w.Keys(), func(k string) bool { return slices.Contains(change.Keys(), k) }) {
				t.Errorf("kept under %v, asked for under %v", w.Keys(), change.Keys())
			}
			got := attribution.Default().Match(change, []attribution.Write{w})
			if got == nil || got.Exact != tt.exact || got.Principal != call.Identity.ARN() || got.EventName != tt.action || got.Class != attribution.ClassPerson {
				t.Errorf("got %+v of %+v", got, w)
			}
		})
	}
}

// TestHandlersOfCloudControl: what an UpdateResource hides, the calls of its
// handler tell, as AWS's records do: the property from one, the person from the
// other.
func TestHandlersOfCloudControl(t *testing.T) {
	tests := []struct{ kind, id, path, call string }{
		{"AWS::SQS::Queue", "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", "/VisibilityTimeout", "SetQueueAttributes"},
		{"AWS::SQS::Queue", "https://sqs.us-east-1.amazonaws.com/222222222222/jobs", "/Tags", "TagQueue"},
		{"AWS::SNS::Topic", "arn:aws:sns:us-east-1:222222222222:news", "/DisplayName", "SetTopicAttributes"},
		{"AWS::DynamoDB::Table", "orders", "/BillingMode", "UpdateTable"},
		{"AWS::S3::Bucket", "assets", "/VersioningConfiguration/Status", "PutBucketVersioning"},
		{"AWS::IAM::Role", "shop", "/Policies/0/PolicyDocument", "PutRolePolicy"},
		{"AWS::Lambda::Function", "api", "/MemorySize", "UpdateFunctionConfiguration"},
		{"AWS::SSM::Parameter", "/shop/size", "/Value", "PutParameter"},
	}
	for _, tt := range tests {
		t.Run(tt.kind+tt.path, func(t *testing.T) {
			call := base()
			call.ID, call.Service, call.Action, call.Form, call.Status = "ask-1", "cloudcontrolapi", "UpdateResource", nil, 200
			call.JSON = map[string]any{"TypeName": tt.kind, "Identifier": tt.id, "PatchDocument": `[{"op": "replace", "path": "` + tt.path + `", "value": 1}, {"op": "add", "path": "` + tt.path + `", "value": 2}]`}
			call.Response = []byte(`{"ProgressEvent": {"OperationStatus": "IN_PROGRESS"}}`)
			made := cloudtrail.Handled(call)
			if len(made) != 1 {
				t.Fatalf("%d calls %+v", len(made), made)
			}
			made[0].ID = "do-1"
			var writes []attribution.Write
			for _, c := range []cloudtrail.Call{call, made[0]} {
				record, err := json.Marshal(cloudtrail.Record(c))
				if err != nil {
					t.Fatal(err)
				}
				w, skip, err := attribution.Parse(record)
				if err != nil || skip != "" {
					t.Fatalf("skipped %q, %v: %s", skip, err, record)
				}
				writes = append(writes, w)
			}
			drifted := events.DriftedResource{ResourceType: tt.kind, PhysicalID: tt.id, Status: "MODIFIED", Differences: []events.PropertyDifference{{Path: tt.path}}}
			got := attribution.Default().Match(attribution.Change{Stack: events.StackRef{Account: call.Account, Region: call.Region}, Resource: drifted}, writes)
			if writes[1].EventName != tt.call || got == nil || !got.Exact || got.EventID != "ask-1" || got.SourceIP != call.SourceIP || got.Class != attribution.ClassPerson {
				t.Errorf("got %+v of %+v", got, writes)
			}
			failed := call
			failed.Response = []byte(`{"ProgressEvent": {"OperationStatus": "FAILED"}}`)
			deleted := call
			deleted.Action = "DeleteResource"
			if len(cloudtrail.Handled(failed)) != 0 || len(cloudtrail.Handled(deleted)) != 0 {
				t.Error("a handler worked for nothing")
			}
		})
	}
}
