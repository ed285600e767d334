//go:build !validator

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// share is what a side has of the traffic.
type share struct {
	Side   string `json:"side"`
	Weight int    `json:"weight"` // percent
	Stack  string `json:"stackName"`
	Commit string `json:"commit,omitempty"`
	Target string `json:"endpoint,omitempty"` // what the router knows it by
}

// shares are the weights in force, those of the new side first. A first
// rollout has no other side, and one that is deleted is none.
func shares(r rollout.Record) []share { return sharesAt(r, r.State.Weight) }

// sharesAt are the weights when the new side gets weight.
func sharesAt(r rollout.Record, weight int) []share {
	all := []share{shareOf(r.Request.Candidate, weight)}
	if other := otherSide(r); other.Name != "" && r.Left != rollout.LeftDeleted {
		all = append(all, shareOf(other, 100-weight))
	}
	return all
}

func shareOf(s rollout.Side, weight int) share {
	return share{Side: s.Name, Weight: weight, Stack: s.StackName, Commit: s.Commit, Target: s.Endpoint}
}

// otherSide has what the new side has not: the live one until the new one is
// promoted, and the old one from then on.
func otherSide(r rollout.Record) rollout.Side {
	if r.Live.Name != r.Request.Candidate.Name {
		return r.Live
	}
	return r.Old
}

// rolloutView is a rollout as --json shows it: its record without the tokens
// that would let anybody answer for it, and what follows from it.
type rolloutView struct {
	rollout.Record
	Name        string  `json:"name"`
	Weights     []share `json:"weights"` // in force
	Next        next    `json:"next"`
	ReleaseTask string  `json:"releaseTask,omitempty"`
	PauseTask   string  `json:"pauseTask,omitempty"`
}

func (a *app) rolloutView(r rollout.Record) rolloutView {
	return rolloutView{Record: r, Name: rolloutName(r), Weights: shares(r), Next: nextOf(r, a.now())}
}

// next is what comes next if nobody acts and nothing is found wrong.
type next struct {
	What   string     `json:"what"` // one sentence
	brief  string     // the same for a list
	Weight *int       `json:"weight,omitempty"` // that the new side is to get
	At     *time.Time `json:"at,omitempty"`     // at the earliest
}

// inBrief is for a list.
func (n next) inBrief() string { return cmp.Or(n.brief, n.What) }

// nextOf says what the clock of the rollout does next.
func nextOf(r rollout.Record, now time.Time) next {
	s, side := r.State, r.Request.Candidate.Name
	if s.Weight != s.Target && !s.Phase.Ended() && s.Phase != rollout.Paused {
		return next{What: fmt.Sprintf("%s gets %d %%, which the router was asked for", side, s.Target), Weight: &s.Target}
	}
	switch s.Phase {
	case rollout.Stepping:
		return nextStep(r)
	case rollout.Paused:
		until := s.Paused.Add(r.Plan.PauseTimeout)
		if !s.Deadline.IsZero() && s.Deadline.Before(until) {
			until = s.Deadline
		}
		return next{What: "a person lets it go on (resume), takes all traffic (promote) or gives it back (abort); after that time it is aborted", At: &until, brief: "a person decides, or it is aborted"}
	case rollout.Promoting:
		return next{What: side + " becomes the live side"}
	case rollout.Aborting:
		return next{What: "the traffic goes back to " + otherSide(r).Name}
	case rollout.Promoted:
		return nextOfPromoted(r, now)
	case rollout.Retired:
		if r.Old.Name == "" {
			break
		}
		return next{What: "nothing, it has ended; the old side " + left(r), brief: "-"}
	}
	return next{What: "nothing, it has ended", brief: "-"}
}

// left says what became of the old side of a rollout that cannot be switched
// back any more.
func left(r rollout.Record) string {
	switch r.Left {
	case rollout.LeftDeleted:
		return "is deleted"
	case rollout.LeftNotDeleted:
		return "could not be deleted: see the timeline"
	default:
		return "is kept, without traffic, for the next rollout"
	}
}

