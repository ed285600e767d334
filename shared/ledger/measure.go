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
	case events.RolloutPaused{}.DetailType():
		pause, err := DataOf[events.RolloutPaused](e)
		return one(map[string]string{"Cause": causeOf(pause)}, metrics.Value{Name: "RolloutsPaused", Unit: metrics.Count, Value: 1}), err
	case events.RolloutPromoted{}.DetailType():
		return rolloutsEnded("Promoted"), nil
	case events.RolloutAborted{}.DetailType():
		return rolloutsEnded("Aborted"), nil
	case events.RolloutSwitchedBack{}.DetailType():
		return rolloutsEnded("SwitchedBack"), nil
	}
	return nil, nil
}

// The causes of a pause.
const (
	PausedByPlan        = "plan"        // a step or the promotion asks a person, or a person paused it
	PausedByMeasurement = "measurement" // nothing that was measured says how it should go on
)

func causeOf(pause events.RolloutPaused) string {
	for _, m := range pause.Decided {
		if m.Outcome != "successful" {
			return PausedByMeasurement
		}
	}
	return PausedByPlan
}

func rolloutsEnded(outcome string) []Measurement {
	return one(map[string]string{"Outcome": outcome}, metrics.Value{Name: "RolloutsEnded", Unit: metrics.Count, Value: 1})
}

func one(dimensions map[string]string, values ...metrics.Value) []Measurement {
	return []Measurement{{Dimensions: dimensions, Values: values}}
}
