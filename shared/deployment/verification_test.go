package deployment_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// checks is what the checks of a world look at.
type checks struct {
	alarms *fake.VerificationAlarms
	builds *fake.VerificationBuilds
}

func newChecks(clock *fake.Clock) *checks {
	return &checks{alarms: &fake.VerificationAlarms{State: map[string]string{}}, builds: &fake.VerificationBuilds{Now: clock.Now}}
}

func (c *checks) verifier(clock *fake.Clock) *verification.Verifier {
	return &verification.Verifier{
		HTTP: &fake.VerificationSites{}, Functions: &fake.VerificationFunctions{}, Alarms: c.alarms, Builds: c.builds,
		Secrets: &fake.VerificationSecrets{}, Now: clock.Now,
	}
}

// guarded is the shop with checks of its stack data and of its stage prod.
const guarded = `version: 1
name: shop
stacks:
  network: {template: network.yaml, parameters: {Cidr: 10.0.0.0/16}}
  data:
    template: data.yaml
    dependsOn: [network]
    parameters: {VpcId: {output: network.VpcId}}
    verify: [alarm: {names: [errors]}]
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
  - name: prod
    branch: main
    account: "333333333333"
    region: us-east-1
    approval: never
    verify: [alarm: {names: ["all-${output.network.VpcId}"]}]
`

var prodData = events.Target{Stage: "prod", Stack: "data", Account: "333333333333", Region: "us-east-1", StackName: "shop-data-prod"}

// verified returns a world in which the guarded shop runs, and works.
func verified(t *testing.T, text string) *world {
	w := newWorld(t)
	w.source(templates)
	w.checks.alarms.State["errors"] = verification.AlarmOK
	w.allQuiet(verification.AlarmOK)
	if r := w.run(push("aaaa", 0), stagesOf(t, text)); r.Outcome != events.OutcomeSucceeded {
		t.Fatalf("first run: %s: %s", r.Outcome, r.Reason)
	}
	w.visited, w.facts.Facts, w.heard, w.tasks.Answers, w.tokens = nil, nil, nil, nil, 100
	return w
}

// allQuiet sets the alarm of the stage prod, which is named by an output.
func (w *world) allQuiet(state string) { w.checks.alarms.State["all-shop-network-prod-vpc"] = state }

// changed is the shop's data with another time-out and a queue more.
func (w *world) changed() {
	w.source(map[string]string{"data.yaml": strings.Replace(data, "30", "60", 1) + "  More: {Type: \"AWS::SQS::Queue\", Properties: {}}\n"})
}

func (w *world) timeout(t *testing.T, target events.Target) string {
	t.Helper()
	template, err := w.cloud.Stacks().Template(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(template), "60") {
		return "60"
	}
	return "30"
}

func last[T events.Data](w *world) (found T, ok bool) {
	for _, fact := range w.facts.Facts {
		if data, is := fact.Data.(T); is {
			found, ok = data, true
		}
	}
	return found, ok
}

func TestVerifiedStagesArePromoted(t *testing.T) {
	w := verified(t, guarded)
	w.changed()
	r := w.run(push("bbbb", 10), stagesOf(t, guarded))
	if r.Outcome != events.OutcomeSucceeded || !strings.HasSuffix(w.types(), "StackDeployed StackVerified StackVerified RunFinished") {
		t.Errorf("%s: %s: %s", r.Outcome, r.Reason, w.types())
	}
	fact, _ := last[events.StackVerified](w)
	if fact.Stage != "prod" || fact.Stack != "" || len(fact.Results) != 1 || fact.Results[0].Why != "1 of 1 alarms are quiet" {
		t.Errorf("%+v", fact)
	}
	if _, kept := w.files.Objects[fact.Document]; !kept {
		t.Errorf("%s is not kept", fact.Document)
	}
}

func TestAFailedVerificationInTestStopsPromotion(t *testing.T) {
	w := verified(t, guarded)
	w.changed()
	w.checks.alarms.State["errors"] = verification.AlarmALARM
	r := w.run(push("bbbb", 10), stagesOf(t, guarded))
	if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "data in test is deployed, but its verification failed: 1 check did not pass: alarm errors: errors is in ALARM") || !strings.Contains(r.Reason, "Next: push a fix") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
	if w.timeout(t, prodData) != "30" || len(r.Changed()) != 1 || r.Changed()[0] != "test/data" {
		t.Errorf("prod has %s; changed %v", w.timeout(t, prodData), r.Changed())
	}
	fact, _ := last[events.VerificationFailed](w)
	if fact.Reaction != pipeline.OnFailureStop || fact.Inconclusive || len(fact.Results) != 3 {
		t.Errorf("%+v", fact)
	}
	// A push of the same files does not make it forgotten.
	if r = w.run(push("cccc", 20), stagesOf(t, guarded)); r.Outcome != events.OutcomeStuck || w.timeout(t, prodData) != "30" {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}

