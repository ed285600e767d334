package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/evenkeel/evenkeel/infra/construct"
	"github.com/evenkeel/evenkeel/infra/settings"
)

// archiveDays is how long facts can be replayed.
const archiveDays = 90

// Operations makes the stack "evenkeel-operations": what one needs to run the
// suite for others. It names the core's resources instead of referring to
// them, so that the core's template is the same with and without it; they must
// exist before it all the same.
func Operations(scope constructs.Construct, s settings.Settings, core awscdk.Stack, alarms *construct.Alarms) awscdk.Stack {
	stack := newStack(scope, "evenkeel-operations", "Evenkeel: archive, alarm of alarms, dashboard", s)
	stack.AddStackDependency(core, text("it names the core's bus and alarms"))
	arn := func(service, resource string) string {
		return "arn:" + *stack.Partition() + ":" + service + ":" + *stack.Region() + ":" + *stack.Account() + ":" + resource
	}
	awsevents.NewCfnArchive(stack, text("Archive"), &awsevents.CfnArchiveProps{
		ArchiveName: text("evenkeel"), Description: text("Every fact, for replay"), RetentionDays: number(archiveDays),
		SourceArn: text(arn("events", "event-bus/"+BusName)),
	})
	var terms []string
	for _, name := range alarms.Names {
		terms = append(terms, `ALARM("`+name+`")`)
	}
	awscloudwatch.NewCfnCompositeAlarm(stack, text("AnyAlarm"), &awscloudwatch.CfnCompositeAlarmProps{
		AlarmName: text("evenkeel"), AlarmDescription: text("Something of Evenkeel needs a person: see which alarm below it fired"),
		AlarmRule: text(strings.Join(terms, " OR ")),
	})
	dashboard(stack, alarms)
	return stack
}

func dashboard(stack awscdk.Stack, alarms *construct.Alarms) {
	metric := func(namespace, name, dimension, value string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: text(namespace), MetricName: text(name), Label: text(value), Statistic: text("Sum"),
			DimensionsMap: &map[string]*string{dimension: text(value)},
		})
	}
	graph := func(title, namespace, name string) awscloudwatch.IWidget {
		var metrics []awscloudwatch.IMetric
		for _, shape := range shapes {
			metrics = append(metrics, metric(namespace, name, "FunctionName", "evenkeel-"+shape.name))
		}
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: text(title), Left: &metrics, Width: number(12)})
	}
	var fired []interfacesawscloudwatch.IAlarmRef
	for i, name := range alarms.Names {
		arn := "arn:" + *stack.Partition() + ":cloudwatch:" + *stack.Region() + ":" + *stack.Account() + ":alarm:" + name
		fired = append(fired, awscloudwatch.Alarm_FromAlarmArn(stack, text("Seen"+alarms.Names[i]), text(arn)))
	}
	awscloudwatch.NewDashboard(stack, text("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: text("evenkeel"),
		Widgets: &[]*[]awscloudwatch.IWidget{
			{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{Title: text("Alarms"), Alarms: &fired, Width: number(24), Height: number(6)})},
			{graph("Invocations", "AWS/Lambda", "Invocations"), graph("Errors", "AWS/Lambda", "Errors")},
		},
	})
}
