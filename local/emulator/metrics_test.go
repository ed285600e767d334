package emulator_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// MiniStack keeps metrics by account and aggregates them by period; expressions
// it does not know, which is why local/metrics computes those.
func TestCloudWatchKeepsMetricsAndKnowsNoExpressions(t *testing.T) {
	t.Parallel()
	client, metric := cloudwatch.NewFromConfig(configOf(hub(t), workload)), name("m")
	end := time.Now().UTC().Truncate(time.Minute)
	put := func(side string, value float64, at time.Time) {
		t.Helper()
		datum := types.MetricDatum{MetricName: &metric, Value: &value, Timestamp: &at}
		if side != "" {
			datum.Dimensions = []types.Dimension{{Name: aws.String("Side"), Value: &side}}
		}
		if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Rolling"), MetricData: []types.MetricDatum{datum}}); err != nil {
			t.Fatal(err)
		}
	}
	put("blue", 7, end.Add(-time.Minute))
	put("green", 1, end.Add(-2*time.Minute))
	put("green", 2, end.Add(-59*time.Second))
	put("green", 3, end.Add(-time.Second))
	put("green", 4, end)
	stat := func(sides ...types.Dimension) *types.MetricStat {
		return &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("Rolling"), MetricName: &metric, Dimensions: sides}, Period: aws.Int32(60), Stat: aws.String("Sum")}
	}
	out, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(end.Add(-5 * time.Minute)), EndTime: &end, ScanBy: types.ScanByTimestampDescending, MetricDataQueries: []types.MetricDataQuery{
			{Id: aws.String("green"), MetricStat: stat(types.Dimension{Name: aws.String("Side"), Value: aws.String("green")})},
			{Id: aws.String("red"), MetricStat: stat(types.Dimension{Name: aws.String("Side"), Value: aws.String("red")})},
			{Id: aws.String("all"), MetricStat: stat()},
			{Id: aws.String("double"), Expression: aws.String("2 * green")},
		},
	})
	if err != nil || len(out.MetricDataResults) != 4 {
		t.Fatal(err, out)
	}
	green, red, all, double := out.MetricDataResults[0], out.MetricDataResults[1], out.MetricDataResults[2], out.MetricDataResults[3]
	if len(green.Values) != 2 || len(green.Timestamps) != 2 {
		t.Fatalf("the metric is %+v", green)
	}
	values := map[time.Time]float64{}
	for i, at := range green.Timestamps {
		values[at.UTC()] = green.Values[i]
	}
	if values[end.Add(-2*time.Minute)] != 1 || values[end.Add(-time.Minute)] != 5 {
		t.Errorf("the metric is %v", values)
	}
	if len(red.Values) != 0 {
		t.Errorf("a metric that nobody put has %v", red.Values)
	}
	if green.Timestamps[0].After(green.Timestamps[1]) {
		unlike(t, "ScanBy is ignored", green.Timestamps)
	}
	if len(all.Values) == 0 {
		unlike(t, "a metric without dimensions has the values of those with", all.Values)
	}
	if double.StatusCode != types.StatusCodeInternalError {
		unlike(t, "expressions are not computed", double)
	}
}

// An alarm is evaluated when a value is put, over all dimensions of its metric,
// and goes back to OK; on AWS time alone does it, and the dimensions count.
func TestCloudWatchEvaluatesAlarmsWhenAValueIsPut(t *testing.T) {
	t.Parallel()
	client, metric := cloudwatch.NewFromConfig(configOf(hub(t), workload)), name("m")
	if _, err := client.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: &metric, Namespace: aws.String("Rolling"), MetricName: &metric, Statistic: types.StatisticMaximum, Period: aws.Int32(1), EvaluationPeriods: aws.Int32(1),
		Threshold: aws.Float64(5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, Dimensions: []types.Dimension{{Name: aws.String("Side"), Value: aws.String("green")}},
	}); err != nil {
		t.Fatal(err)
	}
	state := func(side string, value float64) types.StateValue {
		t.Helper()
		time.Sleep(1100 * time.Millisecond)
		if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Rolling"), MetricData: []types.MetricDatum{{
			MetricName: &metric, Value: &value, Dimensions: []types.Dimension{{Name: aws.String("Side"), Value: &side}},
		}}}); err != nil {
			t.Fatal(err)
		}
		out, err := client.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{metric}})
		if err != nil || len(out.MetricAlarms) != 1 {
			t.Fatal(err, out)
		}
		return out.MetricAlarms[0].StateValue
	}
	if got := state("green", 9); got != types.StateValueAlarm {
		t.Errorf("above the threshold the alarm is %s", got)
	}
	if got := state("green", 1); got != types.StateValueOk {
		t.Errorf("below it the alarm is %s", got)
	}
	if got := state("blue", 9); got != types.StateValueAlarm {
		unlike(t, "an alarm looks at all dimensions of its metric", got)
	}
}
