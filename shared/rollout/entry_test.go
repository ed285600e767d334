package rollout

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAdd(t *testing.T) {
	var timeline []Entry
	for _, m := range []float64{3, 1, 2, 2, 0} {
		timeline = Add(timeline, Entry{Time: minutes(m), Action: EntryStepped, Weight: len(timeline)})
	}
	var order []int
	for _, e := range timeline {
		order = append(order, e.Weight)
	}
	if !slices.Equal(order, []int{4, 1, 2, 3, 0}) {
		t.Errorf("order %v", order)
	}
	before := slices.Clone(timeline)
	if Add(timeline, Entry{Time: minutes(0.5)}); !slices.EqualFunc(before, timeline, func(a, b Entry) bool { return a.Weight == b.Weight && a.Time.Equal(b.Time) }) {
		t.Error("the given timeline was changed")
	}
}

// TestTimelineIsBounded: a rollout of days fits into its item with room to
// spare, and what matters is still there.
func TestTimelineIsBounded(t *testing.T) {
	var timeline []Entry
	value := 0.123456789
	at := start
	for i := range 3000 {
		e := Entry{Time: at, Action: EntryHeld, Weight: 5, Why: strings.Repeat("é", 900)}
		if i == 0 {
			e.Action = EntryStarted
		}
		for range 90 {
			at = at.Add(time.Second)
			e.Measured = append(e.Measured, Measurement{Metric: "a-metric-of-some-length", Time: at, Outcome: Successful, Value: &value, Why: strings.Repeat("w", 500)})
		}
		e.Measured[7].Outcome = Failed
		timeline = Add(timeline, e)
		if i%100 != 0 {
			continue
		}
		text, err := json.Marshal(timeline)
		if err != nil || len(text) > 300<<10 {
			t.Fatalf("%d entries, %d bytes, %v", len(timeline), len(text), err)
		}
	}
	if len(timeline) != maxEntries || timeline[0].Action != EntryStarted || !timeline[len(timeline)-1].Time.Add(90*time.Second).Equal(at) {
		t.Errorf("%d entries", len(timeline))
	}
	if len([]rune(timeline[0].Why)) != maxEntryText {
		t.Errorf("a reason of %d characters", len([]rune(timeline[0].Why)))
	}
	if n := count(timeline); n > maxTimelineMeasured {
		t.Errorf("%d measurements", n)
	}
	last := timeline[len(timeline)-1]
	if !slices.ContainsFunc(last.Measured, func(m Measurement) bool { return m.Outcome == Failed }) {
		t.Error("the failed measurement went before the good ones")
	}
}

// FuzzOutline: what is kept is in order, no more than wanted, all of the bad
// ones while they fit, and the newest.
func FuzzOutline(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 2, 0, 0}, 4)
	f.Add([]byte{1, 1, 1, 1}, 2)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, kinds []byte, n int) {
		if n < 0 || n > 1000 {
			return
		}
		var all []Measurement
		bad := 0
		for i, k := range kinds {
			m := Measurement{Metric: "a", Time: minutes(float64(i)), Outcome: outcomes[int(k)%len(outcomes)]}
			if m.Outcome != Successful {
				bad++
			}
			all = append(all, m)
		}
		kept := outline(all, n)
		if len(kept) != min(len(all), n) {
			t.Fatalf("%d of %d kept, wanted %d", len(kept), len(all), n)
		}
		keptBad := 0
		for i, m := range kept {
			if i > 0 && !m.Time.After(kept[i-1].Time) {
				t.Fatal("out of order")
			}
			if m.Outcome != Successful {
				keptBad++
			}
		}
		if keptBad != min(bad, n) {
			t.Fatalf("%d of %d bad ones kept, of %d", keptBad, bad, n)
		}
		if len(all) > 0 && n > bad && !slices.ContainsFunc(kept, func(m Measurement) bool { return m.Time.Equal(all[len(all)-1].Time) }) {
			t.Fatal("the newest is gone")
		}
	})
}
