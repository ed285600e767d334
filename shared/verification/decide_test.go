package verification

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func named(name string, attempts int, interval time.Duration) pipeline.Check {
	return pipeline.Check{Name: name, Alarm: &pipeline.AlarmCheck{}, Attempts: attempts, Interval: pipeline.Duration(interval), Timeout: pipeline.Duration(time.Hour)}
}

func result(check string, attempt int, at time.Duration, outcome string) Result {
	return Result{Check: check, Attempt: attempt, Time: start.Add(at), Outcome: outcome, Why: outcome + " why", Took: pipeline.Duration(time.Second)}
}

func TestDecide(t *testing.T) {
	a, b := named("a", 2, 10*time.Second), named("b", 3, time.Minute)
	warm := named("w", 1, 10*time.Second)
	warm.Warmup = pipeline.Duration(30 * time.Second)
	running := result("b", 1, 0, Pending)
	running.Build, running.Running = "arn:b", true
	checks := func(list ...pipeline.Check) []pipeline.Check { return list }
	tests := []struct {
		name    string
		checks  []pipeline.Check
		results []Result
		now     time.Duration
		want    Verdict
		due     string
	}{
		{"nothing to check", nil, nil, 0, Verdict{State: VerdictPassed}, ""},
		{"nothing seen", checks(a, b), nil, 0, Verdict{State: VerdictAgain}, "a b"},
		{"warming up", checks(warm), nil, 10 * time.Second, Verdict{State: VerdictAgain, After: 20 * time.Second}, ""},
		{"warm", checks(warm), nil, 30 * time.Second, Verdict{State: VerdictAgain}, "w"},
		{"all passed", checks(a, b), []Result{result("a", 1, 0, Passed), result("b", 1, 0, Passed)}, 0, Verdict{State: VerdictPassed}, ""},
		{"passed in the end", checks(a), []Result{result("a", 1, 0, Failed), result("a", 2, 11*time.Second, Passed)}, 12 * time.Second, Verdict{State: VerdictPassed}, ""},
		{"another attempt", checks(a), []Result{result("a", 1, 0, Failed)}, 4 * time.Second, Verdict{State: VerdictAgain, After: 7 * time.Second}, ""},
		{"the slowest interval", checks(a, b), []Result{result("a", 1, 0, Failed), result("b", 1, 0, Pending)}, time.Second, Verdict{State: VerdictAgain, After: time.Minute}, ""},
		{"late", checks(a), []Result{result("a", 1, 0, Failed)}, time.Hour, Verdict{State: VerdictAgain}, "a"},
		{"used up", checks(a, b), []Result{result("a", 1, 0, Failed), result("a", 2, 11*time.Second, Failed), result("b", 1, 0, Failed)}, time.Minute,
			Verdict{State: VerdictFailed, Why: "1 check did not pass: a: failed why"}, ""},
		{"never seen", checks(a), []Result{result("a", 1, 0, Failed), result("a", 2, 11*time.Second, Pending)}, time.Minute,
			Verdict{State: VerdictFailed, Why: "1 check did not pass: a: pending why", Inconclusive: true}, ""},
		{"one seen wrong, one never seen", checks(warm, named("x", 1, 0)), []Result{result("w", 1, 0, Pending), result("x", 1, 0, Failed)}, time.Minute,
			Verdict{State: VerdictFailed, Why: "2 checks did not pass: w: pending why; x: failed why"}, ""},
		{"a build runs", checks(a, b), []Result{result("a", 1, 0, Passed), running}, 10 * time.Minute, Verdict{State: VerdictAgain, After: 50 * time.Minute, Builds: []string{"arn:b"}}, "b"},
		{"a result of another check", checks(a), []Result{result("z", 1, 0, Passed)}, 0, Verdict{State: VerdictAgain}, "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := start.Add(tt.now)
			if got := Decide(tt.checks, tt.results, start, now, false); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			var due []string
			for _, c := range Due(tt.checks, tt.results, start, now) {
				due = append(due, c.Name)
			}
			if got := strings.Join(due, " "); got != tt.due {
				t.Errorf("due %q, want %q", got, tt.due)
			}
		})
	}
}

// TestTheLastRoundDecides: what is left is not passed.
func TestTheLastRoundDecides(t *testing.T) {
	a, b := named("a", 5, 10*time.Second), named("b", 5, 10*time.Second)
	for name, tt := range map[string]struct {
		results []Result
		want    Verdict
	}{
		"never made": {[]Result{result("a", 1, 0, Passed)}, Verdict{State: VerdictFailed, Why: "1 check did not pass: b: could not be checked: no round was left for it", Inconclusive: true}},
		"given up":   {[]Result{result("a", 1, 0, Passed), result("b", 1, 0, Failed)}, Verdict{State: VerdictFailed, Why: "1 check did not pass: b: failed why", Inconclusive: true}},
		"seen wrong": {[]Result{result("a", 1, 0, Passed), result("b", 1, 0, Failed), result("b", 2, 0, Failed), result("b", 3, 0, Failed), result("b", 4, 0, Failed), result("b", 5, 0, Failed)},
			Verdict{State: VerdictFailed, Why: "1 check did not pass: b: failed why"}},
		"both passed": {[]Result{result("a", 1, 0, Passed), result("b", 1, 0, Passed)}, Verdict{State: VerdictPassed}},
	} {
		if got := Decide([]pipeline.Check{a, b}, tt.results, start, start, true); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzDecide: whatever the checks answer, the verdict comes within as many
// rounds as one check may have, each round that is waited for makes progress,
// and only passed checks pass.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{1, 0, 0, 2, 1, 1, 5, 3, 2}, []byte{0, 1, 2, 1, 0})
	f.Add([]byte{5, 3, 3, 5, 0, 0}, []byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	intervals := []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	f.Fuzz(func(t *testing.T, shape, outcomes []byte) {
		var checks []pipeline.Check
		for i := 0; i+2 < len(shape) && len(checks) < 6; i += 3 {
			c := named(string(rune('a'+len(checks))), 1+int(shape[i])%(pipeline.MaxAttempts-1), intervals[shape[i+1]%4])
			if warm := shape[i+2] % 5; warm > 0 {
				c.Warmup = pipeline.Duration(intervals[warm-1])
			}
			checks = append(checks, c)
		}
		var results []Result
		now, used := start, 0
		for round := 0; ; round++ {
			if round >= pipeline.MaxAttempts {
				t.Fatalf("no verdict after %d rounds: %+v", round, results)
			}
			due := Due(checks, results, start, now)
			for _, c := range due {
				outcome := []string{Passed, Failed, Pending}[0]
				if len(outcomes) > 0 {
					outcome = []string{Passed, Failed, Pending}[outcomes[used%len(outcomes)]%3]
				}
				used++
				attempt := 1
				for _, r := range results {
					if r.Check == c.Name {
						attempt++
					}
				}
				results = append(results, Result{Check: c.Name, Attempt: attempt, Time: now, Outcome: outcome, Why: "w"})
			}
			v := Decide(checks, results, start, now, false)
			switch v.State {
			case VerdictPassed:
				passed := map[string]bool{}
				for _, r := range results {
					passed[r.Check] = passed[r.Check] || r.Outcome == Passed
				}
				if len(passed) != len(checks) {
					t.Fatalf("passed with %d of %d checks", len(passed), len(checks))
				}
				return
			case VerdictFailed:
				if v.Why == "" {
					t.Fatal("failed without a reason")
				}
				return
			}
			if v.After <= 0 {
				t.Fatalf("nothing to wait for: %+v", v)
			}
			now = now.Add(v.After)
		}
	})
}
