package ledger

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/metrics"
)

// Journal keeps entries.
type Journal interface {
	// Append writes an entry once; added is false when it was there.
	Append(ctx context.Context, e Entry) (added bool, err error)
}

// Metrics takes measurements.
type Metrics interface {
	Put(dimensions map[string]string, values ...metrics.Value) error
}

var _ Metrics = (*metrics.Writer)(nil)

// Recorder records facts.
type Recorder struct {
	Journal Journal
	Metrics Metrics
}

// Recorded says what became of an event.
type Recorded struct {
	Known      bool   `json:"known"` // it is a fact of ours
	Added      bool   `json:"added"` // it is new
	DetailType string `json:"detailType"`
	Subject    string `json:"subject,omitempty"`
	EventID    string `json:"eventId,omitempty"`
}

// Result is Recorded in one word.
func (r Recorded) Result() string {
	switch {
	case !r.Known:
		return "unknown event"
	case r.Added:
		return "recorded"
	default:
		return "repeated"
	}
}

// Handle records the fact that an EventBridge event carries, and measures it
// if it is new. An event that is no fact of ours changes nothing. A fact that
// cannot be read is a fault.InvalidError: it belongs into the dead-letter
// queue, where it can be looked at, and not into oblivion.
func (r *Recorder) Handle(ctx context.Context, event json.RawMessage) (Recorded, error) {
	var envelope events.Envelope[json.RawMessage]
	if err := json.Unmarshal(event, &envelope); err != nil {
		return Recorded{}, fault.Invalid("the event is not an EventBridge event: %w", err)
	}
	entry, known, err := NewEntry(envelope)
	result := Recorded{Known: known, DetailType: envelope.DetailType, Subject: entry.Subject, EventID: entry.EventID}
	if err != nil || !known {
		return result, err
	}
	result.Added, err = r.Journal.Append(ctx, entry)
	if err != nil || !result.Added {
		return result, err
	}
	measurements, err := Measure(entry)
	for _, m := range measurements {
		if err == nil {
			err = r.Metrics.Put(m.Dimensions, m.Values...)
		}
	}
	return result, err
}