// nextStep says what comes when the bake of the step is over.
func nextStep(r rollout.Record) next {
	s, steps := r.State, r.Plan.Steps
	following, side := max(s.Step, -1)+1, r.Request.Candidate.Name
	var n next
	switch {
	case asks(r.Plan, s):
		n.What = "a person is asked whether it goes on"
	case following >= len(steps):
		n.What = side + " is promoted"
	default:
		n.Weight = &steps[following].Weight
		n.What = fmt.Sprintf("%s gets %d %%", side, *n.Weight)
	}
	n.brief = n.What
	if s.Step < 0 {
		return n
	}
	if s.Step >= len(steps) {
		return n
	}
	end := s.Since.Add(max(time.Duration(steps[s.Step].Bake), r.Plan.MinStep))
	n.At = &end
	if len(r.Plan.Metrics) > 0 {
		n.What += ", if " + metricNames(r.Plan.Metrics) + " let it"
	}
	return n
}

// asks reports whether a person is asked before the next step, or after the
// last one before the promotion: where a step says so, and before the last
// weight of a manual promotion, unless somebody let it pass already.
func asks(p rollout.Plan, s rollout.State) bool {
	following := s.Step + 1
	gate := s.Step >= 0 && s.Step < len(p.Steps) && p.Steps[s.Step].Pause || p.Manual && following == len(p.Steps)-1
	return gate && following >= s.Approved
}

func nextOfPromoted(r rollout.Record, now time.Time) next {
	if r.Old.Name == "" {
		return next{What: "nothing, and there is no old side to switch back to", brief: "-"}
	}
	until := r.State.Since.Add(r.Plan.Keep)
	what := "is kept, without traffic, for the next rollout"
	if r.Request.Rollout.Retire == pipeline.RetireDelete {
		what = "is deleted"
	}
	if !now.Before(until) {
		return next{What: r.Old.Name + " " + what}
	}
	return next{What: fmt.Sprintf("%s can take the traffic back at once (abort); after that time it %s", r.Old.Name, what), At: &until, brief: r.Old.Name + " is kept no longer"}
}

// metricNames lists the metrics of a plan.
func metricNames(metrics []pipeline.Metric) string {
	names := make([]string, 0, len(metrics))
	for _, m := range metrics {
		names = append(names, m.Name)
	}
	return joined(names)
}

