package policy

// families are the rules, one file a family of services.
var families = [][]Rule{
	apiRules, cacheRules, cloudfrontRules, codebuildRules, containerRules, documentRules, dynamodbRules, ec2Rules, elbRules, iamRules, kmsRules, lambdaRules,
	loggingRules, messagingRules, networkRules, opensearchRules, rdsRules, redshiftRules, retentionRules, s3Rules, secretRules, serviceRules, storageRules, trustRules,
}
