package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

const (
	// aliasTTL is for how long resolvers may remember a Route 53 alias record. It
	// cannot be set: it is that of the target, 60 seconds for a load balancer and
	// for CloudFront.
	// Source: Route 53 developer guide, "Choosing between alias and non-alias records".
	aliasTTL = time.Minute
	// settleTime is what setting a weight may take at most. Route 53 is in sync
	// within 60 seconds as a rule.
	// Source: Route 53 API reference, GetChange.
	settleTime = 10 * time.Minute
	// ingestion is for how long a value may be on its way to CloudWatch.
	// Source: CloudWatch user guide, "Metrics retention": most within two minutes.
	ingestion = 5 * time.Minute
	// maxID is the most characters of an id: the name of an execution has 80, of
	// which a restart takes two ("-5").
	// Source: Step Functions API reference, StartExecution, name.
	maxID = 78
)

// NewPlan says what a rollout does. Without a live side it is the first of its
// stack: the candidate gets all traffic at once, and nobody is asked before,
// for there is nothing that would serve in its place. It is measured all the
// same.
func NewPlan(request Request, live Side) Plan {
	r, first := request.Rollout, live == Side{}
	p := Plan{
		Metrics:      r.Analysis.Metrics,
		Manual:       r.Promotion == pipeline.PromotionManual && !first,
		MinStep:      remembered(r.Router),
		PauseTimeout: time.Duration(r.PauseTimeout),
		Keep:         time.Duration(r.Keep),
		First:        first,
	}
	for _, step := range r.Steps {
		if step.Weight > p.last() && step.Weight < 100 && !first {
			p.Steps = append(p.Steps, step)
		}
	}
	last := pipeline.RolloutStep{Weight: 100}
	if n := len(r.Steps); n > 0 {
		last = r.Steps[n-1]
		last.Weight, last.Pause = 100, last.Pause && !first
	}
	p.Steps = append(p.Steps, last)
	if first {
		p.Keep = 0
	}
	return p
}

// remembered is for how long somebody may go on with a weight that is no
// longer in force. ALB and Lambda decide for each request.
func remembered(r pipeline.Router) time.Duration {
	switch {
	case r.Route53 == nil:
		return 0
	case r.Route53.AliasName != "":
		return aliasTTL
	default:
		return time.Duration(r.Route53.TTL)
	}
}

// Longest is an upper bound of the time until the rollout is promoted or
// aborted, pauses included: every pause that evenkeel.yaml wants, and one more
// that nobody foresaw, may take all of PauseTimeout. Begin makes it the
// deadline.
func (p Plan) Longest() time.Duration {
	pauses := 1
	if p.Manual {
		pauses++
	}
	total := settleTime // of the way back
	for i, step := range p.Steps {
		if step.Pause {
			pauses++
		}
		longest := p.longest(i)
		total += longest + longest/10 + settleTime // a clock that is a little late each time
	}
	return total + time.Duration(pauses)*p.PauseTimeout
}

// last is the weight of the last step so far, 0 if there is none.
func (p Plan) last() int {
	if len(p.Steps) == 0 {
		return 0
	}
	return p.Steps[len(p.Steps)-1].Weight
}

// step is the index of the step that a weight belongs to, -1 before the first.
func (p Plan) step(weight int) int {
	n, _ := slices.BinarySearchFunc(p.Steps, weight+1, func(s pipeline.RolloutStep, w int) int { return s.Weight - w })
	return n - 1
}

// bake is for how long a step is watched at least.
func (p Plan) bake(step int) time.Duration {
	if step < 0 {
		return 0 // there is no traffic to watch
	}
	return max(time.Duration(p.Steps[step].Bake), p.MinStep)
}

// gate reports whether a person is to be asked before a step, or, before the
// one after the last, before the promotion.
func (p Plan) gate(step int) bool {
	return step > 0 && p.Steps[step-1].Pause || p.Manual && step == len(p.Steps)-1
}

// regular is how long a step takes when every measurement is good.
func (p Plan) regular(step int) time.Duration {
	d := p.bake(step)
	for _, m := range p.Metrics {
		d = max(d, time.Duration(m.Delay)+time.Duration(max(m.Count, 1)-1)*interval(m))
	}
	return d
}

// bearable is for how long measurements that are borne can hold a step.
func (p Plan) bearable() time.Duration {
	var d time.Duration
	for _, m := range p.Metrics {
		d = max(d, time.Duration(max(m.FailureLimit, 0)+max(m.InconclusiveLimit, 0)+max(m.ErrorLimit, 0)+2)*interval(m))
	}
	return d
}

// budget is how many measurements of a metric a step may take. It is only used
// up when metrics are good in turns, and never together.
func (p Plan) budget(m pipeline.Metric, step int) int {
	return int((p.regular(step)+p.bearable())/interval(m)) + 2
}

// longest is how long a step may take on a clock that is never late.
func (p Plan) longest(step int) time.Duration {
	d := p.regular(step) + p.bearable()
	var delay, slowest time.Duration
	for _, m := range p.Metrics {
		delay, slowest = max(delay, time.Duration(m.Delay)), max(slowest, interval(m))
		if m.CloudWatch != nil {
			delay = max(delay, time.Duration(m.Delay)+2*time.Duration(m.CloudWatch.Period)+ingestion)
		}
	}
	return d + delay + 2*slowest
}

// interval is the time from one measurement to the next.
func interval(m pipeline.Metric) time.Duration {
	if m.Interval <= 0 {
		return time.Minute
	}
	return max(time.Duration(m.Interval), time.Second)
}

// ID names the rollout of a stack in a run: the same for every repetition, and
// fit for the name of an execution with a number behind it.
func ID(runID, stage, stack string) string {
	id := runID + "-" + stage + "-" + stack
	if len(id) <= maxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	digest := hex.EncodeToString(sum[:6])
	return id[:maxID-len(digest)-1] + "-" + digest
}
