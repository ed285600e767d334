package construct

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/evenkeel/evenkeel/infra/route"
)

const (
	// batchSize is how many events one invocation takes at most. There is no
	// batching window: an event that comes alone does not wait for others.
	batchSize = 10

	// batchesAtATime bounds how much of the account's concurrency, and of the rate
	// at which EC2 lets itself be asked, a storm of events can use. It is set on the
	// mapping and not on the function, so that Lambda takes no message that it then
	// has to put back, and a sweep or an undo still finds room.
	// Source: Lambda developer guide, "Configuring scaling behavior for SQS event
	// source mappings" (2 to 1,000).
	batchesAtATime = 5

	// visibilityFactor times the function's timeout is how long a message that was
	// taken is invisible to others. A function that fails orderly does not wait for
	// it: it says itself when the message comes again.
	// Source: Lambda developer guide, "Creating and configuring an Amazon SQS event
	// source mapping" (at least six times).
	visibilityFactor = 6

	// maxReceives is how often a message is taken before it is a dead letter.
	// Source: Lambda developer guide, "Understanding SQS retries" (at least 5).
	maxReceives = 8

	// queueDays is how long a message may wait, and staleSeconds when a person
	// hears of it.
	queueDays    = 4
	staleSeconds = 120
)

// queueRoute makes the rule of r with its queue, from which the function takes
// batches, and one dead-letter queue for what EventBridge could not put there
// and what the function did not take: the same events, and what was redriven
// goes back with one command.
func queueRoute(c *Common, r route.Route, bus string, target awsevents.CfnRule_TargetProperty, fn *Function) {
	dead := deadLetterQueue(c, "DeadLetters-"+r.Name, r.Name+"-dead-letters", fmt.Sprintf(
		"Events that evenkeel-%s did not take are waiting in %s-dead-letters: its log says why for each message; mend that, then send them back with aws sqs start-message-move-task",
		fn.Name, r.Name))
	queue := awssqs.NewQueue(c.Scope, text("Queue-"+r.Name), &awssqs.QueueProps{
		QueueName: text(r.Name), RetentionPeriod: awscdk.Duration_Days(number(queueDays)),
		VisibilityTimeout: awscdk.Duration_Seconds(number(visibilityFactor * fn.Seconds)),
		Encryption:        awssqs.QueueEncryption_KMS, EncryptionMasterKey: c.Key, EnforceSSL: yes(),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: number(maxReceives)},
	})
	target.Arn = queue.QueueArn()
	Deliver(&target, dead.QueueArn())
	rule := NewRule(c.Scope, r, bus, &target)
	admitRules(queue, *rule.AttrArn())
	// The L2 construct would add to the function's role, which is complete.
	awslambda.NewCfnEventSourceMapping(c.Scope, text("Batches-"+r.Name), &awslambda.CfnEventSourceMappingProps{
		FunctionName: fn.Lambda.FunctionArn(), EventSourceArn: queue.QueueArn(), BatchSize: number(batchSize),
		FunctionResponseTypes: texts("ReportBatchItemFailures"),
		ScalingConfig:         &awslambda.CfnEventSourceMapping_ScalingConfigProperty{MaximumConcurrency: number(batchesAtATime)},
	})
	c.Alarms.On(c, Alarm{
		Name: r.Name + "-waiting",
		Description: fmt.Sprintf("An event has waited in %s for more than %d s: look for throttles and failures in the log of evenkeel-%s; the sweep finds what waits, every 15 minutes",
			r.Name, staleSeconds, fn.Name),
		Namespace: "AWS/SQS", Metric: "ApproximateAgeOfOldestMessage", Statistic: "Maximum",
		Dimensions: map[string]string{"QueueName": *queue.QueueName()}, Threshold: staleSeconds,
	})
}

// queuesOf are the ARNs of the queues that a function takes from.
func queuesOf(c *Common, function string) []string {
	var arns []string
	for _, r := range route.Routes() {
		if r.Queued && r.Function == function {
			arns = append(arns, c.arn("sqs", r.Name))
		}
	}
	return arns
}
