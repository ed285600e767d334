package live_test

import (
	"reflect"
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

func (s sources) Ref(id string) (string, bool) { v, ok := s.refs[id]; return v, ok }

func (s sources) Attribute(id, name string) (any, bool) {
	v, ok := s.attributes[id+"."+name]
	return v, ok
}

func (s sources) Export(name string) (any, bool) { v, ok := s.exports[name]; return v, ok }

func (s sources) Output(stack, name string) (any, bool) {
	v, ok := s.outputs[stack+"."+name]
	return v, ok
}

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
			v, set := resolved.Value("Subject", []string{"Value"})
			if known := tt.want != nil && !template.IsUnknown(tt.want); set != known || known && !reflect.DeepEqual(v, tt.want) {
				t.Errorf("one property: %v, %v", v, set)
			}
		})
	}
}
