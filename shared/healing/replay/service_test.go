package replay_test

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

type facts []events.Fact

func (f *facts) Publish(_ context.Context, more ...events.Fact) error {
	*f = append(*f, more...)
	return nil
}

// TestTheServiceRunsOverIt: the healer, which only observes by default, reads
// the replayed state as it reads EC2's.
func TestTheServiceRunsOverIt(t *testing.T) {
	var s replay.State
	var told facts
	memory := &fake.HealingState{}
	service := &healing.Service{Parser: healing.Parser{Role: "evenkeel-heal"}, Groups: &s, Records: memory, Policies: memory, Publisher: &told,
		Now: func() time.Time { return time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC) }}
	for _, step := range []struct {
		shape   string
		exposed int
	}{
		{"create-group", 0}, {"authorize-with-description", 0}, {"authorize-nested", 1}, {"error-duplicate", 0}, {"revoke-nested", 0},
		{"prefix-list-create", 0}, {"authorize-prefix-list", 0}, {"prefix-list-add", 1},
	} {
		apply(t, &s, step.shape)
		result, err := service.Handle(t.Context(), shape(t, step.shape))
		if err != nil {
			t.Fatalf("%s: %v", step.shape, err)
		}
		if len(result.Actions) != step.exposed || step.exposed > 0 && (result.Actions[0].Action != healing.ActionExposed || result.Actions[0].Group != group) {
			t.Errorf("%s: %+v, want %d exposed", step.shape, result, step.exposed)
		}
	}
	if len(told) != 2 {
		t.Errorf("%d facts, want 2", len(told))
	}
}
