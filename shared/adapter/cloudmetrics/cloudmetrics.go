// Package cloudmetrics reads the values of CloudWatch metrics, and of
// expressions over them, in workload accounts.
package cloudmetrics

import (
	"context"
	"math"
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
	points, err := c.read(ctx, t, &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: &from, EndTime: &to, ScanBy: types.ScanByTimestampDescending,
	})
	if err != nil {
		return 0, time.Time{}, false, err
	}
	newest := to.Add(-period)
	value, ok := points[id][newest]
	if !ok || math.IsNaN(value) || math.IsInf(value, 0) || !measured(q.Metric, points, newest) {
		return 0, time.Time{}, false, nil
	}
	return value, newest, true, nil
}

// measured reports whether a metric has a value of its own at a time. An
// expression makes values out of nothing: FILL does, and a comparison.
// Source: CloudWatch user guide, "Using math expressions with CloudWatch
// metrics".
func measured(m pipeline.CloudWatchMetric, points map[string]map[time.Time]float64, at time.Time) bool {
	return slices.ContainsFunc(m.Queries, func(q pipeline.MetricQuery) bool {
		_, ok := points[q.ID][at]
		return ok
	})
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
			Id: aws.String(q.ID), MetricStat: &types.MetricStat{Metric: metric, Period: seconds, Stat: aws.String(q.Stat)}, ReturnData: aws.Bool(true),
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

// read returns the values of all queries by the begin of their periods, from all
// pages. An answer that is not complete is no answer.
// Source: CloudWatch API reference, MetricDataResult, StatusCode.
func (c *Client) read(ctx context.Context, t events.Target, in *cloudwatch.GetMetricDataInput) (map[string]map[time.Time]float64, error) {
	client := cloudwatch.NewFromConfig(c.sessions.As(t.Account, t.Region, t.Role, t.Owner))
	points := map[string]map[time.Time]float64{}
	for retries := 0; ; {
		out, err := client.GetMetricData(ctx, in)
		if err != nil {
			return nil, awserr.Classify("read the metric "+show(in)+" of "+t.Account+" in "+t.Region, err)
		}
		failed := types.StatusCodeComplete
		messages, seen := out.Messages, map[string]bool{}
		for _, r := range out.MetricDataResults {
			id := aws.ToString(r.Id)
			if seen[id] {
				return nil, fault.Invalid("the metric %s has several time series: an expression must give one", show(in))
			}
			seen[id] = true
			if r.StatusCode == types.StatusCodeForbidden {
				return nil, fault.Permanent("the metric %s may not be read in %s%s", show(in), t.Account, said(r.Messages))
			}
			if r.StatusCode == types.StatusCodeInternalError || r.StatusCode == types.StatusCodePartialData && failed == types.StatusCodeComplete {
				failed = r.StatusCode
			}
			messages = append(messages, r.Messages...)
			if points[id] == nil {
				points[id] = map[time.Time]float64{}
			}
			for i, at := range r.Timestamps {
				if i < len(r.Values) {
					points[id][at.UTC()] = r.Values[i]
				}
			}
		}
		switch {
		case failed == types.StatusCodeInternalError && retries < maxRetries:
			retries++
			in.NextToken, points = nil, map[string]map[time.Time]float64{}
		case failed == types.StatusCodeInternalError, failed == types.StatusCodePartialData && aws.ToString(out.NextToken) == "":
			return nil, fault.Transient("CloudWatch gave no complete answer for the metric %s: %s%s", show(in), failed, said(messages))
		case aws.ToString(out.NextToken) != "":
			in.NextToken = out.NextToken
		default:
			return points, nil
		}
	}
}

// show names what was asked for.
func show(in *cloudwatch.GetMetricDataInput) string {
	last := in.MetricDataQueries[len(in.MetricDataQueries)-1]
	if last.Expression != nil {
		return "expression " + *last.Expression
	}
	return *last.MetricStat.Metric.Namespace + " " + *last.MetricStat.Metric.MetricName
}

// said are CloudWatch's own words.
func said(messages []types.MessageData) string {
	var words strings.Builder
	for _, m := range messages {
		words.WriteString("; " + aws.ToString(m.Code) + ": " + aws.ToString(m.Value))
	}
	return words.String()
}
