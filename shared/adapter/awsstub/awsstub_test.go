package awsstub_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
)

func TestAnswersAndRecords(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"one"}}`, `{"Parameter":{"Value":"two"}}`)
	name := "/evenkeel/x"
	client := ssm.NewFromConfig(stub.Config())
	for _, want := range []string{"one", "two", "two"} {
		out, err := client.GetParameter(context.Background(), &ssm.GetParameterInput{Name: &name})
		if err != nil || *out.Parameter.Value != want {
			t.Fatalf("got %v, %v, want %s", out, err, want)
		}
	}
	calls := stub.Calls("ssm", "GetParameter")
	if len(calls) != 3 || string(calls[0].Body) != `{"Name":"/evenkeel/x"}` || calls[0].Account != "test" {
		t.Errorf("recorded %+v", calls)
	}
}

func TestErrorsAndAssumedRoles(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("ssm", "GetParameter", func(c awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("ParameterNotFound", "asked by "+c.Account)
	})
	name := "/evenkeel/x"
	cfg := session.NewWorkloads(stub.Config(), "evenkeel-heal").In("222222222222", "eu-west-1")
	_, err := ssm.NewFromConfig(cfg).GetParameter(context.Background(), &ssm.GetParameterInput{Name: &name})
	if awserr.Code(err) != "ParameterNotFound" || awserr.Message(err) != "asked by 222222222222" {
		t.Errorf("error %v", err)
	}
}
