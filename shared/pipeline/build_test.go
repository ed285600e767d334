package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

const built = `version: 1
build:
  commands: [npm ci, npx cdk synth, npm ci]
  timeout: 20m
  environment:
    NODE_ENV: production
    API: {parameterStore: /evenkeel-build/shop/api}
    NPM: {secret: evenkeel-build/npm#token}
stacks:
  shop: {artifact: "Shop-${stage}"}
  plain: {template: t.yaml}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: never, artifacts: {shop: Prod/Shop}}
`

func TestBuild(t *testing.T) {
	p, err := pipeline.Decode("evenkeel.yaml", []byte(built), all)
	if err != nil {
		t.Fatal(err)
	}
	b := p.Build
	if !slices.Equal(b.Commands, []string{"npm ci", "npx cdk synth", "npm ci"}) || b.Output != "cdk.out" || b.Compute != "small" ||
		b.Timeout != 20*time.Minute || !strings.HasPrefix(b.Image, "aws/codebuild/") {
		t.Errorf("build %+v", b)
	}
	want := []pipeline.Variable{
		{Name: "API", ParameterStore: "/evenkeel-build/shop/api"}, {Name: "NODE_ENV", Value: "production"}, {Name: "NPM", Secret: "evenkeel-build/npm#token"},
	}
	if !slices.Equal(b.Environment, want) {
		t.Errorf("environment %+v", b.Environment)
	}
	stages := p.For("main")
	for i, want := range []string{"Shop-test", "Prod/Shop"} {
		if got := stages[i].Stacks[0].Artifact; got != want {
			t.Errorf("artifact of %s: %q, want %q", stages[i].Name, got, want)
		}
		if got := stages[i].Stacks[1].Artifact; got != "" {
			t.Errorf("a stack with a template has the artifact %q", got)
		}
	}
}

func TestACheckedInAssemblyNeedsNoBuild(t *testing.T) {
	text := strings.Split(built, "build:")[0] + "stacks:" + strings.Split(built, "stacks:")[1]
	if _, err := pipeline.Decode("evenkeel.yaml", []byte(text), tree("t.yaml", "cdk.out/manifest.json")); err != nil {
		t.Error(err)
	}
	if _, err := pipeline.Decode("evenkeel.yaml", []byte(text), all); err == nil || !strings.Contains(err.Error(), "neither build nor the file cdk.out/manifest.json") {
		t.Error(err)
	}
}

func TestBuildFaults(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"neither", `{artifact: "Shop-${stage}"}`, "{tags: {}}", `10:9: stack shop lacks the key "template", or "artifact"`},
		{"both", `{artifact: "Shop-${stage}"}`, "{artifact: Shop, template: t.yaml}", `stack shop has both a template and an artifact`},
		{"unused build", `{artifact: "Shop-${stage}"}`, "{template: t.yaml}", `2:1: build makes a cloud assembly, but no stack has an artifact of it`},
		{"another placeholder", "${stage}", "${account}", `artifact "Shop-${account}" is not the id of a stack`},
		{"artifact of no stack", "{shop: Prod/Shop}", "{shopp: Prod/Shop}", `the stage sets the artifact of "shopp", which is no stack`},
		{"artifact of a template", "{shop: Prod/Shop}", "{plain: Prod/Shop}", `the stage sets the artifact of plain, which has a template`},
		{"no commands", "[npm ci, npx cdk synth, npm ci]", "[]", `3:3: commands names no command`},
		{"one command", "[npm ci, npx cdk synth, npm ci]", "npm ci", `commands must be a list`},
		{"empty command", "npx cdk synth", `" "`, `a command is empty`},
		{"long commands", "npx cdk synth", strings.Repeat("x", 20_000), `the commands are too many or too long`},
		{"output outside", "  timeout", "  output: ../x\n  timeout", `output "../x" is not a path inside the repository`},
		{"output is all", "  timeout", "  output: .\n  timeout", `output must be a folder of its own`},
		{"foreign image", "  timeout", "  image: docker.io/library/node:22\n  timeout", `is not an image of CodeBuild`},
		{"foreign image with our name", "  timeout", "  image: evil.example/aws/codebuild/standard:7.0\n  timeout", `is not an image of CodeBuild`},
		{"compute", "  timeout", "  compute: huge\n  timeout", `compute "huge" is not one of small, medium, large`},
		{"short", "20m", "2m", `timeout "2m" is not between 5m and 60m`},
		{"long", "20m", "90m", `timeout "90m" is not between 5m and 60m`},
		{"seconds", "20m", "900", `timeout "900" is not minutes`},
		{"secret of the suite", "/evenkeel-build/shop/api", "/evenkeel/secrets/acme/shop/webhook", `is not a parameter that a build may read`},
		{"another's secret", "evenkeel-build/npm#token", "prod/database", `is not a secret that a build may read`},
		{"secret by ARN", "evenkeel-build/npm#token", "arn:aws:secretsmanager:us-east-1:1:secret:x", `is not a secret that a build may read`},
		{"two forms", "{secret: evenkeel-build/npm#token}", "{secret: evenkeel-build/npm, parameterStore: /evenkeel-build/x}", `variable NPM must have exactly one of the keys parameterStore, secret`},
		{"reserved", "NODE_ENV", "EVENKEEL_RUN", `the variable EVENKEEL_RUN is reserved`},
		{"credentials", "NODE_ENV", "AWS_ACCESS_KEY_ID", `the variable AWS_ACCESS_KEY_ID is reserved`},
		{"variable name", "NODE_ENV", "NODE-ENV", `the variable "NODE-ENV" is not letters`},
		{"unknown key", "  timeout", "  privileged: true\n  timeout", `unknown key "privileged" in build`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(built, tt.old, tt.new, 1)
			if text == built {
				t.Fatal("the case changes nothing")
			}
			if _, err := pipeline.Decode("evenkeel.yaml", []byte(text), all); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant …%s…", err, tt.want)
			}
		})
	}
}
