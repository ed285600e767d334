package verification_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

type world struct {
	*verification.Verifier
	clock     *fake.Clock
	sites     *fake.VerificationSites
	functions *fake.VerificationFunctions
	alarms    *fake.VerificationAlarms
	builds    *fake.VerificationBuilds
	secrets   *fake.VerificationSecrets
}

func newWorld() *world {
	clock := fake.NewClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	w := &world{clock: clock, sites: &fake.VerificationSites{Pages: map[string]verification.Response{}}, functions: &fake.VerificationFunctions{},
		alarms: &fake.VerificationAlarms{State: map[string]string{}}, builds: &fake.VerificationBuilds{Now: clock.Now}, secrets: &fake.VerificationSecrets{}}
	w.Verifier = &verification.Verifier{HTTP: w.sites, Functions: w.functions, Alarms: w.alarms, Builds: w.builds, Secrets: w.secrets, Now: clock.Now}
	return w
}

// subject reads the checks as evenkeel.yaml has them.
func subject(t *testing.T, checks string) verification.Subject {
	t.Helper()
	p, err := pipeline.Decode("evenkeel.yaml", []byte("version: 1\nstacks:\n  a: {template: t}\n  b:\n    template: t\n    dependsOn: [a]\n    verify:\n"+checks+
		"stages: [{name: test, branch: main, account: \"222222222222\", region: us-east-1, approval: never}]\n"), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return verification.Subject{
		Key: "r-1/test/b", Target: events.Target{Stage: "test", Stack: "b", Account: "222222222222", Region: "us-east-1"},
		Outputs: verification.Outputs{"": {"Url": "https://b.example", "Tricky": `","x":"`}, "a": {"Id": "a-1"}},
		Checks:  p.For("main")[0].Stacks[1].Verify,
	}
}

func TestRoundPassesInTheSecondAttempt(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - http: {url: '${output.Url}/${output.a.Id}', expect: {contains: up}}\n    - alarm: {names: [errors]}\n")
	w.alarms.State["errors"] = verification.AlarmNoData
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	if v.State != verification.VerdictAgain || v.After != 10*time.Second || len(r.Results) != 2 {
		t.Fatalf("%+v after %+v", v, r)
	}
	if r.Results[0].Outcome != verification.Failed || !strings.Contains(r.Results[0].Why, "connection refused") || r.Results[1].Outcome != verification.Pending {
		t.Errorf("%+v", r.Results)
	}
	w.clock.Advance(v.After)
	w.sites.Pages["https://b.example/a-1"] = verification.Response{Status: 200, Body: []byte("up")}
	w.alarms.State["errors"] = verification.AlarmOK
	r, v = w.Round(context.Background(), s, r, false)
	if v.State != verification.VerdictPassed || len(r.Results) != 4 || r.Results[3].Attempt != 2 {
		t.Errorf("%+v after %+v", v, r)
	}
	if again, v := w.Round(context.Background(), s, r, false); v.State != verification.VerdictPassed || len(again.Results) != 4 || len(w.sites.Asked) != 2 {
		t.Errorf("a repeated round asked again: %+v, %+v", v, again)
	}
}

func TestRoundFails(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - {name: health, http: {url: 'https://b.example'}, attempts: 2}\n")
	w.sites.Pages["https://b.example"] = verification.Response{Status: 503, Body: []byte(`{"token":"t"}`)}
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	w.clock.Advance(v.After)
	r, v = w.Round(context.Background(), s, r, false)
	if v.State != verification.VerdictFailed || v.Inconclusive || v.Why != "1 check did not pass: health: the status is 503, not 200-299" {
		t.Errorf("%+v", v)
	}
	if seen := r.Results[1].Seen; !strings.HasPrefix(seen, "503 in 0s, ") || strings.Contains(seen, `"t"`) {
		t.Errorf("seen %s", seen)
	}
}

func TestRoundSendsSecrets(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - {http: {url: 'https://b.example', headers: {Authorization: {secret: 'evenkeel/verify/x#t'}, X-Id: '${output.a.Id}'}, expect: {json: {$.echo: x}}}, attempts: 1}\n")
	w.secrets.Values = map[string]string{"evenkeel/verify/x#t": "t0ps3cret"}
	w.sites.Pages["https://b.example"] = verification.Response{Status: 200, Body: []byte(`{"echo":"t0ps3cret"}`)}
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	asked := w.sites.Asked[0]
	if asked.Headers["Authorization"] != "t0ps3cret" || asked.Headers["X-Id"] != "a-1" || !asked.Secret {
		t.Errorf("asked %+v", asked)
	}
	if text := v.Why + r.Results[0].Why + r.Results[0].Seen; v.State != verification.VerdictFailed || strings.Contains(text, "t0ps3cret") {
		t.Errorf("%+v, %+v", v, r)
	}
}

func TestWhatCannotBeCheckedIsInconclusive(t *testing.T) {
	denied := fault.Permanent("not authorized")
	tests := []struct {
		name, check, why string
		arrange          func(*world)
	}{
		{"an output that is missing", "http: {url: '${output.None}'}", "there is no output None", nil},
		{"a secret that is missing", "http: {url: 'https://x', headers: {A: {secret: evenkeel/verify/none}}}", "the secret evenkeel/verify/none does not exist", nil},
		{"a refused address", "http: {url: 'https://x'}", "not public", func(w *world) { w.sites.Faults = func(string) error { return fault.Invalid("not public") } }},
		{"no permission to invoke", "lambda: {function: f}", "not authorized", func(w *world) { w.functions.Faults = func(string) error { return denied } }},
		{"no permission to see alarms", "alarm: {names: [x]}", "not authorized", func(w *world) { w.alarms.Faults = func(string) error { return denied } }},
		{"no permission to build", "build: {project: x}", "not authorized", func(w *world) { w.builds.Faults = func(string) error { return denied } }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			if tt.arrange != nil {
				tt.arrange(w)
			}
			r, v := w.Round(context.Background(), subject(t, "    - {"+tt.check+", attempts: 1}\n"), verification.Record{}, false)
			if v.State != verification.VerdictFailed || !v.Inconclusive || !strings.Contains(r.Results[0].Why, tt.why) {
				t.Errorf("%+v, %+v", v, r.Results)
			}
		})
	}
}

