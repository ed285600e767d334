package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

const invokeRollout = "POST /2015-03-31/functions/rollout/invocations"

// stateTable keeps the items that the adapter of the records writes, so that a
// test need not know what they look like.
type stateTable struct {
	t     *testing.T
	items map[string]json.RawMessage // by pk and sk
}

type stateKey struct {
	PK struct{ S string } `json:"pk"`
	SK struct{ S string } `json:"sk"`
}

func (k stateKey) String() string { return k.PK.S + " " + k.SK.S }

func (s *stateTable) decode(data json.RawMessage, value any) {
	if err := json.Unmarshal(data, value); err != nil {
		s.t.Errorf("%v in %s", err, data)
	}
}

func (s *stateTable) put(call awsstub.Call) awsstub.Answer {
	var in struct{ Item json.RawMessage }
	s.decode(call.Body, &in)
	var key stateKey
	s.decode(in.Item, &key)
	s.items[key.String()] = in.Item
	return awsstub.Answer{Body: `{}`}
}

func (s *stateTable) get(call awsstub.Call) awsstub.Answer {
	var in struct{ Key stateKey }
	s.decode(call.Body, &in)
	answer := map[string]json.RawMessage{}
	if item, ok := s.items[in.Key.String()]; ok {
		answer["Item"] = item
	}
	return awsstub.Answer{Body: encoded(s.t, answer)}
}

func (s *stateTable) scan(awsstub.Call) awsstub.Answer {
	all := []json.RawMessage{}
	for _, key := range slices.Sorted(maps.Keys(s.items)) {
		all = append(all, s.items[key])
	}
	return awsstub.Answer{Body: encoded(s.t, map[string]any{"Items": all})}
}

// rollouts makes these the last rollouts of their stacks.
func (c *cli) rollouts(records ...rollout.Record) *stateTable {
	c.t.Helper()
	table := &stateTable{t: c.t, items: map[string]json.RawMessage{}}
	c.aws.On("dynamodb", "PutItem", table.put)
	c.aws.On("dynamodb", "GetItem", table.get)
	c.aws.On("dynamodb", "Scan", table.scan)
	for _, r := range records {
		c.keep(r)
	}
	return table
}

// keep stores a record as the suite's functions do.
func (c *cli) keep(r rollout.Record) {
	c.t.Helper()
	if err := rolloutstate.New(c.aws.Config(), "state").Write(c.t.Context(), r.Request.Target, r); err != nil {
		c.t.Error(err)
	}
}

// obeys makes the rollout function do each command as the suite's does, with a
// router that is at once where it is wanted, and then change the record as f
// says.
func (c *cli) obeys(before rollout.Record, f func(*rollout.Record)) {
	c.aws.On("lambda", invokeRollout, func(call awsstub.Call) awsstub.Answer {
		var request rollout.CommandRequest
		if err := json.Unmarshal(call.Body, &request); err != nil {
			c.t.Error(err)
		}
		after := before
		state, err := rollout.Obey(before.Plan, before.State, request.Command)
		if err != nil {
			c.t.Error(err)
		}
		after.State = rollout.Settle(before.Plan, state, c.app.now())
		switch {
		case after.State.Phase == rollout.Promoted:
			after.Live, after.Old = before.Request.Candidate, before.Live
		case after.State.Phase == rollout.SwitchedBack:
			after.Live, after.Old = before.Old, rollout.Side{}
		}
		f(&after)
		c.keep(after)
		return awsstub.Answer{Body: encoded(c.t, withoutTokens(after))}
	})
}

// asIs changes nothing more.
func asIs(*rollout.Record) {}

// refuses makes the rollout function fail each command.
func (c *cli) refuses(kind, message string) {
	c.aws.On("lambda", invokeRollout, func(awsstub.Call) awsstub.Answer { return failure(c.t, kind, message) })
}

// failure is the answer of a function that failed.
func failure(t *testing.T, kind, message string) awsstub.Answer {
	return awsstub.Answer{Header: map[string]string{"X-Amz-Function-Error": "Unhandled"}, Body: encoded(t, map[string]string{"errorType": kind, "errorMessage": message})}
}

