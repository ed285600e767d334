package attribution

import "strings"

// service says how the records of one service name what was changed.
type service struct {
	// names are dotted paths into the record to names, ids and ARNs of what was
	// changed. Without any, every parameter that is called like one counts.
	names []string
	// calls are the properties that a call sets where its parameters do not say
	// so in the words of the resource type. An empty list: whatever its
	// parameters are called, the call sets none.
	calls map[string][]string
	// unwrap are parameters that hold the ones that count.
	unwrap []string
	// named are parameters whose value is the name of what is set.
	named []string
	// alias renames first segments, in lower case.
	alias map[string]string
}

// services has what the API references and recorded events show. Source, by
// service: the API reference for the names of parameters, the page "Logging …
// API calls using AWS CloudTrail" of its guide for the shape of the record, the
// CloudFormation template reference for the names of properties.
var services = map[string]service{
	"s3.amazonaws.com": {
		names: []string{"requestParameters.bucketName", "requestParameters.bucket"},
		calls: map[string][]string{ // the verb is left out: Put, Delete, Set, Update, Create
			"BucketVersioning": {"/VersioningConfiguration"}, "BucketEncryption": {"/BucketEncryption"},
			"BucketLifecycle": {"/LifecycleConfiguration"}, "BucketLifecycleConfiguration": {"/LifecycleConfiguration"},
			"BucketTagging": {"/Tags"}, "BucketPolicy": {"/PolicyDocument"}, "BucketCors": {"/CorsConfiguration"},
			"BucketPublicAccessBlock": {"/PublicAccessBlockConfiguration"}, "PublicAccessBlock": {"/PublicAccessBlockConfiguration"},
			"BucketWebsite": {"/WebsiteConfiguration"}, "BucketLogging": {"/LoggingConfiguration"},
			"BucketNotification": {"/NotificationConfiguration"}, "BucketNotificationConfiguration": {"/NotificationConfiguration"},
			"BucketReplication": {"/ReplicationConfiguration"}, "BucketAcl": {"/AccessControl", "/OwnershipControls"},
			"AccelerateConfiguration": {"/AccelerateConfiguration"}, "BucketAccelerateConfiguration": {"/AccelerateConfiguration"},
			"BucketOwnershipControls": {"/OwnershipControls"}, "ObjectLockConfiguration": {"/ObjectLockConfiguration", "/ObjectLockEnabled"},
			"BucketObjectLockConfiguration": {"/ObjectLockConfiguration", "/ObjectLockEnabled"},
			"AnalyticsConfiguration":        {"/AnalyticsConfigurations"}, "BucketAnalyticsConfiguration": {"/AnalyticsConfigurations"},
			"InventoryConfiguration": {"/InventoryConfigurations"}, "BucketInventoryConfiguration": {"/InventoryConfigurations"},
			"MetricsConfiguration": {"/MetricsConfigurations"}, "BucketMetricsConfiguration": {"/MetricsConfigurations"},
			"IntelligentTieringConfiguration": {"/IntelligentTieringConfigurations"},
		},
	},
	"sqs.amazonaws.com": {
		names:  []string{"requestParameters.queueUrl", "responseElements.queueUrl", "requestParameters.queueName"},
		unwrap: []string{"attributes", "attribute"},
		calls:  map[string][]string{"AddPermission": {"/Policy", "/PolicyDocument"}, "RemovePermission": {"/Policy", "/PolicyDocument"}},
		alias:  map[string]string{"policy": "PolicyDocument"},
	},
	"sns.amazonaws.com": {
		names: []string{"requestParameters.topicArn", "requestParameters.subscriptionArn", "requestParameters.resourceArn",
			"responseElements.topicArn", "responseElements.subscriptionArn"},
		unwrap: []string{"attributes"}, named: []string{"attributeName"},
		calls: map[string][]string{
			"Subscribe": {"/Subscription"}, "Unsubscribe": {"/Subscription"}, "ConfirmSubscription": {"/Subscription"},
			"AddPermission": {"/PolicyDocument"}, "RemovePermission": {"/PolicyDocument"}, "PutDataProtectionPolicy": {"/DataProtectionPolicy"},
		},
		alias: map[string]string{"policy": "PolicyDocument"},
	},
	"dynamodb.amazonaws.com": {
		names: []string{"requestParameters.tableName", "requestParameters.resourceArn", "responseElements.tableDescription.tableName"},
		calls: map[string][]string{
			"EnableKinesisStreamingDestination": {"/KinesisStreamSpecification"}, "DisableKinesisStreamingDestination": {"/KinesisStreamSpecification"},
			"PutResourcePolicy": {"/ResourcePolicy"}, "DeleteResourcePolicy": {"/ResourcePolicy"},
		},
		alias: map[string]string{"globalsecondaryindexupdates": "GlobalSecondaryIndexes", "replicaupdates": "Replicas"},
	},
	"ec2.amazonaws.com": {
		names: []string{"requestParameters.groupId", "requestParameters.ModifySecurityGroupRulesRequest.GroupId", "responseElements.groupId",
			"responseElements.securityGroupRuleSet.items.groupId", "responseElements.securityGroupRuleSet.items.securityGroupRuleId",
			"requestParameters.securityGroupRuleIds.items.securityGroupRuleId", "requestParameters.ModifySecurityGroupRulesRequest.SecurityGroupRule.SecurityGroupRuleId",
			"requestParameters.resourcesSet.items.resourceId", "requestParameters.instanceId", "requestParameters.instancesSet.items.instanceId",
			"requestParameters.vpcId", "requestParameters.subnetId", "requestParameters.routeTableId", "requestParameters.networkAclId",
			"requestParameters.networkInterfaceId", "requestParameters.volumeId", "requestParameters.internetGatewayId", "requestParameters.natGatewayId",
			"requestParameters.ModifyManagedPrefixListRequest.PrefixListId", "requestParameters.prefixListId",
			"requestParameters.ModifyVpcEndpointRequest.VpcEndpointId", "requestParameters.launchTemplateId",
			"requestParameters.ModifyLaunchTemplateRequest.LaunchTemplateId", "requestParameters.CreateLaunchTemplateVersionRequest.LaunchTemplateId"},
		calls: map[string][]string{
			"AuthorizeSecurityGroupIngress": {"/SecurityGroupIngress"}, "RevokeSecurityGroupIngress": {"/SecurityGroupIngress"},
			"AuthorizeSecurityGroupEgress": {"/SecurityGroupEgress"}, "RevokeSecurityGroupEgress": {"/SecurityGroupEgress"},
			"AuthorizeIngress": {"/SecurityGroupIngress"}, "RevokeIngress": {"/SecurityGroupIngress"},
			"ModifySecurityGroupRules":                   {"/CidrIp", "/CidrIpv6", "/Description", "/SecurityGroupEgress", "/SecurityGroupIngress"},
			"UpdateSecurityGroupRuleDescriptionsIngress": {"/Description", "/SecurityGroupIngress"},
			"UpdateSecurityGroupRuleDescriptionsEgress":  {"/Description", "/SecurityGroupEgress"},
			"ModifyManagedPrefixList":                    {"/Entries", "/MaxEntries", "/PrefixListName"}, "RestoreManagedPrefixListVersion": {"/Entries"},
			"CreateLaunchTemplateVersion": {"/LaunchTemplateData"}, "StopInstances": {}, "StartInstances": {}, "RebootInstances": {},
		},
		alias: map[string]string{"groupset": "SecurityGroupIds", "enablednssupport": "EnableDnsSupport"},
	},
	"iam.amazonaws.com": {
		names: []string{"requestParameters.roleName", "requestParameters.userName", "requestParameters.groupName", "requestParameters.policyArn",
			"requestParameters.policyName", "requestParameters.instanceProfileName", "responseElements.role.roleName", "responseElements.policy.arn"},
		calls: map[string][]string{
			"PutRolePolicy": inline, "DeleteRolePolicy": inline, "PutUserPolicy": inline, "DeleteUserPolicy": inline, "PutGroupPolicy": inline, "DeleteGroupPolicy": inline,
			"AttachRolePolicy": attached, "DetachRolePolicy": attached, "AttachUserPolicy": attached, "DetachUserPolicy": attached,
			"AttachGroupPolicy": attached, "DetachGroupPolicy": attached,
			"UpdateAssumeRolePolicy": {"/AssumeRolePolicyDocument"}, "PutRolePermissionsBoundary": {"/PermissionsBoundary"}, "DeleteRolePermissionsBoundary": {"/PermissionsBoundary"},
			"PutUserPermissionsBoundary": {"/PermissionsBoundary"}, "DeleteUserPermissionsBoundary": {"/PermissionsBoundary"},
			"CreatePolicyVersion": {"/PolicyDocument"}, "SetDefaultPolicyVersion": {"/PolicyDocument"}, "DeletePolicyVersion": {},
			"AddUserToGroup": {"/Groups", "/Users"}, "RemoveUserFromGroup": {"/Groups", "/Users"},
			"AddRoleToInstanceProfile": {"/Roles"}, "RemoveRoleFromInstanceProfile": {"/Roles"},
			"UpdateRole": {"/Description", "/MaxSessionDuration"}, "UpdateRoleDescription": {"/Description"},
		},
	},
	"lambda.amazonaws.com": {
		names: []string{"requestParameters.functionName", "requestParameters.resource", "responseElements.functionArn", "requestParameters.uUID", "requestParameters.layerName"},
		calls: map[string][]string{
			"UpdateFunctionCode": {"/Architectures", "/Code"}, "PutFunctionConcurrency": {"/ReservedConcurrentExecutions"}, "DeleteFunctionConcurrency": {"/ReservedConcurrentExecutions"},
			"UpdateAlias": {"/FunctionVersion", "/RoutingConfig", "/Description"}, "PutRuntimeManagementConfig": {"/RuntimeManagementConfig"},
			"PutFunctionCodeSigningConfig": {"/CodeSigningConfigArn"}, "DeleteFunctionCodeSigningConfig": {"/CodeSigningConfigArn"},
			"PutProvisionedConcurrencyConfig": {"/ProvisionedConcurrencyConfig"}, "DeleteProvisionedConcurrencyConfig": {"/ProvisionedConcurrencyConfig"},
			"PutFunctionRecursionConfig": {"/RecursiveLoop"},
		},
	},
	"logs.amazonaws.com": {
		names: []string{"requestParameters.logGroupName", "requestParameters.logGroupIdentifier", "requestParameters.resourceArn"},
		calls: map[string][]string{
			"PutRetentionPolicy": {"/RetentionInDays"}, "DeleteRetentionPolicy": {"/RetentionInDays"}, "AssociateKmsKey": {"/KmsKeyId"}, "DisassociateKmsKey": {"/KmsKeyId"},
			"PutDataProtectionPolicy": {"/DataProtectionPolicy"}, "DeleteDataProtectionPolicy": {"/DataProtectionPolicy"}, "CreateLogStream": {},
		},
	},
	"kms.amazonaws.com": {
		names: []string{"requestParameters.keyId", "requestParameters.targetKeyId", "requestParameters.aliasName", "responseElements.keyId"},
		calls: map[string][]string{
			"PutKeyPolicy": {"/KeyPolicy"}, "EnableKeyRotation": {"/EnableKeyRotation", "/RotationPeriodInDays"}, "DisableKeyRotation": {"/EnableKeyRotation"},
			"EnableKey": {"/Enabled"}, "DisableKey": {"/Enabled"}, "UpdateKeyDescription": {"/Description"}, "UpdateAlias": {"/TargetKeyId"},
			"ScheduleKeyDeletion": {"/Enabled"}, "CreateGrant": {}, "RetireGrant": {}, "RevokeGrant": {},
		},
	},
	"events.amazonaws.com": {
		names: []string{"requestParameters.name", "requestParameters.rule", "requestParameters.resourceARN", "requestParameters.eventBusName", "responseElements.ruleArn"},
		calls: map[string][]string{"PutTargets": {"/Targets"}, "RemoveTargets": {"/Targets"}, "EnableRule": {"/State"}, "DisableRule": {"/State"}},
	},
	"monitoring.amazonaws.com": {
		names: []string{"requestParameters.alarmName", "requestParameters.alarmNames", "requestParameters.dashboardName", "requestParameters.resourceARN"},
		calls: map[string][]string{"EnableAlarmActions": {"/ActionsEnabled"}, "DisableAlarmActions": {"/ActionsEnabled"}, "SetAlarmState": {}},
	},
	"ssm.amazonaws.com": {
		names: []string{"requestParameters.name", "requestParameters.resourceId"},
		calls: map[string][]string{"PutParameter": {"/AllowedPattern", "/DataType", "/Description", "/Policies", "/Tier", "/Type", "/Value"}},
	},
	"secretsmanager.amazonaws.com": {
		names: []string{"requestParameters.secretId", "responseElements.arn", "responseElements.aRN", "requestParameters.name"},
		calls: map[string][]string{
			"PutSecretValue": {"/SecretString"}, "PutResourcePolicy": {"/ResourcePolicy"}, "DeleteResourcePolicy": {"/ResourcePolicy"},
			"RotateSecret": {"/RotationRules", "/RotationLambdaARN"}, "CancelRotateSecret": {"/RotationRules"}, "UpdateSecretVersionStage": {"/SecretString"},
		},
	},
	"states.amazonaws.com": {
		names: []string{"requestParameters.stateMachineArn", "requestParameters.resourceArn", "responseElements.stateMachineArn"},
		alias: map[string]string{"definition": "DefinitionString"},
	},
	"kinesis.amazonaws.com": {
		names: []string{"requestParameters.streamName", "requestParameters.streamARN"},
		calls: map[string][]string{
			"UpdateShardCount": {"/ShardCount"}, "IncreaseStreamRetentionPeriod": {"/RetentionPeriodHours"}, "DecreaseStreamRetentionPeriod": {"/RetentionPeriodHours"},
			"StartStreamEncryption": {"/StreamEncryption"}, "StopStreamEncryption": {"/StreamEncryption"}, "UpdateStreamMode": {"/StreamModeDetails"},
			"MergeShards": {"/ShardCount"}, "SplitShard": {"/ShardCount"},
		},
	},
	"elasticloadbalancing.amazonaws.com": {
		names: []string{"requestParameters.loadBalancerArn", "requestParameters.listenerArn", "requestParameters.ruleArn", "requestParameters.targetGroupArn",
			"requestParameters.resourceArns", "requestParameters.loadBalancerName", "responseElements.loadBalancers.loadBalancerArn"},
		calls: map[string][]string{
			"ModifyLoadBalancerAttributes": {"/LoadBalancerAttributes"}, "ModifyTargetGroupAttributes": {"/TargetGroupAttributes"}, "ModifyListenerAttributes": {"/ListenerAttributes"},
			"RegisterTargets": {"/Targets"}, "DeregisterTargets": {"/Targets"}, "SetSecurityGroups": {"/SecurityGroups"}, "SetSubnets": {"/SubnetMappings", "/Subnets"},
			"AddListenerCertificates": {"/Certificates"}, "RemoveListenerCertificates": {"/Certificates"},
		},
		alias: map[string]string{"securitygroups": "SecurityGroups"},
	},
	"route53.amazonaws.com": {
		names: []string{"requestParameters.hostedZoneId", "requestParameters.changeBatch.changes.resourceRecordSet.name", "requestParameters.resourceId", "requestParameters.healthCheckId"},
		calls: map[string][]string{
			"ChangeResourceRecordSets":   {"/AliasTarget", "/Failover", "/GeoLocation", "/HealthCheckId", "/Region", "/ResourceRecords", "/SetIdentifier", "/TTL", "/Type", "/Weight"},
			"AssociateVPCWithHostedZone": {"/VPCs"}, "DisassociateVPCFromHostedZone": {"/VPCs"}, "UpdateHostedZoneComment": {"/HostedZoneConfig"},
			"CreateQueryLoggingConfig": {"/QueryLoggingConfig"}, "DeleteQueryLoggingConfig": {"/QueryLoggingConfig"},
		},
	},
	"ecs.amazonaws.com": {
		names: []string{"requestParameters.service", "requestParameters.serviceName", "requestParameters.cluster", "requestParameters.clusterName",
			"requestParameters.resourceArn", "responseElements.service.serviceArn", "responseElements.taskDefinition.taskDefinitionArn"},
	},
	"ecr.amazonaws.com": {
		names: []string{"requestParameters.repositoryName", "requestParameters.resourceArn"},
		calls: map[string][]string{
			"PutLifecyclePolicy": {"/LifecyclePolicy"}, "DeleteLifecyclePolicy": {"/LifecyclePolicy"},
			"SetRepositoryPolicy": {"/RepositoryPolicyText"}, "DeleteRepositoryPolicy": {"/RepositoryPolicyText"},
		},
	},
	"cloudcontrolapi.amazonaws.com": {
		names: []string{"requestParameters.identifier", "responseElements.progressEvent.identifier", "responseElements.ProgressEvent.Identifier"},
	},
}

