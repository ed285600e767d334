package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/rolloutstate"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// serviced is a CLI with the service of rollouts behind the function that the CLI invokes,
// over the table that the CLI reads. Its clock is the test.
type serviced struct {
	*cli
	service *rollout.Service
	traffic *fake.RolloutTraffic
	tasks   *fake.DeploymentTasks
	facts   *fake.DeploymentFacts
	errors  float64 // the metric
	ref     rollout.Ref
}

func newServiced(t *testing.T) *serviced {
	s := &serviced{cli: newCLI(t), tasks: &fake.DeploymentTasks{}, facts: &fake.DeploymentFacts{}}
	s.rollouts()
	now := func() time.Time { return s.app.now() }
	s.traffic = &fake.RolloutTraffic{Now: now}
	files := &fake.DeploymentFiles{Objects: map[string][]byte{}}
	s.service = &rollout.Service{
		Traffic: s.traffic, Records: rolloutstate.New(s.aws.Config(), "state"), Executions: &fake.RolloutExecutions{}, Tasks: s.tasks, Files: files,
		Stacks: &fake.RolloutStacks{}, Locks: &fake.DeploymentStackLocks{Now: now}, Publisher: s.facts, Now: now,
		Metrics: &fake.RolloutMetrics{Read: func(q rollout.Query) (float64, time.Time, bool) { return s.errors, q.To, true }},
	}
	s.aws.On("lambda", invokeRollout, func(call awsstub.Call) awsstub.Answer {
		answer, err := s.service.Handle(context.Background(), call.Body)
		if err != nil {
			return failure(t, fault.Kind(err), err.Error())
		}
		return awsstub.Answer{Body: encoded(t, answer)}
	})
	return s
}

// begin starts the rollout of a side as the pipeline does, and knows its
// objects in the bucket.
func (s *serviced) begin(run, side string) {
	s.t.Helper()
	r := canary().Request
	r.Run.RunID, r.Candidate = run, fake.RolloutSide(r.Target, side, run)
	r.Rollout.Analysis = pipeline.Analysis{Metrics: []pipeline.Metric{fake.RolloutErrors("errors")}}
	r.Rollout.PauseTimeout, r.Rollout.Keep = pipeline.Duration(24*time.Hour), pipeline.Duration(time.Hour)
	s.ref = rollout.Ref{ID: rollout.ID(run, r.Target.Stage, r.Target.Stack), Target: r.Target}
	if _, err := s.service.Start(s.t.Context(), r, "release-"+run); err != nil {
		s.t.Fatal(err)
	}
	s.aws.On("s3", "GET /bucket/"+rollout.Key(s.ref.ID), func(awsstub.Call) awsstub.Answer {
		data, ok := s.service.Files.(*fake.DeploymentFiles).Objects[rollout.Key(s.ref.ID)]
		if !ok {
			return awsstub.Answer{Status: http.StatusNotFound, Body: `<Error><Code>NoSuchKey</Code></Error>`}
		}
		return awsstub.Answer{Body: string(data)}
	})
}

