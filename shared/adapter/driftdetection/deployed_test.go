package driftdetection_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const deployedStack = `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
<StackId>` + arn + `</StackId><StackName>shop-network-test</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>
<CreationTime>2026-03-02T09:00:00.000Z</CreationTime><LastUpdatedTime>2026-03-03T09:00:00.000Z</LastUpdatedTime>
<NotificationARNs><member>arn:aws:sns:us-east-1:222222222222:n</member></NotificationARNs>
<Parameters><member><ParameterKey>Cidr</ParameterKey><ParameterValue>10.0.0.0/16</ParameterValue></member>
<member><ParameterKey>Image</ParameterKey><ParameterValue>/image</ParameterValue><ResolvedValue>ami-1</ResolvedValue></member></Parameters>
<Tags><member><Key>cost</Key><Value>7</Value></member></Tags>
<Outputs><member><OutputKey>Vpc</OutputKey><OutputValue>vpc-1</OutputValue></member></Outputs>
</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`

func TestDeployed(t *testing.T) {
	stub, cfn := start(t)
	stub.Reply("cloudformation", "DescribeStacks", deployedStack)
	stub.Reply("cloudformation", "GetTemplate", `<GetTemplateResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><GetTemplateResult><TemplateBody>{"Resources":{}}</TemplateBody></GetTemplateResult></GetTemplateResponse>`)
	got, err := cfn.Deployed(ctx, stack)
	want := live.Deployed{
		Template: []byte(`{"Resources":{}}`), Tags: map[string]string{"cost": "7"},
		Revision:         live.Revision{Updated: time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC), Status: "UPDATE_COMPLETE"},
		NotificationARNs: []string{"arn:aws:sns:us-east-1:222222222222:n"},
		Parameters:       []live.Parameter{{Name: "Cidr", Value: "10.0.0.0/16"}, {Name: "Image", Value: "/image", Resolved: "ami-1"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	call := stub.Calls("cloudformation", "GetTemplate")[0]
	if call.Account != "222222222222" || call.Form.Get("StackName") != arn || call.Form.Get("TemplateStage") != "Processed" {
		t.Errorf("asked %v in account %s", call.Form, call.Account)
	}
	if now, err := cfn.Revision(ctx, stack); err != nil || now != want.Revision {
		t.Errorf("revision %+v, %v", now, err)
	}
	outputs, err := cfn.Outputs(ctx, stack, "shop-data")
	if err != nil || !reflect.DeepEqual(outputs, map[string]string{"Vpc": "vpc-1"}) {
		t.Errorf("outputs %v, %v", outputs, err)
	}
	fails(stub, "DescribeStacks", 400, "ValidationError", "Stack with id shop-data does not exist")
	if outputs, err = cfn.Outputs(ctx, stack, "shop-data"); err != nil || len(outputs) > 0 {
		t.Errorf("a stack that is gone: %v, %v", outputs, err)
	}
	if now, err := cfn.Revision(ctx, stack); err != nil || now != (live.Revision{}) {
		t.Errorf("a stack that is gone: %+v, %v", now, err)
	}
	if _, err = cfn.Deployed(ctx, stack); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a stack that is gone: %v", err)
	}
}

func TestExportsOfAllPages(t *testing.T) {
	stub, cfn := start(t)
	stub.On("cloudformation", "ListExports", func(c awsstub.Call) awsstub.Answer {
		page := `<Exports><member><Name>a</Name><Value>1</Value></member></Exports><NextToken>n</NextToken>`
		if c.Form.Get("NextToken") == "n" {
			page = `<Exports><member><Name>b</Name><Value>2</Value></member></Exports>`
		}
		return awsstub.Answer{Body: `<ListExportsResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ListExportsResult>` + page + `</ListExportsResult></ListExportsResponse>`}
	})
	if got, err := cfn.Exports(ctx, stack); err != nil || !reflect.DeepEqual(got, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("exports %v, %v", got, err)
	}
	fails(stub, "ListExports", 400, "Throttling", "Rate exceeded")
	if _, err := cfn.Exports(ctx, stack); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}
