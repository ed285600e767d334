package rollout

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

var update = flag.Bool("update", false, "write the golden files")

// scenario is what happens in a rollout that is played to its end.
type scenario struct {
	change   func(*pipeline.Rollout)
	live     Side
	value    func(metric string, weight int, at time.Duration) float64 // NaN: no data
	commands map[time.Duration]Command
	until    time.Duration // 0: to the end
}

// play drives the pure functions as the service does, with a clock that is
// always in time, and keeps the record.
func play(t testing.TB, sc scenario) (Record, time.Time) {
	t.Helper()
	minute := pipeline.Duration(time.Minute)
	step := func(weight int, bake pipeline.Duration) pipeline.RolloutStep {
		return pipeline.RolloutStep{Weight: weight, Bake: bake}
	}
	query := &pipeline.CloudWatchMetric{Period: minute}
	r := pipeline.Rollout{
		Strategy: pipeline.StrategyCanary,
		Steps:    []pipeline.RolloutStep{step(5, 3*minute), step(10, 3*minute), step(25, 5*minute), step(50, 5*minute), step(100, 5*minute)},
		Router:   pipeline.Router{Route53: &pipeline.Route53Router{Name: "api.shop.example", TTL: minute, Value: "x"}},
		Analysis: pipeline.Analysis{Metrics: []pipeline.Metric{
			{Name: "errors", CloudWatch: query, Success: "< 1", Failure: ">= 5", Interval: minute, ErrorLimit: 3},
			{Name: "latency p99", CloudWatch: query, Success: "< 400", Interval: minute, ErrorLimit: 3},
			{Name: "health", HTTP: &pipeline.HTTPCheck{URL: "https://x"}, Interval: minute},
		}},
		PauseTimeout: 30 * minute, Keep: 60 * minute,
	}
	if sc.change != nil {
		sc.change(&r)
	}
	if sc.live == (Side{}) {
		sc.live = Side{Name: Blue}
	}
	if sc.live.Name == "none" {
		sc.live = Side{}
	}
	candidate := Side{Name: Green, Commit: "3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3"}
	if sc.live.Name != Blue {
		candidate.Name = Blue
	}
	record := Record{
		ID:      "r-1-prod-api",
		Request: Request{Target: events.Target{Stage: "prod", Stack: "api", StackName: "shop-api-prod"}, Rollout: r, Candidate: candidate},
		Live:    sc.live, Began: start,
	}
	record.Plan = NewPlan(record.Request, sc.live)
	now := start
	record.State = Begin(record.Plan, now)
	enter := func(action, why, by string, measured []Measurement) {
		record.Timeline = Add(record.Timeline, Entry{Time: now, Action: action, Weight: record.State.Weight, Why: why, By: by, Measured: measured})
	}
	enter(EntryStarted, "", "", nil)
	p := record.Plan
	for range 10000 {
		for at, c := range sc.commands {
			if now.Before(start.Add(at)) {
				continue
			}
			delete(sc.commands, at)
			c.At = now
			before := record.State
			s, err := Obey(p, record.State, c)
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			record.State = s
			switch {
			case c.Name == CommandResume && before.Phase == Paused:
				enter(EntryResumed, "", c.By, nil)
			case c.Name == CommandPause:
				enter(EntryPaused, s.Why, c.By, before.Measured)
			}
		}
		if s := record.State; s.Pending() {
			why := s.Why
			record.State = Settle(p, s, now)
			action := EntryStepped
			switch record.State.Phase {
			case Aborted:
				action = EntryAborted
			case SwitchedBack:
				action = EntrySwitchedBack
			case Promoted:
				action = EntryPromoted
			}
			enter(action, why, "", s.Measured)
		}
		for _, m := range Due(p, record.State, now) {
			look := Measurement{Metric: m.Name, Time: now, Outcome: Successful, Why: "200 in 31ms"}
			if value := sc.value(m.Name, record.State.Weight, now.Sub(start)); math.IsNaN(value) {
				look.Outcome, look.Why = NoData, "CloudWatch has no value of the last 2 periods"
			} else if m.CloudWatch != nil {
				look.Value = &value
				look.Outcome, look.Why = Judge(m, value)
			}
			record.State, _ = Note(record.State, look)
		}
		d := Decide(p, record.State, Health{At: now, Measured: record.State.Measured})
		before := record.State
		record.State = Apply(p, before, d, now)
		if before.Phase == Stepping && record.State.Phase == Paused {
			enter(EntryPaused, d.Why, "", before.Measured)
		}
		if d.Action == Finish && d.Wait == 0 {
			if record.State.Phase == Promoted {
				record.State = Retire(record.State)
				enter(EntryRetired, "it stays without traffic, for the next rollout", "", nil)
			}
			return record, now
		}
		wait := d.Wait
		for at := range sc.commands {
			if until := start.Add(at).Sub(now); until > 0 {
				wait = min(wait, until)
			}
		}
		if sc.until > 0 && now.Add(wait).After(start.Add(sc.until)) {
			return record, start.Add(sc.until)
		}
		now = now.Add(wait)
	}
	t.Fatalf("no end: %+v", record.State)
	return record, now
}

// wave is a value that moves about a middle as real ones do.
func wave(middle, height float64, at time.Duration) float64 {
	m := at.Minutes()
	return math.Round((middle+height*(math.Sin(m*1.3)+0.6*math.Sin(m*2.9+1)))*1000) / 1000
}

func healthy(metric string, _ int, at time.Duration) float64 {
	if metric == "errors" {
		return max(wave(0.3, 0.2, at), 0)
	}
	return wave(240, 35, at)
}