// joined is a list as people say it.
func joined(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// settled reports whether the weights that are wanted are in force, and the
// rollout does nothing to change them at this moment.
func settled(r rollout.Record) bool {
	p := r.State.Phase
	return p != rollout.Promoting && p != rollout.Aborting && r.State.Weight == r.State.Target
}

// over reports whether the rollout is decided: nothing moves traffic any more
// but a person.
func over(r rollout.Record) bool { return r.State.Phase == rollout.Promoted || r.State.Phase.Ended() }

// phases are the phases as people say them.
var phases = map[rollout.Phase]string{
	rollout.Stepping: "stepping", rollout.Paused: "paused", rollout.Promoting: "being promoted", rollout.Promoted: "promoted",
	rollout.Aborting: "being aborted", rollout.Aborted: "aborted", rollout.SwitchedBack: "switched back", rollout.Retired: "promoted, old side retired",
}

// phaseText says in a few words how a rollout stands.
func phaseText(r rollout.Record) string {
	phase, known := phases[r.State.Phase]
	if !known {
		phase = string(r.State.Phase)
	}
	return fmt.Sprintf("%s, %s has %d %%", phase, r.Request.Candidate.Name, r.State.Weight)
}

// routerText names what the traffic is moved with.
func routerText(r pipeline.Router) string {
	switch {
	case r.Route53 != nil:
		return "Route 53, " + r.Route53.Type + " " + r.Route53.Name + " in " + r.Route53.Zone
	case r.ALB != nil && r.ALB.Rule != "":
		return "ALB, rule " + r.ALB.Rule
	case r.ALB != nil:
		return "ALB, listener " + r.ALB.Listener
	case r.LambdaAlias != nil:
		return "Lambda, alias " + r.LambdaAlias.Alias + " of " + r.LambdaAlias.Function
	default:
		return "no router"
	}
}

// looks are measurements of one metric.
type looks struct {
	metric   string
	outcomes map[string]int
	last     rollout.Measurement
	lastOf   map[string]rollout.Measurement // by outcome
	low      *float64                       // of the values
	high     *float64
}

// worstFirst are the outcomes.
var worstFirst = []string{rollout.Failed, rollout.Inconclusive, rollout.NoData, rollout.Errored, rollout.Successful}

// counts says how many there are of each outcome, the worst first.
func (l looks) counts() string {
	var parts []string
	for _, o := range worstFirst {
		if l.outcomes[o] > 0 {
			parts = append(parts, strconv.Itoa(l.outcomes[o])+" "+outcomeText(o))
		}
	}
	return strings.Join(parts, ", ")
}

func (l looks) total() (n int) {
	for _, of := range l.outcomes {
		n += of
	}
	return n
}

// worst is the last measurement of the worst outcome.
func (l looks) worst() rollout.Measurement {
	for _, o := range worstFirst {
		if m, ok := l.lastOf[o]; ok {
			return m
		}
	}
	return l.last
}

// values says between which values they are.
func (l looks) values() string {
	switch {
	case l.low == nil:
		return ""
	case *l.low == *l.high:
		return numeral(*l.low)
	default:
		return numeral(*l.low) + " to " + numeral(*l.high)
	}
}

func (l *looks) add(m rollout.Measurement) {
	l.outcomes[m.Outcome]++
	l.last, l.lastOf[m.Outcome] = m, m
	if m.Value == nil {
		return
	}
	if l.low == nil || *m.Value < *l.low {
		l.low = m.Value
	}
	if l.high == nil || *m.Value > *l.high {
		l.high = m.Value
	}
}

// tallied counts what is no longer kept. What says something about the new side
// and is neither failed nor inconclusive was successful; what says nothing had
// no data, or was in error, which a tally does not tell apart.
func (l *looks) tallied(t rollout.Tally) {
	l.outcomes[rollout.Failed] += t.Failed
	l.outcomes[rollout.Inconclusive] += t.Inconclusive
	l.outcomes[rollout.NoData] += t.Looked - t.Measured
	l.outcomes[rollout.Successful] += t.Measured - t.Failed - t.Inconclusive
	l.last = rollout.Measurement{Metric: t.Metric, Time: t.Last, Outcome: t.Outcome}
}

// grouped groups measurements by metric, in the order in which they came first.
func grouped(earlier []rollout.Tally, measured []rollout.Measurement) []looks {
	var groups []looks
	of := func(metric string) *looks {
		i := slices.IndexFunc(groups, func(l looks) bool { return l.metric == metric })
		if i < 0 {
			groups = append(groups, looks{metric: metric, outcomes: map[string]int{}, lastOf: map[string]rollout.Measurement{}})
			i = len(groups) - 1
		}
		return &groups[i]
	}
	for _, t := range earlier {
		of(t.Metric).tallied(t)
	}
	for _, m := range measured {
		of(m.Metric).add(m)
	}
	return groups
}

// measuredNow groups the measurements of the step at hand, in the order of the
// plan, and those of metrics that are not in it behind.
func measuredNow(r rollout.Record) []looks {
	groups := grouped(r.State.Earlier, r.State.Measured)
	place := func(l looks) int {
		i := slices.IndexFunc(r.Plan.Metrics, func(m pipeline.Metric) bool { return m.Name == l.metric })
		if i < 0 {
			return len(r.Plan.Metrics)
		}
		return i
	}
	slices.SortStableFunc(groups, func(a, b looks) int { return cmp.Compare(place(a), place(b)) })
	return groups
}
