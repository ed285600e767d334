// Package route is the table of what reaches what: every EventBridge rule of
// the suite, as data. The CDK app provisions it and tests match event samples
// against it.
package route

import "github.com/evenkeel/evenkeel/events"

// Route is one rule with one target.
type Route struct {
	Name        string         // of the rule, unique
	Description string         // for a person
	OwnBus      bool           // listens on the evenkeel bus, else on the account's default bus
	Pattern     map[string]any // EventBridge event pattern; nil for a schedule
	Schedule    string         // EventBridge schedule expression; "" for a pattern
	Function    string         // target function, or
	Workflow    string         // target workflow
	Input       string         // constant input in place of the event; "" passes the event

	// Queued says that events wait in a queue of this name, from which the function
	// takes them in batches: a burst is worked off at a bounded pace, what fails
	// comes again by itself, and what keeps failing is kept aside.
	Queued bool

	// Own says that only events of the hub's own account count. Workload
	// accounts may put events on the hub's default bus; what they say about
	// their own stacks is wanted, what they say about a repository or a
	// workflow of the same name is not.
	Own bool
}

// BuildProject is the CodeBuild project that runs the commands of repositories.
const BuildProject = "evenkeel-build"

// Routes returns all rules of the hub, sorted by what they serve.
func Routes() []Route {
	return []Route{
		{Name: "evenkeel-git-pushed", Description: "A push starts a run", OwnBus: true, Workflow: "pipeline",
			Pattern: map[string]any{"source": []any{events.SourceGit}, "detail-type": []any{events.GitPushed{}.DetailType()}}},
		{Name: "evenkeel-ledger", Description: "Every fact goes into the ledger", OwnBus: true, Function: "ledger",
			Pattern: map[string]any{"source": []any{prefix("evenkeel.")}}},
		{Name: "evenkeel-pull-request-updated", Description: "A pull request starts a review", OwnBus: true, Workflow: "review",
			Pattern: map[string]any{"source": []any{events.SourceGit}, "detail-type": []any{events.PullRequestUpdated{}.DetailType()}}},
		{Name: "evenkeel-run-status", Description: "A run begins or ends: mark its commit", OwnBus: true, Function: "review",
			Pattern: map[string]any{"source": []any{events.SourcePipeline}, "detail-type": []any{events.RunFinished{}.DetailType(), events.RunStarted{}.DetailType()}}},
		{Name: "evenkeel-codecommit-push", Description: "A CodeCommit branch moved", Function: "webhook", Own: true, Pattern: branchMoved()},
		{Name: "evenkeel-codecommit-pull-request", Description: "A CodeCommit pull request has something to review", Function: "webhook", Own: true, Pattern: pullRequestMoved()},
		{Name: "evenkeel-build-changed", Description: "A build began or ended: complete the waiting run", Function: "build", Own: true, Pattern: buildChanged()},
		{Name: "evenkeel-stack-settled-deployment", Description: "A stack operation ended: complete the waiting deployment", Function: "deployment", Pattern: stackSettled()},
		{Name: "evenkeel-tests-ended", Description: "A build in a workload account ended: complete the waiting verification", Function: "deployment", Pattern: buildEnded()},
		{Name: "evenkeel-stack-settled-drift", Description: "A stack operation ended: complete the waiting revert", Function: "drift", Pattern: stackSettled()},
		{Name: "evenkeel-drift-detected", Description: "A drift detection ended: complete the waiting scan", Function: "drift", Pattern: detectionEnded()},
		{Name: "evenkeel-run-broken", Description: "A pipeline execution broke off: free its lock", Function: "deployment", Own: true, Pattern: broken("pipeline")},
		{Name: "evenkeel-review-broken", Description: "A review execution broke off: remove what it has open", Function: "review", Own: true, Pattern: broken("review")},
		{Name: "evenkeel-rollout-broken", Description: "A rollout execution broke off: start another one, which goes on from the record", Function: "rollout", Own: true, Pattern: broken("rollout")},
		{Name: "evenkeel-drift-broken", Description: "A drift execution broke off: tell the scan that it was a batch of", Function: "drift", Own: true, Pattern: broken("drift")},
		{Name: "evenkeel-security-group-changed", Description: "Something that can open a security group was called", Function: "healing", Queued: true, Pattern: groupChanged()},
		{Name: "evenkeel-resource-written", Description: "A call changed a resource: keep who made it", Function: "trail", Pattern: written()},
		{Name: "evenkeel-drift-scan", Description: "Scan every deployed stack for drift, or all of the accounts", Workflow: "driftscan", Schedule: "rate(1 hour)"},
		{Name: "evenkeel-drift-digest", Description: "What drift is open, once a day", Function: "drift",
			Schedule: "cron(0 6 * * ? *)", Input: `{"action":"digest"}`},
		{Name: "evenkeel-heal-sweep", Description: "Look at every security group: CloudTrail events are best effort", Function: "healing",
			Schedule: "rate(15 minutes)", Input: `{"action":"sweep"}`},
		{Name: "evenkeel-rollout-sweep", Description: "Look after the rollouts that no execution drives: the events of executions are best effort", Function: "rollout",
			Schedule: "rate(15 minutes)", Input: `{"action":"sweep"}`},
	}
}

