package drift

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// maxNesting is how deep nested stacks are followed; a deeper one counts as
// nested in its parent's coverage and has no report.
const maxNesting = 10

// maxNestedReads is how often a parent looks whether the scans of its nested
// stacks have ended, before it is reported without them: for about ten minutes,
// in which a detection ends or is given up.
const maxNestedReads = 23

// nestedWait is how many seconds the workflow waits between two reads: they come
// first in the Map, and end a moment before their parent or much later.
func nestedWait(reads int) int { return min(2<<min(reads, 4), 30) }

// maxNestedNamed is how many nested stacks a report names.
const maxNestedNamed = 50

// WithNested adds what the scans of its nested stacks say: the stack has
// drifted if one of them has, and it is in sync only if all of them were
// checked and are. nested has one for each that the stack has, whatever its
// status; nil says that nobody looked, and leaves the report as it is. What is
// open, and can be reverted, stays what is the stack's own.
// Source: CloudFormation API reference, DetectStackDrift ("Perform
// DetectStackDrift directly on the nested stack itself").
func (r Report) WithNested(nested []events.NestedStack) Report {
	if len(nested) == 0 || r.Status == StatusUnknown && r.Coverage.Nested == 0 {
		return r
	}
	if c := r.Coverage; c.Checked+c.Unsupported+c.Unknown == 0 { // there is nothing else to check
		r.Reasons = slices.DeleteFunc(slices.Clone(r.Reasons), func(reason string) bool { return reason == noneChecked })
		if len(r.Reasons) == 0 { // else the detection itself failed
			r.Own = StatusInSync
		}
	}
	statuses := []string{r.Own}
	for _, n := range slices.SortedFunc(slices.Values(nested), func(a, b events.NestedStack) int { return strings.Compare(a.LogicalID, b.LogicalID) }) {
		switch n.Status {
		case StatusInSync:
			continue
		case StatusDrifted:
			reason := "the nested stack " + n.LogicalID + " has drifted"
			if child, ok := parseARN(n.StackID); ok {
				reason += ": see `evenkeel drift show " + child.StackName + "`"
			}
			r.Reasons = append(r.Reasons, reason)
		default:
			n.Status = StatusUnknown
			r.Reasons = append(r.Reasons, "the nested stack "+n.LogicalID+" is not known to be in sync"+because(n.Reason))
		}
		statuses = append(statuses, n.Status)
		if len(r.Nested) < maxNestedNamed {
			r.Nested = append(r.Nested, n)
		}
	}
	switch {
	case slices.Contains(statuses, StatusDrifted):
		r.Status = StatusDrifted
	case slices.Contains(statuses, StatusUnknown):
		r.Status = StatusUnknown
	default:
		r.Status = StatusInSync
	}
	slices.Sort(r.Reasons)
	return r
}

// nested says how the nested stacks among the resources are, as their own scans
// found them, and whether one has not ended for which it is worth to wait: that
// of this scan, or any that is not older than the parent's detection. A scan
// that names what was seen does not follow them, and one that verifies a revert
// has done so: then their last one counts.
func (s *Service) nested(ctx context.Context, scan Scan, resources []Resource) (found []events.NestedStack, wait bool, err error) {
	if s.Standings == nil {
		return nil, false, nil
	}
	for _, r := range resources {
		if r.Type != nestedStack {
			continue
		}
		n := events.NestedStack{LogicalID: r.LogicalID, StackID: r.PhysicalID, Status: StatusUnknown, Reason: "it has not been scanned"}
		child, ok := parseARN(r.PhysicalID)
		if !ok {
			n.Reason = "it has not been created"
			found = append(found, n)
			continue
		}
		standing, err := s.Standings.Standing(ctx, child)
		if err != nil {
			return nil, false, err
		}
		verdict := standing.Verdict
		follows := scan.Seen == "" && scan.Plan.State == ""
		fresh := verdict.ScanID == scan.ScanID || !verdict.Scanned.Before(scan.Detection.Ended.Truncate(time.Second)) // verdicts have whole seconds
		switch known := standing.Stack.StackID == child.StackID && verdict.Status != ""; {
		case known && (fresh || !follows):
			n.Status, n.Reason, n.Scanned = verdict.Status, verdict.Reason, verdict.Scanned
		case follows && scan.Reads < maxNestedReads:
			wait = true
		case known:
			n.Reason, n.Scanned = "its scan has not ended", verdict.Scanned
		}
		found = append(found, n)
	}
	return found, wait, nil
}

// withNested adds the stacks that are nested in the given ones: a detection
// does not follow them, so that each has a scan of its own that names its
// parent. A stack whose resources cannot be listed has no nested stacks here;
// its own scan will say why. depth says, by ARN, how deep each is nested.
func (s *Service) withNested(ctx context.Context, stacks []events.StackRef) (out []events.StackRef, depth map[string]int, err error) {
	out, depth = slices.Clone(stacks), map[string]int{}
	for _, stack := range out {
		depth[stack.StackID] = 0
	}
	level := out
	for deep := 1; deep <= maxNesting && len(level) > 0; deep++ {
		var next []events.StackRef
		for _, parent := range level {
			children, err := s.nestedIn(ctx, parent)
			if fault.Is(err, fault.TransientError) || ctx.Err() != nil {
				return nil, nil, err
			}
			for _, child := range children {
				known, ok := depth[child.StackID]
				if !ok {
					next = append(next, child)
				}
				if !ok || known == 0 { // one that was named beside its parent is nested all the same
					depth[child.StackID] = deep
				}
			}
		}
		out, level = append(out, next...), next
	}
	return out, depth, nil
}

// nestedIn returns the stacks that are resources of the parent.
func (s *Service) nestedIn(ctx context.Context, parent events.StackRef) ([]events.StackRef, error) {
	resources, err := s.Stacks.Resources(ctx, parent)
	if err != nil {
		return nil, err
	}
	var children []events.StackRef
	for _, r := range resources {
		if r.Type != nestedStack {
			continue
		}
		child, ok := parseARN(r.PhysicalID)
		if !ok {
			continue // not created yet
		}
		child.Repository, child.Stage, child.RunID, child.Parent = parent.Repository, parent.Stage, parent.RunID, parent.StackID
		children = append(children, child)
	}
	return children, nil
}