func TestAFailedVerificationInProdRollsBack(t *testing.T) {
	w := verified(t, guarded)
	w.changed()
	stages := stagesOf(t, guarded)
	stages[0].Stacks[1].Verify = nil
	w.checks.alarms.State["errors"] = verification.AlarmALARM
	r := w.run(push("bbbb", 10), stages)
	if r.Outcome != events.OutcomeRolledBack || !strings.Contains(r.Reason, "back at its previous template") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
	if w.timeout(t, prodData) != "30" || len(r.Changed()) != 1 || r.Changed()[0] != "test/data" {
		t.Errorf("prod has %s; changed %v", w.timeout(t, prodData), r.Changed())
	}
	if !strings.HasSuffix(w.types(), "StackDeployed VerificationFailed StackPlanned StackRolledBack RunFinished") {
		t.Errorf("facts %s", w.types())
	}
}

func TestAFailedVerificationOfAStageRollsBackWhatTheRunChanged(t *testing.T) {
	w := verified(t, guarded)
	w.changed()
	w.allQuiet(verification.AlarmALARM)
	r := w.run(push("bbbb", 10), stagesOf(t, guarded))
	if r.Outcome != events.OutcomeRolledBack || !strings.Contains(r.Reason, "The stage prod is deployed, but its verification failed") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
	if w.timeout(t, prodData) != "30" || fmt.Sprint(r.Changed()) != "[test/data]" {
		t.Errorf("prod has %s; changed %v", w.timeout(t, prodData), r.Changed())
	}
}

func TestWhatIsNotRolledBack(t *testing.T) {
	tests := []struct {
		name    string
		arrange func(w *world, stages []pipeline.Stage)
		reason  string
	}{
		{"stop is wanted", func(_ *world, stages []pipeline.Stage) { stages[1].OnVerificationFailure = pipeline.OnFailureStop }, "Next: push a fix"},
		{"the checks could not be made", func(w *world, _ []pipeline.Stage) {
			w.checks.alarms.Faults = func(string) error { return fault.Permanent("not authorized") }
		}, "so nothing is undone. Next: mend the checks"},
		{"the way back loses data", func(w *world, _ []pipeline.Stage) {
			// The table's name changed: a replacement forward, and another one back.
			w.source(map[string]string{"data.yaml": "Resources:\n  Orders: {Type: \"AWS::DynamoDB::Table\", Properties: {TableName: other}, Metadata: {Replace: [TableName]}}\n  Queue: {Type: \"AWS::SQS::Queue\", Properties: {}}\n"})
		}, "could not be brought back: the way back would itself lose data: Orders"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			// In the old template too the name forces a replacement.
			w.source(map[string]string{"network.yaml": network, "data.yaml": strings.Replace(data, "{TableName: orders}}", "{TableName: orders}, Metadata: {Replace: [TableName]}}", 1)})
			w.checks.alarms.State["errors"] = verification.AlarmOK
			w.allQuiet(verification.AlarmOK)
			if r := w.run(push("aaaa", 0), stagesOf(t, guarded)); r.Outcome != events.OutcomeSucceeded {
				t.Fatalf("first run: %s: %s", r.Outcome, r.Reason)
			}
			w.changed()
			stages := stagesOf(t, guarded)
			stages[0].Stacks[1].Verify = nil
			w.checks.alarms.State["errors"] = verification.AlarmALARM
			tt.arrange(w, stages)
			executed := len(w.cloud.Executed)
			r := w.run(push("bbbb", 10), stages)
			if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("%s: %s", r.Outcome, r.Reason)
			}
			if got := len(w.cloud.Executed) - executed; got != 2 {
				t.Errorf("%d change sets were executed, want the two of the deployment", got)
			}
		})
	}
}

