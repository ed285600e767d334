package drift

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/events"
)

func TestClip(t *testing.T) {
	tests := []struct {
		name               string
		resources, differ  int
		value              string
		wantValue, wantAll bool
	}{
		{"small stays whole", 3, 2, "value", true, true},
		{"long values are cut", 2, 2, strings.Repeat("é", 40_000), true, false},
		{"many values go", 500, 10, strings.Repeat("v", 300), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var in []events.DriftedResource
			for i := range tt.resources {
				r := events.DriftedResource{LogicalID: fmt.Sprintf("Resource%03d", i), Status: StatusModified}
				for range tt.differ {
					r.Differences = append(r.Differences, events.PropertyDifference{Path: "/A", Type: DifferenceNotEqual, Expected: tt.value, Actual: tt.value})
				}
				in = append(in, r)
			}
			out := clip(in)
			text, err := json.Marshal(out)
			if err != nil || len(text) > budget {
				t.Fatalf("%d bytes (%v), more than %d", len(text), err, budget)
			}
			if len(out) != tt.resources || out[0].LogicalID != "Resource000" {
				t.Errorf("%d resources, want all %d", len(out), tt.resources)
			}
			if tt.wantValue && (len(out[0].Differences) == 0 || !utf8.ValidString(out[0].Differences[0].Actual)) {
				t.Errorf("values are gone or broken: %.80v", out[0].Differences)
			}
			if whole := len(out[0].Differences) > 0 && out[0].Differences[0].Actual == tt.value; whole != tt.wantAll {
				t.Errorf("whole value %v, want %v", whole, tt.wantAll)
			}
			if in[0].Differences[0].Actual != tt.value {
				t.Error("clip changed its input")
			}
		})
	}
}

// TestClipHidesSecrets: what is published of drift has no secret in it, neither
// one that the template has nor one that somebody set by hand.
// TestClipKeepsWhoWhileItFits: who made the drift goes after the values, and
// before the resources.
func TestClipKeepsWhoWhileItFits(t *testing.T) {
	who := &events.Attribution{Class: "person", Principal: "arn:aws:iam::222222222222:user/dana", UserAgent: strings.Repeat("a", 256)}
	of := func(n, value int) []events.DriftedResource {
		var resources []events.DriftedResource
		for range n {
			resources = append(resources, events.DriftedResource{LogicalID: "R", Attribution: who,
				Differences: []events.PropertyDifference{{Path: "/A", Actual: strings.Repeat("x", value)}}})
		}
		return resources
	}
	if out := clip(of(50, 5000)); out[49].Attribution == nil || size(out) > budget {
		t.Errorf("%d bytes, attribution %v", size(out), out[49].Attribution)
	}
	if out := clip(of(500, 10)); len(out) != 500 || out[499].Attribution != nil || size(out) > budget {
		t.Errorf("%d resources in %d bytes, attribution %v", len(out), size(out), out[499].Attribution)
	}
}

func TestClipHidesSecrets(t *testing.T) {
	in := []events.DriftedResource{{LogicalID: "Function", Differences: []events.PropertyDifference{
		{Path: "/Environment/Variables/DB_PASSWORD", Type: "NOT_EQUAL", Expected: "old-secret", Actual: "new-secret"},
		{Path: "/Environment", Type: "ADD", Actual: `{"Variables":{"API_KEY":"new-secret","SIZE":"1"}}`},
		{Path: "/MemorySize", Type: "NOT_EQUAL", Expected: "128", Actual: "256"},
	}}}
	text, err := json.Marshal(clip(in))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "-secret") || !strings.Contains(string(text), "256") || !strings.Contains(string(text), "SIZE") {
		t.Errorf("published: %s", text)
	}
	if in[0].Differences[0].Actual != "new-secret" {
		t.Error("the resources that are compared further were changed")
	}
}
