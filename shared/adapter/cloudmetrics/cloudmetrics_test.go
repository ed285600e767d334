package cloudmetrics_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/cloudmetrics"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var (
	target = events.Target{Stage: "test", Stack: "api", Account: "222222222222", Region: "eu-west-1"}
	noon   = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
)

func start(t *testing.T) (*awsstub.Stub, *cloudmetrics.Client) {
	stub := awsstub.Start(t)
	return stub, cloudmetrics.New(session.NewWorkloads(stub.Config(), "evenkeel-rollout"), cloudmetrics.Margin)
}

func clock(text string) time.Time {
	at, err := time.Parse("15:04:05", text)
	if err != nil {
		panic(err)
	}
	return noon.Truncate(24 * time.Hour).Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second)
}

// point is a value at a time: "12:01:00", 3.
type point struct {
	at    string
	value float64
}

// series is one in the answer of GetMetricData.
func series(id, status string, points ...point) cbor.Map {
	times, values := cbor.List{}, cbor.List{}
	for _, p := range points {
		times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(clock(p.at).Unix())})
		values = append(values, cbor.Float64(p.value))
	}
	return cbor.Map{"Id": cbor.String(id), "Label": cbor.String("l-" + id), "StatusCode": cbor.String(status), "Timestamps": times, "Values": values}
}

func answer(next string, list ...cbor.Map) string {
	results := cbor.List{}
	for _, one := range list {
		results = append(results, one)
	}
	members := cbor.Map{"MetricDataResults": results}
	if next != "" {
		members["NextToken"] = cbor.String(next)
	}
	return string(cbor.Encode(members))
}

func single(period time.Duration) pipeline.CloudWatchMetric {
	return pipeline.CloudWatchMetric{Period: pipeline.Duration(period), Queries: []pipeline.MetricQuery{
		{ID: "errors", Namespace: "Shop", Metric: "Errors", Stat: "Sum", Dimensions: map[string]string{"Side": "green", "Api": "shop"}},
	}}
}

func quotient() pipeline.CloudWatchMetric {
	m := single(time.Minute)
	m.Queries = append(m.Queries, pipeline.MetricQuery{ID: "requests", Namespace: "Shop", Metric: "Requests", Stat: "Sum"})
	m.Expression = "100 * errors / requests"
	return m
}

func query(m pipeline.CloudWatchMetric, from, to string) rollout.Query {
	return rollout.Query{Metric: m, From: clock(from), To: clock(to)}
}

func TestValue(t *testing.T) {
	for name, tt := range map[string]struct {
		query rollout.Query
		pages []string
		value float64
		at    string // "" is that there is none
	}{
		"the newest, in any order": {
			query: query(single(time.Minute), "12:00:30", "12:06:10"),
			pages: []string{answer("", series("errors", "Complete", point{"12:02:00", 2}, point{"12:03:00", 3}, point{"12:01:00", 1}))},
			value: 3, at: "12:03:00",
		},
		"an older one is none": {
			query: query(single(time.Minute), "12:00:30", "12:06:10"),
			pages: []string{answer("", series("errors", "Complete", point{"12:02:00", 2}, point{"12:04:00", 4}))},
		},
		"zero is a value": {
			query: query(single(time.Minute), "12:00:00", "12:03:00"),
			pages: []string{answer("", series("errors", "Complete", point{"12:00:00", 0}))},
			at:    "12:00:00",
		},
		"an expression": {
			query: query(quotient(), "12:00:00", "12:05:00"),
			pages: []string{answer("", series("errors", "Complete"), series("requests", "Complete", point{"12:02:00", 8}), series("value", "Complete", point{"12:02:00", 12.5}))},
			value: 12.5, at: "12:02:00",
		},
		"a value out of nothing": {
			query: query(quotient(), "12:00:00", "12:05:00"),
			pages: []string{answer("", series("errors", "Complete", point{"12:01:00", 1}), series("requests", "Complete"), series("value", "Complete", point{"12:02:00", 0}))},
		},
		"not a number": {
			query: query(single(time.Minute), "12:00:00", "12:03:00"),
			pages: []string{answer("", series("errors", "Complete", point{"12:00:00", math.NaN()}))},
		},
		"infinite": {
			query: query(single(time.Minute), "12:00:00", "12:03:00"),
			pages: []string{answer("", series("errors", "Complete", point{"12:00:00", math.Inf(-1)}))},
		},
		"over two pages": {
			query: query(single(time.Minute), "12:00:00", "12:04:00"),
			pages: []string{answer("more", series("errors", "PartialData", point{"12:01:00", 1})), answer("", series("errors", "Complete", point{"12:00:00", 2}))},
			value: 1, at: "12:01:00",
		},
		"none": {
			query: query(single(time.Minute), "12:00:00", "12:06:00"),
			pages: []string{answer("", series("errors", "Complete"))},
		},
		"none at all": {
			query: query(single(time.Minute), "12:00:00", "12:06:00"),
			pages: []string{answer("")},
		},
		"after an error of CloudWatch": {
			query: query(single(time.Minute), "12:00:00", "12:03:00"),
			pages: []string{answer("", series("errors", "InternalError", point{"12:00:00", 7})), answer("", series("errors", "Complete", point{"12:00:00", 1}))},
			value: 1, at: "12:00:00",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("monitoring", "GetMetricData", tt.pages...)
			value, at, ok, err := client.Value(t.Context(), target, tt.query)
			if err != nil || ok != (tt.at != "") || value != tt.value {
				t.Fatalf("got %g %s %t, %v", value, at, ok, err)
			}
			if ok && !at.Equal(clock(tt.at)) {
				t.Errorf("at %s, want %s", at, tt.at)
			}
			if !ok && !at.IsZero() {
				t.Errorf("none, but %s", at)
			}
			if calls := stub.Calls("monitoring", "GetMetricData"); len(calls) != len(tt.pages) || calls[0].Account != "222222222222" {
				t.Errorf("%d calls", len(calls))
			}
		})
	}
}

