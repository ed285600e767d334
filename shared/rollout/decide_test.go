package rollout

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// minutes is a time so many minutes after the start.
func minutes(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Minute))) }

func metric(name string, change ...func(*pipeline.Metric)) pipeline.Metric {
	m := pipeline.Metric{Name: name, Success: "< 1", CloudWatch: &pipeline.CloudWatchMetric{Period: pipeline.Duration(time.Minute)},
		Interval: pipeline.Duration(time.Minute), ErrorLimit: 3, NoData: pipeline.NoDataPause}
	for _, c := range change {
		c(&m)
	}
	return m
}

func canary(metrics ...pipeline.Metric) Plan {
	five := pipeline.Duration(5 * time.Minute)
	return NewPlan(Request{Rollout: pipeline.Rollout{
		Strategy:     pipeline.StrategyCanary,
		Steps:        []pipeline.RolloutStep{{Weight: 5, Bake: five}, {Weight: 25, Bake: five}, {Weight: 100, Bake: five}},
		Router:       pipeline.Router{Route53: &pipeline.Route53Router{TTL: pipeline.Duration(time.Minute), Value: "x"}},
		Analysis:     pipeline.Analysis{Metrics: metrics},
		PauseTimeout: pipeline.Duration(time.Hour),
		Keep:         pipeline.Duration(30 * time.Minute),
	}}, Side{Name: Blue})
}

