package driftdetection_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestFoundOfAllPages(t *testing.T) {
	stub, cfn := start(t)
	stub.On("cloudformation", "DescribeStacks", func(c awsstub.Call) awsstub.Answer {
		if c.Account != "222222222222" || c.Form.Get("StackName") != "" {
			t.Errorf("asked %v in account %s", c.Form, c.Account)
		}
		page := `<Stacks><member><StackId>arn:a</StackId><StackName>a</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><Tags><member><Key>team</Key><Value>shop</Value></member></Tags></member></Stacks><NextToken>n</NextToken>`
		if c.Form.Get("NextToken") == "n" {
			page = `<Stacks><member><StackId>arn:b</StackId><StackName>b</StackName><StackStatus>CREATE_COMPLETE</StackStatus><ParentId>arn:a</ParentId></member></Stacks>`
		}
		return awsstub.Answer{Body: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>` + page + `</DescribeStacksResult></DescribeStacksResponse>`}
	})
	got, err := cfn.Found(ctx, "222222222222", "eu-west-1")
	want := []drift.Found{
		{StackRef: events.StackRef{StackID: "arn:a", StackName: "a", Account: "222222222222", Region: "eu-west-1"}, Status: "UPDATE_COMPLETE", Tags: map[string]string{"team": "shop"}},
		{StackRef: events.StackRef{StackID: "arn:b", StackName: "b", Account: "222222222222", Region: "eu-west-1", Parent: "arn:a"}, Status: "CREATE_COMPLETE", Tags: map[string]string{}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	fails(stub, "DescribeStacks", 403, "AccessDenied", "not authorized")
	if _, err := cfn.Found(ctx, "222222222222", "eu-west-1"); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "222222222222 in eu-west-1") {
		t.Errorf("denied: %v", err)
	}
}
