// Package metrics answers GetMetricData for the workload accounts of the local
// cloud: the values of the metrics are the emulator's, the expressions over
// them are computed here. local/metrics.md says what it does.
package metrics

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Operation is the call that Handler takes over.
const Operation = "GetMetricData"

// maxBody is the most bytes of a request that are read.
const maxBody = 1 << 20

// Handler answers GetMetricData of the protocol RPC v2 CBOR. Next is the
// emulator, which has the metrics; what is in another protocol is its own.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/cbor" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			refuse(w, err.Error())
			return
		}
		decoded, err := cbor.Decode(body)
		request, ok := decoded.(cbor.Map)
		if err != nil || !ok {
			refuse(w, "the request is not a map in CBOR")
			return
		}
		metrics, status, answer, err := fetch(r, next, request)
		switch {
		case err != nil:
			refuse(w, err.Error())
		case status != http.StatusOK:
			reply(w, status, answer)
		default:
			results, err := compute(request, metrics)
			if err != nil {
				refuse(w, err.Error())
				return
			}
			reply(w, http.StatusOK, cbor.Encode(cbor.Map{"MetricDataResults": results}))
		}
	})
}

// fetch asks the emulator for the metrics of a request, without the
// expressions. The status is not 200 when the emulator refused.
func fetch(r *http.Request, next http.Handler, request cbor.Map) (results cbor.List, status int, answer []byte, err error) {
	var stats cbor.List
	for _, q := range queries(request) {
		if q["MetricStat"] != nil {
			asked := maps.Clone(q)
			asked["ReturnData"] = cbor.Bool(true)
			stats = append(stats, asked)
		}
	}
	if len(stats) == 0 {
		return nil, http.StatusOK, nil, nil
	}
	inner := maps.Clone(request)
	inner["MetricDataQueries"] = stats
	body := cbor.Encode(inner)
	asked := r.Clone(r.Context())
	asked.Body, asked.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	asked.Header.Set("Content-Length", strconv.Itoa(len(body)))
	given := &buffer{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(given, asked)
	if given.status != http.StatusOK {
		return nil, given.status, given.Bytes(), nil
	}
	decoded, err := cbor.Decode(given.Bytes())
	if err != nil {
		return nil, 0, nil, fmt.Errorf("the answer of the emulator: %w", err)
	}
	members, _ := decoded.(cbor.Map)
	results, _ = members["MetricDataResults"].(cbor.List)
	return results, http.StatusOK, nil, nil
}

// compute makes the results that a request asks to have returned, in the order
// of its queries.
func compute(request cbor.Map, fetched cbor.List) (cbor.List, error) {
	s := scope{series: map[string]map[int64]float64{}, start: seconds(request["StartTime"]), end: seconds(request["EndTime"]), period: 60}
	status, labels := map[string]cbor.Value{}, map[string]cbor.Value{}
	for _, one := range fetched {
		result, _ := one.(cbor.Map)
		id := text(result["Id"])
		s.series[id], status[id], labels[id] = points(result), result["StatusCode"], result["Label"]
	}
	descending := text(request["ScanBy"]) != "TimestampAscending"
	results := cbor.List{}
	for _, q := range queries(request) {
		id := text(q["Id"])
		if expression := text(q["Expression"]); expression != "" {
			if period := number(q["Period"]); period > 0 {
				s.period = int64(period)
			}
			computed, err := s.evaluate(expression)
			if err != nil {
				return nil, fmt.Errorf("Error in expression '%s': %w", id, err)
			}
			s.series[id], status[id], labels[id] = computed, cbor.String("Complete"), cbor.String(id)
		}
		if returned, ok := q["ReturnData"].(cbor.Bool); ok && !bool(returned) {
			continue
		}
		at := slices.Sorted(maps.Keys(s.series[id]))
		if descending {
			slices.Reverse(at)
		}
		timestamps, values := cbor.List{}, cbor.List{}
		for _, second := range at {
			timestamps = append(timestamps, &cbor.Tag{ID: 1, Value: cbor.Float64(second)})
			values = append(values, cbor.Float64(s.series[id][second]))
		}
		results = append(results, cbor.Map{"Id": cbor.String(id), "Label": labels[id], "StatusCode": status[id], "Timestamps": timestamps, "Values": values})
	}
	return results, nil
}

func queries(request cbor.Map) (list []cbor.Map) {
	all, _ := request["MetricDataQueries"].(cbor.List)
	for _, one := range all {
		if q, ok := one.(cbor.Map); ok {
			list = append(list, q)
		}
	}
	return list
}

// points are the values of a result by the begin of their periods.
func points(result cbor.Map) map[int64]float64 {
	timestamps, _ := result["Timestamps"].(cbor.List)
	values, _ := result["Values"].(cbor.List)
	all := map[int64]float64{}
	for i := range min(len(timestamps), len(values)) {
		all[seconds(timestamps[i])] = number(values[i])
	}
	return all
}

func text(v cbor.Value) string {
	s, _ := v.(cbor.String)
	return string(s)
}

// seconds of a timestamp, which is a number in a tag.
func seconds(v cbor.Value) int64 {
	if tag, ok := v.(*cbor.Tag); ok {
		v = tag.Value
	}
	return int64(math.Round(number(v)))
}

func number(v cbor.Value) float64 {
	switch n := v.(type) {
	case cbor.Float64:
		return float64(n)
	case cbor.Float32:
		return float64(n)
	case cbor.Uint:
		return float64(n)
	case cbor.NegInt:
		return -float64(n)
	}
	return 0
}

// buffer keeps an answer.
type buffer struct {
	bytes.Buffer
	header http.Header
	status int
}

func (b *buffer) Header() http.Header    { return b.header }
func (b *buffer) WriteHeader(status int) { b.status = status }

// refuse answers as CloudWatch does when a parameter is wrong.
func refuse(w http.ResponseWriter, message string) {
	reply(w, http.StatusBadRequest, cbor.Encode(cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch.v2010_08_01#ValidationError"), "message": cbor.String(message)}))
}

func reply(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
