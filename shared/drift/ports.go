package drift

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Stacks is drift detection in a workload account. Every method returns
// errors of a fault kind; a stack that does not exist is a zero StackState, not
// an error.
type Stacks interface {
	// State returns the stack's status, or a zero StackState if it is gone.
	State(ctx context.Context, stack events.StackRef) (StackState, error)
	// StartDetection starts a detection and returns its id. While another one
	// runs on the stack, it is a Conflict.
	StartDetection(ctx context.Context, stack events.StackRef) (string, error)
	// Detection reads a detection by its id.
	Detection(ctx context.Context, stack events.StackRef, id string) (Detection, error)
	// Drifts returns the newest drift results of the stack's resources, all
	// pages. Types without drift support have none.
	Drifts(ctx context.Context, stack events.StackRef) ([]ResourceDrift, error)
	// Resources lists every resource of the stack, all pages.
	Resources(ctx context.Context, stack events.StackRef) ([]Resource, error)
}

// ChangeSets plans and executes the revert of drift.
type ChangeSets interface {
	// Create asks for a change set that brings the stack's actual state back
	// to its deployed template. A second Create with the same name returns
	// the first one's id.
	Create(ctx context.Context, stack events.StackRef, name string) (id string, err error)
	// Probe asks for a change set that is never executed: an ordinary one of the
	// deployed template and values that includes the nested stacks, so that it has
	// a row for each of them that an update of the stack would change.
	Probe(ctx context.Context, stack events.StackRef, name string) (id string, err error)
	// Read returns the change set with all its changes, all pages. One that does
	// not exist has the status ChangeSetGone.
	Read(ctx context.Context, stack events.StackRef, id string) (ChangeSet, error)
	// Execute starts the execution. CloudFormation repeats requestToken in
	// the stack's status events.
	Execute(ctx context.Context, stack events.StackRef, id, requestToken string) error
	// Discard deletes a change set that will not be executed, with those of
	// nested stacks that belong to it. One that is gone is no error.
	Discard(ctx context.Context, stack events.StackRef, id string) error
}

// Tokens keeps the task token of a workflow that waits, until an event or a
// read completes it.
type Tokens interface {
	// Keep stores the token. Keeping again replaces it: a repeated task has
	// a new token. The token may be forgotten after expires.
	Keep(ctx context.Context, wait Wait, token string, expires time.Time) error
	// Find returns the token, or "" when nobody waits. It sees every Keep
	// that returned before.
	Find(ctx context.Context, wait Wait) (string, error)
	// Forget removes this token, if it is still the one that is kept.
	Forget(ctx context.Context, wait Wait, token string) error
}

// Tasks answers workflow tasks that wait. A task that waits no longer
// (timed out, or answered before) is no error: the answer came twice.
type Tasks interface {
	Succeed(ctx context.Context, token string, output any) error
	// Fail fails the task with an error name and its cause.
	Fail(ctx context.Context, token, kind, cause string) error
}

// Inventory lists the stacks that Evenkeel deployed.
type Inventory interface {
	Stacks(ctx context.Context) ([]events.StackRef, error)
}

// Publisher puts facts on the bus. Publishing one twice is harmless.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}

// The kinds of a Wait.
const (
	WaitDetection = "detection"
	WaitExecution = "execution"
	WaitBatch     = "batch" // StackID is the scan, ID the number of the batch
)

// Wait names what a workflow waits for.
type Wait struct {
	Kind    string // WaitDetection or WaitExecution
	StackID string // ARN
	ID      string // of the detection, or the execution's request token
}

// StackState is a stack's status. The zero value means that there is none.
type StackState struct {
	Status  string
	Reason  string
	Updated time.Time // when its last operation began
}

// Resource is a resource of a stack.
type Resource struct {
	LogicalID  string
	PhysicalID string
	Type       string
}

// ResourceDrift is CloudFormation's drift result for one resource.
type ResourceDrift struct {
	Resource
	Status      string         // IN_SYNC, MODIFIED, DELETED, UNKNOWN, NOT_CHECKED, UNSUPPORTED
	Reason      string         // why it is UNKNOWN
	Checked     time.Time      // when the result was made
	Expected    map[string]any // properties of the template; nil unless CloudFormation gave them
	Actual      map[string]any
	Differences []events.PropertyDifference // only for MODIFIED
}

// ChangeSetGone is the status of a change set that does not exist. Executing one
// change set of a stack deletes all others.
const ChangeSetGone = "GONE"

// ChangeSet is a change set for a revert.
type ChangeSet struct {
	Status  string // CREATE_COMPLETE, FAILED, …, or ChangeSetGone
	Reason  string
	Changes []Change
	// What is known beside a revert's rows of nested stacks, which say nothing:
	Probe *ChangeSet // the probe; nil when there is none
	Deep  []string   // logical ids of those that have, or may have, nested stacks of their own
}

// Change is one resource of a ChangeSet, in CloudFormation's own words.
// Source: CloudFormation API reference, ResourceChange.
type Change struct {
	Action       string // Add, Modify, Remove, Import, Dynamic, SyncWithActual
	LogicalID    string
	PhysicalID   string
	ResourceType string
	Replacement  string // True, False, Conditional, or empty
	PolicyAction string // Delete, Retain, ReplaceAndDelete, …, or empty
	After        string // AfterContext, JSON
	Details      []ChangeDetail
}

// ChangeDetail is one property of a Change.
// Source: CloudFormation API reference, ResourceTargetDefinition.
type ChangeDetail struct {
	Path               string
	Source             string // ChangeSource: DirectModification, Automatic, …
	Type               string // Add, Remove, Modify, SyncWithActual
	RequiresRecreation string // Never, Conditionally, Always
	After              string
	Drift              *LiveDrift // nil unless the property had drifted when the change set was made
}

// LiveDrift is what a change set saw of a drifted property.
// Source: CloudFormation API reference, LiveResourceDrift.
type LiveDrift struct {
	Previous string // as it was deployed; "" when it was not set
	Actual   string // as it is live; "" when it is not set
}
