package deployment

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema"
)

func TestAssess(t *testing.T) {
	table := func(action, replacement, policy string) Change {
		return Change{Action: action, LogicalID: "Orders", Type: "AWS::DynamoDB::Table", Replacement: replacement, PolicyAction: policy}
	}
	role := func(action, replacement string) Change {
		return Change{Action: action, LogicalID: "Role", Type: "AWS::IAM::Role", Replacement: replacement}
	}
	because := table("Modify", "True", "")
	because.Details = []Detail{
		{Attribute: "Properties", Path: "/Properties/TableName", Recreation: "Always"},
		{Attribute: "Properties", Name: "Tags", Recreation: "Never"},
	}
	tests := []struct {
		name   string
		change Change
		policy Policy
		level  string
		reason string
	}{
		{"a new table", table("Add", "", ""), Policy{}, RiskSafe, ""},
		{"in place", table("Modify", "False", ""), Policy{}, RiskSafe, ""},
		{"removed", table("Remove", "", "Delete"), Policy{}, RiskDangerous, "Orders (AWS::DynamoDB::Table) is removed; it holds a table's items"},
		{"removed, no policy shown", table("Remove", "", ""), Policy{}, RiskDangerous, "is removed"},
		{"retained", table("Remove", "", "Retain"), Policy{}, RiskReview, "the old resource is retained"},
		{"snapshotted", table("Remove", "", "Snapshot"), Policy{}, RiskReview, "a snapshot is kept"},
		{"replaced", because, Policy{}, RiskDangerous, "is replaced, because /Properties/TableName changes; it holds"},
		{"replaced and retained", table("Modify", "True", "ReplaceAndRetain"), Policy{}, RiskReview, "retained"},
		{"replaced and deleted", table("Modify", "True", "ReplaceAndDelete"), Policy{}, RiskDangerous, "is replaced"},
		{"the policy alone tells of a replacement", table("Modify", "", "ReplaceAndDelete"), Policy{}, RiskDangerous, "is replaced"},
		{"perhaps replaced", table("Modify", "Conditional", ""), Policy{}, RiskDangerous, "may be replaced"},
		{"dynamic", table("Dynamic", "", ""), Policy{}, RiskDangerous, "known only during the deployment"},
		{"imported", table("Import", "", ""), Policy{}, RiskReview, "is imported"},
		{"nothing known", table("SyncWithActual", "", ""), Policy{}, RiskReview, "does not know"},
		{"an empty action", table("", "", ""), Policy{}, RiskReview, "does not know"},
		{"modified, replacement unknown", table("Modify", "", ""), Policy{}, RiskReview, "does not know"},
		{"stateless removed", role("Remove", ""), Policy{}, RiskReview, "Role (AWS::IAM::Role) is removed"},
		{"stateless replaced", role("Modify", "True"), Policy{}, RiskReview, "is replaced"},
		{"stateful by policy", role("Remove", ""), Policy{Stateful: []string{"AWS::IAM::Role"}}, RiskDangerous, "named stateful by policy"},
		{"protected", table("Remove", "", "Retain"), Policy{Protect: []string{"Orders"}}, RiskBlocked, "is protected and is removed"},
		{"protected but in place", table("Modify", "False", ""), Policy{Protect: []string{"Orders"}}, RiskSafe, ""},
		{"nested stack", Change{Action: "Modify", LogicalID: "Child", Type: stackType, Replacement: "False"}, Policy{}, RiskReview, "says nothing about its resources"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Assess([]Change{tt.change}, tt.policy)
			if got.Level != tt.level || !strings.Contains(strings.Join(got.Reasons, "\n"), tt.reason) || (tt.reason == "") != (len(got.Reasons) == 0) {
				t.Errorf("rated %s %q, want %s %q", got.Level, got.Reasons, tt.level, tt.reason)
			}
		})
	}
}

// TestNothingDestructiveIsSafe goes through every combination of what
// CloudFormation may say about a stateful resource.
func TestNothingDestructiveIsSafe(t *testing.T) {
	for _, action := range []string{"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual", ""} {
		for _, replacement := range []string{"True", "False", "Conditional", ""} {
			for _, policy := range []string{"Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot", ""} {
				c := Change{Action: action, LogicalID: "Db", Type: "AWS::RDS::DBInstance", Replacement: replacement, PolicyAction: policy}
				destructive := action == "Remove" || action == "Dynamic" || strings.HasPrefix(policy, "Replace") ||
					action == "Modify" && replacement != "False"
				if got := Assess([]Change{c}, Policy{}).Level; destructive && got == RiskSafe {
					t.Errorf("%q, replacement %q, policy %q is rated safe", action, replacement, policy)
				}
			}
		}
	}
}

