package pipeline_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var update = flag.Bool("update", false, "write docs/evenkeel.schema.json")

const good = `version: 1
name: shop
stacks:
  data:
    template: templates/data.yaml
    dependsOn: [network]
    parameters:
      VpcId: {output: network.VpcId}
      Password: {secret: shop/database#password}
      Level: {parameterStore: /shop/level}
      Days: 7
      Versioned: true
    capabilities: [CAPABILITY_IAM]
    tags: {team: shop}
    protect: [Orders]
  network: {template: templates/network.yaml, parameters: {Cidr: 10.0.0.0/16}}
  site: {template: templates/site.yaml}
stages:
  - {name: test, branch: main, account: 012345678901, region: us-east-1, approval: never}
  - name: prod
    branch: main
    account: "333333333333"
    region: ap-southeast-2
    approval: always
    parameters: {network: {Cidr: 10.1.0.0/16}, data: {Days: {parameterStore: "/shop/days:3"}}}
  - {name: next, branch: release/next, account: "333333333333", region: us-gov-west-1, approval: on-risk}
`

// tree is a repository with the given files.
func tree(paths ...string) func(string) bool {
	return func(path string) bool { return slices.Contains(paths, path) }
}

var all = tree("templates/data.yaml", "templates/network.yaml", "templates/site.yaml", "t.yaml")

func TestDecode(t *testing.T) {
	p, err := pipeline.Decode(pipeline.FileName, []byte(good), all)
	if err != nil {
		t.Fatal(err)
	}
	stages := p.For("main")
	if len(stages) != 2 || stages[0].Name != "test" || stages[1].Name != "prod" {
		t.Fatalf("stages %+v", stages)
	}
	if stages[0].Account != "012345678901" {
		t.Errorf("account %s: its leading zero is lost", stages[0].Account)
	}
	var order []string
	for _, stack := range stages[1].Stacks {
		order = append(order, stack.StackName)
	}
	if got := strings.Join(order, " "); got != "shop-network-prod shop-data-prod shop-site-prod" {
		t.Errorf("order %s: dependencies first, else as in the file", got)
	}
	data := stages[1].Stacks[1]
	if len(data.Protect) != 1 || data.Protect[0] != "Orders" {
		t.Errorf("protect %v", data.Protect)
	}
	for name, want := range map[string]string{
		"Password":  "{{resolve:secretsmanager:shop/database:SecretString:password}}",
		"Level":     "{{resolve:ssm:/shop/level}}",
		"Days":      "{{resolve:ssm:/shop/days:3}}",
		"Versioned": "true",
	} {
		if got := data.Parameters[name].Literal(); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if stack, output, ok := data.Parameters["VpcId"].OutputOf(); !ok || stack != "network" || output != "VpcId" {
		t.Errorf("VpcId reads %s of %s, %v", output, stack, ok)
	}
	if got := stages[1].Stacks[0].Parameters["Cidr"].Value; got != "10.1.0.0/16" {
		t.Errorf("the stage's parameter does not win: %s", got)
	}
	if got := stages[0].Stacks[1].Parameters["Days"].Value; got != "7" {
		t.Errorf("the other stage's parameter is %q", got)
	}
	if got := p.For("feature"); len(got) != 0 || got == nil {
		t.Errorf("a branch that no stage follows: %v", got)
	}
	if at := p.Stacks[0].At(); at.Line != 4 || at.Column != 3 {
		t.Errorf("stack data stands at %+v", at)
	}
}

// minimal has a %s where each case puts one fault.
const minimal = `version: 1
stacks:
  a: {template: t.yaml}
  b: {template: t.yaml, dependsOn: [a]}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`

func TestFaults(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"unknown key at the top", "version: 1", "version: 1\nstage: []", `2:1: unknown key "stage" in the file; allowed are version, name, stacks, stages, validation`},
		{"unknown key of a stack", "a: {template: t.yaml}", "a: {template: t.yaml, dependson: []}", `3:25: unknown key "dependson" in stack a; allowed are template, artifact, dependsOn, parameters, capabilities, tags, protect, verify`},
		{"unknown key of a stage", "approval: never", "approval: never, approve: x", `6:93: unknown key "approve" in the stage; allowed are name, branch, account, region, approval, approvalTimeout, selfApproval, failOn, role, windows, freezes, parameters, verify, onVerificationFailure, artifacts`},
		{"missing key", "{template: t.yaml}", "{tags: {}}", `3:6: stack a lacks the key "template"`},
		{"duplicate key", "  b: {", "  a: {", `4:3: duplicate key "a" in stacks, first on line 3`},
		{"duplicate stage", "stages:\n", "stages:\n  - {name: test, branch: x, account: \"222222222222\", region: us-east-1, approval: never}\n", `7:5: a second stage "test"`},
		{"wrong version", "version: 1", "version: 2", `1:10: version "2" is not known`},
		{"cycle", "a: {template: t.yaml}", "a: {template: t.yaml, dependsOn: [b]}", "3:3: the stacks depend on each other in a cycle: a → b → a"},
		{"self-reference", "[a]", "[b]", "4:3: the stacks depend on each other in a cycle: b → b"},
		{"unknown dependency", "[a]", "[c]", `4:37: stack b depends on "c", which is no stack; stacks are a, b`},
		{"missing template", "a: {template: t.yaml}", "a: {template: u.yaml}", `3:3: the template "u.yaml" of stack a is not in the repository`},
		{"template outside", "a: {template: t.yaml}", "a: {template: ../t.yaml}", `3:17: template "../t.yaml" is not a path inside the repository`},
		{"absolute template", "a: {template: t.yaml}", "a: {template: /t.yaml}", `is not a path inside the repository`},
		{"output of an unknown stack", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: {output: c.Y}}}", `3:41: parameter X reads an output of "c", which is no stack`},
		{"output of a later stack", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: {output: b.Y}}}", `parameter X reads an output of b, which a does not depend on; add it to dependsOn`},
		{"output of itself", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: {output: a.Y}}}", `reads an output of its own stack`},
		{"two forms of a parameter", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: {output: b.Y, secret: s}}}", `parameter X must have exactly one of the keys output, parameterStore, secret`},
		{"unknown form", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: {value: 1}}}", `unknown key "value" in parameter X; allowed are output, parameterStore, secret`},
		{"list as a parameter", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: [1]}}", `parameter X is a list; write it as text with commas`},
		{"empty parameter", "a: {template: t.yaml}", "a: {template: t.yaml, parameters: {X: }}", `parameter X must be text, not empty`},
		{"bad account", `"222222222222"`, "22222", `account "22222" is not an account number of 12 digits`},
		{"bad region", "us-east-1", "us-east", `region "us-east" is not a region`},
		{"bad branch", "branch: main", "branch: ma in", `branch "ma in" is not a branch name`},
		{"bad approval", "never", "sometimes", `approval "sometimes" is not one of always, on-risk, never`},
		{"bad capability", "[a]", "[a], capabilities: [ADMIN]", `the capability "ADMIN" is not one of CAPABILITY_IAM`},
		{"bad logical id", "[a]", "[a], protect: [a.b]", `the logical id "a.b" is not letters and digits`},
		{"bad name", "name: test", "name: 1test", `name "1test" is not a name`},
		{"bad stack name", "  a: {", "  a_b: {", `the stack name "a_b" is not a name`},
		{"parameters of an unknown stack", "approval: never", "approval: never, parameters: {c: {X: 1}}", `the stage sets parameters of "c", which is no stack`},
		{"stages as a mapping", "  - {name", "  x: {name", `stages must be a list, not a mapping`},
		{"alias", "{template: t.yaml}", "&x {template: t.yaml, tags: *x}", `must be a mapping, not an alias`},
		{"not YAML", "stacks:", "stacks: [", `did not find expected`},
		{"empty file", minimal, "", `1:1: the document is empty; it needs the keys version, name, stacks, stages, validation`},
		{"only a comment", minimal, "# nothing\n", `the document is empty`},
		{"a list", minimal, "- 1\n", `1:1: the file must be a mapping, not a list`},
		{"two documents", minimal, minimal + "---\nversion: 1\n", `a second YAML document`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(minimal, tt.old, tt.new, 1)
			if text == minimal {
				t.Fatal("the case changes nothing")
			}
			_, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
			faults, ok := pipeline.AsFaults(err)
			if !ok || !strings.Contains(faults.Error(), tt.want) || !strings.HasPrefix(faults.Error(), "evenkeel.yaml:") {
				t.Errorf("got  %v\nwant …%s…", err, tt.want)
			}
		})
	}
	if _, err := pipeline.Decode("evenkeel.yaml", []byte(minimal), all); err != nil {
		t.Errorf("without a fault: %v", err)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	text := strings.NewReplacer("us-east-1", "mars", "[a]", "[z]", "version: 1", "version: 3", "never", "maybe").Replace(minimal)
	_, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
	faults, _ := pipeline.AsFaults(err)
	if len(faults) != 4 {
		t.Fatalf("%d faults, want 4:\n%v", len(faults), err)
	}
	for i := 1; i < len(faults); i++ {
		if faults[i].Line < faults[i-1].Line {
			t.Errorf("not in the order of the file:\n%v", err)
		}
	}
}

