package construct

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/evenkeel/evenkeel/infra/permission"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Grants turns the names of permissions.json into the resources of this
// installation.
type Grants struct {
	Common           *Common
	StateTable       string            // ARN
	LedgerTable      string            // ARN
	WritesTable      string            // ARN
	Bucket           string            // ARN
	Bus              string            // ARN
	ParameterPrefix  string            // "/evenkeel"
	WorkloadRoles    map[string]string // function → role that it assumes
	WorkloadAccounts []string          // empty: the hub's own
}

func (g *Grants) statements(function string, declared []permission.Statement) []awsiam.PolicyStatement {
	var out []awsiam.PolicyStatement
	for _, s := range declared {
		for _, action := range s.Actions {
			resources := make([]string, 0, len(s.Resources))
			for _, arn := range s.Resources {
				resources = append(resources, LocalARN(arn, g.Common.Partition, g.Common.Account))
			}
			if s.On != "" {
				resources = g.resources(function, s.On, action)
			}
			statement := allow(texts(action), resources...)
			for _, operator := range slices.Sorted(maps.Keys(s.Conditions)) {
				statement.AddCondition(text(operator), s.Conditions[operator])
			}
			out = append(out, statement)
		}
	}
	return out
}

// LocalARN puts the account and its partition into an ARN of permissions.json.
func LocalARN(arn, partition, account string) string {
	arn = strings.ReplaceAll(arn, "${Account}", account)
	if rest, ok := strings.CutPrefix(arn, "arn:aws:"); ok {
		return "arn:" + partition + ":" + rest
	}
	return arn
}

// resources narrows an action on a named thing to ARNs. Some actions of a
// service take another resource type than the rest.
func (g *Grants) resources(function, on, action string) []string {
	c := g.Common
	switch on {
	case permission.StateTable:
		return []string{g.StateTable}
	case permission.LedgerTable:
		if action == "dynamodb:Query" {
			return []string{g.LedgerTable, g.LedgerTable + "/index/byKind"}
		}
		return []string{g.LedgerTable}
	case permission.WritesTable:
		return []string{g.WritesTable}
	case permission.Bucket:
		if strings.HasPrefix(action, "s3:List") || action == "s3:GetBucketLocation" {
			return []string{g.Bucket}
		}
		return []string{g.Bucket + "/*"}
	case permission.Bus:
		return []string{g.Bus}
	case permission.Parameters:
		return []string{c.arn("ssm", "parameter"+g.ParameterPrefix+"/*")}
	case permission.Secrets:
		return []string{c.arn("secretsmanager", "secret:evenkeel/*")}
	case permission.WorkloadRole:
		return g.roles(g.WorkloadRoles[function])
	case permission.StageRole:
		return g.roles(pipeline.RolePrefix + "*")
	case permission.PipelineWorkflow:
		return []string{workflowResource(c, "pipeline", action)}
	case permission.DriftWorkflow:
		return []string{workflowResource(c, "drift", action)}
	case permission.DriftscanWorkflow:
		return []string{workflowResource(c, "driftscan", action)}
	case permission.RolloutWorkflow:
		return []string{workflowResource(c, "rollout", action)}
	case permission.OwnFunction:
		return []string{c.arn("lambda", "function:evenkeel-"+function)}
	case permission.OwnQueue:
		return queuesOf(c, function)
	default: // permission.Any; the declaration was checked when it was read
		return []string{"*"}
	}
}

// roles are the ARNs of a role, or with a wildcard of several, in every workload
// account.
func (g *Grants) roles(name string) []string {
	accounts := g.WorkloadAccounts
	if len(accounts) == 0 {
		accounts = []string{g.Common.Account}
	}
	var out []string
	for _, account := range accounts {
		out = append(out, "arn:"+g.Common.Partition+":iam::"+account+":role/"+name)
	}
	return out
}

// executionActions act on an execution, all others on the state machine.
// Source: Service Authorization Reference, "AWS Step Functions".
var executionActions = []string{"states:DescribeExecution", "states:GetExecutionHistory", "states:RedriveExecution", "states:StopExecution"}

func workflowResource(c *Common, workflow, action string) string {
	if slices.Contains(executionActions, action) {
		return c.arn("states", "execution:evenkeel-"+workflow+":*")
	}
	return WorkflowARN(c, workflow)
}

// WorkflowARN is known before the workflow exists: a function that completes a
// workflow's task tokens and the workflow that invokes the function would
// otherwise need each other first.
func WorkflowARN(c *Common, name string) string {
	return c.arn("states", "stateMachine:evenkeel-"+name)
}
