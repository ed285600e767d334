package secrets_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/secrets"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var target = events.Target{Account: "222222222222", Region: "eu-west-1"}

func TestValue(t *testing.T) {
	tests := []struct{ name, reference, stored, want, kind string }{
		{"whole", "evenkeel/verify/x", "plain", "plain", ""},
		{"one key", "evenkeel/verify/x#token", `{"token":"t","n":1}`, "t", ""},
		{"a number", "evenkeel/verify/x#n", `{"token":"t","n":1}`, "1", ""},
		{"no such key", "evenkeel/verify/x#z", `{"token":"hunter2"}`, "", fault.PermanentError},
		{"no JSON", "evenkeel/verify/x#z", "hunter2", "", fault.PermanentError},
		{"a secret of something else", "prod/database", "hunter2", "", fault.InvalidError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stub := awsstub.Start(t)
			stub.On("secretsmanager", "GetSecretValue", func(c awsstub.Call) awsstub.Answer {
				if c.Account != "222222222222" || string(c.Body) != `{"SecretId":"evenkeel/verify/x"}` {
					t.Errorf("account %s asked for %s", c.Account, c.Body)
				}
				return awsstub.Answer{Body: `{"Name":"evenkeel/verify/x","SecretString":` + quoted(tt.stored) + `}`}
			})
			got, err := secrets.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy")).Value(t.Context(), target, tt.reference)
			if got != tt.want || tt.kind != "" && !fault.Is(err, tt.kind) || tt.kind == "" && err != nil {
				t.Errorf("%q, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message tells the secret: %v", err)
			}
		})
	}
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

func TestErrors(t *testing.T) {
	for code, kind := range map[string]string{"ThrottlingException": fault.TransientError, "ResourceNotFoundException": fault.PermanentError} {
		stub := awsstub.Start(t)
		stub.On("secretsmanager", "GetSecretValue", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError(code, "m") })
		_, err := secrets.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy")).Value(t.Context(), target, "evenkeel/verify/x")
		if !fault.Is(err, kind) {
			t.Errorf("%s: %v", code, err)
		}
	}
	stub := awsstub.Start(t)
	stub.Reply("secretsmanager", "GetSecretValue", `{"Name":"x","SecretBinary":"AAEC"}`)
	if _, err := secrets.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy")).Value(t.Context(), target, "evenkeel/verify/x"); !fault.Is(err, fault.PermanentError) {
		t.Errorf("%v", err)
	}
}
