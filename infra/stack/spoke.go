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

// EmptyRole is the role by which a review deletes the empty stack that a change
// set of a new stack brings. It has no permission at all: whatever stack is
// deleted by it, no resource is.
const EmptyRole = "evenkeel-review-empty"

// Spoke makes the stack "evenkeel-spoke" for a workload account: the roles that
// the hub's functions assume, and the rules that forward AWS events to the hub.
// It has parameters in place of settings, so that a StackSet can deploy it. It
// may also stand beside the hub itself, where it forwards nothing, and again in
// further regions of an account, where it only forwards (Roles=no).
func Spoke(scope constructs.Construct, s settings.Settings, from Sources) (awscdk.Stack, error) {
	stack := newStack(scope, "evenkeel-spoke", "Evenkeel: what a workload account lets its hub do", s)
	hub := hubOf(stack)
	roles := awscdk.NewCfnParameter(stack, text("Roles"), &awscdk.CfnParameterProps{
		Type: text("String"), Default: text("yes"), AllowedValues: &[]*string{text("yes"), text("no")},
		Description: text("Roles belong to the account: yes in one region of it, no in every further region"),
	})
	withRoles := awscdk.NewCfnCondition(stack, text("WithRoles"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionEquals(roles.ValueAsString(), text("yes")),
	})
	policies := awscdk.NewCfnParameter(stack, text("ExecutionPolicies"), &awscdk.CfnParameterProps{
		Type: text("CommaDelimitedList"), Default: text("arn:aws:iam::aws:policy/PowerUserAccess"),
		Description: text("Managed policies of the role that CloudFormation deploys with; add IAM rights where templates make roles"),
	})
	awscdk.NewCfnParameter(stack, text(recordNames), &awscdk.CfnParameterProps{
		Type: text("CommaDelimitedList"), Default: text("*"),
		Description: text("Names of the records that rollouts may weight, in lower case, without the last dot, such as *.example.com"),
	})
	if err := workloadRoles(stack, hub, withRoles, from); err != nil {
		return nil, err
	}
	var managed []any
	for _, arn := range *policies.ValueAsList() {
		managed = append(managed, arn)
	}
	execution := awsiam.NewCfnRole(stack, text("ExecutionRole"), &awsiam.CfnRoleProps{
		RoleName: text(ExecutionRole), Description: text("What CloudFormation may do when Evenkeel deploys"),
		AssumeRolePolicyDocument: trust(map[string]any{"Service": "cloudformation.amazonaws.com"}, nil),
		ManagedPolicyArns:        &managed,
	})
	execution.CfnOptions().SetCondition(withRoles)
	awsiam.NewCfnRole(stack, text("ReviewEmptyRole"), &awsiam.CfnRoleProps{
		RoleName: text(EmptyRole), Description: text("Deletes empty stacks that reviews leave, and can delete no resource"),
		AssumeRolePolicyDocument: trust(map[string]any{"Service": "cloudformation.amazonaws.com"}, nil),
	}).CfnOptions().SetCondition(withRoles)
	forward(stack, hub)
	return stack, nil
}

// recordNames is the parameter that bounds which records of Route 53 a rollout
// may change: their names are in evenkeel.yaml, and a hosted zone has no tag that
// a policy could ask for. A value of a condition in permissions.json refers to it.
const recordNames = "RecordNames"

// hubAddress says where the suite runs, as tokens of the template.
type hubAddress struct {
	account, region string
	here            awscdk.ICfnConditionExpression // true in the hub's own account and region
}

// hubOf reads the hub from the parameters. Left empty they mean this account
// and this region, so that one account alone needs no parameters.
func hubOf(stack awscdk.Stack) hubAddress {
	account := awscdk.NewCfnParameter(stack, text("HubAccount"), &awscdk.CfnParameterProps{
		Type: text("String"), Default: text(""), AllowedPattern: text("([0-9]{12})?"),
		Description: text("Account that runs Evenkeel; empty for this one"),
	})
	region := awscdk.NewCfnParameter(stack, text("HubRegion"), &awscdk.CfnParameterProps{
		Type: text("String"), Default: text(""), AllowedPattern: text("([a-z]{2}(-[a-z]+)+-[0-9])?"),
		Description: text("Region that Evenkeel runs in; empty for this one"),
	})
	orHere := func(id string, parameter awscdk.CfnParameter, here *string) string {
		empty := awscdk.NewCfnCondition(stack, text(id), &awscdk.CfnConditionProps{
			Expression: awscdk.Fn_ConditionEquals(parameter.ValueAsString(), text("")),
		})
		return *awscdk.Token_AsString(awscdk.Fn_ConditionIf(empty.LogicalId(), here, parameter.ValueAsString()), nil)
	}
	sameAs := func(parameter awscdk.CfnParameter, here *string) awscdk.ICfnConditionExpression {
		return awscdk.Fn_ConditionOr(awscdk.Fn_ConditionEquals(parameter.ValueAsString(), text("")),
			awscdk.Fn_ConditionEquals(parameter.ValueAsString(), here))
	}
	return hubAddress{
		account: orHere("HubIsThisAccount", account, stack.Account()),
		region:  orHere("HubIsThisRegion", region, stack.Region()),
		here:    awscdk.Fn_ConditionAnd(sameAs(account, stack.Account()), sameAs(region, stack.Region())),
	}
}

// workloadRoles makes the role of each function that works here, with exactly
// the permissions that the function declares, trusted by that function alone.
func workloadRoles(stack awscdk.Stack, hub hubAddress, withRoles awscdk.CfnCondition, from Sources) error {
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
		arn := "arn:" + *stack.Partition() + ":iam::" + hub.account
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
		awsiam.NewCfnRole(stack, text(title(function)+"Role"), props).CfnOptions().SetCondition(withRoles)
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
		values := map[string]any{}
		for key, value := range keys {
			if values[key] = value; value == "${"+recordNames+"}" {
				values[key] = awscdk.Fn_Ref(text(recordNames))
			}
		}
		conditions[operator] = values
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
// the hub's own account and region they would send every event round in a
// circle, so that they exist only elsewhere: in other accounts, and in the
// other regions of the hub account.
func forward(stack awscdk.Stack, hub hubAddress) {
	elsewhere := awscdk.NewCfnCondition(stack, text("Elsewhere"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionNot(hub.here),
	})
	bus := "arn:" + *stack.Partition() + ":events:" + hub.region + ":" + hub.account + ":event-bus/default"
	role := awsiam.NewCfnRole(stack, text("ForwardRole"), &awsiam.CfnRoleProps{
		Description: text("Lets EventBridge forward AWS events to Evenkeel"), // not named: there is one in each region
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
