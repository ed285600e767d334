package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/verification"
)

func phase(w *world, p rollout.Phase) func() bool {
	return func() bool { return w.record().State.Phase == p }
}

func stepped(w *world, weight int) func() bool {
	return func() bool { return w.record().State.Weight == weight }
}

func TestFirstRollout(t *testing.T) {
	w := newWorld(t)
	w.start(canary("r0", rollout.Blue))
	w.until(phase(w, rollout.Promoted))
	w.wantWeights(100, 0)
	w.wantFacts("RolloutStarted", "RolloutStepped", "RolloutPromoted")
	if r := w.record(); r.Live.Name != rollout.Blue || r.Old != (rollout.Side{}) || w.result().Outcome != rollout.OutcomePromoted {
		t.Errorf("live %+v, old %+v, %+v", r.Live, r.Old, w.result())
	}
}

// TestFirstRolloutOverWhatServes: what had the traffic before the first rollout
// keeps it until the new side was watched, and gets it back.
func TestFirstRolloutOverWhatServes(t *testing.T) {
	w := newWorld(t)
	w.traffic.Meddle(stack, map[string]int{"legacy.example.com": 100})
	q := canary("r0", rollout.Blue)
	q.Rollout.Retire = pipeline.RetireDelete
	w.start(q)
	w.until(stepped(w, 25))
	if shares := w.traffic.Shares(stack); shares["legacy.example.com"] != 75 {
		t.Errorf("%v", shares)
	}
	w.until(func() bool { return w.record().Left != "" })
	if r := w.record(); r.Left != rollout.LeftKept || r.Live.Name != rollout.Blue || len(w.stacks.Deleted) != 0 {
		t.Errorf("%s, %+v", r.Left, r.Live)
	}
	w = newWorld(t)
	w.traffic.Meddle(stack, map[string]int{"legacy.example.com": 100})
	w.start(q)
	w.until(stepped(w, 5))
	if _, err := w.command(rollout.CommandAbort); err != nil {
		t.Fatal(err)
	}
	if shares := w.traffic.Shares(stack); shares["legacy.example.com"] != 100 {
		t.Errorf("%v", shares)
	}
}

