package simulator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Limits of a rollback configuration.
// Source: API reference, RollbackConfiguration.
const (
	maxTriggers          = 5
	maxMonitoringMinutes = 180
)

// triggerTypes are the resource types of rollback triggers (CFN-80).
var triggerTypes = []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}

func checkRollback(c *types.RollbackConfiguration) error {
	if c == nil {
		return nil
	}
	if minutes := aws.ToInt32(c.MonitoringTimeInMinutes); minutes < 0 || minutes > maxMonitoringMinutes {
		return validationError("1 validation error detected: Value '%d' at 'rollbackConfiguration.monitoringTimeInMinutes' failed to satisfy constraint: Member must have value between 0 and %d", minutes, maxMonitoringMinutes)
	}
	if len(c.RollbackTriggers) > maxTriggers {
		return validationError("1 validation error detected: Value at 'rollbackConfiguration.rollbackTriggers' failed to satisfy constraint: Member must have length less than or equal to %d", maxTriggers)
	}
	for _, trigger := range c.RollbackTriggers {
		if !slices.Contains(triggerTypes, aws.ToString(trigger.Type)) {
			return validationError("Rollback trigger type [%s] is not one of [%s]", aws.ToString(trigger.Type), strings.Join(triggerTypes, ", "))
		}
		if !strings.HasPrefix(aws.ToString(trigger.Arn), "arn:") {
			return validationError("Rollback trigger [%s] is not an ARN", aws.ToString(trigger.Arn))
		}
	}
	return nil
}

// inheritRollback keeps the stack's rollback triggers where an update names
// none; an empty list removes them (CFN-8).
func inheritRollback(d, current *deployment) {
	switch {
	case d.rollback == nil:
		d.rollback = current.rollback
	case d.rollback.RollbackTriggers == nil && current.rollback != nil:
		merged := *d.rollback
		merged.RollbackTriggers = current.rollback.RollbackTriggers
		d.rollback = &merged
	}
}

func triggersOf(d *deployment) []string {
	list := []string{}
	if d.rollback != nil {
		for _, trigger := range d.rollback.RollbackTriggers {
			list = append(list, aws.ToString(trigger.Arn))
		}
	}
	return list
}

func minutesOf(d *deployment) int32 {
	if d.rollback == nil {
		return 0
	}
	return aws.ToInt32(d.rollback.MonitoringTimeInMinutes)
}

// monitoring is how long the operation waits after its resources and before
// its clean-up. A create without triggers has nothing to wait for (CFN-82).
func (x *execution) monitoring() time.Duration {
	if x.op.kind == types.OperationTypeCreateStack && len(triggersOf(x.p.deployment)) == 0 {
		return 0
	}
	return time.Duration(minutesOf(x.p.deployment)) * x.r.sim.opts.Minute
}

// polls is how often the alarms are asked for in a minute of monitoring.
const polls = 10

// watch follows the alarms of an operation's rollback triggers.
type watch struct {
	cancel context.CancelFunc
	done   chan struct{}
	reason string // of the rollback; read it after done
}

// watch looks at the alarms now, and then until the context ends or stop is
// called. The context that it gives ends at the first alarm (CFN-81, CFN-82).
func (x *execution) watch(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, done: make(chan struct{})}
	arns := triggersOf(x.p.deployment)
	if len(arns) == 0 {
		close(w.done)
		return ctx, w
	}
	if w.reason = x.r.breach(ctx, arns); w.reason != "" {
		cancel()
		close(w.done)
		return ctx, w
	}
	x.r.start(func(context.Context) {
		defer close(w.done)
		for pause(ctx, max(x.r.sim.opts.Minute/polls, time.Millisecond)) {
			if w.reason = x.r.breach(ctx, arns); w.reason != "" {
				cancel()
				return
			}
		}
	})
	return ctx, w
}

// stop ends the watch and gives the reason to roll back, if there is one.
func (w *watch) stop() string {
	w.cancel()
	<-w.done
	return w.reason
}

// breach gives the reason why alarms fail an operation. An alarm whose state
// cannot be read now is read again.
func (r *region) breach(ctx context.Context, arns []string) string {
	states := map[string]string{}
	if r.sim.opts.AlarmStates != nil {
		read, err := r.sim.opts.AlarmStates(ctx, r.account, r.name, arns)
		if err != nil {
			return ""
		}
		states = read
	}
	var missing, raised []string
	for _, arn := range arns {
		switch state, known := states[arn]; {
		case !known && !r.modelledAlarm(arn):
			missing = append(missing, arn)
		case state == "ALARM":
			raised = append(raised, arn)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Sprintf("Rollback trigger(s) [%s] not found.", strings.Join(missing, ", "))
	case len(raised) > 0:
		return fmt.Sprintf("Rollback trigger(s) [%s] went to ALARM state.", strings.Join(raised, ", "))
	}
	return ""
}

// modelledAlarm tells whether a stack of the simulator made the alarm (CFN-83).
func (r *region) modelledAlarm(arn string) bool {
	prefix := r.arn("cloudwatch", "alarm:")
	name, ok := strings.CutPrefix(arn, prefix)
	return ok && slices.ContainsFunc(triggerTypes, func(typeName string) bool { return r.models.exists(typeName, name) })
}
