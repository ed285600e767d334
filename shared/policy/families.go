package policy

// families are the rules, one file a family of services.
var families = [][]Rule{
	s3Rules, iamRules, trustRules, kmsRules, ec2Rules, networkRules, rdsRules, secretRules,
	lambdaRules, messagingRules, elbRules, storageRules,
}
