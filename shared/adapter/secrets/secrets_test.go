package secrets_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/secrets"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func missing(awsstub.Call) awsstub.Answer {
	return awsstub.JSONError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func TestSecret(t *testing.T) {
	stub := awsstub.Start(t)
	store := secrets.New(stub.Config())
	stub.Reply("secretsmanager", "GetSecretValue", `{"ARN":"arn:x","Name":"evenkeel/x","SecretString":"token"}`)
	if got, err := store.Secret(t.Context(), "evenkeel/x"); err != nil || string(got) != "token" {
		t.Errorf("%s, %v", got, err)
	}
	stub.Reply("secretsmanager", "GetSecretValue", `{"ARN":"arn:x","Name":"evenkeel/x","SecretBinary":"AAAA"}`)
	if _, err := store.Secret(t.Context(), "evenkeel/x"); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "not text") {
		t.Errorf("%v", err)
	}
	stub.On("secretsmanager", "GetSecretValue", missing)
	if _, err := store.Secret(t.Context(), "evenkeel/x"); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "evenkeel/x does not exist") {
		t.Errorf("%v", err)
	}
	stub.On("secretsmanager", "GetSecretValue", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	if _, err := store.Secret(t.Context(), "evenkeel/x"); !fault.Is(err, fault.TransientError) {
		t.Errorf("%v", err)
	}
}

func TestPutSecret(t *testing.T) {
	stub := awsstub.Start(t)
	store := secrets.New(stub.Config())
	stub.Reply("secretsmanager", "PutSecretValue", `{}`)
	if err := store.PutSecret(t.Context(), "evenkeel/x", "a token", []byte("one")); err != nil || len(stub.Calls("secretsmanager", "CreateSecret")) != 0 {
		t.Errorf("%v", err)
	}
	stub.On("secretsmanager", "PutSecretValue", missing)
	stub.Reply("secretsmanager", "CreateSecret", `{}`)
	if err := store.PutSecret(t.Context(), "evenkeel/x", "a token", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if body := string(stub.Calls("secretsmanager", "CreateSecret")[0].Body); !strings.Contains(body, `"Name":"evenkeel/x"`) || !strings.Contains(body, `"SecretString":"two"`) {
		t.Errorf("%s", body)
	}
}
