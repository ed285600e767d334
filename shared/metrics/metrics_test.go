package metrics_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/metrics"
)

func TestPutWritesTheEmbeddedMetricFormat(t *testing.T) {
	var out bytes.Buffer
	w := metrics.NewWriter(&out, func() time.Time { return time.UnixMilli(1_700_000_000_000) })
	err := w.Put(map[string]string{"Outcome": "Succeeded"},
		metrics.Value{Name: "RunsFinished", Unit: metrics.Count, Value: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Outcome":"Succeeded","RunsFinished":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Outcome"]],` +
		`"Metrics":[{"Name":"RunsFinished","Unit":"Count"}],"Namespace":"Evenkeel"}],"Timestamp":1700000000000}}` + "\n"
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
}
