package healing

import (
	"context"
	"errors"

	"github.com/evenkeel/evenkeel/events"
)

// sweepEvent is the name of the trigger of a heal that a sweep began.
const sweepEvent = "Sweep"

// Sweep applies the same plan to every group of the places, because events
// are delivered with best effort, and tells what they had missed. id names the
// sweep; a repeated one with the same id changes nothing. A place that cannot
// be swept does not keep the others from it: its fault is told, and returned.
func (s *Service) Sweep(ctx context.Context, id string, places []Place) (Result, error) {
	t := s.task(events.Trigger{EventID: "sweep-" + id, EventName: sweepEvent, Principal: "evenkeel", Time: s.Now().UTC()})
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
	for _, at := range places {
		found, err := t.screen(ctx, at, Subject{Everything: true})
		if err == nil {
			err = errors.Join(t.closeAll(ctx, found), errors.Join(t.unwell...))
			t.unwell = nil
		}
		if err != nil {
			found.seen.Fault = err.Error()
		}
		swept = append(swept, found.seen)
		faults = append(faults, err)
	}
	faults = append(faults, s.Publisher.Publish(ctx, t.swept(swept)))
	if err := errors.Join(faults...); err != nil {
		return t.result, err
	}
	return t.result, s.Records.Finish(ctx, t.trigger.EventID)
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
