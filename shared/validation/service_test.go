package validation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/validation"
)

const (
	goodPipeline = `version: 1
name: shop
stacks:
  queue: {template: templates/queue.yaml, parameters: {Seconds: "30"}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: always}
`
	goodTemplate = `AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Seconds: {Type: Number}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
`
	commit = "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"
)

func treeOf(t testing.TB, files map[string]string) source.Tree {
	t.Helper()
	var list []source.File
	for path, content := range files {
		list = append(list, source.File{Path: path, Data: []byte(content)})
	}
	tree, err := source.NewTree(list)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// remote is every port of the service, in memory.
type remote struct {
	tree      source.Tree
	kept      map[string][]byte
	fetched   int
	branch    string // that was fetched
	published []events.Fact
	failing   map[string]error
	accounts  map[string]string // of the registration
	settings  source.Repository // of the registration, further ones
	mandatory []string          // of the registration
}

func newRemote(tree source.Tree) *remote {
	return &remote{tree: tree, kept: map[string][]byte{}, failing: map[string]error{}}
}

func (r *remote) Repository(_ context.Context, name string) (source.Repository, error) {
	return source.Repository{Name: name, CloneURL: "https://git.example.com/registered.git", Accounts: r.accounts, MandatoryChecks: r.mandatory, Identities: r.settings.Identities, SelfApproval: r.settings.SelfApproval}, r.failing["Repository"]
}

func (r *remote) Fetch(_ context.Context, repository source.Repository, branch, commit string) (source.Tree, error) {
	r.fetched++
	r.branch = branch
	if repository.CloneURL != "https://git.example.com/registered.git" {
		return nil, fmt.Errorf("fetched from %s, not from the registry's address", repository.CloneURL)
	}
	return r.tree, r.failing["Fetch"]
}

func (r *remote) Find(_ context.Context, key string) ([]byte, bool, error) {
	data, found := r.kept[key]
	return data, found, r.failing["Find"]
}

func (r *remote) Put(_ context.Context, key string, data []byte) error {
	r.kept[key] = data
	return r.failing["Put"]
}

func (r *remote) Publish(_ context.Context, facts ...events.Fact) error {
	r.published = append(r.published, facts...)
	return r.failing["Publish"]
}

func (r *remote) service() *validation.Service {
	return &validation.Service{
		Registry: r, Fetcher: r, Archive: r, Engine: validation.Offline{}, Bus: r,
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
}

func release(branch string) deployment.Release {
	return deployment.Release{RunID: "1f0c9a7b-1bee13", CausationID: "c-1", Repository: "acme/shop", Branch: branch, Commit: commit, Actor: "dana", CloneURL: "https://attacker.example/x.git"}
}

// A pull request is checked for the stages of its base, fetched from its own
// branch, and announced by nobody here: a TemplatesValidated belongs to a run.
func TestPullRequest(t *testing.T) {
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate}))
	in := release("main")
	in.PullRequest = &deployment.PullRequest{Number: 7, HeadBranch: "feature/subnets"}
	got, err := r.service().Validate(t.Context(), in)
	if err != nil || !got.Validation.Valid || len(got.Stages) != 2 {
		t.Fatalf("release = %+v, %v", got, err)
	}
	if r.branch != "feature/subnets" || len(r.published) != 0 {
		t.Errorf("fetched from %s, published %v", r.branch, r.published)
	}
	if key := "reports/acme/shop/pr-7/" + commit + ".json"; got.Validation.Report != key || r.kept[key] == nil {
		t.Errorf("report %s", got.Validation.Report)
	}
}