// at is the state of a plan whose step has been in force since the start.
func (p Plan) at(step int, change ...func(*State)) State {
	s := Begin(p, start.Add(-time.Minute))
	if step >= 0 {
		s.Step, s.Weight, s.Target, s.Since = step, p.Steps[step].Weight, p.Steps[step].Weight, start
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// seen is measurements of a metric, one a minute from the start: s, f, i, n and
// e for the outcomes, a blank for none.
func seen(metric, outcomes string) []Measurement {
	names := map[rune]string{'s': Successful, 'f': Failed, 'i': Inconclusive, 'n': NoData, 'e': Errored}
	var measured []Measurement
	for i, o := range outcomes {
		if name, ok := names[o]; ok {
			measured = append(measured, Measurement{Metric: metric, Time: minutes(float64(i)), Outcome: name, Why: "w"})
		}
	}
	return measured
}

func TestDecide(t *testing.T) {
	plain := metric("a")
	bears := func(m *pipeline.Metric) { m.FailureLimit, m.InconclusiveLimit = 1, 1 }
	counted := func(n int) func(*pipeline.Metric) { return func(m *pipeline.Metric) { m.Count = n } }
	aborts := func(m *pipeline.Metric) { m.NoData = pipeline.NoDataAbort }
	slow := func(m *pipeline.Metric) { m.Interval = pipeline.Duration(4 * time.Minute) }
	delayed := func(m *pipeline.Metric) { m.Delay = pipeline.Duration(7 * time.Minute) }
	phase := func(p Phase, c Cause, why string) func(*State) {
		return func(s *State) { s.Phase, s.Cause, s.Why, s.Paused = p, c, why, start }
	}
	toward := func(weight int) func(*State) { return func(s *State) { s.Target = weight } }
	approved := func(n int) func(*State) { return func(s *State) { s.Approved = n } }
	manual := func(p Plan) Plan { p.Manual = true; return p }
	pausing := func(p Plan, step int) Plan { p.Steps[step].Pause = true; return p }
	first := func(p Plan) Plan { p.First, p.Steps = true, p.Steps[2:]; return p }
	two := canary(metric("a"), metric("b"))
	tests := []struct {
		name   string
		plan   Plan
		step   int
		change []func(*State)
		seen   []Measurement
		live   string
		at     float64
		want   string // action weight wait cause
		why    string // is in the reason
	}{
		{"before the first step", canary(plain), -1, nil, nil, "", 0, "advance 5 0s ", "the first step"},
		{"nothing is measured without traffic", canary(plain), -1, nil, seen("a", "fff"), "", 3, "advance 5 0s ", "the first step"},
		{"on its way", canary(plain), -1, []func(*State){toward(5)}, nil, "", 0, "advance 5 0s ", "5 % is on its way"},
		{"on its way, and failed before", canary(plain), 0, []func(*State){toward(25)}, seen("a", "f"), "", 1, "abort 0 0s failed", "a failed once, and none is borne: w"},
		{"without metrics it bakes", canary(), 0, nil, nil, "", 2, "hold 5 3m0s ", "5 % is watched for 3m more"},
		{"without metrics it goes on", canary(), 0, nil, nil, "", 5, "advance 25 0s ", "5 % went well for 5m"},
		{"to the second", canary(), 0, nil, nil, "", 4.999, "hold 5 1s ", ""},
		{"a metric is due before", canary(plain), 0, nil, seen("a", "s"), "", 0.5, "hold 5 30s ", ""},
		{"a metric is due now", canary(plain), 0, nil, nil, "", 0, "hold 5 1s ", ""},
		{"the bake ends before the next metric", canary(metric("a", slow)), 0, nil, append(seen("a", "s"), seen("a", "    s")...), "", 4.5, "hold 5 30s ", ""},
		{"healthy, bake over", canary(plain), 0, nil, seen("a", "ssssss"), "", 5, "advance 25 0s ", "5 % went well for 5m"},
		{"the next step, healthy", canary(plain), 1, nil, seen("a", "ssssss"), "", 5, "advance 100 0s ", "25 % went well"},
		{"the last step bakes too", canary(plain), 2, nil, seen("a", "s"), "", 0.5, "hold 100 30s ", ""},
		{"the last step, healthy", canary(plain), 2, nil, seen("a", "ssssss"), "", 5, "promote 100 0s ", "100 % went well"},
		{"never measured", canary(metric("a", delayed)), 0, nil, nil, "", 5, "hold 5 2m0s ", "a was not measured yet"},
		{"measured before the step", canary(plain), 0, nil, []Measurement{{Metric: "a", Time: minutes(-1), Outcome: Successful}}, "", 5, "hold 5 1s ", "a was not measured yet"},
		{"a metric that the plan has not", canary(plain), 0, nil, append(seen("a", "ssssss"), seen("z", "ffff")...), "", 5, "advance 25 0s ", ""},
		{"counted, not often enough", canary(metric("a", counted(8))), 0, nil, seen("a", "ssssss"), "", 5, "hold 5 1m0s ", "a was measured 6 times of 8"},
		{"counted, often enough", canary(metric("a", counted(2))), 0, nil, seen("a", "ss"), "", 2, "hold 5 3m0s ", "5 % is watched"},
		{"counted, the last was borne", canary(metric("a", counted(2), bears)), 0, nil, seen("a", "s   f"), "", 5, "hold 5 1s ", "a was failed when it was measured last"},

		{"failed", canary(plain), 1, nil, seen("a", "ssf"), "", 2, "abort 0 0s failed", "a failed once, and none is borne: w"},
		{"failed, live side healthy", canary(plain), 1, nil, seen("a", "f"), Healthy, 2, "abort 0 0s failed", ""},
		{"failed, live side unknown", canary(plain), 1, nil, seen("a", "f"), Unknown, 2, "abort 0 0s failed", ""},
		{"failed, live side unhealthy", canary(plain), 1, nil, seen("a", "f"), Unhealthy, 2, "pause 25 1h0m0s failed", "the side that was live before is unhealthy too"},
		{"failed with all traffic, live side unhealthy", canary(plain), 2, nil, seen("a", "f"), Unhealthy, 2, "pause 100 1h0m0s failed", "unhealthy too"},
		{"failed with all traffic", canary(plain), 2, nil, seen("a", "f"), Healthy, 2, "abort 0 0s failed", ""},
		{"failed, no live side", first(canary(plain)), 0, nil, seen("a", "f"), "", 2, "pause 100 1h0m0s failed", "there is no other side"},
		{"failed, borne", canary(metric("a", bears)), 0, nil, seen("a", "f"), "", 0.5, "hold 5 30s ", ""},
		{"failed, borne, and good again", canary(metric("a", bears)), 0, nil, seen("a", "fsssss"), "", 5, "advance 25 0s ", ""},
		{"failed, borne, and the last one", canary(metric("a", bears)), 0, nil, seen("a", "sssssf"), "", 5, "hold 5 1m0s ", "a was failed when it was measured last"},
		{"failed twice, one is borne", canary(metric("a", bears)), 0, nil, seen("a", "fsf"), "", 2, "abort 0 0s failed", "a failed twice, and 1 is borne"},
		{"failed after the bake", canary(plain), 0, nil, seen("a", "       f"), "", 7, "abort 0 0s failed", ""},
		{"one of two failed", two, 0, nil, append(seen("a", "ssssss"), seen("b", "sssssf")...), "", 5, "abort 0 0s failed", "b failed"},
		{"failed is worse than inconclusive", two, 0, nil, append(seen("a", "i"), seen("b", "f")...), "", 1, "abort 0 0s failed", "b failed"},
		{"failed is worse than no data", two, 0, nil, append(seen("a", "nnnn"), seen("b", "f")...), "", 4, "abort 0 0s failed", "b failed"},

		{"inconclusive", canary(plain), 1, nil, seen("a", "si"), "", 1, "pause 25 1m0s inconclusive", "a was inconclusive once, and none is borne: w"},
		{"inconclusive, borne", canary(metric("a", bears)), 0, nil, seen("a", "sssssi"), "", 5, "hold 5 1m0s ", "a was inconclusive when"},
		{"inconclusive, live side unhealthy", canary(plain), 1, nil, seen("a", "i"), Unhealthy, 1, "pause 25 1m0s inconclusive", ""},
		{"one of two is inconclusive", two, 0, nil, append(seen("a", "ssssss"), seen("b", "sssssi")...), "", 5, "pause 5 1m0s inconclusive", "b was"},

		{"no data holds", canary(plain), 0, nil, seen("a", "sssnnn"), "", 5, "hold 5 1m0s ", "a was without data when"},
		{"no data too often", canary(plain), 0, nil, seen("a", "snnnn"), "", 4, "pause 5 1m0s noData", "a had no data 4 times in a row: w"},
		{"errors too often", canary(plain), 0, nil, seen("a", "nnne"), "", 4, "pause 5 1m0s noData", "a could not be measured 4 times in a row"},
		{"no data, and then some", canary(plain), 0, nil, seen("a", "nnnsnnnss"), "", 8, "advance 25 0s ", ""},
		{"no data too often, abort", canary(metric("a", aborts)), 0, nil, seen("a", "nnnn"), "", 4, "abort 0 0s noData", "a had no data"},
		{"no data too often, abort, live side unhealthy", canary(metric("a", aborts)), 0, nil, seen("a", "nnnn"), Unhealthy, 4, "pause 5 1m0s noData", "unhealthy too"},
		{"no data is worse than inconclusive", two, 0, nil, append(seen("a", "i"), seen("b", "nnnn")...), "", 4, "pause 5 1m0s noData", "b had"},
		{"abort is worse than pause", canary(plain, metric("b", aborts)), 0, nil, append(seen("a", "nnnn"), seen("b", "nnnn")...), "", 4, "abort 0 0s noData", "b had"},
		{"good in turns, never together", canary(metric("a")), 0, nil, seen("a", strings.Repeat("sn", 10)), "", 20, "pause 5 1m0s noData", "never good together"},

		{"a gate", pausing(canary(plain), 0), 0, nil, seen("a", "ssssss"), "", 5, "pause 5 1m0s gate", "taking 25 % needs a person"},
		{"a gate is no shorter bake", pausing(canary(plain), 0), 0, nil, seen("a", "sss"), "", 2.5, "hold 5 30s ", ""},
		{"a gate that is open", pausing(canary(plain), 0), 0, []func(*State){approved(1)}, seen("a", "ssssss"), "", 5, "pause 5 1m0s gate", ""},
		{"a gate that a person opened", pausing(canary(plain), 0), 0, []func(*State){approved(2)}, seen("a", "ssssss"), "", 5, "advance 25 0s ", ""},
		{"an open gate does not hide a failure", pausing(canary(plain), 0), 0, []func(*State){approved(2)}, seen("a", "sssssf"), "", 5, "abort 0 0s failed", ""},
		{"manual, not the last step yet", manual(canary(plain)), 0, nil, seen("a", "ssssss"), "", 5, "advance 25 0s ", ""},
		{"manual, before the last step", manual(canary(plain)), 1, nil, seen("a", "ssssss"), "", 5, "pause 25 1m0s gate", "taking 100 % needs a person"},
		{"manual, approved", manual(canary(plain)), 1, []func(*State){approved(3)}, seen("a", "ssssss"), "", 5, "advance 100 0s ", ""},
		{"a pause after the last step", pausing(canary(plain), 2), 2, nil, seen("a", "ssssss"), "", 5, "pause 100 1m0s gate", "promoting it needs a person"},
		{"a pause after the last step, approved", pausing(canary(plain), 2), 2, []func(*State){approved(4)}, seen("a", "ssssss"), "", 5, "promote 100 0s ", ""},

		{"a person let it pass, resolvers not yet", canary(plain), 0, []func(*State){phase(Stepping, CausePassed, "")}, seen("a", "i"), "", 0.5, "hold 5 30s ", ""},
		{"a person let it pass", canary(plain), 0, []func(*State){phase(Stepping, CausePassed, "")}, seen("a", "i"), "", 1, "advance 25 0s ", "a person let it go on"},
		{"a person let the last step pass", canary(plain), 2, []func(*State){phase(Stepping, CausePassed, "")}, seen("a", "i"), "", 1, "promote 100 0s ", ""},

		{"paused", canary(plain), 0, []func(*State){phase(Paused, CauseInconclusive, "because")}, nil, "", 20, "pause 5 1m0s inconclusive", "because"},
		{"paused, without metrics", canary(), 0, []func(*State){phase(Paused, CausePerson, "because")}, nil, "", 20, "pause 5 40m0s person", "because"},
		{"paused, whatever is measured", canary(plain), 0, []func(*State){phase(Paused, CausePerson, "because")}, seen("a", "ssinnnnnni"), "", 20, "pause 5 1m0s person", ""},
		{"paused, almost over", canary(plain), 0, []func(*State){phase(Paused, CausePerson, "because")}, nil, "", 59.5, "pause 5 30s person", ""},
		{"paused, and failed", canary(plain), 0, []func(*State){phase(Paused, CauseGate, "because")}, seen("a", "ssf"), "", 20, "abort 0 0s failed", "a failed once, and none is borne: w; it was paused: because"},
		{"paused, and failed, live side unhealthy", canary(plain), 0, []func(*State){phase(Paused, CauseGate, "because")}, seen("a", "ssf"), Unhealthy, 20, "pause 5 1m0s gate", "because"},
		{"paused because it failed", canary(plain), 0, []func(*State){phase(Paused, CauseFailed, "because")}, seen("a", "ssf"), Healthy, 20, "pause 5 40m0s failed", "because"},
		{"paused, nobody answered", canary(plain), 0, []func(*State){phase(Paused, CauseInconclusive, "because")}, nil, "", 60, "abort 0 0s timeout", "nobody decided for 1h after it paused: because"},
		{"paused, nobody answered, live side unhealthy", canary(plain), 0, []func(*State){phase(Paused, CauseFailed, "because")}, nil, Unhealthy, 60, "abort 0 0s timeout", ""},
		{"paused, nobody answered, no live side", first(canary(plain)), 0, []func(*State){phase(Paused, CauseFailed, "because"), func(s *State) { s.Stable = 100 }}, nil, "", 60, "abort 100 0s timeout", ""},

		{"promoting", canary(plain), 1, []func(*State){phase(Promoting, CausePerson, "because"), toward(100)}, nil, "", 1, "promote 100 0s ", "because"},
		{"promoting, failed before", canary(plain), 1, []func(*State){phase(Promoting, CausePerson, "because"), toward(100)}, seen("a", "f"), "", 1, "promote 100 0s ", ""},
		{"promoting, failed with all traffic", canary(plain), 2, []func(*State){phase(Promoting, "", "")}, seen("a", "f"), Healthy, 1, "pause 100 1h0m0s failed", "stays where it is"},
		{"promoted", canary(plain), 2, []func(*State){phase(Promoted, "", "")}, seen("a", "f"), Unhealthy, 10, "finish 100 20m0s ", "can take the traffic back"},
		{"promoted, kept long enough", canary(plain), 2, []func(*State){phase(Promoted, "", "")}, nil, "", 30, "finish 100 0s ", "over"},
		{"aborting", canary(plain), 1, []func(*State){phase(Aborting, CauseFailed, "because"), toward(0)}, seen("a", "ssssss"), Healthy, 9, "abort 0 0s failed", "because"},
		{"aborted", canary(plain), -1, []func(*State){phase(Aborted, CauseFailed, "because")}, seen("a", "ssssss"), "", 9, "finish 0 0s ", "aborted"},
		{"switched back", canary(plain), -1, []func(*State){phase(SwitchedBack, CauseSwitchBack, "because")}, nil, "", 9, "finish 0 0s ", ""},
		{"retired", canary(plain), 2, []func(*State){phase(Retired, "", "")}, nil, "", 9, "finish 100 0s ", ""},

		{"too long", canary(plain), 0, nil, seen("a", "ssssss"), "", 999, "abort 0 0s timeout", "it took longer than"},
		{"too long, on its way to all traffic", canary(plain), 1, []func(*State){phase(Promoting, CausePerson, ""), toward(100)}, nil, "", 999, "abort 0 0s timeout", ""},
		{"too long, but it has all traffic", canary(plain), 2, []func(*State){phase(Promoting, CausePerson, "")}, nil, "", 999, "promote 100 0s ", ""},
		{"waits end at the deadline", canary(), 0, []func(*State){func(s *State) { s.Deadline = minutes(2) }}, nil, "", 1, "hold 5 1m0s ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.plan.at(tt.step, tt.change...)
			got := Decide(tt.plan, s, Health{At: minutes(tt.at), Measured: tt.seen, Live: tt.live})
			if text := decisionText(got); text != tt.want {
				t.Errorf("got  %q (%s)\nwant %q", text, got.Why, tt.want)
			}
			if !strings.Contains(got.Why, tt.why) || got.Why == "" && s.Phase != Promoting {
				t.Errorf("why %q, want %q in it", got.Why, tt.why)
			}
			again := Decide(tt.plan, s, Health{At: minutes(tt.at), Measured: tt.seen, Live: tt.live})
			if !reflect.DeepEqual(got, again) {
				t.Errorf("again: %+v", again)
			}
		})
	}
}

func decisionText(d Decision) string {
	return fmt.Sprintf("%s %d %s %s", d.Action, d.Weight, d.Wait, d.Cause)
}

// TestDecidedBy: a decision names the measurements that it comes from, and no
// more than are of use.
func TestDecidedBy(t *testing.T) {
	p := canary(metric("a", func(m *pipeline.Metric) { m.FailureLimit = 14 }), metric("b"))
	measured := append(seen("a", "s"+strings.Repeat("f", 15)), seen("b", "ssssss")...)
	d := Decide(p, p.at(0), Health{At: minutes(16), Measured: measured})
	if len(d.Decided) != maxDecided || d.Decided[0].Time != minutes(6) || d.Decided[9].Time != minutes(15) || d.Decided[0].Metric != "a" {
		t.Errorf("%+v", d.Decided)
	}
	d = Decide(p, p.at(0), Health{At: minutes(5), Measured: append(seen("a", "ssssss"), seen("b", "ssssss")...)})
	if len(d.Decided) != 2 || d.Decided[0].Metric != "a" || d.Decided[1].Metric != "b" || d.Decided[0].Time != minutes(5) {
		t.Errorf("%+v", d.Decided)
	}
}

// TestAwaited: a value that cannot be there yet is waited for; it is not
// missing.
func TestAwaited(t *testing.T) {
	p := canary(metric("a"))
	d := Decide(p, p.at(0), Health{At: minutes(1), Awaited: map[string]time.Time{"a": minutes(3)}})
	if d.Action != Hold || d.Wait != 2*time.Minute {
		t.Errorf("%+v", d)
	}
	d = Decide(p, p.at(0), Health{At: minutes(6), Awaited: map[string]time.Time{"a": minutes(7)}})
	if d.Action != Hold || d.Wait != time.Minute {
		t.Errorf("after the bake: %+v", d)
	}
}

func TestDue(t *testing.T) {
	slow := func(m *pipeline.Metric) { m.Interval = pipeline.Duration(2 * time.Minute) }
	delayed := func(m *pipeline.Metric) { m.Delay = pipeline.Duration(3 * time.Minute) }
	counted := func(m *pipeline.Metric) { m.Count = 2 }
	p := canary(metric("a"), metric("b", slow), metric("c", delayed), metric("d", counted))
	with := func(lists ...[]Measurement) func(*State) {
		return func(s *State) {
			for _, l := range lists {
				s.Measured = append(s.Measured, l...)
			}
		}
	}
	phase := func(ph Phase) func(*State) { return func(s *State) { s.Phase = ph } }
	for name, tt := range map[string]struct {
		state State
		at    float64
		want  string
	}{
		"at once":              {p.at(0), 0, "a b d"},
		"all":                  {p.at(0), 3, "a b c d"},
		"after an interval":    {p.at(0, with(seen("a", "s"), seen("b", "s"), seen("d", "s"))), 1, "a d"},
		"a little early":       {p.at(0, with(seen("a", "s"), seen("b", "s"), seen("d", "s"))), 0.99, ""},
		"late":                 {p.at(0, with(seen("a", "s"), seen("b", "s"), seen("d", "s"))), 90, "a b c d"},
		"its count is reached": {p.at(0, with(seen("a", "ss"), seen("b", "s"), seen("d", "ss"))), 2, "a b"},
		"but was not good":     {p.at(0, with(seen("a", "ss"), seen("b", "s"), seen("d", "sn"))), 2, "a b d"},
		"before the first":     {p.at(-1), 9, ""},
		"on its way":           {p.at(0, func(s *State) { s.Target = 25 }), 9, ""},
		"paused":               {p.at(0, phase(Paused)), 9, "a b c d"},
		"paused, not so often": {p.at(0, phase(Paused), with(seen("a", "s"), seen("b", "s"), seen("c", "s"), seen("d", "ss")), func(s *State) { s.Paused = start }), 1.5, "a c"},
		"paused, it failed":    {p.at(0, phase(Paused), func(s *State) { s.Cause = CauseFailed }), 9, ""},
		"promoting":            {p.at(0, phase(Promoting)), 9, ""},
		"aborted":              {p.at(0, phase(Aborted)), 9, ""},
		"a person let it pass": {p.at(0, func(s *State) { s.Cause = CausePassed }), 9, ""},
		"old ones do not count": {p.at(0, func(s *State) {
			s.Measured = []Measurement{{Metric: "a", Time: minutes(-0.5), Outcome: Successful}}
		}), 0, "a b d"},
	} {
		var names []string
		for _, m := range Due(p, tt.state, minutes(tt.at)) {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestNote: what is folded counts as before, and a repetition does not.
func TestNote(t *testing.T) {
	p := canary(metric("a", func(m *pipeline.Metric) { m.FailureLimit = 10000; m.ErrorLimit = 10000 }))
	s := p.at(0)
	var folded, all []Measurement
	outcomes := []string{Successful, Failed, NoData, Inconclusive, Failed, NoData, NoData}
	for i := range 1000 {
		m := Measurement{Metric: "a", Time: minutes(float64(i)), Outcome: outcomes[i%len(outcomes)]}
		all = append(all, m)
		var over []Measurement
		s, over = Note(s, m)
		folded = append(folded, over...)
		if s, over = Note(s, m); len(over) > 0 {
			t.Fatal("a repetition folds")
		}
		if want, got := tally(p.at(0), all, "a"), tally(s, s.Measured, "a"); want != got {
			t.Fatalf("after %d: %+v, want %+v", i, got, want)
		}
		if len(s.Measured) > maxMeasured {
			t.Fatalf("%d are kept", len(s.Measured))
		}
	}
	if got := append(folded, s.Measured...); !reflect.DeepEqual(got, all) {
		t.Errorf("%d of %d are left", len(got), len(all))
	}
}
