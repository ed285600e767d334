package deployment_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// rolling is a shop whose stack api has two sides, and whose stack site reads an
// output of the live one.
const rolling = `version: 1
name: shop
stacks:
  network: {template: network.yaml, parameters: {Cidr: 10.0.0.0/16}}
  api:
    template: api.yaml
    dependsOn: [network]
    parameters: {Name: "api-${side}", VpcId: {output: network.VpcId}}
    verify: [alarm: {names: ["errors-${side}-${output.Host}"]}]
    rollout:
      strategy: canary
      steps: [10, 100]
      bake: 2m
      router: {route53: {zone: "${output.network.VpcId}", name: api.example.com, type: CNAME, value: "${output.Host}"}}
      analysis: [{name: up, http: {url: "https://${output.Host}/${side}?zone=${output.network.VpcId}"}}]
      pauseTimeout: 1h
      sideParameter: Side
  site: {template: site.yaml, dependsOn: [api], parameters: {Host: {output: api.Host}}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`

const api = `
Parameters: {Name: {Type: String}, VpcId: {Type: String}, Side: {Type: String}}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {VisibilityTimeout: 30, Name: {Ref: Name}, Vpc: {Ref: VpcId}, Side: {Ref: Side}}}
Outputs:
  Host: {Value: {Ref: Queue}}
`

const rollingSite = `
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {Host: {Ref: Host}}}
`

var (
	apiInTest = events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-api-test"}
	blueAPI   = events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-api-test-blue"}
	greenAPI  = events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-api-test-green"}
)

// world in which nothing runs yet, and the checks of both sides will pass.
func rollingWorld(t *testing.T) *world {
	w := newWorld(t)
	w.source(map[string]string{"network.yaml": network, "api.yaml": api, "site.yaml": rollingSite})
	for _, side := range []string{"blue", "green"} {
		w.checks.alarms.State["errors-"+side+"-shop-api-test-"+side+"-queue"] = verification.AlarmOK
	}
	return w
}

// rolled returns a world in which the rolling shop runs, blue is live, and
// nobody remembers another side.
func rolled(t *testing.T, text string) *world {
	w := rollingWorld(t)
	if r := w.run(push("aaaa", 0), stagesOf(t, text)); r.Outcome != events.OutcomeSucceeded {
		t.Fatalf("first run: %s: %s", r.Outcome, r.Reason)
	}
	w.clock.Advance(time.Hour)
	w.visited, w.facts.Facts, w.heard, w.tasks.Answers, w.tokens, w.asked = nil, nil, nil, nil, 100, nil
	return w
}

func (w *world) newAPI() {
	w.source(map[string]string{"api.yaml": strings.Replace(api, "30", "60", 1)})
}