// until lets the workflow go on until the phase is reached, or a weight.
func (s *serviced) until(phase rollout.Phase, weight int) {
	s.t.Helper()
	for range 200 {
		tick, err := s.service.Advance(s.t.Context(), s.ref)
		if err != nil {
			s.t.Fatal(err)
		}
		r, _, err := s.service.Records.Read(s.t.Context(), s.ref.Target)
		if err != nil {
			s.t.Fatal(err)
		}
		if r.State.Phase == phase && r.State.Weight == weight {
			return
		}
		if tick.Next == rollout.NextEnd {
			break
		}
		then := s.app.now().Add(time.Duration(tick.Seconds) * time.Second)
		s.app.now = func() time.Time { return then }
		if tick.Next == rollout.NextKeep {
			if _, err := s.service.Retire(s.t.Context(), s.ref, "retire", 0); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.run("rollout", "status", rolloutPath(rollout.Record{Request: rollout.Request{Target: s.ref.Target}}))
	s.t.Fatalf("it is not %s at %d %%:\n%s", phase, weight, s.out.String())
}

// inForce checks what the router does.
func (s *serviced) inForce(blue, green int) {
	s.t.Helper()
	shares := s.traffic.Shares(s.ref.Target)
	for side, want := range map[string]int{rollout.Blue: blue, rollout.Green: green} {
		if got := shares["shop-api-prod-"+side+".example.com"]; got != want {
			s.t.Errorf("%s has %d %%, want %d: %v", side, got, want, shares)
		}
	}
}

// TestRolloutAgainstTheService types every command against the service that
// will do it: a first rollout, a canary that a person pauses, resumes, promotes
// and switches back, and one that is aborted.
func TestRolloutAgainstTheService(t *testing.T) {
	s := newServiced(t)
	s.begin("aaaaaaaa-111111", rollout.Blue)
	s.until(rollout.Promoted, 100)
	s.inForce(100, 0)
	s.run("rollout", "status", "prod/api").want(0, "promoted, blue has 100 %", "the first rollout, so nothing can be given back")
	s.run("rollout", "abort", "prod/api", "--yes").want(1, "first rollout of this stack")

	s.until(rollout.Retired, 100)
	s.begin("bbbbbbbb-222222", rollout.Green)
	s.run("rollout").want(0, "prod/api", "stepping", "green 0 %, blue 100 %", "green gets 5 %")
	s.until(rollout.Stepping, 10)
	s.inForce(90, 10)
	s.run("rollout", "pause", "prod/api", "--yes", "--reason", "lunch").want(0, "paused prod/api", "10 %")
	s.run("rollout", "pause", "bbbb").want(0, "nothing to do, it is paused already")
	s.run("rollout", "status", "bbbb").want(0, "lunch", "by arn:aws:iam::111111111111:user/kim", "evenkeel rollout resume|promote|abort 333333333333/us-east-1/shop-api-prod")
	s.until(rollout.Paused, 10)
	s.run("rollout", "resume", "prod/api", "--yes").want(0, "the step is watched anew", "resumed prod/api")
	s.until(rollout.Paused, 25)
	s.inForce(75, 25)
	s.run("rollout", "status", "prod/api").want(0, "needs a person", "errors")
	s.run("rollout", "resume", "prod/api", "--yes").want(0, "green   25 %  →  50 %")
	s.until(rollout.Stepping, 50)
	s.run("rollout", "promote", "prod/api", "--yes").want(0, "promoted prod/api", "green  ████████████████████  100 %", "blue can take the traffic back at once (abort)")
	s.inForce(0, 100)
	s.run("rollout", "resume", "prod/api", "--yes").want(1, "there is nothing to resume")
	s.run("rollout", "abort", "prod/api", "--yes", "--reason", "orders are lost").want(0, "switched back prod/api", "blue   ████████████████████  100 %")
	s.inForce(100, 0)
	s.run("rollout", "status", "prod/api", "--watch").want(1, "switchedBack", "orders are lost")
	s.run("rollout", "promote", "prod/api", "--yes").want(1, "there is nothing to promote")
	s.run("rollout", "graph", "bbbb").want(0, "<svg")
	replaced := s.ref.ID

	s.begin("cccccccc-333333", rollout.Green)
	s.until(rollout.Stepping, 5)
	s.errors = 2.5
	s.until(rollout.Paused, 5)
	s.run("rollout", "status", "prod/api").want(0, "inconclusive", "2.5")
	s.run("rollout", "abort", "prod/api", "--yes", "--json").want(0)
	if out := decoded[acted](s.cli); !out.Changed || out.Rollout.State.Phase != rollout.Aborted || out.Rollout.Weights[0].Weight != 0 {
		t.Errorf("%+v", out)
	}
	s.inForce(100, 0)
	s.run("rollout", "abort", "prod/api").want(0, "it is aborted already")

	var promoted, aborted bool
	for _, answer := range s.tasks.Answers {
		var result rollout.Result
		if err := json.Unmarshal(answer.Output, &result); err != nil {
			t.Fatal(err)
		}
		promoted = promoted || answer.Token == "release-bbbbbbbb-222222" && result.Outcome == rollout.OutcomePromoted
		aborted = aborted || answer.Token == "release-cccccccc-333333" && result.Outcome == rollout.OutcomeAborted
	}
	if !promoted || !aborted {
		t.Errorf("the releases were told %+v", s.tasks.Answers)
	}
	facts := strings.Join(s.facts.Types(), " ")
	for _, want := range []string{"RolloutStarted", "RolloutStepped", "RolloutPaused", "RolloutResumed", "RolloutPromoted", "RolloutSwitchedBack", "RolloutAborted"} {
		if !strings.Contains(facts, want) {
			t.Errorf("%s is not among %s", want, facts)
		}
	}
	s.aws.On("s3", "GET /bucket/"+rollout.Key(replaced), func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Body: string(s.service.Files.(*fake.DeploymentFiles).Objects[rollout.Key(replaced)])}
	})
	s.run("rollout", "status", replaced).want(1, "switched back", "orders are lost")
}
