package fix_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/fix"
)

var options = validation.Options{Settings: validation.Settings{Configure: map[string]map[string]string{"E3012": {"strict": "true"}}}}

const queue = `Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties:
      %s
`

const table = `Resources:
  T:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: a, KeyType: HASH}]
      %s
`

const depends = `Resources:
  A: {Type: AWS::SQS::Queue}
  B: {Type: AWS::SQS::Queue}
  C:
    Type: AWS::SNS::Subscription
    %s
    Properties: {TopicArn: !Ref T, Protocol: sqs, Endpoint: !GetAtt A.Arn, FilterPolicy: {a: [!GetAtt B.Arn]}}
  T: {Type: AWS::SNS::Topic}
`

func in(format, text string) string { return strings.ReplaceAll(format, "%s", text) }

// Each line is what is there and what it becomes; the same for what stays.
func TestApply(t *testing.T) {
	tests := []struct{ name, frame, before, after string }{
		{"Sub, short", queue, "QueueName: !Sub abc # kept", "QueueName: abc # kept"},
		{"Sub, quoted", queue, "QueueName: !Sub   'a b'", "QueueName: 'a b'"},
		{"Sub, a number", queue, "QueueName: !Sub 8080", `QueueName: "8080"`},
		{"Sub, a boolean", queue, "QueueName: !Sub yes", `QueueName: "yes"`},
		{"Sub, folded", queue, "QueueName: !Sub >-\n        abc\n        def", "QueueName: >-\n        abc\n        def"},
		{"Sub, long", queue, "QueueName:\n        Fn::Sub: abc # kept", "QueueName: abc # kept"},
		{"Sub, long, flow", queue, "QueueName: {Fn::Sub: 'a b'}", "QueueName: 'a b'"},
		{"Sub, long, a comment between", queue, "QueueName:\n        # kept\n        Fn::Sub: abc", "QueueName:\n        # kept\n        abc"},
		{"Sub, long, a comment inside", queue, "QueueName:\n        Fn::Sub: # kept\n          abc", "QueueName:\n        Fn::Sub: # kept\n          abc"},
		{"Sub, a literal variable", queue, "QueueName: !Sub 'a${!b}'", "QueueName: !Sub 'a${!b}'"},
		{"Sub, behind letters of several bytes", queue, "Tags: [{Key: ü, Value: !Sub abc}, {Key: !Sub é, Value: x}]", "Tags: [{Key: ü, Value: abc}, {Key: é, Value: x}]"},
		{"an alias", queue, "QueueName: &a !Sub abc\n      Tags: [{Key: a, Value: *a}]", "QueueName: &a !Sub abc\n      Tags: [{Key: a, Value: *a}]"},
		{"suppressed", queue, "QueueName: !Sub abc # evenkeel:ignore W1020", "QueueName: !Sub abc # evenkeel:ignore W1020"},

		{"a number in quotes", queue, "DelaySeconds: '30'", "DelaySeconds: 30"},
		{"a boolean in quotes", queue, `FifoQueue: "true"`, "FifoQueue: true"},
		{"a number for a text", queue, "QueueName: 15", `QueueName: "15"`},
		{"a text that is no number", queue, "DelaySeconds: 'x'", "DelaySeconds: 'x'"},

		{"a property's case", queue, "queueName: abc", "QueueName: abc"},
		{"a property's case, quoted", queue, `"QUEUENAME": abc`, `"QueueName": abc`},
		{"a property's case, taken", queue, "queueName: abc\n      QueueName: def", "queueName: abc\n      QueueName: def"},
		{"a misspelt property", queue, "QueueNam: abc", "QueueNam: abc"},
		{"a value's case", table, "AttributeDefinitions: [{AttributeName: a, AttributeType: s}]", "AttributeDefinitions: [{AttributeName: a, AttributeType: S}]"},
		{"a value's case, in quotes", table, "AttributeDefinitions: [{AttributeName: a, AttributeType: 's'}]", "AttributeDefinitions: [{AttributeName: a, AttributeType: 'S'}]"},
		{"a key's case in a list", queue, "Tags: [{key: a, VALUE: b}]", "Tags: [{Key: a, Value: b}]"},
		{"a key's case that uncovers another fault", table, "attributeDefinitions: [{AttributeName: a, attributeType: S}]", "attributeDefinitions: [{AttributeName: a, attributeType: S}]"},
		{"a value's case in a branch", table, "AttributeDefinitions: [{AttributeName: a, AttributeType: !If [X, 'n', S]}]\nConditions: {X: !Equals [!Ref AWS::Region, a]}",
			"AttributeDefinitions: [{AttributeName: a, AttributeType: !If [X, 'N', S]}]\nConditions: {X: !Equals [!Ref AWS::Region, a]}"},
		{"a value of no such case", table, "AttributeDefinitions: [{AttributeName: a, AttributeType: String}]", "AttributeDefinitions: [{AttributeName: a, AttributeType: String}]"},

		{"DependsOn, the only one", depends, "DependsOn: A", "\x00"},
		{"DependsOn, a list of one", depends, "DependsOn: [A]", "\x00"},
		{"DependsOn, with a comment", depends, "DependsOn: A # because", "DependsOn: A # because"},
		{"DependsOn, one of a flow list", depends, "DependsOn: [A, Z]", "DependsOn: [Z]"},
		{"DependsOn, the last of a flow list", depends, "DependsOn: [Z, A]", "DependsOn: [Z]"},
		{"DependsOn, two of three", depends, "DependsOn:\n    - A\n    - Z # kept\n    - B", "DependsOn:\n    - Z # kept"},
		{"DependsOn, a reference in one branch", strings.Replace(depends, "!GetAtt A.Arn", "!If [X, !GetAtt A.Arn, x]", 1) + "Conditions: {X: !Equals [!Ref AWS::Region, a]}\n", "DependsOn: A", "DependsOn: A"},
		{"DependsOn, all", depends, "DependsOn:\n      - A\n      - B", "\x00"},
	}
	for _, tt := range tests {
		before, after := in(tt.frame, tt.before), in(tt.frame, tt.after)
		if tt.frame == depends { // the other dependency is there
			before, after = before+"  Z: {Type: AWS::SQS::Queue}\n", after+"  Z: {Type: AWS::SQS::Queue}\n"
		}
		after = strings.ReplaceAll(after, "    \x00\n", "")
		got := fix.Apply("t.yaml", []byte(before), options)
		if string(got.Data) != after {
			t.Errorf("%s:\n%s\nnot\n%s\n%v", tt.name, got.Data, after, validation.ValidateWith(map[string][]byte{"t.yaml": []byte(before)}, options).Findings)
		}
		if got.Changed() != (before != after) {
			t.Errorf("%s: %d fixed", tt.name, len(got.Fixed))
		}
		if crlf := fix.Apply("t.yaml", []byte(strings.ReplaceAll(before, "\n", "\r\n")), options); string(crlf.Data) != strings.ReplaceAll(after, "\n", "\r\n") {
			t.Errorf("%s, with CRLF:\n%q", tt.name, crlf.Data)
		}
	}
}

