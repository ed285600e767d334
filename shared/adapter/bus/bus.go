// Package bus publishes facts on the event bus.
package bus

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// maxEntries is the most that one PutEvents call takes.
// Source: EventBridge API reference, PutEvents.
const maxEntries = 10

// maxEntrySize is the most bytes of one entry, 256 KB.
const maxEntrySize = 256 * 1024

// Bus publishes on one event bus.
type Bus struct {
	client *eventbridge.Client
	name   string
}

// New returns a publisher on the bus called name.
func New(cfg aws.Config, name string) *Bus {
	return &Bus{client: eventbridge.NewFromConfig(cfg), name: name}
}

// Publish puts the facts on the bus in order. PutEvents answers 200 even when
// single entries failed, so each one is looked at; what failed is tried once
// more and then reported. Publishing twice is harmless: consumers are
// idempotent on Metadata.ID.
func (b *Bus) Publish(ctx context.Context, facts ...events.Fact) error {
	entries := make([]types.PutEventsRequestEntry, 0, len(facts))
	for _, fact := range facts {
		entry, err := b.entry(fact)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	for len(entries) > 0 {
		n := min(len(entries), maxEntries)
		failed, err := b.put(ctx, entries[:n])
		if err == nil && len(failed) > 0 {
			failed, err = b.put(ctx, failed)
		}
		if err != nil {
			return err
		}
		if len(failed) > 0 {
			return fault.Transient("publish %s: the bus %s refused %d of %d entries twice",
				aws.ToString(failed[0].DetailType), b.name, len(failed), n)
		}
		entries = entries[n:]
	}
	return nil
}

func (b *Bus) entry(fact events.Fact) (types.PutEventsRequestEntry, error) {
	detail, err := json.Marshal(events.Detail[events.Data](fact))
	if err != nil {
		return types.PutEventsRequestEntry{}, fault.Permanent("encode %s: %w", fact.Data.DetailType(), err)
	}
	if len(detail) > maxEntrySize {
		return types.PutEventsRequestEntry{}, fault.Permanent("%s has %d bytes, more than an event may have", fact.Data.DetailType(), len(detail))
	}
	return types.PutEventsRequestEntry{
		EventBusName: aws.String(b.name),
		Source:       aws.String(fact.Data.Source()),
		DetailType:   aws.String(fact.Data.DetailType()),
		Detail:       aws.String(string(detail)),
		Time:         aws.Time(fact.Metadata.Time),
	}, nil
}

// put returns the entries that the bus did not take.
func (b *Bus) put(ctx context.Context, entries []types.PutEventsRequestEntry) ([]types.PutEventsRequestEntry, error) {
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return nil, awserr.Classify("publish on "+b.name, err)
	}
	var failed []types.PutEventsRequestEntry
	for i, result := range out.Entries {
		if result.ErrorCode != nil {
			failed = append(failed, entries[i])
		}
	}
	return failed, nil
}
