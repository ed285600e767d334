package cloud

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/gateway"
	"github.com/evenkeel/evenkeel/local/simulator"
	"github.com/evenkeel/evenkeel/local/simulator/ec2backed"
)

// monitoringMinute is how long a minute of a rollback configuration's
// monitoring time lasts in the local cloud (CFN-83).
const monitoringMinute = time.Second

// newSimulator makes the CloudFormation and Cloud Control of the workload
// accounts. What it does to EC2 it does through the gateway, as AWS's own
// CloudFormation does: recorded by CloudTrail as invoked by that service.
func (c *Cloud) newSimulator(hub string, client *http.Client) *simulator.Simulator {
	return simulator.New(simulator.Options{
		Now:     c.opts.Now,
		Publish: c.publish,
		EC2: func(account, region string) simulator.EC2 {
			return ec2backed.New(ec2.NewFromConfig(c.service(account, region)))
		},
		FetchTemplate: func(ctx context.Context, account, address string) ([]byte, error) {
			return fetchTemplate(ctx, client, hub, c.opts.Region, address, account, c.opts.Hub)
		},
		AlarmStates: func(ctx context.Context, account, region string, arns []string) (map[string]string, error) {
			return alarmStates(ctx, cloudwatch.NewFromConfig(c.service(account, region)), arns)
		},
		Minute: monitoringMinute,
		ReadParameter: func(ctx context.Context, account, region, name string) (string, error) {
			out, err := ssm.NewFromConfig(c.service(account, region)).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
			if err != nil {
				return "", err
			}
			return aws.ToString(out.Parameter.Value), nil
		},
	})
}

// service configures a client of CloudFormation's own in a workload account.
func (c *Cloud) service(account, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(c.State.Endpoint), AppID: gateway.CloudFormationAgent,
		Credentials: credentials.NewStaticCredentialsProvider(account, "local", ""),
	}
}

// publish puts an event of the simulator on the hub's default bus, where a
// rule of the workload account would have forwarded it.
func (c *Cloud) publish(account, region string, event simulator.Event) {
	at, err := time.Parse(time.RFC3339, event.Time)
	if err != nil {
		at = c.opts.Now()
	}
	c.Gateway.Bus().Emit(emulator.Event{
		ID: event.ID, Source: event.Source, DetailType: event.DetailType, Account: account, Time: at.Unix(), Region: region,
		Resources: event.Resources, Detail: event.Detail,
	})
}
