package deployment

import (
	"context"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// RollbackConfiguration is what CloudFormation watches while it operates on a
// stack, and for some minutes after the last resource. It stays on the stack
// until another one takes its place.
// Source: CloudFormation API reference, RollbackConfiguration.
type RollbackConfiguration struct {
	Triggers []RollbackTrigger `json:"triggers"` // sorted by ARN
	Minutes  int               `json:"minutes"`
}

// RollbackTrigger is an alarm that is watched.
type RollbackTrigger struct {
	ARN  string `json:"arn"`
	Type string `json:"type"` // one of the trigger types
}

// The types of a trigger.
// Source: CloudFormation API reference, RollbackTrigger, Type.
const (
	triggerAlarm     = "AWS::CloudWatch::Alarm"
	triggerComposite = "AWS::CloudWatch::CompositeAlarm"
)

// watched looks the stack's alarms up. The way back after a failed verification
// is not watched: the alarm that made it fail would end it at once. Errors:
// InvalidError for an alarm that is not there, because a missing trigger fails
// the whole operation.
func (s *Service) watched(ctx context.Context, r Release, to events.Target) ([]verification.Alarm, error) {
	_, stack, _ := r.Current()
	if r.Step.Rollback || len(stack.Rollback.Alarms) == 0 {
		return nil, nil
	}
	names := make([]string, len(stack.Rollback.Alarms))
	for i, alarm := range stack.Rollback.Alarms {
		names[i] = pipeline.AlarmName(alarm)
	}
	alarms, err := s.Alarms.States(ctx, to, names)
	if err != nil {
		return nil, err
	}
	for i, alarm := range alarms {
		if alarm.State == verification.AlarmMissing {
			return nil, fault.Invalid("%s: there is no alarm %s in account %s, region %s, which stack %s of stage %s is to be watched with; CloudFormation would roll back whatever is deployed: create the alarm before, or take it out of alarms",
				stack.Rollback.Place(i), alarm.Name, to.Account, to.Region, to.Stack, to.Stage)
		}
	}
	return alarms, nil
}

// triggers is the rollback configuration of the stack with its alarms.
func triggers(stack pipeline.Stack, alarms []verification.Alarm) RollbackConfiguration {
	c := RollbackConfiguration{Triggers: []RollbackTrigger{}}
	for _, alarm := range alarms {
		kind := triggerAlarm
		if alarm.Composite {
			kind = triggerComposite
		}
		c.Triggers = append(c.Triggers, RollbackTrigger{ARN: alarm.ARN, Type: kind})
	}
	slices.SortFunc(c.Triggers, func(a, b RollbackTrigger) int { return strings.Compare(a.ARN, b.ARN) })
	if len(alarms) > 0 {
		c.Minutes = stack.Rollback.Bake
	}
	return c
}

// ringing names the alarms that are in ALARM.
func ringing(alarms []verification.Alarm) []string {
	var names []string
	for _, alarm := range alarms {
		if alarm.State == verification.AlarmALARM {
			names = append(names, alarm.Name)
		}
	}
	return names
}

// refuseRinging is a ConflictError when alarms ring: CloudFormation would roll
// back at once. Nobody has to change what was pushed, so that the run is
// Deferred and not Rejected.
func refuseRinging(to events.Target, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return fault.Conflict("nothing was changed: CloudFormation would roll %s back at once, because of %s in account %s, region %s, in ALARM: %s. Push again when it is quiet; to deploy what makes it quiet, take it out of alarms in %s for that push",
		to.StackName, count(len(names), "alarm"), to.Account, to.Region, strings.Join(names, ", "), pipeline.FileName)
}

// quiet looks at the alarms right before the change set is executed: they may
// ring, or be gone, since it was planned.
func (s *Service) quiet(ctx context.Context, r Release, to events.Target) error {
	alarms, err := s.watched(ctx, r, to)
	if err != nil {
		return err
	}
	return refuseRinging(to, ringing(alarms))
}

// alarmed names the alarms of a rollback that no resource caused: the reason
// that CloudFormation gives for it is not documented.
func (s *Service) alarmed(ctx context.Context, r Release, to events.Target, failure events.Failure) (events.Failure, error) {
	if failure.LogicalID != "" {
		return failure, nil
	}
	alarms, err := s.watched(ctx, r, to)
	if fault.Is(err, fault.TransientError) {
		return failure, err
	}
	for _, alarm := range alarms {
		if alarm.State == verification.AlarmALARM {
			failure.Reason = strings.TrimSpace(failure.Reason + " The alarm " + alarm.Name + " is in ALARM: " + alarm.Reason)
		}
	}
	return failure, nil
}