func TestJSON(t *testing.T) {
	const frame = `{
  "Resources": {
    "A": {"Type": "AWS::SQS::Queue"},
    "Q": {
      "Type": "AWS::SQS::Queue",
      %s
      "Metadata": {}
    }
  }
}
`
	tests := []struct{ before, after string }{
		{`"Properties": {"QueueName": {"Fn::Sub": "a\"b"}},`, `"Properties": {"QueueName": "a\"b"},`},
		{`"Properties": {"QueueName": { "Fn::Sub" : "abc" } , "DelaySeconds": "30"},`, `"Properties": {"QueueName": "abc" , "DelaySeconds": 30},`},
		{`"properties": {"QueueName": "x"},`, `"Properties": {"QueueName": "x"},`},
		{`"DeletionPolicy": "retain", "UpdateReplacePolicy": "RETAIN",`, `"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",`},
		{"\"DependsOn\": [\n        \"A\"\n      ],\n      \"Properties\": {\"QueueName\": {\"Ref\": \"A\"}},", `"Properties": {"QueueName": {"Ref": "A"}},`},
		{"\"Properties\": {\"QueueName\": {\"Ref\": \"A\"}},\n      \"DependsOn\": \"A\",", "\"Properties\": {\"QueueName\": {\"Ref\": \"A\"}},"},
	}
	for _, tt := range tests {
		got := fix.Apply("t.json", []byte(in(frame, tt.before)), options)
		if string(got.Data) != in(frame, tt.after) {
			t.Errorf("%s\nnot\n%s", got.Data, in(frame, tt.after))
		}
	}
}

