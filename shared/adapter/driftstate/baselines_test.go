package driftstate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var shop = events.StackRef{StackID: "arn:stack", StackName: "shop"}

func TestBaselines(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	table := driftstate.New(stub.Config(), "state")
	until := time.Unix(1800000000, 0).UTC()
	if err := table.Accept(ctx, shop, response.Accepted{LogicalID: "Queue", Path: "/DelaySeconds", Digest: "d", By: "kim", Reason: "load test", Until: until}); err != nil {
		t.Fatal(err)
	}
	row, _ := body(t, stub.Calls("dynamodb", "PutItem")[0])["Item"].(map[string]any)
	document, _ := row["document"].(map[string]any)["S"].(string)
	if row["pk"].(map[string]any)["S"] != "driftaccepted#arn:stack" || row["sk"].(map[string]any)["S"] != "Queue#/DelaySeconds" || row["ttl"].(map[string]any)["N"] != "1807776000" {
		t.Errorf("put %v", row)
	}

	stub.On("dynamodb", "Query", func(c awsstub.Call) awsstub.Answer {
		if m := body(t, c); m["ConsistentRead"] != true {
			t.Errorf("query %v", m)
		}
		quoted := `{"LogicalID":"","logicalId":"Alarm"}`
		return answer(`{"Items":[{"document":{"S":` + jsonText(t, document) + `}},{"document":{"S":` + jsonText(t, quoted) + `}}]}`)
	})
	got, err := table.Accepted(ctx, shop)
	if err != nil || len(got) != 2 || got[0].LogicalID != "Alarm" || got[1].Digest != "d" || !got[1].Until.Equal(until) {
		t.Errorf("accepted %+v, %v", got, err)
	}

	stub.Reply("dynamodb", "DeleteItem", `{"Attributes":{"pk":{"S":"x"}}}`, `{}`)
	for _, want := range []bool{true, false} {
		if found, err := table.Unaccept(ctx, shop, "Queue", "/DelaySeconds"); err != nil || found != want {
			t.Errorf("unaccept %v, %v, want %v", found, err, want)
		}
	}
	stub.On("dynamodb", "Query", func(awsstub.Call) awsstub.Answer { return answer(`{"Items":[{"document":{"S":"{"}}]}`) })
	if _, err := table.Accepted(ctx, shop); !fault.Is(err, fault.PermanentError) {
		t.Errorf("a broken document: %v", err)
	}
}

func TestPolicies(t *testing.T) {
	stub := awsstub.Start(t)
	policies := driftstate.NewPolicies(stub.Config(), "/evenkeel")
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	if p, err := policies.Policy(ctx); err != nil || len(p.Responses) != len(response.Default().Responses) {
		t.Errorf("without a document: %+v, %v", p, err)
	}
	stub.On("ssm", "GetParameter", func(c awsstub.Call) awsstub.Answer {
		if m := body(t, c); m["Name"] != "/evenkeel/drift/policy" {
			t.Errorf("get %v", m)
		}
		return answer(`{"Parameter":{"Value":"version: 1\nresponses:\n  person: revert\n"}}`)
	})
	if p, err := policies.Policy(ctx); err != nil || p.Responses["person"][response.Low] != response.Revert {
		t.Errorf("policy %+v, %v", p, err)
	}
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return answer(`{"Parameter":{"Value":"version: 2"}}`) })
	if _, err := policies.Policy(ctx); !fault.Is(err, fault.InvalidError) {
		t.Errorf("another version: %v", err)
	}
	stub.Reply("ssm", "PutParameter", `{}`)
	if err := policies.Set(ctx, "version: 1\n"); err != nil {
		t.Fatal(err)
	}
	if put := body(t, stub.Calls("ssm", "PutParameter")[0]); put["Value"] != "version: 1\n" || put["Overwrite"] != true || put["Name"] != "/evenkeel/drift/policy" {
		t.Errorf("put %v", put)
	}
}

func jsonText(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func answer(text string) awsstub.Answer { return awsstub.Answer{Body: text} }
