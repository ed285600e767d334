package changeset_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

func TestDigest(t *testing.T) {
	set := changeset.Set{
		ID: "arn:one", StackID: "arn:stack", Status: "CREATE_COMPLETE", ExecutionStatus: "AVAILABLE",
		Parameters: map[string]string{"A": "1"}, Capabilities: []string{"CAPABILITY_IAM"},
		Changes: []changeset.Change{
			{Action: "Modify", LogicalID: "A", Type: "T", Details: []changeset.Detail{{Path: "/Properties/X", Before: "1", After: "2"}, {Path: "/Properties/Y"}}},
			{Action: "Add", LogicalID: "B", Type: "T"},
		},
	}
	digest := func(change func(*changeset.Set)) string {
		c := set
		c.Changes = slices.Clone(set.Changes)
		c.Changes[0].Details = slices.Clone(set.Changes[0].Details)
		c.Parameters = maps.Clone(set.Parameters)
		change(&c)
		d, err := c.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	same := digest(func(*changeset.Set) {})
	for name, change := range map[string]func(*changeset.Set){
		"execution status": func(c *changeset.Set) { c.ExecutionStatus = "EXECUTE_IN_PROGRESS" },
		"order of rows":    func(c *changeset.Set) { slices.Reverse(c.Changes) },
		"order of details": func(c *changeset.Set) { slices.Reverse(c.Changes[0].Details) },
	} {
		if digest(change) != same {
			t.Errorf("%s changes the digest", name)
		}
	}
	seen := map[string]string{same: "nothing"}
	for name, change := range map[string]func(*changeset.Set){
		"id":           func(c *changeset.Set) { c.ID = "arn:two" },
		"a value":      func(c *changeset.Set) { c.Changes[0].Details[0].After = "3" },
		"an action":    func(c *changeset.Set) { c.Changes[1].Action = "Remove" },
		"a row":        func(c *changeset.Set) { c.Changes = c.Changes[:1] },
		"a parameter":  func(c *changeset.Set) { c.Parameters["A"] = "2" },
		"a capability": func(c *changeset.Set) { c.Capabilities = nil },
		"drift":        func(c *changeset.Set) { c.Changes[0].Drift = "MODIFIED" },
		"after":        func(c *changeset.Set) { c.Changes[1].After = "{}" },
		"live value":   func(c *changeset.Set) { c.Changes[0].Details[0].Deployed = "0" },
		"rollback":     func(c *changeset.Set) { c.Rollback = &changeset.Rollback{Alarms: []string{"arn:a"}} },
		"nested": func(c *changeset.Set) {
			c.Nested = map[string]changeset.Set{"arn:n": {Changes: []changeset.Change{{Action: "Add"}}}}
		},
		"nested value": func(c *changeset.Set) {
			c.Nested = map[string]changeset.Set{"arn:n": {Changes: []changeset.Change{{Action: "Remove"}}}}
		},
	} {
		d := digest(change)
		if other, twice := seen[d]; twice {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
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
