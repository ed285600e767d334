package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

func TestCheckPlan(t *testing.T) {
	replaced := func(kind, replacement, action string) policy.Change {
		return policy.Change{Resource: "R", Type: kind, Action: "Modify", Replacement: replacement, PolicyAction: action,
			Details: []policy.Detail{{Name: "Engine", Recreation: "Always"}, {Name: "Tags", Recreation: "Never"}, {Name: "Engine", Recreation: "Always"}}}
	}
	protection := func(before, after any) policy.Change {
		return policy.Change{Resource: "R", Type: "AWS::RDS::DBInstance", Action: "Modify", Details: []policy.Detail{{Name: "DeletionProtection", Before: before, After: after}}}
	}
	tests := []struct {
		name   string
		change policy.Change
		rule   string
		text   string
	}{
		{"a database is replaced", replaced("AWS::RDS::DBInstance", "True", "ReplaceAndDelete"), "EK1901", "(Engine)"},
		{"perhaps", replaced("AWS::DynamoDB::Table", "Conditional", ""), "EK1901", "may be replaced"},
		{"a snapshot is kept", replaced("AWS::RDS::DBInstance", "True", "ReplaceAndSnapshot"), "", ""},
		{"not replaced", replaced("AWS::RDS::DBInstance", "False", ""), "", ""},
		{"a function is replaced", replaced("AWS::Lambda::Function", "True", "ReplaceAndDelete"), "", ""},
		{"a bucket is removed", policy.Change{Resource: "R", Type: "AWS::S3::Bucket", Action: "Remove", PolicyAction: "Delete"}, "EK1902", "deleted"},
		{"a bucket is kept", policy.Change{Resource: "R", Type: "AWS::S3::Bucket", Action: "Remove", PolicyAction: "Retain"}, "", ""},
		{"a bucket is added", policy.Change{Resource: "R", Type: "AWS::S3::Bucket", Action: "Add"}, "", ""},
		{"protection off", protection("true", "false"), "EK1903", "switched off"},
		{"protection taken out", protection(true, nil), "EK1903", "switched off"},
		{"protection on", protection("false", "true"), "", ""},
		{"protection not known before", protection(nil, "false"), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := policy.CheckPlan(policy.Plan{Changes: []policy.Change{tt.change}})
			if tt.rule == "" {
				if len(got) != 0 {
					t.Errorf("got %v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Rule != tt.rule || got[0].Resource != "R" || !strings.Contains(got[0].Message, tt.text) {
				t.Errorf("got %v", got)
			}
		})
	}
	order := policy.CheckPlan(policy.Plan{Changes: []policy.Change{
		{Resource: "B", Type: "AWS::S3::Bucket", Action: "Remove"}, {Resource: "A", Type: "AWS::S3::Bucket", Action: "Remove"},
	}})
	if len(order) != 2 || order[0].Resource != "A" {
		t.Errorf("not in order: %v", order)
	}
}

func TestParseChangeSet(t *testing.T) {
	p, err := policy.ParseChangeSet([]byte(`{"StackName": "app", "Changes": [
 {"Type": "Hook"},
 {"Type": "Resource", "ResourceChange": {"Action": "Modify", "LogicalResourceId": "DB", "ResourceType": "AWS::RDS::DBInstance", "Replacement": "Conditional", "Scope": ["Properties"],
  "BeforeContext": "{\"Properties\":{\"Engine\":\"mysql\"}}",
  "Details": [{"Target": {"Attribute": "Properties", "Name": "Engine", "Path": "/Properties/Engine", "RequiresRecreation": "Always", "BeforeValue": "mysql"}}]}}]}`))
	want := policy.Plan{Stack: "app", Changes: []policy.Change{{
		Resource: "DB", Type: "AWS::RDS::DBInstance", Action: "Modify", Replacement: "Conditional", Scope: []string{"Properties"}, Before: map[string]any{"Engine": "mysql"},
		Details: []policy.Detail{{Attribute: "Properties", Name: "Engine", Path: "/Properties/Engine", Recreation: "Always", Before: "mysql"}},
	}}}
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, text := range []string{"", "[]", "{}", `{"Changes": 1}`} {
		if _, err := policy.ParseChangeSet([]byte(text)); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The input has resolved values; what is open stays as it is written.
func TestNewInput(t *testing.T) {
	parsed, err := template.Parse("t.yaml", []byte(`Parameters:
  Size: {Type: Number, Default: 3}
  Given: {Type: String}
Conditions:
  Open: !Equals [!Ref Given, x]
  Never: !Equals [a, b]
Resources:
  A:
    Type: Custom::A
    Condition: Open
    DeletionPolicy: Retain
    Properties:
      Size: !Ref Size
      Name: !Sub "${AWS::Region}-${Size}"
      Given: !Ref Given
      Choice: !If [Open, !Ref Size, !Ref AWS::NoValue]
      Decided: !If [Never, x, !Ref AWS::NoValue]
      List: [!If [Never, x, y], !Ref AWS::NoValue]
  B: {Type: Custom::B, Condition: Never}
  C: {Type: Custom::C, DependsOn: A}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := policy.NewInput(parsed, policy.Scope{Region: "eu-west-1"})
	want := map[string]any{
		"Size": "3", "Name": "eu-west-1-3", "Given": map[string]any{"Ref": "Given"},
		"Choice": map[string]any{"Fn::If": []any{"Open", "3", map[string]any{"Ref": "AWS::NoValue"}}}, "List": []any{"y"},
	}
	if got := in.Resources["A"].Properties; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	if a := in.Resources["A"]; a.Condition != "Open" || a.DeletionPolicy != "Retain" || a.Line != 8 {
		t.Errorf("got %+v", a)
	}
	if _, exists := in.Resources["B"]; exists {
		t.Error("a resource whose condition never holds exists")
	}
	if c := in.Resources["C"]; !reflect.DeepEqual(c.DependsOn, []string{"A"}) || c.Properties == nil {
		t.Errorf("got %+v", c)
	}
	if !reflect.DeepEqual(in.Parameters, map[string]any{"Size": "3"}) || !reflect.DeepEqual(in.Conditions, map[string]bool{"Never": false}) {
		t.Errorf("got %v, %v", in.Parameters, in.Conditions)
	}
}

func TestLocate(t *testing.T) {
	parsed, err := template.Parse("t.yaml", []byte("Resources:\n  A:\n    Type: Custom::A\n    Properties:\n      List:\n        - !If [X, {K: 1}, {K: 2}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"Resources/A": 2, "Resources/A/Type": 3, "Resources/A/Properties/List/0/K": 6, "Resources/A/Properties/Nothing/More": 4, "Nothing": 1, "Resources/A/Properties/List/9": 5,
	} {
		if line, column := policy.Locate(parsed, strings.Split(path, "/")); line != want || column < 1 {
			t.Errorf("%s is at %d:%d, want line %d", path, line, column, want)
		}
	}
}

// No template and no input may bring the pack down.
func FuzzCheck(f *testing.F) {
	f.Add([]byte("Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {PublicAccessBlockConfiguration: !If [A, {}, []]}\n"))
	f.Add([]byte("Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {AWS: '*'}}]}}\n"))
	f.Add([]byte("Parameters: {P: {Type: String, AllowedValues: [a]}}\nResources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties: {SecurityGroupIngress: {IpProtocol: !Ref P, CidrIp: !Sub '${P}/0'}}\n"))
	for _, kind := range []string{"good", "bad"} {
		for _, file := range files(f, kind) {
			_, text := load(f, file)
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := template.Parse("t.yaml", data)
		if err != nil {
			return
		}
		for _, finding := range policy.Check(parsed, policy.Scope{Stage: "s"}) {
			if len(finding.Path) == 0 || finding.Message == "" {
				t.Errorf("incomplete finding %+v", finding)
			}
		}
		policy.NewInput(parsed, policy.Scope{})
	})
}
