// Package cloudmetrics reads the values of CloudWatch metrics, and of
// expressions over them, in workload accounts.
package cloudmetrics

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var _ rollout.Metrics = (*Client)(nil)

// Sessions gives the configuration for an account and region, in the role of the
// stage.
type Sessions interface {
	As(account, region, role, owner string) aws.Config
}

// Margin is for how long a period must be over before its value is read: what
// arrives late would make a sum too small and a failure look like a success.
// Source: CloudWatch user guide, "Publish custom metrics": it can take up to
// two minutes until the statistics of a new metric can be retrieved.
const Margin = 2 * time.Minute

const (
	// maxPeriods is how far back values are read, in periods.
	maxPeriods = 1440
	// fineWindow is for how long periods below a minute can be read.
	// Source: CloudWatch API reference, MetricStat, Period: from three hours ago
	// on it must be a multiple of 60 seconds.
	fineWindow = 3*time.Hour - time.Minute
	// maxRetries is how often an answer is asked for again in which CloudWatch
	// reports an error of its own.
	maxRetries = 2
)

// Client implements rollout.Metrics.
type Client struct {
	sessions Sessions
	margin   time.Duration
}

// New returns a client that opens its sessions in sessions and reads a period
// once it has been over for margin.
func New(sessions Sessions, margin time.Duration) *Client { return &Client{sessions, margin} }

// Value implements rollout.Metrics.
func (c *Client) Value(ctx context.Context, t events.Target, q rollout.Query) (float64, time.Time, bool, error) {
	period := time.Duration(q.Metric.Period)
	if period < time.Second || period%time.Second != 0 {
		return 0, time.Time{}, false, fault.Invalid("the period of the metric is %s: it is whole seconds", period)
	}
	from := begin(q.From.Add(period-1), period)
	to := begin(q.To.Add(-c.margin), period)
	if !to.After(from) {
		return 0, from.Add(period + c.margin), false, nil
	}
	window := maxPeriods * period
	if period < time.Minute {
		window = min(window, fineWindow/period*period)
	}
	if to.Sub(from) > window {
		from = to.Add(-window)
	}
	queries, id := ask(q.Metric)
	series, err := c.read(ctx, t, id, &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: &from, EndTime: &to, ScanBy: types.ScanByTimestampDescending,
	})
	if err != nil {
		return 0, time.Time{}, false, err
	}
	value, at, ok := newest(series, from, to)
	return value, at, ok, nil
}

// begin is the begin of the period that a time is in. Periods count from the
// epoch.
func begin(t time.Time, period time.Duration) time.Time {
	seconds := int64(period / time.Second)
	return time.Unix(t.Unix()-t.Unix()%seconds, 0).UTC()
}

// ask makes the queries, and names the one whose values are wanted.
func ask(m pipeline.CloudWatchMetric) (queries []types.MetricDataQuery, id string) {
	seconds := aws.Int32(int32(time.Duration(m.Period) / time.Second))
	for _, q := range m.Queries {
		metric := &types.Metric{Namespace: aws.String(q.Namespace), MetricName: aws.String(q.Metric)}
		for name, value := range q.Dimensions {
			metric.Dimensions = append(metric.Dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
		}
		slices.SortFunc(metric.Dimensions, func(a, b types.Dimension) int { return strings.Compare(*a.Name, *b.Name) })
		queries = append(queries, types.MetricDataQuery{
			Id: aws.String(q.ID), MetricStat: &types.MetricStat{Metric: metric, Period: seconds, Stat: aws.String(q.Stat)},
			ReturnData: aws.Bool(m.Expression == ""),
		})
		id = q.ID
	}
	if m.Expression == "" {
		return queries, id
	}
	for id = "value"; slices.ContainsFunc(m.Queries, func(q pipeline.MetricQuery) bool { return q.ID == id }); {
		id += "_"
	}
	return append(queries, types.MetricDataQuery{Id: aws.String(id), Expression: aws.String(m.Expression), Period: seconds, ReturnData: aws.Bool(true)}), id
}

// read returns the values of the query with the id, from all pages. An answer
// that is not complete is no answer.
// Source: CloudWatch API reference, MetricDataResult, StatusCode.
func (c *Client) read(ctx context.Context, t events.Target, id string, in *cloudwatch.GetMetricDataInput) (types.MetricDataResult, error) {
	client := cloudwatch.NewFromConfig(c.sessions.As(t.Account, t.Region, t.Role, t.Owner))
	var series types.MetricDataResult
	for retries := 0; ; {
		out, err := client.GetMetricData(ctx, in)
		if err != nil {
			return series, awserr.Classify("read the metric "+show(in)+" of "+t.Account+" in "+t.Region, err)
		}
		results := out.MetricDataResults
		results = slices.DeleteFunc(results, func(r types.MetricDataResult) bool { return aws.ToString(r.Id) != id })
		if len(results) > 1 {
			return series, fault.Invalid("the metric %s has %d time series (%s): an expression must give one", show(in), len(results), labels(results))
		}
		var status types.StatusCode
		for _, r := range results {
			series.Timestamps, series.Values = append(series.Timestamps, r.Timestamps...), append(series.Values, r.Values...)
			series.Messages, status = append(series.Messages, r.Messages...), r.StatusCode
		}
		switch {
		case status == types.StatusCodeForbidden:
			return series, fault.Permanent("the metric %s may not be read in %s%s", show(in), t.Account, said(series.Messages, out.Messages))
		case aws.ToString(out.NextToken) != "":
			in.NextToken = out.NextToken
		case status == types.StatusCodeInternalError && retries < maxRetries:
			retries++
			in.NextToken, series = nil, types.MetricDataResult{}
		case status == types.StatusCodeInternalError, status == types.StatusCodePartialData:
			return series, fault.Transient("CloudWatch gave no complete answer for the metric %s: %s%s", show(in), status, said(series.Messages, out.Messages))
		default:
			return series, nil
		}
	}
}

// newest picks the newest value between two times. The order of the values is
// not relied on.
func newest(series types.MetricDataResult, from, to time.Time) (value float64, at time.Time, ok bool) {
	for i, time := range series.Timestamps {
		if i < len(series.Values) && !time.Before(from) && time.Before(to) && (!ok || time.After(at)) {
			value, at, ok = series.Values[i], time.UTC(), true
		}
	}
	return value, at, ok
}

// show names what was asked for.
func show(in *cloudwatch.GetMetricDataInput) string {
	last := in.MetricDataQueries[len(in.MetricDataQueries)-1]
	if last.Expression != nil {
		return "expression " + *last.Expression
	}
	return *last.MetricStat.Metric.Namespace + " " + *last.MetricStat.Metric.MetricName
}

func labels(results []types.MetricDataResult) string {
	var names []string
	for _, r := range results {
		names = append(names, aws.ToString(r.Label))
	}
	return strings.Join(names, ", ")
}

// said are CloudWatch's own words.
func said(lists ...[]types.MessageData) string {
	var words strings.Builder
	for _, m := range slices.Concat(lists...) {
		words.WriteString("; " + aws.ToString(m.Code) + ": " + aws.ToString(m.Value))
	}
	return words.String()
}
