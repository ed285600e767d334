package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// folder writes files into a new folder and works there.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	okPipeline = `version: 1
stacks:
  queue: {template: queue.tmpl}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`
	okTemplate  = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n"
	badTemplate = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Visibility: 30\n"
)

func TestValidateARepository(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"evenkeel.yaml": okPipeline, "queue.tmpl": okTemplate, "image.bin": "x", ".git/config.yaml": badTemplate, "node_modules/a/b.yaml": badTemplate})
	c.run("validate").want(0, "1 template checked: 0 errors")
	folder(t, map[string]string{"shop/evenkeel.yaml": okPipeline, "shop/queue.tmpl": badTemplate, "shop/templates/other.yml": badTemplate})
	for _, path := range []string{"shop", "shop/", "./shop/evenkeel.yaml"} {
		c.run("validate", path).want(1, "shop/queue.tmpl:5:7: error E3002", "shop/templates/other.yml:5:7: error E3002")
	}
	c.run("validate", "--json", "shop").want(1)
	if r := decoded[validation.Result](c); r.Errors != 2 || r.Files != 2 || r.Findings[0].File != "shop/queue.tmpl" {
		t.Errorf("%+v", r)
	}
}

func TestValidateFilesAndFolders(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"a/good.yaml": okTemplate, "a/notes.yaml": "a: 1\n", "b/bad.json": `{"Resources": {"Q": {"Type": "AWS::SQS::Kueue"}}}`, "notes.yaml": "a: 1\n"})
	c.run("validate", "a").want(0, "1 template checked")
	c.run("validate", "a", "b/bad.json").want(1, "b/bad.json:1:", "2 templates checked")
	c.run("validate", "notes.yaml").want(1, "notes.yaml") // named, so it is meant as one
	c.run("validate", "missing").want(2, "missing")
	c.run("validate", "a", "--format", "xml").want(2, "json, sarif, text")
}

func TestStrictFailsOnWarnings(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"t.yaml": strings.Replace(okTemplate, "    UpdateReplacePolicy: Retain\n", "", 1)})
	c.run("validate", "t.yaml").want(0, "0 errors, 1 warning")
	c.run("validate", "t.yaml", "--strict").want(1)
}

func TestSARIF(t *testing.T) {
	c := newCLI(t)
	folder(t, map[string]string{"evenkeel.yaml": strings.Replace(okPipeline, "queue.tmpl}", "queue.tmpl, parameters: {X: 1}}", 1), "queue.tmpl": badTemplate})
	c.run("validate", "--format", "sarif").want(1)
	c.golden("validate-sarif")
	folder(t, map[string]string{"t.yaml": okTemplate})
	c.run("validate", "t.yaml", "--format", "sarif").want(0)
	if !json.Valid(c.out.Bytes()) || !strings.Contains(c.out.String(), `"results": []`) {
		t.Errorf("a clean run is %s", c.out.String())
	}
}
