package drift_test

import (
	"reflect"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

func difference(typ, path, expected, actual string) events.PropertyDifference {
	return events.PropertyDifference{Path: path, Type: typ, Expected: expected, Actual: actual}
}

// CloudFormation's PropertyDifferences are texts: "Detect unmanaged
// configuration changes to stacks and resources with drift detection" in the
// user guide warns of values that differ only in form.
func TestRefine(t *testing.T) {
	const (
		policy    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:B","a:C"],"Resource":"*"}]}`
		reordered = `{"Statement":{"Resource":["*"],"Effect":"Allow","Action":["a:c","a:b"]},"Version":"2012-10-17"}`
	)
	type list = []events.PropertyDifference
	tests := []struct {
		name, typ        string
		expected, actual string // properties; empty if CloudFormation gave none
		reported         list
		real, same       list
	}{
		{name: "a real one stays", typ: "AWS::SQS::Queue",
			expected: `{"VisibilityTimeout":60}`, actual: `{"VisibilityTimeout":30}`,
			reported: list{difference("NOT_EQUAL", "/VisibilityTimeout", "60", "30")},
			real:     list{difference("NOT_EQUAL", "/VisibilityTimeout", "60", "30")}},
		{name: "number in another form, no properties given", typ: "AWS::SQS::Queue",
			reported: list{difference("NOT_EQUAL", "/VisibilityTimeout", "60", "60.0")},
			same:     list{difference("NOT_EQUAL", "/VisibilityTimeout", "60", "60.0")}},
		{name: "a form that no schema tells of", typ: "AWS::Synthetics::Canary",
			reported: list{difference("NOT_EQUAL", "/Schedule/Expression", "rate(60 minutes)", "rate(1 hour)"), difference("NOT_EQUAL", "/Name", "a", "b")},
			real:     list{difference("NOT_EQUAL", "/Name", "a", "b")},
			same:     list{difference("NOT_EQUAL", "/Schedule/Expression", "rate(60 minutes)", "rate(1 hour)")}},
		{name: "an item of an empty list stays: who has this engine alone sees it nowhere else", typ: "AWS::EC2::SecurityGroup",
			expected: `{"SecurityGroupIngress":[]}`, actual: `{"SecurityGroupIngress":[{"CidrIp":"0.0.0.0/0"}]}`,
			reported: list{difference("ADD", "/SecurityGroupIngress/0", "null", `{"CidrIp":"0.0.0.0/0"}`)},
			real:     list{difference("ADD", "/SecurityGroupIngress/0", "", `{"CidrIp":"0.0.0.0/0"}`)}},
		{name: "policy in another order", typ: "AWS::IAM::ManagedPolicy",
			reported: list{difference("NOT_EQUAL", "/PolicyDocument", policy, reordered)},
			same:     list{difference("NOT_EQUAL", "/PolicyDocument", policy, reordered)}},
		{name: "a path inside a policy that is the same as a whole", typ: "AWS::IAM::ManagedPolicy",
			expected: `{"PolicyDocument":` + policy + `}`, actual: `{"PolicyDocument":` + reordered + `}`,
			reported: list{difference("NOT_EQUAL", "/PolicyDocument/Statement/0/Action/0", "a:B", "a:c")},
			same:     list{difference("NOT_EQUAL", "/PolicyDocument/Statement/0/Action/0", "a:B", "a:c")}},
		{name: "list in another order reads as two differences", typ: "AWS::EC2::SecurityGroup",
			expected: `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":1,"ToPort":1},{"IpProtocol":"tcp","FromPort":2,"ToPort":2}]}`,
			actual:   `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":2,"ToPort":2},{"IpProtocol":"tcp","FromPort":1,"ToPort":1}]}`,
			reported: list{
				difference("NOT_EQUAL", "/SecurityGroupIngress/0/FromPort", "1", "2"),
				difference("NOT_EQUAL", "/SecurityGroupIngress/1/FromPort", "2", "1")},
			same: list{
				difference("NOT_EQUAL", "/SecurityGroupIngress/0/FromPort", "1", "2"),
				difference("NOT_EQUAL", "/SecurityGroupIngress/1/FromPort", "2", "1")}},
		{name: "a rule added in front reads as a change of every rule", typ: "AWS::EC2::SecurityGroup",
			expected: `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":1,"ToPort":1}]}`,
			actual:   `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22},{"IpProtocol":"tcp","FromPort":1,"ToPort":1}]}`,
			reported: list{
				difference("NOT_EQUAL", "/SecurityGroupIngress/0/FromPort", "1", "22"),
				difference("ADD", "/SecurityGroupIngress/1", "null", `{"IpProtocol":"tcp","FromPort":1,"ToPort":1}`)},
			real: list{difference("ADD", "/SecurityGroupIngress/0", "", `{"FromPort":22,"IpProtocol":"tcp","ToPort":22}`)}},
		{name: "a tag of AWS", typ: "AWS::SQS::Queue",
			reported: list{difference("ADD", "/Tags/1", "null", `{"Key":"aws:cloudformation:stack-id","Value":"x"}`)},
			same:     list{difference("ADD", "/Tags/1", "null", `{"Key":"aws:cloudformation:stack-id","Value":"x"}`)}},
		{name: "a person's tag", typ: "AWS::SQS::Queue",
			reported: list{difference("ADD", "/Tags/1", "null", `{"Key":"owner","Value":"x"}`)},
			real:     list{difference("ADD", "/Tags/1", "", `{"Key":"owner","Value":"x"}`)}},
		{name: "removed", typ: "AWS::DynamoDB::Table",
			reported: list{difference("REMOVE", "/SSESpecification", `{"SSEEnabled":true}`, "null")},
			real:     list{difference("REMOVE", "/SSESpecification", `{"SSEEnabled":true}`, "")}},
		{name: "write-only values are never read", typ: "AWS::RDS::DBInstance",
			reported: list{difference("NOT_EQUAL", "/MasterUserPassword", "****", "null")},
			same:     list{difference("NOT_EQUAL", "/MasterUserPassword", "****", "null")}},
		{name: "text that happens to be JSON", typ: "AWS::SSM::Parameter",
			expected: `{"Value":"{\"a\":1}"}`, actual: `{"Value":"{ \"a\":1}"}`,
			reported: list{difference("NOT_EQUAL", "/Value", `{"a":1}`, `{ "a":1}`)},
			real:     list{difference("NOT_EQUAL", "/Value", `{"a":1}`, `{ "a":1}`)}},
		{name: "a path with an escaped name", typ: "AWS::SSM::Parameter",
			expected: `{"Tags":{"a/b":"1"}}`, actual: `{"Tags":{"a/b":"2"}}`,
			reported: list{difference("NOT_EQUAL", "/Tags/a~1b", "1", "2")},
			real:     list{difference("NOT_EQUAL", "/Tags/a~1b", "1", "2")}},
		{name: "tags in another order, with one of AWS, without a schema", typ: "Vendor::Own::Type",
			expected: `{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`,
			actual:   `{"Tags":[{"Key":"b","Value":"2"},{"Key":"aws:x","Value":"y"},{"Key":"a","Value":"1"}]}`,
			reported: list{difference("NOT_EQUAL", "/Tags/0/Key", "a", "b")},
			same:     list{difference("NOT_EQUAL", "/Tags/0/Key", "a", "b")}},
		{name: "what the schema's transform gives", typ: "AWS::RDS::DBInstance",
			expected: `{"EngineVersion":"8.0"}`, actual: `{"EngineVersion":"8.0.40"}`,
			reported: list{difference("NOT_EQUAL", "/EngineVersion", "8.0", "8.0.40")},
			same:     list{difference("NOT_EQUAL", "/EngineVersion", "8.0", "8.0.40")}},
		{name: "a transform that cannot be worked out explains nothing", typ: "AWS::Lambda::Url",
			reported: list{difference("NOT_EQUAL", "/TargetFunctionArn", "a", "b")},
			real:     list{difference("NOT_EQUAL", "/TargetFunctionArn", "a", "b")}},
		{name: "a type without a schema", typ: "Custom::Thing",
			reported: list{difference("NOT_EQUAL", "/Size", "1", "2")},
			real:     list{difference("NOT_EQUAL", "/Size", "1", "2")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := drift.ResourceDrift{Differences: tt.reported}
			if tt.expected != "" {
				d.Expected, d.Actual = object(t, tt.expected), object(t, tt.actual)
			}
			real, same := drift.Refine(kind(tt.typ), d)
			if !reflect.DeepEqual(real, tt.real) || !reflect.DeepEqual(same, tt.same) {
				t.Errorf("real %+v\nwant %+v\nsame %+v\nwant %+v", real, tt.real, same, tt.same)
			}
		})
	}
}
