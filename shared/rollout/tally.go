package rollout

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// maxMeasured is how many measurements a state keeps: with those of the
// timeline they must fit into a DynamoDB item, 400 KB.
// Source: DynamoDB developer guide, "Service, account, and table quotas".
const maxMeasured = 160

// maxWatches is how often a candidate is measured in a pause.
const maxWatches = 100

// missing reports whether an outcome says nothing about the candidate.
func missing(outcome string) bool { return outcome == NoData || outcome == Errored }

// add counts a measurement. One that is not newer than the last was counted
// before: a repeated call measures nothing twice.
func (t Tally) add(m Measurement) Tally {
	if !m.Time.After(t.Last) {
		return t
	}
	t.Looked++
	t.Last, t.Outcome = m.Time, m.Outcome
	if missing(m.Outcome) {
		t.Missing++
		return t
	}
	t.Measured++
	t.Missing = 0
	switch m.Outcome {
	case Failed:
		t.Failed++
	case Inconclusive:
		t.Inconclusive++
	}
	return t
}

// tally counts the measurements of a metric since the step began.
func tally(s State, measured []Measurement, metric string) Tally {
	t := Tally{Metric: metric, Last: s.Since.Add(-1)}
	for _, earlier := range s.Earlier {
		if earlier.Metric == metric {
			t = earlier
		}
	}
	for i := range measured {
		if measured[i].Metric == metric {
			t = t.add(measured[i])
		}
	}
	return t
}

// complete reports whether a metric needs no more measurements in this step:
// it has its Count, and the last one was good.
func complete(m pipeline.Metric, t Tally) bool {
	return m.Count > 0 && t.Measured >= m.Count && t.Outcome == Successful
}

// due is when a metric is to be measured next.
func due(m pipeline.Metric, s State, t Tally) time.Time {
	if t.Looked == 0 {
		return s.Since.Add(time.Duration(m.Delay))
	}
	return t.Last.Add(interval(m))
}

// Due lists the metrics that are to be measured at a time, in order. All
// measurements of one look bear the same time, that of the look: then metrics
// of one interval stay together. When to look again is in the decision.
func Due(p Plan, s State, at time.Time) []pipeline.Metric {
	if !watched(s) {
		return nil
	}
	var metrics []pipeline.Metric
	for _, m := range p.Metrics {
		t := tally(s, s.Measured, m.Name)
		if s.Phase == Stepping && complete(m, t) || due(m, s, t).After(at) {
			continue
		}
		if s.Phase == Stepping || !t.Last.Add(watchInterval(p)).After(at) {
			metrics = append(metrics, m)
		}
	}
	return metrics
}

// watched reports whether the candidate is measured: while a step bakes, and
// while a person is waited for, unless it is known to be bad.
func watched(s State) bool {
	if s.Pending() || s.Step < 0 {
		return false
	}
	return s.Phase == Stepping && s.Cause != CausePassed || s.Phase == Paused && s.Cause != CauseFailed && s.Cause != CauseForeign
}

// watchInterval is the time between two looks while a person is waited for:
// that of the metrics, but no more than a hundred looks a pause, for an
// execution has an end (25,000 events).
func watchInterval(p Plan) time.Duration {
	d := p.PauseTimeout
	for _, m := range p.Metrics {
		d = min(d, interval(m))
	}
	return max(d, p.PauseTimeout/maxWatches)
}

// look is when the state is to be looked at again: at the end of the bake, or
// when a metric is due.
func look(p Plan, s State, h Health) time.Time {
	var next time.Time
	if bake := s.Since.Add(bake(p, s)); bake.After(h.At) {
		next = bake
	}
	if s.Cause != CausePassed {
		for _, m := range p.Metrics {
			t := tally(s, h.Measured, m.Name)
			if complete(m, t) {
				continue
			}
			when := due(m, s, t)
			if awaited := h.Awaited[m.Name]; awaited.After(when) {
				when = awaited
			}
			if next.IsZero() || when.Before(next) {
				next = when
			}
		}
	}
	return next
}

// bake is for how long the step in force is watched at least. A step that a
// person let pass is only as long as resolvers remember.
func bake(p Plan, s State) time.Duration {
	if s.Cause == CausePassed {
		return p.MinStep
	}
	return p.bake(s.Step)
}

// wholeSeconds is a time that a workflow can wait for: never shorter than d,
// and at least a second.
func wholeSeconds(d time.Duration) time.Duration {
	return max((d + time.Second - 1).Truncate(time.Second), time.Second)
}

// Note adds what was measured, oldest first. What is too much to keep is
// counted and returned, for the timeline.
func Note(s State, measured ...Measurement) (State, []Measurement) {
	kept := slices.Clip(s.Measured)
	for _, m := range measured {
		if m.Time.After(tally(s, kept, m.Metric).Last) {
			kept = append(kept, m)
		}
	}
	if len(kept) <= maxMeasured {
		s.Measured = kept
		return s, nil
	}
	old := kept[:len(kept)-maxMeasured/2]
	s.Measured = slices.Clone(kept[len(old):])
	earlier := slices.Clone(s.Earlier)
	for _, m := range old {
		i := slices.IndexFunc(earlier, func(t Tally) bool { return t.Metric == m.Metric })
		if i < 0 {
			earlier = append(earlier, Tally{Metric: m.Metric})
			i = len(earlier) - 1
		}
		earlier[i] = earlier[i].add(m)
	}
	s.Earlier = earlier
	return s, slices.Clone(old)
}
