package drift

import (
	"fmt"
	"slices"
	"strings"
)

// knownAfterApply stands in a change set for a value that CloudFormation will
// only learn while it executes.
const knownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// The actions of a Change that the guard can judge.
const (
	actionAdd            = "Add"
	actionModify         = "Modify"
	actionSyncWithActual = "SyncWithActual"
)

// Guard returns the reasons why a revert change set must not be executed,
// sorted; none means that it may be.
//
// Drift-aware change sets can report changes of resources that never drifted,
// even replacements that delete, when a property depends on a value that is
// known only after apply. So every change must name a resource that was
// reported drifted, none may replace or delete, and none may carry such a
// value. SyncWithActual changes CloudFormation's record and not the resource:
// it is harmless, but a change set of nothing else would bring nothing back.
// The change set reads each resource again: what it found drifted is what was
// reported, or somebody has changed it since.
// Resources that are alike are the same in another form: the change set writes
// the template's form, which changes nothing. What rollouts route by would get
// its weights back, what is kept somebody wants as it is, and what the healer
// closed would be open again: none is touched. What is in a nested stack is none of this stack's drift: its row may
// pass only if nothing is done to it, see touchesNested.
// Source: CloudFormation user guide, "Using drift-aware change sets";
// CloudFormation API reference, ResourceChange and ResourceTargetDefinition.
func Guard(set ChangeSet, found Drift) []string {
	status := map[string]string{}
	for _, name := range found.Alike {
		status[name] = StatusInSync
	}
	for _, r := range found.Resources {
		status[r.LogicalID] = r.Status
	}
	var reasons []string
	reverting := false
	for _, c := range set.Changes {
		if c.ResourceType == nestedStack {
			reasons = append(reasons, touchesNested(c, set)...)
			continue
		}
		reasons = append(reasons, refuse(c, status[c.LogicalID])...)
		if slices.Contains(found.Routed, c.LogicalID) && reverts(c) {
			reasons = append(reasons, c.LogicalID+" has the weights of a rollout, which the change set would set back")
		}
		reasons = append(reasons, overwritten(c, found.Kept)...)
		reasons = append(reasons, refuseHealed(c, found.Healed)...)
		reasons = append(reasons, changedMeanwhile(c, found)...)
		drifted := status[c.LogicalID] == StatusModified || status[c.LogicalID] == StatusDeleted
		reverting = reverting || drifted && reverts(c)
	}
	if !reverting {
		reasons = append(reasons, "the change set would bring no drifted resource back")
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// refuse judges one change. reported is the drift status of its resource, or
// empty if CloudFormation did not report it.
func refuse(c Change, reported string) []string {
	var reasons []string
	say := func(format string, args ...any) {
		reasons = append(reasons, c.LogicalID+" "+fmt.Sprintf(format, args...))
	}
	if reported == "" {
		say("was not reported drifted, but the change set has %s for it", c.Action)
	}
	switch c.Action {
	case actionModify, actionSyncWithActual:
	case actionAdd:
		if reported != "" && reported != StatusDeleted {
			say("exists, but the change set would create it")
		}
	default:
		say("would get the action %q, which brings nothing back", c.Action)
	}
	if c.Replacement != "" && c.Replacement != "False" {
		say("might be replaced (Replacement %s)", c.Replacement)
	}
	if c.PolicyAction != "" {
		say("would be removed or replaced (PolicyAction %s)", c.PolicyAction)
	}
	if strings.Contains(c.After, knownAfterApply) {
		say("would get a value that is known only after apply")
	}
	for _, d := range c.Details {
		if strings.Contains(d.After, knownAfterApply) {
			say("would get a value that is known only after apply")
		}
		if d.RequiresRecreation != "" && d.RequiresRecreation != "Never" && d.Type != actionSyncWithActual {
			say("might be replaced (%s requires recreation %s)", d.Path, strings.ToLower(d.RequiresRecreation))
		}
	}
	return reasons
}

// overwritten says what of the kept drift the change would take away.
func overwritten(c Change, kept []Kept) []string {
	var reasons []string
	for _, k := range kept {
		if k.LogicalID == c.LogicalID && reverts(c) && overlaps(c, k.Path) {
			reasons = append(reasons, fmt.Sprintf("%s%s would be overwritten, which is %s; ask with --include-accepted if it shall be", k.LogicalID, k.Path, k.Why))
		}
	}
	return reasons
}

// overlaps reports whether the change touches the property at a JSON pointer, a
// part of it or a whole that contains it. A change that does not say what it
// touches may touch everything. Paths of a change begin with /Properties.
// Source: CloudFormation API reference, ResourceTargetDefinition, Path.
func overlaps(c Change, path string) bool {
	if path == "" || len(c.Details) == 0 {
		return true
	}
	return slices.ContainsFunc(c.Details, func(d ChangeDetail) bool {
		if d.Type == actionSyncWithActual {
			return false
		}
		changed := strings.TrimPrefix(d.Path, "/Properties") + "/"
		return strings.HasPrefix(path+"/", changed) || strings.HasPrefix(changed, path+"/")
	})
}

// reverts reports whether the change would touch the resource itself.
func reverts(c Change) bool {
	if c.Action == actionSyncWithActual {
		return false
	}
	return len(c.Details) == 0 || slices.ContainsFunc(c.Details, func(d ChangeDetail) bool {
		return d.Type != actionSyncWithActual
	})
}
