package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/invoke"
)

type handler struct {
	service *healing.Service
	batches *batches
	places  func(context.Context) ([]healing.Place, error)
}

// request is an event of our own, or a batch of the queue's; CloudTrail events
// have no action.
type request struct {
	Records []message `json:"Records"`

	Action    string            `json:"action"`    // sweep, undo, except, unexcept
	HealID    string            `json:"healId"`    // undo
	By        string            `json:"by"`        // undo, except, unexcept: who asks
	Exception healing.Exception `json:"exception"` // except; unexcept: group and rule
}

// handle tells the kinds of event apart. What is none of ours is a no-op with
// its reason in the log line; what cannot be decoded is an error, or a failed
// message of its batch, so that a dead-letter queue keeps it.
func (h *handler) handle(ctx context.Context, event json.RawMessage) (any, error) {
	var r request
	if err := json.Unmarshal(event, &r); err != nil {
		return nil, fault.Invalid("event: %w", err)
	}
	if r.Records != nil {
		return h.batches.run(ctx, r.Records), nil
	}
	switch r.Action {
	case "":
		result, err := h.service.Handle(ctx, event)
		return annotated(ctx, "cloudtrail", result), err
	case "sweep":
		return h.sweep(ctx)
	case "undo":
		invoke.Annotate(ctx, "kind", "undo", "heal", r.HealID, "by", r.By)
		return h.service.Undo(ctx, r.HealID, r.By)
	case "except", "unexcept":
		return h.except(ctx, r)
	}
	return nil, fault.Invalid("action %q: want sweep, undo, except or unexcept, or a CloudTrail event", r.Action)
}

// except records an exception, or ends one. The log line says who asked.
func (h *handler) except(ctx context.Context, r request) (any, error) {
	e := r.Exception
	e.By = r.By
	invoke.Annotate(ctx, "kind", r.Action, "group", e.Group, "rule", e.Rule, "by", r.By)
	if r.Action == "unexcept" {
		return h.service.Unexcept(ctx, e.Group, e.Rule, r.By)
	}
	return h.service.Except(ctx, e)
}

// sweep is known by its request id, which stays the same when Lambda repeats
// an asynchronous invocation.
func (h *handler) sweep(ctx context.Context) (any, error) {
	places, err := h.places(ctx)
	if err != nil {
		return nil, err
	}
	if len(places) == 0 {
		return annotated(ctx, "sweep", healing.Result{Skipped: "no accounts are configured and nothing was deployed"}), nil
	}
	lambda, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return nil, fault.Permanent("sweep: the invocation has no request id")
	}
	result, err := h.service.Sweep(ctx, lambda.AwsRequestID, places)
	return annotated(ctx, "sweep", result), err
}

// places are the configured ones, or else everywhere that a stack of ours is.
func places(configured func(context.Context) ([]healing.Place, error), deployed func(context.Context) ([]events.StackRef, error)) func(context.Context) ([]healing.Place, error) {
	return func(ctx context.Context) ([]healing.Place, error) {
		places, err := configured(ctx)
		if err != nil || len(places) > 0 {
			return places, err
		}
		stacks, err := deployed(ctx)
		return healing.PlacesOf(stacks), err
	}
}

func annotated(ctx context.Context, kind string, r healing.Result) healing.Result {
	invoke.Annotate(ctx, "kind", kind, "event", r.EventID, "groups", r.Groups)
	if r.Skipped != "" {
		invoke.Annotate(ctx, "skipped", r.Skipped)
	}
	if len(r.Unread) > 0 {
		invoke.Annotate(ctx, "unread", r.Unread)
	}
	if len(r.Actions) > 0 {
		invoke.Annotate(ctx, "actions", r.Actions)
	}
	return r
}
