package changeset_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// TestCanonical: equal change sets are equal in any order, and whether one was
// executed is no part of it. That every other difference shows is told by the
// digest of the package approval.
func TestCanonical(t *testing.T) {
	set := func() changeset.Set {
		return changeset.Set{
			ID: "arn:one", StackID: "arn:stack", Status: "CREATE_COMPLETE", ExecutionStatus: "AVAILABLE",
			Parameters: map[string]string{"A": "1"}, Capabilities: []string{"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"},
			Changes: []changeset.Change{
				{Action: "Modify", LogicalID: "A", Type: "T", Details: []changeset.Detail{{Path: "/Properties/X", Before: "1", After: "2"}, {Path: "/Properties/Y"}}},
				{Action: "Add", LogicalID: "B", Type: "T"},
			},
			Nested: map[string]changeset.Set{"arn:n": {Status: "CREATE_COMPLETE", Changes: []changeset.Change{{LogicalID: "C"}, {LogicalID: "D"}}}},
		}
	}
	want := set().Canonical()
	for name, change := range map[string]func(*changeset.Set){
		"status":           func(c *changeset.Set) { c.Status, c.StatusReason = "DELETE_COMPLETE", "x" },
		"execution status": func(c *changeset.Set) { c.ExecutionStatus = "EXECUTE_IN_PROGRESS" },
		"rows":             func(c *changeset.Set) { slices.Reverse(c.Changes) },
		"details":          func(c *changeset.Set) { slices.Reverse(c.Changes[0].Details) },
		"capabilities":     func(c *changeset.Set) { slices.Reverse(c.Capabilities) },
		"nested rows":      func(c *changeset.Set) { slices.Reverse(c.Nested["arn:n"].Changes) },
	} {
		c := set()
		change(&c)
		if !reflect.DeepEqual(c.Canonical(), want) {
			t.Errorf("another %s gives another canonical form", name)
		}
	}
	c := set()
	c.Changes[0].Details[0].After = "3"
	if reflect.DeepEqual(c.Canonical(), want) {
		t.Error("another value gives the same canonical form")
	}
}

func TestUnchanged(t *testing.T) {
	for reason, want := range map[string]bool{
		"The submitted information didn't contain changes. Submit different information to create a change set.": true,
		"No updates are to be performed.":                           true,
		"Transform AWS::Serverless-2016-10-31 failed with: Invalid": false,
		"": false,
	} {
		if got := (changeset.Set{Status: "FAILED", StatusReason: reason}).Unchanged(); got != want {
			t.Errorf("%q: %v", reason, got)
		}
	}
	if (changeset.Set{Status: "CREATE_COMPLETE", StatusReason: "No updates are to be performed."}).Unchanged() {
		t.Error("a complete change set counts as unchanged")
	}
}