// asked is the body of the first call.
func asked(t *testing.T, q rollout.Query) cbor.Map {
	t.Helper()
	stub, client := start(t)
	stub.Reply("monitoring", "GetMetricData", answer(""))
	if _, _, _, err := client.Value(t.Context(), target, q); err != nil {
		t.Fatal(err)
	}
	body, err := cbor.Decode(stub.Calls("monitoring", "GetMetricData")[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return body.(cbor.Map)
}

func TestWhatIsAsked(t *testing.T) {
	m := quotient()
	m.Queries[1].ID = "value" // which the expression's own would be called
	m.Expression = "100 * errors / value"
	body := asked(t, query(m, "11:59:01", "12:10:59"))
	if got := fmt.Sprint(body["MetricDataQueries"]); got != "["+
		"map[Id:errors MetricStat:map[Metric:map[Dimensions:[map[Name:Api Value:shop] map[Name:Side Value:green]] MetricName:Errors Namespace:Shop] Period:60 Stat:Sum] ReturnData:true] "+
		"map[Id:value MetricStat:map[Metric:map[MetricName:Requests Namespace:Shop] Period:60 Stat:Sum] ReturnData:true] "+
		"map[Expression:100 * errors / value Id:value_ Period:60 ReturnData:true]]" {
		t.Error(got)
	}
	if body["ScanBy"] != cbor.String("TimestampDescending") {
		t.Error(body["ScanBy"])
	}
	if got := fmt.Sprint(asked(t, query(single(time.Minute), "12:00:00", "12:10:00"))["MetricDataQueries"]); !strings.Contains(got, "ReturnData:true") {
		t.Error(got)
	}
}

func TestWindow(t *testing.T) {
	for name, tt := range map[string]struct {
		period   time.Duration
		from, to time.Time
		asked    [2]time.Time
	}{
		"whole periods":        {time.Minute, clock("12:00:01"), clock("12:10:59"), [2]time.Time{clock("12:01:00"), clock("12:08:00")}},
		"seven minutes":        {7 * time.Minute, time.Unix(420*1000+1, 0), time.Unix(420*1003+120, 0), [2]time.Time{time.Unix(420*1001, 0), time.Unix(420*1003, 0)}},
		"five seconds":         {5 * time.Second, clock("12:00:01"), clock("12:02:17"), [2]time.Time{clock("12:00:05"), clock("12:00:15")}},
		"a day at most":        {time.Minute, noon.AddDate(0, 0, -20), clock("12:02:00"), [2]time.Time{noon.AddDate(0, 0, -1), noon}},
		"three hours at most":  {30 * time.Second, noon.AddDate(0, 0, -1), clock("12:02:00"), [2]time.Time{clock("09:01:00"), noon}},
		"1,440 periods of one": {time.Second, noon.Add(-2 * time.Hour), clock("12:02:00"), [2]time.Time{noon.Add(-1440 * time.Second), noon}},
	} {
		t.Run(name, func(t *testing.T) {
			body := asked(t, rollout.Query{Metric: single(tt.period), From: tt.from, To: tt.to})
			for i, name := range []string{"StartTime", "EndTime"} {
				if got := fmt.Sprint(body[name].(*cbor.Tag).Value); got != fmt.Sprint(cbor.Float64(tt.asked[i].Unix())) {
					t.Errorf("%s is %s, want %s (%d)", name, got, tt.asked[i], tt.asked[i].Unix())
				}
			}
		})
	}
}

// begin is the first whole minute.
func begin(from string) string {
	return clock(from).Add(59 * time.Second).Truncate(time.Minute).Format(time.TimeOnly)
}

// A period is read once it has been over for the margin: until then nothing is
// missing, and nothing is asked.
func TestTooEarly(t *testing.T) {
	for from, first := range map[string]string{"12:00:30": "12:04:00", "12:00:00": "12:03:00"} {
		for _, to := range []string{from, "12:02:59"} {
			_, client := start(t)
			value, at, ok, err := client.Value(t.Context(), target, query(single(time.Minute), from, to))
			if err != nil || ok || value != 0 || !at.Equal(clock(first)) {
				t.Errorf("from %s, at %s: %g %s %t, %v", from, to, value, at, ok, err)
			}
		}
		stub, client := start(t)
		stub.Reply("monitoring", "GetMetricData", answer("", series("errors", "Complete", point{begin(from), 4})))
		if _, _, ok, err := client.Value(t.Context(), target, query(single(time.Minute), from, first)); err != nil || !ok {
			t.Errorf("from %s, at %s: %t, %v", from, first, ok, err)
		}
	}
}

func TestWhatIsNoValue(t *testing.T) {
	message := series("errors", "PartialData", point{"12:01:00", 1})
	message["Messages"] = cbor.List{cbor.Map{"Code": cbor.String("Busy"), "Value": cbor.String("try later")}}
	for name, tt := range map[string]struct {
		period time.Duration
		pages  []string
		kind   string
		says   string
	}{
		"partial":            {time.Minute, []string{answer("", message)}, fault.TransientError, "PartialData; Busy: try later"},
		"an error, again":    {time.Minute, []string{answer("", series("errors", "InternalError"))}, fault.TransientError, "Shop Errors: InternalError"},
		"forbidden":          {time.Minute, []string{answer("", series("errors", "Forbidden"))}, fault.PermanentError, "222222222222"},
		"several series":     {time.Minute, []string{answer("", series("errors", "Complete"), series("errors", "Complete"))}, fault.InvalidError, "several time series"},
		"no period":          {0, nil, fault.InvalidError, "period"},
		"half a second":      {500 * time.Millisecond, nil, fault.InvalidError, "period"},
		"a second and a bit": {1500 * time.Millisecond, nil, fault.InvalidError, "period"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			if tt.pages != nil {
				stub.Reply("monitoring", "GetMetricData", tt.pages...)
			}
			value, _, ok, err := client.Value(t.Context(), target, query(single(tt.period), "12:00:00", "12:06:00"))
			if ok || value != 0 || !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %g %t, %v", value, ok, err)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for code, kind := range map[string]string{"ValidationError": fault.InvalidError, "Throttling": fault.TransientError, "AccessDenied": fault.PermanentError} {
		stub, client := start(t)
		stub.On("monitoring", "GetMetricData", func(awsstub.Call) awsstub.Answer {
			return awsstub.Answer{Status: 400, Body: string(cbor.Encode(cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + code), "message": cbor.String("m")}))}
		})
		if _, _, _, err := client.Value(t.Context(), target, query(quotient(), "12:00:00", "12:06:00")); !fault.Is(err, kind) || !strings.Contains(err.Error(), "expression 100 * errors / requests") {
			t.Errorf("%s: %v", code, err)
		}
	}
}
