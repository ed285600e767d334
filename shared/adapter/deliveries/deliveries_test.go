package deliveries_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/deliveries"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

var (
	key = webhook.Key{Provider: "github", ID: "d-1"}
	now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const conditionFailed = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"

func TestClaim(t *testing.T) {
	tests := []struct {
		name string
		code string // of PutItem
		item string // of GetItem
		want webhook.Claim
		kind string
	}{
		{"new, or its lease ran out", "", "", webhook.Taken, ""},
		{"done", conditionFailed, `{"Item":{"state":{"S":"done"}}}`, webhook.Done, ""},
		{"in flight", conditionFailed, `{"Item":{"state":{"S":"claimed"}}}`, webhook.InFlight, ""},
		{"released meanwhile", conditionFailed, `{}`, webhook.InFlight, ""},
		{"throttled", "com.amazonaws.dynamodb.v20120810#ThrottlingException", "", 0, fault.TransientError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stub := awsstub.Start(t)
			stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer {
				if tt.code == "" {
					return awsstub.Answer{Body: `{}`}
				}
				return awsstub.JSONError(tt.code, "no")
			})
			stub.Reply("dynamodb", "GetItem", tt.item)
			got, err := deliveries.New(stub.Config(), "state").Claim(t.Context(), key, now, time.Minute)
			if got != tt.want || (tt.kind == "") != (err == nil) || tt.kind != "" && !fault.Is(err, tt.kind) {
				t.Errorf("got %v, %v", got, err)
			}
			var put struct {
				Item                      map[string]map[string]string
				ConditionExpression       string
				ExpressionAttributeValues map[string]map[string]string
			}
			if err := json.Unmarshal(stub.Calls("dynamodb", "PutItem")[0].Body, &put); err != nil {
				t.Fatal(err)
			}
			if put.Item["pk"]["S"] != "delivery#github#d-1" || put.Item["sk"]["S"] != "delivery" || put.Item["until"]["N"] != "1767323105000" ||
				put.ExpressionAttributeValues[":now"]["N"] != "1767323045000" || put.Item["ttl"]["N"] != "1775099045" {
				t.Errorf("put = %+v", put)
			}
		})
	}
}

func TestCompleteAndRelease(t *testing.T) {
	stub := awsstub.Start(t)
	store := deliveries.New(stub.Config(), "state")
	stub.Reply("dynamodb", "PutItem", `{}`)
	if err := store.Complete(t.Context(), key, now, webhook.Published); err != nil {
		t.Fatal(err)
	}
	if body := string(stub.Calls("dynamodb", "PutItem")[0].Body); !strings.Contains(body, `"done"`) || !strings.Contains(body, `"published"`) {
		t.Errorf("put = %s", body)
	}
	stub.Reply("dynamodb", "DeleteItem", `{}`)
	if err := store.Release(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if body := string(stub.Calls("dynamodb", "DeleteItem")[0].Body); !strings.Contains(body, "#state = :claimed") {
		t.Errorf("a finished delivery could be deleted: %s", body)
	}
	stub.On("dynamodb", "DeleteItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(conditionFailed, "no") })
	if err := store.Release(t.Context(), key); err != nil {
		t.Errorf("a finished delivery stays, without an error: %v", err)
	}
}

// TestClaimKnowsItself: the first answer is lost, the SDK sends the same put
// again, and DynamoDB, which has the item already, compares its owner.
func TestClaimKnowsItself(t *testing.T) {
	type put struct {
		Item                      map[string]map[string]string
		ConditionExpression       string
		ExpressionAttributeNames  map[string]string
		ExpressionAttributeValues map[string]map[string]string
	}
	stub := awsstub.Start(t)
	var puts []put
	stub.On("dynamodb", "PutItem", func(c awsstub.Call) awsstub.Answer {
		var p put
		if err := json.Unmarshal(c.Body, &p); err != nil {
			t.Error(err)
		}
		puts = append(puts, p)
		owner := p.ExpressionAttributeValues[":owner"]["S"]
		switch {
		case len(puts)%2 == 1:
			return awsstub.Answer{Status: 500, Body: `{"__type":"InternalServerError"}`}
		case p.ExpressionAttributeNames["#owner"] == "owner" && strings.Contains(p.ConditionExpression, "#owner = :owner") && owner != "" && owner == puts[len(puts)-2].Item["owner"]["S"]:
			return awsstub.Answer{Body: `{}`}
		default:
			return awsstub.JSONError(conditionFailed, "no")
		}
	})
	stub.Reply("dynamodb", "GetItem", `{"Item":{"state":{"S":"claimed"}}}`)
	cfg := stub.Config()
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}
	for range 2 {
		got, err := deliveries.New(cfg, "state").Claim(t.Context(), key, now, time.Minute)
		if err != nil || got != webhook.Taken {
			t.Errorf("got %v, %v; want the claim of its own first try", got, err)
		}
	}
	if len(puts) != 4 || puts[0].Item["owner"]["S"] == puts[2].Item["owner"]["S"] {
		t.Errorf("%d puts; each claim has an owner of its own", len(puts))
	}
}