func TestJSONSchemaIsCurrent(t *testing.T) {
	schema, err := pipeline.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "evenkeel.schema.json")
	if *update {
		if err := os.WriteFile(path, schema, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(kept, schema) {
		t.Errorf("%s is not current (%v): run go test ./shared/pipeline -update", path, err)
	}
}

// FuzzDecode: no input panics; what is accepted has an order that respects
// every dependency and one fault never hides behind success.
func FuzzDecode(f *testing.F) {
	f.Add(good)
	f.Add(minimal)
	f.Add(withChecks(goodChecks))
	f.Add(withRollout(goodRollout))
	f.Add("stacks: {a: {dependsOn: [a, a]}}\nstages: [{}, 1, [x]]")
	f.Add("a: &a [*a]")
	f.Add("? {a: b}\n: 1\n<<: {x: y}")
	f.Add("version: 1\n---\n:")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := pipeline.Decode("evenkeel.yaml", []byte(text), func(string) bool { return true })
		if err != nil {
			faults, ok := pipeline.AsFaults(err)
			if !ok || len(faults) == 0 {
				t.Fatalf("an error without a fault: %v", err)
			}
			for _, fault := range faults {
				if fault.Line < 1 || fault.Column < 1 || fault.Message == "" {
					t.Fatalf("a fault without a place: %+v", fault)
				}
			}
			return
		}
		for _, declared := range p.Stages {
			for _, stage := range p.For(declared.Branch) {
				if len(stage.Stacks) != len(p.Stacks) {
					t.Fatalf("%d of %d stacks", len(stage.Stacks), len(p.Stacks))
				}
				placed := map[string]bool{}
				for _, stack := range stage.Stacks {
					checkRollout(t, stack)
					for _, name := range stack.DependsOn {
						if !placed[name] {
							t.Fatalf("%s comes before %s", stack.Name, name)
						}
					}
					placed[stack.Name] = true
				}
			}
		}
	})
}
