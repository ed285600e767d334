// Package changeset is the model of a CloudFormation change set: what it says
// about each resource, how its text form is read, and a
// canonical form in which equal ones are equal. It decides nothing.
package changeset

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Set is a change set as CloudFormation shows it, all pages together.
// Source: CloudFormation API reference, DescribeChangeSet.
type Set struct {
	ID              string            `json:"id"` // ARN
	StackID         string            `json:"stackId"`
	StackName       string            `json:"stackName,omitempty"`
	Status          string            `json:"status"`          // CREATE_PENDING, CREATE_IN_PROGRESS, CREATE_COMPLETE, FAILED, DELETE_COMPLETE, …
	ExecutionStatus string            `json:"executionStatus"` // AVAILABLE, EXECUTE_IN_PROGRESS, OBSOLETE, …
	StatusReason    string            `json:"statusReason"`
	Changes         []Change          `json:"changes"`
	Parameters      map[string]string `json:"parameters"` // CloudFormation shows NoEcho values as ****
	Capabilities    []string          `json:"capabilities"`
	Tags            map[string]string `json:"tags,omitempty"`
	Notifications   []string          `json:"notifications,omitempty"`    // ARNs of topics
	DeploymentMode  string            `json:"deploymentMode,omitempty"`   // REVERT_DRIFT for a drift-aware change set
	StackDrift      string            `json:"stackDriftStatus,omitempty"` // of a drift-aware change set
	OnStackFailure  string            `json:"onStackFailure,omitempty"`   // DELETE, DO_NOTHING, ROLLBACK
	IncludesNested  bool              `json:"includesNestedStacks,omitempty"`
	Rollback        *Rollback         `json:"rollback,omitempty"`
	// Nested are the change sets of nested stacks by their ARN, as far as they
	// are known; Change.Nested of a nested stack's row names one.
	Nested map[string]Set `json:"nested,omitempty"`
}

// Rollback is what makes CloudFormation roll an update back.
// Source: CloudFormation API reference, RollbackConfiguration.
type Rollback struct {
	MonitoringMinutes int      `json:"monitoringMinutes"` // after the resources are done
	Alarms            []string `json:"alarms"`            // ARNs, sorted
}

// The actions of a change.
// Source: CloudFormation API reference, ResourceChange.
const (
	Add            = "Add"
	Modify         = "Modify"
	Remove         = "Remove"
	Import         = "Import"
	Dynamic        = "Dynamic"        // which one is known only during the deployment
	SyncWithActual = "SyncWithActual" // only what CloudFormation remembers changes
)

// Change is what a change set does to one resource.
// Source: CloudFormation API reference, ResourceChange.
type Change struct {
	Action       string   `json:"action"` // one of the constants above
	LogicalID    string   `json:"logicalId"`
	PhysicalID   string   `json:"physicalId,omitempty"`
	Type         string   `json:"type"`
	Replacement  string   `json:"replacement,omitempty"`  // True, False, Conditional; empty unless Modify
	PolicyAction string   `json:"policyAction,omitempty"` // Delete, Retain, Snapshot, ReplaceAndDelete, …
	Scope        []string `json:"scope,omitempty"`        // Properties, Tags, Metadata, …
	Details      []Detail `json:"details,omitempty"`
	Before       string   `json:"before,omitempty"`       // JSON of the resource before
	After        string   `json:"after,omitempty"`        // JSON of the resource after
	Nested       string   `json:"nested,omitempty"`       // ARN of the change set of a nested stack
	Drift        string   `json:"drift,omitempty"`        // drift status of the resource
	DriftIgnored []string `json:"driftIgnored,omitempty"` // paths whose drift was not looked at, and why
	// Drifted is what the last drift detection found, which a change set that is
	// not drift-aware does not tell.
	Drifted []Drifted `json:"drifted,omitempty"`
	// DriftAccepted is who accepted the drift of the whole resource, and why.
	DriftAccepted string `json:"driftAccepted,omitempty"`
	// DriftBy is who made the drift, when a scan knows it.
	DriftBy *Changer `json:"driftBy,omitempty"`
}

// Drifted is a property that was changed outside of the stack.
type Drifted struct {
	Path     string `json:"path"`               // JSON pointer into the properties
	Expected string `json:"expected,omitempty"` // empty when the template does not set it
	Actual   string `json:"actual,omitempty"`   // empty when it was taken away
	Accepted string `json:"accepted,omitempty"` // who accepted it, and why
	// By is who changed it, when a scan knows it.
	By *Changer `json:"by,omitempty"`
}

