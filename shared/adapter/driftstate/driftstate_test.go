package driftstate_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var ctx = context.Background()

func body(t *testing.T, call awsstub.Call) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(call.Body, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func s(v string) map[string]any { return map[string]any{"S": v} }

func TestKeys(t *testing.T) {
	tests := []struct {
		wait   drift.Wait
		pk, sk string
	}{
		{drift.Wait{Kind: drift.WaitDetection, StackID: "arn:stack", ID: "d1"}, "detection#arn:stack#d1", "token"},
		{drift.Wait{Kind: drift.WaitExecution, StackID: "arn:stack", ID: "r1"}, "token#arn:stack#r1", "drift"},
	}
	for _, tt := range tests {
		stub := awsstub.Start(t)
		stub.Reply("dynamodb", "PutItem", `{}`)
		stub.Reply("dynamodb", "GetItem", `{"Item":{"token":{"S":"task-token"}}}`)
		stub.Reply("dynamodb", "DeleteItem", `{}`)
		table := driftstate.New(stub.Config(), "state")

		if err := table.Keep(ctx, tt.wait, "task-token", time.Unix(1800000000, 0)); err != nil {
			t.Fatal(err)
		}
		put := body(t, stub.Calls("dynamodb", "PutItem")[0])
		want := map[string]any{"pk": s(tt.pk), "sk": s(tt.sk), "token": s("task-token"), "ttl": map[string]any{"N": "1800000000"}}
		if !reflect.DeepEqual(put["Item"], want) || put["TableName"] != "state" {
			t.Errorf("put %v, want %v", put, want)
		}
		if token, err := table.Find(ctx, tt.wait); err != nil || token != "task-token" {
			t.Errorf("token %q, %v", token, err)
		}
		get := body(t, stub.Calls("dynamodb", "GetItem")[0])
		if get["ConsistentRead"] != true || !reflect.DeepEqual(get["Key"], map[string]any{"pk": s(tt.pk), "sk": s(tt.sk)}) {
			t.Errorf("get %v", get)
		}
		if err := table.Forget(ctx, tt.wait, "task-token"); err != nil {
			t.Fatal(err)
		}
		forget := body(t, stub.Calls("dynamodb", "DeleteItem")[0])
		if forget["ConditionExpression"] != "#token = :token" || !reflect.DeepEqual(forget["ExpressionAttributeValues"], map[string]any{":token": s("task-token")}) {
			t.Errorf("delete %v, want only this token's", forget)
		}
	}
}

func TestNobodyWaits(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "GetItem", `{}`)
	stub.On("dynamodb", "DeleteItem", func(awsstub.Call) awsstub.Answer {
		return awsstub.JSONError("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "The conditional request failed")
	})
	table := driftstate.New(stub.Config(), "state")
	if token, err := table.Find(ctx, drift.Wait{}); err != nil || token != "" {
		t.Errorf("token %q, %v", token, err)
	}
	if err := table.Forget(ctx, drift.Wait{}, "older"); err != nil {
		t.Errorf("a newer token is kept: %v", err)
	}
}

func TestStacksOfAllPages(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "Scan",
		`{"Items":[{"pk":{"S":"stack#222222222222#us-east-1"},"sk":{"S":"shop-data-test"},"stackId":{"S":"arn:data"},"stackName":{"S":"shop-data-test"},`+
			`"account":{"S":"222222222222"},"region":{"S":"us-east-1"},"repository":{"S":"acme/shop"},"stage":{"S":"test"},"runId":{"S":"r1"}}],`+
			`"LastEvaluatedKey":{"pk":{"S":"x"},"sk":{"S":"y"}}}`,
		`{"Items":[{"stackId":{"S":"arn:network"},"stackName":{"S":"shop-network-test"},"account":{"S":"333333333333"},"region":{"S":"eu-west-1"}}]}`)
	got, err := driftstate.New(stub.Config(), "state").Stacks(ctx)
	want := []events.StackRef{
		{StackID: "arn:data", StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1", Repository: "acme/shop", Stage: "test", RunID: "r1"},
		{StackID: "arn:network", StackName: "shop-network-test", Account: "333333333333", Region: "eu-west-1"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	scan := body(t, stub.Calls("dynamodb", "Scan")[0])
	if scan["FilterExpression"] != "begins_with(pk, :stack)" || !reflect.DeepEqual(scan["ExpressionAttributeValues"], map[string]any{":stack": s("stack#")}) {
		t.Errorf("scan %v", scan)
	}
}

func TestErrorKinds(t *testing.T) {
	for code, want := range map[string]string{
		"ProvisionedThroughputExceededException": fault.TransientError,
		"AccessDeniedException":                  fault.PermanentError,
		"ValidationException":                    fault.InvalidError,
	} {
		stub := awsstub.Start(t)
		for _, action := range []string{"PutItem", "GetItem", "DeleteItem", "Scan"} {
			stub.On("dynamodb", action, func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "no") })
		}
		table := driftstate.New(stub.Config(), "state")
		_, find := table.Find(ctx, drift.Wait{})
		_, list := table.Stacks(ctx)
		for call, err := range map[string]error{
			"keep": table.Keep(ctx, drift.Wait{}, "t", time.Now()), "find": find, "forget": table.Forget(ctx, drift.Wait{}, "t"), "list": list,
		} {
			if !fault.Is(err, want) {
				t.Errorf("%s on %s: %v, want a %s", call, code, err, want)
			}
		}
	}
}
