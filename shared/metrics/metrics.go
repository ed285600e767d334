// Package metrics writes CloudWatch metrics in the embedded metric format: one
// JSON line on standard output, which CloudWatch Logs turns into metrics
// without an API call.
// Source: CloudWatch user guide, "Specification: Embedded metric format".
package metrics

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"time"
)

// Namespace is the CloudWatch namespace of every metric of the suite.
const Namespace = "Evenkeel"

// Unit is a CloudWatch unit.
type Unit string

// The units in use.
const (
	Count   Unit = "Count"
	Seconds Unit = "Seconds"
)

// Value is one measurement.
type Value struct {
	Name  string
	Unit  Unit
	Value float64
}

// Writer writes metric lines. It does not buffer; one Put is one line.
type Writer struct {
	out io.Writer
	now func() time.Time
}

// NewWriter returns a Writer on out, which is standard output in a function.
func NewWriter(out io.Writer, now func() time.Time) *Writer { return &Writer{out: out, now: now} }

// Put writes the values under one set of dimensions. Dimensions must have few
// distinct values: each combination is a metric that is paid for.
func (w *Writer) Put(dimensions map[string]string, values ...Value) error {
	type definition struct {
		Name string `json:"Name"`
		Unit Unit   `json:"Unit"`
	}
	line := map[string]any{}
	for name, value := range dimensions {
		line[name] = value
	}
	definitions := make([]definition, 0, len(values))
	for _, v := range values {
		definitions = append(definitions, definition{v.Name, v.Unit})
		line[v.Name] = v.Value
	}
	names := slices.Sorted(maps.Keys(dimensions))
	if names == nil {
		names = []string{}
	}
	line["_aws"] = map[string]any{
		"Timestamp": w.now().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": Namespace, "Dimensions": [][]string{names}, "Metrics": definitions,
		}},
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(encoded, '\n'))
	return err
}