// ordered are the commands that the rollout function got.
func (c *cli) ordered() []rollout.CommandRequest {
	c.t.Helper()
	var all []rollout.CommandRequest
	for _, call := range c.aws.Calls("lambda", invokeRollout) {
		var request rollout.CommandRequest
		if err := json.Unmarshal(call.Body, &request); err != nil {
			c.t.Fatal(err)
		}
		all = append(all, request)
	}
	return all
}

// archived makes these the only rollouts that the bucket keeps, and the others
// that a test names missing.
func (c *cli) archived(missing []string, records ...rollout.Record) {
	c.t.Helper()
	for _, id := range missing {
		c.aws.On("s3", "GET /bucket/"+rollout.Key(id), func(awsstub.Call) awsstub.Answer {
			return awsstub.Answer{Status: http.StatusNotFound, Body: `<Error><Code>NoSuchKey</Code></Error>`}
		})
	}
	for _, r := range records {
		c.aws.Reply("s3", "GET /bucket/"+rollout.Key(r.ID), encoded(c.t, r))
	}
}

func clock(text string) time.Time {
	at, err := time.Parse(time.DateTime, "2026-01-02 "+text)
	if err != nil {
		panic(err)
	}
	return at
}

func number(v float64) *float64 { return &v }

// canary is a rollout of prod/api that stands at 10 % and measures.
func canary() rollout.Record {
	minutes := func(n int) pipeline.Duration { return pipeline.Duration(time.Duration(n) * time.Minute) }
	target := events.Target{Stage: "prod", Stack: "api", StackName: "shop-api-prod", Account: "333333333333", Region: "us-east-1"}
	run := events.Run{RunID: "1f0c9a7b-1bee13", Repository: "acme/shop", Branch: "main", Commit: "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a", Actor: "dana"}
	steps := []pipeline.RolloutStep{{Weight: 5, Bake: minutes(5)}, {Weight: 10, Bake: minutes(5)}, {Weight: 25, Bake: minutes(10), Pause: true}, {Weight: 50, Bake: minutes(5)}, {Weight: 100, Bake: minutes(5)}}
	metrics := []pipeline.Metric{{Name: "errors", Success: "< 1", Failure: ">= 5"}, {Name: "health"}}
	green := rollout.Side{Name: rollout.Green, StackName: "shop-api-prod-green", Commit: run.Commit, Endpoint: "green.shop.example"}
	blue := rollout.Side{Name: rollout.Blue, StackName: "shop-api-prod-blue", Commit: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", Endpoint: "blue.shop.example"}
	measured := func(metric, at string, value *float64, why string) rollout.Measurement {
		return rollout.Measurement{Metric: metric, Time: clock(at), Outcome: rollout.Successful, Value: value, Why: why}
	}
	return rollout.Record{
		ID: "1f0c9a7b-1bee13-prod-api", Execution: "arn:aws:states:us-east-1:111111111111:execution:evenkeel-rollout:1f0c9a7b-1bee13-prod-api",
		Request: rollout.Request{Run: run, Target: target, Candidate: green, Rollout: pipeline.Rollout{
			Strategy: pipeline.StrategyCanary, Steps: steps, Promotion: pipeline.PromotionAuto, Retire: pipeline.RetireKeep,
			Router: pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1", Name: "api.shop.example", Type: "CNAME", TTL: minutes(1)}},
		}},
		Plan: rollout.Plan{Steps: steps, Metrics: metrics, MinStep: time.Minute, PauseTimeout: 24 * time.Hour, Keep: time.Hour},
		State: rollout.State{Phase: rollout.Stepping, Step: 1, Weight: 10, Target: 10, Since: clock("04:57:10"), Measured: []rollout.Measurement{
			measured("errors", "04:58:10", number(0.25), "0.25 is < 1"), measured("health", "04:58:10", nil, "200 in 12 ms"), measured("errors", "04:59:10", number(0.5), "0.5 is < 1"),
		}},
		Live: blue, ReleaseTask: "token-of-the-release", PauseTask: "token-of-the-pause", Began: clock("04:52:00"),
		Timeline: []rollout.Entry{
			{Time: clock("04:52:00"), Action: "started", Why: "The checks of green passed; it gets 5, 10, 25, 50 and 100 % of the traffic step by step."},
			{Time: clock("04:52:05"), Action: "stepped", Weight: 5, Why: "The first step."},
			{Time: clock("04:57:10"), Action: "stepped", Weight: 10, Why: "5 % baked for 5m and no metric is against it.", Measured: []rollout.Measurement{measured("errors", "04:57:05", number(0.125), "0.125 is < 1"), measured("health", "04:57:05", nil, "200 in 14 ms")}},
		},
	}
}

// paused is the canary when nobody can tell whether it works.
func paused() rollout.Record {
	r := canary()
	r.State.Phase, r.State.Paused, r.State.Cause, r.State.Why = rollout.Paused, clock("04:59:10"), rollout.CauseInconclusive, "errors is neither a success nor a failure"
	r.State.Measured[2] = rollout.Measurement{Metric: "errors", Time: clock("04:59:10"), Outcome: rollout.Inconclusive, Value: number(2.5), Why: "2.5 is neither < 1 nor >= 5"}
	r.Timeline = append(r.Timeline, rollout.Entry{Time: clock("04:59:10"), Action: "paused", Weight: 10, Why: r.State.Why, Measured: r.State.Measured[2:]})
	return r
}

// aborted is the canary when it does not work.
func aborted() rollout.Record {
	r := canary()
	failed := rollout.Measurement{Metric: "errors", Time: clock("04:59:10"), Outcome: rollout.Failed, Value: number(7.25), Why: "7.25 is >= 5"}
	r.State = rollout.State{Phase: rollout.Aborted, Step: 1, Since: clock("04:59:12"), Cause: rollout.CauseFailed, Why: "errors failed once, and no failure is borne"}
	r.Ended = clock("04:59:12")
	r.Timeline = append(r.Timeline, rollout.Entry{Time: r.Ended, Action: "aborted", Why: r.State.Why, Measured: []rollout.Measurement{failed}})
	return r
}

// promoted is a blue/green switch of a Lambda alias in another stack, with a
// person who made it.
func promoted() rollout.Record {
	r := canary()
	r.ID, r.Request.Run.RunID = "2e1d0c9b-aa11bb-prod-orders", "2e1d0c9b-aa11bb"
	r.Request.Target.Stack, r.Request.Target.StackName = "orders", "shop-orders-prod"
	r.Request.Rollout = pipeline.Rollout{Strategy: pipeline.StrategyBlueGreen, Promotion: pipeline.PromotionManual, Router: pipeline.Router{LambdaAlias: &pipeline.LambdaAliasRouter{Function: "shop-orders", Alias: "live", Version: "8"}}}
	r.Request.Candidate = rollout.Side{Name: rollout.Green, StackName: "shop-orders-prod", Endpoint: "8", Commit: r.Request.Candidate.Commit}
	r.Live, r.Old = r.Request.Candidate, rollout.Side{Name: rollout.Blue, StackName: "shop-orders-prod", Endpoint: "7", Commit: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"}
	steps := []pipeline.RolloutStep{{Weight: 100}}
	r.Request.Rollout.Steps = steps
	r.Plan = rollout.Plan{Steps: steps, Manual: true, PauseTimeout: time.Hour, Keep: time.Hour}
	r.State = rollout.State{Phase: rollout.Promoted, Weight: 100, Target: 100, Since: clock("04:30:00"), Approved: 1}
	r.Began, r.ReleaseTask, r.PauseTask = clock("04:00:00"), "", ""
	r.Timeline = []rollout.Entry{
		{Time: clock("04:00:00"), Action: "started", Why: "The checks of green passed; it gets all traffic at once."},
		{Time: clock("04:00:01"), Action: "paused", Why: "A person is wanted before the switch."},
		{Time: clock("04:29:59"), Action: "resumed", Why: "looks good", By: "arn:aws:sts::111111111111:assumed-role/operators/kim"},
		{Time: clock("04:30:00"), Action: "promoted", Weight: 100, Why: "It has all traffic.", By: "arn:aws:sts::111111111111:assumed-role/operators/kim"},
	}
	return r
}

func withoutTokens(r rollout.Record) rollout.Record {
	r.ReleaseTask, r.PauseTask = "", ""
	return r
}
