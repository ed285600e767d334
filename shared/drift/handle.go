package drift

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// message is what the function receives: an action of the workflow, or an
// event of EventBridge.
type message struct {
	Action    string     `json:"action"`
	Input     Request    `json:"input"`
	Execution string     `json:"execution"`
	Scan      Scan       `json:"scan"`
	Token     string     `json:"token"`
	ScanID    string     `json:"scanId"`
	Number    int        `json:"number"`
	Batch     Batch      `json:"batch"`
	Plan      ScanPlan   `json:"plan"`
	Results   []Result   `json:"results"`
	Accept    Acceptance `json:"accept"`

	DetailType string `json:"detail-type"`
}

// Handle does what the message asks for. did says in a few words what was
// done, for the log. An event that is not for us, or that cannot be read, is a
// no-op: repeating it would not help.
func (s *Service) Handle(ctx context.Context, raw json.RawMessage) (out any, did string, err error) {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, "refused a message", fault.Invalid("the message cannot be read: %w", err)
	}
	if m.Action == "" {
		did, err = s.event(ctx, m.DetailType, raw)
		return nil, did, err
	}
	out, err = s.action(ctx, m)
	return out, m.Action + " " + m.Scan.Stack.StackName, err
}

func (s *Service) action(ctx context.Context, m message) (any, error) {
	switch m.Action {
	case "list":
		return s.List(ctx, m.Input, m.Execution)
	case "startDetection":
		return s.StartDetection(ctx, m.Scan)
	case "awaitDetection":
		return nil, s.AwaitDetection(ctx, m.Scan, m.Token)
	case "readDetection":
		return s.ReadDetection(ctx, m.Scan)
	case "report":
		return s.Report(ctx, m.Scan)
	case "planRevert":
		return s.PlanRevert(ctx, m.Scan)
	case "readRevert":
		return s.ReadRevert(ctx, m.Scan)
	case "guard":
		return s.Guard(ctx, m.Scan)
	case "executeRevert":
		return nil, s.ExecuteRevert(ctx, m.Scan, m.Token)
	case "readExecution":
		return s.ReadExecution(ctx, m.Scan)
	case "verifyReverted":
		return s.VerifyReverted(ctx, m.Scan)
	case "fail":
		return s.Fail(ctx, m.Scan)
	case "digest":
		return s.PublishDigest(ctx)
	case "accept":
		return s.Accept(ctx, m.Accept)
	case "unaccept":
		return s.Unaccept(ctx, m.Accept)
	case "finish":
		sum := s.Finish(m.ScanID, m.Results)
		if m.Number > 0 {
			return sum, s.endBatch(ctx, Batch{ScanID: m.ScanID, Number: m.Number}, m.Results)
		}
		return sum, nil
	case "planScan":
		return s.PlanScan(ctx, m.Input, m.Execution)
	case "runBatch":
		return nil, s.RunBatch(ctx, m.Batch, m.Token)
	case "summarise":
		return s.Summarise(ctx, m.Plan)
	default:
		return nil, fault.Invalid("there is no action %q", m.Action)
	}
}

// unreadable is what becomes of an event that is not as documented.
const unreadable = "dropped an event that cannot be read"

func (s *Service) event(ctx context.Context, detailType string, raw json.RawMessage) (string, error) {
	var completed bool
	var err error
	switch detailType {
	case events.DriftDetectionStatusChange:
		event, ok := decode[events.DriftDetectionDetail](raw)
		if !ok {
			return unreadable, nil
		}
		completed, err = s.DetectionChanged(ctx, event)
	case events.StackStatusChange:
		event, ok := decode[events.StackStatusDetail](raw)
		if !ok {
			return unreadable, nil
		}
		completed, err = s.StackChanged(ctx, event)
	case events.ExecutionStatusChange:
		event, ok := decode[events.ExecutionStatusDetail](raw)
		if !ok {
			return unreadable, nil
		}
		completed, err = s.BatchEnded(ctx, event.Detail)
	default:
		return "ignored an event of type " + detailType, nil
	}
	if !completed {
		return "ignored: nobody waits for this event", err
	}
	return "completed a waiting task", err
}

func decode[T any](raw json.RawMessage) (events.Envelope[T], bool) {
	var event events.Envelope[T]
	err := json.Unmarshal(raw, &event)
	return event, err == nil
}
