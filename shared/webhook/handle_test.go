package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/webhook"
)

func TestDecodeFunctionURL(t *testing.T) {
	body := `{"a":1}`
	request := func(body string, encoded bool) []byte {
		event, err := json.Marshal(map[string]any{
			"version": "2.0", "rawPath": "/", "headers": map[string]string{"X-GitHub-Event": "push"}, "body": body, "isBase64Encoded": encoded,
			"requestContext": map[string]any{"http": map[string]any{"method": "POST", "path": "/"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
	for name, event := range map[string][]byte{"plain": request(body, false), "base64": request(base64.StdEncoding.EncodeToString([]byte(body)), true)} {
		r, ok, err := webhook.DecodeFunctionURL(event)
		if !ok || err != nil || string(r.Body) != body || r.Method != "POST" || r.Header["x-github-event"] != "push" {
			t.Errorf("%s: %+v, %v, %v", name, r, ok, err)
		}
	}
	if _, ok, err := webhook.DecodeFunctionURL(request("*", true)); !ok || err == nil {
		t.Error("broken base64 was accepted")
	}
	for _, other := range []string{`{}`, `[]`, ``, `{"source":"aws.codecommit","detail":{}}`, `{"requestContext":{}}`} {
		if _, ok, _ := webhook.DecodeFunctionURL([]byte(other)); ok {
			t.Errorf("%s was taken for an HTTP request", other)
		}
	}
}

func TestResponseForTheProvider(t *testing.T) {
	out := webhook.Response{Status: 405, Result: webhook.Refused, Message: "send a POST request", Cause: "hidden"}.FunctionURL()
	if out.StatusCode != 405 || out.Headers["allow"] != "POST" || strings.Contains(out.Body, "hidden") {
		t.Errorf("%+v", out)
	}
	if out.Body != `{"result":"refused","message":"send a POST request"}` {
		t.Errorf("body = %s", out.Body)
	}
}

func TestHandleDispatches(t *testing.T) {
	tests := []struct {
		name  string
		event string
		want  string // part of the answer
		note  string // part of the log
	}{
		{"broken body", `{"requestContext":{"http":{"method":"POST"}},"body":"*","isBase64Encoded":true}`, `"statusCode":400`, "body: marked as base64"},
		{"request", `{"requestContext":{"http":{"method":"GET"}}}`, `"statusCode":405`, "send a POST request"},
		{"codecommit", `{"source":"aws.codecommit","detail-type":"CodeCommit Repository State Change","detail":{"repositoryName":"a/b"}}`, `"Result":"refused"`, "detail.repositoryName"},
		{"comment", `{"source":"aws.codecommit","detail-type":"CodeCommit Comment on Pull Request","detail":{}}`, `"Result":"ignored"`, "Pull Request"},
		{"something else", `[]`, `"Result":"ignored"`, "unknown event"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var noted []any
			answer, err := newWorld().service().Handle(t.Context(), json.RawMessage(tt.event), func(pairs ...any) { noted = append(noted, pairs...) })
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(answer)
			if err != nil || !strings.Contains(string(encoded), tt.want) {
				t.Errorf("answer = %s, want %s", encoded, tt.want)
			}
			log, err := json.Marshal(noted)
			if err != nil || !strings.Contains(string(log), tt.note) {
				t.Errorf("log = %s, want %s", log, tt.note)
			}
		})
	}
}
