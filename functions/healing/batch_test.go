package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// desk stands for the service: an event is "id group second [no-op]", handled
// as results and errs say.
type desk struct {
	handled []string // event ids, in order
	beside  []string // ids of the events that came with them
	groups  map[string]int
	errs    map[string]error
	skips   map[string]string
	after   []string // "receipt pause", in order
	spend   func()
	firsts  int
	results map[string]string // why the service skipped an event
	log     bytes.Buffer
}

func (d *desk) parse(event []byte) (healing.Record, error) {
	var id, group string
	var second int
	if _, err := fmt.Sscan(string(event), &id, &group, &second); err != nil {
		return healing.Record{}, fault.Invalid("event: %w", err)
	}
	return healing.Record{
		Place: healing.Place{Account: "222222222222", Region: "us-east-1"}, Subject: healing.Subject{Groups: []string{group}},
		Trigger: events.Trigger{EventID: id, Time: time.Unix(int64(second), 0)}, Skip: d.skips[id],
	}, nil
}

func (d *desk) handle(ctx context.Context, event []byte, alike ...healing.Record) (healing.Result, error) {
	for _, r := range alike {
		d.beside = append(d.beside, r.Trigger.EventID)
	}
	r, _ := d.parse(event)
	id := r.Trigger.EventID
	d.handled = append(d.handled, id)
	if d.spend != nil {
		d.spend()
	}
	groups, ok := d.groups[id]
	if !ok {
		groups = 1
	}
	if err := ctx.Err(); err != nil {
		return healing.Result{}, err
	}
	return healing.Result{EventID: id, Groups: groups, Skipped: r.Skip + d.results[id]}, d.errs[id]
}

func (d *desk) first(ctx context.Context, event []byte, alike ...healing.Record) (healing.Result, error) {
	d.firsts++
	return d.handle(ctx, event, alike...)
}

func (d *desk) run(ctx context.Context, bodies ...string) []string {
	b := &batches{
		parse: d.parse, first: d.first, handle: d.handle, log: slog.New(slog.NewJSONHandler(&d.log, nil)),
		spread: func(t time.Duration) time.Duration { return t },
		after: func(_ context.Context, _, receipt string, after time.Duration) error {
			d.after = append(d.after, receipt+" "+after.String())
			return nil
		},
	}
	messages := make([]message, len(bodies))
	for i, body := range bodies {
		messages[i] = message{ID: fmt.Sprintf("m%d", i), Receipt: fmt.Sprintf("r%d", i), Body: body}
		messages[i].Attributes.Receives = 1
	}
	failed := []string{}
	for _, f := range b.run(ctx, messages).Failures {
		failed = append(failed, f.ID)
	}
	return failed
}

