package deployment

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Stack is a stack as CloudFormation shows it. A zero Status means that there
// is none.
type Stack struct {
	ID      string // ARN
	Status  string
	Reason  string
	Outputs map[string]string
	Tags    map[string]string

	Parameters   map[string]string // CloudFormation shows NoEcho values as ****
	Capabilities []string
}

// StackEvent is one row of a stack's history.
// Source: CloudFormation API reference, StackEvent.
type StackEvent struct {
	Time       time.Time
	LogicalID  string
	PhysicalID string
	Type       string
	Status     string
	Reason     string
}

const stackType = "AWS::CloudFormation::Stack"

// own reports whether the row is about the stack itself and not a resource; a
// nested stack's row has another physical id.
func (e StackEvent) own(stackID string) bool { return e.Type == stackType && e.PhysicalID == stackID }

// classify says what the status means that a stack has after the execution of
// a change set.
// Source: CloudFormation user guide, "Stack status codes".
func classify(status string) string {
	switch status {
	case "CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE":
		return ResultDeployed
	case "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE":
		return ResultRolledBack
	default:
		return ResultStuck
	}
}

// The ways in which a change set may be made, by the stack's status.
const (
	planCreate = "CREATE" // ChangeSetType of a stack that is not there yet
	planUpdate = "UPDATE"
	planClear  = "clear"  // delete what a failed creation left, then create
	planBusy   = "busy"   // somebody operates on the stack
	planBroken = "broken" // a person must repair the stack first
)

// planning says how to plan a stack in a status. ROLLBACK_COMPLETE only
// follows a failed creation: the stack never was in use and cannot be updated.
func planning(status string) string {
	switch status {
	case "", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE":
		return planCreate
	case "ROLLBACK_COMPLETE":
		return planClear
	case "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE":
		return planUpdate
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") {
		return planBusy
	}
	return planBroken
}

// remedy is the next command for a person whose stack is stuck.
func remedy(status, stackName, region string) string {
	command := ""
	switch status {
	case "UPDATE_ROLLBACK_FAILED":
		command = "continue-update-rollback"
	case "CREATE_FAILED", "UPDATE_FAILED":
		command = "rollback-stack"
	case "ROLLBACK_FAILED", "DELETE_FAILED":
		command = "delete-stack"
	default:
		command = "describe-stack-events"
	}
	return "aws cloudformation " + command + " --stack-name " + stackName + " --region " + region
}

// ended reports whether a stack in the status has no operation under way.
func ended(status string) bool { return status != "" && !strings.HasSuffix(status, "_IN_PROGRESS") }

// lastStatus is the stack's own last row: it decides how an operation stands.
func lastStatus(stackID string, rows []StackEvent) (status, reason string) {
	for _, row := range rows {
		if row.own(stackID) {
			status, reason = row.Status, row.Reason
		}
	}
	return status, reason
}

// outcome reads how an operation stands from the rows that carry its token,
// oldest first.
func outcome(operation, stackID string, rows []StackEvent) (result, status string) {
	status, _ = lastStatus(stackID, rows)
	switch {
	case len(rows) == 0:
		return ResultNotStarted, status
	case !ended(status):
		return ResultRunning, status // or the stack's own row is not visible yet
	default:
		return operations[operation].ended(status), status
	}
}

// cancelled begin the reasons of resources that failed only because another
// one did before.
var cancelled = []string{"Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled"}

// firstFailure finds what made an operation fail: the first resource that
// failed by itself, else the stack's own reason.
func firstFailure(stackID string, rows []StackEvent) events.Failure {
	var found events.Failure
	for _, row := range rows {
		switch {
		case row.own(stackID):
			found.StackStatus = row.Status
			if found.Reason == "" && row.Reason != "" && row.Reason != "User Initiated" {
				found.Reason = row.Reason
			}
		case found.LogicalID == "" && strings.HasSuffix(row.Status, "_FAILED") && !isCancelled(row.Reason):
			found.LogicalID, found.ResourceType, found.Reason = row.LogicalID, row.Type, row.Reason
		}
	}
	return found
}

func isCancelled(reason string) bool {
	for _, prefix := range cancelled {
		if strings.HasPrefix(reason, prefix) {
			return true
		}
	}
	return false
}
