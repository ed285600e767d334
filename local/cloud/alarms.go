package cloud

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// alarmStates reads the states of metric and composite alarms by ARN. One that
// does not exist is left out.
func alarmStates(ctx context.Context, client *cloudwatch.Client, arns []string) (map[string]string, error) {
	var names []string
	for _, arn := range arns {
		if _, name, ok := strings.Cut(arn, ":alarm:"); ok {
			names = append(names, name)
		}
	}
	states := map[string]string{}
	if len(names) == 0 {
		return states, nil // DescribeAlarms without names lists every alarm
	}
	out, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	if err != nil {
		return nil, err
	}
	for _, alarm := range out.MetricAlarms {
		states[aws.ToString(alarm.AlarmArn)] = string(alarm.StateValue)
	}
	for _, alarm := range out.CompositeAlarms {
		states[aws.ToString(alarm.AlarmArn)] = string(alarm.StateValue)
	}
	return states, nil
}
