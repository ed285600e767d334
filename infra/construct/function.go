package construct

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/evenkeel/evenkeel/infra/permission"
)

// Function is a Lambda function with what belongs to it.
type Function struct {
	Lambda      awslambda.Function
	Name        string // "drift"; the function is called evenkeel-drift
	Seconds     float64
	DeadLetters awssqs.Queue
}

// FunctionProps says what a function is.
type FunctionProps struct {
	Name        string
	Description string
	Assets      string // directory that holds <name>/bootstrap
	Seconds     float64
	Megabytes   float64
	Environment map[string]string
	Permissions []permission.Statement
	Grants      *Grants
}

// NewFunction makes the function on arm64 with its own role, log group,
// dead-letter queue and alarms.
func NewFunction(c *Common, p FunctionProps) *Function {
	id := strings.ToUpper(p.Name[:1]) + p.Name[1:]
	name := "evenkeel-" + p.Name
	logs := awslogs.NewLogGroup(c.Scope, text(id+"Logs"), &awslogs.LogGroupProps{
		LogGroupName: text("/aws/lambda/" + name), EncryptionKey: c.Key, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Retention: awslogs.RetentionDays(retention(c.LogDays)),
	})
	dead := deadLetters(c, id+"DeadLetters", name+"-dead-letters", name)
	role := awsiam.NewRole(c.Scope, text(id+"Role"), &awsiam.RoleProps{
		RoleName: text(FunctionRole(p.Name)), Description: text("What " + name + " may do"),
		AssumedBy: awsiam.NewServicePrincipal(text("lambda.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"runtime":  policy(runtimeStatements(logs, dead)...),
			"declared": policy(p.Grants.statements(p.Name, p.Permissions)...),
		},
	})
	environment := map[string]*string{"AWS_SDK_UA_APP_ID": text(name)}
	for key, value := range p.Environment {
		environment[key] = text(value)
	}
	// The role is complete: CDK must not add to it.
	fn := awslambda.NewFunction(c.Scope, text(id), &awslambda.FunctionProps{
		FunctionName: text(name), Description: text(p.Description), Role: role.WithoutPolicyUpdates(nil),
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Architecture: awslambda.Architecture_ARM_64(), Handler: text("bootstrap"),
		Code:    awslambda.Code_FromAsset(text(filepath.Join(p.Assets, p.Name)), nil),
		Timeout: awscdk.Duration_Seconds(number(p.Seconds)), MemorySize: number(p.Megabytes),
		Environment: &environment, LogGroup: logs, Tracing: awslambda.Tracing_ACTIVE,
	})
	awslambda.NewCfnEventInvokeConfig(c.Scope, text(id+"Async"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: fn.FunctionName(), Qualifier: text("$LATEST"),
		MaximumRetryAttempts: number(2), MaximumEventAgeInSeconds: number(asyncAgeSeconds),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: dead.QueueArn()},
		},
	})
	for _, metric := range []string{"Errors", "Throttles"} {
		c.Alarms.On(c, Alarm{
			Name: p.Name + "-" + strings.ToLower(metric), Description: fmt.Sprintf("%s of the function %s", metric, name),
			Namespace: "AWS/Lambda", Metric: metric, Dimensions: map[string]string{"FunctionName": name}, Threshold: 1,
		})
	}
	return &Function{Lambda: fn, Name: p.Name, Seconds: p.Seconds, DeadLetters: dead}
}

// asyncAgeSeconds is the longest that Lambda keeps an asynchronous event.
const asyncAgeSeconds = 6 * 60 * 60

// FunctionRole names the role of a function, so that a workload account can
// trust exactly it.
func FunctionRole(name string) string { return "evenkeel-function-" + name }

// runtimeStatements is what every function needs whatever it does.
func runtimeStatements(logs awslogs.LogGroup, dead awssqs.Queue) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(texts("logs:CreateLogStream", "logs:PutLogEvents"), *logs.LogGroupArn()),
		allow(texts("sqs:SendMessage"), *dead.QueueArn()),
		// X-Ray has no resource types: "*" is the only resource it takes.
		// Source: Service Authorization Reference, "AWS X-Ray".
		allow(texts("xray:PutTelemetryRecords", "xray:PutTraceSegments"), "*"),
	}
}

func allow(actions *[]*string, resources ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: actions, Resources: texts(resources...)})
}

func policy(statements ...awsiam.PolicyStatement) awsiam.PolicyDocument {
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

// retention names the CDK's constant for a number of days that the settings
// have checked.
func retention(days float64) string {
	return map[float64]string{
		1: "ONE_DAY", 3: "THREE_DAYS", 5: "FIVE_DAYS", 7: "ONE_WEEK", 14: "TWO_WEEKS", 30: "ONE_MONTH",
		60: "TWO_MONTHS", 90: "THREE_MONTHS", 120: "FOUR_MONTHS", 150: "FIVE_MONTHS", 180: "SIX_MONTHS",
		365: "ONE_YEAR", 400: "THIRTEEN_MONTHS", 545: "EIGHTEEN_MONTHS", 731: "TWO_YEARS",
	}[days]
}