func TestValidRelease(t *testing.T) {
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate, "README.md": "hello"}))
	payload, err := json.Marshal(map[string]any{"action": "validate", "release": release("main")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.service().Handle(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Validation.Valid || got.Validation.Files != 1 || got.Validation.Errors != 0 || got.SourceKey != "sources/acme/shop/"+commit+".zip" {
		t.Errorf("release = %+v", got)
	}
	if len(got.Stages) != 2 || got.Stages[1].Name != "prod" || got.Stages[0].Stacks[0].StackName != "shop-queue-test" {
		t.Errorf("stages = %+v", got.Stages)
	}
	if len(r.published) != 1 {
		t.Fatalf("published %+v", r.published)
	}
	fact, ok := r.published[0].Data.(events.TemplatesValidated)
	if m := r.published[0].Metadata; !ok || fact.RunID != "1f0c9a7b-1bee13" || m.CorrelationID != fact.RunID || m.CausationID != "c-1" || m.ID == "" {
		t.Errorf("published %+v", r.published[0])
	}

	again, err := r.service().Validate(t.Context(), release("main"))
	if err != nil || r.fetched != 1 || again.Validation.Files != 1 {
		t.Errorf("the kept archive was not used: fetched %d times, %v", r.fetched, err)
	}
	if r.published[1].Metadata.ID != r.published[0].Metadata.ID {
		t.Error("a repeated validation publishes another fact")
	}
}

func TestABranchThatNoStageFollows(t *testing.T) {
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate}))
	got, err := r.service().Validate(t.Context(), release("feature"))
	if err != nil || !got.Validation.Valid || got.Stages == nil || len(got.Stages) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if step, _ := deployment.Next(got, time.Now()); step.Kind != deployment.StepFinish {
		t.Errorf("next is %+v", step)
	}
}

// rolledOut is goodPipeline with a rollout of its stack.
var rolledOut = strings.Replace(goodPipeline, `parameters: {Seconds: "30"}`, `parameters: {Seconds: "30"}, rollout: {strategy: blue-green, sideParameter: Side, router: {route53: {zone: Z1, name: a.example.com, type: CNAME, value: "${output.Host}"}}}`, 1)

