package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/local/emulator"
)

// busOf is a bus whose first batch waits until all is queued.
func busOf(t *testing.T, emit func(b *Bus)) (batches [][]string) {
	t.Helper()
	queued := make(chan struct{})
	b := newBus(func(events ...emulator.Event) error {
		<-queued
		var ids []string
		for _, event := range events {
			ids = append(ids, event.ID)
		}
		batches = append(batches, ids)
		return nil
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	emit(b)
	close(queued)
	b.close()
	return batches
}

func TestBusPutsABurstInBatchesAndInOrder(t *testing.T) {
	var want []string
	batches := busOf(t, func(b *Bus) {
		for i := range 500 {
			want = append(want, fmt.Sprint(i))
			b.Emit(emulator.Event{ID: fmt.Sprint(i), Detail: json.RawMessage("{}")})
		}
	})
	var got []string
	for _, batch := range batches {
		if len(batch) > maxBatch {
			t.Errorf("a batch of %d", len(batch))
		}
		got = append(got, batch...)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("put in the order %v", got)
	}
	// The first events may leave alone, before the others are queued.
	if len(batches) > 52 {
		t.Errorf("500 events took %d calls", len(batches))
	}
}

func TestBusSpoilsEventsInsideABatch(t *testing.T) {
	batches := busOf(t, func(b *Bus) {
		b.Emit(emulator.Event{ID: "first"}) // holds the others back
		b.mu.Lock()
		b.faults = Faults{Lose: 1, Duplicate: 1, Only: "spoiled"}
		b.mu.Unlock()
		for _, id := range []string{"lost", "twice", "once"} {
			b.Emit(emulator.Event{ID: id, DetailType: "spoiled"})
		}
		b.Emit(emulator.Event{ID: "other"})
	})
	if got := strings.Join(flat(batches), " "); got != "first twice twice once other" {
		t.Errorf("put %s", got)
	}
}

// A batch stays below what PutEvents takes.
func TestBusKeepsBatchesSmall(t *testing.T) {
	large := json.RawMessage(`"` + strings.Repeat("x", 90<<10) + `"`)
	batches := busOf(t, func(b *Bus) {
		for i := range 9 {
			b.Emit(emulator.Event{ID: fmt.Sprint(i), Detail: large})
		}
	})
	if got := strings.Join(flat(batches), ""); got != "012345678" {
		t.Errorf("put %s", got)
	}
	for _, batch := range batches {
		if len(batch) > 2 {
			t.Errorf("a batch of %d KB", 90*len(batch))
		}
	}
}

func flat(batches [][]string) []string {
	var all []string
	for _, batch := range batches {
		all = append(all, batch...)
	}
	return all
}