func (w *world) template(target events.Target) string {
	w.t.Helper()
	text, err := w.cloud.Templates().Original(w.t.Context(), target, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func TestFirstSide(t *testing.T) {
	w := rollingWorld(t)
	w.shift = func(w *world, q rollout.Request) (*rollout.Result, *deployment.Caught) {
		if owner, until := w.locks.Holder(apiInTest); owner == "" || until.Sub(w.clock.Now()) < time.Hour {
			t.Errorf("the stack is locked by %q until %s while its traffic is moved", owner, until)
		}
		return promoted(w, q)
	}
	r := w.run(push("aaaa", 0), stagesOf(t, rolling))
	if r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/network, test/api, test/site." {
		t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
	}
	blue, err := w.cloud.Stacks().Describe(t.Context(), blueAPI)
	if err != nil || blue.Parameters["Name"] != "api-blue" || blue.Parameters["Side"] != "blue" || blue.Tags["evenkeel:side"] != "blue" || blue.Tags["evenkeel:repository"] != "acme/shop" {
		t.Errorf("blue is %+v, %v", blue, err)
	}
	if w.cloud.Status(apiInTest) != "" || w.cloud.Status(greenAPI) != "" {
		t.Error("there are stacks besides blue")
	}
	if ref := w.listed.Listed["222222222222/us-east-1/shop-api-test-blue"]; ref.StackID != blue.ID {
		t.Errorf("drift detection watches %+v", ref)
	}
	if len(w.asked) != 1 {
		t.Fatalf("asked for %d rollouts", len(w.asked))
	}
	q := w.asked[0]
	if q.Target.StackName != "shop-api-test" || q.Target.Stack != "api" || q.Run.RunID != r.RunID {
		t.Errorf("of %+v", q.Target)
	}
	if want := (rollout.Side{Name: "blue", StackName: "shop-api-test-blue", StackID: blue.ID, Commit: r.Commit, Digest: q.Candidate.Digest, Endpoint: "shop-api-test-blue-queue"}); q.Candidate != want || len(want.Digest) != 64 {
		t.Errorf("candidate %+v", q.Candidate)
	}
	if got := q.Rollout.Router.Route53; got.Zone != "shop-network-test-vpc" || got.Value != "${output.Host}" {
		t.Errorf("router %+v", got)
	}
	if got := q.Rollout.Analysis.Metrics[0].HTTP.URL; got != "https://${output.Host}/${side}?zone=shop-network-test-vpc" {
		t.Errorf("metric %s", got)
	}
	if !reflect.DeepEqual(q.Outputs, map[string]string{"Host": "shop-api-test-blue-queue"}) || len(q.LiveOutputs) != 0 {
		t.Errorf("outputs %v, of the live side %v", q.Outputs, q.LiveOutputs)
	}
	if n := w.locks.Held(); n != 0 {
		t.Errorf("%d stacks are still locked", n)
	}
	site, _ := w.cloud.Stacks().Describe(t.Context(), events.Target{Account: "222222222222", Region: "us-east-1", StackName: "shop-site-test"})
	if site.Parameters["Host"] != "shop-api-test-blue-queue" {
		t.Errorf("the stack that depends on it has %v", site.Parameters)
	}
}

func TestSidesTakeTurns(t *testing.T) {
	w := rolled(t, rolling)
	w.newAPI()
	r := w.run(push("bbbb", 10), stagesOf(t, rolling))
	if r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/api, test/site." {
		t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
	}
	if !strings.Contains(w.template(greenAPI), "60") || !strings.Contains(w.template(blueAPI), "30") {
		t.Error("not green was changed, or blue as well")
	}
	if q := w.asked[0]; q.Candidate.Name != "green" || q.LiveOutputs["Host"] != "shop-api-test-blue-queue" || q.Outputs["Host"] != "shop-api-test-green-queue" {
		t.Errorf("asked for %+v", q)
	}
	w.clock.Advance(time.Hour)
	w.facts.Facts = nil
	w.source(map[string]string{"api.yaml": strings.Replace(api, "30", "90", 1)})
	if r = w.run(push("cccc", 20), stagesOf(t, rolling)); r.Outcome != events.OutcomeSucceeded || !strings.Contains(w.template(blueAPI), "90") || !strings.Contains(w.template(greenAPI), "60") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	// Blue could have taken the traffic back until it was deployed to.
	retired, ok := last[events.RolloutRetired](w)
	if !ok || retired.Old != "shop-api-test-blue" || retired.State != "kept" || !strings.Contains(retired.Why, "deploys to it") || !strings.Contains(w.types(), "RolloutRetired StackPlanned StackDeployed StackVerified") {
		t.Errorf("%+v in %s", retired, w.types())
	}
}

