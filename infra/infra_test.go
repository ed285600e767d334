package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"github.com/evenkeel/evenkeel/infra/stack"
)

var update = flag.Bool("update", false, "write the golden synthesis")

var functions = []string{"build", "deployment", "drift", "healing", "ledger", "review", "rollout", "trail", "validation", "webhook"}

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// template is a synthesised template as plain JSON values.
type template struct {
	text       []byte
	Resources  map[string]resource
	Outputs    map[string]any
	Parameters map[string]map[string]any
	Conditions map[string]any
}

type resource struct {
	Type           string
	Properties     map[string]any
	Condition      string
	DeletionPolicy string
}

// named returns the resources of a type, sorted by logical id.
func (t template) named(kind string) []string {
	var ids []string
	for id, r := range t.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// synthesise runs the app once with cdk.json's context and once without the
// operations stack, over assets whose content does not matter: the golden
// files mask their hashes.
var synthesise = sync.OnceValues(func() (map[string]map[string]template, error) {
	out := map[string]map[string]template{}
	for name, context := range map[string]map[string]any{"full": nil, "core": {"operations": "false"}} {
		templates, err := synthesiseWith(context)
		if err != nil {
			return nil, err
		}
		out[name] = templates
	}
	return out, nil
})

func synthesiseWith(context map[string]any) (map[string]template, error) {
	work, err := os.MkdirTemp("", "evenkeel-synth")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	for _, name := range functions {
		if err := os.MkdirAll(filepath.Join(work, "lambda", name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(work, "lambda", name, "bootstrap"), []byte(name), 0o755); err != nil {
			return nil, err
		}
	}
	app, err := newApp("..", filepath.Join(work, "out"))
	if err != nil {
		return nil, err
	}
	for key, value := range context {
		app.Node().SetContext(&key, value)
	}
	if err := addStacks(app, stack.Sources{Assets: filepath.Join(work, "lambda"), Functions: "../functions"}); err != nil {
		return nil, err
	}
	app.Synth(nil)
	return readTemplates(filepath.Join(work, "out"))
}

func readTemplates(dir string) (map[string]template, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no templates in %s", dir)
	}
	templates := map[string]template{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var t template
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, err
		}
		t.text = mask(data, t)
		templates[strings.TrimSuffix(filepath.Base(file), ".template.json")] = t
	}
	return templates, nil
}

// mask gives each function's asset a key that does not change with its
// content: <function>.zip.
func mask(data []byte, t template) []byte {
	for _, id := range t.named("AWS::Lambda::Function") {
		properties := t.Resources[id].Properties
		key := properties["Code"].(map[string]any)["S3Key"].(string)
		name := strings.TrimPrefix(properties["FunctionName"].(string), "evenkeel-")
		data = bytes.ReplaceAll(data, []byte(key), []byte(name+".zip"))
	}
	return append(bytes.TrimSpace(data), '\n')
}

func templates(t *testing.T) map[string]template {
	t.Helper()
	all, err := synthesise()
	if err != nil {
		t.Fatal(err)
	}
	return all["full"]
}

// TestGolden holds the synthesis against the committed one, which the local
// cloud deploys. Run it with -update after a change.
func TestGolden(t *testing.T) {
	got := templates(t)
	names := slices.Sorted(maps.Keys(got))
	if want := []string{"evenkeel", "evenkeel-operations", "evenkeel-spoke"}; !slices.Equal(names, want) {
		t.Fatalf("stacks %v, want %v", names, want)
	}
	for _, name := range names {
		file := filepath.Join("golden", name+".template.json")
		if *update {
			if err := os.MkdirAll("golden", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got[name].text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v; run go test ./infra -run Golden -update", err)
		}
		if !bytes.Equal(got[name].text, want) {
			t.Errorf("%s is not current; run go test ./infra -run Golden -update\n%s", file, firstDifference(want, got[name].text))
		}
	}
}

func firstDifference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, were %d", len(g), len(w))
}

// TestTheSwitchChangesNothingElse: operations=false leaves out one stack and
// does not touch the others.
func TestTheSwitchChangesNothingElse(t *testing.T) {
	full := templates(t)
	all, _ := synthesise()
	core := all["core"]
	if _, ok := core["evenkeel-operations"]; ok || len(core) != len(full)-1 {
		t.Fatalf("operations=false gives %v", slices.Sorted(maps.Keys(core)))
	}
	for name, without := range core {
		if !bytes.Equal(without.text, full[name].text) {
			t.Errorf("%s differs:\n%s", name, firstDifference(full[name].text, without.text))
		}
	}
}

// TestSettingsFaultsStopTheSynthesis: a wrong setting never becomes a template.
func TestSettingsFaultsStopTheSynthesis(t *testing.T) {
	_, err := synthesiseWith(map[string]any{"logRetentionDays": "31", "workloadAccounts": "12"})
	if err == nil || !strings.Contains(err.Error(), "31 is not one of") || !strings.Contains(err.Error(), `"12"`) {
		t.Errorf("error = %v, want both faults", err)
	}
}