var scenarios = map[string]scenario{
	"promoted": {value: healthy},
	"aborted": {value: func(metric string, weight int, at time.Duration) float64 {
		if metric == "errors" && weight >= 25 && at > 10*time.Minute {
			return 7.25
		}
		return healthy(metric, weight, at)
	}},
	"inconclusive": {value: func(metric string, weight int, at time.Duration) float64 {
		if metric == "errors" && weight == 25 {
			return 2.4
		}
		return healthy(metric, weight, at)
	}, commands: map[time.Duration]Command{
		20 * time.Minute: {Name: CommandResume, By: "arn:aws:sts::111122223333:assumed-role/ops/ada@shop.example"},
	}},
	"nodata": {value: func(metric string, weight int, at time.Duration) float64 {
		if metric == "latency p99" && at > 8*time.Minute {
			return math.NaN()
		}
		return healthy(metric, weight, at)
	}},
	"running": {value: healthy, until: 13*time.Minute + 30*time.Second},
	"first":   {value: healthy, live: Side{Name: "none"}},
	"switchback": {value: healthy, live: Side{Name: Green}, change: func(r *pipeline.Rollout) {
		r.Strategy = pipeline.StrategyBlueGreen
		r.Steps = []pipeline.RolloutStep{{Weight: 100, Bake: pipeline.Duration(10 * time.Minute)}}
		r.Promotion = pipeline.PromotionManual
		r.Router = pipeline.Router{ALB: &pipeline.ALBRouter{}}
	}, commands: map[time.Duration]Command{
		6 * time.Minute: {Name: CommandResume, By: "arn:aws:sts::111122223333:assumed-role/ops/ada@shop.example"},
		25 * time.Minute: {Name: CommandAbort, By: "arn:aws:sts::111122223333:assumed-role/ops/ada@shop.example",
			Reason: "orders of customers with two addresses fail since the switch; support has eleven cases, all of them since 12:16, none before"},
	}},
}

// TestGraph holds the pictures, byte for byte; look at a new one before it is
// committed: go test ./shared/rollout -run TestGraph -update.
func TestGraph(t *testing.T) {
	for name, sc := range scenarios {
		t.Run(name, func(t *testing.T) {
			record, now := play(t, sc)
			svg := Graph(record, now)
			if again := Graph(record, now); !bytes.Equal(svg, again) {
				t.Error("the same record gives another picture")
			}
			wellFormed(t, svg)
			file := filepath.Join("testdata", "graph", name+".svg")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, svg, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(svg, want) {
				t.Errorf("%s is not the same (%v): go test ./shared/rollout -run TestGraph -update, and look at it", file, err)
			}
		})
	}
}

var outside = regexp.MustCompile(`(?i)(href|src|url\(|@import|<script|<image|<foreignObject|<a[\s>]|\son[a-z]+=)`)

// wellFormed checks that a picture is XML, with a title and a description, and
// needs nothing of elsewhere.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	elements := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["svg"] != 1 || elements["title"] == 0 || elements["desc"] != 1 || bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf\"")) {
		t.Errorf("elements %v in %s", elements, svg)
	}
	if at := outside.FindIndex(stripText(svg)); at != nil {
		t.Errorf("something of elsewhere: %s", svg[at[0]:min(at[1]+60, len(svg))])
	}
}

// stripText blanks what stands between the elements, which may say anything.
func stripText(svg []byte) []byte {
	return regexp.MustCompile(`>[^<]*<`).ReplaceAllFunc(svg, func(b []byte) []byte {
		if bytes.Contains(b, []byte("@media")) {
			return b
		}
		return []byte(">" + strings.Repeat(" ", len(b)-2) + "<")
	})
}

// TestGraphOfNothing: a record that has hardly begun, or is damaged, is drawn
// all the same.
func TestGraphOfNothing(t *testing.T) {
	wellFormed(t, Graph(Record{}, start))
	wellFormed(t, Graph(Record{Began: start, Timeline: []Entry{{Time: start.Add(-time.Hour), Action: "x", Weight: 200}}}, time.Time{}))
	record, _ := play(t, scenarios["running"])
	record.Timeline = nil
	wellFormed(t, Graph(record, start.Add(-time.Hour)))
}

// FuzzGraph: whatever texts and values a record holds, the picture is
// well-formed and has nothing active in it.
func FuzzGraph(f *testing.F) {
	f.Add("api", "errors", "7 is not < 1", "< 1", 7.0, 5, int64(60))
	f.Add("api", "errors", "x", "< -1e308", 1.7e308, 5, int64(60))
	f.Add("api", "errors", "x", "< 1e-320 or > 1.7976931348623157e308", -1.7976931348623157e308, 5, int64(60))
	f.Add("<script>", "\"onload=\"x", "a\x00b\xff]]>", "&amp;", math.Inf(1), -3, int64(-5))
	f.Fuzz(func(t *testing.T, stack, metric, why, condition string, value float64, weight int, seconds int64) {
		at := start.Add(time.Duration(seconds) * time.Second)
		measured := []Measurement{{Metric: metric, Time: at, Outcome: why, Value: &value, Why: why}, {Metric: stack, Time: at, Outcome: Failed}}
		svg := Graph(Record{
			Request: Request{Target: events.Target{Stack: stack, Stage: metric}, Candidate: Side{Name: why, Commit: condition}},
			Plan:    Plan{Metrics: []pipeline.Metric{{Name: metric, Success: condition, CloudWatch: &pipeline.CloudWatchMetric{}}}},
			Began:   start,
			State:   State{Phase: Phase(stack), Measured: measured},
			Timeline: []Entry{{Time: at, Action: EntryPaused, Weight: weight, Why: why, By: stack, Measured: measured},
				{Time: at.Add(time.Hour), Action: why, Weight: 100}},
		}, at.Add(2*time.Hour))
		wellFormed(t, svg)
	})
}