func TestFunctions(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - {lambda: {function: f, payload: {deep: ['${output.Tricky}'], n: 1}, expect: {json: {$.ok: true}}}, attempts: 1}\n    - {lambda: {function: none}, attempts: 1}\n    - {name: slow, lambda: {function: f}, attempts: 1}\n")
	var payload string
	calls := 0
	w.functions.Faults = func(string) error {
		if calls++; calls == 3 {
			return fault.Transient("invoke: %w", context.DeadlineExceeded)
		}
		return nil
	}
	w.functions.Code = map[string]func([]byte) verification.Invocation{"f": func(p []byte) verification.Invocation {
		payload = string(p)
		return verification.Invocation{Payload: []byte(`{"ok":true}`)}
	}}
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	if payload != `{"deep":["\",\"x\":\""],"n":1}` {
		t.Errorf("payload %s", payload)
	}
	if r.Results[0].Outcome != verification.Passed || r.Results[1].Outcome != verification.Failed || r.Results[2].Why != "there was no answer within 5s" || v.Inconclusive {
		t.Errorf("%+v, %+v", v, r.Results)
	}
}

func TestABuildIsFoundAgain(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - {name: tests, build: {project: p, variables: {URL: '${output.Url}', T: {secret: a/b}}}, attempts: 2}\n    - alarm: {names: [errors]}\n")
	w.alarms.State["errors"] = verification.AlarmOK
	// The first answer is lost: the repeated start finds the same build.
	w.builds.Faults = func(call string) error {
		if call == "StartBuild done" {
			return errors.New("reset")
		}
		return nil
	}
	if _, v := w.Round(context.Background(), s, verification.Record{}, false); v.State != verification.VerdictAgain {
		t.Fatalf("%+v", v)
	}
	w.builds.Faults = nil
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	if len(w.builds.Inputs) != 1 || len(v.Builds) != 1 || v.After != 30*time.Minute || !r.Results[0].Running {
		t.Fatalf("%d builds, %+v, %+v", len(w.builds.Inputs), v, r.Results)
	}
	input := w.builds.Inputs[0]
	if len(input.Token) != 64 || input.Variables[0] != (verification.Variable{Name: "T", Secret: "a/b"}) || input.Variables[1].Text != "https://b.example" {
		t.Errorf("%+v", input)
	}
	// Woken too early, it waits on; a failure to look is no result.
	w.clock.Advance(time.Minute)
	w.builds.Faults = func(call string) error { return fault.Transient("throttled") }
	if r, v = w.Round(context.Background(), s, r, false); v.After != 29*time.Minute || len(r.Results) != 2 {
		t.Errorf("%+v, %+v", v, r.Results)
	}
	w.builds.Faults = nil
	w.builds.End(v.Builds[0], "FAILED", "exit status 1")
	first := v.Builds[0]
	r, v = w.Round(context.Background(), s, r, false)
	if v.State != verification.VerdictAgain || len(v.Builds) != 0 || v.After != 10*time.Second {
		t.Errorf("%+v", v)
	}
	w.clock.Advance(v.After)
	r, v = w.Round(context.Background(), s, r, false)
	if len(v.Builds) != 1 || v.Builds[0] == first || len(w.builds.Inputs) != 2 {
		t.Errorf("the second attempt is a new build: %+v", v)
	}
	w.builds.End(v.Builds[0], verification.BuildSucceeded, "")
	r, v = w.Round(context.Background(), s, r, false)
	if v.State != verification.VerdictPassed || len(r.Results) != 3 || r.Results[1].Build != first {
		t.Errorf("%+v, %+v", v, r.Results)
	}
}

func TestABuildThatDoesNotEnd(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - {build: {project: p}, timeout: 10m}\n")
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	w.clock.Advance(v.After)
	r, v = w.Round(context.Background(), s, r, false)
	if v.State != verification.VerdictFailed || v.Inconclusive || r.Results[0].Why != "the build did not end within 10m" || r.Results[0].Running {
		t.Errorf("%+v, %+v", v, r.Results)
	}
}

func TestWarmup(t *testing.T) {
	w := newWorld()
	s := subject(t, "    - {alarm: {names: [errors]}, warmup: 1m}\n")
	w.alarms.State["errors"] = verification.AlarmOK
	r, v := w.Round(context.Background(), s, verification.Record{}, false)
	if v.After != time.Minute || len(r.Results) != 0 {
		t.Fatalf("%+v, %+v", v, r)
	}
	w.clock.Advance(v.After)
	if _, v = w.Round(context.Background(), s, r, false); v.State != verification.VerdictPassed {
		t.Errorf("%+v", v)
	}
}