func TestCanaryGoesThrough(t *testing.T) {
	w := newWorld(t).live()
	w.traffic.Settling = 30 * time.Second
	var steps []int
	var at []time.Time
	w.traffic.Changed = func(_ rollout.Routing, _, to int) { steps, at = append(steps, to), append(at, w.clock.Now()) }
	w.start(canary("r1", rollout.Green))
	w.until(phase(w, rollout.Promoted))
	if len(steps) != 4 || steps[0] != 0 || steps[1] != 5 || steps[2] != 25 || steps[3] != 100 {
		t.Errorf("weights %v", steps)
	}
	for i := 2; i < len(at); i++ {
		if baked := at[i].Sub(at[i-1]); baked < 5*time.Minute+30*time.Second {
			t.Errorf("%d %% was in force for %s only", steps[i-1], baked)
		}
	}
	r := w.record()
	if r.Live.Name != rollout.Green || r.Old.Name != rollout.Blue || r.ReleaseTask != "" {
		t.Errorf("%+v", r)
	}
	if got := w.result(); got.Outcome != rollout.OutcomePromoted || got.Weight != 100 || got.ID != "r1-test-api" {
		t.Errorf("result %+v", got)
	}
	w.until(phase(w, rollout.Retired))
	w.until(func() bool { return w.record().Left != "" })
	w.wantWeights(0, 100)
	w.wantFacts("RolloutStarted", "RolloutStepped", "RolloutStepped", "RolloutStepped", "RolloutPromoted", "RolloutRetired")
	if d := w.facts.Facts[2].Data.(events.RolloutStepped); d.Weight != 25 || d.Router != "route53" || len(d.Decided) == 0 || d.Decided[0].Metric != "errors" || d.Why == "" {
		t.Errorf("%+v", d)
	}
	if d := w.facts.Facts[5].Data.(events.RolloutRetired); d.State != rollout.LeftKept || d.Old != "shop-api-test-blue" {
		t.Errorf("%+v", d)
	}
	var kept rollout.Record
	if err := json.Unmarshal(w.files.Objects[rollout.Key("r1-test-api")], &kept); err != nil || kept.State.Phase != rollout.Retired || len(kept.Timeline) != 6 {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

func TestBreachGivesTheTrafficBack(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	w.metrics.Read = func(q rollout.Query) (float64, time.Time, bool) {
		if q.Metric.Queries[0].Dimensions["Side"] == rollout.Green {
			return 9, w.clock.Now(), true
		}
		return 0, w.clock.Now(), true
	}
	w.until(phase(w, rollout.Aborted))
	w.wantWeights(100, 0)
	w.wantFacts("RolloutStarted", "RolloutStepped", "RolloutStepped", "RolloutAborted")
	if d := w.facts.Facts[3].Data.(events.RolloutAborted); d.Highest != 25 || d.Weight != 0 || len(d.Decided) == 0 || !strings.Contains(d.Why, "9 is") {
		t.Errorf("%+v", d)
	}
	if got := w.result(); got.Outcome != rollout.OutcomeAborted || got.Weight != 25 || got.Why == "" {
		t.Errorf("%+v", got)
	}
	if r := w.record(); r.Live.Name != rollout.Blue {
		t.Errorf("live %+v", r.Live)
	}
}

// TestBothSidesAreUnhealthy: the traffic is not given back to what fails too.
func TestBothSidesAreUnhealthy(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	w.errors = 9
	w.until(phase(w, rollout.Paused))
	w.wantWeights(75, 25)
	if r := w.record(); r.State.Cause != rollout.CauseFailed || len(w.tasks.Answers) != 0 {
		t.Errorf("%+v, %v", r.State, w.tasks.Answers)
	}
}

func TestMetricsStopArriving(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	w.missing = true
	w.until(phase(w, rollout.Paused))
	w.wantWeights(75, 25)
	if cause := w.record().State.Cause; cause != rollout.CauseNoData {
		t.Errorf("paused because of %s", cause)
	}
	w.missing = false
	if _, err := w.command(rollout.CommandResume); err != nil {
		t.Fatal(err)
	}
	w.until(phase(w, rollout.Promoted))
	w.wantFacts("RolloutStarted", "RolloutStepped", "RolloutStepped", "RolloutPaused", "RolloutResumed", "RolloutStepped", "RolloutPromoted")
}

func TestNobodyAnswersAPause(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	if _, err := w.command(rollout.CommandPause); err != nil {
		t.Fatal(err)
	}
	paused := w.clock.Now()
	w.until(phase(w, rollout.Aborted))
	if waited := w.clock.Now().Sub(paused); waited < 24*time.Hour || waited > 25*time.Hour {
		t.Errorf("aborted after %s", waited)
	}
	w.wantWeights(100, 0)
}

func TestCommandsActAtOnce(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 5))
	r, err := w.command(rollout.CommandPromote)
	if err != nil || r.State.Phase != rollout.Promoted || r.ReleaseTask != "" || r.Live.Name != rollout.Green {
		t.Fatalf("%+v, %v", r, err)
	}
	w.wantWeights(0, 100)
	if got := w.result(); got.Outcome != rollout.OutcomePromoted {
		t.Errorf("the release was told %+v", got)
	}
	if d := w.facts.Facts[2].Data.(events.RolloutPromoted); d.By != dana || d.Why != "because" {
		t.Errorf("%+v", d)
	}
	if _, err := w.command(rollout.CommandPause); !fault.Is(err, fault.ConflictError) {
		t.Errorf("pause of a promoted one: %v", err)
	}
	if r, err = w.command(rollout.CommandAbort); err != nil || r.State.Phase != rollout.SwitchedBack || r.Live.Name != rollout.Blue {
		t.Errorf("%+v, %v", r, err)
	}
	w.wantWeights(100, 0)
	w.wantFacts("RolloutStarted", "RolloutStepped", "RolloutPromoted", "RolloutSwitchedBack")
	answers := len(w.tasks.Answers)
	if _, err := w.command(rollout.CommandAbort); err != nil || len(w.tasks.Answers) != answers || len(w.facts.Facts) != 4 {
		t.Errorf("again: %v, %v", err, w.facts.Types())
	}
}

func TestCommandsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	ask := func(q rollout.CommandRequest) error { _, err := w.Command(t.Context(), q); return err }
	q := rollout.CommandRequest{ID: "r1-test-api", Target: stack, Command: rollout.Command{Name: rollout.CommandAbort, By: dana}}
	if err := ask(q); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "there is no rollout") {
		t.Errorf("of no rollout: %v", err)
	}
	w.live()
	if err := ask(q); !fault.Is(err, fault.ConflictError) || !strings.Contains(err.Error(), "r0-test-api") {
		t.Errorf("of a newer rollout: %v", err)
	}
	q.Command.By = ""
	if err := ask(q); !fault.Is(err, fault.InvalidError) {
		t.Errorf("of nobody: %v", err)
	}
}

// TestSomebodyElseSetsWeights: we do not fight, and resume sets ours again.
func TestSomebodyElseSetsWeights(t *testing.T) {
	for name, foreign := range map[string]map[string]int{
		"another share":  {"shop-api-test-blue.example.com": 50, "shop-api-test-green.example.com": 50},
		"another target": {"elsewhere.example.com": 100},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).live()
			w.start(canary("r1", rollout.Green))
			w.until(stepped(w, 25))
			w.traffic.Meddle(stack, foreign)
			w.until(phase(w, rollout.Paused))
			r := w.record()
			if r.State.Found == "" || r.State.Cause != rollout.CauseForeign || !strings.Contains(r.State.Why, "somebody else") {
				t.Errorf("%+v", r.State)
			}
			w.clock.Advance(time.Hour)
			for endpoint, percent := range foreign {
				if got := w.traffic.Shares(stack)[endpoint]; got != percent {
					t.Errorf("%s has %d %%: we fought", endpoint, got)
				}
			}
			if r, err := w.command(rollout.CommandResume); err != nil || r.State.Found != "" || r.State.Phase != rollout.Stepping {
				t.Errorf("%+v, %v", r.State, err)
			}
			w.wantWeights(75, 25)
			w.until(phase(w, rollout.Promoted))
		})
	}
}

// TestLateWeight: a call of the router that was under way when a person
// aborted arrives after it. It is set right before the workflow ends.
func TestLateWeight(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	if _, err := w.command(rollout.CommandAbort); err != nil {
		t.Fatal(err)
	}
	w.traffic.Meddle(stack, map[string]int{"shop-api-test-blue.example.com": 0, "shop-api-test-green.example.com": 100})
	w.until(func() bool { return strings.HasPrefix(w.ticks[len(w.ticks)-1], rollout.NextEnd) })
	w.wantWeights(100, 0)
}

func TestStartFindsNothingToDo(t *testing.T) {
	w := newWorld(t).live()
	q := canary("r1", rollout.Blue)
	w.start(q)
	if got := w.result(); got.Outcome != rollout.OutcomeNothing || len(w.executions.Names) != 0 {
		t.Errorf("%+v, %v", got, w.executions.Names)
	}
	w.start(q) // again: the state was repeated
	if got := w.result(); got.Outcome != rollout.OutcomeNothing || len(w.tasks.Answers) != 2 {
		t.Errorf("%+v", got)
	}
	if r := w.record(); r.Live.Name != rollout.Blue {
		t.Errorf("live %+v", r.Live)
	}
}

func TestStartIsRefused(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	call := rollout.Call{Action: rollout.ActionStart, Request: canary("r2", rollout.Green), Token: "other"}
	if got := must[rollout.Answered](w, call); got.State != "failed" || !strings.Contains(got.Error, "r1-test-api") {
		t.Errorf("while another one is under way: %+v", got)
	}
	if last := w.tasks.Answers[len(w.tasks.Answers)-1]; last.Kind != fault.ConflictError {
		t.Errorf("%+v", last)
	}
	w = newWorld(t).live()
	call.Request = canary("r2", rollout.Blue)
	call.Request.Candidate.Endpoint = "another.example.com"
	if got := must[rollout.Answered](w, call); got.State != "failed" || w.tasks.Answers[0].Kind != fault.InvalidError {
		t.Errorf("of the live side: %+v", got)
	}
}