func TestTheLiveSideHasItAlready(t *testing.T) {
	w := rolled(t, rolling)
	executed := len(w.cloud.Executed)
	r := w.run(push("bbbb", 10), stagesOf(t, rolling))
	if r.Outcome != events.OutcomeSucceeded || r.Reason != "Nothing changed: 3 stacks already at this commit." || len(w.cloud.Executed) != executed || len(w.asked) != 0 || w.cloud.Status(greenAPI) != "" {
		t.Errorf("ended %s: %s; executed %v, asked %v", r.Outcome, r.Reason, w.cloud.Executed[executed:], w.asked)
	}
	if verified, ok := last[events.StackVerified](w); !ok || verified.StackName != "shop-api-test-blue" {
		t.Errorf("checked %+v", verified)
	}
	// A live side that does not work any more is not passed over.
	w.checks.alarms.State["errors-blue-shop-api-test-blue-queue"] = verification.AlarmALARM
	if r = w.run(push("cccc", 20), stagesOf(t, rolling)); r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "is deployed, but its verification failed") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
	// Tags and parameters count as much as the template.
	w.checks.alarms.State["errors-blue-shop-api-test-blue-queue"] = verification.AlarmOK
	tagged := strings.Replace(rolling, "template: api.yaml", "template: api.yaml\n    tags: {team: web}", 1)
	if r = w.run(push("dddd", 30), stagesOf(t, tagged)); r.Outcome != events.OutcomeSucceeded || len(w.asked) != 1 {
		t.Errorf("ended %s: %s, asked %v", r.Outcome, r.Reason, w.asked)
	}
}

