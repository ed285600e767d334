package drift

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/response"
)

// The drift statuses of a stack and of a resource.
// Source: CloudFormation API reference, StackResourceDrift.
const (
	StatusInSync   = "IN_SYNC"
	StatusDrifted  = "DRIFTED"
	StatusModified = "MODIFIED"
	StatusDeleted  = "DELETED"
	StatusUnknown  = "UNKNOWN"
)

// nestedStack is the type whose resources a detection does not follow.
// Source: CloudFormation API reference, DetectStackDrift.
const nestedStack = "AWS::CloudFormation::Stack"

// detectable are the stack statuses in which drift can be detected.
// Source: CloudFormation user guide, "Detect drift on an entire CloudFormation stack".
var detectable = []string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}

// Report is what one detection found.
type Report struct {
	Status    string               // IN_SYNC, DRIFTED, UNKNOWN: of the stack and what is nested in it
	Own       string               // the status without what is nested
	Nested    []events.NestedStack // that are not in sync, sorted by logical id
	Coverage  events.Coverage
	Resources []events.DriftedResource // sorted by logical id
	// Undeclared are resources of which only what the template does not set
	// changed, sorted; they are no drift.
	Undeclared  []events.DriftedResource
	Unknown     []string            // logical ids of what could not be checked
	Unsupported []string            // logical ids of what no engine that was asked can check
	Same        []Same              // reported differences that are none
	Routed      []string            // logical ids of what rollouts route by, sorted; their weights are not compared
	Kept        []Kept              // drift that is ignored or accepted
	Healed      []response.Healed   // that the healer made, or that would undo what it did
	Reasons     []string            // why it is UNKNOWN, or what limits it; sorted
	Digest      string              // SHA-256 of what drifted: of Resources without what is known about it
	Names       map[string][]string // logical id → what else calls may name the resource, see furtherNames
}

// Same is a difference that CloudFormation reports although both sides mean
// the same.
type Same struct {
	LogicalID  string
	Difference events.PropertyDifference
}

// noStack is why a stack that is gone is skipped.
const noStack = "the stack does not exist"

