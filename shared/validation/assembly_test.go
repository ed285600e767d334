package validation_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/validation"
)

const builtPipeline = `version: 1
build: {commands: [npx cdk synth]}
stacks:
  shop: {artifact: "Shop-${stage}", parameters: {Size: "1"}}
  plain: {template: templates/queue.yaml, parameters: {Seconds: "30"}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: always}
`

// cdkOut is what the build leaves behind; names are relative to cdk.out.
func cdkOut() map[string]string {
	files := map[string]string{}
	var artifacts []string
	for _, stage := range []string{"test", "prod"} {
		artifacts = append(artifacts, strings.ReplaceAll(`"Shop-STAGE.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Shop-STAGE.assets.json"}},
			"Shop-STAGE": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "dependencies": ["Shop-STAGE.assets"],
				"properties": {"templateFile": "Shop-STAGE.template.json"}, "metadata": {"/App/Shop/Queue/Resource": [{"type": "aws:cdk:logicalId", "data": "Queue"}]}}`, "STAGE", stage))
		files["Shop-"+stage+".assets.json"] = `{"files": {"f": {"source": {"path": "asset.f", "packaging": "zip"},
			"destinations": {"d": {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "f.zip"}}}}}`
		files["Shop-"+stage+".template.json"] = `{"Parameters": {"Size": {"Type": "Number"}},
			"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Size"}}}}}`
	}
	files["manifest.json"] = `{"version": "48.0.0", "artifacts": {` + strings.Join(artifacts, ",") + `}}`
	files["asset.f/index.js"] = "exports.handler = 1"
	return files
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func act(t *testing.T, s *validation.Service, action string, r deployment.Release) (deployment.Release, error) {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"action": action, "release": r})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handle(t.Context(), payload)
}

func TestFetchSaysWhatIsBuilt(t *testing.T) {
	checkedIn := strings.Replace(builtPipeline, "build: {commands: [npx cdk synth]}\n", "", 1)
	tests := []struct {
		name, pipeline, branch string
		want                   deployment.Build
	}{
		{"an app", builtPipeline, "main", deployment.Build{Status: deployment.BuildWanted, Key: "builds/acme/shop/1f0c9a7b-1bee13.zip", Mount: "cdk.out", Folder: "cdk.out"}},
		{"a branch of no stage", builtPipeline, "feature", deployment.Build{}},
		{"templates", goodPipeline, "main", deployment.Build{}},
		{"malformed", "version: 7\n" + builtPipeline, "main", deployment.Build{}},
		{"checked in", checkedIn, "main", deployment.Build{Key: "sources/acme/shop/" + commit + ".zip", Folder: "cdk.out"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": tt.pipeline, "templates/queue.yaml": goodTemplate, "cdk.out/manifest.json": "{}"}))
			got, err := act(t, r.service(), "fetch", release(tt.branch))
			if err != nil {
				t.Fatal(err)
			}
			if spec := got.Build.Spec; (spec != nil) != (tt.want.Status == deployment.BuildWanted) || spec != nil && spec.Commands[0] != "npx cdk synth" {
				t.Errorf("spec %+v", spec)
			}
			if got.Build.Spec = nil; got.Build != tt.want || got.SourceKey == "" || r.kept[got.SourceKey] == nil {
				t.Errorf("build %+v, source %s", got.Build, got.SourceKey)
			}
		})
	}
}

// built is a release after its build, and the world in which it was built.
func built(t *testing.T, out map[string]string) (*remote, deployment.Release) {
	t.Helper()
	// What the repository has in cdk.out itself is not what is deployed.
	r := newRemote(treeOf(t, map[string]string{"evenkeel.yaml": builtPipeline, "templates/queue.yaml": goodTemplate, "cdk.out/manifest.json": "stale"}))
	got, err := act(t, r.service(), "fetch", release("main"))
	if err != nil {
		t.Fatal(err)
	}
	archive := zipped(t, out)
	r.kept[got.Build.Key] = archive
	got.Build.Status, got.Build.Spec, got.Build.Digest = deployment.BuildSucceeded, nil, deployment.Sum(archive)
	return r, got
}

func TestValidateABuiltAssembly(t *testing.T) {
	r, in := built(t, cdkOut())
	got, err := act(t, r.service(), "validate", in)
	if err != nil || !got.Validation.Valid || got.Validation.Files != 3 {
		t.Fatalf("%+v, %v", got.Validation, err)
	}
	var stacks []string
	for _, stage := range got.Stages {
		for _, s := range stage.Stacks {
			stacks = append(stacks, stage.Name+" "+s.Name+" "+s.StackName+" "+s.Template)
		}
	}
	want := []string{
		"test shop Shop-test cdk.out/Shop-test.template.json", "test plain plain-test templates/queue.yaml",
		"prod shop Shop-prod cdk.out/Shop-prod.template.json", "prod plain plain-prod templates/queue.yaml",
	}
	if !slices.Equal(stacks, want) {
		t.Errorf("stacks\n%s", strings.Join(stacks, "\n"))
	}
}

