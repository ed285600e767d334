package template_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

func parse(t *testing.T, text string) *template.Template {
	t.Helper()
	tmpl, err := template.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

const network = `Parameters:
  Cidr: {Type: String, Default: 10.0.0.0/16}
Conditions:
  Big: !Equals [!Ref Cidr, 10.0.0.0/8]
Resources:
  Subnet:
    Type: AWS::EC2::Subnet
    DependsOn: Gateway
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]]
  Vpc:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: !Ref Cidr
  Gateway:
    Type: AWS::EC2::InternetGateway
    Condition: Big
Outputs:
  Id:
    Value: !Sub "${Vpc}/${Subnet.AvailabilityZone}"
    Export: {Name: !Sub "${AWS::StackName}-id"}
`

func TestViews(t *testing.T) {
	tmpl := parse(t, network)
	if got := strings.Join(tmpl.Resources.Names(), " "); got != "Subnet Vpc Gateway" {
		t.Errorf("resources %s", got)
	}
	subnet, _ := tmpl.Resources.Get("Subnet")
	if subnet.Line != 6 || subnet.Column != 3 || subnet.Type != "AWS::EC2::Subnet" || !slices.Equal(subnet.DependsOn, []string{"Gateway"}) {
		t.Errorf("%+v", subnet)
	}
	if e := subnet.Properties.Entry("CidrBlock"); e.Line != 11 || e.Column != 7 || e.Value.Line != 11 || e.Value.Column != 18 {
		t.Errorf("%+v %+v", e, e.Value)
	}
	out, _ := tmpl.Outputs.Get("Id")
	if out.Export == nil || out.Value == nil {
		t.Error("output")
	}
	if got := tmpl.Dependencies("Subnet"); !slices.Equal(got, []string{"Gateway", "Vpc"}) {
		t.Errorf("dependencies %v", got)
	}
	order, err := tmpl.CreationOrder()
	if err != nil || !slices.Equal(order, []string{"Gateway", "Vpc", "Subnet"}) {
		t.Errorf("order %v %v", order, err)
	}
}

func TestCycleIsNamed(t *testing.T) {
	tmpl := parse(t, "Resources:\n  A: {Type: T, DependsOn: B}\n  B: {Type: T, DependsOn: C}\n  C: {Type: T, DependsOn: B}\n")
	_, err := tmpl.CreationOrder()
	var cycle *template.CycleError
	if !errors.As(err, &cycle) || !slices.Equal(cycle.Cycle, []string{"B", "C"}) {
		t.Errorf("%v", err)
	}
}

func TestCycles(t *testing.T) {
	tmpl := parse(t, `Resources:
  A: {Type: T, DependsOn: B}
  B: {Type: T, DependsOn: A}
  C: {Type: T, Properties: {X: !Ref C}}
  D: {Type: T, Properties: {X: !Sub "${A}${E.Arn}"}}
  E: {Type: T, DependsOn: [F, A]}
  F: {Type: T, Properties: {X: !GetAtt [G, Arn]}}
  G: {Type: T, Properties: {X: !If [C, !Ref E, x]}}
  H: {Type: T, DependsOn: G}
`)
	var got []string
	for _, c := range tmpl.Cycles() {
		got = append(got, strings.Join(c, ">"))
	}
	if want := []string{"A>B", "C", "E>F>G"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestSubParts(t *testing.T) {
	tests := map[string]string{
		"a${B}c":        "'a' B 'c'",
		"${!B}${ C.D }": "'${B}' C.D",
		"${A":           "'${A'",
		"${}":           "'${}'",
		"":              "",
	}
	for text, want := range tests {
		var got []string
		for _, p := range template.SubParts(text) {
			if p.Name != "" {
				got = append(got, p.Name)
			} else {
				got = append(got, "'"+p.Literal+"'")
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %s", text, s)
		}
	}
}

// The same template in both notations gives the same tree, positions apart.
func TestJSONAndYAML(t *testing.T) {
	y := parse(t, "Resources:\n  A:\n    Type: T\n    Properties: {N: 1, F: 1.5, B: true, S: \"x\\ty\", L: [a, 2], E: {}}\n")
	j := parse(t, `{"Resources": {"A": {"Type": "T", "Properties": {"N": 1, "F": 1.5, "B": true, "S": "x\ty", "L": ["a", 2], "E": {}}}}}`)
	yv, _ := y.Evaluate(y.Root, &template.Scope{})
	jv, _ := j.Evaluate(j.Root, &template.Scope{})
	if !equal(yv, jv) {
		t.Errorf("%v\n%v", yv, jv)
	}
}

func TestScalars(t *testing.T) {
	tests := []struct {
		yaml string
		want any
	}{
		{"yes", true}, {"Off", false}, {"'yes'", "yes"}, {"2012-10-17", "2012-10-17"},
		{"0755", float64(493)}, {"012345678901", "012345678901"}, {"0x1F", float64(31)}, {"1_000", float64(1000)},
		{"1.10", 1.1}, {"~", nil}, {"", nil}, {"''", ""}, {"!!str 5", "5"}, {"1:30", float64(90)}, {"1e3", "1e3"}, {"1.0e+3", 1000.0}, {".5", 0.5}, {"-.5", "-.5"}, {"08", "08"}, {"0b11", 3.0}, {"y", "y"}, {"-7", float64(-7)},
		{"|\n    a\n    b\n", "a\nb\n"},
	}
	for _, tt := range tests {
		tmpl := parse(t, "Metadata:\n  V: "+tt.yaml+"\n")
		if got := tmpl.Root.Get("Metadata").Get("V").Value(); got != tt.want {
			t.Errorf("%q is %#v, want %#v", tt.yaml, got, tt.want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := []struct {
		name, text   string
		line, column int
		message      string
	}{
		{"list", "- a\n", 1, 1, "array"},
		{"duplicate key", "A: 1\nB:\n  C: 1\n  C: 2\n", 4, 3, `duplicate key "C", first at line 3`},
		{"duplicate key in JSON", "{\"A\": 1,\n \"A\": 2}", 2, 2, "duplicate key"},
		{"two documents", "A: 1\n---\nB: 1\n", 2, 1, "more than one document"},
		{"indentation", "A:\n  - b\n c: 1\n", 3, 1, ""},
		{"JSON comma", "{\"A\": 1\n \"B\": 2}", 2, 5, "expected ','"},
		{"tab", "A:\n\tB: 1\n", 2, 1, ""},
		{"list as key", "? [a]\n: b\n", 1, 3, "key"},
		{"function as key", "A:\n  !Sub x: y\n", 2, 3, "key"},
		{"bad UTF-8", "A: b\nC: \xff\n", 2, 4, "UTF-8"},
		{"deep", strings.Repeat("[", 5000), 1, 1, ""},
		{"deep JSON", `{"A":` + strings.Repeat("[", 5000), 1, 256, "nested"},
		{"null key", "A:\n  ~: 1\n", 2, 3, "null"},
		{"date that is none", "A: 2012-13-45", 1, 4, "not a valid"},
		{"merge key as value", "A: <<", 1, 4, "without quotes"},
		{"control character", "A: b\nC: \x01\n", 2, 4, "control"},
		{"unknown tag", "A: !!foo b", 1, 4, "unknown tag"},
		{"duplicate anchor", "A: &x 1\nB: &x 2\n", 2, 4, "duplicate anchor"},
		{"surrogates", `{"A": "\ud83d\ude00"}`, 1, 8, "Unicode"},
		{"tab before JSON", "\t{}", 1, 1, "cannot start"},
		{"key without value", "A: 1\nB\n", 3, 1, "expected ':'"},
		{"alias of itself", "A: &a\n  B: *a\n", 1, 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := template.Parse("t.yaml", []byte(tt.text))
			var syntax *template.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("%v", err)
			}
			if tt.message == "" {
				return
			}
			if syntax.Line != tt.line || syntax.Column != tt.column || !strings.Contains(syntax.Message, tt.message) {
				t.Errorf("%v", syntax)
			}
		})
	}
}

// Nine levels of nine aliases each are a third of a thousand million values.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("A0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		ref := "*a" + string(rune('0'+i-1))
		b.WriteString("A" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.Repeat(ref+",", 8) + ref + "]\n")
	}
	_, err := template.Parse("bomb.yaml", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "aliases expand") {
		t.Errorf("%v", err)
	}
}

func TestAnchorsAndMerge(t *testing.T) {
	tmpl := parse(t, "Metadata:\n  Base: &base {A: 1, B: 2}\n  One: {<<: *base, B: 3}\n  Same: *base\n")
	m := tmpl.Root.Get("Metadata")
	if got := m.Get("One").Value(); !equal(got, map[string]any{"A": 1.0, "B": 3.0}) {
		t.Errorf("%v", got)
	}
	if got := m.Get("Same").Value(); !equal(got, map[string]any{"A": 1.0, "B": 2.0}) {
		t.Errorf("%v", got)
	}
}
