package drift

import (
	"context"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// Acceptance asks to accept drift, or to take that back.
type Acceptance struct {
	Stack     string    `json:"stack"` // name or ARN
	LogicalID string    `json:"logicalId"`
	Path      string    `json:"path,omitempty"` // JSON pointer; "" for the whole resource
	Seen      string    `json:"seen,omitempty"` // digest of the report that the person saw
	Reason    string    `json:"reason"`         // why it may stay
	Until     time.Time `json:"until,omitzero"` // zero: until it changes again
	By        string    `json:"by"`             // ARN of the person
}

// Accept makes what the last detection found at a place of a stack the baseline,
// and publishes DriftAccepted. Errors: InvalidError when nothing drifted there,
// when it is not what the person saw, or when nobody says why.
func (s *Service) Accept(ctx context.Context, a Acceptance) (events.DriftAccepted, error) {
	now := s.Now().UTC()
	switch {
	case strings.TrimSpace(a.Reason) == "" || a.By == "":
		return events.DriftAccepted{}, fault.Invalid("accept drift of %s: say who accepts it and why", a.Stack)
	case !a.Until.IsZero() && !now.Before(a.Until):
		return events.DriftAccepted{}, fault.Invalid("accept drift of %s: %s is over", a.Stack, a.Until.UTC().Format(time.RFC3339))
	}
	stack, err := s.named(ctx, a.Stack)
	if err != nil {
		return events.DriftAccepted{}, err
	}
	report, err := s.read(ctx, &Scan{Stack: stack, Detection: Detection{State: DetectionDone, Started: now, Ended: now}})
	if err != nil {
		return events.DriftAccepted{}, err
	}
	if a.Seen != "" && a.Seen != report.Digest {
		return events.DriftAccepted{}, fault.Invalid("the drift of %s is not the one that was seen: look at it again with `evenkeel drift show %s`", stack.StackName, stack.StackName)
	}
	accepted, actual, err := accept(a, report.Resources, now)
	if err != nil {
		return events.DriftAccepted{}, err
	}
	if err := s.Baselines.Accept(ctx, stack, accepted); err != nil {
		return events.DriftAccepted{}, err
	}
	data := events.DriftAccepted{
		StackRef: stack, LogicalID: a.LogicalID, Path: a.Path, Actual: actual, By: a.By, Reason: a.Reason, Until: a.Until,
	}
	return data, s.tellAccepted(ctx, data, accepted.Digest, now)
}

// Unaccept takes an acceptance back, and publishes that: what drifted there is
// drift again. Errors: InvalidError when nothing was accepted there.
func (s *Service) Unaccept(ctx context.Context, a Acceptance) (events.DriftAccepted, error) {
	stack, err := s.named(ctx, a.Stack)
	if err != nil {
		return events.DriftAccepted{}, err
	}
	found, err := s.Baselines.Unaccept(ctx, stack, a.LogicalID, a.Path)
	if err == nil && !found {
		err = fault.Invalid("nothing was accepted at %s%s of %s", a.LogicalID, a.Path, stack.StackName)
	}
	if err != nil {
		return events.DriftAccepted{}, err
	}
	data := events.DriftAccepted{StackRef: stack, LogicalID: a.LogicalID, Path: a.Path, By: a.By, Reason: a.Reason, Withdrawn: true}
	return data, s.tellAccepted(ctx, data, "withdrawn", s.Now().UTC())
}

// accept is what a person accepts of the resources that drifted, and the value
// that is live there if it is a single one, as a fact may show it.
func accept(a Acceptance, resources []events.DriftedResource, now time.Time) (accepted response.Accepted, actual string, err error) {
	for _, r := range resources {
		if r.LogicalID != a.LogicalID {
			continue
		}
		digest, ok := response.LiveDigest(r, a.Path)
		if !ok {
			return accepted, "", fault.Invalid("nothing drifted at %s%s; what did is %s", a.LogicalID, a.Path, strings.Join(paths(r), ", "))
		}
		accepted = response.Accepted{LogicalID: a.LogicalID, Path: a.Path, Digest: digest, By: a.By, Reason: a.Reason, At: now, Until: a.Until}
		for _, d := range r.Differences {
			if d.Path == a.Path {
				actual = shorten(redact.Value(d.Path, d.Actual), maxReason)
			}
		}
		return accepted, actual, nil
	}
	return accepted, "", fault.Invalid("%s has not drifted; what did is %s", a.LogicalID, strings.Join(resourceNames(resources), ", "))
}

func paths(r events.DriftedResource) []string {
	if r.Status == StatusDeleted {
		return []string{"the resource, which is gone"}
	}
	var out []string
	for _, d := range r.Differences {
		out = append(out, d.Path)
	}
	for _, d := range r.Undeclared {
		out = append(out, d.Path)
	}
	return out
}

// named finds the one stack that a person means.
func (s *Service) named(ctx context.Context, name string) (events.StackRef, error) {
	known, err := s.Inventory.Stacks(ctx)
	if err != nil {
		return events.StackRef{}, err
	}
	found, err := choose(known, []string{name})
	if err != nil {
		return events.StackRef{}, err
	}
	if len(found) > 1 {
		return events.StackRef{}, fault.Invalid("%d stacks are called %s: name the one that is meant by its ARN", len(found), name)
	}
	return found[0], nil
}

// tellAccepted publishes that a baseline changed. The same request has the same id in
// the same second.
func (s *Service) tellAccepted(ctx context.Context, data events.DriftAccepted, what string, at time.Time) error {
	name := id(data.DetailType(), data.StackID, data.LogicalID, data.Path, what, data.By, at.Format(time.RFC3339))
	return s.Publisher.Publish(ctx, events.Fact{Data: data, Metadata: events.Metadata{ID: name, CorrelationID: name, Time: at}})
}