// Forwarded returns the rules of a workload account: the AWS events that its
// default bus passes on to the hub's.
func Forwarded() []Route {
	return []Route{
		{Name: "evenkeel-forward-stack-settled", Description: "Stack operations that ended", Pattern: stackSettled()},
		{Name: "evenkeel-forward-tests-ended", Description: "Builds that ended, integration tests among them", Pattern: buildEnded()},
		{Name: "evenkeel-forward-drift-detected", Description: "Drift detections that ended", Pattern: detectionEnded()},
		{Name: "evenkeel-forward-security-group-changed", Description: "Calls that can open a security group", Pattern: groupChanged()},
		{Name: "evenkeel-forward-resource-written", Description: "Calls that change resources", Pattern: written()},
	}
}

func prefix(s string) map[string]any { return map[string]any{"prefix": s} }
func suffix(s string) map[string]any { return map[string]any{"suffix": s} }

func branchMoved() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceCodeCommit},
		"detail-type": []any{events.RepositoryStateChange},
		"detail": map[string]any{
			"event":         []any{"referenceCreated", "referenceUpdated"},
			"referenceType": []any{"branch"},
		},
	}
}

// stackSettled matches the statuses in which a stack rests. All of them, and
// no others, end in _COMPLETE or _FAILED.
// Source: CloudFormation user guide, "Stack status codes".
func stackSettled() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceCloudFormation},
		"detail-type": []any{events.StackStatusChange},
		"detail":      map[string]any{"status-details": map[string]any{"status": []any{suffix("_COMPLETE"), suffix("_FAILED")}}},
	}
}

// buildEnded matches the ends of builds. Which of them a verification waits for
// is known to the function alone.
// Source: CodeBuild user guide, "Build notifications input format reference".
func buildEnded() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceCodeBuild},
		"detail-type": []any{events.BuildStateChange},
		"detail":      map[string]any{"build-status": []any{"SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT"}},
	}
}

// buildChanged matches every state of the builds of repositories: the first one
// tells the build's id, the last one how it ended.
// Source: CodeBuild user guide, "Build notifications input format reference".
func buildChanged() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceCodeBuild},
		"detail-type": []any{events.BuildStateChange},
		"detail":      map[string]any{"project-name": []any{BuildProject}},
	}
}

func detectionEnded() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceCloudFormation},
		"detail-type": []any{events.DriftDetectionStatusChange},
		"detail": map[string]any{"status-details": map[string]any{
			"detection-status": []any{"DETECTION_COMPLETE", "DETECTION_FAILED"},
		}},
	}
}

func pullRequestMoved() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceCodeCommit},
		"detail-type": []any{events.PullRequestStateChange},
		"detail": map[string]any{
			"event":             []any{"pullRequestCreated", "pullRequestSourceBranchUpdated"},
			"pullRequestStatus": []any{"Open"},
		},
	}
}

