package cloudcontrol_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudcontrol"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var stack = events.StackRef{StackName: "shop", Account: "222222222222", Region: "eu-west-1"}

func start(t *testing.T) (*awsstub.Stub, *cloudcontrol.Models) {
	stub := awsstub.Start(t)
	return stub, cloudcontrol.New(session.NewWorkloads(stub.Config(), "evenkeel-drift"))
}

func TestRead(t *testing.T) {
	stub, models := start(t)
	stub.Reply("cloudcontrolapi", "GetResource", `{"TypeName":"AWS::SQS::Queue","ResourceDescription":{"Identifier":"https://sqs/jobs",`+
		`"Properties":"{\"QueueName\":\"jobs\",\"VisibilityTimeout\":60,\"Tags\":[{\"Key\":\"a\",\"Value\":\"b\"}]}"}}`)
	got, found, err := models.Read(t.Context(), stack, "AWS::SQS::Queue", "https://sqs/jobs")
	want := map[string]any{"QueueName": "jobs", "VisibilityTimeout": 60.0, "Tags": []any{map[string]any{"Key": "a", "Value": "b"}}}
	if err != nil || !found || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, %v", got, found, err)
	}
	call := stub.Calls("cloudcontrolapi", "GetResource")[0]
	var asked map[string]string
	if err := json.Unmarshal(call.Body, &asked); err != nil {
		t.Fatal(err)
	}
	if call.Account != "222222222222" || !reflect.DeepEqual(asked, map[string]string{"TypeName": "AWS::SQS::Queue", "Identifier": "https://sqs/jobs"}) {
		t.Errorf("asked %v in account %s", asked, call.Account)
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct {
		code, message string
		unsupported   bool
		kind          string // "" is no error: the resource is gone
	}{
		{"ResourceNotFoundException", "Resource of type 'AWS::SQS::Queue' with identifier 'x' was not found.", false, ""},
		{"UnsupportedActionException", "Resource type AWS::X::Y does not support READ action", true, fault.PermanentError},
		{"TypeNotFoundException", "The type 'AWS::X::Y' cannot be found.", true, fault.PermanentError},
		{"ThrottlingException", "Rate exceeded", false, fault.TransientError},
		{"HandlerInternalFailureException", "Internal Failure", false, fault.TransientError},
		{"AccessDeniedException", "User is not authorized to perform: sqs:GetQueueAttributes", false, fault.PermanentError},
		{"GeneralServiceException", "AccessDenied. User doesn't have permission to call sqs:GetQueueAttributes", false, fault.PermanentError},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			stub, models := start(t)
			stub.On("cloudcontrolapi", "GetResource", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(tt.code, tt.message) })
			_, found, err := models.Read(t.Context(), stack, "AWS::SQS::Queue", "x")
			if found || (err != nil) != (tt.kind != "") || errors.Is(err, live.ErrUnsupported) != tt.unsupported {
				t.Fatalf("found %v, %v", found, err)
			}
			if err != nil && (fault.Kind(err) != tt.kind || !strings.Contains(err.Error(), "AWS::SQS::Queue x")) {
				t.Errorf("%s: %v", fault.Kind(err), err)
			}
			if err != nil && !tt.unsupported && !strings.Contains(err.Error(), tt.message) {
				t.Errorf("%v does not say why", err)
			}
		})
	}
}

func TestReadRefusesWhatIsNotJSON(t *testing.T) {
	for _, body := range []string{`{}`, `{"ResourceDescription":{"Properties":"{"}}`} {
		stub, models := start(t)
		stub.Reply("cloudcontrolapi", "GetResource", body)
		if _, found, err := models.Read(t.Context(), stack, "AWS::SQS::Queue", "x"); found || !fault.Is(err, fault.PermanentError) {
			t.Errorf("%s: %v, %v", body, found, err)
		}
	}
}
