package deployment

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The actions of the workflow.
const (
	ActionBegin       = "begin"
	ActionLock        = "lock"
	ActionNext        = "next"
	ActionStandAside  = "standAside"
	ActionVerifyStage = "verifyStage"
	ActionFinish      = "finish"
)

// ActionRecover recovers a stack for a person; it is none of the workflow.
const ActionRecover = "recover"

// The actions on one stack of a wave.
const (
	ActionPlan            = "plan"
	ActionReadPlan        = "readPlan"
	ActionRequestApproval = "requestApproval"
	ActionOperate         = "operate"
	ActionDescribeOutcome = "describeOutcome"
	ActionVerify          = "verify"
	ActionEndStack        = "endStack"
)

// Request is what the workflow sends, and for recover, the command line.
type Request struct {
	Action    string          `json:"action"`
	Release   Release         `json:"release"`
	Step      *Step           `json:"step"`      // of an action on one stack
	Retries   int             `json:"retries"`   // of the state until now
	Token     string          `json:"token"`     // of a state that waits
	Event     json.RawMessage `json:"event"`     // begin: the push
	Execution string          `json:"execution"` // begin: ARN
	Recovery  Recovery        `json:"recovery"`  // recover
}

// Handle performs an action of the workflow, or hears an AWS event. An event
// of another type is ignored: a rule may match more than is handled here.
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
	return s.act(ctx, q)
}

func (s *Service) act(ctx context.Context, q Request) (any, error) {
	if q.Step != nil {
		return s.actOnStack(ctx, q)
	}
	switch q.Action {
	case ActionBegin:
		var push Push
		if err := json.Unmarshal(q.Event, &push); err != nil {
			return nil, fault.Invalid("the event is not a push: %w", err)
		}
		return s.Begin(ctx, push, q.Execution)
	case ActionLock:
		return s.Lock(ctx, q.Release, q.Token)
	case ActionNext:
		return s.Next(ctx, q.Release)
	case ActionStandAside:
		return s.StandAside(ctx, q.Release)
	case ActionVerifyStage:
		return s.VerifyStage(ctx, q.Release, q.Token, q.Retries)
	case ActionFinish:
		return s.Finish(ctx, q.Release)
	case ActionRecover:
		return s.Recover(ctx, q.Recovery)
	default:
		return nil, fault.Permanent("the action %q is not known", q.Action)
	}
}

// actOnStack performs an action on one stack. What gives back a release gives
// it back as Work.
func (s *Service) actOnStack(ctx context.Context, q Request) (any, error) {
	r := q.Release
	r.Step = *q.Step
	if costs[q.Action] > 0 {
		r.Transitions += costs[q.Action] + q.Retries
	}
	change := map[string]func(context.Context, Release) (Release, error){
		ActionPlan: s.Plan, ActionDescribeOutcome: s.DescribeOutcome,
	}
	wait := map[string]func(context.Context, Release, string) (Answered, error){
		ActionReadPlan: s.ReadPlan, ActionRequestApproval: s.RequestApproval, ActionOperate: s.Operate,
	}
	switch {
	case change[q.Action] != nil:
		r, err := change[q.Action](ctx, r)
		return Work{Release: r, Step: *q.Step}, err
	case wait[q.Action] != nil:
		return wait[q.Action](ctx, r, q.Token)
	case q.Action == ActionVerify:
		return s.Verify(ctx, r, q.Token, q.Retries)
	case q.Action == ActionEndStack:
		return s.EndStack(ctx, r)
	default:
		return nil, fault.Permanent("the action %q on a stack is not known", q.Action)
	}
}

func (s *Service) hear(ctx context.Context, detailType string, payload json.RawMessage) (any, error) {
	switch detailType {
	case events.StackStatusChange:
		var event events.Envelope[events.StackStatusDetail]
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, fault.Invalid("read %s: %w", detailType, err)
		}
		return s.StackChanged(ctx, event.Detail)
	case events.ExecutionStatusChange:
		var event events.Envelope[events.ExecutionStatusDetail]
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, fault.Invalid("read %s: %w", detailType, err)
		}
		return s.ExecutionEnded(ctx, event.Detail)
	case events.BuildStateChange:
		var event events.Envelope[events.BuildStateDetail]
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, fault.Invalid("read %s: %w", detailType, err)
		}
		return s.BuildEnded(ctx, event.Detail)
	default:
		return Answered{State: "ignored"}, nil
	}
}

// Describe names the action and the run of a payload for a log line; an event
// is named by its detail type.
func Describe(payload json.RawMessage) (action, runID string) {
	var q struct {
		Action     string `json:"action"`
		DetailType string `json:"detail-type"`
		Release    struct {
			RunID string `json:"runId"`
		} `json:"release"`
	}
	if json.Unmarshal(payload, &q) != nil {
		return "", ""
	}
	if q.Action == "" {
		return q.DetailType, ""
	}
	return q.Action, q.Release.RunID
}
