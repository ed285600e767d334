package deployment

import (
	"slices"
	"testing"
)

// TestClassify covers each status of the user guide's "Stack status codes".
func TestClassify(t *testing.T) {
	for status, want := range map[string][2]string{
		"": {ResultNotStarted, planCreate}, "REVIEW_IN_PROGRESS": {ResultRunning, planCreate},
		"CREATE_COMPLETE": {ResultDeployed, planUpdate}, "CREATE_IN_PROGRESS": {ResultRunning, planBusy}, "CREATE_FAILED": {ResultStuck, planBroken},
		"DELETE_COMPLETE": {ResultStuck, planCreate}, "DELETE_FAILED": {ResultStuck, planBroken}, "DELETE_IN_PROGRESS": {ResultRunning, planBusy},
		"ROLLBACK_COMPLETE": {ResultRolledBack, planClear}, "ROLLBACK_FAILED": {ResultStuck, planBroken}, "ROLLBACK_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_COMPLETE": {ResultDeployed, planUpdate}, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_FAILED": {ResultStuck, planBroken}, "UPDATE_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_ROLLBACK_COMPLETE": {ResultRolledBack, planUpdate}, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": {ResultRunning, planBusy},
		"UPDATE_ROLLBACK_FAILED": {ResultStuck, planBroken}, "UPDATE_ROLLBACK_IN_PROGRESS": {ResultRunning, planBusy},
		"IMPORT_COMPLETE": {ResultDeployed, planUpdate}, "IMPORT_IN_PROGRESS": {ResultRunning, planBusy},
		"IMPORT_ROLLBACK_COMPLETE": {ResultRolledBack, planUpdate}, "IMPORT_ROLLBACK_FAILED": {ResultStuck, planBroken},
	} {
		rows := []StackEvent{{PhysicalID: "arn:stack", Type: stackType, Status: status}}
		if status == "" {
			rows = nil
		}
		result, _ := outcome(OperationExecute, "arn:stack", rows)
		if got := [2]string{result, planning(status)}; got != want {
			t.Errorf("%s: %v, want %v", status, got, want)
		}
	}
	for status, want := range map[string]string{"DELETE_IN_PROGRESS": ResultRunning, "DELETE_COMPLETE": ResultPlanAgain, "DELETE_FAILED": ResultStuck} {
		rows := []StackEvent{{PhysicalID: "arn:stack", Type: stackType, Status: status}}
		if got, _ := outcome(OperationDelete, "arn:stack", rows); got != want {
			t.Errorf("a deletion with %s: %s, want %s", status, got, want)
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
