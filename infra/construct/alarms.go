package construct

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
)

// Alarms is the topic that tells a person, and the names of all alarms on it.
type Alarms struct {
	Topic awssns.Topic
	Names []string
}

// Alarm fires when the metric's sum over five minutes reaches the threshold.
type Alarm struct {
	Name        string // without the prefix "evenkeel-"
	Description string
	Namespace   string
	Metric      string
	Statistic   string // "" for Sum
	Dimensions  map[string]string
	Threshold   float64
}

const alarmMinutes = 5

// NewAlarms makes the topic. CloudWatch may publish alarms of this account.
func NewAlarms(stack awscdk.Stack, key awskms.Key) *Alarms {
	topic := awssns.NewTopic(stack, text("AlarmTopic"), &awssns.TopicProps{
		DisplayName: text("Evenkeel alarms"), MasterKey: key, EnforceSSL: yes(),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: texts("sns:Publish"), Resources: &[]*string{topic.TopicArn()},
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("cloudwatch.amazonaws.com"), nil)},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
	}))
	return &Alarms{Topic: topic}
}

// On adds an alarm. Absent data is no fault: a suite that nobody uses is well.
func (a *Alarms) On(c *Common, alarm Alarm) {
	statistic := alarm.Statistic
	if statistic == "" {
		statistic = "Sum"
	}
	dimensions := map[string]*string{}
	for key, value := range alarm.Dimensions {
		dimensions[key] = text(value)
	}
	name := "evenkeel-" + strings.TrimPrefix(alarm.Name, "evenkeel-") // a queue's alarm has its name
	made := awscloudwatch.NewAlarm(c.Scope, text("Alarm-"+alarm.Name), &awscloudwatch.AlarmProps{
		AlarmName: text(name), AlarmDescription: text(alarm.Description),
		Metric: awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: text(alarm.Namespace), MetricName: text(alarm.Metric), DimensionsMap: &dimensions,
			Statistic: text(statistic), Period: awscdk.Duration_Minutes(number(alarmMinutes)),
		}),
		Threshold: number(alarm.Threshold), EvaluationPeriods: number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	made.AddAlarmAction(awscloudwatchactions.NewSnsAction(a.Topic))
	a.Names = append(a.Names, name)
}
