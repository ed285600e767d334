package evenkeel_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// importRule forbids imports. Patterns are relative to the module unless they
// contain a dot in their first element; a trailing /** covers the package and
// all below it.
type importRule struct {
	packages string   // whom the rule is for
	except   []string // whom it is not for
	mustNot  []string // what they must not import
	why      string
}

const (
	module = "github.com/evenkeel/evenkeel"
	sdk    = "github.com/aws/aws-sdk-go-v2/**"
	lambda = "github.com/aws/aws-lambda-go/**"
	cdk    = "github.com/aws/aws-cdk-go/**"
	jsii   = "github.com/aws/jsii-runtime-go/**"
)

var importRules = []importRule{
	{"events/**", nil, []string{"shared/**", "functions/**", "infra/**", "local/**", "cmd/**", sdk, lambda, cdk},
		"everybody speaks in events: they depend on nobody"},
	{"shared/**", []string{"shared/adapter/**", "shared/invoke"}, []string{sdk, lambda, "log/slog"},
		"the domain decides on values and returns data; AWS, the Lambda edge and logs are somebody else's"},
	{"shared/**", nil, []string{"functions/**", "infra/**", "local/**", "cmd/**", cdk, jsii},
		"the domain does not know how it is wired, provisioned, emulated or shown"},
	{"shared/**", []string{"shared/adapter/**"}, []string{"shared/adapter/**"},
		"a port stands at its consumer: adapters know the domain, never the other way round"},
	{"shared/{fault,config,cloudtrail,metrics,redact,glob,yamldoc,template,schema,condition,changeset,threshold}/**", nil,
		[]string{"shared/{validation,verification,policy,deployment,review,rollout,drift,healing,ledger,webhook,source,pipeline,assembly,build}/**"},
		"the bottom row serves every domain and leans on none"},
	{"shared/verification", nil, []string{"shared/{deployment,validation,policy,source,webhook,ledger,drift,healing}/**"},
		"checks know evenkeel.yaml and what they see; who deploys, and what follows from a failure, is not theirs"},
	{"shared/validation/{check,rules}/**", nil, []string{"shared/{policy,deployment,source,pipeline,fault}/**", "shared/validation", "shared/validation/report"},
		"the walk and its rules know templates and schemas, and nothing of releases"},
	{"shared/approval", nil, []string{"shared/{policy,deployment,validation,drift,ledger,source,pipeline,webhook,risk}/**"},
		"what an approval is bound to is a value, digested by whoever plans and whoever executes"},
	{"shared/risk/**", nil, []string{"shared/{policy,deployment,validation,drift,ledger,source,pipeline,webhook}/**"},
		"a rating is a function of a change set, templates, schemas and a policy: whoever plans, shows or checks one can ask for it"},
	{"shared/policy", nil, []string{"shared/policy/**", "shared/validation/**", "github.com/open-policy-agent/**"},
		"the built-in pack is in every binary: Rego and Guard stand beside it"},
	{"shared/deployment", nil, []string{"shared/review", "shared/validation/**"},
		"a deployment knows neither who looked at it before the merge nor how templates are checked"},
	{"shared/rollout", nil, []string{"shared/{deployment,validation,review,ledger,source,webhook,drift,healing,build}/**"},
		"a rollout is asked for and answers: who deploys, and what follows from its end, is not its business"},
	{"shared/attribution", nil, []string{"shared/{deployment,rollout,validation,review,ledger,source,webhook,drift,healing,build,pipeline}/**"},
		"who changed a resource is told by records alone: whoever watches, reports or heals can ask"},
	{"shared/reachability", nil, []string{"shared/**"},
		"who can reach a group is a function of interfaces, routes and ACLs: whoever reads them can ask"},
	{"shared/drift/response", nil, []string{"shared/drift", "shared/drift/report", "shared/{validation,policy,deployment,review,rollout,healing,ledger,source,webhook,build}/**", "html/template"},
		"what is done about drift is a function of a policy, a baseline and a resource: whoever finds drift can ask"},
	{"shared/drift", nil, []string{"shared/drift/report", "html/template"},
		"the function that scans writes no pages: whoever shows drift does"},
	{"{functions,infra,local,events}/**", []string{"local/openings"}, []string{"shared/healing/benchmark", "testdata/**"},
		"the benchmark is for the terminal and for CI: it brings fakes and a corpus with it"},
	{"shared/healing", nil, []string{"shared/healing/{preview,replay,archive,benchmark}"},
		"the healer decides on live rules; what folds, previews and scores stands on top of it"},
	{"shared/healing/benchmark", nil, []string{"shared/{deployment,rollout,validation,review,ledger,source,webhook,drift,build}/**", "os/exec", "net/http"},
		"a score is a function of a case and an answer: whoever starts other tools is not here"},
	{"shared/assembly", nil, []string{"shared/{validation,policy,deployment,rollout,drift,healing,ledger,webhook,source,build}/**"},
		"a cloud assembly is read the same way by who validates it and by who deploys it"},
	{"shared/build", nil, []string{"shared/{validation,policy,drift,healing,ledger,webhook,source,assembly}/**"},
		"who starts a build knows the release, and looks into nothing that it builds"},
	{"{cmd,events,functions,infra,local,shared}/**", []string{"shared/drift/transform"}, []string{"github.com/blues/**"},
		"the JSONata evaluator has state of its own, which one package guards, and takes what one package bounds"},
	{"shared/invoke", nil, []string{sdk, "shared/adapter/**"},
		"the Lambda edge is in every binary: it stays light"},
	{"functions/{build,deployment,drift,healing,ledger,review,rollout,trail,validation,webhook}", nil,
		[]string{"functions/{build,deployment,drift,healing,ledger,review,rollout,trail,validation,webhook}", "infra/**", "local/**", "cmd/**", cdk},
		"each function is one binary with one role: it shares through shared/, never with a neighbour"},
	{"infra/workflow/**", nil, []string{"shared/**", "events/**", sdk, lambda, cdk, jsii, "github.com/aws/constructs-go/**"},
		"workflow lint and interpreter are standard library only: their tests run in milliseconds"},
	{"infra/**", []string{"infra/workflow/**"}, []string{"shared/{validation,verification,deployment,review,rollout,drift,attribution,healing,ledger,template,schema,adapter}/**", "functions/**", "local/**", "cmd/**", sdk, lambda},
		"provisioning names what exists; it runs none of it"},
	{"{cmd,local}/**", nil, []string{cdk, jsii, "infra", "infra/{stack,construct}/**"},
		"the CDK costs a 100 s compile: a newcomer's first run must not wait for it"},
}

