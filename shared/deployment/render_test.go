package deployment_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

func TestPlanText(t *testing.T) {
	plan := deployment.Document{
		Target: events.Target{Stage: "prod", Stack: "data", StackName: "shop-data-prod", Account: "333333333333", Region: "eu-west-1"},
		Rows: []deployment.Row{
			{Action: "Add", LogicalID: "Topic", Type: "AWS::SNS::Topic", Properties: []deployment.Property{
				{Path: "/Properties/KmsMasterKeyId", After: "{{changeSet:KNOWN_AFTER_APPLY}}"}}},
			{Action: "Modify", LogicalID: "Orders", Type: "AWS::DynamoDB::Table", Replacement: "True", PolicyAction: "ReplaceAndRetain", Properties: []deployment.Property{
				{Path: "/Properties/TableName", Before: "orders", After: "orders-2", Recreation: "Always"}}},
			{Action: "Modify", LogicalID: "Queue", Type: "AWS::SQS::Queue", Drift: "MODIFIED", Properties: []deployment.Property{
				{Path: "/Properties/DelaySeconds", Before: "5"}}},
			{Action: "Remove", LogicalID: "Old", Type: "AWS::SSM::Parameter"},
		},
		Risk: "dangerous", Reasons: []string{"Orders: a table is replaced"}, Digest: "0123456789abcdef",
	}
	want := `shop-data-prod (data in prod, account 333333333333, eu-west-1)
  + Topic  AWS::SNS::Topic
      /Properties/KmsMasterKeyId: (known after apply)
  ~ Orders  AWS::DynamoDB::Table  [replacement, ReplaceAndRetain]
      /Properties/TableName: orders → orders-2 (forces replacement)
  ~ Queue  AWS::SQS::Queue  [drift: MODIFIED]
      /Properties/DelaySeconds: 5 → (none)
  - Old  AWS::SSM::Parameter
risk: dangerous
  - Orders: a table is replaced
1 to add, 1 to modify, 1 to replace, 1 to remove · digest 0123456789ab
`
	if got := plan.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
