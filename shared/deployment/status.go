package deployment

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
)

// Stack is a stack as CloudFormation shows it. A zero Status means that there
// is none.
type Stack struct {
	ID      string // ARN
	Status  string
	Reason  string
	Outputs map[string]string
	Tags    map[string]string
	Role    string // ARN of the role that CloudFormation last used
	Drift   string // IN_SYNC, DRIFTED, NOT_CHECKED or UNKNOWN, as the last detection found it

	Parameters   map[string]string // CloudFormation shows NoEcho values as ****
	Capabilities []string
	Protected    bool // termination protection
}

// Resource is a resource of a stack.
// Source: CloudFormation API reference, StackResourceSummary.
type Resource struct {
	LogicalID  string `json:"logicalId"`
	PhysicalID string `json:"physicalId,omitempty"`
	Type       string `json:"type"`
	Status     string `json:"status"`
	Reason     string `json:"reason,omitempty"`
}

// ResourceDrift is what a drift detection found about one resource.
type ResourceDrift struct {
	LogicalID string
	Status    string // MODIFIED, DELETED
	Text      string // all of it; the same whenever the drift is the same
	Drifted   []changeset.Drifted
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

// The ways in which a change set may be made, by the stack's status.
const (
	planCreate = "CREATE" // ChangeSetType of a stack that is not there yet
	planUpdate = "UPDATE"
	planClear  = "clear"  // delete what a failed creation or deletion left, then create
	planBack   = "back"   // roll back what failed with rollback disabled
	planGoOn   = "goOn"   // continue a rollback that failed
	planBusy   = "busy"   // somebody operates on the stack
	planBroken = "broken" // a person must repair the stack first
)

// planning says how to plan a stack in a status. ROLLBACK_COMPLETE and
// ROLLBACK_FAILED only follow a failed creation: the stack never was in use and
// cannot be updated, nor can one in DELETE_FAILED.
// Source: CloudFormation user guide, "Stack status codes"; API reference,
// RollbackStack, ContinueUpdateRollback.
func planning(status string) string {
	switch status {
	case "", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE":
		return planCreate
	case "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED":
		return planClear
	case "CREATE_FAILED", "UPDATE_FAILED":
		return planBack
	case "UPDATE_ROLLBACK_FAILED":
		return planGoOn
	case "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE":
		return planUpdate
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") {
		return planBusy
	}
	return planBroken
}

// nextIs comes before the command that a person types next.
const nextIs = ". Next: "

// remedy is the next command for a person whose stack is stuck.
func remedy(status string, to events.Target) string {
	switch planning(status) {
	case planClear, planBack, planGoOn:
		return RecoverCommand(to)
	default:
		return "aws cloudformation describe-stack-events --stack-name " + to.StackName + " --region " + to.Region
	}
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