func TestBatch(t *testing.T) {
	throttled := fault.Transient("throttled")
	tests := []struct {
		name    string
		bodies  []string
		desk    desk
		handled []string
		failed  []string
		after   []string
	}{
		{name: "nothing"},
		{name: "each group is looked at", bodies: []string{"a sg-1 1", "b sg-2 2"}, handled: []string{"a", "b"}},
		{name: "one look answers all events of a group, the oldest one's",
			bodies: []string{"b sg-1 2", "c sg-2 1", "a sg-1 1", "d sg-1 3"}, handled: []string{"a", "c"}},
		{name: "a duplicate is handled once", bodies: []string{"a sg-1 1", "a sg-1 1"},
			desk: desk{groups: map[string]int{"a": 0}}, handled: []string{"a"}},
		{name: "a duplicate fails with its original", bodies: []string{"a sg-1 1", "a sg-1 1"},
			desk: desk{errs: map[string]error{"a": throttled}}, handled: []string{"a"}, failed: []string{"m0", "m1"}, after: []string{"r0 2s", "r1 2s"}},
		{name: "what was handled before answers nobody else", bodies: []string{"a sg-1 1", "b sg-1 2", "c sg-1 3"},
			desk: desk{results: map[string]string{"a": healing.HandledBefore}}, handled: []string{"a", "b"}},
		{name: "a look that found nothing answers all", bodies: []string{"a sg-1 1", "b sg-1 2"},
			desk: desk{results: map[string]string{"a": healing.NothingOpen}}, handled: []string{"a"}},
		{name: "a group that is gone answers nobody", bodies: []string{"a sg-1 1", "b sg-1 2"},
			desk: desk{groups: map[string]int{"a": 0}}, handled: []string{"a", "b"}},
		{name: "a failed look answers nobody else", bodies: []string{"a sg-1 1", "b sg-1 2", "c sg-1 3"},
			desk: desk{errs: map[string]error{"a": throttled}}, handled: []string{"a", "b"}, failed: []string{"m0"}, after: []string{"r0 2s"}},
		{name: "a throttle fails no other group", bodies: []string{"a sg-1 1", "b sg-2 2"},
			desk: desk{errs: map[string]error{"a": throttled}}, handled: []string{"a", "b"}, failed: []string{"m0"}, after: []string{"r0 2s"}},
		{name: "poison fails alone and does not wait", bodies: []string{"?", "b sg-2 2"}, handled: []string{"b"}, failed: []string{"m0"}, after: []string{"r0 0s"}},
		{name: "what needs no look answers nobody", bodies: []string{"a sg-1 1", "b sg-1 2"},
			desk: desk{skips: map[string]string{"a": "a revoke closes"}}, handled: []string{"a", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failed := tt.desk.run(t.Context(), tt.bodies...)
			if !slices.Equal(tt.desk.handled, tt.handled) || !slices.Equal(failed, tt.failed) || !slices.Equal(tt.desk.after, tt.after) {
				t.Errorf("handled %v, failed %v, come again %v; want %v, %v, %v", tt.desk.handled, failed, tt.desk.after, tt.handled, tt.failed, tt.after)
			}
			if lines := strings.Count(tt.desk.log.String(), "\n"); lines != len(tt.failed) {
				t.Errorf("%d log lines for %d failed messages:\n%s", lines, len(tt.failed), tt.desk.log.String())
			}
		})
	}
}

// One look answers for events that opened different rules of a group: each says
// who opened what.
func TestBatchHandsOverWhatCameWithIt(t *testing.T) {
	d := desk{}
	d.run(t.Context(), "b sg-1 2", "a sg-1 1", "x sg-2 1", "c sg-1 3")
	if !slices.Equal(d.handled, []string{"a", "x"}) || !slices.Equal(d.beside, []string{"b", "c"}) {
		t.Errorf("handled %v, beside %v", d.handled, d.beside)
	}
}

// The answer leaves before Lambda breaks the invocation off: what had no turn
// fails, and what was done stays done.
func TestBatchStopsInTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), margin+400*time.Millisecond)
	defer cancel()
	d := desk{spend: func() { time.Sleep(250 * time.Millisecond) }}
	started := time.Now()
	failed := d.run(ctx, "a sg-1 1", "b sg-2 2", "c sg-3 3", "d sg-4 4")
	if took := time.Since(started); took > margin {
		t.Errorf("it took %s", took)
	}
	if !slices.Equal(d.handled, []string{"a", "b"}) || !slices.Equal(failed, []string{"m1", "m2", "m3"}) || len(d.after) != 3 {
		t.Errorf("handled %v, failed %v, come again %v", d.handled, failed, d.after)
	}
}

// Only a message that says it came for the first time is handled as such.
func TestBatchKnowsWhatCameBefore(t *testing.T) {
	d := desk{}
	b := &batches{parse: d.parse, first: d.first, handle: d.handle}
	for receives, want := range []int{0, 1, 1} {
		m := message{ID: "m", Body: "a sg-1 1"}
		m.Attributes.Receives = receives
		if b.run(t.Context(), []message{m}); d.firsts != want {
			t.Errorf("received %d times: handled %d times as new, want %d", receives, d.firsts, want)
		}
	}
}

func TestPause(t *testing.T) {
	var got []string
	for receives := range 8 {
		got = append(got, pause(receives, errors.New("denied")).String())
	}
	if want := []string{"2s", "2s", "8s", "32s", "2m0s", "2m0s", "2m0s", "2m0s"}; !reflect.DeepEqual(got, want) {
		t.Errorf("pauses %v, want %v", got, want)
	}
	for range 100 {
		if p := jitter(8 * time.Second); p < 4*time.Second || p > 8*time.Second {
			t.Fatalf("8 s became %s", p)
		}
	}
	if jitter(0) != 0 {
		t.Error("nothing became something")
	}
}
