package rollout

import (
	"context"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// checkTimeout is for how long one measurement by a check is waited for.
const checkTimeout = 10 * time.Second

// measure makes the measurements that are due, all at one time, and returns
// them beside the health that they and the earlier ones make. The live side is
// looked at only when the new one fails: then it decides whether the traffic
// may go back.
func (s *Service) measure(ctx context.Context, r *Record) (Health, []Measurement) {
	now := s.Now().UTC()
	candidate := sideOf(r.Request.Candidate, r.Request.Outputs)
	health := Health{At: now, Live: Unknown, Awaited: map[string]time.Time{}}
	var measured []Measurement
	failed := false
	for _, m := range Due(r.Plan, r.State, now) {
		measurement, from := s.look(ctx, r, candidate.metric(m), candidate.problem, now)
		if from.After(now) {
			health.Awaited[m.Name] = from
			continue
		}
		failed = failed || measurement.Outcome == Failed
		measured = append(measured, measurement)
	}
	health.Measured = slices.Concat(r.State.Measured, measured)
	if failed {
		health.Live = s.live(ctx, r, now)
	}
	return health, measured
}

// live is the health of the side that the traffic would go back to: that of the
// metrics that can tell the sides apart. One that reads the same for both says
// nothing about it.
func (s *Service) live(ctx context.Context, r *Record, now time.Time) string {
	health := Unknown
	live := r.routing().Live
	if live == (Side{}) {
		return Unknown
	}
	for _, m := range r.Plan.Metrics {
		theirs, ours := sideOf(live, r.Request.LiveOutputs), sideOf(r.Request.Candidate, r.Request.Outputs)
		metric := theirs.metric(m)
		if theirs.problem != "" || reflect.DeepEqual(metric, ours.metric(m)) {
			continue
		}
		switch measurement, _ := s.look(ctx, r, metric, "", now); measurement.Outcome {
		case Failed:
			return Unhealthy
		case Successful:
			health = Healthy
		}
	}
	return health
}

// look measures one metric whose references are resolved, unless there was a
// problem with them. A value that cannot be there yet is none that is missing:
// from says when it can.
func (s *Service) look(ctx context.Context, r *Record, m pipeline.Metric, problem string, now time.Time) (measurement Measurement, from time.Time) {
	measurement = Measurement{Metric: m.Name, Time: now, Outcome: Errored, Why: problem}
	switch {
	case problem != "":
	case m.CloudWatch != nil:
		value, at, ok, err := s.Metrics.Value(ctx, r.target(), Query{Metric: *m.CloudWatch, From: r.State.Since, To: now})
		switch {
		case err != nil:
			measurement.Why = "could not be read: " + err.Error()
		case !ok:
			from = at
			measurement.Outcome, measurement.Why = NoData, "there is no value of a whole period since "+r.State.Since.UTC().Format(time.TimeOnly)
		default:
			measurement.Outcome, measurement.Why = Judge(m, value)
			if !math.IsNaN(value) && !math.IsInf(value, 0) { // which JSON does not know
				measurement.Value = &value
			}
		}
	default:
		measurement.Outcome, measurement.Why = s.check(ctx, r, m)
	}
	measurement.Why = told(measurement.Why)
	return measurement, from
}

// check measures by a check of an URL or of alarms.
func (s *Service) check(ctx context.Context, r *Record, m pipeline.Metric) (outcome, why string) {
	subject := verification.Subject{
		Key: r.ID + "/" + m.Name, Target: r.target(),
		Checks: []pipeline.Check{{Name: m.Name, HTTP: m.HTTP, Alarm: m.Alarm, Attempts: 1, Timeout: pipeline.Duration(checkTimeout)}},
	}
	made, _ := s.Checks.Round(ctx, subject, verification.Record{}, true)
	if len(made.Results) == 0 {
		return Errored, "the check was not made"
	}
	switch result := made.Results[len(made.Results)-1]; {
	case result.Outcome == verification.Passed:
		return Successful, result.Why
	case result.Outcome == verification.Failed:
		return Failed, result.Why
	case strings.HasPrefix(result.Why, verification.Unchecked):
		return Errored, result.Why
	default:
		return NoData, result.Why
	}
}

// sideTexts resolves texts that differ by side.
type sideTexts struct {
	side    Side
	outputs map[string]string
	problem string // the first reference that is not known
}

func sideOf(side Side, outputs map[string]string) *sideTexts {
	return &sideTexts{side: side, outputs: outputs}
}

func (t *sideTexts) text(text string) string {
	text = strings.NewReplacer("${side}", t.side.Name, "${endpoint}", t.side.Endpoint).Replace(text)
	expanded, unknown, ok := pipeline.Expand(text, func(stack, output string) (string, bool) {
		value, known := t.outputs[output]
		return value, known && stack == ""
	})
	if !ok && t.problem == "" {
		t.problem = "there is no output " + unknown + " of the " + t.side.Name + " side"
	}
	return expanded
}

// metric is the metric as it is for the side.
func (t *sideTexts) metric(m pipeline.Metric) pipeline.Metric {
	t.problem = ""
	if m.CloudWatch != nil {
		c := *m.CloudWatch
		c.Queries = slices.Clone(c.Queries)
		for i, q := range c.Queries {
			q.Dimensions = maps.Clone(q.Dimensions)
			for _, name := range slices.Sorted(maps.Keys(q.Dimensions)) {
				q.Dimensions[name] = t.text(q.Dimensions[name])
			}
			c.Queries[i] = q
		}
		m.CloudWatch = &c
	}
	if m.Alarm != nil {
		a := *m.Alarm
		a.Names = slices.Clone(a.Names)
		for i := range a.Names {
			a.Names[i] = t.text(a.Names[i])
		}
		m.Alarm = &a
	}
	if m.HTTP != nil {
		h := *m.HTTP
		h.URL, h.Body = t.text(h.URL), t.text(h.Body)
		h.Headers = maps.Clone(h.Headers)
		for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
			value := h.Headers[name]
			value.Text = t.text(value.Text)
			h.Headers[name] = value
		}
		m.HTTP = &h
	}
	return m
}
