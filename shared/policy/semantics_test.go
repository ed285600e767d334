package policy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

// findings gives those of one rule as "line: condition".
func findings(t testing.TB, text, rule string, s policy.Scope) []string {
	t.Helper()
	parsed, err := template.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range policy.Check(parsed, s) {
		if f.Rule == rule {
			got = append(got, strings.TrimSuffix(fmt.Sprintf("%d: %s", f.Line, f.Condition), ": "))
		}
	}
	return got
}

// What is known of a value decides whether a rule fires. The rule is that
// instances of databases are not public (EK1006).
func TestValues(t *testing.T) {
	const head = `Parameters:
  Given: {Type: String}
  Default: {Type: String, Default: "true"}
  Empty: {Type: String, Default: ""}
  AllBad: {Type: String, AllowedValues: ["true", "True"]}
  Some: {Type: String, AllowedValues: ["true", "false"]}
  FromSSM: {Type: "AWS::SSM::Parameter::Value<String>", Default: "true"}
Mappings:
  ByRegion:
    us-east-1: {public: true, private: false}
    eu-west-1: {public: true, private: true}
Conditions:
  A: !Equals [!Ref Given, a]
  B: !Equals [!Ref Given, b]
  Never: !Equals [a, b]
  Always: !Not [!Condition Never]
  Defaulted: !Equals [!Ref Default, "true"]
  Both: !And [!Condition A, !Condition Always]
`
	tests := []struct {
		name, condition, value string
		scope                  policy.Scope
		want                   []string
	}{
		{"a literal", "", "true", policy.Scope{}, []string{"25"}},
		{"a text", "", `"true"`, policy.Scope{}, []string{"25"}},
		{"a good literal", "", "false", policy.Scope{}, nil},
		{"unknown", "", "!Ref Given", policy.Scope{}, nil},
		{"given", "", "!Ref Given", policy.Scope{Parameters: map[string]string{"Given": "true"}}, []string{"25"}},
		{"a default", "", "!Ref Default", policy.Scope{}, []string{"25"}},
		{"given instead of the default", "", "!Ref Default", policy.Scope{Parameters: map[string]string{"Default": "false"}}, nil},
		{"an empty default is no value", "", "!Ref Empty", policy.Scope{}, nil},
		{"all allowed values are bad", "", "!Ref AllBad", policy.Scope{}, []string{"25"}},
		{"some allowed values are bad", "", "!Ref Some", policy.Scope{}, nil},
		{"a parameter's name is no value", "", "!Ref FromSSM", policy.Scope{}, nil},
		{"a substitution", "", `!Sub "${Default}"`, policy.Scope{}, []string{"25"}},
		{"a substitution with an unknown part", "", `!Sub "${Given}"`, policy.Scope{}, nil},
		{"joined", "", `!Join ["", [tr, ue]]`, policy.Scope{}, []string{"25"}},
		{"selected", "", `!Select [1, [no, "true"]]`, policy.Scope{}, []string{"25"}},
		{"an attribute", "", "!GetAtt Other.X", policy.Scope{}, nil},
		{"imported", "", "!ImportValue x", policy.Scope{}, nil},
		{"mapped", "", "!FindInMap [ByRegion, us-east-1, public]", policy.Scope{}, []string{"25"}},
		{"mapped in every region", "", "!FindInMap [ByRegion, !Ref AWS::Region, public]", policy.Scope{}, []string{"25"}},
		{"mapped in some regions", "", "!FindInMap [ByRegion, !Ref AWS::Region, private]", policy.Scope{}, nil},
		{"mapped in the region", "", "!FindInMap [ByRegion, !Ref AWS::Region, private]", policy.Scope{Region: "eu-west-1"}, []string{"25"}},
		{"not in the mapping", "", "!FindInMap [ByRegion, mars, public]", policy.Scope{}, nil},
		{"a branch", "", "!If [A, true, false]", policy.Scope{}, []string{"25: A"}},
		{"the other branch", "", "!If [A, false, true]", policy.Scope{}, []string{"25: not A"}},
		{"both branches", "", "!If [A, true, true]", policy.Scope{}, []string{"25: A", "25: not A"}},
		{"a branch that cannot be", "", "!If [A, !If [A, false, true], false]", policy.Scope{}, nil},
		{"conditions that exclude each other", "", "!If [A, !If [B, true, false], false]", policy.Scope{}, nil},
		{"a condition that implies another", "", "!If [Both, !If [A, false, true], false]", policy.Scope{}, nil},
		{"a condition that another implies", "", "!If [A, !If [Both, false, true], false]", policy.Scope{}, nil},
		{"nested", "", "!If [A, false, !If [B, true, false]]", policy.Scope{}, []string{"25: not A and B"}},
		{"never", "", "!If [Never, true, false]", policy.Scope{}, nil},
		{"always", "", "!If [Always, true, false]", policy.Scope{}, []string{"25"}},
		{"no value", "", "!If [A, !Ref AWS::NoValue, false]", policy.Scope{}, nil},
		{"a default decides nothing without a stage", "", "!If [Defaulted, false, true]", policy.Scope{}, []string{"25: not Defaulted"}},
		{"a default decides for a stage", "", "!If [Defaulted, false, true]", policy.Scope{Stage: "prod"}, nil},
		{"a given value decides", "", "!If [A, true, false]", policy.Scope{Parameters: map[string]string{"Given": "a"}}, []string{"25"}},
		{"a condition that does not exist", "", "!If [Nothing, true, false]", policy.Scope{}, []string{"25: Nothing"}},
		{"the resource's condition", "Condition: A", "true", policy.Scope{}, []string{"25: A"}},
		{"the resource's condition excludes the branch", "Condition: A", "!If [A, false, true]", policy.Scope{}, nil},
		{"a resource that never exists", "Condition: Never", "true", policy.Scope{}, nil},
		{"a macro", "", `{"Fn::Transform": {Name: X}}`, policy.Scope{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			condition := tt.condition
			if condition == "" {
				condition = "Metadata: {}"
			}
			text := head + "Resources:\n  Other: {Type: Custom::X}\n  DB:\n    Type: AWS::RDS::DBInstance\n    " + condition + "\n    Properties:\n      PubliclyAccessible: " + tt.value + "\n"
			if got := findings(t, text, "EK1006", tt.scope); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A property that is missing only in one branch is missing under a condition.
func TestMissingUnderACondition(t *testing.T) {
	const text = `Conditions:
  A: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      PublicAccessBlockConfiguration: !If
        - A
        - {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
        - {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true}
`
	if got := findings(t, text, "EK1004", policy.Scope{}); !slices.Equal(got, []string{"10: not A"}) {
		t.Errorf("got %q", got)
	}
}

// Ports are counted together as the healer does, but only if the rules can
// exist together.
func TestOpenGroups(t *testing.T) {
	group := func(rules ...string) string {
		text := "Conditions:\n  A: !Equals [!Ref AWS::Region, us-east-1]\nResources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress:\n"
		for _, r := range rules {
			text += "        - " + r + "\n"
		}
		return text
	}
	const low, high = "{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 198.18.0.0/16}", "{IpProtocol: tcp, FromPort: 20, ToPort: 30, CidrIp: 198.51.0.0/16}"
	tests := []struct {
		name  string
		rules []string
		want  int
	}{
		{"each is small", []string{low}, 0},
		{"together too wide", []string{low, high}, 1},
		{"under one condition too wide", []string{low, "!If [A, " + high + ", !Ref AWS::NoValue]"}, 1},
		{"never together", []string{"!If [A, " + low + ", " + high + "]"}, 0},
		{"private", []string{"{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}"}, 0},
		{"not a network", []string{"{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: anywhere}"}, 0},
		{"every protocol by number", []string{"{IpProtocol: -1, CidrIpv6: '::/0'}"}, 1},
		{"ports as text", []string{"{IpProtocol: '6', FromPort: '22', ToPort: '22', CidrIp: 0.0.0.0/0}"}, 1},
		{"unknown port", []string{"{IpProtocol: tcp, FromPort: !GetAtt X.Y, ToPort: 22, CidrIp: 0.0.0.0/0}"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := findings(t, group(tt.rules...), "EK1001", policy.Scope{}); len(got) != tt.want {
				t.Errorf("got %q, want %d", got, tt.want)
			}
		})
	}
}

// What people read of a rule is there, and leads to the control it names.
func TestRules(t *testing.T) {
	id := regexp.MustCompile(`^EK1\d{3}$`)
	forms := map[string]*regexp.Regexp{
		"FSBP": regexp.MustCompile(`^[A-Z][A-Za-z0-9]*\.\d+$`), "ControlTower": regexp.MustCompile(`^CT\.[A-Z0-9]+\.PR\.\d+$`),
		"Others": regexp.MustCompile(`^(CKV_AWS_\d+|AwsSolutions-[A-Z]+[0-9]*\d+|[FW]\d+|AVD-AWS-\d{4}|[A-Z0-9_]+)$`),
	}
	seen := map[string]bool{}
	for _, r := range policy.Rules() {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("id %s", r.ID)
		}
		seen[r.ID] = true
		if !slices.Contains(policy.Severities(), r.Severity) {
			t.Errorf("%s: severity %q", r.ID, r.Severity)
		}
		if (r.Check == nil) == (r.Template == nil) || (len(r.Types) == 0) != (r.Check == nil) {
			t.Errorf("%s has a check of resources with types, or one of templates", r.ID)
		}
		for name, text := range map[string]string{"title": r.Title, "rationale": r.Rationale, "fix": r.Fix} {
			if text == "" || strings.HasSuffix(text, ".") == (name == "title") {
				t.Errorf("%s: %s %q", r.ID, name, text)
			}
		}
		for name, ids := range map[string][]string{"FSBP": r.FSBP, "ControlTower": r.ControlTower, "Others": r.Others} {
			for _, text := range ids {
				if !forms[name].MatchString(text) {
					t.Errorf("%s: %q is no id of %s", r.ID, text, name)
				}
			}
		}
		if !strings.HasPrefix(r.Link, "https://docs.aws.amazon.com/") {
			t.Errorf("%s: link %q", r.ID, r.Link)
		}
		if _, anchor, ok := strings.Cut(r.Link, "-controls.html#"); ok && len(r.FSBP) > 0 {
			linked := func(id string) bool { return strings.ReplaceAll(strings.ToLower(id), ".", "-") == anchor }
			if !slices.ContainsFunc(r.FSBP, linked) && r.ID != "EK1029" {
				t.Errorf("%s links to %s, not to one of %v", r.ID, anchor, r.FSBP)
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("%d rules", len(seen))
	}
	if r, ok := policy.Lookup("ek1001"); !ok || r.ID != "EK1001" {
		t.Errorf("Lookup: %v, %v", r.ID, ok)
	}
	if _, ok := policy.Lookup("EK9999"); ok {
		t.Error("Lookup finds what is not there")
	}
}

// A template that is made to be hard costs no more than its size.
func TestBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("Conditions:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  C%d: !Equals [!Ref AWS::Region, r%d]\n", i, i)
	}
	b.WriteString("Resources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "        - !If [C%d, {IpProtocol: tcp, FromPort: %d, ToPort: %d, CidrIp: 0.0.0.0/0}, !Ref AWS::NoValue]\n", i, i, i+1000)
	}
	parsed, err := template.Parse("t.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, complete := policy.CheckWithin(parsed, policy.Scope{}, policy.MaxSteps); !complete {
		t.Error("two hundred conditions are too many")
	}
	if _, complete := policy.CheckWithin(parsed, policy.Scope{}, 100); complete {
		t.Error("a budget of 100 steps is not kept")
	}
}

// Conditions that hang together stay decided however often they are asked for,
// and a hundred nested choices take no longer than reading them.
func TestNestedConditions(t *testing.T) {
	const depth = 40
	var b strings.Builder
	b.WriteString("Parameters:\n  P: {Type: String}\nConditions:\n  C0: !Equals [!Ref P, x]\n")
	for i := 1; i <= depth; i++ {
		fmt.Fprintf(&b, "  C%d: !Or [!Condition C%d, !Equals [!Ref P, y%d]]\n", i, i-1, i)
	}
	value := "true"
	for i := depth; i > 0; i-- {
		value = fmt.Sprintf("!If [C%d, %s, false]", i, value) // C0 → C1 → C2 …
	}
	fmt.Fprintf(&b, "Resources:\n")
	for i := range 50 {
		// Under C0 all others hold: the inner value is the only one.
		fmt.Fprintf(&b, "  R%d: {Type: AWS::RDS::DBInstance, Properties: {PubliclyAccessible: !If [C0, %s, false]}}\n", i, value)
	}
	start := time.Now()
	got := findings(t, b.String(), "EK1006", policy.Scope{})
	if len(got) != 50 || !strings.HasSuffix(got[49], ": C0") {
		t.Errorf("got %d findings, the last %q", len(got), got[max(len(got)-1, 0):])
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// All rules over a template of a hundred resources.
func BenchmarkCheck(b *testing.B) {
	var text strings.Builder
	text.WriteString("Resources:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  R%d:\n    Type: %s\n    Properties:\n      Name: x\n      Encrypted: true\n", i,
			[]string{"AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::IAM::Role", "AWS::EC2::SecurityGroup", "AWS::RDS::DBInstance"}[i%5])
	}
	parsed, err := template.Parse("t.yaml", []byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		policy.Check(parsed, policy.Scope{})
	}
}
