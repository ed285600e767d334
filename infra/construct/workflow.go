package construct

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"

	"github.com/evenkeel/evenkeel/infra/workflow"
)

// Workflow is a state machine with what belongs to it.
type Workflow struct {
	Machine     awsstepfunctions.StateMachine
	Name        string
	DeadLetters awssqs.Queue // events that did not start it; nil where no rule does
	Starter     awsiam.Role  // EventBridge's role: may start this workflow and nothing else; nil where no rule does
}

// NewWorkflow makes the state machine evenkeel-<name> from its definition. Its
// role may invoke exactly the functions that the definition names. ByRule says
// that a rule starts it, and not a function.
func NewWorkflow(c *Common, name, definition string, functions map[string]*Function, byRule bool) (*Workflow, error) {
	if problems := workflow.Lint([]byte(definition)); len(problems) > 0 {
		return nil, fmt.Errorf("workflow %s: %v", name, problems)
	}
	id := strings.ToUpper(name[:1]) + name[1:] + "Workflow"
	substitutions, arns := map[string]*string{}, []string{}
	for _, token := range workflow.Substitutions([]byte(definition)) {
		fn, ok := functions[strings.ToLower(strings.TrimSuffix(token, "Function"))]
		if !ok {
			return nil, fmt.Errorf("workflow %s: ${%s} names no function of this stack", name, token)
		}
		substitutions[token] = fn.Lambda.FunctionArn()
		arns = append(arns, *fn.Lambda.FunctionArn())
	}
	logs := awslogs.NewLogGroup(c.Scope, text(id+"Logs"), &awslogs.LogGroupProps{
		LogGroupName: text("/aws/vendedlogs/states/evenkeel-" + name), EncryptionKey: c.Key,
		Retention: awslogs.RetentionDays(retention(c.LogDays)), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	role := awsiam.NewRole(c.Scope, text(id+"Role"), &awsiam.RoleProps{
		RoleName: text("evenkeel-workflow-" + name), Description: text("What the workflow evenkeel-" + name + " may do"),
		AssumedBy:      awsiam.NewServicePrincipal(text("states.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"workflow": policy(workflowStatements(arns)...)},
	})
	machine := awsstepfunctions.NewStateMachine(c.Scope, text(id), &awsstepfunctions.StateMachineProps{
		StateMachineName: text("evenkeel-" + name), StateMachineType: awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:          awsstepfunctions.DefinitionBody_FromString(text(definition)),
		DefinitionSubstitutions: &substitutions, Role: role.WithoutPolicyUpdates(nil), TracingEnabled: yes(),
		// The data of a run is in the ledger; a log of every state's payload would keep it twice.
		Logs: &awsstepfunctions.LogOptions{Destination: logs, Level: awsstepfunctions.LogLevel_ALL, IncludeExecutionData: no()},
	})
	made := &Workflow{Machine: machine, Name: name}
	if byRule {
		made.DeadLetters = deadLetters(c, id+"DeadLetters", "evenkeel-"+name+"-workflow-dead-letters", "the workflow evenkeel-"+name)
		made.Starter = starter(c, id, name, machine)
	}
	for _, metric := range []string{"ExecutionsFailed", "ExecutionsTimedOut"} {
		c.Alarms.On(c, Alarm{
			Name:        name + "-workflow-" + strings.ToLower(strings.TrimPrefix(metric, "Executions")),
			Description: metric + " of the workflow evenkeel-" + name, Namespace: "AWS/States", Metric: metric,
			Dimensions: map[string]string{"StateMachineArn": *machine.StateMachineArn()}, Threshold: 1,
		})
	}
	return made, nil
}

func workflowStatements(functions []string) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(texts("lambda:InvokeFunction"), functions...),
		// Log delivery and X-Ray take no resource but "*".
		// Source: Step Functions developer guide, "Logging using CloudWatch Logs" and "X-Ray tracing".
		allow(texts("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
			"logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"), "*"),
		allow(texts("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"), "*"),
	}
}

func starter(c *Common, id, name string, machine awsstepfunctions.StateMachine) awsiam.Role {
	return awsiam.NewRole(c.Scope, text(id+"Starter"), &awsiam.RoleProps{
		RoleName: text("evenkeel-start-" + name), Description: text("Lets EventBridge start the workflow evenkeel-" + name),
		AssumedBy: awsiam.NewServicePrincipal(text("events.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": text(c.Account)}},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"start": policy(allow(texts("states:StartExecution"), *machine.StateMachineArn()))},
	})
}
