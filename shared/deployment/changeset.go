package deployment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// ChangeSet is a change set as CloudFormation shows it, all pages together.
// Source: CloudFormation API reference, DescribeChangeSet.
type ChangeSet struct {
	ID              string            `json:"id"` // ARN
	StackID         string            `json:"stackId"`
	Status          string            `json:"status"`          // CREATE_PENDING, CREATE_IN_PROGRESS, CREATE_COMPLETE, FAILED, DELETE_COMPLETE, …
	ExecutionStatus string            `json:"executionStatus"` // AVAILABLE, EXECUTE_IN_PROGRESS, OBSOLETE, …
	StatusReason    string            `json:"statusReason"`
	Changes         []Change          `json:"changes"`
	Parameters      map[string]string `json:"parameters"` // CloudFormation shows NoEcho values as ****
	Capabilities    []string          `json:"capabilities"`

	Rollback RollbackConfiguration `json:"rollback"`
}

// Change is what a change set does to one resource.
// Source: CloudFormation API reference, ResourceChange.
type Change struct {
	Action       string   `json:"action"` // Add, Modify, Remove, Import, Dynamic, SyncWithActual
	LogicalID    string   `json:"logicalId"`
	PhysicalID   string   `json:"physicalId,omitempty"`
	Type         string   `json:"type"`
	Replacement  string   `json:"replacement,omitempty"`  // True, False, Conditional; empty unless Modify
	PolicyAction string   `json:"policyAction,omitempty"` // Delete, Retain, Snapshot, ReplaceAndDelete, …
	Scope        []string `json:"scope,omitempty"`        // Properties, Tags, Metadata, …
	Details      []Detail `json:"details,omitempty"`
	Before       string   `json:"before,omitempty"` // JSON of the resource before
	After        string   `json:"after,omitempty"`  // JSON of the resource after
	Nested       string   `json:"nested,omitempty"` // change set of a nested stack
	Drift        string   `json:"drift,omitempty"`  // drift status of the resource
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
	Recreation string `json:"recreation,omitempty"` // Never, Conditionally, Always
	Evaluation string `json:"evaluation,omitempty"` // Static, Dynamic
	Source     string `json:"source,omitempty"`     // ResourceReference, ParameterReference, DirectModification, …
	Cause      string `json:"cause,omitempty"`      // the entity that causes it
}

// noChanges are how the StatusReason of a change set without changes begins;
// the second one appears when the template has a transform.
// Source: observed service messages; the AWS CLI's deploy command tests for
// the same two.
var noChanges = []string{
	"The submitted information didn't contain changes.",
	"No updates are to be performed.",
}

// Unchanged reports whether the change set failed only because there is
// nothing to change.
func (c ChangeSet) Unchanged() bool {
	return c.Status == "FAILED" && slices.ContainsFunc(noChanges, func(text string) bool {
		return strings.HasPrefix(c.StatusReason, text)
	})
}

// Digest is the SHA-256 of what the change set would do: its identity, every
// change with its values, its parameters and capabilities, as canonical JSON
// (fixed field order, sorted keys, changes sorted by logical id). Whether it
// was executed meanwhile is no part of it.
func (c ChangeSet) Digest() (string, error) {
	c.Status, c.ExecutionStatus, c.StatusReason = "", "", ""
	c.Changes = slices.Clone(c.Changes)
	for i, change := range c.Changes {
		c.Changes[i].Scope = slices.Sorted(slices.Values(change.Scope))
		c.Changes[i].Details = slices.Clone(change.Details)
		slices.SortStableFunc(c.Changes[i].Details, func(a, b Detail) int { return strings.Compare(encoded(a), encoded(b)) })
	}
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		return strings.Compare(a.Nested+" "+a.LogicalID, b.Nested+" "+b.LogicalID)
	})
	c.Capabilities = slices.Sorted(slices.Values(c.Capabilities))
	data, err := json.Marshal(c)
	if err != nil {
		return "", fault.Permanent("digest of change set %s: %w", c.ID, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// encoded is a sort key that tells any two details apart.
func encoded(d Detail) string {
	return strings.Join([]string{d.Attribute, d.Path, d.Name, d.ChangeType, d.Before, d.After, d.Recreation, d.Evaluation, d.Source, d.Cause}, "\x00")
}