// TestAbandoned: a rollout whose workflow could not be started does not stand
// in the way of the next push.
func TestAbandoned(t *testing.T) {
	w := newWorld(t).live()
	w.executions.Faults = func(string) error { return fault.Transient("slow down") }
	call := rollout.Call{Action: rollout.ActionStart, Request: canary("r1", rollout.Green), Token: "first"}
	if got := must[rollout.Answered](w, call); got.State != "failed" || w.record().State.Phase != rollout.Stepping {
		t.Fatalf("%+v", got)
	}
	w.executions.Faults = nil
	w.start(canary("r2", rollout.Green))
	w.until(phase(w, rollout.Promoted))
	w.wantFacts("RolloutStarted", "RolloutAborted", "RolloutStarted", "RolloutStepped", "RolloutStepped", "RolloutStepped", "RolloutPromoted")
}

func TestSwitchBackOfAStage(t *testing.T) {
	w := newWorld(t).live()
	w.start(canary("r1", rollout.Green))
	w.until(phase(w, rollout.Promoted))
	q := canary("r1", rollout.Green)
	q.SwitchBack, q.Why = true, "the stage's checks did not pass"
	w.start(q)
	if got := w.result(); got.Outcome != rollout.OutcomeSwitchedBack || !strings.Contains(got.Why, q.Why) {
		t.Errorf("%+v", got)
	}
	w.wantWeights(100, 0)
	if r := w.record(); r.Live.Name != rollout.Blue {
		t.Errorf("live %+v", r.Live)
	}
	w.start(q)
	if got := w.result(); got.Outcome != rollout.OutcomeSwitchedBack {
		t.Errorf("again: %+v", got)
	}
	q.Run.RunID = "r9"
	w.start(q)
	if got := w.result(); got.Outcome != rollout.OutcomeNothing {
		t.Errorf("of a run that moved nothing: %+v", got)
	}
}

func TestRouterRefuses(t *testing.T) {
	w := newWorld(t).live()
	w.traffic.Refused = "the versions have different roles"
	w.start(canary("r1", rollout.Green))
	w.until(phase(w, rollout.Aborted))
	if got := w.result(); got.Outcome != rollout.OutcomeAborted || !strings.Contains(got.Why, "different roles") {
		t.Errorf("%+v", got)
	}
}

// TestHTTPAndAlarms: checks of the package verification are measurements, of
// the side at hand.
func TestHTTPAndAlarms(t *testing.T) {
	q := canary("r1", rollout.Green)
	q.Outputs, q.LiveOutputs = map[string]string{"Url": "https://green.example.com"}, map[string]string{"Url": "https://blue.example.com"}
	metric := func(m pipeline.Metric) pipeline.Metric {
		m.Interval, m.NoData = pipeline.Duration(time.Minute), pipeline.NoDataPause
		return m
	}
	q.Rollout.Analysis.Metrics = []pipeline.Metric{
		metric(pipeline.Metric{Name: "health", HTTP: &pipeline.HTTPCheck{Method: "GET", URL: "${output.Url}/health", Status: []pipeline.StatusRange{{From: 200, To: 299}}}}),
		metric(pipeline.Metric{Name: "alarms", Alarm: &pipeline.AlarmCheck{Names: []string{"api-${side}"}, InsufficientData: pipeline.NoDataWait}}),
	}
	healthy := func() *world {
		w := newWorld(t).live()
		w.sites.Pages["https://green.example.com/health"] = verification.Response{Status: 200}
		w.sites.Pages["https://blue.example.com/health"] = verification.Response{Status: 200}
		w.alarms.State["api-green"], w.alarms.State["api-blue"] = verification.AlarmOK, verification.AlarmOK
		w.start(q)
		w.until(stepped(w, 25))
		return w
	}
	w := healthy()
	w.sites.Pages["https://green.example.com/health"] = verification.Response{Status: 500}
	w.until(phase(w, rollout.Aborted))
	if why := w.record().State.Why; !strings.Contains(why, "500") {
		t.Errorf("aborted because %s", why)
	}
	w = healthy()
	w.alarms.State["api-green"] = verification.AlarmNoData
	w.until(phase(w, rollout.Paused))
	if r := w.record(); r.State.Cause != rollout.CauseNoData {
		t.Errorf("%+v", r.State)
	}
	w = healthy()
	w.alarms.State["api-green"] = verification.AlarmALARM
	w.until(phase(w, rollout.Aborted))
}

