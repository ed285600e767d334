// Package stack assembles the constructs into the stacks of the suite: core in
// the hub account, operations beside it, and a spoke in each workload account.
package stack

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/construct"
	"github.com/evenkeel/evenkeel/infra/permission"
	"github.com/evenkeel/evenkeel/infra/route"
	"github.com/evenkeel/evenkeel/infra/settings"
	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/metrics"
)

// BusName is the event bus of our facts, ParameterPrefix where settings are.
const (
	BusName         = "evenkeel"
	ParameterPrefix = "/evenkeel"
)

// Sources says where the app finds what it deploys.
type Sources struct {
	Assets    string // <function>/bootstrap
	Functions string // <function>/permissions.json
}

// shape is what differs between the functions.
type shape struct {
	name, description  string
	seconds, megabytes float64
}

var shapes = []shape{
	{name: "webhook", description: "Takes pushes and pull requests from GitHub and CodeCommit and records them", seconds: 15, megabytes: 256},
	{name: "validation", description: "Fetches a commit and validates its templates", seconds: 120, megabytes: 1024},
	{name: "build", description: "Starts the builds of cloud assemblies and hears how they end", seconds: 30, megabytes: 256},
	{name: "deployment", description: "Plans, executes and verifies change sets", seconds: 120, megabytes: 1024},
	{name: "drift", description: "Finds drift and reverts it behind a guard", seconds: 120, megabytes: 1024},
	{name: "healing", description: "Closes security groups that are open to the world", seconds: 60, megabytes: 512},
	{name: "review", description: "Plans pull requests without executing anything, and publishes statuses and comments", seconds: 60, megabytes: 512},
	{name: "rollout", description: "Moves traffic to what was deployed, step by step, and measures it", seconds: 60, megabytes: 512},
	{name: "trail", description: "Keeps who changed which resource", seconds: 30, megabytes: 256},
	{name: "ledger", description: "Keeps every fact", seconds: 30, megabytes: 256},
}

// WorkloadRoles names the role that a function assumes in a workload account.
func WorkloadRoles() map[string]string {
	return map[string]string{"deployment": "evenkeel-deploy", "drift": "evenkeel-drift", "healing": "evenkeel-heal", "review": "evenkeel-review", "rollout": "evenkeel-rollout"}
}

// Core makes the stack "evenkeel": everything that the main job needs.
func Core(scope constructs.Construct, s settings.Settings, from Sources) (awscdk.Stack, *construct.Alarms, error) {
	stack := newStack(scope, "evenkeel", "Evenkeel: validates, deploys, watches and heals infrastructure", s)
	key := construct.NewKey(stack)
	alarms := construct.NewAlarms(stack, key)
	c := construct.NewCommon(stack, key, alarms, s.LogRetentionDays)

	state, ledger, writes, bucket := construct.StateTable(c), construct.LedgerTable(c), construct.WritesTable(c), construct.Bucket(c)
	bus := awsevents.NewEventBus(stack, text("Bus"), &awsevents.EventBusProps{
		EventBusName: text(BusName), Description: text("The facts of Evenkeel"),
	})
	grants := &construct.Grants{
		Common: c, StateTable: *state.TableArn(), LedgerTable: *ledger.TableArn(), WritesTable: *writes.TableArn(), Bucket: *bucket.BucketArn(), Bus: *bus.EventBusArn(),
		ParameterPrefix: ParameterPrefix, WorkloadRoles: WorkloadRoles(), WorkloadAccounts: s.WorkloadAccounts,
	}
	environment := map[string]string{
		config.Bus: *bus.EventBusName(), config.StateTable: *state.TableName(), config.LedgerTable: *ledger.TableName(),
		config.Bucket: *bucket.BucketName(), config.ParameterPrefix: ParameterPrefix, config.BuildProject: route.BuildProject,
		config.WritesTable: *writes.TableName(), config.WritesKept: strconv.Itoa(24*s.WriteDays) + "h",
		config.DriftWorkflow:    construct.WorkflowARN(c, workflow.Drift),
		config.RolloutWorkflow:  construct.WorkflowARN(c, workflow.Rollout),
		config.WorkloadAccounts: list(s.WorkloadAccounts, *stack.Account()), config.DriftRegions: list(s.DriftRegions, *stack.Region()), config.DriftScope: cmp.Or(s.DriftScope, "deployed"),
	}
	for name, patterns := range map[string][]string{
		config.BreakGlassRoles: s.BreakGlassRoles, config.BreakGlassTags: s.BreakGlassTags, config.BreakGlassSessions: s.BreakGlassSessions,
	} {
		if len(patterns) > 0 {
			environment[name] = strings.Join(patterns, ",")
		}
	}
	construct.BuildProject(c, route.BuildProject, bucket)
	functions, err := makeFunctions(c, from, grants, environment)
	if err != nil {
		return nil, nil, err
	}
	workflows, err := makeWorkflows(c, functions)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range route.Routes() {
		if err := construct.EventRoute(c, r, *bus.EventBusName(), functions, workflows); err != nil {
			return nil, nil, err
		}
	}
	alarms.On(c, construct.Alarm{
		Name: "run-stuck", Description: "A run is stuck and needs a person: evenkeel runs says which, and what to type next",
		Namespace: metrics.Namespace, Metric: "RunsFinished", Dimensions: map[string]string{"Outcome": events.OutcomeStuck}, Threshold: 1,
	})
	alarms.On(c, construct.Alarm{
		Name: "rollout-paused", Description: "A rollout is paused although nobody planned it: evenkeel rollout says which, why, and what to type next",
		Namespace: metrics.Namespace, Metric: "RolloutsPaused", Dimensions: map[string]string{"Cause": "unplanned"}, Threshold: 1,
	})
	healingAlarms(c, alarms)
	admit(stack, s.WorkloadAccounts)
	url := functions["webhook"].Lambda.AddFunctionUrl(&awslambda.FunctionUrlOptions{AuthType: awslambda.FunctionUrlAuthType_NONE})

	outputs := map[string]*string{
		"WebhookUrl": url.Url(), "Bus": bus.EventBusName(), "StateTable": state.TableName(), "LedgerTable": ledger.TableName(), "WritesTable": writes.TableName(),
		"Bucket": bucket.BucketName(), "ParameterPrefix": text(ParameterPrefix), "AlarmTopic": alarms.Topic.TopicArn(),
		"PipelineWorkflow": workflows[workflow.Pipeline].Machine.StateMachineArn(), "DriftWorkflow": workflows[workflow.Drift].Machine.StateMachineArn(),
		"DriftscanWorkflow": workflows[workflow.Driftscan].Machine.StateMachineArn(),
		"ReviewWorkflow":    workflows[workflow.Review].Machine.StateMachineArn(), "RolloutWorkflow": workflows[workflow.Rollout].Machine.StateMachineArn(),
	}
	for name, fn := range functions {
		outputs[title(name)+"Function"] = fn.Lambda.FunctionName()
	}
	for _, name := range sortedKeys(outputs) {
		awscdk.NewCfnOutput(stack, text("Output"+name), &awscdk.CfnOutputProps{Value: outputs[name]}).OverrideLogicalId(text(name))
	}
	return stack, alarms, nil
}