func TestDigestOfASide(t *testing.T) {
	stack := pipeline.Stack{Name: "api", Capabilities: []string{"B", "A"}}
	digest := func(template string, parameters map[string]string) string {
		d, err := deployment.Digest([]byte(template), parameters, stack)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := digest("a: 1", map[string]string{"X": "1"})
	if first == "" || first != digest("a: 1", map[string]string{"X": "1"}) || first == digest("a: 1", map[string]string{"X": "2"}) || first == digest("a: 2", map[string]string{"X": "1"}) {
		t.Error("the digest is not that of what is deployed")
	}
	stack.Capabilities = []string{"A", "B"}
	if digest("a: 1", map[string]string{"X": "1"}) != first {
		t.Error("the order of capabilities counts")
	}
	for _, text := range []string{"x: '{{resolve:ssm:/a}}'", "Type: AWS::SSM::Parameter::Value<String>", "x: {Fn::ImportValue: y}", "x: !ImportValue y", "Type: AWS::CloudFormation::Stack"} {
		if digest(text, nil) != "" {
			t.Errorf("%s: CloudFormation reads what may have changed", text)
		}
	}
	if digest("a: 1", map[string]string{"X": "{{resolve:secretsmanager:x}}"}) != "" {
		t.Error("a parameter that is a secret may have changed")
	}
}

// TestEndsOfRollouts: how the run ends by what the rollout answers.
func TestEndsOfRollouts(t *testing.T) {
	aborted := func(w *world, q rollout.Request) (*rollout.Result, *deployment.Caught) {
		before, _, _ := w.records.Read(w.t.Context(), q.Target)
		w.settled(q, rollout.Aborted, before.Live, rollout.Side{})
		return &rollout.Result{Outcome: rollout.OutcomeAborted, Why: "errors is 7, which is >= 5.", Weight: 25}, nil
	}
	failing := func(name string) func(*world, rollout.Request) (*rollout.Result, *deployment.Caught) {
		return func(*world, rollout.Request) (*rollout.Result, *deployment.Caught) {
			return nil, &deployment.Caught{Name: name, Cause: "slow"}
		}
	}
	tests := []struct {
		name    string
		shift   func(*world, rollout.Request) (*rollout.Result, *deployment.Caught)
		outcome string
		reason  string
		changed string
	}{
		{"aborted", aborted, events.OutcomeRolledBack, "The new side of api in test is out of use again, and the side that was live before works on and has all traffic, if there is one: the rollout was aborted at 25 % of the traffic: errors is 7, which is >= 5.", ""},
		{"switched back by a person", func(*world, rollout.Request) (*rollout.Result, *deployment.Caught) {
			return &rollout.Result{Outcome: rollout.OutcomeSwitchedBack, Why: "ann wanted it"}, nil
		}, events.OutcomeRolledBack, "the rollout was switched back after it was promoted: ann wanted it", ""},
		{"nothing to do", func(*world, rollout.Request) (*rollout.Result, *deployment.Caught) {
			return &rollout.Result{Outcome: rollout.OutcomeNothing}, nil
		}, events.OutcomeSucceeded, "Deployed test/api.", "test/api"},
		{"timed out", failing("States.Timeout"), events.OutcomeStuck, "The rollout of api in test did not end in time; it may still go on. Next: evenkeel rollout status 222222222222/us-east-1/shop-api-test", "test/api"},
		{"failed", failing("TransientError"), events.OutcomeStuck, "The rollout of api in test cannot be followed: TransientError: slow; it may still go on. Next: evenkeel rollout status 222222222222/us-east-1/shop-api-test", "test/api"},
		{"refused", failing("InvalidError"), events.OutcomeStuck, "The rollout of api in test cannot be followed: InvalidError: slow", "test/api"},
		{"unknown", func(*world, rollout.Request) (*rollout.Result, *deployment.Caught) {
			return &rollout.Result{Outcome: "later"}, nil
		}, events.OutcomeStuck, "the rollout ended as later, which is not known", "test/api"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := rolled(t, rolling)
			w.newAPI()
			w.shift = tt.shift
			stages := stagesOf(t, rolling)
			stages[0].Stacks = stages[0].Stacks[:2]
			r := w.run(push("bbbb", 10), stages)
			if r.Outcome != tt.outcome || !strings.Contains(r.Reason, tt.reason) || strings.Join(r.Changed(), " ") != tt.changed {
				t.Errorf("ended %s: %s, changed %v\nwant %s: …%s…, changed %s", r.Outcome, r.Reason, r.Changed(), tt.outcome, tt.reason, tt.changed)
			}
			if r.Outcome != events.OutcomeSucceeded && (r.Failure == nil || r.Failure.Stack != "api") {
				t.Errorf("failure %+v", r.Failure)
			}
			if !strings.Contains(w.template(blueAPI), "30") || w.locks.Held() != 0 {
				t.Error("the live side was touched, or a lock is held")
			}
		})
	}
	t.Run("pushed again", func(t *testing.T) {
		w := rolled(t, rolling)
		w.newAPI()
		w.shift = aborted
		w.run(push("bbbb", 10), stagesOf(t, rolling))
		w.clock.Advance(time.Hour)
		executed := len(w.cloud.Executed)
		w.shift = nil
		r := w.run(push("cccc", 20), stagesOf(t, rolling))
		if r.Outcome != events.OutcomeSucceeded || r.Reason != "Deployed test/api, test/site." || len(w.cloud.Executed) != executed+1 || len(w.asked) != 2 {
			t.Errorf("ended %s: %s; executed %v", r.Outcome, r.Reason, w.cloud.Executed[executed:])
		}
	})
}