func TestUnknownOutput(t *testing.T) {
	w := newWorld(t).live()
	q := canary("r1", rollout.Green)
	q.Rollout.Analysis.Metrics[0].CloudWatch.Queries[0].Dimensions["Side"] = "${output.Nothing}"
	w.start(q)
	w.until(phase(w, rollout.Paused))
	if why := w.record().State.Why; !strings.Contains(why, "Nothing") {
		t.Errorf("paused because %s", why)
	}
}

// TestReasonsAreRedacted: what a metric or a router says goes into facts.
func TestReasonsAreRedacted(t *testing.T) {
	w := newWorld(t).live()
	w.traffic.Refused = "password=hunter2 " + strings.Repeat("x", 2000)
	w.start(canary("r1", rollout.Green))
	w.until(phase(w, rollout.Aborted))
	data, err := json.Marshal(w.facts.Facts)
	if err != nil || strings.Contains(string(data), "hunter2") || strings.Contains(string(data), strings.Repeat("x", 400)) {
		t.Errorf("%s, %v", data, err)
	}
	if got := w.result().Why; strings.Contains(got, "hunter2") || len(got) > 1000 {
		t.Errorf("told %q", got)
	}
}

func TestExecutionsAreFollowed(t *testing.T) {
	w := newWorld(t).live()
	ref := w.start(canary("r1", rollout.Green))
	w.until(stepped(w, 25))
	ended := func(name, status string) rollout.Answered {
		input, err := json.Marshal(ref)
		if err != nil {
			t.Fatal(err)
		}
		return must[rollout.Answered](w, events.Envelope[events.ExecutionStatusDetail]{
			DetailType: events.ExecutionStatusChange,
			Detail:     events.ExecutionStatusDetail{Name: name, Status: status, Input: string(input), Error: "Failed", Cause: "token=hunter2"},
		})
	}
	for _, name := range []string{"r1-test-api", "r1-test-api-2", "r1-test-api-3", "r1-test-api-4"} {
		if got := ended(name, "FAILED"); got.State != "restarted" {
			t.Errorf("%s: %+v", name, got)
		}
		if got := ended(name, "FAILED"); got.State != "ignored" {
			t.Errorf("%s again: %+v", name, got)
		}
	}
	if got := w.executions.Names; len(got) != 5 || got[4] != "r1-test-api-5" {
		t.Fatalf("started %v", got)
	}
	if got := ended("r1-test-api-5", "SUCCEEDED"); got.State != "ignored" {
		t.Errorf("%+v", got)
	}
	if got := ended("r1-test-api-5", "TIMED_OUT"); got.State != "failed" {
		t.Errorf("%+v", got)
	}
	r := w.record()
	if r.State.Phase != rollout.Paused || r.State.Cause != rollout.CauseStopped || r.Execution != "" {
		t.Errorf("%+v", r.State)
	}
	if last := w.tasks.Answers[len(w.tasks.Answers)-1]; last.Kind != fault.PermanentError || !strings.Contains(last.Cause, "25 %") || strings.Contains(last.Cause, "hunter2") {
		t.Errorf("the release was told %+v", last)
	}
	if r, err := w.command(rollout.CommandResume); err != nil || r.Execution == "" || r.State.Phase != rollout.Stepping {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestUnknownMessages(t *testing.T) {
	w := newWorld(t)
	if got := must[rollout.Answered](w, map[string]string{"detail-type": "Another Thing"}); got.State != "ignored" {
		t.Errorf("%+v", got)
	}
	if _, err := w.handle(map[string]string{"action": "dance"}); !fault.Is(err, fault.PermanentError) {
		t.Errorf("%v", err)
	}
	if _, err := w.Handle(t.Context(), json.RawMessage(`[`)); !fault.Is(err, fault.InvalidError) {
		t.Errorf("%v", err)
	}
	if got := must[rollout.Tick](w, rollout.Call{Action: rollout.ActionAdvance, Rollout: rollout.Ref{ID: "r7", Target: stack}}); got.Next != rollout.NextEnd {
		t.Errorf("a rollout that is not there: %+v", got)
	}
}

func TestDescribe(t *testing.T) {
	for payload, want := range map[string][2]string{
		`{"action":"advance","rollout":{"id":"x"}}`: {"advance", "x"},
		`{"action":"command","id":"x"}`:             {"command", "x"},
		`{"action":"start","request":{"run":{"runId":"r1"},"target":{"stage":"test","stack":"api"}}}`: {"start", "r1-test-api"},
		`{"detail-type":"Something"}`: {"Something", ""},
		`[`:                           {"", ""},
	} {
		if action, id := rollout.Describe([]byte(payload)); action != want[0] || id != want[1] {
			t.Errorf("%s: %s, %s", payload, action, id)
		}
	}
}

// old is a promoted rollout whose old side is to be deleted.
func old(t *testing.T) *world {
	w := newWorld(t).live()
	blue := fake.RolloutSide(stack, rollout.Blue, "")
	w.stacks.Known[blue.StackName] = &rollout.Stack{ID: blue.StackID, Status: "CREATE_COMPLETE", Repository: "acme/shop"}
	w.stacks.Templates[blue.StackName] = "Resources: {Handle: {Type: AWS::CloudFormation::WaitConditionHandle}}"
	q := canary("r1", rollout.Green)
	q.Rollout.Retire = pipeline.RetireDelete
	w.start(q)
	w.until(phase(w, rollout.Promoted))
	return w
}

func TestRetireDeletes(t *testing.T) {
	w := old(t)
	w.registry.Listed = map[string]events.StackRef{"222222222222/us-east-1/shop-api-test-blue": {}, "222222222222/us-east-1/shop-api-test-green": {}}
	promoted := w.clock.Now()
	w.until(func() bool { return w.record().Left != "" })
	r := w.record()
	if r.Left != rollout.LeftDeleted || len(w.stacks.Deleted) != 1 || w.locks.Held() != 0 || w.clock.Now().Sub(promoted) < time.Hour {
		t.Errorf("%s, %v, %d locks, after %s", r.Left, w.stacks.Deleted, w.locks.Held(), w.clock.Now().Sub(promoted))
	}
	if len(w.registry.Listed) != 1 {
		t.Errorf("listed %v", w.registry.Listed)
	}
	if shares := w.traffic.Shares(stack); len(shares) != 1 {
		t.Errorf("the old side is still known to the router: %v", shares)
	}
}

func TestRetireDoesNotDelete(t *testing.T) {
	name := fake.RolloutSide(stack, rollout.Blue, "").StackName
	for want, spoil := range map[string]func(w *world){
		"would be lost":          func(w *world) { w.stacks.Templates[name] = "Resources: {Table: {Type: AWS::DynamoDB::Table}}" },
		"a stack of its own":     func(w *world) { w.stacks.Templates[name] = "Resources: {More: {Type: AWS::CloudFormation::Stack}}" },
		"cannot be read":         func(w *world) { w.stacks.Templates[name] = "[" },
		"was not deployed for":   func(w *world) { w.stacks.Known[name].Repository = "acme/other" },
		"termination protection": func(w *world) { w.stacks.Known[name].Protected = true },
		"could not be deleted":   func(w *world) { w.stacks.Fails = "an export is in use" },
		"gets 30 %": func(w *world) {
			w.traffic.Meddle(stack, map[string]int{name + ".example.com": 30, "shop-api-test-green.example.com": 70})
		},
		"is locked by r2": func(w *world) {
			if _, err := w.locks.Acquire(w.Context(), stack, "r2", "", w.clock.Now().Add(100*time.Hour)); err != nil {
				w.Fatal(err)
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			w := old(t)
			w.clock.Advance(30 * time.Minute)
			spoil(w)
			w.until(func() bool { return w.record().Left != "" })
			r := w.record()
			if why := r.Timeline[len(r.Timeline)-1].Why; r.Left != rollout.LeftNotDeleted || !strings.Contains(why, want) {
				t.Errorf("%s: %s", r.Left, why)
			}
		})
	}
	w := old(t)
	w.stacks.Templates[name] = "Resources: {Table: {Type: AWS::DynamoDB::Table, DeletionPolicy: Retain}}"
	w.until(func() bool { return w.record().Left == rollout.LeftDeleted })
}
