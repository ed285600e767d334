package construct

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
)

// NewKey makes the installation's customer key: tables, bucket, queues, topic
// and logs are encrypted with it. Its policy names who may use it, so that no role needs
// a KMS permission of its own: whoever may use a table, bucket or queue of this
// account may use the key through that service, as with a key that AWS manages.
// Source: KMS developer guide, "kms:ViaService" and "Key policies in AWS KMS".
func NewKey(stack awscdk.Stack) awskms.Key {
	key := awskms.NewKey(stack, text("Key"), &awskms.KeyProps{
		Alias: text("alias/evenkeel"), Description: text("Evenkeel: tables, bucket, queues, topic and logs"),
		EnableKeyRotation: yes(), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	region := *stack.Region()
	use := []string{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: text("ThroughTheServicesOfThisAccount"), Actions: texts(append(use, "kms:CreateGrant")...), Resources: texts("*"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Conditions: &map[string]any{"StringEquals": map[string]any{
			"kms:CallerAccount": stack.Account(),
			"kms:ViaService": texts("dynamodb."+region+".amazonaws.com", "s3."+region+".amazonaws.com",
				"sns."+region+".amazonaws.com", "sqs."+region+".amazonaws.com"),
		}},
	}), no())
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: text("Alarms"), Actions: texts("kms:Decrypt", "kms:GenerateDataKey*"), Resources: texts("*"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("cloudwatch.amazonaws.com"), nil)},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
	}), no())
	// EventBridge does not say for whom it asks when a queue that it delivers to
	// asks for the key: with a condition on the source, events would be lost. Whose
	// rules may send is in the policy of each queue.
	// Source: SNS developer guide, "Key management" (aws:SourceAccount and
	// aws:SourceArn are not supported for EventBridge in a key policy).
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: text("DeadLetters"), Actions: texts("kms:Decrypt", "kms:GenerateDataKey*"), Resources: texts("*"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("events.amazonaws.com"), nil)},
	}), no())
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: text("Logs"), Actions: texts(use...), Resources: texts("*"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("logs."+region+".amazonaws.com"), nil)},
		Conditions: &map[string]any{"ArnLike": map[string]any{
			"kms:EncryptionContext:aws:logs:arn": "arn:" + *stack.Partition() + ":logs:" + region + ":" + *stack.Account() + ":log-group:/aws/*",
		}},
	}), no())
	return key
}
