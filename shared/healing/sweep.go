package healing

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// sweepEvent is the name of the trigger of a heal that a sweep began.
const sweepEvent = "Sweep"

// sweepMargin is what a sweep keeps of its invocation's time to tell what it
// found. What it has not reached by then is left to the repeated invocation.
const sweepMargin = 10 * time.Second

// Sweep applies the same plan to every group of the places, because events
// are delivered with best effort, and tells what they had missed. id names the
// sweep; a repeated one with the same id changes nothing. A place that cannot
// be swept does not keep the others from it: its fault is told. An error is
// returned if another attempt may do better; that one goes on with the places
// that were not swept. Each sweep begins with another place, so that one that
// is too long for its time leaves out others than the one before it.
func (s *Service) Sweep(ctx context.Context, id string, places []Place) (Result, error) {
	t := s.task(events.Trigger{EventID: "sweep-" + id, EventName: sweepEvent, Found: events.FoundBySweep})
	claim, err := s.Records.Claim(ctx, t.trigger.EventID)
	if err != nil {
		return t.result, err
	}
	if claim.Done {
		t.result.Skipped = HandledBefore
		return t.result, t.resume(ctx, claim.Heals)
	}
	faults := []error{t.resume(ctx, claim.Heals)}
	swept := make([]events.SweptPlace, 0, len(places))
	for _, at := range rotated(places, id) {
		seen, looked, err := t.sweepPlace(ctx, at)
		if err != nil {
			seen.Fault = err.Error()
		}
		if looked {
			swept = append(swept, seen)
		}
		if again(err) {
			faults = append(faults, err)
		}
	}
	slices.SortFunc(swept, func(a, b events.SweptPlace) int {
		return Place{a.Account, a.Region}.compare(Place{b.Account, b.Region})
	})
	faults = append(faults, s.Publisher.Publish(ctx, t.swept(swept)))
	if err := errors.Join(faults...); err != nil {
		return t.result, err
	}
	return t.result, s.Records.Finish(ctx, t.trigger.EventID)
}

// sweepPlace sweeps one place, unless an earlier attempt of the same sweep did.
func (t *task) sweepPlace(ctx context.Context, at Place) (seen events.SweptPlace, looked bool, err error) {
	seen = events.SweptPlace{Account: at.Account, Region: at.Region}
	if deadline, ok := ctx.Deadline(); ok {
		if time.Until(deadline) <= sweepMargin {
			return seen, true, fault.Transient("not swept: the time of the invocation had ended before its turn")
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-sweepMargin))
		defer cancel()
	}
	key := t.trigger.EventID + "/" + at.Account + "/" + at.Region
	claim, err := t.Records.Claim(ctx, key)
	if err != nil || claim.Done {
		return seen, err != nil, err
	}
	found, err := t.screen(ctx, at, Subject{Everything: true})
	if err == nil {
		err = errors.Join(t.closeAll(ctx, found), errors.Join(t.unwell...))
		t.unwell = nil
	}
	if !again(err) {
		err = errors.Join(err, t.Records.Finish(ctx, key))
	}
	return found.seen, true, err
}

// rotated gives the places in the order in which the sweep goes through them.
func rotated(places []Place, id string) []Place {
	if len(places) == 0 {
		return nil
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(id))
	first := int(sum.Sum32() % uint32(len(places))) //nolint:gosec // far fewer than 2³² places
	return slices.Concat(places[first:], places[:first])
}

// again reports whether any of the joined errors may pass by itself.
func again(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what the outermost one is counts
		return slices.ContainsFunc(joined.Unwrap(), again)
	}
	return fault.Is(err, fault.TransientError) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// owed is an error that comes again, whatever its cause: rules were closed, and
// nobody was told yet.
func owed(err error) error {
	if err == nil || again(err) {
		return err
	}
	return fault.Transient("rules were closed and it is not told yet: %w", err)
}

// swept is what is published about the sweep. A repeated attempt finds
// something else, so that its fact is another one.
func (t *task) swept(places []events.SweptPlace) events.Fact {
	id, now := t.trigger.EventID, t.Now().UTC()
	return events.Fact{
		Metadata: events.Metadata{
			ID: id + "-swept-" + digest(id, now.Format("2006-01-02T15:04:05.999999999")), CorrelationID: id, CausationID: id, Time: now,
		},
		Data: events.SecurityGroupsSwept{SweepID: id, Places: places, Missed: sortedKeys(t.begun)},
	}
}
