package driftstate_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// TestStandings: what is put is read back; 500 drifted resources fit an item.
func TestStandings(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	table := driftstate.New(stub.Config(), "state")
	stack := events.StackRef{StackID: "arn:stack", StackName: "shop", Account: "222222222222", Region: "eu-west-1"}
	standing := drift.Standing{Stack: stack, ScanID: "scan-1", DetectionID: "d"}
	for i := range 500 {
		standing.Open = append(standing.Open, drift.Open{
			LogicalID: fmt.Sprintf("Queue%032x", i), PhysicalID: strings.Repeat(fmt.Sprint(i), 80), ResourceType: "AWS::SQS::Queue",
			Status: "MODIFIED", Digest: fmt.Sprintf("%024x", i*7919), Since: time.Unix(1800000000, 0).UTC(),
		})
	}
	for _, o := range standing.Open {
		standing.Changed = append(standing.Changed, attribution.Known{
			LogicalID: o.LogicalID, Paths: []string{"/DelaySeconds", "/VisibilityTimeout"}, Scanned: o.Since, By: events.Attribution{
				Class: attribution.ClassPerson, Principal: "arn:aws:sts::222222222222:assumed-role/ops/" + o.LogicalID[30:], EventName: "SetQueueAttributes", EventID: o.Digest, Time: o.Since,
			},
		})
	}
	standing.Told, standing.OpenBefore, standing.ToldBefore = standing.Open, standing.Open, standing.Open
	if err := table.Remember(ctx, standing, time.Unix(1807776000, 0)); err != nil {
		t.Fatal(err)
	}
	sent := stub.Calls("dynamodb", "PutItem")[0]
	row, _ := body(t, sent)["Item"].(map[string]any)
	if row["pk"].(map[string]any)["S"] != "driftstanding#222222222222/eu-west-1" || row["sk"].(map[string]any)["S"] != "shop" || row["ttl"].(map[string]any)["N"] != "1807776000" {
		t.Errorf("put %v %v %v", row["pk"], row["sk"], row["ttl"])
	}
	if len(sent.Body) > 400*1024 {
		t.Errorf("the item has %d bytes", len(sent.Body))
	}
	packed, _ := row["packed"].(map[string]any)["B"].(string)
	stub.Reply("dynamodb", "GetItem", `{"Item":{"packed":{"B":"`+packed+`"}}}`, `{}`)
	if got, err := table.Standing(ctx, stack); err != nil || !reflect.DeepEqual(got, standing) {
		t.Errorf("read %s with %d open, %v", got.ScanID, len(got.Open), err)
	}
	if got, err := table.Standing(ctx, stack); err != nil || got.ScanID != "" {
		t.Errorf("none: %+v, %v", got, err)
	}
	stub.Reply("dynamodb", "GetItem", `{"Item":{"packed":{"B":"`+packed+`"}}}`)
	if got, err := table.Changers(ctx, stack); err != nil || !reflect.DeepEqual(got, standing.Changed) {
		t.Errorf("%d who changed it, %v", len(got), err)
	}
	stub.Reply("dynamodb", "GetItem", `{"Item":{"packed":{"B":"`+packed+`"}}}`)
	anew := stack
	anew.StackID = "arn:another"
	if got, err := table.Changers(ctx, anew); err != nil || got != nil {
		t.Errorf("of another stack with the name: %v, %v", got, err)
	}
	stub.Reply("dynamodb", "Scan", `{"Items":[{"packed":{"B":"`+packed+`"}}],"LastEvaluatedKey":{"pk":{"S":"x"}}}`, `{"Items":[{"packed":{"B":"`+packed+`"}}]}`)
	if got, err := table.Standings(ctx); err != nil || len(got) != 2 || got[1].Stack != stack {
		t.Errorf("%d standings, %v", len(got), err)
	}
	for _, broken := range []string{`{"pk":{"S":"x"}}`, `{"packed":{"B":"aGVsbG8="}}`} {
		stub.Reply("dynamodb", "GetItem", `{"Item":`+broken+`}`)
		if _, err := table.Standing(ctx, stack); !fault.Is(err, fault.PermanentError) {
			t.Errorf("%s: %v", broken, err)
		}
	}
}
