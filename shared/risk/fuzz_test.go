package risk_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// FuzzAssess: whatever CloudFormation answers and templates hold, it is rated;
// the order of the changes does not matter, and a further change never lowers
// the level.
func FuzzAssess(f *testing.F) {
	for _, c := range load(f) {
		f.Add([]byte(c.ChangeSet), []byte(c.Before), []byte(c.After), "Orders")
	}
	f.Fuzz(func(t *testing.T, answer, before, after []byte, protect string) {
		set, err := changeset.Parse(answer)
		if err != nil || len(set.Changes) > 30 {
			return
		}
		var templates risk.Templates
		templates.Before, _ = template.Parse("before", before)
		templates.After, _ = template.Parse("after", after)
		check(t, set, templates, risk.Policy{Protect: []string{protect}})
	})
}

// TestLevelsRise is what FuzzAssess holds, for every change of the corpus
// together with every other.
func TestLevelsRise(t *testing.T) {
	var all []changeset.Change
	for _, c := range load(t) {
		set, templates, policy, err := c.Input()
		if err != nil {
			t.Fatal(err)
		}
		check(t, set, templates, policy)
		all = append(all, set.Changes...)
	}
	for i := range all {
		check(t, changeset.Set{StackID: stackID, Changes: []changeset.Change{all[i], all[(i*7+3)%len(all)], all[(i*13+5)%len(all)]}}, risk.Templates{}, risk.Policy{})
	}
}

func check(t *testing.T, set changeset.Set, templates risk.Templates, policy risk.Policy) {
	t.Helper()
	whole := risk.Assess(set, templates, nil, policy)
	if again := risk.Assess(set, templates, nil, policy); !reflect.DeepEqual(whole, again) {
		t.Fatalf("rated %+v, then %+v", whole, again)
	}
	turned := set
	turned.Changes = slices.Clone(set.Changes)
	slices.Reverse(turned.Changes)
	if other := risk.Assess(turned, templates, nil, policy); !reflect.DeepEqual(whole, other) {
		t.Fatalf("in another order %+v, not %+v", other, whole)
	}
	for i := range set.Changes {
		fewer := set
		fewer.Changes = slices.Delete(slices.Clone(set.Changes), i, i+1)
		if less := risk.Assess(fewer, templates, nil, policy); !risk.AtLeast(whole.Level, less.Level) {
			t.Fatalf("with %s %s, without %s", set.Changes[i].LogicalID, whole.Level, less.Level)
		}
	}
	if !slices.Contains(risk.Levels(), whole.Level) || (whole.Level == risk.Safe) != (len(whole.Reasons) == 0) {
		t.Fatalf("%+v", whole)
	}
}

func TestReasonReadsOlderPlans(t *testing.T) {
	var reasons []risk.Reason
	err := json.Unmarshal([]byte(`["a table is removed", {"level": "review", "code": "delete", "logicalId": "A", "path": "/X", "text": "b"}]`), &reasons)
	want := []risk.Reason{{Text: "a table is removed"}, {Level: "review", Code: "delete", LogicalID: "A", Path: "/X", Text: "b"}}
	if err != nil || !slices.Equal(reasons, want) {
		t.Errorf("%+v, %v", reasons, err)
	}
	if err := json.Unmarshal([]byte(`[1]`), &reasons); err == nil {
		t.Error("a number is no reason")
	}
}
