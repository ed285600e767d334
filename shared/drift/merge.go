package drift

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// Findings is all that the engines found about one stack.
type Findings struct {
	Engine    string // one of the Engine constants
	Detection Detection
	Resources []Resource
	Drifts    []ResourceDrift // CloudFormation's
	Live      []LiveResult    // none if the live engine was not asked
	// Nested are the stacks that are resources of this one, as their own scans
	// found them; nil if nobody looked.
	Nested []events.NestedStack
}

// Merge makes one report of what both engines found; without live results it
// is Assess. A resource counts as checked if either engine checked it, and as
// drifted if either found it drifted: no difference that one of them saw is
// left out. Where they do not say the same, the report says so. Changes of
// what the template does not set make nothing drift.
//
// The status is that of the stack and of all that is nested in it, see
// WithNested: a detection of the parent says nothing about them.
// Source: CloudFormation API reference, DetectStackDrift.
func Merge(stack events.StackRef, f Findings) Report {
	if f.Detection.State == DetectionSkipped || len(f.Live) == 0 && f.Engine != EngineLive {
		return Assess(stack, f.Detection, f.Resources, f.Drifts).WithNested(f.Nested)
	}
	results := map[string]ResourceDrift{}
	for _, d := range f.Drifts {
		results[d.LogicalID] = d
	}
	live := map[string]LiveResult{}
	for _, l := range f.Live {
		live[l.LogicalID] = l
	}
	r := Report{Resources: []events.DriftedResource{}}
	for _, resource := range f.Resources {
		var one Report
		if f.Engine == EngineLive {
			one.skip(resource)
		} else {
			one.add(stack, f.Detection, resource, results[resource.LogicalID])
		}
		r.merge(resource, one, live[resource.LogicalID])
	}
	r.finish(f)
	r = r.WithNested(f.Nested)
	r.Reasons = append(r.Reasons, unresolved(f.Resources, live)...) // less telling than why the stack is UNKNOWN
	return r
}

// skip counts a resource that CloudFormation was not asked about.
func (r *Report) skip(resource Resource) {
	if resource.Type == nestedStack {
		r.Coverage.Nested++
		return
	}
	r.Coverage.Unsupported++
}

func (r *Report) finish(f Findings) {
	if f.Detection.State == DetectionFailed {
		r.Reasons = append(r.Reasons, "the detection failed for at least one resource"+because(f.Detection.Reason))
	}
	r.nothingChecked(len(f.Resources))
	slices.Sort(r.Reasons)
	byID := func(a, b events.DriftedResource) int { return strings.Compare(a.LogicalID, b.LogicalID) }
	slices.SortFunc(r.Resources, byID)
	slices.SortFunc(r.Undeclared, byID)
	// A detection that failed does not matter for what the other engine read.
	r.Status, r.Digest = r.status(Detection{State: DetectionDone}, len(f.Resources)), digest(r.Resources)
	r.Own = r.Status
}

// merge adds one resource: one is CloudFormation's report of it alone.
func (r *Report) merge(resource Resource, one Report, live LiveResult) {
	r.Same = append(r.Same, one.Same...)
	switch {
	case one.Coverage.Nested > 0:
		r.Coverage.Nested++
	case live.read():
		r.Coverage.Checked++
		r.Coverage.Live++
		r.Coverage.Unresolved += len(live.Unresolved)
	case one.Coverage.Checked > 0:
		r.Coverage.Checked++
	case live.Status == StatusUnknown:
		r.unknown(resource, cmp.Or(live.Reason, because(strings.Join(one.Reasons, "; "))))
	case one.Coverage.Unknown > 0:
		r.Coverage.Unknown++
		r.Unknown, r.Reasons = append(r.Unknown, one.Unknown...), append(r.Reasons, one.Reasons...)
	default:
		r.unsupported(resource)
	}
	merged := both(resource, one, live)
	switch {
	case merged.Status != StatusInSync:
		r.Resources = append(r.Resources, merged)
	case len(merged.Undeclared) > 0:
		r.Undeclared = append(r.Undeclared, merged)
	}
}

