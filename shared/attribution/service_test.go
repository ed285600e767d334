package attribution_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// ledger is a ledger in memory.
type ledger struct {
	byKey map[string][]attribution.Write
	err   error
}

func (l *ledger) Keep(_ context.Context, w attribution.Write) error {
	if l.byKey == nil {
		l.byKey = map[string][]attribution.Write{}
	}
	for _, key := range w.Keys() {
		l.byKey[key] = append(l.byKey[key], w)
	}
	return l.err
}

func (l *ledger) Writes(_ context.Context, keys []string, _ int) ([]attribution.Write, error) {
	var found []attribution.Write
	for _, key := range keys {
		found = append(found, l.byKey[key]...)
	}
	return found, l.err
}

// history is CloudTrail.
type history struct {
	writes []attribution.Write
	asked  []string
	err    error
}

func (h *history) Find(_ context.Context, _ events.StackRef, service, name string, from, until time.Time) ([]attribution.Write, error) {
	h.asked = append(h.asked, service+" "+name)
	if until.Sub(from) != 90*24*time.Hour {
		return nil, errors.New("not the whole history")
	}
	return h.writes, h.err
}

func TestAttribute(t *testing.T) {
	throttled := fault.Transient("ask CloudTrail: Rate exceeded")
	tests := []struct {
		name      string
		kept      []attribution.Write
		ledgerErr error
		history   history
		asked     int
		want      string // event id
		from      string
		class     string
		why       string
		err       bool
	}{
		{name: "the ledger knows", kept: []attribution.Write{write("a", 20)}, want: "a", from: "ledger", class: "person"},
		{name: "CloudTrail knows", history: history{writes: []attribution.Write{write("a", 20)}}, asked: 2, want: "a", from: "lookup", class: "person"},
		{name: "the ledger has another call, CloudTrail the one", kept: []attribution.Write{write("a", 20, sets("/Tags"))},
			history: history{writes: []attribution.Write{write("b", 10)}}, asked: 2, want: "b", from: "lookup", class: "person"},
		{name: "the ledger has the deployment, CloudTrail nothing", kept: []attribution.Write{write("a", 20, ownDeployment)}, asked: 2, want: "a", from: "ledger", class: "ownDeployment"},
		{name: "nobody", asked: 2, class: "unknown", why: "neither the ledger nor CloudTrail"},
		{name: "throttled", history: history{err: throttled}, asked: 1, class: "unknown", why: "Rate exceeded"},
		{name: "throttled, the ledger has something", kept: []attribution.Write{write("a", 20, sets("/Tags"))}, history: history{err: throttled}, asked: 1,
			want: "a", from: "ledger", class: "person", why: "CloudTrail could not be asked for others"},
		{name: "the ledger fails, CloudTrail knows", ledgerErr: throttled, history: history{writes: []attribution.Write{write("a", 20)}}, asked: 2,
			want: "a", from: "lookup", class: "person", why: "the ledger could not be read"},
		{name: "both fail", ledgerErr: throttled, history: history{err: throttled}, asked: 1, err: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &ledger{}
			for _, w := range tt.kept {
				if err := l.Keep(t.Context(), w); err != nil {
					t.Fatal(err)
				}
			}
			l.err = tt.ledgerErr
			s := &attribution.Service{Ledger: l, Lookup: &tt.history, Classifier: attribution.Default(), Now: func() time.Time { return minute(59) }}
			got, err := s.Attribute(t.Context(), attribution.Change{Stack: stack, Resource: queue})
			if (err != nil) != tt.err || len(tt.history.asked) != tt.asked {
				t.Fatalf("%v, asked %v", err, tt.history.asked)
			}
			if got == nil {
				got = &events.Attribution{}
			}
			if got.EventID != tt.want || got.From != tt.from || got.Class != tt.class || !strings.Contains(got.Why, tt.why) {
				t.Errorf("got %+v", got)
			}
			if tt.asked == 2 && !slices.Equal(tt.history.asked, []string{"sqs " + queueURL, "sqs shop-Jobs-1ABC"}) {
				t.Errorf("asked %v", tt.history.asked)
			}
		})
	}
}

// TestTheLedgerIsAskedToTheEnd: what CloudTrail takes for the first resources
// does not cost the others what the ledger knows.
func TestTheLedgerIsAskedToTheEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	l, h := &ledger{}, &history{}
	if err := l.Keep(ctx, write("a", 20, sets("/Tags"))); err != nil {
		t.Fatal(err)
	}
	s := &attribution.Service{Ledger: l, Lookup: h, Classifier: attribution.Default(), Now: time.Now}
	got, err := s.Attribute(ctx, attribution.Change{Stack: stack, Resource: queue})
	if err != nil || got.EventID != "a" || len(h.asked) != 0 || !strings.Contains(got.Why, "no time left") {
		t.Errorf("%+v, %v, asked %v", got, err, h.asked)
	}
}

func TestAttributeATypeThatIsNotAWSs(t *testing.T) {
	s := &attribution.Service{Ledger: &ledger{}, Classifier: attribution.Default(), Now: time.Now}
	got, err := s.Attribute(t.Context(), attribution.Change{Stack: stack, Resource: drifted("Custom::Thing", "x", "/A")})
	if err != nil || got.Class != attribution.ClassUnknown || !strings.Contains(got.Why, "Custom::Thing") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestTrailKeepsWhatAttributeFinds: an event is kept under the keys by which
// the resource is asked for.
func TestTrailKeepsWhatAttributeFinds(t *testing.T) {
	l := &ledger{}
	trail := &attribution.Trail{Keeper: l}
	heard, err := trail.Handle(t.Context(), sample(t, "testdata/queue.json"))
	if err != nil || heard.Kept != 1 || heard.Call != "sqs.amazonaws.com SetQueueAttributes" || heard.Skipped != "" {
		t.Fatalf("heard %+v, %v", heard, err)
	}
	s := &attribution.Service{Ledger: l, Classifier: attribution.Default(), Now: time.Now}
	got, err := s.Attribute(t.Context(), attribution.Change{Stack: stack, Resource: queue})
	if err != nil || got.EventID != heard.EventID || !got.Exact || got.From != attribution.FromLedger {
		t.Errorf("%+v, %v", got, err)
	}

	if heard, err := trail.Handle(t.Context(), []byte(`{"detail-type": "Something Else", "detail": {}}`)); err != nil || heard.Skipped == "" || heard.Kept != 0 {
		t.Errorf("an unknown event: %+v, %v", heard, err)
	}
	if heard, err := trail.Handle(t.Context(), call("ec2.amazonaws.com", "EnableEbsEncryptionByDefault", `{}`)); err != nil || heard.Skipped != "the record names no resource" {
		t.Errorf("a call about no resource: %+v, %v", heard, err)
	}
	if _, err := trail.Handle(t.Context(), []byte(`[]`)); fault.Kind(err) != fault.InvalidError {
		t.Errorf("poison: %v", err)
	}
	l.err = fault.Transient("busy")
	if _, err := trail.Handle(t.Context(), sample(t, "testdata/queue.json")); fault.Kind(err) != fault.TransientError {
		t.Errorf("a busy table: %v", err)
	}
}
