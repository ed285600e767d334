package construct

import (
	"fmt"
	"maps"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/evenkeel/evenkeel/infra/route"
)

// EventRoute makes the rule of r with its target, the target's dead-letter
// queue and a retry policy.
func EventRoute(c *Common, r route.Route, bus string, functions map[string]*Function, workflows map[string]*Workflow) error {
	if r.Own {
		r.Pattern = maps.Clone(r.Pattern)
		r.Pattern["account"] = []any{c.Account}
	}
	target := awsevents.CfnRule_TargetProperty{Id: text("target")}
	if r.Input != "" {
		target.Input = text(r.Input)
	}
	switch fn, workflow := functions[r.Function], workflows[r.Workflow]; {
	case fn != nil && r.Queued:
		queueRoute(c, r, bus, target, fn)
	case fn != nil:
		target.Arn = fn.Lambda.FunctionArn()
		Deliver(&target, fn.DeadLetters.QueueArn())
		rule := NewRule(c.Scope, r, bus, &target)
		awslambda.NewCfnPermission(c.Scope, text("Invoke-"+r.Name), &awslambda.CfnPermissionProps{
			Action: text("lambda:InvokeFunction"), FunctionName: fn.Lambda.FunctionArn(),
			Principal: text("events.amazonaws.com"), SourceArn: rule.AttrArn(),
		})
	case workflow != nil:
		target.Arn, target.RoleArn = workflow.Machine.StateMachineArn(), workflow.Starter.RoleArn()
		Deliver(&target, workflow.DeadLetters.QueueArn())
		NewRule(c.Scope, r, bus, &target)
	default:
		return fmt.Errorf("route %s: no target %s%s", r.Name, r.Function, r.Workflow)
	}
	return nil
}

// Deliver completes a target: what it does not take within a day goes to the
// dead-letter queue.
func Deliver(target *awsevents.CfnRule_TargetProperty, deadLetters *string) {
	target.DeadLetterConfig = &awsevents.CfnRule_DeadLetterConfigProperty{Arn: deadLetters}
	target.RetryPolicy = &awsevents.CfnRule_RetryPolicyProperty{
		MaximumEventAgeInSeconds: number(maxEventAgeSeconds), MaximumRetryAttempts: number(maxDeliveries),
	}
}

// NewRule makes the rule alone, for a target that its caller has completed.
func NewRule(scope constructs.Construct, r route.Route, bus string, target *awsevents.CfnRule_TargetProperty) awsevents.CfnRule {
	props := &awsevents.CfnRuleProps{
		Name: text(r.Name), Description: text(r.Description), State: text("ENABLED"), Targets: []any{target},
	}
	if r.OwnBus {
		props.EventBusName = text(bus)
	}
	if r.Pattern != nil {
		props.EventPattern = r.Pattern
	}
	if r.Schedule != "" {
		props.ScheduleExpression = text(r.Schedule)
	}
	return awsevents.NewCfnRule(scope, text("Rule-"+r.Name), props)
}