// TestASideParameterIsSet: by the rollout, for both sides.
func TestASideParameterIsSet(t *testing.T) {
	template := strings.Replace(goodTemplate, "Parameters:", "Parameters:\n  Side: {Type: String, AllowedValues: [blue, green]}", 1) +
		"    Tags: [{Key: side, Value: !Ref Side}]\nOutputs:\n  Host: {Value: !GetAtt Queue.QueueName}\n"
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": rolledOut, "templates/queue.yaml": template}))
	got, err := r.service().Validate(t.Context(), release("main"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Validation.Findings {
		if strings.HasPrefix(f.Rule, "P") {
			t.Errorf("%+v", f)
		}
	}
	if len(got.Stages) == 0 || got.Stages[0].Stacks[0].Rollout == nil {
		t.Errorf("the rollout is not in the release: %+v", got.Stages)
	}
}

func TestFindings(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  events.Finding // Message is a part of it
	}{
		{"no pipeline", map[string]string{"README.md": ""}, events.Finding{File: "evenkeel.yaml", Line: 1, Column: 1, Rule: "P0001", Message: "has no evenkeel.yaml"}},
		{"unknown key", map[string]string{"evenkeel.yaml": strings.Replace(goodPipeline, "stages:", "stagess:", 1), "templates/queue.yaml": goodTemplate},
			events.Finding{File: "evenkeel.yaml", Line: 5, Column: 1, Rule: "P0002", Message: "stages"}},
		{"not YAML", map[string]string{"evenkeel.yaml": "a: [\n"}, events.Finding{File: "evenkeel.yaml", Line: 1, Column: 1, Rule: "P0002", Message: "did not find"}},
		{"missing template", map[string]string{"evenkeel.yaml": goodPipeline}, events.Finding{File: "evenkeel.yaml", Line: 4, Column: 3, Rule: "P0002", Message: "templates/queue.yaml"}},
		{"undeclared parameter", map[string]string{"evenkeel.yaml": strings.Replace(goodPipeline, `Seconds: "30"`, `Seconds: "30", Extra: "1"`, 1), "templates/queue.yaml": goodTemplate},
			events.Finding{File: "evenkeel.yaml", Line: 4, Column: 3, Rule: "P0003", Message: "Extra is not declared in templates/queue.yaml"}},
		{"missing parameter", map[string]string{"evenkeel.yaml": strings.Replace(goodPipeline, `, parameters: {Seconds: "30"}`, "", 1), "templates/queue.yaml": goodTemplate},
			events.Finding{File: "evenkeel.yaml", Line: 4, Column: 3, Rule: "P0003", Message: "Seconds has no default and is not set"}},
		{"name of both sides", map[string]string{"evenkeel.yaml": rolledOut, "templates/queue.yaml": strings.Replace(goodTemplate, "VisibilityTimeout", "QueueName: jobs\n      VisibilityTimeout", 1)},
			events.Finding{File: "templates/queue.yaml", Line: 8, Column: 18, Rule: "P0006", Message: "only one can have it"}},
		{"output of a rollout", map[string]string{"evenkeel.yaml": rolledOut, "templates/queue.yaml": goodTemplate},
			events.Finding{File: "templates/queue.yaml", Line: 1, Column: 1, Rule: "P0006", Message: "the rollout of the stack queue reads the output Host, which the template does not have"}},
		{"side parameter", map[string]string{"evenkeel.yaml": rolledOut, "templates/queue.yaml": goodTemplate},
			events.Finding{File: "templates/queue.yaml", Line: 1, Column: 1, Rule: "P0006", Message: "the sideParameter Side of the rollout of the stack queue is no parameter of the template"}},
		{"broken template", map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": strings.Replace(goodTemplate, "AWS::SQS::Queue", "AWS::SQS::Kueue", 1)},
			events.Finding{File: "templates/queue.yaml", Line: 6, Column: 5, Message: "AWS::SQS::Kueue"}},
		{"unreferenced template", map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate, "templates/sub/other.yml": strings.Replace(goodTemplate, "VisibilityTimeout", "Visibility", 1)},
			events.Finding{File: "templates/sub/other.yml", Line: 8, Column: 7, Message: "Visibility"}},
		{"templates of a malformed pipeline", map[string]string{"evenkeel.yaml": "version: 2\n", "templates/queue.yaml": strings.Replace(goodTemplate, "AWS::SQS::Queue", "AWS::SQS::Kueue", 1)},
			events.Finding{File: "templates/queue.yaml", Line: 6, Column: 5, Message: "AWS::SQS::Kueue"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRemote(treeOf(t, tt.files))
			got, err := r.service().Validate(t.Context(), release("main"))
			if err != nil {
				t.Fatalf("what is wrong with the source is no error: %v", err)
			}
			if got.Validation.Valid || got.Validation.Errors == 0 || got.Stages == nil {
				t.Fatalf("validation = %+v", got.Validation)
			}
			for _, f := range got.Validation.Findings {
				if f.File == tt.want.File && f.Line == tt.want.Line && f.Column == tt.want.Column && f.Severity == "error" &&
					(tt.want.Rule == "" || f.Rule == tt.want.Rule) && strings.Contains(f.Message, tt.want.Message) {
					return
				}
			}
			t.Errorf("findings %+v lack %+v", got.Validation.Findings, tt.want)
		})
	}
}

