package stack

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/evenkeel/evenkeel/infra/construct"
	"github.com/evenkeel/evenkeel/infra/permission"
	"github.com/evenkeel/evenkeel/infra/route"
	"github.com/evenkeel/evenkeel/infra/settings"
)

// ExecutionRole is the role that CloudFormation works with in a workload
// account. The deploy role may pass it, to CloudFormation and nobody else.
const ExecutionRole = "evenkeel-execution"

// Spoke makes the stack "evenkeel-spoke" for a workload account: the roles that
// the hub's functions assume, and the rules that forward AWS events to the hub.
// It has parameters in place of settings, so that a StackSet can deploy it. It
// may also stand in the hub account itself, where it forwards nothing.
func Spoke(scope constructs.Construct, s settings.Settings, from Sources) (awscdk.Stack, error) {
	stack := newStack(scope, "evenkeel-spoke", "Evenkeel: what a workload account lets its hub do", s)
	hub := awscdk.NewCfnParameter(stack, text("HubAccount"), &awscdk.CfnParameterProps{
		Type: text("String"), AllowedPattern: text("[0-9]{12}"), Description: text("Account that runs Evenkeel"),
	})
	region := awscdk.NewCfnParameter(stack, text("HubRegion"), &awscdk.CfnParameterProps{
		Type: text("String"), Default: text("us-east-1"), Description: text("Region that Evenkeel runs in"),
	})
	policies := awscdk.NewCfnParameter(stack, text("ExecutionPolicies"), &awscdk.CfnParameterProps{
		Type: text("CommaDelimitedList"), Default: text("arn:aws:iam::aws:policy/PowerUserAccess"),
		Description: text("Managed policies of the role that CloudFormation deploys with; add IAM rights where templates make roles"),
	})
	if err := workloadRoles(stack, hub, from); err != nil {
		return nil, err
	}
	var managed []any
	for _, arn := range *policies.ValueAsList() {
		managed = append(managed, arn)
	}
	awsiam.NewCfnRole(stack, text("ExecutionRole"), &awsiam.CfnRoleProps{
		RoleName: text(ExecutionRole), Description: text("What CloudFormation may do when Evenkeel deploys"),
		AssumeRolePolicyDocument: trust(map[string]any{"Service": "cloudformation.amazonaws.com"}, nil),
		ManagedPolicyArns:        &managed,
	})
	forward(stack, hub, region)
	return stack, nil
}

// workloadRoles makes the role of each function that works here, with exactly
// the permissions that the function declares, trusted by that function alone.
func workloadRoles(stack awscdk.Stack, hub awscdk.CfnParameter, from Sources) error {
	var faults []error
	roles := WorkloadRoles()
	for _, function := range sortedKeys(roles) {
		declared, err := permission.Read(filepath.Join(from.Functions, function, "permissions.json"))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		var statements []any
		for _, s := range declared.Workload {
			statements = append(statements, workloadStatement(stack, s))
		}
		arn := "arn:" + *stack.Partition() + ":iam::" + *hub.ValueAsString()
		props := &awsiam.CfnRoleProps{
			RoleName: text(roles[function]), Description: text("What Evenkeel's function " + function + " may do in this account"),
			AssumeRolePolicyDocument: trust(map[string]any{"AWS": arn + ":root"}, map[string]any{
				"ArnEquals": map[string]any{"aws:PrincipalArn": arn + ":role/" + construct.FunctionRole(function)},
			}),
		}
		if len(statements) > 0 {
			props.Policies = []any{&awsiam.CfnRole_PolicyProperty{
				PolicyName: text("declared"), PolicyDocument: map[string]any{"Version": "2012-10-17", "Statement": statements},
			}}
		}
		awsiam.NewCfnRole(stack, text(title(function)+"Role"), props)
	}
	return errors.Join(faults...)
}

func workloadStatement(stack awscdk.Stack, s permission.Statement) map[string]any {
	resources := make([]any, len(s.Resources))
	for i, r := range s.Resources {
		resources[i] = construct.LocalARN(r, *stack.Partition(), *stack.Account())
	}
	actions := make([]any, len(s.Actions))
	for i, a := range s.Actions {
		actions[i] = a
	}
	statement := map[string]any{"Effect": "Allow", "Action": actions, "Resource": resources}
	conditions := map[string]any{}
	if slices.Contains(s.Actions, "iam:PassRole") {
		conditions["StringEquals"] = map[string]any{"iam:PassedToService": "cloudformation.amazonaws.com"}
	}
	for operator, keys := range s.Conditions {
		conditions[operator] = keys
	}
	if len(conditions) > 0 {
		statement["Condition"] = conditions
	}
	return statement
}

func trust(principal, condition map[string]any) map[string]any {
	statement := map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
	if condition != nil {
		statement["Condition"] = condition
	}
	return map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}
}

// forward makes the rules that pass AWS events on to the hub's default bus. In
// the hub account itself they would send every event round in a circle, so
// that they exist only elsewhere.
func forward(stack awscdk.Stack, hub, region awscdk.CfnParameter) {
	elsewhere := awscdk.NewCfnCondition(stack, text("Elsewhere"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionNot(awscdk.Fn_ConditionEquals(hub.ValueAsString(), stack.Account())),
	})
	bus := "arn:" + *stack.Partition() + ":events:" + *region.ValueAsString() + ":" + *hub.ValueAsString() + ":event-bus/default"
	role := awsiam.NewCfnRole(stack, text("ForwardRole"), &awsiam.CfnRoleProps{
		RoleName: text("evenkeel-forward"), Description: text("Lets EventBridge forward AWS events to Evenkeel"),
		AssumeRolePolicyDocument: trust(map[string]any{"Service": "events.amazonaws.com"},
			map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}}),
		Policies: []any{&awsiam.CfnRole_PolicyProperty{PolicyName: text("forward"), PolicyDocument: map[string]any{
			"Version":   "2012-10-17",
			"Statement": []any{map[string]any{"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}},
		}}},
	})
	role.CfnOptions().SetCondition(elsewhere)
	managed := true
	queue := awssqs.NewCfnQueue(stack, text("ForwardDeadLetters"), &awssqs.CfnQueueProps{
		QueueName: text("evenkeel-forward-dead-letters"), SqsManagedSseEnabled: &managed, MessageRetentionPeriod: number(14 * 24 * 60 * 60),
	})
	queue.CfnOptions().SetCondition(elsewhere)
	policy := awssqs.NewCfnQueuePolicy(stack, text("ForwardDeadLettersPolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()},
		PolicyDocument: map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue.AttrArn(),
			"Principal": map[string]any{"Service": "events.amazonaws.com"},
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
		}}},
	})
	policy.CfnOptions().SetCondition(elsewhere)
	for _, r := range route.Forwarded() {
		target := &awsevents.CfnRule_TargetProperty{Id: text("hub"), Arn: text(bus), RoleArn: role.AttrArn()}
		construct.Deliver(target, queue.AttrArn())
		construct.NewRule(stack, r, "", target).CfnOptions().SetCondition(elsewhere)
	}
}
