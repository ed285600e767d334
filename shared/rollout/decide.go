package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// maxDecided is how many measurements of one metric a decision names.
const maxDecided = 10

// Decide says what to do now. It is pure: the same plan, state and health
// give the same decision, and a call that is lost or repeated changes nothing
// but time.
//
//	phase      health or time                        decision
//	Stepping   before the first step                 Advance; Pause if evenkeel.yaml asks a person before it
//	           a weight is on its way                Advance to it again
//	           Failed > FailureLimit                 Abort; Pause if the live side is unhealthy, or there is none
//	           NoData, Errored in a row > ErrorLimit Abort if the metric says so and the live side is not unhealthy, else Pause
//	           Inconclusive > InconclusiveLimit      Pause
//	           the bake is not over                  Hold
//	           a metric was not measured, not as
//	           often as Count, or is not Successful  Hold; Pause when it has been looked at too often
//	           all is well                           Advance; Pause at a gate; Promote after the last step
//	Paused     somebody is waited for                Pause, for the rest of PauseTimeout or until metrics are due
//	           Failed > FailureLimit meanwhile       Abort, unless the live side is unhealthy, or there is none
//	           nobody answered                       Abort
//	Promoting  Failed > FailureLimit                 Pause: it neither goes on nor back by itself
//	           else                                  Promote, again
//	Promoted   the old side is kept                  Finish, for the rest of Keep
//	Aborting                                         Abort, again
//	the others                                       Finish
//
// At State.Deadline all that is neither promoted nor ended is aborted. With
// several metrics the worst decides: failed, then no data, then inconclusive.
// An Abort is always to State.Stable.
func Decide(p Plan, s State, h Health) Decision {
	switch s.Phase {
	case Promoted:
		end := s.Since.Add(p.Keep)
		if !end.After(h.At) {
			return Decision{Action: Finish, Weight: s.Weight, Why: "the time to switch back is over"}
		}
		return Decision{Action: Finish, Weight: s.Weight, Wait: wholeSeconds(end.Sub(h.At)), Why: "the old side can take the traffic back"}
	case Aborting:
		return abort(s, s.Cause, s.Why)
	case Aborted, SwitchedBack, Retired:
		return Decision{Action: Finish, Weight: s.Weight, Why: "the rollout has ended: " + string(s.Phase)}
	case Promoting:
		if s.Weight == 100 {
			if j := judge(p, s, h.Measured); j.cause == CauseFailed {
				return pause(p, s, h.At, CauseFailed, j.why+"; it has all traffic already, and stays where it is", j.decided)
			}
			return Decision{Action: Promote, Weight: 100, Why: s.Why}
		}
	}
	if !s.Deadline.IsZero() && !h.At.Before(s.Deadline) {
		return abort(s, CauseTimeout, "it took longer than "+brief(p.Longest())+", with all pauses")
	}
	switch s.Phase {
	case Paused:
		return paused(p, s, h)
	case Promoting:
		return Decision{Action: Promote, Weight: 100, Why: s.Why}
	default:
		return stepping(p, s, h)
	}
}

func paused(p Plan, s State, h Health) Decision {
	if end := s.Paused.Add(p.PauseTimeout); !end.After(h.At) {
		return abort(s, CauseTimeout, "nobody decided for "+brief(p.PauseTimeout)+" after it paused: "+s.Why)
	}
	if watched(s) {
		if j := judge(p, s, h.Measured); j.cause == CauseFailed && !p.First && h.Live != Unhealthy {
			j.why += "; it was paused: " + s.Why
			return failed(p, s, h, j)
		}
	}
	return pause(p, s, h.At, s.Cause, s.Why, nil)
}