// list joins values for an environment variable.
func list(values []string, fallback string) string {
	if len(values) == 0 {
		return fallback
	}
	return strings.Join(values, ",")
}

// admit lets workload accounts forward their AWS events to the hub's default
// bus. They can forge none of AWS's: PutEvents refuses a source that begins
// with "aws.".
// Source: EventBridge user guide, "Sending and receiving events between AWS
// accounts"; EventBridge API reference, PutEventsRequestEntry, Source.
func admit(stack awscdk.Stack, accounts []string) {
	for _, account := range accounts {
		bus := "arn:" + *stack.Partition() + ":events:" + *stack.Region() + ":" + *stack.Account() + ":event-bus/default"
		awsevents.NewCfnEventBusPolicy(stack, text("Forwarding"+account), &awsevents.CfnEventBusPolicyProps{
			EventBusName: text("default"), StatementId: text("evenkeel-" + account),
			Statement: map[string]any{
				"Sid": "evenkeel-" + account, "Effect": "Allow", "Action": "events:PutEvents",
				"Principal": map[string]any{"AWS": "arn:" + *stack.Partition() + ":iam::" + account + ":root"},
				"Resource":  bus,
			},
		})
	}
}

func makeFunctions(c *construct.Common, from Sources, grants *construct.Grants, environment map[string]string) (map[string]*construct.Function, error) {
	functions, faults := map[string]*construct.Function{}, []error{}
	for _, shape := range shapes {
		declared, err := permission.Read(filepath.Join(from.Functions, shape.name, "permissions.json"))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		env := map[string]string{}
		for key, value := range environment {
			env[key] = value
		}
		role := WorkloadRoles()[shape.name]
		if role != "" {
			env[config.RoleName] = role
		} else if len(declared.Workload) > 0 {
			faults = append(faults, fmt.Errorf("function %s declares workload permissions but assumes no role there", shape.name))
		}
		functions[shape.name] = construct.NewFunction(c, construct.FunctionProps{
			Name: shape.name, Description: shape.description, Assets: from.Assets, Seconds: shape.seconds, Megabytes: shape.megabytes,
			Environment: env, Permissions: declared.Hub, Grants: grants,
		})
	}
	return functions, errors.Join(faults...)
}

func makeWorkflows(c *construct.Common, functions map[string]*construct.Function) (map[string]*construct.Workflow, error) {
	workflows := map[string]*construct.Workflow{}
	definitions := workflow.Definitions()
	for _, name := range sortedKeys(definitions) {
		byRule := slices.ContainsFunc(route.Routes(), func(r route.Route) bool { return r.Workflow == name })
		w, err := construct.NewWorkflow(c, name, definitions[name], functions, byRule)
		if err != nil {
			return nil, err
		}
		workflows[name] = w
	}
	return workflows, nil
}