var (
	inline   = []string{"/Policies", "/PolicyDocument"}
	attached = []string{"/ManagedPolicyArns", "/Roles", "/Users", "/Groups"}
)

// cloudControl changes resources of any type.
const cloudControl = "cloudcontrolapi.amazonaws.com"

// sources are the services of CloudFormation types whose name is not that of
// the event source. Source: Service Authorization Reference, service prefixes;
// CloudTrail user guide, "AWS service topics for CloudTrail".
var sources = map[string]string{
	"apigatewayv2": "apigateway", "applicationautoscaling": "application-autoscaling", "certificatemanager": "acm", "cloudwatch": "monitoring",
	"cognito": "cognito-idp", "efs": "elasticfilesystem", "elasticloadbalancingv2": "elasticloadbalancing", "elasticsearch": "es",
	"kinesisfirehose": "firehose", "opensearchservice": "es", "stepfunctions": "states", "wafv2": "wafv2", "eventschemas": "schemas",
	"msk": "kafka", "docdb": "rds", "neptune": "rds",
}

// global are the services with one endpoint for all regions: the region of
// their records is not that of the stack.
// Source: CloudTrail user guide, "Global service events".
var global = map[string]bool{"iam": true, "route53": true, "cloudfront": true, "organizations": true}

// sourceOf is the service of a CloudFormation type, as event sources begin:
// "AWS::ElasticLoadBalancingV2::Listener" is of "elasticloadbalancing". It is ""
// for what is no AWS type.
func sourceOf(resourceType string) string {
	parts := strings.Split(resourceType, "::")
	if len(parts) != 3 || parts[0] != "AWS" {
		return ""
	}
	name := strings.ToLower(parts[1])
	if other := sources[name]; other != "" {
		return other
	}
	return name
}
