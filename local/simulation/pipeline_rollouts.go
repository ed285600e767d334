package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// brokenSide is the kind of commits whose new side does not pass its checks.
const brokenSide = "broken side"

// api is the stack with a rollout, in worlds that have one.
const api = "api"

// rollouts stands for the rollout function and its workflow: it promotes, aborts
// or leaves undecided what the pipeline asks for, some time later.
type rollouts struct {
	p       *Pipeline
	records *fake.DeploymentRollouts
	tokens  map[string]string         // rollout → task that waits
	answers map[string]rollout.Result // rollout → how it ended
	live    map[string]string         // rollout → version of the live side when it began
	aborted map[string]bool           // run/stage
	late    map[string]bool           // runs whose rollout nobody decided on in time
}

func newRollouts(p *Pipeline) *rollouts {
	return &rollouts{
		p: p, records: &fake.DeploymentRollouts{Faults: p.port}, tokens: map[string]string{}, answers: map[string]rollout.Result{},
		live: map[string]string{}, aborted: map[string]bool{}, late: map[string]bool{},
	}
}

// kind makes commits more often than others do go through a rollout, or fail
// after one.
func (o *rollouts) kind(kind string) string {
	switch o.p.rng.IntN(8) {
	case 0, 1, 2:
		return "change"
	case 3, 4:
		return brokenStage
	default:
		return kind
	}
}

// handle is the function: only its action start, which may be repeated.
func (o *rollouts) handle(_ context.Context, raw json.RawMessage) (any, error) {
	var q struct {
		Action, Token string
		Request       rollout.Request
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return nil, fault.Permanent("the request cannot be read: %w", err)
	}
	if q.Action == "" {
		return struct{}{}, nil // an event
	}
	if err := o.p.port("RollOut"); err != nil {
		return nil, err
	}
	id := rollout.ID(q.Request.Run.RunID, q.Request.Target.Stage, q.Request.Target.Stack)
	if q.Request.SwitchBack {
		id += "-back"
	}
	_, known := o.tokens[id]
	o.tokens[id] = q.Token
	switch {
	case q.Request.SwitchBack && !known:
		o.switchBack(id, q.Request)
	case !known:
		o.begin(id, q.Request)
	default:
		o.answer(id)
	}
	return struct{}{}, o.p.port("RollOut done")
}

// change writes the record of a stack, whoever else does.
func (o *rollouts) change(to events.Target, change func(*rollout.Record)) {
	o.p.silently(func() {
		record, _, err := o.records.Read(context.Background(), to)
		change(&record)
		if err == nil {
			err = o.records.Write(context.Background(), to, record)
		}
		if err != nil {
			o.p.Violate("%v", err)
		}
	})
}

func (o *rollouts) begin(id string, q rollout.Request) {
	var plan rollout.Plan
	now := o.p.Clock.Now()
	o.change(q.Target, func(r *rollout.Record) {
		if r.State.Phase == rollout.Stepping {
			o.p.Violate("%s begins while %s is under way", id, r.ID)
		}
		if q.Candidate.Name == r.Live.Name {
			o.p.Violate("%s would roll out the live side %s", id, r.Live.Name)
		}
		plan = rollout.NewPlan(q, r.Live)
		*r = rollout.Record{ID: id, Request: q, Plan: plan, Live: r.Live, Version: r.Version, State: rollout.State{Phase: rollout.Stepping, Since: now}}
		o.live[id] = o.version(r.Live, q.Target)
	})
	after, outcome := o.p.upTo(plan.Longest()), rollout.OutcomePromoted
	switch o.p.rng.IntN(10) {
	case 0:
		outcome = rollout.OutcomeAborted
	case 1: // nobody decides until the pipeline has given up
		outcome, after = rollout.OutcomeAborted, plan.Longest()+2*time.Hour
		o.late[q.Run.RunID] = true
	}
	o.p.Log("rollout %s of %s to %s: %s in %s", id, q.Target.StackName, q.Candidate.Name, outcome, after)
	o.p.Clock.After(after, func() { o.end(id, q, outcome) })
}

func (o *rollouts) end(id string, q rollout.Request, outcome string) {
	o.change(q.Target, func(r *rollout.Record) {
		if r.ID != id {
			o.p.Violate("the record of %s is %s, which began before it ended", id, r.ID)
		}
		if got := o.version(r.Live, q.Target); got != o.live[id] {
			o.p.Violate("the live side of %s had version %q when %s began, and has %q", q.Target.StackName, o.live[id], id, got)
		}
		r.State.Since, r.State.Phase = o.p.Clock.Now(), rollout.Aborted
		if outcome == rollout.OutcomePromoted {
			r.State.Phase, r.State.Weight, r.Old, r.Live = rollout.Promoted, 100, r.Live, q.Candidate
		} else {
			o.aborted[q.Run.RunID+"/"+q.Target.Stage] = true
		}
	})
	o.answers[id] = rollout.Result{Outcome: outcome, Why: map[string]string{rollout.OutcomeAborted: "errors is 7."}[outcome], Weight: 50, ID: id}
	o.answer(id)
}

