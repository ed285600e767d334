package healing_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// at is the sample with another time, "" for none, in record and envelope.
func at(t *testing.T, name, when string) []byte {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(sample(t, name), &event); err != nil {
		t.Fatal(err)
	}
	detail, _ := event["detail"].(map[string]any)
	delete(event, "time")
	if detail["eventTime"] = when; when == "" {
		delete(detail, "eventTime")
	}
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestExposure: it is the time from the call to the read that saw the rule
// closed, never negative, and zero where nobody knows when the rule was opened.
func TestExposure(t *testing.T) {
	const unknown = time.Duration(0)
	now := newWorld().now
	for _, tt := range []struct {
		name, time string
		want       time.Duration
	}{
		{"told by its event", now.Add(-90 * time.Second).Format(time.RFC3339), 90 * time.Second},
		{"the clock of CloudTrail is ahead", now.Add(time.Hour).Format(time.RFC3339), unknown},
		{"the record has no time", "", unknown},
		{"the record's time cannot be read", "yesterday", unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			bad := w.open("tcp/22", "0.0.0.0/0")
			result := w.mustHandle(t, ruleIDs.ReplaceAll(at(t, "nested-ipv4", tt.time), []byte(bad.RuleID)))
			healed, ok := w.bus.distinct(t)[0].Data.(events.SecurityGroupHealed)
			late := healed.Exposure - tt.want // the clock of the test goes on with each look
			if !ok || late < 0 || late > time.Second || tt.want == unknown && late != 0 || result.Actions[0].Exposure != healed.Exposure {
				t.Errorf("exposure %s, answered %s, want %s", healed.Exposure, result.Actions[0].Exposure, tt.want)
			}
		})
	}
	w := newWorld()
	w.open("tcp/22", "0.0.0.0/0")
	if _, err := w.Sweep(context.Background(), "1", []healing.Place{hub}); err != nil {
		t.Fatal(err)
	}
	if healed, ok := w.bus.distinct(t)[0].Data.(events.SecurityGroupHealed); !ok || healed.Exposure != 0 {
		t.Errorf("found by a sweep: %+v", healed)
	}
}