// Assess turns a finished detection into a report. A failed detection still
// has results for what worked, and keeps older ones for what did not: those
// count as unknown. Both times are CloudFormation's own, so that nothing is
// allowed for clocks: a scan that follows another one within seconds must not
// take that one's results for its own. Resources without a result have a type that CloudFormation
// cannot check. Nothing is called in sync that was not looked at: a stack of
// which something is unknown, or nothing could be checked, is UNKNOWN.
// Source: CloudFormation API reference, DescribeStackDriftDetectionStatus and
// DescribeStackResourceDrifts.
func Assess(stack events.StackRef, detection Detection, resources []Resource, drifts []ResourceDrift) Report {
	r := Report{Resources: []events.DriftedResource{}}
	if detection.State == DetectionSkipped {
		r.Status, r.Own, r.Reasons = StatusUnknown, StatusUnknown, []string{detection.Reason}
		return r
	}
	results := map[string]ResourceDrift{}
	for _, d := range drifts {
		results[d.LogicalID] = d
	}
	for _, resource := range resources {
		r.add(stack, detection, resource, results[resource.LogicalID])
	}
	if detection.State == DetectionFailed {
		r.Reasons = append(r.Reasons, "the detection failed for at least one resource"+because(detection.Reason))
	}
	r.nothingChecked(len(resources))
	slices.Sort(r.Reasons)
	slices.SortFunc(r.Resources, func(a, b events.DriftedResource) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	r.Status, r.Digest = r.status(detection, len(resources)), digest(r.Resources)
	r.Own = r.Status
	return r
}

// noneChecked is why a stack is UNKNOWN of which nothing was looked at.
const noneChecked = "no resource of the stack could be checked"

func (r *Report) nothingChecked(resources int) {
	if r.Coverage.Checked == 0 && resources > 0 {
		r.Reasons = append(r.Reasons, noneChecked)
	}
}

func (r *Report) status(detection Detection, resources int) string {
	switch {
	case len(r.Resources) > 0:
		return StatusDrifted
	case r.Coverage.Unknown > 0, detection.State == DetectionFailed, r.Coverage.Checked == 0 && resources > 0:
		return StatusUnknown
	default:
		return StatusInSync
	}
}

// add counts one resource and, if it drifted, reports it.
func (r *Report) add(stack events.StackRef, detection Detection, resource Resource, result ResourceDrift) {
	failed := detection.State == DetectionFailed
	stale := failed && !result.Checked.After(detection.Started)
	drifted := result.Status == StatusModified || result.Status == StatusDeleted
	switch {
	case resource.Type == nestedStack:
		r.Coverage.Nested++
	case failed && result.Status == "", result.Status != "" && stale:
		r.unknown(resource, "there is no result for it")
	case result.Status == StatusUnknown:
		r.unknown(resource, result.Reason)
	case drifted, result.Status == StatusInSync:
		r.Coverage.Checked++
	default: // NOT_CHECKED, UNSUPPORTED or no result
		r.unsupported(resource)
	}
	if drifted && !stale {
		r.addDrifted(stack, resource, result)
	}
}

func (r *Report) unsupported(resource Resource) {
	r.Coverage.Unsupported++
	r.Unsupported = append(r.Unsupported, resource.LogicalID)
}

func (r *Report) unknown(resource Resource, reason string) {
	r.Coverage.Unknown++
	r.Unknown = append(r.Unknown, resource.LogicalID)
	r.Reasons = append(r.Reasons, resource.LogicalID+" could not be checked"+because(reason))
}

func (r *Report) addDrifted(stack events.StackRef, resource Resource, result ResourceDrift) {
	drifted := events.DriftedResource{
		LogicalID: resource.LogicalID, PhysicalID: resource.PhysicalID, ResourceType: resource.Type, Status: result.Status,
		Differences: []events.PropertyDifference{}, Engine: EngineCloudFormation,
	}
	switch result.Status {
	case StatusDeleted:
		r.Resources = append(r.Resources, drifted)
	case StatusModified:
		kind := Kind{Type: resource.Type, Account: stack.Account, Region: stack.Region}
		differences, same := Refine(kind, result)
		for _, d := range same {
			r.Same = append(r.Same, Same{LogicalID: resource.LogicalID, Difference: d})
		}
		if len(differences) > 0 || len(same) == 0 {
			drifted.Differences = append(drifted.Differences, differences...)
			r.Resources = append(r.Resources, drifted)
		}
	}
}

// SameNote says in one sentence which reported differences were none, or is
// empty.
func (r Report) SameNote() string {
	if len(r.Same) == 0 {
		return ""
	}
	names := make([]string, 0, len(r.Same))
	for _, s := range r.Same {
		names = append(names, s.LogicalID+s.Difference.Path)
	}
	return fmt.Sprintf("CloudFormation also reports %s: the same value in another form", strings.Join(names, ", "))
}

// alike lists the resources with differences that are none, sorted.
func (r Report) alike() []string {
	var names []string
	for _, s := range r.Same {
		names = append(names, s.LogicalID)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Undetectable says why a stack in this state cannot be checked, or is empty.
// busy reports that it may be checked later.
func Undetectable(state StackState) (reason string, busy bool) {
	switch {
	case state.Status == "":
		return noStack, false
	case slices.Contains(detectable, state.Status):
		return "", false
	case strings.HasSuffix(state.Status, "_IN_PROGRESS") && state.Status != "REVIEW_IN_PROGRESS":
		return "the stack is in " + state.Status, true
	default:
		return "the stack is in " + state.Status + "; drift can be detected in " + strings.Join(detectable, ", "), false
	}
}

// digest identifies what drifted, so that a change since can be noticed. Who
// changed it, what is done about it and which engine saw it are no part of it.
func digest(resources []events.DriftedResource) string {
	bare := make([]events.DriftedResource, len(resources))
	for i, r := range resources {
		bare[i] = events.DriftedResource{LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, ResourceType: r.ResourceType, Status: r.Status}
		bare[i].Differences = slices.SortedFunc(slices.Values(r.Differences), func(a, b events.PropertyDifference) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Actual, b.Actual))
		})
	}
	text, err := json.Marshal(bare)
	if err != nil { // strings cannot fail to encode
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