// TestAFailedCheckLeavesTheLiveSide: nothing is brought back, because nothing
// that is in use was touched.
func TestAFailedCheckLeavesTheLiveSide(t *testing.T) {
	w := rolled(t, rolling)
	w.newAPI()
	w.checks.alarms.State["errors-green-shop-api-test-green-queue"] = verification.AlarmALARM
	executed := len(w.cloud.Executed)
	r := w.run(push("bbbb", 10), stagesOf(t, rolling))
	if r.Outcome != events.OutcomeRolledBack || len(w.asked) != 0 || len(w.cloud.Executed) != executed+1 || len(r.Changed()) != 0 ||
		!strings.Contains(r.Reason, "The new side of api in test is deployed and gets no traffic, because its verification failed") || !strings.Contains(r.Reason, "is in ALARM") {
		t.Errorf("ended %s: %s, changed %v", r.Outcome, r.Reason, r.Changed())
	}
	if failed, _ := last[events.VerificationFailed](w); failed.StackName != "shop-api-test-green" || failed.Reaction != pipeline.OnFailureStop {
		t.Errorf("%+v", failed)
	}
	// The template that names the output that the router needs is a macro's.
	w = rolled(t, strings.Replace(rolling, "    verify: [alarm: {names: [\"errors-${side}-${output.Host}\"]}]\n", "", 1))
	w.source(map[string]string{"api.yaml": "Transform: [Macro]\n" + strings.Replace(api, "Host:", "Name:", 1)})
	r = w.run(push("bbbb", 10), stagesOf(t, strings.Replace(rolling, "    verify: [alarm: {names: [\"errors-${side}-${output.Host}\"]}]\n", "", 1)))
	if r.Outcome != events.OutcomeRolledBack || !strings.Contains(r.Reason, "the rollout of api reads its output Host, which shop-api-test-green does not have") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

// TestSidesAreLeftAlone: what may have traffic is not changed.
func TestSidesAreLeftAlone(t *testing.T) {
	phase := func(phase rollout.Phase) func(*world) {
		return func(w *world) {
			record, _, _ := w.records.Read(w.t.Context(), apiInTest)
			w.settled(record.Request, phase, record.Live, rollout.Side{})
		}
	}
	edit := func(old, replacement string) string { return strings.Replace(rolling, old, replacement, 1) }
	direct := edit("strategy: canary\n      steps: [10, 100]\n      bake: 2m\n", "strategy: direct\n")
	direct = direct[:strings.Index(direct, "      router:")] + direct[strings.Index(direct, "  site:"):]
	tests := []struct {
		name    string
		text    string
		prepare func(*world)
		outcome string
		reason  string
	}{
		{"while it is stepping", rolling, phase(rollout.Stepping), events.OutcomeDeferred, "the traffic of shop-api-test is being moved by the rollout"},
		{"while it is paused", rolling, phase(rollout.Paused), events.OutcomeDeferred, "Next: evenkeel rollout status 222222222222/us-east-1/shop-api-test"},
		{"while it goes back", rolling, phase(rollout.Aborting), events.OutcomeDeferred, "is being moved"},
		{"direct once it had sides", direct, nil, events.OutcomeRejected, "the stack api has no rollout any more, but shop-api-test-blue has its traffic"},
		{"another name", edit("api.example.com", "www.example.com"), nil, events.OutcomeRejected, "the router of the rollout of api is another one than that of its last rollout (route53 api.example.com CNAME)"},
		{"another router", edit(`route53: {zone: "${output.network.VpcId}", name: api.example.com, type: CNAME, value: "${output.Host}"}`, `alb: {listener: "${output.network.VpcId}", targetGroup: "${output.Host}"}`), nil, events.OutcomeRejected, "is another one"},
		{"somebody else's", rolling, func(w *world) {
			w.cloud.Retag(blueAPI, map[string]string{"evenkeel:repository": "acme/other"})
			record, _, _ := w.records.Read(w.t.Context(), apiInTest)
			live := record.Live
			live.Name, live.Digest = "green", ""
			w.settled(record.Request, rollout.Retired, live, rollout.Side{})
			w.clock.Advance(time.Hour)
		}, events.OutcomeRejected, "the stack shop-api-test-blue in 222222222222 belongs to the repository acme/other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := rolled(t, rolling)
			w.newAPI()
			if tt.prepare != nil {
				tt.prepare(w)
			}
			executed := len(w.cloud.Executed)
			r := w.run(push("bbbb", 10), stagesOf(t, tt.text))
			if r.Outcome != tt.outcome || !strings.Contains(r.Reason, tt.reason) || len(w.cloud.Executed) != executed || len(w.asked) != 0 {
				t.Errorf("ended %s: %s\nwant %s: …%s…", r.Outcome, r.Reason, tt.outcome, tt.reason)
			}
		})
	}
}