func TestFaultsOfABuiltAssembly(t *testing.T) {
	tests := []struct{ name, file, old, new, want string }{
		{"nothing was built", "manifest.json", "", "", "evenkeel.yaml:2:1: P0005 the cloud assembly cannot be read: cdk.out/manifest.json"},
		{"another name", "manifest.json", "Shop-prod\"", "Store-prod\"", `evenkeel.yaml:4:3: P0005 stack shop, stage prod: the cloud assembly has no stack "Shop-prod"; it has Shop-test, Store-prod`},
		{"an image", "Shop-test.assets.json", `{"files"`, `{"dockerImages": {"img": {}}, "files"`, "P0005 stack shop, stage test: the stack Shop-test needs the container image img"},
		{"a finding", "Shop-test.template.json", "VisibilityTimeout", "VisibilityTimout", "cdk.out/Shop-test.template.json:2:70: E3002"},
		{"its construct", "Shop-test.template.json", "VisibilityTimeout", "VisibilityTimout", "(construct App/Shop/Queue/Resource)"},
		{"a parameter", "Shop-prod.template.json", `"Parameters": {`, `"Parameters": {"More": {"Type": "String"}, `, "P0003 stack shop in stage prod: the template's parameter More has no default and is not set"},
		{"no template", "Shop-prod.template.json", "", "", "cdk.out/Shop-prod.template.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := cdkOut()
			if before := out[tt.file]; tt.old == "" {
				delete(out, tt.file)
			} else if out[tt.file] = strings.Replace(before, tt.old, tt.new, 1); out[tt.file] == before {
				t.Fatal("the case changes nothing")
			}
			r, in := built(t, out)
			got, err := act(t, r.service(), "validate", in)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, f := range got.Validation.Findings {
				lines = append(lines, f.File+":"+itoa(f.Line)+":"+itoa(f.Column)+": "+f.Rule+" "+f.Message)
			}
			if got.Validation.Valid || !strings.Contains(strings.Join(lines, "\n"), tt.want) {
				t.Errorf("valid %v, findings\n%s\nwant …%s…", got.Validation.Valid, strings.Join(lines, "\n"), tt.want)
			}
		})
	}
}

func itoa(n int) string { text, _ := json.Marshal(n); return string(text) }

// TestOnlyWhatWasBuiltIsValidated: another build of the same project may have
// written under the key since.
func TestOnlyWhatWasBuiltIsValidated(t *testing.T) {
	r, in := built(t, cdkOut())
	r.kept[in.Build.Key] = zipped(t, map[string]string{"manifest.json": "{}"})
	if _, err := act(t, r.service(), "validate", in); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "is not the one that was built") {
		t.Errorf("replaced: %v", err)
	}
	delete(r.kept, in.Build.Key)
	if _, err := act(t, r.service(), "validate", in); !fault.Is(err, fault.PermanentError) {
		t.Errorf("missing: %v", err)
	}
}

// TestACheckedInAssembly: it is validated without a build, by the function and
// by the command line.
func TestACheckedInAssembly(t *testing.T) {
	files := map[string]string{"evenkeel.yaml": strings.Replace(builtPipeline, "build: {commands: [npx cdk synth]}\n", "", 1), "templates/queue.yaml": goodTemplate}
	for name, text := range cdkOut() {
		files["cdk.out/"+name] = text
	}
	checked := validation.Source(treeOf(t, files), validation.Offline{}, validation.Options{})
	if !checked.Valid() || checked.Files != 3 || checked.Stages("main")[1].Stacks[0].StackName != "Shop-prod" {
		t.Errorf("%+v", checked.Findings)
	}
	files["cdk.out/manifest.json"] = "{"
	if checked := validation.Source(treeOf(t, files), validation.Offline{}, validation.Options{}); checked.Valid() {
		t.Error("a broken manifest is valid")
	}
}

// TestBeforeItIsBuilt: on the command line there may be no assembly yet; what
// there is is checked.
func TestBeforeItIsBuilt(t *testing.T) {
	tree, err := source.NewTree([]source.File{{Path: "evenkeel.yaml", Data: []byte(builtPipeline)}, {Path: "templates/queue.yaml", Data: []byte(goodTemplate)}})
	if err != nil {
		t.Fatal(err)
	}
	if checked := validation.Source(tree, validation.Offline{}, validation.Options{}); !checked.Valid() || checked.Files != 1 {
		t.Errorf("%+v", checked.Findings)
	}
}
