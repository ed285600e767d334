package template_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// sample is a template of ordinary resources, about 100 KB as YAML.
func sample() string {
	var b strings.Builder
	b.WriteString("AWSTemplateFormatVersion: 2010-09-09\nDescription: A template of ordinary resources\nResources:\n")
	for i := range 150 {
		fmt.Fprintf(&b, `  Role%[1]d:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "${AWS::StackName}-role-%[1]d"
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow # for the function
            Principal: {Service: [lambda.amazonaws.com]}
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
  Function%[1]d:
    Type: AWS::Lambda::Function
    Properties:
      Role: !GetAtt Role%[1]d.Arn
      Timeout: 30
      Code:
        ZipFile: |
          def handler(event, context):
            return "ok"
`, i)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	yaml := sample()
	root, err := template.ParseNode("t.yaml", []byte(yaml))
	if err != nil {
		b.Fatal(err)
	}
	text, err := json.MarshalIndent(root.Value(), "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"YAML": []byte(yaml), "JSON": text} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := template.ParseNode("t", data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExpandLanguageExtensions(b *testing.B) {
	root, err := template.ParseNode("t.yaml", []byte(loops+`Resources:
  Fn::ForEach::A: [I, [a, b, c, d], {Fn::ForEach::B: [J, !FindInMap [M, Dev, List], {"R${I}${J}": {Type: T, Properties: {Name: !Sub "${I}-${J}"}}}]}]
`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, problems := template.ExpandLanguageExtensions(root); problems != nil {
			b.Fatal(problems)
		}
	}
}
