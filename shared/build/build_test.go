package build_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/build"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// world is the service over fakes. Events wait in pending until they are told.
type world struct {
	*build.Service
	clock   *fake.Clock
	builds  *fake.Builds
	records *fake.BuildRecords
	tasks   *fake.DeploymentTasks
	facts   *fake.DeploymentFacts
	lease   *lease
	pending []events.BuildStateDetail
}

type lease struct {
	until time.Duration
	err   error
}

func (l *lease) Renew(_ context.Context, _ deployment.Release, d time.Duration) error {
	l.until = d
	return l.err
}

func newWorld() *world {
	w := &world{clock: fake.NewClock(start), records: &fake.BuildRecords{}, tasks: &fake.DeploymentTasks{}, facts: &fake.DeploymentFacts{}, lease: &lease{}}
	w.builds = &fake.Builds{Clock: w.clock, Time: time.Minute, Emit: func(d events.BuildStateDetail) { w.pending = append(w.pending, d) }}
	w.Service = &build.Service{Project: "project", Builds: w.builds, Records: w.records, Lease: w.lease, Tasks: w.tasks, Publisher: w.facts, Now: w.clock.Now}
	return w
}

func release() deployment.Release {
	return deployment.Release{
		RunID: "r1", Repository: "acme/shop", Branch: "main", Commit: "c0ffee", SourceKey: "sources/acme/shop/c0ffee.zip",
		Build: deployment.Build{Status: deployment.BuildWanted, Key: "builds/acme/shop/r1.zip", Mount: "cdk.out", Folder: "cdk.out", Spec: &pipeline.Build{
			Commands: []string{"npx cdk synth"}, Output: "cdk.out", Image: "i", Compute: "small", Timeout: 20 * time.Minute,
			Environment: []pipeline.Variable{{Name: "A", Value: "1"}},
		}},
	}
}

// tell delivers the events that are pending.
func (w *world) tell(t *testing.T) []string {
	t.Helper()
	var states []string
	for _, d := range w.pending {
		answered, err := w.Changed(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, answered.State)
	}
	w.pending = nil
	return states
}

func (w *world) begin(t *testing.T, token, want string) {
	t.Helper()
	if got, err := w.Build(t.Context(), release(), token); err != nil || got.State != want {
		t.Fatalf("%+v, %v; want %s", got, err, want)
	}
}

