package alarms_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/alarms"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var target = events.Target{Stage: "test", Stack: "api", Account: "222222222222", Region: "eu-west-1"}

func start(t *testing.T) (*awsstub.Stub, *alarms.Client) {
	stub := awsstub.Start(t)
	return stub, alarms.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy"))
}

// alarm is one in the answer of DescribeAlarms. The protocol is Smithy RPC v2
// in CBOR.
func alarm(name, state, reason string) cbor.Value {
	return cbor.Map{"AlarmName": cbor.String(name), "StateValue": cbor.String(state), "StateReason": cbor.String(reason), "AlarmArn": cbor.String("arn:" + name)}
}

func answer(members cbor.Map) string { return string(cbor.Encode(members)) }

func TestStates(t *testing.T) {
	stub, client := start(t)
	stub.Reply("monitoring", "DescribeAlarms",
		answer(cbor.Map{"MetricAlarms": cbor.List{alarm("errors", "ALARM", "Threshold Crossed: 1 datapoint")}, "NextToken": cbor.String("more")}),
		answer(cbor.Map{"CompositeAlarms": cbor.List{alarm("all", "INSUFFICIENT_DATA", "")}, "MetricAlarms": cbor.List{alarm("latency", "OK", "quiet")}}),
	)
	got, err := client.States(t.Context(), target, []string{"all", "errors", "none", "latency"})
	want := []verification.Alarm{
		{Name: "all", ARN: "arn:all", Composite: true, State: verification.AlarmNoData}, {Name: "errors", ARN: "arn:errors", State: verification.AlarmALARM, Reason: "Threshold Crossed: 1 datapoint"},
		{Name: "none", State: verification.AlarmMissing}, {Name: "latency", ARN: "arn:latency", State: verification.AlarmOK, Reason: "quiet"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	calls := stub.Calls("monitoring", "DescribeAlarms")
	if len(calls) != 2 || calls[0].Account != "222222222222" {
		t.Fatalf("%d calls", len(calls))
	}
	for _, part := range []string{"CompositeAlarm", "MetricAlarm", "errors", "latency"} {
		if !strings.Contains(string(calls[0].Body), part) {
			t.Errorf("%q was not asked for: %q", part, calls[0].Body)
		}
	}
	if !strings.Contains(string(calls[1].Body), "more") {
		t.Errorf("the second page: %q", calls[1].Body)
	}
}

func TestErrors(t *testing.T) {
	for code, kind := range map[string]string{"Throttling": fault.TransientError, "AccessDenied": fault.PermanentError} {
		stub, client := start(t)
		stub.On("monitoring", "DescribeAlarms", func(awsstub.Call) awsstub.Answer {
			return awsstub.Answer{Status: 400, Body: answer(cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + code), "message": cbor.String("m")})}
		})
		if _, err := client.States(t.Context(), target, []string{"x"}); !fault.Is(err, kind) {
			t.Errorf("%s: %v", code, err)
		}
	}
}