// TestAStackThatWasPlain: its traffic would be left behind.
func TestAStackThatWasPlain(t *testing.T) {
	w := rollingWorld(t)
	text := rolling[:strings.Index(rolling, "    verify:")] + rolling[strings.Index(rolling, "  site:"):]
	w.source(map[string]string{"api.yaml": strings.Replace(api, ", Side: {Ref: Side}", "", 1)})
	if r := w.run(push("aaaa", 0), stagesOf(t, text)); r.Outcome != events.OutcomeSucceeded {
		t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
	}
	w.source(map[string]string{"api.yaml": api})
	r := w.run(push("bbbb", 10), stagesOf(t, rolling))
	if r.Outcome != events.OutcomeRejected || !strings.Contains(r.Reason, "which deploys it as shop-api-test-blue and shop-api-test-green, and there is a stack of its own name already") || w.cloud.Status(blueAPI) != "" {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

// TestTheLiveSideFlipsUnderAPlan: what a person gave the traffic back to is not
// executed on.
func TestTheLiveSideFlipsUnderAPlan(t *testing.T) {
	w := rolled(t, rolling)
	w.newAPI()
	stages := stagesOf(t, strings.Replace(rolling, "approval: never", "approval: always", 1))
	w.decide = func(w *world, r deployment.Release) {
		decide(true, "")(w, r)
		if r.Step.Stack != "api" {
			return
		}
		record, _, _ := w.records.Read(w.t.Context(), apiInTest)
		record.Live.Name, record.Live.StackName = "green", greenAPI.StackName
		w.settled(record.Request, rollout.SwitchedBack, record.Live, rollout.Side{})
	}
	executed := len(w.cloud.Executed)
	r := w.run(push("bbbb", 10), stages)
	if r.Outcome != events.OutcomeDeferred || !strings.Contains(r.Reason, "the side green of shop-api-test has got the traffic meanwhile") || len(w.cloud.Executed) != executed {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

// TestASideIsLeftUntilNobodyRemembersIt: resolvers send traffic to a side for as
// long as they remember its record.
func TestASideIsLeftUntilNobodyRemembersIt(t *testing.T) {
	w := rolled(t, rolling)
	w.newAPI()
	record, _, _ := w.records.Read(t.Context(), apiInTest)
	w.settled(record.Request, rollout.Promoted, record.Live, rollout.Side{Name: "green", StackName: greenAPI.StackName})
	aborted := w.clock.Now()
	r := w.run(push("bbbb", 10), stagesOf(t, rolling))
	if r.Outcome != events.OutcomeSucceeded {
		t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
	}
	for _, fact := range w.facts.Facts {
		if planned, ok := fact.Data.(events.StackPlanned); ok && planned.StackName == greenAPI.StackName && fact.Metadata.Time.Sub(aborted) < time.Minute {
			t.Errorf("green was planned %s after the shift; its record is remembered for a minute", fact.Metadata.Time.Sub(aborted))
		}
	}
	if n := strings.Count(strings.Join(w.visited, " "), deployment.ActionReadPlan); n < 5 {
		t.Errorf("%d looks at plans", n)
	}
}

// TestAFailedStageGivesTheTrafficBack: in place of a change set.
func TestAFailedStageGivesTheTrafficBack(t *testing.T) {
	checked := strings.Replace(rolling, "approval: never", "approval: never, verify: [alarm: {names: [all]}]", 1)
	start := func(t *testing.T) *world {
		w := rollingWorld(t)
		w.checks.alarms.State["all"] = verification.AlarmOK
		if r := w.run(push("aaaa", 0), stagesOf(t, checked)); r.Outcome != events.OutcomeSucceeded {
			t.Fatalf("first run: %s: %s", r.Outcome, r.Reason)
		}
		w.clock.Advance(time.Hour)
		w.asked, w.visited, w.facts.Facts = nil, nil, nil
		w.newAPI()
		w.checks.alarms.State["all"] = verification.AlarmALARM
		return w
	}
	w := start(t)
	r := w.run(push("bbbb", 10), stagesOf(t, checked))
	if r.Outcome != events.OutcomeRolledBack || len(w.asked) != 2 || !w.asked[1].SwitchBack || !strings.Contains(w.asked[1].Why, "the verification of the stage test failed: 1 check did not pass") {
		t.Fatalf("ended %s: %s; asked %+v", r.Outcome, r.Reason, w.asked)
	}
	if record, _, _ := w.records.Read(t.Context(), apiInTest); record.Live.Name != "blue" || len(r.Changed()) != 0 {
		t.Errorf("live is %s, changed %v", record.Live.Name, r.Changed())
	}
	if w.asked[1].Target.StackName != "shop-api-test" || w.locks.Held() != 0 {
		t.Errorf("asked for %+v", w.asked[1].Target)
	}

	w = start(t)
	w.shift = func(w *world, q rollout.Request) (*rollout.Result, *deployment.Caught) {
		if q.SwitchBack {
			return &rollout.Result{Outcome: rollout.OutcomeNothing, Why: "the time is over"}, nil
		}
		return promoted(w, q)
	}
	if r = w.run(push("bbbb", 10), stagesOf(t, checked)); r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "api could not be brought back: The traffic of api in test was not given back: the time is over. Next: evenkeel rollout status") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}

	// What was rolled out for the first time has nothing to return to.
	w = rollingWorld(t)
	w.checks.alarms.State["all"] = verification.AlarmALARM
	if r = w.run(push("aaaa", 0), stagesOf(t, checked)); r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "first deployment of") || len(w.asked) != 1 {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

// TestTemplatesThatCannotBeThereTwice are refused before anything is made.
func TestTemplatesThatCannotBeThereTwice(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"data", "Outputs:", "  Orders: {Type: \"AWS::DynamoDB::Table\", Properties: {}}\nOutputs:",
			"api.yaml:5:3: Orders (AWS::DynamoDB::Table) holds a table's items: each side of the stack api would have some of its own. Put it into a stack that api depends on"},
		{"a name", "Outputs:", "  Jobs: {Type: \"AWS::SQS::Queue\", Properties: {QueueName: jobs}}\nOutputs:", "api.yaml:5:"},
		{"an export", "{Value: {Ref: Queue}}", "{Value: {Ref: Queue}, Export: {Name: host}}", "api.yaml:6:"},
		{"no output", "Host:", "Name:", "the rollout of the stack api reads the output Host, which the template does not have"},
		{"no side parameter", ", Side: {Type: String}", "", "the sideParameter Side of the rollout of the stack api is no parameter of the template"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := rollingWorld(t)
			w.source(map[string]string{"api.yaml": strings.Replace(api, tt.old, tt.new, 1)})
			r := w.run(push("aaaa", 0), stagesOf(t, rolling))
			if r.Outcome != events.OutcomeRejected || w.cloud.Status(blueAPI) != "" || !strings.Contains(r.Reason, tt.want) {
				t.Errorf("ended %s: %s", r.Outcome, r.Reason)
			}
		})
	}
	// What differs by side is no collision.
	w := rollingWorld(t)
	w.source(map[string]string{"api.yaml": strings.Replace(api, "Outputs:", "  Jobs: {Type: \"AWS::SQS::Queue\", Properties: {QueueName: {Ref: Name}}}\nOutputs:", 1)})
	if r := w.run(push("aaaa", 0), stagesOf(t, rolling)); r.Outcome != events.OutcomeSucceeded {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

const aliased = `version: 1
name: shop
stacks:
  worker:
    template: worker.yaml
    verify: [alarm: {names: [errors]}]
    rollout:
      strategy: canary
      router: {lambdaAlias: {function: worker, alias: live, version: "${output.Version}"}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`

// TestVersionsOfAnAlias: one stack, whose versions are the sides.
func TestVersionsOfAnAlias(t *testing.T) {
	worker := func(version, queue int) string {
		return fmt.Sprintf("Resources:\n  Queue: {Type: \"AWS::SQS::Queue\", Properties: {VisibilityTimeout: %d}}\nOutputs:\n  Version: {Value: \"arn:aws:lambda:us-east-1:222222222222:function:worker:%d\"}\n", queue, version)
	}
	w := newWorld(t)
	w.checks.alarms.State["errors"] = verification.AlarmOK
	want := []struct {
		version, queue int
		asked          string
	}{{1, 30, "blue 1"}, {2, 30, "green 2"}, {3, 60, "blue 3"}, {3, 60, ""}, {3, 90, "green 3"}}
	for i, step := range want {
		w.asked = nil
		w.source(map[string]string{"worker.yaml": worker(step.version, step.queue)})
		r := w.run(push(strings.Repeat(string(rune('a'+i)), 4), i*10), stagesOf(t, aliased))
		got := ""
		for _, q := range w.asked {
			got = q.Candidate.Name + " " + q.Candidate.Endpoint
			if q.Candidate.StackName != "shop-worker-test" || q.Target.StackName != "shop-worker-test" || len(q.LiveOutputs) != 0 {
				t.Errorf("asked for %+v", q)
			}
		}
		if r.Outcome != events.OutcomeSucceeded || got != step.asked {
			t.Errorf("step %d ended %s: %s; asked for %q, want %q", i, r.Outcome, r.Reason, got, step.asked)
		}
		w.clock.Advance(time.Hour)
	}
	w.source(map[string]string{"worker.yaml": worker(4, 90)})
	w.checks.alarms.State["errors"] = verification.AlarmALARM
	if r := w.run(push("ffff", 100), stagesOf(t, aliased)); r.Outcome != events.OutcomeRolledBack || !strings.Contains(r.Reason, "the alias live keeps the version that it had; what else the template changed is deployed") {
		t.Errorf("ended %s: %s", r.Outcome, r.Reason)
	}
}

// TestRecoveryOfASide holds the lock that both sides have together.
func TestRecoveryOfASide(t *testing.T) {
	w := rolled(t, rolling)
	w.source(map[string]string{"api.yaml": strings.Replace(strings.Replace(api, "30", "60", 1), "Properties:", `Metadata: {Fail: "no", FailRollback: "cannot"}, Properties:`, 1)})
	record, _, _ := w.records.Read(t.Context(), apiInTest)
	green := record.Live
	green.Name, green.StackName = "green", greenAPI.StackName
	w.settled(record.Request, rollout.Retired, green, rollout.Side{})
	w.clock.Advance(time.Hour)
	if r := w.run(push("bbbb", 10), stagesOf(t, rolling)); r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "Next: evenkeel recover 222222222222/us-east-1/shop-api-test-blue") {
		t.Fatalf("ended %s: %s", r.Outcome, r.Reason)
	}
	recovery := deployment.Recovery{ID: "abcdefgh", Target: blueAPI, By: "arn:aws:iam::111111111111:user/ann", Begin: true, Operation: deployment.OperationContinue, Skip: []string{"Queue"}}
	if _, err := w.service.Recover(t.Context(), recovery); err != nil {
		t.Fatal(err)
	}
	if owner, _ := w.locks.Holder(apiInTest); owner != "recovery-abcdefgh" {
		t.Errorf("the lock of the stack is held by %q", owner)
	}
	w.clock.Run()
	if found, err := w.service.Recover(t.Context(), recovery); err != nil || found.State != deployment.RecoveryDone || w.locks.Held() != 0 {
		t.Errorf("%+v, %v; %d locks are held", found, err, w.locks.Held())
	}
}

// TestWalkOfARollout: one state more than that of a stack that is in use at once.
func TestWalkOfARollout(t *testing.T) {
	w := rolled(t, rolling)
	w.newAPI()
	w.run(push("bbbb", 10), stagesOf(t, rolling))
	if i := slices.Index(w.visited, "rollOut"); i < 1 || w.visited[i-1] != deployment.ActionVerify || w.visited[i+1] != deployment.ActionEndStack {
		t.Errorf("visited %v", w.visited)
	}
}
