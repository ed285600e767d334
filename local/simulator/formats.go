package simulator

// readOnlyFormats are the read-only properties of common types in the form in
// which the services return them. Nested properties are joined by dots.
// Source: "Return values" of each type in the CloudFormation template
// reference; ARN forms from the Service Authorization Reference.
var readOnlyFormats = map[string]map[string]string{
	"AWS::ApiGateway::RestApi":              {"RestApiId": "{randomhex:10}", "RootResourceId": "{randomhex:10}"},
	"AWS::ApiGatewayV2::Api":                {"ApiId": "{randomhex:10}", "ApiEndpoint": "https://{ApiId}.execute-api.{region}.{suffix}"},
	"AWS::CloudFront::Distribution":         {"Id": "E{random:13}", "DomainName": "d{randomhex:13}.cloudfront.net"},
	"AWS::CloudWatch::Alarm":                {"Arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{AlarmName}"},
	"AWS::Cognito::UserPool":                {"UserPoolId": "{region}_{randomhex:9}", "Arn": "arn:{partition}:cognito-idp:{region}:{account}:userpool/{UserPoolId}"},
	"AWS::DynamoDB::Table":                  {"Arn": "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}"},
	"AWS::DynamoDB::GlobalTable":            {"Arn": "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}", "TableId": "{randomuuid}"},
	"AWS::EC2::Instance":                    {"InstanceId": "i-{randomhex:17}"},
	"AWS::EC2::InternetGateway":             {"InternetGatewayId": "igw-{randomhex:17}"},
	"AWS::EC2::NatGateway":                  {"NatGatewayId": "nat-{randomhex:17}"},
	"AWS::EC2::PrefixList":                  {"PrefixListId": "pl-{randomhex:17}", "Arn": "arn:{partition}:ec2:{region}:{account}:prefix-list/{PrefixListId}", "OwnerId": "{account}"},
	"AWS::EC2::Route":                       {"CidrBlock": "{DestinationCidrBlock}"},
	"AWS::EC2::RouteTable":                  {"RouteTableId": "rtb-{randomhex:17}"},
	"AWS::EC2::SecurityGroup":               {"Id": "sg-{randomhex:17}", "GroupId": "{Id}"},
	"AWS::EC2::SecurityGroupEgress":         {"Id": "sgr-{randomhex:17}"},
	"AWS::EC2::SecurityGroupIngress":        {"Id": "sgr-{randomhex:17}"},
	"AWS::EC2::Subnet":                      {"SubnetId": "subnet-{randomhex:17}", "NetworkAclAssociationId": "aclassoc-{randomhex:17}"},
	"AWS::EC2::SubnetRouteTableAssociation": {"Id": "rtbassoc-{randomhex:17}"},
	"AWS::EC2::VPC":                         {"VpcId": "vpc-{randomhex:17}", "DefaultNetworkAcl": "acl-{randomhex:17}", "DefaultSecurityGroup": "sg-{randomhex:17}"},
	"AWS::EC2::VPCEndpoint":                 {"Id": "vpce-{randomhex:17}"},
	"AWS::ECR::Repository":                  {"Arn": "arn:{partition}:ecr:{region}:{account}:repository/{RepositoryName}", "RepositoryUri": "{account}.dkr.ecr.{region}.{suffix}/{RepositoryName}"},
	"AWS::ECS::Cluster":                     {"Arn": "arn:{partition}:ecs:{region}:{account}:cluster/{ClusterName}"},
	"AWS::Events::EventBus":                 {"Arn": "arn:{partition}:events:{region}:{account}:event-bus/{Name}"},
	"AWS::Events::Rule":                     {"Arn": "arn:{partition}:events:{region}:{account}:rule/{Name}"},
	"AWS::IAM::ManagedPolicy":               {"PolicyArn": "arn:{partition}:iam::{account}:policy/{ManagedPolicyName}", "PolicyId": "ANPA{random:17}"},
	"AWS::IAM::Role":                        {"Arn": "arn:{partition}:iam::{account}:role/{RoleName}", "RoleId": "AROA{random:17}"},
	"AWS::IAM::User":                        {"Arn": "arn:{partition}:iam::{account}:user/{UserName}"},
	"AWS::KMS::Key":                         {"KeyId": "{randomuuid}", "Arn": "arn:{partition}:kms:{region}:{account}:key/{KeyId}"},
	"AWS::Kinesis::Stream":                  {"Arn": "arn:{partition}:kinesis:{region}:{account}:stream/{Name}"},
	"AWS::Lambda::Function":                 {"Arn": "arn:{partition}:lambda:{region}:{account}:function:{FunctionName}"},
	"AWS::Logs::LogGroup":                   {"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{LogGroupName}:*"},
	"AWS::S3::Bucket": {
		"Arn": "arn:{partition}:s3:::{BucketName}", "DomainName": "{BucketName}.s3.{suffix}",
		"DualStackDomainName": "{BucketName}.s3.dualstack.{region}.{suffix}", "RegionalDomainName": "{BucketName}.s3.{region}.{suffix}",
		"WebsiteURL": "http://{BucketName}.s3-website-{region}.{suffix}",
	},
	"AWS::SecretsManager::Secret":      {"Id": "arn:{partition}:secretsmanager:{region}:{account}:secret:{Name}-{random:6}"},
	"AWS::SNS::Subscription":           {"Arn": "{TopicArn}:{randomuuid}"},
	"AWS::SNS::Topic":                  {"TopicArn": "arn:{partition}:sns:{region}:{account}:{TopicName}"},
	"AWS::SQS::Queue":                  {"Arn": "arn:{partition}:sqs:{region}:{account}:{QueueName}", "QueueUrl": "https://sqs.{region}.{suffix}/{account}/{QueueName}"},
	"AWS::StepFunctions::StateMachine": {"Arn": "arn:{partition}:states:{region}:{account}:stateMachine:{StateMachineName}", "Name": "{StateMachineName}"},
}

// refProperties names the property that Ref returns where it is not the
// primary identifier. Source: "Ref" in each type's return values.
var refProperties = map[string]string{
	"AWS::Events::Rule":       "Name",
	"AWS::Lambda::Permission": "Id",
	"AWS::ECS::Cluster":       "ClusterName",
	"AWS::ECS::Service":       "ServiceArn",
	"AWS::ECR::Repository":    "RepositoryName",
}
