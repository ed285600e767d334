package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

// message is what Lambda hands over of a message of a queue. Its body is an
// event as EventBridge put it there.
// Source: Lambda developer guide, "Using Lambda with Amazon SQS".
type message struct {
	ID         string `json:"messageId"`
	Receipt    string `json:"receiptHandle"`
	Body       string `json:"body"`
	Queue      string `json:"eventSourceARN"`
	Attributes struct {
		Receives int `json:"ApproximateReceiveCount,string"` // this time included
	} `json:"attributes"`
}

// unhandled names the messages that come again; the others are deleted.
// Source: Lambda developer guide, "Implementing partial batch responses".
type unhandled struct {
	Failures []failure `json:"batchItemFailures"`
}

type failure struct {
	ID string `json:"itemIdentifier"`
}

// batches handles batches of messages. Each message fails alone.
type batches struct {
	parse  func(event []byte) (healing.Record, error)
	first  func(ctx context.Context, event []byte, alike ...healing.Record) (healing.Result, error) // of a message that comes for the first time, see healing.Service
	handle func(ctx context.Context, event []byte, alike ...healing.Record) (healing.Result, error) // of one that comes again
	after  func(ctx context.Context, queue, receipt string, after time.Duration) error              // see redelivery.Client
	spread func(time.Duration) time.Duration                                                        // takes some of a time away, so that not all come again together
	log    *slog.Logger
}

// margin is what is kept of the invocation's time for the answer: a batch that
// Lambda breaks off is delivered again whole.
const margin = 5 * time.Second

// item is one message and what became of it.
type item struct {
	message
	record healing.Record
	result healing.Result
	shared bool // another message's look at the same groups answers it
	err    error
}

func (b *batches) run(ctx context.Context, messages []message) unhandled {
	work, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		work, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
	}
	defer cancel()
	items := make([]*item, len(messages))
	for i, m := range messages {
		items[i] = &item{message: m}
		items[i].record, items[i].err = b.parse([]byte(m.Body))
	}
	for _, alike := range bySubject(items) {
		b.look(work, alike)
	}
	out := unhandled{Failures: []failure{}}
	for _, it := range items {
		if it.err != nil {
			out.Failures = append(out.Failures, failure{it.ID})
			b.postpone(ctx, it)
		}
	}
	annotateBatch(ctx, items, len(out.Failures))
	return out
}

// bySubject puts together the messages that concern the same groups, the oldest
// event first: the exposure is counted from it. What needs no look, or cannot
// be read, stays alone.
func bySubject(items []*item) [][]*item {
	var out [][]*item
	places := map[string]int{}
	for _, it := range items {
		if it.err != nil || it.record.Skip != "" {
			out = append(out, []*item{it})
			continue
		}
		subject := it.record.Subject
		subject.Opened = nil // which of the group's rules it was does not matter
		key := fmt.Sprintf("%#v %#v", it.record.Place, subject)
		at, ok := places[key]
		if !ok {
			at, places[key] = len(out), len(out)
			out = append(out, nil)
		}
		out[at] = append(out[at], it)
	}
	for _, alike := range out {
		slices.SortStableFunc(alike, func(a, b *item) int { return a.record.Trigger.Time.Compare(b.record.Trigger.Time) })
	}
	return out
}

// look handles messages that concern the same groups. All of them were there
// before the first look, so that the live rules which it read hold what every
// one of them told of: after one look that succeeded the others have their
// answer, and 500 events about one group cost 50 looks. A failed look, and an
// event that was handled before, answers only its own duplicates.
func (b *batches) look(ctx context.Context, alike []*item) {
	looked, byEvent := false, map[string]*item{}
	for _, it := range alike {
		same := byEvent[it.record.Trigger.EventID]
		switch {
		case it.err != nil:
		case looked:
			it.shared = true
		case same != nil:
			it.shared, it.err = true, same.err
		case ctx.Err() != nil:
			it.err = fault.Transient("the time of the invocation ended before this event's turn: %w", ctx.Err())
		default:
			handle := b.handle
			if it.Attributes.Receives == 1 {
				handle = b.first // an attempt that broke off left its own message, which says that it came before
			}
			it.result, it.err = handle(ctx, []byte(it.Body), others(alike, it)...)
			looked = it.err == nil && it.result.Groups > 0 && it.result.Skipped != healing.HandledBefore
			byEvent[it.record.Trigger.EventID] = it
		}
	}
}

// others are the records beside an item's own: they say who opened what its look
// may find.
func others(alike []*item, it *item) []healing.Record {
	var records []healing.Record
	for _, other := range alike {
		if other != it && other.err == nil {
			records = append(records, other.record)
		}
	}
	return records
}

// postpone says in the log why a message failed, and to the queue when it comes
// again. Without that it would come after the queue's visibility timeout, six
// minutes in which a group is open.
func (b *batches) postpone(ctx context.Context, it *item) {
	again := b.spread(pause(it.Attributes.Receives, it.err))
	attrs := []any{"message", it.ID, "event", it.record.Trigger.EventID, "receives", it.Attributes.Receives,
		"again", again.String(), "fault", fault.Kind(it.err), "error", it.err.Error()}
	if err := b.after(ctx, it.Queue, it.Receipt, again); err != nil {
		attrs = append(attrs, "againFault", err.Error())
	}
	b.log.ErrorContext(ctx, "message failed", attrs...)
}

// pause is how long a message waits after it failed. What cannot be read will
// never be: it may become a dead letter at once. Anything else, a throttle
// above all, gets 2, 8, 32 and then 120 seconds, from which spread takes some.
func pause(receives int, err error) time.Duration {
	if fault.Is(err, fault.InvalidError) {
		return 0
	}
	wait := 2 * time.Second
	for i := 1; i < receives && wait < longestPause; i++ {
		wait *= 4
	}
	return min(wait, longestPause)
}

const longestPause = 2 * time.Minute

// annotateBatch sums the batch up for the invocation's log line.
func annotateBatch(ctx context.Context, items []*item, failed int) {
	groups, shared, actions, unread, skipped := 0, 0, []healing.Action{}, []string{}, map[string]int{}
	ids := make([]string, 0, len(items))
	for _, it := range items {
		ids = append(ids, cmp.Or(it.record.Trigger.EventID, it.ID))
		groups += it.result.Groups
		actions, unread = append(actions, it.result.Actions...), append(unread, it.result.Unread...)
		if it.shared && it.err == nil {
			shared++
		}
		if reason := cmp.Or(it.record.Skip, it.result.Skipped); reason != "" {
			skipped[reason]++
		}
	}
	invoke.Annotate(ctx, "kind", "batch", "messages", len(items), "failed", failed, "shared", shared, "groups", groups, "events", ids)
	if len(skipped) > 0 {
		invoke.Annotate(ctx, "skipped", skipped)
	}
	if len(unread) > 0 {
		invoke.Annotate(ctx, "unread", unread)
	}
	if len(actions) > 0 {
		invoke.Annotate(ctx, "actions", actions)
	}
}