// both is the verdict on one resource: deleted if either engine did not find
// it, else modified if either found a difference.
func both(resource Resource, one Report, live LiveResult) events.DriftedResource {
	out := events.DriftedResource{
		LogicalID: resource.LogicalID, PhysicalID: resource.PhysicalID, ResourceType: resource.Type,
		Status: StatusInSync, Differences: []events.PropertyDifference{}, Undeclared: live.Undeclared,
	}
	cloudFormation := "" // not checked
	if one.Coverage.Checked > 0 {
		cloudFormation = StatusInSync
	}
	if len(one.Resources) > 0 {
		cloudFormation, out.Engine = one.Resources[0].Status, EngineCloudFormation
		out.Differences = append(out.Differences, one.Resources[0].Differences...)
	}
	liveDrifted := live.Status == StatusModified || live.Status == StatusDeleted
	if liveDrifted {
		out.Engine = EngineLive
		if len(one.Resources) > 0 {
			out.Engine = engineBoth
		}
	}
	var extra []events.PropertyDifference
	if live.Status == StatusModified {
		extra = notAmong(live.Differences, out.Differences)
	}
	if cloudFormation != "" && live.read() {
		out.Disagreement = disagreement(cloudFormation, live, out.Differences, extra)
	}
	out.Differences = sorted(append(out.Differences, extra...))
	switch {
	case cloudFormation == StatusDeleted, live.Status == StatusDeleted:
		out.Status = StatusDeleted
	case cloudFormation == StatusModified, live.Status == StatusModified:
		out.Status = StatusModified
	}
	return out
}

// disagreement says in one sentence where the engines differ, or is empty.
// extra are differences that only the live engine has. That it has not those of
// properties that it could not resolve is none.
func disagreement(cloudFormation string, live LiveResult, differences, extra []events.PropertyDifference) string {
	if cloudFormation != live.Status && (cloudFormation == StatusDeleted || live.Status == StatusDeleted) {
		return fmt.Sprintf("CloudFormation says %s, Cloud Control says %s", cloudFormation, live.Status)
	}
	missing := slices.DeleteFunc(notAmong(differences, live.Differences), func(d events.PropertyDifference) bool {
		return slices.ContainsFunc(live.Unresolved, func(p string) bool { return within(d.Path, p) || within(p, d.Path) })
	})
	var parts []string
	if len(missing) > 0 {
		parts = append(parts, "only CloudFormation reports "+pathsOf(missing))
	}
	if len(extra) > 0 {
		parts = append(parts, "only Cloud Control reports "+pathsOf(extra))
	}
	if len(parts) == 0 && cloudFormation != live.Status && len(live.Unresolved) == 0 {
		return fmt.Sprintf("CloudFormation says %s, Cloud Control says %s", cloudFormation, live.Status)
	}
	return strings.Join(parts, ", ")
}

// notAmong returns the differences that the others do not have: at the same
// place, or the same value in a list, whose items each side numbers itself.
func notAmong(differences, others []events.PropertyDifference) []events.PropertyDifference {
	var rest []events.PropertyDifference
	for _, d := range differences {
		if !slices.ContainsFunc(others, func(o events.PropertyDifference) bool { return sameDifference(d, o) }) {
			rest = append(rest, d)
		}
	}
	return rest
}

func sameDifference(a, b events.PropertyDifference) bool {
	if a.Path == b.Path && a.Type == b.Type {
		return true
	}
	return a.Type == b.Type && a.Expected == b.Expected && a.Actual == b.Actual && listOf(a.Path) == listOf(b.Path) && listOf(a.Path) != ""
}

// listOf is the pointer to the list that the pointer names an item of, or "".
func listOf(path string) string {
	at := strings.LastIndexByte(path, '/')
	if at < 0 || path[at+1:] == "" || strings.Trim(path[at+1:], "0123456789") != "" {
		return ""
	}
	return path[:at]
}

// within reports that a pointer names the place of another one or something in
// it.
func within(path, of string) bool { return path == of || strings.HasPrefix(path, of+"/") }

func pathsOf(differences []events.PropertyDifference) string {
	names := make([]string, len(differences))
	for i, d := range differences {
		names[i] = d.Path
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
