package deployment

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/risk"
)

func planRows(changes []Change) []Row {
	return rows(ChangeSet{Changes: changes}, risk.Published("us-east-1"))
}

func TestDocumentHidesSecrets(t *testing.T) {
	rows := planRows([]Change{
		{Action: "Modify", LogicalID: "Db", Type: "AWS::RDS::DBInstance", Replacement: "False", Details: []Detail{
			{Attribute: "Properties", Path: "/Properties/MasterUserPassword", Before: "hunter1", After: "hunter2"},
			{Attribute: "Properties", Path: "/Properties/MasterUserPassword", Before: "hunter1", After: "hunter2", Cause: "Password"},
			{Attribute: "Properties", Path: "/Properties/AuthToken", After: "{{resolve:secretsmanager:db}}"},
		}},
		{Action: "Modify", LogicalID: "Task", Type: "AWS::ECS::TaskDefinition", Replacement: "True", Details: []Detail{
			{Attribute: "Properties", Path: "/Properties/ContainerDefinitions/0/Environment/1/Value", Before: "hunter5", After: "hunter6"},
			{Attribute: "Properties", Path: "/Properties/ContainerDefinitions/0/Environment/0/Value", Before: "eu", After: "us"},
		}, After: `{"Properties":{"ContainerDefinitions":[{"Environment":[{"Name":"REGION","Value":"us"},{"Name":"DB_PASSWORD","Value":"hunter6"}]}]}}`},
		{Action: "Add", LogicalID: "Secret", Type: "AWS::SecretsManager::Secret", After: `{"Properties":{"SecretString":"hunter3","Name":"db","X":{"Password":"hunter4","N":1}}}`},
		{Action: "Remove", LogicalID: "Old", Type: "AWS::SQS::Queue", Before: `{"Properties":{"QueueName":"old"}}`},
	})
	document := Document{Rows: rows, Risk: RiskSafe}
	text := document.Text()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{text, document.ColorText(), document.Markdown(MaxMarkdown), string(data)} {
		if strings.Contains(shown, "hunter") {
			t.Errorf("a secret is shown:\n%s", shown)
		}
	}
	for _, want := range []string{
		"/Properties/MasterUserPassword: **** → **** (from Password)", "/Properties/AuthToken: {{resolve:secretsmanager:db}}",
		"/Properties/Name: db", `/Properties/X: {"N":1,"Password":"****"}`, "/Properties/QueueName: old → (none)", "- Old", "+ Secret",
		"Environment/0/Value: eu → us", "Environment/1/Value: **** → ****",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan lacks %q:\n%s", want, text)
		}
	}
}

func TestSummaryIsBounded(t *testing.T) {
	var changes []Change
	for i := range 500 {
		change := Change{Action: "Modify", LogicalID: fmt.Sprintf("R%03d", i), Type: "AWS::SQS::Queue", Replacement: "False"}
		for j := range 30 {
			change.Details = append(change.Details, Detail{Attribute: "Properties", Path: fmt.Sprintf("/Properties/P%d", j), Before: strings.Repeat("a", 5000), After: strings.Repeat("ü", 5000)})
		}
		changes = append(changes, change)
	}
	summary := Document{Rows: planRows(changes)}.summary()
	size := 0
	for _, row := range summary {
		for _, p := range row.Properties {
			size += len(p)
		}
	}
	if len(summary) != factRows+1 || summary[factRows].LogicalID != "… and 450 more" || len(summary[0].Properties) != factProperties+1 || size > 150_000 {
		t.Errorf("%d rows, %d bytes, last %q", len(summary), size, summary[len(summary)-1].LogicalID)
	}
}
