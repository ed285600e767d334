package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

func TestNestedStacks(t *testing.T) {
	tmpl, err := template.Parse("app/main.yaml", []byte(`Resources:
  Net:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: ./net/vpc.yaml, Parameters: {Cidr: 10.0.0.0/16}}
  Up: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ../db.yaml}}
  App: {Type: AWS::Serverless::Application, Properties: {Location: app.yaml}}
  Web: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://s3.amazonaws.com/b/x.yaml"}}
  Sub: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub "${X}"}}
  Catalog: {Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: a}}}
  Host:
    Type: AWS::EC2::Instance
    Properties:
      SubnetId: !GetAtt Net.Outputs.Subnet
      Tags: [{Key: a, Value: !Sub "${Net.Outputs.Name}-${Web.Outputs.Name}"}]
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range template.NestedStacks(tmpl) {
		line := fmt.Sprintf("%s %s %d", n.LogicalID, n.File, n.Where.Line)
		if n.Parameters != nil {
			line += " " + n.Parameters.Entries[0].Key
		}
		for _, o := range n.Outputs {
			line += fmt.Sprintf(" %s@%s", o.Name, strings.Join(o.Path, "/"))
		}
		got = append(got, line)
	}
	want := []string{
		"Net app/net/vpc.yaml 4 Cidr Subnet@Resources/Host/Properties/SubnetId/Fn::GetAtt Name@Resources/Host/Properties/Tags/0/Value/Fn::Sub",
		"Up db.yaml 5", "App app/app.yaml 6",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

func TestNestingCycles(t *testing.T) {
	nests := map[string][]string{"a": {"b", "missing"}, "b": {"c", "d"}, "c": {"a"}, "d": {"d"}, "e": {"b"}, "f": nil}
	load := func(name string) *template.Template {
		children, ok := nests[name]
		if !ok {
			return nil
		}
		text := "Resources:\n  X: {Type: T}\n"
		for _, c := range children {
			text += fmt.Sprintf("  N%s: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: %s}}\n", c, c)
		}
		tmpl, err := template.Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return tmpl
	}
	if got := fmt.Sprint(template.NestingCycles([]string{"f", "e", "a"}, load)); got != "[[b c a] [d]]" {
		t.Error(got)
	}
}