// TestImports holds the import table of the design. Test files count too: a
// test that reaches across a wall is a hole in it.
func TestImports(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 10 {
		t.Fatalf("go list found %d packages; the table was checked on nothing", len(packages))
	}
	for _, rule := range importRules {
		covered := 0
		for pkg, imports := range packages {
			if !matches(rule.packages, pkg) || matchesAny(rule.except, pkg) {
				continue
			}
			covered++
			for _, imported := range imports {
				if imported != pkg && matchesAny(rule.mustNot, imported) {
					t.Errorf("%s imports %s: %s", pkg, imported, rule.why)
				}
			}
		}
		if covered == 0 {
			t.Errorf("rule for %s covers no package", rule.packages)
		}
	}
}

// TestFrontIsLight holds the reason of the program that validates alone: the
// tables that the AWS SDK builds before main take longer than a template.
func TestFrontIsLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-tags", "validator", "./cmd/evenkeel").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Fields(string(out))
	if !slices.Contains(found, module+"/shared/validation") {
		t.Fatal("the list has no validation: it is not that of the front")
	}
	for _, pkg := range found {
		if matchesAny([]string{sdk, lambda, "local/**", "shared/adapter/**"}, relative(pkg)) {
			t.Errorf("cmd/evenkeel with the tag validator imports %s", pkg)
		}
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, pkg string
		want         bool
	}{
		{"shared/**", "shared/drift", true},
		{"shared/**", "shared", true},
		{"shared/**", "sharedness", false},
		{"{cmd,local}/**", "local/demo", true},
		{"shared/invoke", "shared/invoke/x", false},
		{sdk, "github.com/aws/aws-sdk-go-v2/service/ec2", true},
		{"log/slog", "log/slog", true},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.pkg); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.pattern, tt.pkg, got)
		}
	}
}

// listPackages maps each of the module's packages to what it and its tests
// import directly, our own packages relative to the module.
func listPackages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	packages := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		name := relative(p.ImportPath)
		for _, list := range [][]string{p.Imports, p.TestImports, p.XTestImports} {
			for _, imported := range list {
				packages[name] = append(packages[name], relative(imported))
			}
		}
	}
	return packages
}

func relative(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

func matchesAny(patterns []string, pkg string) bool {
	for _, pattern := range patterns {
		if matches(pattern, pkg) {
			return true
		}
	}
	return false
}

func matches(pattern, pkg string) bool {
	for _, p := range expand(pattern) {
		if tree, ok := strings.CutSuffix(p, "/**"); ok {
			if pkg == tree || strings.HasPrefix(pkg, tree+"/") {
				return true
			}
		} else if ok, _ := path.Match(p, pkg); ok {
			return true
		}
	}
	return false
}

// expand turns "a/{b,c}/d" into "a/b/d" and "a/c/d".
func expand(pattern string) []string {
	before, rest, found := strings.Cut(pattern, "{")
	if !found {
		return []string{pattern}
	}
	choices, after, _ := strings.Cut(rest, "}")
	var expanded []string
	for choice := range strings.SplitSeq(choices, ",") {
		expanded = append(expanded, before+choice+after)
	}
	return expanded
}
