package review

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The actions of the workflow.
const (
	ActionBegin    = "begin"
	ActionAnnounce = "announce"
	ActionNext     = "next"
	ActionPlan     = "plan"
	ActionReadPlan = "readPlan"
	ActionDiscard  = "discard"
	ActionPublish  = "publish"
)

// Request is what the workflow sends.
type Request struct {
	Action    string          `json:"action"`
	Review    Review          `json:"review"`
	Event     json.RawMessage `json:"event"`     // begin: the PullRequestUpdated
	Execution string          `json:"execution"` // begin: ARN
}

// Handled is what became of an event.
type Handled struct {
	State string `json:"state"` // published, cleaned, ignored
}

// Handle performs an action of the workflow, or hears an event. One of another
// type is ignored: a rule may match more than is handled here.
func (s *Service) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var kind struct {
		Action     string `json:"action"`
		DetailType string `json:"detail-type"`
	}
	if err := json.Unmarshal(payload, &kind); err != nil {
		return nil, fault.Invalid("the request is not a JSON object: %w", err)
	}
	if kind.Action == "" {
		return s.hear(ctx, kind.DetailType, payload)
	}
	var q Request
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fault.Permanent("the request for %s cannot be read: %w", kind.Action, err)
	}
	switch q.Action {
	case ActionBegin:
		var event Updated
		if err := json.Unmarshal(q.Event, &event); err != nil {
			return nil, fault.Invalid("the event is not a pull request: %w", err)
		}
		return s.Begin(ctx, event, q.Execution)
	case ActionAnnounce:
		return s.Announce(ctx, q.Review)
	case ActionNext:
		return s.Next(ctx, q.Review)
	case ActionPlan:
		return s.Plan(ctx, q.Review)
	case ActionReadPlan:
		return s.ReadPlan(ctx, q.Review)
	case ActionDiscard:
		return s.Discard(ctx, q.Review)
	case ActionPublish:
		return s.Publish(ctx, q.Review)
	default:
		return nil, fault.Permanent("the action %q is not known", q.Action)
	}
}

func (s *Service) hear(ctx context.Context, detailType string, payload json.RawMessage) (any, error) {
	switch detailType {
	case events.ExecutionStatusChange:
		return heard(payload, func(e events.Envelope[events.ExecutionStatusDetail]) (Handled, error) {
			return s.ExecutionEnded(ctx, e.Detail)
		})
	case events.RunStarted{}.DetailType():
		return heard(payload, func(e events.Envelope[events.Detail[events.RunStarted]]) (Handled, error) {
			return s.RunStarted(ctx, e.Detail.Data)
		})
	case events.RunFinished{}.DetailType():
		return heard(payload, func(e events.Envelope[events.Detail[events.RunFinished]]) (Handled, error) {
			return s.RunFinished(ctx, e.Detail.Data)
		})
	default:
		return Handled{State: "ignored"}, nil
	}
}

func heard[T any](payload json.RawMessage, hear func(T) (Handled, error)) (Handled, error) {
	var event T
	if err := json.Unmarshal(payload, &event); err != nil {
		return Handled{}, fault.Invalid("the event cannot be read: %w", err)
	}
	return hear(event)
}

// Describe names the action and the review of a payload for a log line; an
// event is named by its detail type.
func Describe(payload json.RawMessage) (action, reviewID string) {
	var q struct {
		Action     string `json:"action"`
		DetailType string `json:"detail-type"`
		Review     struct {
			ReviewID string `json:"reviewId"`
		} `json:"review"`
	}
	if json.Unmarshal(payload, &q) != nil {
		return "", ""
	}
	if q.Action == "" {
		return q.DetailType, ""
	}
	return q.Action, q.Review.ReviewID
}
