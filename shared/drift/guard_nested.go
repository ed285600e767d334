package drift

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// automatic is the ChangeSource of a nested stack whose resource does not
// change: its template might.
// Source: CloudFormation API reference, ResourceChangeDetail.
const automatic = "Automatic"

// touchesNested judges the row of a nested stack, which every change set of its
// parent has unless it includes the nested stacks, and a drift-aware one cannot.
// The row alone says nothing about the child. It may pass only if nothing can
// be done to what is in it: the parent gives it the values that it has, for the
// row is Automatic and nothing else; its template is the one that it was
// deployed from, for the probe, which includes the nested stacks, has no row
// for it; and it has no nested stacks of its own, whose update no row tells of.
// Then it is unmodified, and its resources are not updated, drifted or not.
// Source: CloudFormation template reference, AWS::CloudFormation::Stack
// ("CloudFormation updates the resources of modified nested stacks, but doesn't
// update the resources of unmodified nested stacks"); API reference,
// ResourceChangeDetail, ChangeSource.
func touchesNested(c Change, set ChangeSet) []string {
	reasons := refuse(c, StatusModified)
	why := ""
	switch probe := set.Probe; {
	case len(reasons) > 0:
	case !onlyAutomatic(c):
		why = "the change set would give it other values"
	case slices.Contains(set.Deep, c.LogicalID):
		why = "it has nested stacks of its own, and no change set tells what becomes of those"
	case probe == nil:
		why = "nothing tells whether its template is still the one that it was deployed from"
	case probe.unchanged():
		return nil
	case probe.Status != created:
		why = "it could not be found out whether its template is still the one that it was deployed from" + because(shorten(probe.Reason, maxProbeReason))
	case slices.ContainsFunc(probe.Changes, func(p Change) bool { return p.LogicalID == c.LogicalID }):
		why = "an update of the stack would change it too: its template or its values are not those that it was deployed with"
	default:
		return nil
	}
	if why != "" {
		reasons = append(reasons, c.LogicalID+" is a nested stack: "+why+"; "+nextOf(c))
	}
	return reasons
}

// maxProbeReason leaves room in a reason for what to do.
const maxProbeReason = 80

// nextOf is what a person can do about a nested stack that keeps its parent from
// being reverted.
func nextOf(c Change) string {
	child := c.PhysicalID
	if _, ok := parseARN(child); !ok {
		child = "its ARN"
	}
	return "its own drift goes with `evenkeel drift revert " + child + "`, the rest with a deployment of the stack"
}

func onlyAutomatic(c Change) bool {
	return len(c.Details) > 0 && !slices.ContainsFunc(c.Details, func(d ChangeDetail) bool { return d.Source != automatic })
}

// unchanged reports a change set that failed because there is nothing to change.
func (c ChangeSet) unchanged() bool {
	return changeset.Set{Status: c.Status, StatusReason: c.Reason}.Unchanged()
}

// computing reports a change set that CloudFormation has not finished.
func (c ChangeSet) computing() bool {
	return strings.HasPrefix(c.Status, "CREATE_") && c.Status != created
}