func TestOtherFilesAreNoTemplates(t *testing.T) {
	r := newRemote(treeOf(t, map[string]string{
		"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate,
		"templates/notes.yaml": "a: 1\n", "templates/broken.txt": "Resources: [", "buildspec.yml": "Resources: AWS::",
	}))
	got, err := r.service().Validate(t.Context(), release("main"))
	if err != nil || got.Validation.Files != 1 || !got.Validation.Valid {
		t.Errorf("%+v, %v", got.Validation, err)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	var template strings.Builder
	template.WriteString("Resources:\n")
	for i := range 80 {
		fmt.Fprintf(&template, "  Queue%d:\n    Type: AWS::SQS::Queue\n    Properties: {%s: 1}\n", i, strings.Repeat("Long", 200))
	}
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": strings.Replace(goodPipeline, `, parameters: {Seconds: "30"}`, "", 1), "templates/queue.yaml": template.String()}))
	got, err := r.service().Validate(t.Context(), release("main"))
	if err != nil || len(got.Validation.Findings) != 50 || got.Validation.Errors < 80 {
		t.Fatalf("%d findings of %d errors, %v: %.300v", len(got.Validation.Findings), got.Validation.Errors, err, got.Validation.Findings)
	}
	document, err := json.Marshal(got)
	if err != nil || len(document) > 128<<10 {
		t.Errorf("the release document has %d bytes; Step Functions takes 256 KB", len(document))
	}
}

func TestServiceErrors(t *testing.T) {
	for _, port := range []string{"Find", "Repository", "Fetch", "Put", "Publish"} {
		r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": goodPipeline}))
		r.failing[port] = fault.Transient("throttled")
		if _, err := r.service().Validate(t.Context(), release("main")); !fault.Is(err, fault.TransientError) {
			t.Errorf("%s: error = %v", port, err)
		}
	}
	r := newRemote(nil)
	for _, payload := range []string{`[]`, `{"action":"deploy"}`} {
		if _, err := r.service().Handle(t.Context(), json.RawMessage(payload)); !fault.Is(err, fault.PermanentError) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// TestTheRegistrationIsTheBoundary: evenkeel.yaml is written by whoever may
// push. It can neither name another account nor ask nobody where the
// registration says that somebody is to be asked, also not when the source of
// the commit was fetched before.
func TestTheRegistrationIsTheBoundary(t *testing.T) {
	tests := []struct {
		name     string
		accounts map[string]string
		want     string // of the first finding; "" for a valid source
	}{
		{"no boundary", nil, ""},
		{"as registered", map[string]string{"222222222222": "never", "333333333333": "always"}, ""},
		{"asks more than it must", map[string]string{"222222222222": "never", "333333333333": "on-risk"}, ""},
		{"another account", map[string]string{"222222222222": "never"}, "the stage prod names the account 333333333333, but acme/shop is not registered for it; evenkeel repo list --json shows its accounts"},
		{"asks nobody", map[string]string{"222222222222": "on-risk", "333333333333": "always"}, "the stage test has approval: never, but acme/shop is registered to ask for approval: on-risk, or more, in the account 222222222222"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate}))
			r.accounts = tt.accounts
			for range 2 {
				got, err := r.service().Validate(t.Context(), release("main"))
				if err != nil {
					t.Fatal(err)
				}
				if got.Validation.Valid != (tt.want == "") {
					t.Fatalf("valid %v: %+v", got.Validation.Valid, got.Validation.Findings)
				}
				if tt.want == "" {
					continue
				}
				if f := got.Validation.Findings[0]; f.Rule != validation.RuleBoundary || f.Message != tt.want || f.File != "evenkeel.yaml" || f.Line < 6 {
					t.Errorf("got %+v, want %s", f, tt.want)
				}
			}
			if r.fetched != 1 {
				t.Errorf("fetched %d times", r.fetched)
			}
		})
	}
}

// TestSelfApprovalIsBounded: whoever pushes cannot bring the permission to
// approve the own push along, in accounts that the registration bounds.
func TestSelfApprovalIsBounded(t *testing.T) {
	const want = "the stage prod has selfApproval: allowed, but the registration of acme/shop does not allow it in the account 333333333333 (evenkeel repo add … --allow-self-approval)"
	bounded := map[string]string{"222222222222": "never", "333333333333": "always"}
	for _, tt := range []struct {
		name     string
		accounts map[string]string
		allowed  bool
		want     string
	}{{"bounded", bounded, false, want}, {"allowed", bounded, true, ""}, {"no boundary", nil, false, ""}} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(goodPipeline, "approval: always", "approval: always, selfApproval: allowed", 1)
			r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": text, "templates/queue.yaml": goodTemplate}))
			r.accounts, r.settings.SelfApproval = tt.accounts, tt.allowed
			got, err := r.service().Validate(t.Context(), release("main"))
			if err != nil || got.Validation.Valid != (tt.want == "") {
				t.Fatalf("%+v, %v", got.Validation, err)
			}
			if tt.want != "" && got.Validation.Findings[0].Message != tt.want {
				t.Errorf("got %+v", got.Validation.Findings[0])
			}
		})
	}
}

// TestAuthorsGetTheirPrincipals: what the registration knows of the authors
// travels with the release, where nobody can change it.
func TestAuthorsGetTheirPrincipals(t *testing.T) {
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate}))
	r.settings.Identities = map[string][]string{"Dana": {"*:user/dana"}, "kim": {"kim"}}
	in := release("main")
	in.Authors = approval.NewAuthors("dana", []string{"dana@example.com"})
	got, err := r.service().Validate(t.Context(), in)
	if err != nil || !got.Authors.Registered || len(got.Authors.People) != 2 || !slices.Equal(got.Authors.People[0].Principals, []string{"*:user/dana"}) || got.Authors.People[1].Principals != nil {
		t.Errorf("%+v, %v", got.Authors, err)
	}
}

