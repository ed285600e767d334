// Package alarms reads the states of CloudWatch alarms in workload accounts.
package alarms

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var _ verification.Alarms = (*Client)(nil)

// Sessions gives the configuration for an account and region, in the role of the
// stage.
type Sessions interface {
	As(account, region, role, owner string) aws.Config
}

// Client implements verification.Alarms.
type Client struct{ sessions Sessions }

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions) *Client { return &Client{sessions} }

// States implements verification.Alarms. Composite alarms come only when they
// are asked for. Source: CloudWatch API reference, DescribeAlarms, AlarmTypes.
func (c *Client) States(ctx context.Context, t events.Target, names []string) ([]verification.Alarm, error) {
	client := cloudwatch.NewFromConfig(c.sessions.As(t.Account, t.Region, t.Role, t.Owner))
	found := map[string]verification.Alarm{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(client, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the alarms of "+t.Account+" in "+t.Region, err)
		}
		for _, alarm := range page.MetricAlarms {
			found[aws.ToString(alarm.AlarmName)] = verification.Alarm{ARN: aws.ToString(alarm.AlarmArn), State: string(alarm.StateValue), Reason: aws.ToString(alarm.StateReason)}
		}
		for _, alarm := range page.CompositeAlarms {
			found[aws.ToString(alarm.AlarmName)] = verification.Alarm{ARN: aws.ToString(alarm.AlarmArn), Composite: true, State: string(alarm.StateValue), Reason: aws.ToString(alarm.StateReason)}
		}
	}
	list := make([]verification.Alarm, len(names))
	for i, name := range names {
		list[i] = verification.Alarm{State: verification.AlarmMissing}
		if alarm, ok := found[name]; ok {
			list[i] = alarm
		}
		list[i].Name = name
	}
	return list, nil
}
