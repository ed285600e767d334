package events_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
)

const samples = "../testdata/events"

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEveryFactIsCatalogued(t *testing.T) {
	readme := string(read(t, "README.md"))
	names := []string{}
	for _, fact := range events.Facts() {
		name := fact.DetailType()
		names = append(names, name)
		if !strings.HasSuffix(name, ".v1") || !strings.HasPrefix(fact.Source(), "evenkeel.") {
			t.Errorf("%s of %s: want a version and our source", name, fact.Source())
		}
		if !strings.Contains(readme, "| `"+name+"` | `"+fact.Source()+"` |") {
			t.Errorf("README.md has no row for %s", name)
		}
		if !json.Valid(read(t, "schemas/"+name+".json")) {
			t.Errorf("the schema of %s is not JSON", name)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("Facts() is not sorted or has a detail-type twice: %v", names)
	}
}

// Every type of the package that is a fact is in Facts(); the sample of a fact
// that nobody lists would be left over.
func TestNoSampleWithoutAFact(t *testing.T) {
	paths, err := filepath.Glob(samples + "/*.v*.json")
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := filepath.Glob("schemas/*.json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, fact := range events.Facts() {
		want[fact.DetailType()+".json"] = true
	}
	for _, list := range [][]string{paths, schemas} {
		if len(list) != len(want) {
			t.Errorf("%d files, want %d", len(list), len(want))
		}
		for _, path := range list {
			if !want[filepath.Base(path)] {
				t.Errorf("%s belongs to no fact", path)
			}
		}
	}
}

// A sample decodes strictly into its type, and what the type writes is the
// sample again: no field of either is lost.
func TestSamplesAreTheirTypes(t *testing.T) {
	for _, fact := range events.Facts() {
		t.Run(fact.DetailType(), func(t *testing.T) {
			var envelope events.Envelope[json.RawMessage]
			strict(t, read(t, filepath.Join(samples, fact.DetailType()+".json")), &envelope)
			if envelope.DetailType != fact.DetailType() || envelope.Source != fact.Source() {
				t.Errorf("the sample is %s of %s", envelope.DetailType, envelope.Source)
			}
			var detail events.Detail[json.RawMessage]
			strict(t, envelope.Detail, &detail)
			if m := detail.Metadata; m.ID == "" || m.CorrelationID == "" || m.CausationID == "" || m.Time.IsZero() {
				t.Errorf("metadata = %+v", m)
			}
			data := reflect.New(reflect.TypeOf(fact))
			strict(t, detail.Data, data.Interface())
			again, err := json.Marshal(data.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if !equalJSON(t, again, detail.Data) {
				t.Errorf("the type writes\n%s\nthe sample has\n%s", again, detail.Data)
			}
		})
	}
}

func strict(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

func equalJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func TestUnknownFieldsAreAllowed(t *testing.T) {
	var e events.Envelope[events.Detail[events.RunStarted]]
	err := json.Unmarshal([]byte(`{"detail-type":"RunStarted.v1","new":1,"detail":{"metadata":{"id":"1","new":1},"data":{"runId":"r","new":{}}}}`), &e)
	if err != nil || e.Detail.Data.RunID != "r" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestRunID(t *testing.T) {
	push := events.GitPushed{Repository: "acme/shop", Branch: "main", Commit: "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a", DeliveryID: "d-1"}
	id := push.RunID()
	if !strings.HasPrefix(id, "1f0c9a7b-") || len(id) != 15 || push.RunID() != id {
		t.Errorf("RunID = %q", id)
	}
	for name, change := range map[string]func(*events.GitPushed){
		"repository": func(p *events.GitPushed) { p.Repository = "acme/other" },
		"branch":     func(p *events.GitPushed) { p.Branch = "next" },
		"delivery":   func(p *events.GitPushed) { p.DeliveryID = "d-2" },
	} {
		other := push
		change(&other)
		if other.RunID() == id {
			t.Errorf("another %s gives the same run", name)
		}
	}
	if got := (events.GitPushed{Commit: "abc"}).RunID(); !strings.HasPrefix(got, "abc-") {
		t.Errorf("a short commit gives %q", got)
	}
}
