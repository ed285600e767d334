package drift_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// model is one file of testdata/drift/models: what a template says, what the
// service returns for it when nothing has drifted, and changes that are drift.
type model struct {
	Name       string         `json:"-"`
	Type       string         `json:"type"`
	Source     string         `json:"source"` // the calls whose documented output the live model follows
	Template   map[string]any `json:"template"`
	Live       map[string]any `json:"live"`
	Undeclared []string       `json:"undeclared"` // paths; nil if they are not checked
	Unresolved []string       `json:"unresolved"` // paths of what cannot be compared
	Drifted    []struct {
		Set  map[string]any `json:"set"` // pointer into live → value; null removes
		Want []string       `json:"want"`
	} `json:"drifted"`
}

func models(t testing.TB) []model {
	t.Helper()
	files, err := filepath.Glob("../../testdata/drift/models/*.json")
	if err != nil || len(files) < 75 {
		t.Fatalf("%d models, %v", len(files), err)
	}
	var all []model
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := model{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, m)
	}
	return all
}

func TestModels(t *testing.T) {
	found := 0
	for _, m := range models(t) {
		t.Run(m.Name, func(t *testing.T) {
			typ, ok := schema.Load(m.Type)
			if !ok || m.Source == "" || len(m.Drifted) == 0 {
				t.Fatalf("%s has no schema, the model no source, or no drift", m.Type)
			}
			known(t, typ, m.Template)
			known(t, typ, m.Live)
			got := drift.Examine(kind(m.Type), m.Template, m.Live)
			if len(got.Differences) > 0 || !slices.Equal(m.Unresolved, places(got.Unresolved)) {
				t.Errorf("false drift: %+v", got)
			}
			if paths := paths(drift.Undeclared(kind(m.Type), m.Template, m.Live)); m.Undeclared != nil && !slices.Equal(paths, m.Undeclared) {
				t.Errorf("undeclared\n%v, want\n%v", paths, m.Undeclared)
			}
			for _, d := range m.Drifted {
				live, _ := clone(m.Live).(map[string]any)
				for at, v := range d.Set {
					set(t, live, strings.Split(at, "/")[1:], v)
				}
				if got := paths(drift.Compare(kind(m.Type), m.Template, live)); !slices.Equal(got, d.Want) {
					t.Errorf("%v is found at %v, want %v", d.Set, got, d.Want)
				}
				found++
			}
		})
	}
	if found < 130 {
		t.Errorf("%d kinds of drift, want 130", found)
	}
}

// Resources are compared side by side, and transforms with them.
func TestCompareSideBySide(t *testing.T) {
	var group sync.WaitGroup
	all := models(t)
	for range 8 {
		group.Go(func() {
			for _, m := range all {
				if got := drift.Examine(kind(m.Type), m.Template, m.Live); len(got.Differences) > 0 || len(got.Unresolved) != len(m.Unresolved) {
					t.Errorf("%s: %+v", m.Name, got)
				}
			}
		})
	}
	group.Wait()
}

// known checks the spelling of properties.
func known(t *testing.T, typ *schema.Type, properties map[string]any) {
	t.Helper()
	for name := range properties {
		if _, ok := typ.Root.Properties[name]; !ok {
			t.Errorf("%s has no property %s", typ.Name, name)
		}
	}
}

func paths(differences []events.PropertyDifference) []string {
	out := []string{}
	for _, d := range differences {
		out = append(out, d.Path)
	}
	return out
}

func places(unresolved []drift.Unresolved) (out []string) {
	for _, u := range unresolved {
		out = append(out, u.Path)
	}
	return out
}

func set(t *testing.T, at any, path []string, v any) {
	t.Helper()
	switch at := at.(type) {
	case map[string]any:
		switch {
		case len(path) > 1:
			if i, err := strconv.Atoi(path[1]); err == nil && len(path) == 2 {
				list, _ := at[path[0]].([]any)
				if i == len(list) {
					at[path[0]] = append(list, v)
					return
				}
			}
			set(t, at[path[0]], path[1:], v)
		case v == nil:
			delete(at, path[0])
		default:
			at[path[0]] = v
		}
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(at) {
			t.Fatalf("no item %s", path[0])
		}
		if len(path) > 1 {
			set(t, at[i], path[1:], v)
			return
		}
		at[i] = v
	default:
		t.Fatalf("nothing at %v", path)
	}
}

// BenchmarkCompare compares the models that have not drifted: one operation is
// all of them.
func BenchmarkCompare(b *testing.B) {
	all := models(b)
	for _, m := range all {
		drift.Compare(kind(m.Type), m.Template, m.Live)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, m := range all {
			drift.Compare(kind(m.Type), m.Template, m.Live)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/resource")
}