func TestTypesAndSections(t *testing.T) {
	tests := []struct{ before, after string }{
		{"resources: {A: {Type: AWS::SQS::Queue}}\n", "Resources: {A: {Type: AWS::SQS::Queue}}\n"},
		{"Resources: {A: {Type: AWS::SQS::queue}}\n", "Resources: {A: {Type: AWS::SQS::Queue}}\n"},
		{"Parameters: {P: {Type: string}}\nResources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref P}}}\n", "Parameters: {P: {Type: String}}\nResources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref P}}}\n"},
		{"Parameters: {P: {Type: String, default: a}}\nResources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref P}}}\n", "Parameters: {P: {Type: String, Default: a}}\nResources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref P}}}\n"},
		{"Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs: {O: {value: !Ref A}}\n", "Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: !Ref A}}\n"},
	}
	for _, tt := range tests {
		if got := fix.Apply("t.yaml", []byte(tt.before), validation.Options{}); string(got.Data) != tt.after {
			t.Errorf("%s\nnot\n%s\n%v", got.Data, tt.after, validation.Validate(map[string][]byte{"t.yaml": []byte(tt.before)}).Findings)
		}
	}
}

// checkFixed holds what must be true of any fix.
func checkFixed(t *testing.T, name string, data []byte) {
	t.Helper()
	got := fix.Apply(name, data, options)
	if !got.Changed() {
		if string(got.Data) != string(data) {
			t.Fatalf("%s: changed without a fix", name)
		}
		return
	}
	if _, err := template.ParseNode(name, got.Data); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	before := validation.ValidateWith(map[string][]byte{name: data}, options).Findings
	after := validation.ValidateWith(map[string][]byte{name: got.Data}, options).Findings
	if len(after) > len(before)-len(got.Fixed) {
		t.Fatalf("%s: %d findings, %d fixed, %d are left", name, len(before), len(got.Fixed), len(after))
	}
	if again := fix.Apply(name, got.Data, options); again.Changed() {
		t.Fatalf("%s: a second run fixes %v", name, again.Fixed)
	}
}

func TestCorpus(t *testing.T) {
	names, err := filepath.Glob("../../../testdata/templates/*/*")
	if err != nil || len(names) < 20 {
		t.Fatal(err, len(names))
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkFixed(t, filepath.Base(name), data)
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte(in(queue, "QueueName: !Sub abc\n      Tags: [{Key: ü, Value: !Sub abc}]")))
	f.Add([]byte(in(depends, "DependsOn: [A, B]")))
	f.Add([]byte(`{"Resources": {"A": {"Type": "AWS::SQS::queue", "DependsOn": ["B", "B"], "properties": {"queueName": {"Fn::Sub": "x"}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<13 {
			checkFixed(t, "t.yaml", data)
		}
	})
}

func ExampleApply() {
	r := fix.Apply("t.yaml", []byte("Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub orders}} # ours\n"), validation.Options{})
	fmt.Print(string(r.Data), r.Fixed[0].Rule)
	// Output:
	// Resources:
	//   A: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}} # ours
	// W1020
}
