// Package drift finds where deployed stacks are not as their templates say,
// says how much of each stack was looked at, and brings drift back behind a
// guard. The decisions (Refine, Assess, Guard) are pure; Service has one
// method for each action of the drift workflow.
package drift

import (
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/response"
)

// Scan is the document that travels through the states of the drift workflow,
// one for each stack. What is not known yet is left out: the documents of all
// stacks together must fit into one payload.
type Scan struct {
	ScanID      string          `json:"scanId"` // name of the workflow execution; correlates all facts of the scan
	Stack       events.StackRef `json:"stack"`
	Engine      string          `json:"engine,omitempty"`          // one of the Engine constants; "" is auto
	Revert      bool            `json:"revert"`                    // bring drift back when the guard agrees
	Seen        string          `json:"seen,omitempty"`            // digest of the drift that whoever asks for the revert saw
	IncludeKept bool            `json:"includeAccepted,omitempty"` // also bring back what is ignored or accepted
	RequestedBy string          `json:"requestedBy"`
	Detection   Detection       `json:"detection,omitzero"`
	Waiting     bool            `json:"waiting"`               // the scan of a nested stack has not ended
	WaitSeconds int             `json:"waitSeconds,omitempty"` // until it is looked at again
	Reads       int             `json:"reads,omitempty"`       // how often it was looked at
	Drift       Drift           `json:"drift"`
	Plan        Plan            `json:"plan,omitzero"`
	Execution   Execution       `json:"execution,omitzero"`
	Result      Result          `json:"result"`
	Error       *Caught         `json:"error,omitempty"`
}

// The states of a Detection.
const (
	DetectionSkipped = "Skipped" // the stack is in no state for it, or is gone
	DetectionStarted = "Started"
	DetectionDone    = "Complete"
	DetectionFailed  = "Failed" // at least one resource could not be checked; the rest was
	DetectionNone    = "None"   // the live engine needs none
)

// Detection is one run of CloudFormation's drift detection on a stack.
type Detection struct {
	ID      string    `json:"id,omitempty"`
	State   string    `json:"state"`            // one of the Detection constants
	Reason  string    `json:"reason,omitempty"` // why it was skipped or failed
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"` // also set when it was skipped
}

// Over reports whether nothing more will come of the detection.
func (d Detection) Over() bool { return d.State != DetectionStarted }

// Drift is what a report found, kept for the revert. Its resources are
// clipped, see clip.
type Drift struct {
	Found     bool                     `json:"found"`
	Resources []events.DriftedResource `json:"resources,omitempty"`
	Alike     []string                 `json:"alike,omitempty"`  // logical ids that CloudFormation reported for the same value in another form
	Routed    []string                 `json:"routed,omitempty"` // logical ids of what rollouts route by
	Kept      []Kept                   `json:"kept,omitempty"`   // that is ignored or accepted
	Healed    []response.Healed        `json:"healed,omitempty"` // that no revert may touch
	Digest    string                   `json:"digest,omitempty"` // SHA-256 of all resources before clipping
}

// The states of a Plan.
const (
	PlanPending  = "Pending" // CloudFormation still computes the change set
	PlanReady    = "Ready"
	PlanFailed   = "Failed"
	PlanApproved = "Approved" // the guard agreed
	PlanRefused  = "Refused"
)

// Plan is the change set that would bring drift back.
type Plan struct {
	ChangeSetID string `json:"changeSetId,omitempty"`
	State       string `json:"state,omitempty"` // one of the Plan constants
	Reason      string `json:"reason,omitempty"`
	Reads       int    `json:"reads,omitempty"` // how often it was looked at while pending
	// Of a stack with nested ones, see ChangeSets.Probe:
	ProbeID     string   `json:"probeId,omitempty"`
	ProbeReason string   `json:"probeReason,omitempty"` // why there is no probe
	Deep        []string `json:"deep,omitempty"`        // logical ids of those that have, or may have, nested stacks of their own
}

// Execution is the execution of the plan.
type Execution struct {
	RequestToken string `json:"requestToken,omitempty"` // ClientRequestToken given to CloudFormation
	StackStatus  string `json:"stackStatus,omitempty"`  // terminal status of the stack
	Reason       string `json:"reason,omitempty"`
}

// The outcomes of the scan of one stack.
const (
	OutcomeInSync        = "InSync"
	OutcomeDrifted       = "Drifted"
	OutcomeUnknown       = "Unknown" // not clean: something could not be checked
	OutcomeSkipped       = "Skipped" // nothing was checked, and why is known
	OutcomeReverted      = "Reverted"
	OutcomeRevertRefused = "RevertRefused" // by the guard, or a second detection still found drift
	OutcomeFailed        = "Failed"        // the scan itself failed
)

// Result is what the workflow's output says about one stack.
type Result struct {
	StackName string          `json:"stackName"`
	Account   string          `json:"account"`
	Region    string          `json:"region"`
	Outcome   string          `json:"outcome"` // one of the Outcome constants
	Status    string          `json:"status,omitempty"`
	Coverage  events.Coverage `json:"coverage,omitzero"`
	Drifted   int             `json:"drifted"`           // resources
	Reasons   []string        `json:"reasons,omitempty"` // why it is unknown, skipped, refused or failed; at most 3
}

// Caught is what a workflow's Catch writes.
type Caught struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// Worklist is what the workflow's first state answers: the documents that its
// Map iterates over.
type Worklist struct {
	ScanID string `json:"scanId"`
	Batch  int    `json:"batch"` // 0 when the scan is no part of another one
	Scans  []Scan `json:"scans"`
}

// Summary is the workflow's output.
type Summary struct {
	ScanID string         `json:"scanId"`
	Counts map[string]int `json:"counts"` // by outcome
	Stacks []Result       `json:"stacks"`
	More   int            `json:"more,omitempty"` // stacks that have no room here; Counts has them
}

// Request starts a scan. The zero Request scans every deployed stack and
// reverts nothing, which is what a schedule asks for.
type Request struct {
	Stacks      []string `json:"stacks"`             // names or ARNs
	All         bool     `json:"all,omitempty"`      // every stack of the scope, not only what Evenkeel deployed
	Accounts    []string `json:"accounts,omitempty"` // filters, of which all must hold
	Regions     []string `json:"regions,omitempty"`
	Names       []string `json:"names,omitempty"` // globs, of which one must match
	Tags        []string `json:"tags,omitempty"`  // key=value, or key for any value; the stack has all of them
	Revert      bool     `json:"revert"`
	Engine      string   `json:"engine,omitempty"`          // one of the Engine constants; "" is auto
	Seen        string   `json:"seen,omitempty"`            // digest of the only stack's drift, as it was seen
	IncludeKept bool     `json:"includeAccepted,omitempty"` // also revert what is ignored or accepted
	RequestedBy string   `json:"requestedBy"`
	ScanID      string   `json:"scanId"`          // by default the name of the execution
	Batch       int      `json:"batch,omitempty"` // of a scan that was planned; nothing else but ScanID is given then
}
