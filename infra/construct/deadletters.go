package construct

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// Delivery is tried for a day, EventBridge's own limit; then the event waits
// in the dead-letter queue for two weeks, SQS's limit.
const (
	maxEventAgeSeconds = 24 * 60 * 60
	maxDeliveries      = 185
	deadLetterDays     = 14
)

// deadLetters makes the queue of events that a target did not take, with its
// alarm. EventBridge may send to it on behalf of rules of this account only.
func deadLetters(c *Common, id, name, target string) awssqs.Queue {
	return deadLetterQueue(c, id, name, "Events that "+target+" did not take are waiting in "+name)
}

func deadLetterQueue(c *Common, id, name, alarm string) awssqs.Queue {
	queue := awssqs.NewQueue(c.Scope, text(id), &awssqs.QueueProps{
		QueueName: text(name), RetentionPeriod: awscdk.Duration_Days(number(deadLetterDays)),
		Encryption: awssqs.QueueEncryption_KMS, EncryptionMasterKey: c.Key, EnforceSSL: yes(),
	})
	admitRules(queue, c.arn("events", "rule/*"))
	c.Alarms.On(c, Alarm{
		Name: name, Description: alarm,
		Namespace: "AWS/SQS", Metric: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum",
		Dimensions: map[string]string{"QueueName": *queue.QueueName()}, Threshold: 1,
	})
	return queue
}

// admitRules lets EventBridge send on behalf of the rules.
// Source: EventBridge user guide, "Using resource-based policies for Amazon
// EventBridge", Amazon SQS permissions.
func admitRules(queue awssqs.Queue, rules string) {
	queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: texts("sqs:SendMessage"), Resources: &[]*string{queue.QueueArn()},
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("events.amazonaws.com"), nil)},
		Conditions: &map[string]any{"ArnLike": map[string]any{"aws:SourceArn": rules}},
	}))
}