func stepping(p Plan, s State, h Health) Decision {
	var j judgement
	if s.Step >= 0 && s.Cause != CausePassed {
		j = judge(p, s, h.Measured)
	}
	if s.Pending() {
		if j.cause != CauseFailed {
			return Decision{Action: Advance, Weight: s.Target, Why: fmt.Sprintf("%d %% is on its way", s.Target)}
		}
		return failed(p, s, h, j)
	}
	switch j.cause {
	case CauseFailed, CauseNoData:
		return failed(p, s, h, j)
	case CauseInconclusive:
		return pause(p, s, h.At, j.cause, j.why, j.decided)
	}
	if rest := s.Since.Add(bake(p, s)).Sub(h.At); s.Step >= 0 && rest > 0 {
		return hold(p, s, h, fmt.Sprintf("%d %% is watched for %s more", s.Weight, brief(rest)))
	}
	if j.waits != "" {
		if j.exhausted {
			return failed(p, s, h, judgement{cause: CauseNoData, why: "the metrics were never good together: " + j.waits, abort: j.abort, decided: j.decided})
		}
		return hold(p, s, h, j.waits)
	}
	next := s.Step + 1
	if p.gate(next) && next >= s.Approved {
		return pause(p, s, h.At, CauseGate, gateText(p, s, next), j.decided)
	}
	if next >= len(p.Steps) {
		return Decision{Action: Promote, Weight: s.Weight, Why: wellText(p, s), Decided: j.decided}
	}
	return Decision{Action: Advance, Weight: p.Steps[next].Weight, Why: wellText(p, s), Decided: j.decided}
}

// failed is what follows from a judgement against the candidate. The traffic
// is not given back to a side that is no better.
func failed(p Plan, s State, h Health, j judgement) Decision {
	switch {
	case j.cause == CauseNoData && !j.abort:
	case p.First:
		j.why += "; there is no other side that could serve"
	case h.Live == Unhealthy:
		j.why += "; the side that was live before is unhealthy too"
	default:
		d := abort(s, j.cause, j.why)
		d.Decided = j.decided
		return d
	}
	return pause(p, s, h.At, j.cause, j.why, j.decided)
}

func abort(s State, cause Cause, why string) Decision {
	return Decision{Action: Abort, Weight: s.Stable, Cause: cause, Why: why}
}

func pause(p Plan, s State, at time.Time, cause Cause, why string, decided []Measurement) Decision {
	if s.Phase != Paused {
		s.Paused = at
	}
	wait := s.Paused.Add(p.PauseTimeout).Sub(at)
	s.Phase, s.Cause = Paused, cause
	if len(p.Metrics) > 0 && watched(s) {
		wait = min(wait, watchInterval(p))
	}
	return Decision{Action: Pause, Weight: s.Weight, Wait: until(s, at, wait), Cause: cause, Why: why, Decided: decided}
}

func hold(p Plan, s State, h Health, why string) Decision {
	next := look(p, s, h)
	return Decision{Action: Hold, Weight: s.Weight, Wait: until(s, h.At, next.Sub(h.At)), Why: why}
}

// until is a wait that ends at the deadline.
func until(s State, at time.Time, wait time.Duration) time.Duration {
	if !s.Deadline.IsZero() {
		wait = min(wait, s.Deadline.Sub(at))
	}
	return wholeSeconds(wait)
}

// judgement is what the measurements of a step say together.
type judgement struct {
	cause     Cause  // "" while nothing is against the candidate
	why       string // of cause
	waits     string // why the step cannot end yet, "" if it can
	exhausted bool   // and more measurements would not help
	abort     bool   // a metric without data wants it
	decided   []Measurement
}

// judge looks at each metric of the plan; the worst decides.
func judge(p Plan, s State, measured []Measurement) judgement {
	var j judgement
	for i := range p.Metrics {
		m := &p.Metrics[i]
		t := tally(s, measured, m.Name)
		switch {
		case t.Failed > m.FailureLimit:
			if j.cause != CauseFailed {
				j = judgement{cause: CauseFailed, why: limitText(t.Failed, "failed", m.FailureLimit, newest(measured, m.Name, Failed)), decided: sample(measured, m.Name, Failed)}
			}
		case j.cause == CauseFailed:
		case t.Missing > m.ErrorLimit:
			if wants := m.NoData == pipeline.NoDataAbort; j.cause != CauseNoData || wants && !j.abort {
				j = judgement{cause: CauseNoData, abort: wants, why: missingText(t, newest(measured, m.Name, t.Outcome)), decided: sample(measured, m.Name, NoData, Errored)}
			}
		case j.cause == CauseNoData:
		case t.Inconclusive > m.InconclusiveLimit:
			if j.cause == "" {
				j = judgement{cause: CauseInconclusive, why: limitText(t.Inconclusive, "was inconclusive", m.InconclusiveLimit, newest(measured, m.Name, Inconclusive)),
					decided: sample(measured, m.Name, Inconclusive)}
			}
		case j.cause != "":
		default:
			j.wait(p, s, *m, t, measured)
		}
	}
	return j
}