// cloud is CloudFormation with a fixed opinion.
type cloud struct {
	opinion validation.Opinion
	err     error
	asked   []string
}

func (c *cloud) ValidateTemplate(_ context.Context, key string, _ []byte) (validation.Opinion, error) {
	c.asked = append(c.asked, key)
	return c.opinion, c.err
}

func TestCloudFormationsOwnOpinion(t *testing.T) {
	files := map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": goodTemplate}
	tests := []struct {
		name    string
		files   map[string]string
		cloud   cloud
		asked   int
		rule    string
		message string
		err     bool
	}{
		{"accepted", files, cloud{}, 1, "", "", false},
		{"refused", files, cloud{err: validation.RefusedError{Reason: "Template error: no"}}, 1, "CFN0001", "Template error: no", false},
		{"capability", files, cloud{opinion: validation.Opinion{Capabilities: []string{"CAPABILITY_IAM"}, Reason: "AWS::IAM::Role"}}, 1, "CFN0002", "CAPABILITY_IAM", false},
		{"unreachable", files, cloud{err: errors.New("no route")}, 1, "", "", true},
		{"not asked about what cannot be parsed", map[string]string{"evenkeel.yaml": goodPipeline, "templates/queue.yaml": "a: [\n"}, cloud{}, 0, "E0000", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRemote(treeOf(t, tt.files))
			service := r.service()
			service.Cloud = &tt.cloud
			got, err := service.Validate(t.Context(), release("main"))
			if (err != nil) != tt.err || len(tt.cloud.asked) != tt.asked {
				t.Fatalf("asked %v, error %v", tt.cloud.asked, err)
			}
			found := slices.ContainsFunc(got.Validation.Findings, func(f events.Finding) bool { return f.Rule == tt.rule && strings.Contains(f.Message, tt.message) })
			if tt.rule != "" && (!found || got.Validation.Valid) {
				t.Errorf("validation = %+v", got.Validation)
			}
		})
	}
}

// TestThresholds: each stage says which findings it accepts.
func TestThresholds(t *testing.T) {
	warned := strings.Replace(goodTemplate, "Seconds: {Type: Number}", "Seconds: {Type: Number}\n  Unused: {Type: String, Default: x}", 1)
	failing := strings.Replace(goodTemplate, "VisibilityTimeout", "Visibility", 1)
	tests := []struct {
		name       string
		template   string
		test, prod string // failOn
		valid      bool
		refused    []string
		fact       string
	}{
		{"clean", goodTemplate, "warning", "warning", true, nil, "TemplatesValidated.v1"},
		{"a warning is accepted", warned, "error", "error", true, nil, "TemplatesValidated.v1"},
		{"prod accepts no warning", warned, "error", "warning", true, []string{"prod"}, "TemplatesValidated.v1"},
		{"no stage accepts a warning", warned, "warning", "warning", false, []string{"test", "prod"}, "TemplatesRejected.v1"},
		{"an error is not accepted", failing, "error", "error", false, []string{"test", "prod"}, "TemplatesRejected.v1"},
		{"test accepts everything", failing, "none", "error", true, []string{"prod"}, "TemplatesValidated.v1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stages := strings.Replace(strings.Replace(goodPipeline, "approval: never", "approval: never, failOn: "+tt.test, 1), "approval: always", "approval: always, failOn: "+tt.prod, 1)
			r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": stages, "templates/queue.yaml": tt.template}))
			got, err := r.service().Validate(t.Context(), release("main"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Validation.Valid != tt.valid || !slices.Equal(got.Validation.Refused, tt.refused) {
				t.Errorf("validation = %+v", got.Validation)
			}
			if fact := r.published[0].Data.DetailType(); fact != tt.fact {
				t.Errorf("published %s", fact)
			}
			var report validation.Result
			if err := json.Unmarshal(r.kept[got.Validation.Report], &report); err != nil || report.Errors != got.Validation.Errors || report.Warnings != got.Validation.Warnings {
				t.Errorf("report %q: %+v, %v", got.Validation.Report, report, err)
			}
		})
	}
}

// TestMandatoryChecks: what the registration makes mandatory holds whatever the
// repository says.
func TestMandatoryChecks(t *testing.T) {
	open := "Metadata: {cfn-lint: {config: {ignore_checks: [E]}}}\nResources:\n  Topic:\n    Type: AWS::SNS::TopicPolicy\n    Properties:\n      Topics: [arn:aws:sns:us-east-1:111111111111:t]\n" +
		"      PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: '*', Action: 'sns:*', Resource: '*'}]}\n"
	pipeline := strings.Replace(strings.Replace(goodPipeline, `, parameters: {Seconds: "30"}`, "", 1), "approval: never", "approval: never, failOn: none", 1)
	for _, tt := range []struct {
		name      string
		mandatory []string
		valid     bool
	}{{"the template switches its errors off", nil, true}, {"the pack is mandatory", []string{"EK1"}, false}} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": pipeline, "templates/queue.yaml": open}))
			r.mandatory = tt.mandatory
			got, err := r.service().Validate(t.Context(), release("main"))
			if err != nil || got.Validation.Valid != tt.valid {
				t.Errorf("validation = %+v, %v", got.Validation, err)
			}
		})
	}
}

