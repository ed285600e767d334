package rollout

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The actions of the workflows, and of a person.
const (
	ActionStart   = "start"   // of the pipeline's RollOut state
	ActionAdvance = "advance" // the one step of the clock
	ActionAsk     = "ask"
	ActionRetire  = "retire"
	ActionCommand = "command" // of a person
)

// Ref names a rollout: the record of the target's stack, while it is this one.
type Ref struct {
	ID     string        `json:"id"`
	Target events.Target `json:"target"` // StackName is the stack's without a side
}

// Call is what a workflow sends.
type Call struct {
	Action  string  `json:"action"`
	Request Request `json:"request"` // start
	Rollout Ref     `json:"rollout"` // advance, ask, retire
	Token   string  `json:"token"`   // of a state that waits
	Retries int     `json:"retries"` // retire: of the state until now
}

// CommandRequest is what the command line sends. The answer is the Record
// afterwards, without tokens.
type CommandRequest struct {
	Action  string        `json:"action"` // ActionCommand
	ID      string        `json:"id"`     // a newer rollout of the stack is left alone
	Target  events.Target `json:"target"`
	Command Command       `json:"command"`
}

// What the workflow does next.
const (
	NextBake = "bake" // wait, then advance
	NextAsk  = "ask"  // wait for a person, so long, then advance
	NextKeep = "keep" // wait, then retire
	NextEnd  = "end"
)

// Tick is the answer to advance.
type Tick struct {
	Ref
	Next    string `json:"next"`    // one of the Next constants
	Seconds int    `json:"seconds"` // of bake, ask and keep
}

// Answered is what an action that waits for a task token returns: what it says
// travels by the token's answer.
type Answered struct {
	ID    string `json:"id"`
	State string `json:"state"`           // answered, waiting, failed, restarted, ignored
	Error string `json:"error,omitempty"` // why it failed
}

const (
	stateAnswered  = "answered"
	stateWaiting   = "waiting"
	stateFailed    = "failed"
	stateRestarted = "restarted"
	stateIgnored   = "ignored"
)

// Handle performs an action, or hears an AWS event. An event of another type is
// ignored: a rule may match more than is handled here.
func (s *Service) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var kind struct {
		Action     string `json:"action"`
		DetailType string `json:"detail-type"`
	}
	if err := json.Unmarshal(payload, &kind); err != nil {
		return nil, fault.Invalid("the request is not a JSON object: %w", err)
	}
	switch kind.Action {
	case "":
		return s.hear(ctx, kind.DetailType, payload)
	case ActionCommand:
		var q CommandRequest
		if err := json.Unmarshal(payload, &q); err != nil {
			return nil, fault.Invalid("the command cannot be read: %w", err)
		}
		return s.Command(ctx, q)
	}
	var q Call
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fault.Permanent("the request for %s cannot be read: %w", kind.Action, err)
	}
	return s.act(ctx, q)
}

func (s *Service) act(ctx context.Context, q Call) (any, error) {
	switch q.Action {
	case ActionStart:
		return s.Start(ctx, q.Request, q.Token)
	case ActionAdvance:
		return s.Advance(ctx, q.Rollout)
	case ActionAsk:
		return s.Ask(ctx, q.Rollout, q.Token)
	case ActionRetire:
		return s.Retire(ctx, q.Rollout, q.Token, q.Retries)
	default:
		return nil, fault.Permanent("the action %q is not known", q.Action)
	}
}

// callback runs an action of a state that waits for a token. A failure is
// answered through the token as well: the error of the function itself says
// nothing about what the token's owner will still hear.
func (s *Service) callback(ctx context.Context, id, token string, act func() (state string, err error)) (Answered, error) {
	state, err := act()
	if err == nil {
		return Answered{ID: id, State: state}, nil
	}
	kind := fault.Kind(err)
	if errors.As(err, new(*pending)) {
		kind = RetirePending
	}
	if failed := s.Tasks.Fail(ctx, token, kind, err.Error()); failed != nil {
		return Answered{}, failed
	}
	return Answered{ID: id, State: stateFailed, Error: err.Error()}, nil
}

// Describe names the action and the rollout of a payload for a log line; an
// event is named by its detail type.
func Describe(payload json.RawMessage) (action, id string) {
	var q struct {
		Call
		ID         string `json:"id"`
		DetailType string `json:"detail-type"`
	}
	if json.Unmarshal(payload, &q) != nil {
		return "", ""
	}
	switch q.Action {
	case "":
		return q.DetailType, ""
	case ActionStart:
		return q.Action, q.Request.id()
	case ActionCommand:
		return q.Action, q.ID
	default:
		return q.Action, q.Rollout.ID
	}
}
