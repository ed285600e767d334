package ledger

import (
	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/metrics"
)

// Measurement is a metric with its dimensions.
type Measurement struct {
	Dimensions map[string]string
	Values     []metrics.Value
}

// Measure returns what a new fact adds to the metrics. Only what a person
// would put on a dashboard or alarm on is measured.
func Measure(e Entry) ([]Measurement, error) {
	switch e.DetailType {
	case events.RunFinished{}.DetailType():
		run, err := DataOf[events.RunFinished](e)
		return one(map[string]string{"Outcome": run.Outcome}, metrics.Value{Name: "RunsFinished", Unit: metrics.Count, Value: 1}), err
	case events.DriftDetected{}.DetailType():
		drift, err := DataOf[events.DriftDetected](e)
		return one(nil, metrics.Value{Name: "DriftDetected", Unit: metrics.Count, Value: 1},
			metrics.Value{Name: "DriftedResources", Unit: metrics.Count, Value: float64(len(drift.Resources))}), err
	case events.SecurityGroupHealed{}.DetailType():
		heal, err := DataOf[events.SecurityGroupHealed](e)
		return one(nil, metrics.Value{Name: "SecurityGroupExposureSeconds", Unit: metrics.Seconds, Value: heal.Exposure.Seconds()}), err
	}
	return nil, nil
}

func one(dimensions map[string]string, values ...metrics.Value) []Measurement {
	return []Measurement{{Dimensions: dimensions, Values: values}}
}