func TestTheFirstDeploymentHasNothingToReturnTo(t *testing.T) {
	w := newWorld(t)
	w.source(templates)
	stages := stagesOf(t, guarded)[1:]
	w.checks.alarms.State["errors"] = verification.AlarmALARM
	r := w.run(push("aaaa", 0), stages)
	if r.Outcome != events.OutcomeStuck || !strings.Contains(r.Reason, "It is the first deployment of shop-data-prod") || !strings.Contains(r.Reason, "aws cloudformation delete-stack --stack-name shop-data-prod") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
	if w.cloud.Status(prodData) != "CREATE_COMPLETE" {
		t.Errorf("the stack is in %s", w.cloud.Status(prodData))
	}
}

// TestNoEchoValuesStayInCloudFormation: what was before is kept without them,
// and the way back uses what the stack has.
func TestNoEchoValuesStayInCloudFormation(t *testing.T) {
	w := verified(t, guarded)
	w.cloud.NoEcho = []string{"VpcId"}
	w.changed()
	w.allQuiet(verification.AlarmALARM)
	r := w.run(push("bbbb", 10), stagesOf(t, guarded))
	var previous deployment.Previous
	if err := json.Unmarshal(w.files.Objects["previous/"+r.RunID+"/prod/data.json"], &previous); err != nil {
		t.Fatal(err)
	}
	if len(previous.Parameters) != 0 || fmt.Sprint(previous.Hidden) != "[VpcId]" || r.Outcome != events.OutcomeRolledBack {
		t.Errorf("%+v; %s: %s", previous, r.Outcome, r.Reason)
	}
}

// tested is the shop whose data has integration tests.
var tested = strings.Replace(guarded, "[alarm: {names: [errors]}]", "[{build: {project: one}}, {build: {project: two}}]", 1)

func (w *world) endBuild(id, status string) {
	w.t.Helper()
	w.checks.builds.End(id, status, "")
	event := events.Envelope[events.BuildStateDetail]{DetailType: events.BuildStateChange, Source: events.SourceCodeBuild}
	event.Detail = events.BuildStateDetail{BuildStatus: status, BuildID: id}
	data, err := json.Marshal(event)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.service.Handle(w.t.Context(), data); err != nil {
		w.t.Error(err)
	}
}

func TestBuildsAreAwaitedByTheirEvents(t *testing.T) {
	w := newWorld(t)
	w.source(templates)
	w.allQuiet(verification.AlarmOK)
	stages := stagesOf(t, tested)[1:]
	const one, two = "arn:aws:codebuild:us-east-1:333333333333:build/one:1", "arn:aws:codebuild:us-east-1:333333333333:build/two:2"
	w.clock.After(5*time.Minute, func() {
		w.endBuild(two, verification.BuildInProgress) // says nothing
		w.endBuild(two, verification.BuildSucceeded)
		w.endBuild(two, verification.BuildSucceeded)
	})
	w.clock.After(7*time.Minute, func() { w.endBuild(one, verification.BuildSucceeded) })
	r := w.run(push("aaaa", 0), stages)
	if r.Outcome != events.OutcomeSucceeded || len(w.checks.builds.Inputs) != 2 {
		t.Errorf("%s: %s, %d builds", r.Outcome, r.Reason, len(w.checks.builds.Inputs))
	}
	if rounds := strings.Count(strings.Join(w.visited, " ")+" ", "verify "); rounds != 3 { // of network once, of data twice
		t.Errorf("Verify was entered %d times: %v", rounds, w.visited)
	}
	if took := w.clock.Now().Sub(epoch); took > 8*time.Minute {
		t.Errorf("it took %s", took)
	}
}

// TestALostBuildEvent: the time-out of the state finds the build as it is.
func TestALostBuildEvent(t *testing.T) {
	w := newWorld(t)
	w.source(templates)
	w.allQuiet(verification.AlarmOK)
	w.clock.After(5*time.Minute, func() {
		w.checks.builds.End("arn:aws:codebuild:us-east-1:333333333333:build/one:1", verification.BuildSucceeded, "")
		w.checks.builds.End("arn:aws:codebuild:us-east-1:333333333333:build/two:2", verification.BuildSucceeded, "")
	})
	// Something must move the clock past the time-out.
	w.clock.After(36*time.Minute, func() {})
	if r := w.run(push("aaaa", 0), stagesOf(t, tested)[1:]); r.Outcome != events.OutcomeSucceeded {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}