func TestWorstReasonComesFirst(t *testing.T) {
	changes := []Change{
		{Action: "Modify", LogicalID: "A", Type: "AWS::Lambda::Function", Replacement: "True"},
		{Action: "Add", LogicalID: "B", Type: "AWS::S3::Bucket"},
		{Action: "Remove", LogicalID: "C", Type: "AWS::S3::Bucket", PolicyAction: "Delete"},
	}
	got := Assess(changes, Policy{})
	if got.Level != RiskDangerous || len(got.Reasons) != 2 || !strings.HasPrefix(got.Reasons[0], "C ") {
		t.Errorf("%+v", got)
	}
}

// TestStatefulTypesExist: a name that AWS does not publish would never match.
func TestStatefulTypesExist(t *testing.T) {
	// Types that have no published schema any more, or never had one.
	unpublished := []string{"AWS::CloudFormation::Stack"}
	published := schema.Types()
	for _, name := range slices.Sorted(maps.Keys(stateful)) {
		if !slices.Contains(published, name) && !slices.Contains(unpublished, name) {
			t.Errorf("%s is not a published type", name)
		}
	}
}

func TestDigest(t *testing.T) {
	set := ChangeSet{
		ID: "arn:one", StackID: "arn:stack", Status: "CREATE_COMPLETE", ExecutionStatus: "AVAILABLE",
		Parameters: map[string]string{"A": "1"}, Capabilities: []string{"CAPABILITY_IAM"},
		Changes: []Change{
			{Action: "Modify", LogicalID: "A", Type: "T", Details: []Detail{{Path: "/Properties/X", Before: "1", After: "2"}, {Path: "/Properties/Y"}}},
			{Action: "Add", LogicalID: "B", Type: "T"},
		},
	}
	digest := func(change func(*ChangeSet)) string {
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
	same := digest(func(*ChangeSet) {})
	for name, change := range map[string]func(*ChangeSet){
		"execution status": func(c *ChangeSet) { c.ExecutionStatus = "EXECUTE_IN_PROGRESS" },
		"order of rows":    func(c *ChangeSet) { slices.Reverse(c.Changes) },
		"order of details": func(c *ChangeSet) { slices.Reverse(c.Changes[0].Details) },
	} {
		if digest(change) != same {
			t.Errorf("%s changes the digest", name)
		}
	}
	seen := map[string]string{same: "nothing"}
	for name, change := range map[string]func(*ChangeSet){
		"id":           func(c *ChangeSet) { c.ID = "arn:two" },
		"a value":      func(c *ChangeSet) { c.Changes[0].Details[0].After = "3" },
		"an action":    func(c *ChangeSet) { c.Changes[1].Action = "Remove" },
		"a row":        func(c *ChangeSet) { c.Changes = c.Changes[:1] },
		"a parameter":  func(c *ChangeSet) { c.Parameters["A"] = "2" },
		"a capability": func(c *ChangeSet) { c.Capabilities = nil },
		"drift":        func(c *ChangeSet) { c.Changes[0].Drift = "MODIFIED" },
		"after":        func(c *ChangeSet) { c.Changes[1].After = "{}" },
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
		if got := (ChangeSet{Status: "FAILED", StatusReason: reason}).Unchanged(); got != want {
			t.Errorf("%q: %v", reason, got)
		}
	}
	if (ChangeSet{Status: "CREATE_COMPLETE", StatusReason: "No updates are to be performed."}).Unchanged() {
		t.Error("a complete change set counts as unchanged")
	}
}

// TestClassify covers each status of the user guide's "Stack status codes".
func TestClassify(t *testing.T) {
	for status, want := range map[string][2]string{
		"": {ResultNotStarted, planCreate}, "REVIEW_IN_PROGRESS": {ResultRunning, planCreate},
		"CREATE_COMPLETE": {ResultDeployed, planUpdate}, "CREATE_IN_PROGRESS": {ResultRunning, planBusy}, "CREATE_FAILED": {ResultUndo, planBack},
		"DELETE_COMPLETE": {ResultStuck, planCreate}, "DELETE_FAILED": {ResultStuck, planClear}, "DELETE_IN_PROGRESS": {ResultRunning, planBusy},
		"ROLLBACK_COMPLETE": {ResultRolledBack, planClear}, "ROLLBACK_FAILED": {ResultStuck, planClear}, "ROLLBACK_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_COMPLETE": {ResultDeployed, planUpdate}, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_FAILED": {ResultUndo, planBack}, "UPDATE_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_ROLLBACK_COMPLETE": {ResultRolledBack, planUpdate}, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_ROLLBACK_FAILED": {ResultUndo, planGoOn}, "UPDATE_ROLLBACK_IN_PROGRESS": {ResultRunning, planBusy},
		"IMPORT_COMPLETE": {ResultDeployed, planUpdate}, "IMPORT_IN_PROGRESS": {ResultRunning, planBusy},
		"IMPORT_ROLLBACK_COMPLETE": {ResultRolledBack, planUpdate}, "IMPORT_ROLLBACK_FAILED": {ResultStuck, planBroken},
	} {
		rows := []StackEvent{{PhysicalID: "arn:stack", Type: stackType, Status: status}}
		if status == "" {
			rows = nil
		}
		result, _, _ := outcome(Release{Plan: Plan{Operation: OperationExecute, StackID: "arn:stack"}}, rows)
		if got := [2]string{result, planning(status)}; got != want {
			t.Errorf("%s: %v, want %v", status, got, want)
		}
	}
}

// TestAfterRecovery: what follows the end of each operation that ends what a
// failed one left, before a plan and after a failed execution of the run.
func TestAfterRecovery(t *testing.T) {
	tests := []struct{ operation, status, before, after, undo string }{
		{OperationDelete, "DELETE_IN_PROGRESS", ResultRunning, ResultRunning, ""},
		{OperationDelete, "DELETE_COMPLETE", ResultPlanAgain, ResultPlanAgain, ""},
		{OperationDelete, "DELETE_FAILED", ResultStuck, ResultStuck, ""},
		{OperationRollback, "ROLLBACK_IN_PROGRESS", ResultRunning, ResultRunning, ""},
		{OperationRollback, "ROLLBACK_COMPLETE", ResultPlanAgain, ResultRolledBack, ""},
		{OperationRollback, "DELETE_COMPLETE", ResultPlanAgain, ResultRolledBack, ""},
		{OperationRollback, "UPDATE_ROLLBACK_COMPLETE", ResultPlanAgain, ResultRolledBack, ""},
		{OperationRollback, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ResultRunning, ResultRunning, ""},
		{OperationRollback, "UPDATE_ROLLBACK_FAILED", ResultPlanAgain, ResultUndo, OperationContinue},
		{OperationRollback, "ROLLBACK_FAILED", ResultStuck, ResultStuck, ""},
		{OperationContinue, "UPDATE_ROLLBACK_IN_PROGRESS", ResultRunning, ResultRunning, ""},
		{OperationContinue, "UPDATE_ROLLBACK_COMPLETE", ResultPlanAgain, ResultRolledBack, ""},
		{OperationContinue, "UPDATE_ROLLBACK_FAILED", ResultStuck, ResultStuck, ""},
	}
	for _, tt := range tests {
		rows := []StackEvent{{PhysicalID: "arn:stack", Type: stackType, Status: tt.status}}
		r := Release{Plan: Plan{Operation: tt.operation, StackID: "arn:stack"}}
		if got, _, _ := outcome(r, rows); got != tt.before {
			t.Errorf("%s ended %s: %s, want %s", tt.operation, tt.status, got, tt.before)
		}
		r.Plan.Failed = true
		if got, undo, _ := outcome(r, rows); got != tt.after || undo != tt.undo {
			t.Errorf("%s after a failed execution ended %s: %s %s, want %s %s", tt.operation, tt.status, got, undo, tt.after, tt.undo)
		}
	}
}

func TestFirstFailure(t *testing.T) {
	const id = "arn:stack"
	row := func(logical, physical, kind, status, reason string) StackEvent {
		return StackEvent{LogicalID: logical, PhysicalID: physical, Type: kind, Status: status, Reason: reason}
	}
	rows := []StackEvent{
		row("shop", id, stackType, "UPDATE_IN_PROGRESS", "User Initiated"),
		row("Cache", "", "AWS::SQS::Queue", "CREATE_FAILED", "Resource creation cancelled"),
		row("Child", "arn:child", stackType, "UPDATE_FAILED", "Embedded stack failed"),
		row("Queue", "q", "AWS::SQS::Queue", "UPDATE_FAILED", "Value 99999 is too long"),
		row("shop", id, stackType, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed: [Queue]."),
		row("shop", id, stackType, "UPDATE_ROLLBACK_COMPLETE", ""),
	}
	got := firstFailure(id, rows)
	if got.LogicalID != "Child" || got.Reason != "Embedded stack failed" || got.StackStatus != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("%+v", got)
	}
	only := firstFailure(id, slices.DeleteFunc(slices.Clone(rows), func(e StackEvent) bool { return !e.own(id) }))
	if only.LogicalID != "" || only.Reason != "The following resource(s) failed: [Queue]." {
		t.Errorf("without a resource: %+v", only)
	}
}

func TestDocumentHidesSecrets(t *testing.T) {
	rows := rows([]Change{
		{Action: "Modify", LogicalID: "Db", Type: "AWS::RDS::DBInstance", Replacement: "False", Details: []Detail{
			{Attribute: "Properties", Path: "/Properties/MasterUserPassword", Before: "hunter1", After: "hunter2"},
			{Attribute: "Properties", Path: "/Properties/MasterUserPassword", Before: "hunter1", After: "hunter2", Cause: "Password"},
			{Attribute: "Properties", Path: "/Properties/AuthToken", After: "{{resolve:secretsmanager:db}}"},
		}},
		{Action: "Add", LogicalID: "Secret", Type: "AWS::SecretsManager::Secret", After: `{"Properties":{"SecretString":"hunter3","Name":"db","X":{"Password":"hunter4","N":1}}}`},
		{Action: "Remove", LogicalID: "Old", Type: "AWS::SQS::Queue", Before: `{"Properties":{"QueueName":"old"}}`},
	})
	text := Document{Rows: rows, Risk: RiskSafe}.Text()
	if strings.Contains(text, "hunter") {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, want := range []string{
		"/Properties/MasterUserPassword: **** → **** (from Password)", "/Properties/AuthToken: {{resolve:secretsmanager:db}}",
		"/Properties/Name: db", `/Properties/X: {"N":1,"Password":"****"}`, "/Properties/QueueName: old → (none)", "- Old", "+ Secret",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan lacks %q:\n%s", want, text)
		}
	}
}

func TestSummaryIsBounded(t *testing.T) {
	var changes []Change
	for i := range 500 {
		change := Change{Action: "Modify", LogicalID: fmt.Sprintf("R%03d", i), Type: "AWS::SQS::Queue", Replacement: "False"}
		for j := range 30 {
			change.Details = append(change.Details, Detail{Attribute: "Properties", Path: fmt.Sprintf("/Properties/P%d", j), Before: strings.Repeat("a", 5000), After: strings.Repeat("ü", 5000)})
		}
		changes = append(changes, change)
	}
	summary := Document{Rows: rows(changes)}.summary()
	size := 0
	for _, row := range summary {
		for _, p := range row.Properties {
			size += len(p)
		}
	}
	if len(summary) != factRows+1 || summary[factRows].LogicalID != "… and 450 more" || len(summary[0].Properties) != factProperties+1 || size > 150_000 {
		t.Errorf("%d rows, %d bytes, last %q", len(summary), size, summary[len(summary)-1].LogicalID)
	}
}

func BenchmarkPlanOf500Resources(b *testing.B) {
	var changes []Change
	for i := range 500 {
		changes = append(changes, Change{
			Action: "Modify", LogicalID: fmt.Sprintf("R%03d", i), Type: "AWS::DynamoDB::Table", Replacement: "True",
			Details: []Detail{{Attribute: "Properties", Path: "/Properties/TableName", Before: "a", After: "b", Recreation: "Always"}},
		})
	}
	for b.Loop() {
		risk := Assess(changes, Policy{})
		_ = Document{Rows: rows(changes), Risk: risk.Level, Reasons: risk.Reasons}.Text()
	}
}
