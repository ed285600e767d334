package drift_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

func scans() []events.DriftScanned {
	return []events.DriftScanned{
		{
			StackRef: events.StackRef{StackName: "shop-network-test", Account: "222222222222", Region: "us-east-1"},
			Status:   "DRIFTED", Coverage: events.Coverage{Checked: 4, Unsupported: 1, Nested: 1},
			Resources: []events.DriftedResource{
				{LogicalID: "Jobs", ResourceType: "AWS::SQS::Queue", Status: "MODIFIED", Differences: []events.PropertyDifference{
					difference("NOT_EQUAL", "/VisibilityTimeout", "60", "30"),
					difference("ADD", "/Tags/0", "", `{"Key":"owner","Value":"`+strings.Repeat("x", 80)+`"}`),
					difference("REMOVE", "/DelaySeconds", "5", ""),
				}},
				{LogicalID: "News", ResourceType: "AWS::SNS::Topic", Status: "DELETED"},
			},
		},
		{
			StackRef: events.StackRef{StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1"},
			Status:   "UNKNOWN", Coverage: events.Coverage{Unsupported: 2}, Reason: "no resource\x1b[2J could be checked",
		},
	}
}

func TestRenderText(t *testing.T) {
	var b strings.Builder
	if err := drift.RenderText(&b, scans()); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`shop-data-test  222222222222/us-east-1  UNKNOWN`,
		`  coverage: 0 checked, 2 unsupported, 0 unknown, 0 nested`,
		`  note: no resource [2J could be checked`,
		``,
		`shop-network-test  222222222222/us-east-1  DRIFTED`,
		`  coverage: 4 checked, 1 unsupported, 0 unknown, 1 nested`,
		`  RESOURCE  TYPE             PROPERTY            EXPECTED  ACTUAL`,
		`  Jobs      AWS::SQS::Queue  /VisibilityTimeout  60        30`,
		`  Jobs      AWS::SQS::Queue  /Tags/0             (none)    {"Key":"owner","Value":"` + strings.Repeat("x", 35) + `…`,
		`  Jobs      AWS::SQS::Queue  /DelaySeconds       5         (none)`,
		`  News      AWS::SNS::Topic  (all)               present   deleted`,
		``,
	}, "\n")
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestRenderJSON(t *testing.T) {
	var b strings.Builder
	if err := drift.RenderJSON(&b, scans()); err != nil {
		t.Fatal(err)
	}
	var got []events.DriftScanned
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || len(got) != 2 || got[0].StackName != "shop-data-test" {
		t.Errorf("got %v, %v", got, err)
	}
	b.Reset()
	if err := drift.RenderJSON(&b, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("no scans: %q, %v, want an empty list", b.String(), err)
	}
}

func TestRenderTextOfBothEngines(t *testing.T) {
	scan := events.DriftScanned{
		StackRef: events.StackRef{StackName: "child", Account: "1", Region: "r", Parent: "arn:parent"}, Status: "DRIFTED",
		Coverage: events.Coverage{Checked: 2, Live: 2, Unresolved: 1},
		Resources: []events.DriftedResource{
			{LogicalID: "Jobs", ResourceType: "T", Status: "MODIFIED", Engine: "live", Differences: []events.PropertyDifference{timeout}, Disagreement: "only Cloud Control reports /VisibilityTimeout"},
			{LogicalID: "News", ResourceType: "T", Status: "IN_SYNC", Undeclared: []events.PropertyDifference{delay}},
		},
	}
	var b strings.Builder
	if err := drift.RenderText(&b, []events.DriftScanned{scan}); err != nil {
		t.Fatal(err)
	}
	want := `child  1/r  DRIFTED
  nested in: arn:parent
  coverage: 2 checked, 0 unsupported, 0 unknown, 0 nested; 2 checked live, 1 property unresolved
  RESOURCE  TYPE  PROPERTY                    EXPECTED  ACTUAL  ENGINE
  Jobs      T     /VisibilityTimeout          60        30      live
  News      T     /DelaySeconds (undeclared)  0         5       live
  Jobs: the engines disagree: only Cloud Control reports /VisibilityTimeout
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
