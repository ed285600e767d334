package rollout

import (
	"context"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// note adds an entry to the timeline. Its fact is published once the record
// with the entry is stored, so that nothing is said that did not happen.
func (r *Record) note(e Entry) {
	e.Why = told(e.Why)
	r.Timeline = Add(r.Timeline, e)
}

// tell publishes the facts of the entries that were not told yet, oldest first.
// It reports whether there were any.
func (s *Service) tell(ctx context.Context, r *Record) (bool, error) {
	var facts []events.Fact
	r.Timeline = slices.Clone(r.Timeline)
	for i, e := range r.Timeline {
		if e.Told {
			continue
		}
		r.Timeline[i].Told = true
		if data := r.fact(e); data != nil {
			facts = append(facts, events.Fact{
				// The id is made from what is stored: a repeated fact repeats it.
				Metadata: events.Metadata{
					ID:            r.ID + "/" + data.DetailType() + "/" + e.Time.UTC().Format(time.RFC3339Nano),
					CorrelationID: r.Request.Run.RunID, CausationID: r.Request.Run.RunID, Time: e.Time.UTC(),
				},
				Data: data,
			})
		}
	}
	if len(facts) == 0 {
		return false, nil
	}
	return true, s.Publisher.Publish(ctx, facts...)
}

// fact is what an entry is told as; nil for what is kept only.
func (r *Record) fact(e Entry) events.Data {
	change := r.changed(e)
	switch e.Action {
	case EntryStarted:
		steps := make([]int, len(r.Plan.Steps))
		for i, step := range r.Plan.Steps {
			steps[i] = step.Weight
		}
		return events.RolloutStarted{RolloutChange: change, Steps: steps}
	case EntryStepped:
		return events.RolloutStepped{RolloutChange: change}
	case EntryPaused:
		return events.RolloutPaused{RolloutChange: change, Until: e.Time.Add(r.Plan.PauseTimeout).UTC()}
	case EntryResumed:
		return events.RolloutResumed{RolloutChange: change}
	case EntryPromoted:
		return events.RolloutPromoted{RolloutChange: change, KeptUntil: e.Time.Add(r.Plan.Keep).UTC()}
	case EntryAborted:
		return events.RolloutAborted{RolloutChange: change, Highest: r.highest()}
	case EntrySwitchedBack:
		return events.RolloutSwitchedBack{RolloutChange: change}
	case EntryRetired:
		return events.RolloutRetired{RolloutChange: change, Old: r.Old.called(), State: r.Left}
	default:
		return nil
	}
}

func (r *Record) changed(e Entry) events.RolloutChange {
	change := events.RolloutChange{
		Run: r.Request.Run, Target: r.Request.Target, Rollout: r.ID, Strategy: r.Request.Rollout.Strategy, Router: routerName(r.Request.Rollout.Router),
		Candidate: r.Request.Candidate.Name, Weight: e.Weight, Why: e.Why, By: e.By,
	}
	for _, m := range decided(e.Measured) {
		change.Decided = append(change.Decided, events.RolloutMeasurement{Metric: m.Metric, Time: m.Time.UTC(), Outcome: m.Outcome, Value: m.Value, Why: m.Why})
	}
	return change
}

// decided is what a fact names of the measurements of a step: the last of each
// metric, in the order in which they were made.
func decided(measured []Measurement) []Measurement {
	const last = 3
	var kept []Measurement
	seen := map[string]int{}
	for _, m := range slices.Backward(measured) {
		if seen[m.Metric]++; seen[m.Metric] <= last {
			kept = append(kept, m)
		}
	}
	slices.Reverse(kept)
	return kept
}

// called is what a person knows the side by: its stack, or its version.
func (s Side) called() string {
	if s.StackName == "" {
		return s.Endpoint
	}
	return s.StackName
}

func routerName(r pipeline.Router) string {
	switch {
	case r.Route53 != nil:
		return "route53"
	case r.ALB != nil:
		return "alb"
	default:
		return "lambdaAlias"
	}
}