// wait notes what a metric that is not against the candidate still lacks.
func (j *judgement) wait(p Plan, s State, m pipeline.Metric, t Tally, measured []Measurement) {
	if last := newest(measured, m.Name, ""); last.Metric != "" {
		j.decided = append(j.decided, last)
	}
	lacks := t.Measured == 0 || t.Measured < m.Count || t.Outcome != Successful
	if lacks && j.waits == "" {
		j.waits = waitText(m, t)
	}
	if lacks && missing(t.Outcome) && m.NoData == pipeline.NoDataAbort {
		j.abort = true
	}
	j.exhausted = j.exhausted || s.Step >= s.Approved-1 && t.Looked >= p.budget(m, s.Step)
}

// newest is the last measurement of a metric with an outcome, or with any.
func newest(measured []Measurement, metric, outcome string) Measurement {
	for i := len(measured) - 1; i >= 0; i-- {
		if measured[i].Metric == metric && (outcome == "" || measured[i].Outcome == outcome) {
			return measured[i]
		}
	}
	return Measurement{}
}

// sample lists the last measurements of a metric with one of the outcomes.
func sample(measured []Measurement, metric string, outcomes ...string) []Measurement {
	var found []Measurement
	for _, m := range slices.Backward(measured) {
		if m.Metric == metric && slices.Contains(outcomes, m.Outcome) {
			found = append(found, m)
		}
		if len(found) == maxDecided {
			break
		}
	}
	slices.Reverse(found)
	return found
}

func limitText(n int, what string, limit int, last Measurement) string {
	text := fmt.Sprintf("%s %s %s, and %s borne", orMetric(last.Metric), what, times(n), isBorne(limit))
	return withWhy(text, last.Why)
}

func missingText(t Tally, last Measurement) string {
	what := "had no data"
	if t.Outcome == Errored {
		what = "could not be measured"
	}
	return withWhy(fmt.Sprintf("%s %s %s in a row", t.Metric, what, times(t.Missing)), last.Why)
}

func waitText(m pipeline.Metric, t Tally) string {
	switch {
	case t.Measured == 0:
		return m.Name + " was not measured yet"
	case t.Outcome != Successful:
		return m.Name + " was " + outcomeText(t.Outcome) + " when it was measured last"
	default:
		return fmt.Sprintf("%s was measured %s of %d", m.Name, times(t.Measured), m.Count)
	}
}

func gateText(p Plan, s State, next int) string {
	switch {
	case next == len(p.Steps):
		return "all traffic went well on the new side; promoting it needs a person"
	case s.Step < 0:
		return fmt.Sprintf("taking %d %% needs a person", p.Steps[next].Weight)
	default:
		return fmt.Sprintf("%d %% went well; taking %d %% needs a person", s.Weight, p.Steps[next].Weight)
	}
}

func wellText(p Plan, s State) string {
	switch {
	case s.Step < 0:
		return "the first step"
	case s.Cause == CausePassed:
		return "a person let it go on"
	default:
		return fmt.Sprintf("%d %% went well for %s", s.Weight, brief(p.bake(s.Step)))
	}
}

func outcomeText(outcome string) string {
	switch outcome {
	case NoData:
		return "without data"
	case Errored:
		return "not to be had"
	default:
		return outcome
	}
}

func orMetric(name string) string {
	if name == "" {
		return "a metric"
	}
	return name
}

func withWhy(text, why string) string {
	if why == "" {
		return text
	}
	return text + ": " + why
}

func isBorne(limit int) string {
	switch {
	case limit <= 0:
		return "none is"
	case limit == 1:
		return "1 is"
	default:
		return fmt.Sprintf("%d are", limit)
	}
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return fmt.Sprintf("%d times", n)
	}
}

// brief writes a time as evenkeel.yaml does, to the second.
func brief(d time.Duration) string {
	return strings.TrimSpace(pipeline.Duration(d.Round(time.Second)).String())
}
