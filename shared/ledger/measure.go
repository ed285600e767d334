package ledger

import (
	"cmp"
	"slices"

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
		return healed(heal), err
	case events.SecurityGroupHealingStopped{}.DetailType():
		return one(nil, metrics.Value{Name: "HealsStopped", Unit: metrics.Count, Value: 1}), nil
	case events.SecurityGroupsSwept{}.DetailType():
		swept, err := DataOf[events.SecurityGroupsSwept](e)
		return sweptPlaces(swept), err
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

// healed counts the heal and measures how long the group was open, over all and
// by severity. An exposure of 0 is not known, and no figure. A fact of a sweep
// that does not say how it was found is older than such words, and would say
// that sweeps are the fastest.
func healed(heal events.SecurityGroupHealed) []Measurement {
	values := []metrics.Value{{Name: "Heals", Unit: metrics.Count, Value: 1}}
	if heal.Exposure > 0 && !heal.Trigger.Time.IsZero() && (heal.Trigger.EventName != "Sweep" || heal.Trigger.Found != "") {
		values = append(values, metrics.Value{Name: "HealExposureSeconds", Unit: metrics.Seconds, Value: heal.Exposure.Seconds()})
	}
	severity := map[string]string{"Severity": cmp.Or(heal.Severity, "unknown")}
	return []Measurement{{Values: values}, {Dimensions: severity, Values: values}}
}

// sweptPlaces tells an empty sweep too: zeros show that sweeps go on.
func sweptPlaces(swept events.SecurityGroupsSwept) []Measurement {
	faults := 0
	for _, place := range swept.Places {
		if place.Fault != "" {
			faults++
		}
	}
	return one(nil, metrics.Value{Name: "OpeningsMissed", Unit: metrics.Count, Value: float64(len(swept.Missed))},
		metrics.Value{Name: "SweepFaults", Unit: metrics.Count, Value: float64(faults)})
}

// The causes of a pause.
const (
	PausedByPlan    = "plan"      // a step or the promotion asks a person, or a person paused it
	PausedUnplanned = "unplanned" // nothing says how it should go on: a person is needed
)

// causeOf goes by what decided where a fact has no cause.
func causeOf(pause events.RolloutPaused) string {
	bad := slices.ContainsFunc(pause.Decided, func(m events.RolloutMeasurement) bool { return m.Outcome != "successful" })
	switch {
	case pause.By != "", pause.Cause == "gate", pause.Cause == "person":
		return PausedByPlan
	case pause.Cause != "", bad:
		return PausedUnplanned
	default:
		return PausedByPlan
	}
}

func rolloutsEnded(outcome string) []Measurement {
	return one(map[string]string{"Outcome": outcome}, metrics.Value{Name: "RolloutsEnded", Unit: metrics.Count, Value: 1})
}

func one(dimensions map[string]string, values ...metrics.Value) []Measurement {
	return []Measurement{{Dimensions: dimensions, Values: values}}
}