func (o *rollouts) switchBack(id string, q rollout.Request) {
	result := rollout.Result{Outcome: rollout.OutcomeSwitchedBack, Why: q.Why, ID: id}
	o.change(q.Target, func(r *rollout.Record) {
		if r.Request.Run.RunID != q.Run.RunID || r.State.Phase != rollout.Promoted || r.Old == (rollout.Side{}) {
			o.p.Violate("%s asks to switch back what it did not promote: %s, %s", id, r.ID, r.State.Phase)
			return
		}
		r.Live, r.Old = r.Old, rollout.Side{}
		r.State.Phase, r.State.Since = rollout.SwitchedBack, o.p.Clock.Now()
	})
	o.answers[id] = result
	o.p.Clock.After(time.Second, func() { o.answer(id) })
}

// answer tells the pipeline how the rollout ended, if it has.
func (o *rollouts) answer(id string) {
	result, ended := o.answers[id]
	if !ended {
		return
	}
	data, err := json.Marshal(result)
	if err != nil {
		o.p.Violate("%v", err)
	}
	o.p.succeed(o.tokens[id], data)
}

// version is what a side has; "" for none.
func (o *rollouts) version(side rollout.Side, to events.Target) string {
	to.StackName = side.StackName
	return o.p.watch.deployed(to)
}

// used is the side of a stack that has the traffic; ok is false when the stack
// has no sides, or none of them was ever used.
func (o *rollouts) used(t events.Target) (record rollout.Record, ok bool) {
	if t.Stack != api {
		return record, false
	}
	t.StackName = sideless(t.StackName)
	record, ok, err := o.records.Read(context.Background(), t)
	if err != nil {
		o.p.Violate("%v", err)
	}
	return record, ok
}

// sideless is the name of a stack without its side.
func sideless(stackName string) string {
	for _, side := range []string{rollout.Blue, rollout.Green} {
		stackName = strings.TrimSuffix(stackName, pipeline.SideName("", side))
	}
	return stackName
}

// unused checks that what is about to be changed has no traffic.
func (o *rollouts) unused(run events.Run, target events.Target) {
	record, ok := o.used(target)
	switch {
	case !ok:
	case record.Live.StackName == target.StackName:
		o.p.Violate("run %s changes %s, which has the traffic", run.RunID, target.StackName)
	case record.State.Phase == rollout.Stepping:
		o.p.Violate("run %s changes %s while %s moves its traffic", run.RunID, target.StackName, record.ID)
	case record.Old.StackName == target.StackName:
		o.p.Violate("run %s changes %s, which could take the traffic back", run.RunID, target.StackName)
	case o.p.Clock.Now().Before(record.State.Since.Add(record.Plan.MinStep)):
		o.p.Violate("run %s changes %s, whose record is still remembered", run.RunID, target.StackName)
	}
}

// side is a target as the side that the run changed, or that is in use.
func (o *rollouts) side(runID string, t events.Target) events.Target {
	if t.Stack != api {
		return t
	}
	for _, side := range []string{rollout.Blue, rollout.Green} {
		name := pipeline.SideName(t.StackName, side)
		if _, changed := o.p.watch.versions[runID+name]; changed {
			t.StackName = name
			return t
		}
	}
	if record, ok := o.used(t); ok {
		t.StackName = record.Live.StackName
	}
	return t
}

// written is what evenkeel.yaml says about the stack with a rollout.
func (c *commit) written() string {
	if !c.rolls {
		return ""
	}
	name := c.repository[len("acme/"):]
	return fmt.Sprintf(`  api:
    template: templates/api.yaml
    dependsOn: [network]
    verify: [{alarm: {names: ["%[1]s/api/${output.Version}"]}, interval: %[2]s}]
    rollout:
      strategy: canary
      steps: [50, 100]
      bake: 1m
      router: {route53: {zone: "${output.network.VpcId}", name: %[1]s.example.com, type: CNAME, ttl: 1m, value: "${output.Host}"}}
      pauseTimeout: 10m
`, name, c.interval)
}

func (c *commit) apiTemplate() []byte {
	return fmt.Appendf(nil, `Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {Version: %d}
Outputs:
  Host: {Value: {Ref: Topic}}
  Version: {Value: "%d"}
`, c.version, c.version)
}
