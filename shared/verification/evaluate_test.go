package verification

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func web(h pipeline.HTTPCheck) pipeline.Check {
	if h.Status == nil {
		h.Status = []pipeline.StatusRange{{From: 200, To: 299}}
	}
	return pipeline.Check{HTTP: &h}
}

func page(status int, body string) Observation {
	return Observation{HTTP: &Response{Status: status, Body: []byte(body), Latency: 120 * time.Millisecond,
		Headers: map[string]string{"Content-Type": "application/json; charset=utf-8"}}}
}

func expecting(path, value string) pipeline.Expect {
	return pipeline.Expect{JSON: map[string]json.RawMessage{path: json.RawMessage(value)}}
}

func TestEvaluate(t *testing.T) {
	lambda := func(e pipeline.Expect) pipeline.Check {
		return pipeline.Check{Lambda: &pipeline.LambdaCheck{Expect: e}}
	}
	alarm := func(noData string) pipeline.Check {
		return pipeline.Check{Alarm: &pipeline.AlarmCheck{InsufficientData: noData}}
	}
	alarms := func(states ...string) Observation {
		var o Observation
		for i, state := range states {
			o.Alarms = append(o.Alarms, Alarm{Name: string(rune('a' + i)), State: state, Reason: "why"})
		}
		return o
	}
	build := pipeline.Check{Build: &pipeline.BuildCheck{}}
	ended := func(status string) Observation {
		return Observation{Build: &Build{Status: status, Phase: "BUILD", Reason: "exit status 1"}}
	}
	tests := []struct {
		name         string
		check        pipeline.Check
		seen         Observation
		outcome, why string
	}{
		{"status in range", web(pipeline.HTTPCheck{}), page(204, ""), Passed, "204 in 120ms"},
		{"status out of range", web(pipeline.HTTPCheck{}), page(302, ""), Failed, "the status is 302, not 200-299"},
		{"one of several", web(pipeline.HTTPCheck{Status: []pipeline.StatusRange{{From: 301, To: 301}, {From: 400, To: 404}}}), page(403, ""), Passed, "403"},
		{"none of several", web(pipeline.HTTPCheck{Status: []pipeline.StatusRange{{From: 301, To: 301}, {From: 400, To: 404}}}), page(500, ""), Failed, "the status is 500, not 301, 400-404"},
		{"slow", web(pipeline.HTTPCheck{MaxLatency: pipeline.Duration(100 * time.Millisecond)}), page(200, ""), Failed, "the answer took 120ms, more than 100ms"},
		{"just in time", web(pipeline.HTTPCheck{MaxLatency: pipeline.Duration(120 * time.Millisecond)}), page(200, ""), Passed, ""},
		{"header", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Headers: map[string]string{"content-type": "json"}}}), page(200, ""), Passed, ""},
		{"other header", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Headers: map[string]string{"Content-Type": "html"}}}), page(200, ""), Failed, `does not contain "html"`},
		{"no header", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Headers: map[string]string{"X-Version": "1"}}}), page(200, ""), Failed, `the header X-Version is ""`},
		{"contains", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Contains: "up"}}), page(200, "all up"), Passed, ""},
		{"does not contain", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Contains: "up"}}), page(200, "down"), Failed, `the body does not contain "up"`},
		{"matches", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Matches: "^v[0-9]+$"}}), page(200, "v12"), Passed, ""},
		{"does not match", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Matches: "^v[0-9]+$"}}), page(200, "v"), Failed, `the body does not match "^v[0-9]+$"`},
		{"JSON text", web(pipeline.HTTPCheck{Expect: expecting("$.a[1]['b c']", `"x"`)}), page(200, `{"a":[0,{"b c":"x"}]}`), Passed, ""},
		{"JSON number by value", web(pipeline.HTTPCheck{Expect: expecting("$.n", "1")}), page(200, `{"n":1.0}`), Passed, ""},
		{"JSON large number", web(pipeline.HTTPCheck{Expect: expecting("$.n", "9007199254740993")}), page(200, `{"n":9007199254740992}`), Failed, "$.n is 9007199254740992, expected 9007199254740993"},
		{"JSON number as text", web(pipeline.HTTPCheck{Expect: expecting("$.n", "1")}), page(200, `{"n":"1"}`), Failed, `$.n is "1", expected 1`},
		{"JSON null", web(pipeline.HTTPCheck{Expect: expecting("$.n", "null")}), page(200, `{"n":null}`), Passed, ""},
		{"JSON missing is not null", web(pipeline.HTTPCheck{Expect: expecting("$.n", "null")}), page(200, `{}`), Failed, "$.n is not there, expected null"},
		{"JSON object", web(pipeline.HTTPCheck{Expect: expecting("$", "1")}), page(200, `{}`), Failed, "$ is {}, expected 1"},
		{"JSON secret", web(pipeline.HTTPCheck{Expect: expecting("$.password", `"x"`)}), page(200, `{"password":"hunter2"}`), Failed, "$.password is ****, expected"},
		{"not JSON", web(pipeline.HTTPCheck{Expect: expecting("$.n", "1")}), page(200, "<html>"), Failed, "the body is not JSON"},
		{"two values", web(pipeline.HTTPCheck{Expect: expecting("$", "1")}), page(200, "1 2"), Failed, "the body is not JSON"},
		{"truncated", web(pipeline.HTTPCheck{Expect: pipeline.Expect{Contains: "x"}}), Observation{HTTP: &Response{Status: 200, Body: make([]byte, 2048), Truncated: true}}, Failed, "the first 2 KiB of body does not contain"},
		{"no answer", web(pipeline.HTTPCheck{}), Observation{Failed: "connection refused"}, Failed, "connection refused"},
		{"not askable", web(pipeline.HTTPCheck{}), Observation{Unknown: "no output"}, Pending, "could not be checked: no output"},
		{"nothing seen", web(pipeline.HTTPCheck{}), Observation{}, Pending, "nothing was seen"},
		{"another kind seen", web(pipeline.HTTPCheck{}), ended(BuildSucceeded), Pending, "nothing was seen"},

		{"function", lambda(pipeline.Expect{}), Observation{Function: &Invocation{Payload: []byte(`{"ok":true}`)}}, Passed, "the function returned"},
		{"function's answer", lambda(expecting("$.ok", "true")), Observation{Function: &Invocation{Payload: []byte(`{"ok":false}`)}}, Failed, "$.ok is false, expected true"},
		{"function error", lambda(pipeline.Expect{}), Observation{Function: &Invocation{FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"no table","errorType":"E"}`)}}, Failed, "the function failed (Unhandled): no table"},
		{"function error without a message", lambda(pipeline.Expect{}), Observation{Function: &Invocation{FunctionError: "Unhandled", Payload: []byte(`x`)}}, Failed, "it gave no message"},

		{"alarms quiet", alarm(pipeline.NoDataWait), alarms(AlarmOK, AlarmOK), Passed, "2 of 2 alarms"},
		{"alarm rings", alarm(pipeline.NoDataWait), alarms(AlarmOK, AlarmALARM), Failed, "b is in ALARM: why"},
		{"alarm missing", alarm(pipeline.NoDataPass), alarms(AlarmMissing), Failed, "a does not exist"},
		{"no data, wait", alarm(pipeline.NoDataWait), alarms(AlarmNoData), Pending, "no data yet: a"},
		{"no data, pass", alarm(pipeline.NoDataPass), alarms(AlarmNoData), Passed, ""},
		{"no data, fail", alarm(pipeline.NoDataFail), alarms(AlarmNoData), Failed, "a has no data"},
		{"no data beside ringing", alarm(pipeline.NoDataWait), alarms(AlarmNoData, AlarmALARM), Failed, "b is in ALARM"},
		{"no alarms", alarm(pipeline.NoDataPass), Observation{}, Pending, "nothing was seen"},

		{"build succeeded", build, ended(BuildSucceeded), Passed, "the build succeeded"},
		{"build runs", build, ended(BuildInProgress), Pending, "the build is running"},
		{"build failed", build, ended("FAILED"), Failed, "the build ended FAILED in phase BUILD: exit status 1"},
		{"build stopped", build, ended("STOPPED"), Failed, "the build ended STOPPED"},
		{"CodeBuild failed", build, ended(BuildFault), Pending, "could not be checked: CodeBuild failed"},
		{"build given up", build, Observation{Failed: "did not end", Build: &Build{Status: BuildInProgress}}, Failed, "did not end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outcome, why := Evaluate(tt.check, tt.seen)
			if outcome != tt.outcome || !strings.Contains(why, tt.why) || why == "" {
				t.Errorf("got %s: %s\nwant %s: …%s…", outcome, why, tt.outcome, tt.why)
			}
		})
	}
}

// FuzzEvaluate: no answer panics, and whatever it is, the reason is short,
// clean text and a password in JSON is not repeated.
func FuzzEvaluate(f *testing.F) {
	f.Add(200, "$.a[0].b", `"x"`, `{"a":[{"b":"x"}]}`, "x")
	f.Add(200, "$", "1e999999", "1e999998", "")
	f.Add(404, "$['", "{", "\xff", "(")
	f.Add(-1, "$[999999999999999999999]", "null", strings.Repeat("[", 10_000), "a*")
	f.Fuzz(func(t *testing.T, status int, path, value, body, expression string) {
		check := web(pipeline.HTTPCheck{Expect: pipeline.Expect{Matches: expression, JSON: map[string]json.RawMessage{path: json.RawMessage(value)}}})
		o := page(status, body)
		outcome, why := Evaluate(check, o)
		if outcome == Passed && (status < 200 || status > 299) {
			t.Fatalf("status %d passed", status)
		}
		if outcome == Pending || why == "" {
			t.Fatalf("an answer was %s: %q", outcome, why)
		}
		if shown := seen(o, []string{"hunter2"}); len([]rune(shown)) > maxSeen || !utf8.ValidString(shown) || strings.Contains(shown, "hunter2") {
			t.Fatalf("shown %q", shown)
		}
	})
}

func TestSeenHidesSecrets(t *testing.T) {
	for name, o := range map[string]Observation{
		"echoed":   page(500, "you sent Bearer t0ps3cret"),
		"in JSON":  page(500, `{"dbPassword":"t0ps3cret","a":"t0ps3cret"}`),
		"function": {Function: &Invocation{Payload: []byte(`{"token":"t0ps3cret"}`)}},
	} {
		if got := seen(o, []string{"t0ps3cret"}); strings.Contains(got, "t0ps3cret") || !strings.Contains(got, "****") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := seen(page(500, strings.Repeat("ü", 2000)), nil); len([]rune(got)) != maxSeen {
		t.Errorf("%d characters", len([]rune(got)))
	}
}
