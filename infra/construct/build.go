package construct

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// The limits of builds. Each start of a build sets its own time limit, up to
// pipeline.MaxBuild.
const (
	buildsAtOnce = 5
	queueMinutes = 60
)

// BuildProject makes the CodeBuild project in which the commands of
// repositories run: without privileges and in no network of ours, in a role
// that reads sources, writes results, and knows no other secrets than those
// that are kept for builds. What a build runs is said when it is started; a
// build that nobody told what to run fails.
func BuildProject(c *Common, name string, bucket awss3.Bucket) {
	logs := awslogs.NewLogGroup(c.Scope, text("CodeBuildLogs"), &awslogs.LogGroupProps{
		LogGroupName: text("/aws/codebuild/" + name), EncryptionKey: c.Key, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Retention: awslogs.RetentionDays(retention(c.LogDays)),
	})
	role := awsiam.NewRole(c.Scope, text("CodeBuildRole"), &awsiam.RoleProps{
		RoleName: text(name + "-project"), Description: text("What the commands of a repository may do while its cloud assembly is built"),
		AssumedBy: awsiam.NewServicePrincipal(text("codebuild.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": c.arn("codebuild", "project/"+name)}},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"build": policy(buildStatements(c, logs, *bucket.BucketArn())...)},
	})
	awscodebuild.NewCfnProject(c.Scope, text("CodeBuildProject"), &awscodebuild.CfnProjectProps{
		Name: text(name), Description: text("Runs the commands of a repository's build"),
		ServiceRole: role.RoleArn(), EncryptionKey: c.Key.KeyArn(),
		Source: &awscodebuild.CfnProject_SourceProperty{
			Type: text("NO_SOURCE"), BuildSpec: text(`{"version":"0.2","phases":{"build":{"commands":["echo started without a source; exit 1"]}}}`),
		},
		Artifacts: &awscodebuild.CfnProject_ArtifactsProperty{Type: text("NO_ARTIFACTS")},
		Environment: &awscodebuild.CfnProject_EnvironmentProperty{
			Type: text("LINUX_CONTAINER"), ComputeType: text("BUILD_GENERAL1_SMALL"), Image: text(pipeline.DefaultImage), PrivilegedMode: no(),
		},
		LogsConfig: &awscodebuild.CfnProject_LogsConfigProperty{
			CloudWatchLogs: &awscodebuild.CfnProject_CloudWatchLogsConfigProperty{Status: text("ENABLED"), GroupName: logs.LogGroupName()},
		},
		ConcurrentBuildLimit: number(buildsAtOnce), QueuedTimeoutInMinutes: number(queueMinutes), TimeoutInMinutes: number(pipeline.MaxBuild.Minutes()),
		Visibility: text("PRIVATE"),
	})
}

// buildStatements is everything that a repository's commands may do. There is
// no s3:ListBucket: a build finds the source of its own commit, and the name of
// another one cannot be looked up.
func buildStatements(c *Common, logs awslogs.LogGroup, bucket string) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(texts("s3:GetObject", "s3:GetObjectVersion"), bucket+"/sources/*"),
		allow(texts("s3:PutObject"), bucket+"/builds/*"),
		// Source: CodeBuild user guide, "Allow CodeBuild to interact with other AWS services".
		allow(texts("s3:GetBucketAcl", "s3:GetBucketLocation"), bucket),
		allow(texts("logs:CreateLogStream", "logs:PutLogEvents"), *logs.LogGroupArn()),
		allow(texts("ssm:GetParameters"), c.arn("ssm", "parameter"+pipeline.BuildParameters+"*")),
		allow(texts("secretsmanager:GetSecretValue"), c.arn("secretsmanager", "secret:"+pipeline.BuildSecrets+"*")),
	}
}
