package live

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/template"
)

func TestPrune(t *testing.T) {
	u := template.Unknown
	expected := map[string]any{
		"Plain": "a", "Gone": u, "List": []any{"a", u}, "Deep": map[string]any{"In/ner": u, "Same": "x"}, "Absent": map[string]any{"A": u},
	}
	actual := map[string]any{"Plain": "a", "Gone": "b", "List": []any{"a", "b"}, "Deep": map[string]any{"In/ner": "y", "Same": "z"}, "More": 1.0}
	known, live, unresolved := prune(expected, actual)
	if want := map[string]any{"Plain": "a", "Deep": map[string]any{"Same": "x"}}; !reflect.DeepEqual(known, want) {
		t.Errorf("expected %v, want %v", known, want)
	}
	if want := map[string]any{"Plain": "a", "Deep": map[string]any{"Same": "z"}, "More": 1.0}; !reflect.DeepEqual(live, want) {
		t.Errorf("actual %v, want %v", live, want)
	}
	if want := []string{"/Absent", "/Deep/In~1ner", "/Gone", "/List"}; !slices.Equal(unresolved, want) {
		t.Errorf("unresolved %v, want %v", unresolved, want)
	}
	if expected["Gone"] != u || actual["Gone"] != "b" {
		t.Error("the documents that were given have changed")
	}
}

// FuzzPrune: whatever is unresolved, nothing of it is left, and what is
// resolved and the same on both sides is in sync. An observation is no change
// of itself.
func FuzzPrune(f *testing.F) {
	f.Add(`{"QueueName":"?","Tags":[{"Key":"a","Value":"?"}],"RedrivePolicy":{"deadLetterTargetArn":"?","maxReceiveCount":3}}`)
	f.Add(`{"A":{"B":{"C":"?","D":[1,[2,"?"]]}},"~/":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var actual, expected map[string]any
		if json.Unmarshal([]byte(text), &actual) != nil || json.Unmarshal([]byte(text), &expected) != nil {
			return
		}
		places := 0
		for name, v := range expected {
			expected[name] = forget(v, &places)
		}
		known, live, unresolved := prune(expected, actual)
		if template.IsUnknown(known) {
			t.Fatalf("left in %v", known)
		}
		if (places > 0) != (len(unresolved) > 0) || len(unresolved) > places {
			t.Errorf("%d unresolved of %d places: %v", len(unresolved), places, unresolved)
		}
		if found := drift.Compare(drift.Kind{Type: "AWS::SQS::Queue"}, known, live); len(found) > 0 {
			t.Errorf("drift %v", found)
		}
		var seen []events.PropertyDifference
		for name, v := range actual {
			seen = append(seen, events.PropertyDifference{Path: pointer([]string{name}), Type: drift.DifferenceAdd, Actual: encode(v)})
		}
		if found := Changes(drift.Kind{Type: "AWS::SQS::Queue"}, seen, seen); len(found) > 0 {
			t.Errorf("an observation changed from itself: %v", found)
		}
		if found := Changes(drift.Kind{Type: "AWS::SQS::Queue"}, nil, seen); len(found) != len(seen) {
			t.Errorf("%d of %d additions", len(found), len(seen))
		}
	})
}

// forget replaces every "?" by Unknown.
func forget(v any, places *int) any {
	switch v := v.(type) {
	case string:
		if v == "?" {
			*places++
			return template.Unknown
		}
	case []any:
		for i := range v {
			v[i] = forget(v[i], places)
		}
	case map[string]any:
		for name := range v {
			v[name] = forget(v[name], places)
		}
	}
	return v
}