// TestTheReleaseStaysSmall: Step Functions and EventBridge take 256 KB.
func TestTheReleaseStaysSmall(t *testing.T) {
	var many strings.Builder
	many.WriteString("Resources:\n")
	for i := range 200 {
		fmt.Fprintf(&many, "  R%d: {Type: \"%s\"}\n", i, strings.Repeat("\\u0001", 400))
	}
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": strings.Replace(goodPipeline, `, parameters: {Seconds: "30"}`, "", 1), "templates/queue.yaml": many.String()}))
	got, err := r.service().Validate(t.Context(), release("main"))
	if err != nil || got.Validation.Valid {
		t.Fatalf("%+v, %v", got.Validation, err)
	}
	text, err := json.Marshal(got)
	if err != nil || len(text) > 100_000 || len(got.Validation.Findings) == 0 {
		t.Errorf("the release has %d bytes and %d findings, %v", len(text), len(got.Validation.Findings), err)
	}
}

// TestAskedAccountsRunNamedOutputsOnly: a check is made although nothing changes,
// so nobody is asked about the function that it calls.
func TestAskedAccountsRunNamedOutputsOnly(t *testing.T) {
	for check, valid := range map[string]bool{
		"lambda: {function: orders-purge, payload: {all: true}}": false,
		"lambda: {function: \"x${output.queue.Url}\"}":           false,
		"build: {project: migrate}":                              false,
		"lambda: {function: {output: queue.Url}}":                true,
		"http: {url: https://shop.example/health}":               true,
	} {
		text := strings.Replace(goodPipeline, "approval: always", "approval: always, verify: [{"+check+"}]", 1)
		r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": text, "templates/queue.yaml": goodTemplate}))
		r.accounts = map[string]string{"222222222222": "never", "333333333333": "always"}
		got, err := r.service().Validate(t.Context(), release("main"))
		refused := slices.ContainsFunc(got.Validation.Findings, func(f events.Finding) bool { return f.Rule == validation.RuleBoundary })
		if err != nil || refused == valid {
			t.Errorf("%s: %v, %+v", check, err, got.Validation.Findings)
		}
	}
}

// TestRollingRepository: the repository that the end-to-end test rolls out is as
// it must be.
func TestRollingRepository(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"evenkeel.yaml", "templates/web.yaml", "templates/alias.yaml"} {
		data, err := os.ReadFile("../../testdata/repositories/rolling/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	r := newRemote(treeOf(t, files))
	got, err := r.service().Validate(t.Context(), release("main"))
	if err != nil || !got.Validation.Valid || len(got.Stages) != 1 {
		t.Fatalf("%+v, %v", got.Validation, err)
	}
	for _, stack := range got.Stages[0].Stacks {
		if stack.Rollout == nil {
			t.Errorf("%s has no rollout", stack.Name)
		}
	}
}
