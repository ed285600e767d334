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
			stack := events.StackRef{Account: call.Account, Region: call.Region}
			if !slices.ContainsFunc(w.Keys(), func(k string) bool { return slices.Contains(attribution.KeysOf(stack, drifted), k) }) {
				t.Errorf("kept under %v, asked for under %v", w.Keys(), attribution.KeysOf(stack, drifted))
			}
			got := attribution.Default().Match(attribution.Change{Stack: stack, Resource: drifted}, []attribution.Write{w})
			if got == nil || got.Exact != tt.exact || got.Principal != call.Identity.ARN() || got.EventName != tt.action || got.Class != attribution.ClassPerson {
				t.Errorf("got %+v of %+v", got, w)
			}
		})
	}
}
