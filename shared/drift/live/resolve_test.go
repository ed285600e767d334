package live_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/template"
)

// sources know what these maps hold.
type sources struct {
	refs, exports map[string]string
	attributes    map[string]any    // "Id.Name"
	outputs       map[string]string // "stack.Output"
}

func known[T any](values map[string]T, name string) (T, error) {
	v, ok := values[name]
	if !ok {
		return v, fmt.Errorf("nobody knows %s", name)
	}
	return v, nil
}

func (s sources) Ref(id string) (string, error) { return known(s.refs, id) }

func (s sources) Attribute(id, name string) (any, error) { return known(s.attributes, id+"."+name) }

func (s sources) Export(name string) (any, error) { return known(s.exports, name) }

func (s sources) Output(stack, name string) (any, error) { return known(s.outputs, stack+"."+name) }

func TestResolve(t *testing.T) {
	known := sources{
		refs: map[string]string{"Queue": "https://sqs/jobs"}, exports: map[string]string{"shared-vpc": "vpc-1"},
		attributes: map[string]any{"Queue.Arn": "arn:q", "Queue.Endpoint": map[string]any{"Port": 1.0}}, outputs: map[string]string{"data.Table": "t"},
	}
	parameters := []live.Parameter{
		{Name: "Stage", Value: "prod"}, {Name: "Zones", Value: "a, b"}, {Name: "Size", Value: "3"}, {Name: "Secret", Value: "****"},
		{Name: "Image", Value: "/image", Resolved: "ami-1"}, {Name: "Images", Value: "/images", Resolved: "x,y"}, {Name: "Late", Value: "/late"},
	}
	tests := []struct {
		value string // YAML
		want  any
	}{
		{`text`, "text"},
		{`!Ref Stage`, "prod"},
		{`!Ref Zones`, []any{"a", "b"}},
		{`!Ref Size`, 3.0},
		{`!Ref Image`, "ami-1"},
		{`!Ref Images`, []any{"x", "y"}},
		{`!Ref Late`, template.Unknown},
		{`!Ref Secret`, template.Unknown},
		{`!Sub 'pw ${Secret}'`, template.Unknown},
		{`!Ref Queue`, "https://sqs/jobs"},
		{`!Ref Other`, template.Unknown},
		{`!GetAtt Queue.Arn`, "arn:q"},
		{`!GetAtt Queue.QueueName`, template.Unknown},
		{`!Sub '${AWS::Partition}:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}:${AWS::URLSuffix}:${Queue}:${Queue.Arn}'`, "aws:us-east-1:222222222222:shop:amazonaws.com:https://sqs/jobs:arn:q"},
		{`!Ref AWS::StackId`, shop.StackID},
		{`!Ref AWS::NotificationARNs`, []any{"arn:n"}},
		{`!Ref AWS::NoValue`, nil},
		{`!If [Prod, yes, no]`, true},
		{`!If [Hidden, 1, 2]`, template.Unknown},
		{`!If [Prod, 1, !Ref Secret]`, 1.0},
		{`{A: !If [Prod, !Ref AWS::NoValue, 1], B: 2}`, map[string]any{"B": 2.0}},
		{`!ImportValue shared-vpc`, "vpc-1"},
		{`!ImportValue nobody`, template.Unknown},
		{`{Fn::GetStackOutput: {StackName: data, OutputName: Table}}`, "t"},
		{`{Fn::GetStackOutput: {StackName: data, OutputName: Table, Region: eu-west-1}}`, template.Unknown},
		{`{Fn::GetStackOutput: {StackName: data, OutputName: Table, RoleArn: arn:r}}`, template.Unknown},
		{`{Fn::GetStackOutput: {StackName: data}}`, template.Unknown},
		{`!FindInMap [M, !Ref Stage, V]`, "m"},
		{`!FindInMap [M, none, V]`, template.Unknown}, // a function that fails
		{`!Join [',', [a, !Ref Stage]]`, "a,prod"},
		{`!Select [1, !Split ['/', 'a/b']]`, "b"},
		{`!Base64 hi`, "aGk="},
		{`!Select [0, !Cidr [10.0.0.0/16, 2, 8]]`, "10.0.0.0/24"},
		{`!GetAZs ''`, template.Unknown},
		{`'{{resolve:ssm:/p:1}}'`, template.Unknown},
		{`[a, '{{resolve:secretsmanager:s}}']`, []any{"a", template.Unknown}},
	}
	for _, tt := range tests {
		t.Run(tt.value, func(t *testing.T) {
			text := `
Parameters:
  Stage: {Type: String}
  Zones: {Type: CommaDelimitedList}
  Size: {Type: Number}
  Secret: {Type: String, NoEcho: true, MinLength: 8, AllowedPattern: '[a-z]+'}
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}
  Images: {Type: 'AWS::SSM::Parameter::Value<List<String>>'}
  Late: {Type: 'AWS::SSM::Parameter::Value<String>'}
Mappings: {M: {prod: {V: m}}}
Conditions: {Prod: !Equals [!Ref Stage, prod], Hidden: !Equals [!Ref Secret, x]}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Other: {Type: AWS::SQS::Queue}
  Subject: {Type: AWS::SSM::Parameter, Properties: {Static: s, Value: ` + tt.value + `}}
`
			resolved, err := live.Resolve(shop, live.Deployed{Template: []byte(text), Parameters: parameters, NotificationARNs: []string{"arn:n"}}, known)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := resolved.Expected("Subject")
			want := map[string]any{"Static": "s"}
			if tt.want != nil {
				want["Value"] = tt.want
			}
			if !ok || !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			v, set := resolved.Property("Subject", []string{"Value"})
			if set != (tt.want != nil) || set && !reflect.DeepEqual(v, tt.want) {
				t.Errorf("one property: %v, %v", v, set)
			}
		})
	}
}

// Why names every source that did not know a value, once; what the template
// itself hides has no such reason.
func TestWhy(t *testing.T) {
	for value, want := range map[string][]string{
		`!Ref Queue`:          nil,
		`!Ref Other`:          {"nobody knows Other"},
		`!Ref Secret`:         nil,
		`!ImportValue nobody`: {"nobody knows nobody"},
		`{A: !GetAtt Queue.Arn, B: [!Ref Other, !Sub '${Other} ${Queue.Arn}']}`:                      {"nobody knows Other", "nobody knows Queue.Arn"},
		`{Fn::GetStackOutput: {StackName: data, OutputName: Table}}`:                                 {"nobody knows data.Table"},
		`{Fn::GetStackOutput: {StackName: data, OutputName: Table, Region: eu-west-1}}`:              {"stacks of other accounts and regions are not looked into"},
		`{Fn::GetStackOutput: {StackName: data, OutputName: Table, RoleArn: arn:aws:iam::1:role/r}}`: {"stacks of other accounts and regions are not looked into"},
		`{Fn::GetStackOutput: {StackName: !ImportValue data, OutputName: Table}}`:                    {"nobody knows data"},
	} {
		text := `
Parameters: {Secret: {Type: String, NoEcho: true}}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Other: {Type: AWS::SQS::Queue}
  Subject: {Type: AWS::SSM::Parameter, Properties: {Value: ` + value + `}}
`
		resolved, err := live.Resolve(shop, live.Deployed{Template: []byte(text)}, sources{refs: map[string]string{"Queue": "q"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := resolved.Why("Subject", "Value"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
		if resolved.Why("Subject", "Nothing") != nil || resolved.Why("Nobody", "Value") != nil {
			t.Error("a reason for what is not there")
		}
	}
}