func (w *world) describe(t *testing.T, r deployment.Release) deployment.Release {
	t.Helper()
	r, err := w.Describe(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestABuildSucceeds(t *testing.T) {
	w := newWorld()
	w.begin(t, "token", "waiting")
	o := w.builds.Orders[0]
	if o.SourceKey != "sources/acme/shop/c0ffee.zip" || o.Key != "builds/acme/shop/r1.zip" || o.Minutes != 20 || w.lease.until < time.Hour {
		t.Errorf("order %+v, lease of %s", o, w.lease.until)
	}
	var names []string
	for _, v := range o.Variables {
		names = append(names, v.Name+"="+v.Value)
	}
	if want := []string{"EVENKEEL_RUN=r1", "EVENKEEL_REPOSITORY=acme/shop", "EVENKEEL_BRANCH=main", "EVENKEEL_COMMIT=c0ffee", "A=1"}; !slices.Equal(names, want) {
		t.Errorf("variables %v", names)
	}
	var spec struct {
		Phases    map[string]struct{ Commands []string }
		Artifacts struct {
			Base  string `json:"base-directory"`
			Files []string
		}
	}
	if err := json.Unmarshal([]byte(o.Buildspec), &spec); err != nil || spec.Phases["build"].Commands[0] != "npx cdk synth" || spec.Artifacts.Base != "cdk.out" {
		t.Errorf("buildspec %s, %v", o.Buildspec, err)
	}
	if got := w.tell(t); !slices.Equal(got, []string{"ignored"}) {
		t.Errorf("the event of the start: %v", got)
	}
	w.clock.Advance(time.Hour)
	w.pending = append(w.pending, w.pending...) // delivered twice
	if got := w.tell(t); !slices.Equal(got, []string{"answered", "ignored"}) {
		t.Errorf("the events of the end: %v", got)
	}
	if len(w.tasks.Answers) != 1 || w.tasks.Answers[0].Token != "token" || string(w.tasks.Answers[0].Output) != `{"id":"project:1","status":"SUCCEEDED"}` {
		t.Errorf("answers %+v", w.tasks.Answers)
	}
	r := w.describe(t, release())
	if r.Build.Status != deployment.BuildSucceeded || r.Build.Digest != "digest" || r.Build.ID != "project:1" || r.Build.Seconds != 60 || r.Build.Spec != nil {
		t.Errorf("build %+v", r.Build)
	}
	w.describe(t, release()) // repeated
	if got := w.facts.Types(); !slices.Equal(got, []string{"SourceBuilt"}) {
		t.Errorf("facts %v", got)
	}
}

// TestALostEvent: the state times out, and CodeBuild is asked.
func TestALostEvent(t *testing.T) {
	w := newWorld()
	w.builds.Time = 90 * time.Minute // it was queued
	w.begin(t, "token", "waiting")
	w.clock.Advance(65 * time.Minute)
	r := release()
	r.Error = &deployment.Caught{Name: "States.Timeout"}
	if r = w.describe(t, r); r.Build.Status != deployment.BuildRunning || r.Error != nil {
		t.Fatalf("%+v", r.Build)
	}
	w.begin(t, "second token", "waiting")
	w.clock.Advance(time.Hour)
	w.pending = nil // lost again
	if r = w.describe(t, r); r.Build.Status != deployment.BuildSucceeded || len(w.builds.Orders) != 1 {
		t.Errorf("%+v after %d builds", r.Build, len(w.builds.Orders))
	}
	// A token that is stored after the end is answered at once.
	w.begin(t, "third token", "answered")
}

// TestALostAnswer: StartBuild has begun a build and its answer is lost. The
// build's own event tells its id, and nothing is built twice.
func TestALostAnswer(t *testing.T) {
	w := newWorld()
	w.builds.Faults = func(call string) error {
		if call == "StartBuild done" {
			return fault.Transient("lost")
		}
		return nil
	}
	w.begin(t, "token", "failed")
	w.tell(t)
	w.clock.Advance(30 * time.Minute) // longer than CodeBuild knows the idempotency token
	w.begin(t, "token", "answered")
	if len(w.builds.Orders) != 1 {
		t.Errorf("%d builds", len(w.builds.Orders))
	}
}

func TestEventsOfOtherBuildsAreIgnored(t *testing.T) {
	w := newWorld()
	w.begin(t, "token", "waiting")
	w.pending = nil
	foreign := func(project, id, run string) events.BuildStateDetail {
		d := events.BuildStateDetail{BuildStatus: "SUCCEEDED", ProjectName: project, BuildID: "arn:aws:codebuild:us-east-1:1:build/" + id}
		d.Information.Environment.Variables = []events.BuildVariable{{Name: build.RunVariable, Type: "PLAINTEXT", Value: run}}
		return d
	}
	w.pending = []events.BuildStateDetail{foreign("other", "project:1", "r1"), foreign("project", "project:2", "r1"), foreign("project", "project:1", "r2"), foreign("project", "project:1", ""), {}}
	for i, state := range w.tell(t) {
		if state != "ignored" {
			t.Errorf("event %d: %s", i, state)
		}
	}
	if len(w.tasks.Answers) != 0 {
		t.Errorf("answers %+v", w.tasks.Answers)
	}
}

func TestAFailedBuild(t *testing.T) {
	w := newWorld()
	w.builds.End = func(build.Order) build.State {
		return build.State{Status: "FAILED", Phase: "BUILD", Reason: "COMMAND_EXECUTION_ERROR: exit status 1"}
	}
	for i := range 30 {
		w.builds.Lines = append(w.builds.Lines, strings.Repeat("x", 10*i))
	}
	w.builds.Lines = append(w.builds.Lines, "NPM_TOKEN=hunter2", "Error: no stack")
	w.begin(t, "token", "waiting")
	w.clock.Advance(time.Hour)
	r := w.describe(t, release())
	if r.Build.Status != deployment.BuildFailed || !strings.HasPrefix(r.Build.Reason, "The build failed in phase BUILD: COMMAND_EXECUTION_ERROR: exit status 1\n") ||
		!strings.HasSuffix(r.Build.Reason, "\nNPM_TOKEN=****\nError: no stack") || len(strings.Split(r.Build.Reason, "\n")) != 16 {
		t.Errorf("reason %s", r.Build.Reason)
	}
	if end := deployment.Conclude(r); end.Outcome != events.OutcomeRejected || end.Reason != r.Build.Reason {
		t.Errorf("%+v", end)
	}
	failed := w.facts.Facts[0].Data.(events.BuildFailed)
	if failed.Phase != "BUILD" || failed.Status != "FAILED" || len(failed.Log) != 15 || failed.Log[13] != "NPM_TOKEN=****" {
		t.Errorf("%+v", failed)
	}
	for status, want := range map[string]string{"TIMED_OUT": "took longer than build.timeout", "STOPPED": "was stopped by somebody"} {
		w := newWorld()
		w.builds.End = func(build.Order) build.State { return build.State{Status: status, Phase: "BUILD"} }
		w.begin(t, "token", "waiting")
		w.clock.Advance(time.Hour)
		if r := w.describe(t, release()); r.Build.Status != deployment.BuildFailed || !strings.Contains(r.Build.Reason, want) {
			t.Errorf("%s: %+v", status, r.Build)
		}
	}
}

func TestCodeBuildsOwnFaultIsNobodysMistake(t *testing.T) {
	w := newWorld()
	w.builds.End = func(build.Order) build.State {
		return build.State{Status: "FAULT", Phase: "PROVISIONING", Reason: "no capacity"}
	}
	w.begin(t, "token", "waiting")
	w.clock.Advance(time.Hour)
	if _, err := w.Describe(t.Context(), release()); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "aws codebuild batch-get-builds --ids project:1") {
		t.Error(err)
	}
}

func TestALogThatCannotBeRead(t *testing.T) {
	for kind, want := range map[string]bool{fault.TransientError: false, fault.PermanentError: true} {
		w := newWorld()
		w.builds.End = func(build.Order) build.State { return build.State{Status: "FAILED", Phase: "BUILD"} }
		w.begin(t, "token", "waiting")
		w.clock.Advance(time.Hour)
		w.builds.Faults = func(call string) error {
			if call == "ReadLog" && kind == fault.TransientError {
				return fault.Transient("slow down")
			} else if call == "ReadLog" {
				return fault.Permanent("no log")
			}
			return nil
		}
		if r, err := w.Describe(t.Context(), release()); (err == nil && r.Build.Status == deployment.BuildFailed) != want {
			t.Errorf("%s: %+v, %v", kind, r.Build, err)
		}
	}
}

// TestWhatIsGivenUp: an error that would not go away ends the run as it says,
// and a build that neither starts nor ends is not awaited for ever.
func TestWhatIsGivenUp(t *testing.T) {
	w := newWorld()
	w.lease.err = fault.Conflict("run r1 no longer holds the lock")
	w.begin(t, "token", "failed")
	if a := w.tasks.Answers; len(a) != 1 || a[0].Kind != fault.ConflictError || len(w.builds.Orders) != 0 {
		t.Errorf("answers %+v, %d builds", a, len(w.builds.Orders))
	}
	r := release()
	r.Error = &deployment.Caught{Name: fault.ConflictError, Cause: "lost"}
	r.Lock = &deployment.LockAnswer{State: deployment.LockHeld}
	if r = w.describe(t, r); r.Build.Status != deployment.BuildWanted || deployment.Conclude(r).Outcome != events.OutcomeDeferred {
		t.Errorf("%+v, %+v", r.Build, deployment.Conclude(r))
	}
	r = release()
	for range 10 {
		r.Error = &deployment.Caught{Name: "States.Timeout"}
		if r = w.describe(t, r); r.Build.Status == deployment.BuildWanted {
			break
		}
	}
	if r.Error == nil || r.Error.Name != fault.PermanentError || !strings.Contains(r.Error.Cause, "aws codebuild list-builds-for-project --project-name project") {
		t.Errorf("%+v", r.Error)
	}
}

func TestHandle(t *testing.T) {
	w := newWorld()
	if out, err := w.Handle(t.Context(), []byte(`{"detail-type": "Rain Started"}`)); err != nil || out.(deployment.Answered).State != "ignored" {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := w.Handle(t.Context(), []byte(`{"action": "deploy"}`)); !fault.Is(err, fault.PermanentError) {
		t.Error(err)
	}
	payload, err := json.Marshal(map[string]any{"action": "build", "release": release(), "token": "t"})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.Handle(t.Context(), payload); err != nil || out.(deployment.Answered).State != "waiting" {
		t.Errorf("%v, %v", out, err)
	}
	if out, err := w.Handle(t.Context(), []byte(strings.Replace(string(payload), `"build"`, `"describeBuild"`, 1))); err != nil || out.(deployment.Release).RunID != "r1" {
		t.Errorf("%v, %v", out, err)
	}
}
