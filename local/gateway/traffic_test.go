package gateway_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudmetrics"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// What a rollout needs of a workload account: expressions over metrics that were
// put there, and target groups with weights.

// Metrics 1 to 4: the adapter that rollouts measure with reads what was put.
func expressionsOfAWorkload(t *testing.T, f fixture) {
	now := time.Now().UTC().Truncate(time.Second)
	put := func(account, metric, side string, value float64, ago time.Duration) {
		t.Helper()
		if _, err := cloudwatch.NewFromConfig(f.config(account)).PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Rolling"), MetricData: []cwtypes.MetricDatum{{
			MetricName: &metric, Value: &value, Timestamp: aws.Time(now.Add(-ago)), StorageResolution: aws.Int32(1), Dimensions: []cwtypes.Dimension{{Name: aws.String("Side"), Value: &side}},
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	query := func(id, metric string) pipeline.MetricQuery {
		return pipeline.MetricQuery{ID: id, Namespace: "Rolling", Metric: metric, Stat: "Sum", Dimensions: map[string]string{"Side": "green"}}
	}
	const period = 10 * time.Second
	quotient := pipeline.CloudWatchMetric{
		Queries: []pipeline.MetricQuery{query("errors", "Errors"), query("requests", "Requests")}, Expression: "100 * errors / requests", Period: pipeline.Duration(period),
	}
	client := cloudmetrics.New(session.NewWorkloads(f.config(workload), ""), 0)
	value := func(m pipeline.CloudWatchMetric, want float64, there bool) {
		t.Helper()
		got, at, ok, err := client.Value(t.Context(), events.Target{Account: workload, Region: f.State.Region}, rollout.Query{Metric: m, From: now.Add(-time.Minute), To: now})
		if err != nil || ok != there || got != want {
			t.Errorf("%s: %g at %s, %t, %v", m.Expression, got, at, ok, err)
		}
	}
	last := now.Sub(now.Truncate(period)) + period // ago is the begin of the newest whole period
	value(quotient, 0, false)
	put(workload, "Requests", "blue", 999, last-time.Second)
	put(workload, "Requests", "green", 30, last-time.Second)
	put(workload, "Requests", "green", 10, last-2*time.Second)
	value(quotient, 0, true) // no error is none
	put(workload, "Errors", "green", 6, last-time.Second)
	put(other, "Errors", "green", 4, last-time.Second)
	put(workload, "Errors", "green", 40, 0) // in a period that is not over
	value(quotient, 15, true)
	filled := quotient
	filled.Queries = []pipeline.MetricQuery{query("none", "None")}
	filled.Expression = "FILL(none, 0) < 1"
	value(filled, 0, false) // what is made out of nothing is no value
}

// Weights 4: the load balancers of a workload account are moto's.
func targetGroupsOfAWorkload(t *testing.T, f fixture) {
	client := elb.NewFromConfig(f.config(workload))
	network, err := ec2.NewFromConfig(f.config(workload)).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	if err != nil || len(network.Subnets) < 2 {
		t.Fatal(err, network)
	}
	balancer, err := client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String("rolling"), Subnets: []string{*network.Subnets[0].SubnetId, *network.Subnets[1].SubnetId}})
	if err != nil {
		t.Fatal(err)
	}
	var groups []elbtypes.TargetGroupTuple
	for name, weight := range map[string]int32{"rolling-blue": 95, "rolling-green": 5} {
		made, err := client.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{Name: &name, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: network.Subnets[0].VpcId})
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, elbtypes.TargetGroupTuple{TargetGroupArn: made.TargetGroups[0].TargetGroupArn, Weight: &weight})
	}
	listener, err := client.CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: groups}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	kept := listener.Listeners[0].DefaultActions[0].ForwardConfig
	if kept == nil || len(kept.TargetGroups) != 2 || aws.ToInt32(kept.TargetGroups[0].Weight)+aws.ToInt32(kept.TargetGroups[1].Weight) != 100 {
		t.Errorf("the action is %+v", kept)
	}
	if _, err := elb.NewFromConfig(f.config(other)).DescribeListeners(t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{*listener.Listeners[0].ListenerArn}}); err == nil {
		t.Error("another account sees the listener")
	}
}
