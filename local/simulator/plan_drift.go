package simulator

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// compareActual is the three-way comparison of a drift-aware change set:
// actual state, previous deployment, new template (CFN-36).
func (pl *planner) compareActual(ctx context.Context, d *differ, change planned) error {
	live, err := pl.region.models.read(ctx, change.typeName, change.old.identifier)
	var failed *ResourceError
	if errors.As(err, &failed) && failed.Code == "NotFound" {
		change.driftStatus = types.StackResourceDriftStatusDeleted
		change.old = nil
		pl.add(change)
		return nil
	}
	if err != nil {
		return err
	}
	change.actual = live
	change.driftStatus = types.StackResourceDriftStatusInSync
	if len(driftBetween(d.schema, change.old.properties, live)) > 0 {
		change.driftStatus = types.StackResourceDriftStatusModified
	}
	change.details, change.ignored = pl.threeWay(d, change)
	pl.modify(change)
	return nil
}

func (pl *planner) threeWay(d *differ, change planned) (details []types.ResourceChangeDetail, ignored []types.ResourceDriftIgnoredAttribute) {
	now := pl.region.now()
	previous := leaves(change.old.properties, change.properties)
	for _, l := range driftBetween(d.schema, change.properties, change.actual) {
		detail := d.detail(l.revert())
		detail.Target.BeforeValueFrom, detail.Target.AfterValueFrom = types.BeforeValueFromActualState, types.AfterValueFromTemplate
		was, _ := valueAt(change.old.properties, l.path)
		if l.kind == types.DifferenceTypeAdd {
			was = nil
		}
		if !reflect.DeepEqual(was, l.actual) {
			detail.Target.Drift = &types.LiveResourceDrift{PreviousValue: valueText(was), ActualValue: valueText(l.actual), DriftDetectionTimestamp: &now}
			if detail.ChangeSource == types.ChangeSourceDirectModification && len(previous) == 0 {
				detail.ChangeSource = types.ChangeSourceNoModification
			}
		}
		details = append(details, detail)
	}
	for _, l := range previous {
		if d.schema != nil && contains(d.schema.WriteOnly, l.path) {
			detail := d.detail(l)
			detail.Target.BeforeValueFrom, detail.Target.AfterValueFrom = types.BeforeValueFromPreviousDeploymentState, types.AfterValueFromTemplate
			details = append(details, detail)
			continue
		}
		if slices.ContainsFunc(details, func(x types.ResourceChangeDetail) bool { return topLevel(x) == l.path[0] }) {
			continue
		}
		actual, _ := valueAt(change.actual, l.path)
		detail := d.detail(l)
		detail.Target.BeforeValueFrom, detail.Target.AfterValueFrom = types.BeforeValueFromPreviousDeploymentState, types.AfterValueFromTemplate
		if reflect.DeepEqual(actual, l.after) {
			detail.Target.AttributeChangeType = types.AttributeChangeTypeSyncWithActual
			detail.Target.Drift = &types.LiveResourceDrift{PreviousValue: valueText(l.before), ActualValue: valueText(actual), DriftDetectionTimestamp: &now}
		}
		details = append(details, detail)
	}
	if d.schema != nil {
		for _, pointer := range d.schema.WriteOnly {
			if _, set := lookup(change.properties, pointerPath(pointer)); set {
				ignored = append(ignored, types.ResourceDriftIgnoredAttribute{Path: aws.String("/Properties/" + joinPath(pointerPath(pointer))), Reason: types.DriftIgnoredReasonWriteOnlyProperty})
			}
		}
	}
	return details, ignored
}