// Detail is why one attribute of a resource changes.
// Source: CloudFormation API reference, ResourceChangeDetail.
type Detail struct {
	Attribute  string `json:"attribute"`            // Properties, Tags, …
	Name       string `json:"name,omitempty"`       // of the property
	Path       string `json:"path,omitempty"`       // /Properties/X/0/Y
	ChangeType string `json:"changeType,omitempty"` // Add, Remove, Modify, SyncWithActual
	Before     string `json:"before,omitempty"`
	After      string `json:"after,omitempty"`
	BeforeFrom string `json:"beforeFrom,omitempty"` // ACTUAL_STATE, PREVIOUS_DEPLOYMENT_STATE; drift-aware change sets only
	Deployed   string `json:"deployed,omitempty"`   // value of the last deployment where somebody changed it since
	Recreation string `json:"recreation,omitempty"` // Never, Conditionally, Always
	Evaluation string `json:"evaluation,omitempty"` // Static, Dynamic
	Source     string `json:"source,omitempty"`     // ResourceReference, ParameterReference, DirectModification, …
	Cause      string `json:"cause,omitempty"`      // the entity that causes it
}

// Where names the attribute as a path.
func (d Detail) Where() string {
	switch {
	case d.Path != "":
		return d.Path
	case d.Name != "":
		return "/" + d.Attribute + "/" + d.Name
	default:
		return "/" + d.Attribute
	}
}

// Unknown reports whether the value after the change is not known yet.
func (d Detail) Unknown() bool { return strings.Contains(d.After, template.KnownAfterApply) }

// Recreates reports whether the attribute may force a replacement.
func (d Detail) Recreates() bool { return d.Recreation == "Always" || d.Recreation == "Conditionally" }

// certain reports whether the attribute forces a replacement by a value that is
// known to differ.
func (d Detail) certain() bool {
	return d.Recreation == "Always" && d.Evaluation != "Dynamic" && !d.Unknown()
}

// Certainty says how sure something is.
type Certainty int

// The certainties, rising.
const (
	No Certainty = iota
	Perhaps
	Yes
)

// Replaces says whether the resource is replaced. CloudFormation reports True
// also where only a value that is not known yet could do it, above all in
// nested stacks; that is Perhaps.
// Source: CloudFormation user guide, "Change sets for nested stacks".
func (c Change) Replaces() Certainty {
	byPolicy := strings.HasPrefix(c.PolicyAction, "ReplaceAnd")
	switch {
	case c.Action != Modify && !byPolicy:
		return No
	case c.Replacement == "Conditional":
		return Perhaps
	case c.Replacement != "True" && !byPolicy:
		return No
	}
	forced := slices.ContainsFunc(c.Details, Detail.Recreates)
	if forced && !slices.ContainsFunc(c.Details, Detail.certain) {
		return Perhaps
	}
	return Yes
}

// noChanges are how the StatusReason of a change set without changes begins;
// the second one appears when the template has a transform.
// Source: observed service messages; the AWS CLI's deploy command tests for
// the same two.
var noChanges = []string{
	"The submitted information didn't contain changes.",
	"No updates are to be performed.",
}

// Nothing is a change set of a stack that is as it should be.
func Nothing() Set { return Set{Status: "FAILED", StatusReason: noChanges[0]} }

// Unchanged reports whether the change set failed only because there is
// nothing to change.
func (s Set) Unchanged() bool {
	return s.Status == "FAILED" && slices.ContainsFunc(noChanges, func(text string) bool {
		return strings.HasPrefix(s.StatusReason, text)
	})
}

// Canonical is the change set in a form that is equal for equal ones: changes
// sorted by logical id, details and lists sorted, those of nested stacks too.
// Whether it was executed meanwhile is no part of it.
func (s Set) Canonical() Set {
	s.Status, s.ExecutionStatus, s.StatusReason = "", "", ""
	s.Changes = slices.Clone(s.Changes)
	for i, change := range s.Changes {
		s.Changes[i].Scope = slices.Sorted(slices.Values(change.Scope))
		s.Changes[i].DriftIgnored = slices.Sorted(slices.Values(change.DriftIgnored))
		s.Changes[i].Details = slices.Clone(change.Details)
		slices.SortStableFunc(s.Changes[i].Details, func(a, b Detail) int { return strings.Compare(encoded(a), encoded(b)) })
	}
	slices.SortStableFunc(s.Changes, func(a, b Change) int {
		return strings.Compare(a.Nested+" "+a.LogicalID, b.Nested+" "+b.LogicalID)
	})
	s.Capabilities = slices.Sorted(slices.Values(s.Capabilities))
	s.Notifications = slices.Sorted(slices.Values(s.Notifications))
	if s.Rollback != nil {
		s.Rollback = &Rollback{s.Rollback.MonitoringMinutes, slices.Sorted(slices.Values(s.Rollback.Alarms))}
	}
	if len(s.Nested) > 0 {
		nested := make(map[string]Set, len(s.Nested))
		for id, child := range s.Nested {
			nested[id] = child.Canonical()
		}
		s.Nested = nested
	}
	return s
}

// encoded is a sort key that tells any two details apart.
func encoded(d Detail) string {
	return strings.Join([]string{
		d.Attribute, d.Path, d.Name, d.ChangeType, d.Before, d.After, d.BeforeFrom, d.Deployed, d.Recreation, d.Evaluation, d.Source, d.Cause,
	}, "\x00")
}
