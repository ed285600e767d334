package webhook

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
)

// Handle deals with any event that the function may receive. The answer to a
// webhook request is a FunctionURLResponse; the answer to anything else is for
// the log. note receives key-value pairs for the log line.
func (s *Service) Handle(ctx context.Context, event json.RawMessage, note func(pairs ...any)) (any, error) {
	request, isRequest, err := DecodeFunctionURL(event)
	if isRequest {
		var answer Response
		if err != nil {
			answer = failure(err)
		} else {
			answer = s.Receive(ctx, request)
		}
		answer.log(note)
		return answer.FunctionURL(), nil
	}
	var answer Response
	if push, ok := codeCommitEvent[events.RepositoryStateDetail](event, events.RepositoryStateChange); ok {
		answer, err = s.ReceiveEvent(ctx, push)
	} else if pull, ok := codeCommitEvent[events.PullRequestStateDetail](event, events.PullRequestStateChange); ok {
		answer, err = s.ReceivePullRequestEvent(ctx, pull)
	} else {
		note("result", Ignored, "message", "unknown event", "source", printable(push.Source), "detailType", printable(push.DetailType))
		return Response{Result: Ignored, Message: "unknown event"}, nil
	}
	answer.log(note)
	return answer, err
}

// codeCommitEvent reads a CodeCommit event; ok is false for anything else.
func codeCommitEvent[T any](event []byte, detailType string) (e events.Envelope[T], ok bool) {
	ok = json.Unmarshal(event, &e) == nil
	return e, ok && e.Source == events.SourceCodeCommit && e.DetailType == detailType
}

// log notes what became of a delivery.
func (r Response) log(note func(pairs ...any)) {
	note("status", r.Status, "result", r.Result, "message", r.Message)
	for _, pair := range [][2]string{{"delivery", r.Delivery}, {"repository", r.Repository}, {"run", r.RunID}, {"cause", r.Cause}} {
		if pair[1] != "" {
			note(pair[0], pair[1])
		}
	}
}
