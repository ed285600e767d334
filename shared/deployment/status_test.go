package deployment

import (
	"slices"
	"testing"
)

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
