package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/evenkeel/evenkeel/local/metrics"
)

var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// points are values by minute after noon.
type points map[int]float64

// emulator has the metrics, by name, and knows no expressions.
func emulator(known map[string]points) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		decoded, err := cbor.Decode(body)
		if err != nil {
			http.Error(w, "emulator: "+err.Error(), http.StatusBadRequest)
			return
		}
		results := cbor.List{}
		for _, one := range decoded.(cbor.Map)["MetricDataQueries"].(cbor.List) {
			q := one.(cbor.Map)
			name := string(q["MetricStat"].(cbor.Map)["Metric"].(cbor.Map)["MetricName"].(cbor.String))
			if name == "refused" {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write(cbor.Encode(cbor.Map{"__type": cbor.String("x#Throttling"), "message": cbor.String("slowly")}))
				return
			}
			at, values := cbor.List{}, cbor.List{}
			for _, minute := range slices.Sorted(maps.Keys(known[name])) {
				at = append(at, &cbor.Tag{ID: 1, Value: cbor.Float64(noon.Add(time.Duration(minute) * time.Minute).Unix())})
				values = append(values, cbor.Float64(known[name][minute]))
			}
			results = append(results, cbor.Map{"Id": q["Id"], "Label": cbor.String(name), "StatusCode": cbor.String("Complete"), "Timestamps": at, "Values": values})
		}
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		_, _ = w.Write(cbor.Encode(cbor.Map{"MetricDataResults": results}))
	})
}

func start(t *testing.T, known map[string]points) *cloudwatch.Client {
	server := httptest.NewServer(metrics.Handler(emulator(known)))
	t.Cleanup(server.Close)
	return cloudwatch.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("222222222222", "x", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
}

// ask asks for metrics a and b, which are not returned, and an expression.
func ask(ctx context.Context, client *cloudwatch.Client, expression string, names ...string) (*cloudwatch.GetMetricDataOutput, error) {
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(4 * time.Minute))}
	for _, name := range names {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(name), ReturnData: aws.Bool(expression == ""),
			MetricStat: &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("Shop"), MetricName: aws.String(name)}, Period: aws.Int32(60), Stat: aws.String("Sum")},
		})
	}
	if expression != "" {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{Id: aws.String("e"), Expression: aws.String(expression), Period: aws.Int32(60)})
	}
	return client.GetMetricData(ctx, in)
}

// spell is "minute=value", newest first, as the answer has them.
func spell(r types.MetricDataResult) string {
	var list []string
	for i, at := range r.Timestamps {
		list = append(list, fmt.Sprintf("%d=%g", int(at.Sub(noon)/time.Minute), r.Values[i]))
	}
	return strings.Join(list, " ")
}

func TestExpressions(t *testing.T) {
	client := start(t, map[string]points{"a": {0: 1, 1: 2, 2: 0}, "b": {1: 10, 2: 0, 3: 5}, "none": {}})
	for expression, want := range map[string]string{
		"a":                                 "2=0 1=2 0=1",
		"a + 1":                             "2=1 1=3 0=2",
		"a + b":                             "3=5 2=0 1=12 0=1",         // a missing value is 0
		"100 * a / b":                       "3=0 1=20",                 // what is divided by 0 is dropped
		"a / none":                          "",                         // and by what is missing
		"none / b":                          "3=0 1=0",                  // which is 0 itself
		"-a - -2":                           "2=2 1=0 0=1",
		"2 ^ 3 ^ 0 * a":                     "2=0 1=4 0=2",              // to the right
		"1 + 2 * a":                         "2=1 1=5 0=3",              // precedence
		"(1 + 2) * a":                       "2=0 1=6 0=3",
		"10 - a - 1":                        "2=9 1=7 0=8",              // to the left
		"a > 0":                             "2=0 1=1 0=1",
		"a >= 1 AND b < 10":                 "3=0 2=0 1=0 0=0",
		"a == 1 || b != 0":                  "3=1 2=0 1=1 0=1",
		"a <= 1 && b == 0 OR 0":             "3=0 2=1 1=0 0=0",
		"IF(b > 0, 100 * a / b, 0)":         "3=0 2=0 1=20",             // division by zero, with a way out
		"IF(1, a, b)":                       "2=0 1=2 0=1",
		"IF(0, a, b)":                       "3=5 2=0 1=10",
		"IF(a > 1, b)*1":                    "!",                        // two arguments
		"FILL(a, 7)":                        "3=7 2=0 1=2 0=1",
		"FILL(none, 0)":                     "3=0 2=0 1=0 0=0",          // a value out of nothing
		"FILL(b, REPEAT)":                   "3=5 2=0 1=10",
		"FILL(a, REPEAT) / FILL(b, 1)":      "3=0 1=0.2 0=1",
		"ABS(a - 2) + CEIL(a/4) + FLOOR(a)": "2=2 1=3 0=3",
		"1e1 * a":                           "2=0 1=20 0=10",
		"1":                                 "!not a time series",
		"c":                                 "!no metric with the id c",
		"a +":                               "!a value is missing",
		"a b":                               `!unexpected "b"`,
		"(a":                                `!")" is missing`,
		"a $ b":                             `!unexpected "$ b"`,
		"SEARCH(a, 1)":                      "!SEARCH",
		"FILL(1, 2)":                        "!FILL takes",
		"FILL(a, b)":                        "!FILL takes",
	} {
		t.Run(expression, func(t *testing.T) {
			out, err := ask(t.Context(), client, expression, "a", "b", "none")
			if says, refused := strings.CutPrefix(want, "!"); refused {
				var api smithy.APIError
				if !errors.As(err, &api) || api.ErrorCode() != "ValidationError" || !strings.Contains(api.ErrorMessage(), says) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || len(out.MetricDataResults) != 1 || aws.ToString(out.MetricDataResults[0].Id) != "e" || out.MetricDataResults[0].StatusCode != types.StatusCodeComplete {
				t.Fatalf("got %+v, %v", out, err)
			}
			if got := spell(out.MetricDataResults[0]); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	client := start(t, map[string]points{"a": {0: 1, 1: 2}, "b": {}})
	out, err := ask(t.Context(), client, "", "b", "a")
	if err != nil || len(out.MetricDataResults) != 2 || spell(out.MetricDataResults[0]) != "" || spell(out.MetricDataResults[1]) != "1=2 0=1" || aws.ToString(out.MetricDataResults[1].Label) != "a" {
		t.Errorf("got %+v, %v", out, err)
	}
	if _, err := ask(t.Context(), client, "a", "a", "refused"); err == nil || !strings.Contains(err.Error(), "Throttling: slowly") {
		t.Errorf("what the emulator refused: %v", err)
	}
}

// Another protocol is passed on.
func TestAnotherProtocol(t *testing.T) {
	passed := false
	handler := metrics.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }))
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action=GetMetricData"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if !passed {
		t.Error("a form was not passed on")
	}
	r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader("\xff"))
	r.Header.Set("Content-Type", "application/cbor")
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("no CBOR: %d", w.Code)
	}
}