// broken matches the executions of a workflow that did not succeed.
func broken(workflow string) map[string]any {
	return map[string]any{
		"source":      []any{events.SourceStepFunctions},
		"detail-type": []any{events.ExecutionStatusChange},
		"detail": map[string]any{
			"status":          []any{"FAILED", "TIMED_OUT", "ABORTED"},
			"stateMachineArn": []any{suffix(":stateMachine:evenkeel-" + workflow)},
		},
	}
}

// groupChanged matches the calls after which a security group can be more open
// than before, an open one be put to use, or be under another policy. They are
// those that the domain looks after; a test of the local installation compares.
// Everything in an account is tagged all the time: only the tags of groups count.
// A call with an errorCode changed nothing, unless the code begins with Server.:
// of that nobody knows.
// Source: EC2 API reference; CloudTrail user guide, "CloudTrail record contents".
func groupChanged() map[string]any {
	return map[string]any{
		"source":      []any{events.SourceEC2},
		"detail-type": []any{events.CloudTrailCall},
		"detail": map[string]any{
			"eventSource": []any{"ec2.amazonaws.com"},
			"$or": []any{
				map[string]any{"eventName": []any{
					"AssociateSecurityGroupVpc", "AuthorizeIngress", "AuthorizeSecurityGroupIngress", "CreateManagedPrefixList", "CreateNetworkInterface",
					"CreateSecurityGroup", "CreateVpcEndpoint", "ModifyInstanceAttribute", "ModifyManagedPrefixList", "ModifyNetworkInterfaceAttribute",
					"ModifySecurityGroupRules", "ModifyVpcEndpoint", "RestoreManagedPrefixListVersion", "RunInstances",
				}},
				map[string]any{
					"eventName":         []any{"CreateTags", "DeleteTags"},
					"requestParameters": map[string]any{"resourcesSet": map[string]any{"items": map[string]any{"resourceId": []any{prefix("sg-")}}}},
				},
			},
			"errorCode": []any{map[string]any{"exists": false}, prefix("Server.")},
		},
	}
}

// watched are the services whose writes are kept: those of the resource types
// that drift detection reads most, and Cloud Control, by which any type is
// changed. A service that is missing costs no answer, only the speed of one:
// CloudTrail's own history is asked. A pattern holds 2,048 characters.
// Source: EventBridge user guide, "Amazon EventBridge quotas".
func watched() []any {
	return []any{
		"aws.acm", "aws.apigateway", "aws.application-autoscaling", "aws.autoscaling", "aws.cloudcontrolapi", "aws.cloudfront", "aws.cognito-idp",
		"aws.dynamodb", "aws.ec2", "aws.ecr", "aws.ecs", "aws.eks", "aws.elasticache", "aws.elasticfilesystem", "aws.elasticloadbalancing", "aws.es",
		"aws.events", "aws.firehose", "aws.iam", "aws.kinesis", "aws.kms", "aws.lambda", "aws.logs", "aws.monitoring", "aws.pipes", "aws.rds",
		"aws.route53", "aws.s3", "aws.scheduler", "aws.secretsmanager", "aws.sns", "aws.sqs", "aws.ssm", "aws.states", "aws.wafv2",
	}
}

// written matches the calls that changed settings of a resource. Old records do
// not say readOnly, and few say managementEvent; data events, which a trail may
// select, are about what is in a resource. The rules of IAM, Route 53 and
// CloudFront see their events in us-east-1 alone.
// Source: CloudTrail user guide, "CloudTrail record contents"; EventBridge user
// guide, "AWS service events delivered via AWS CloudTrail".
func written() map[string]any {
	return map[string]any{
		"source":      watched(),
		"detail-type": []any{events.CloudTrailCall},
		"detail": map[string]any{
			"errorCode":       []any{map[string]any{"exists": false}},
			"readOnly":        []any{false, map[string]any{"exists": false}},
			"managementEvent": []any{true, map[string]any{"exists": false}},
		},
	}
}
