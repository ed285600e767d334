package repositories_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/repositories"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

var shop = source.Repository{Name: "acme/shop", Provider: source.GitHub, CloneURL: "https://github.com/acme/shop.git", WebhookSecret: "/evenkeel/secrets/acme/shop/webhook"}

func TestRepository(t *testing.T) {
	tests := []struct {
		name  string
		ask   string
		value string // of the parameter; "" is missing
		want  error
		kind  string
	}{
		{"registered", "acme/shop", `{"provider":"github","cloneUrl":"https://github.com/acme/shop.git","webhookSecret":"/evenkeel/secrets/acme/shop/webhook"}`, nil, ""},
		{"missing", "acme/shop", "", source.ErrNotRegistered, fault.InvalidError},
		{"broken", "acme/shop", `{`, nil, fault.PermanentError},
		{"not safe", "acme/shop", `{"provider":"github","cloneUrl":"ssh://x","webhookSecret":"x"}`, nil, fault.PermanentError},
		{"climbs", "../secrets/x", "", nil, fault.InvalidError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stub := awsstub.Start(t)
			stub.On("ssm", "GetParameter", func(c awsstub.Call) awsstub.Answer {
				if !strings.Contains(string(c.Body), `"/evenkeel/repositories/acme/shop"`) {
					t.Errorf("asked for %s", c.Body)
				}
				if tt.value == "" {
					return awsstub.JSONError("ParameterNotFound", "")
				}
				answer, err := json.Marshal(map[string]any{"Parameter": map[string]any{"Value": tt.value}})
				if err != nil {
					t.Error(err)
				}
				return awsstub.Answer{Body: string(answer)}
			})
			got, err := repositories.New(stub.Config(), "/evenkeel/").Repository(t.Context(), tt.ask)
			switch {
			case tt.kind == "" && (err != nil || !reflect.DeepEqual(got, shop)):
				t.Errorf("got %+v, %v", got, err)
			case tt.kind != "" && !fault.Is(err, tt.kind):
				t.Errorf("error = %v, want %s", err, tt.kind)
			case tt.want != nil && !errors.Is(err, tt.want):
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if tt.name == "climbs" && len(stub.Calls("ssm", "")) != 0 {
				t.Error("an unsafe name reached Parameter Store")
			}
		})
	}
}

func TestRegisterAndList(t *testing.T) {
	stub := awsstub.Start(t)
	store := repositories.New(stub.Config(), "/evenkeel")
	stub.Reply("ssm", "PutParameter", `{}`)
	if err := store.Register(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	var put struct {
		Name, Value, Type string
		Overwrite         bool
	}
	if err := json.Unmarshal(stub.Calls("ssm", "PutParameter")[0].Body, &put); err != nil {
		t.Fatal(err)
	}
	if put.Name != "/evenkeel/repositories/acme/shop" || put.Type != "String" || !put.Overwrite || strings.Contains(put.Value, "acme/shop\"") && strings.Contains(put.Value, `"name"`) {
		t.Errorf("put = %+v", put)
	}
	if err := store.Register(t.Context(), source.Repository{Name: "x", Provider: source.GitHub}); !fault.Is(err, fault.InvalidError) {
		t.Errorf("an unsafe entry was written: %v", err)
	}
	unreadable := shop
	unreadable.Credentials = "/other/git"
	if err := store.Register(t.Context(), unreadable); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "below /evenkeel/") {
		t.Errorf("a secret that no function may read was registered: %v", err)
	}
	page := func(name, next string) string {
		answer, err := json.Marshal(map[string]any{"Parameters": []any{map[string]any{"Name": "/evenkeel/repositories/" + name, "Value": put.Value}}, "NextToken": next})
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	stub.Reply("ssm", "GetParametersByPath", page("acme/web", "more"), strings.Replace(page("acme/shop", ""), `"NextToken":"",`, "", 1))
	all, err := store.Repositories(t.Context())
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], shop) || all[1].Name != "acme/web" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestSecrets(t *testing.T) {
	stub := awsstub.Start(t)
	store := repositories.New(stub.Config(), "/evenkeel")
	stub.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"s3cret"}}`)
	got, err := store.Secret(t.Context(), store.SecretName("acme/shop", "webhook"))
	if err != nil || string(got) != "s3cret" {
		t.Errorf("%s, %v", got, err)
	}
	if body := string(stub.Calls("ssm", "GetParameter")[0].Body); !strings.Contains(body, `"WithDecryption":true`) || !strings.Contains(body, "/evenkeel/secrets/acme/shop/webhook") {
		t.Errorf("call = %s", body)
	}
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	if _, err := store.Secret(t.Context(), "/x"); !fault.Is(err, fault.PermanentError) {
		t.Errorf("error = %v", err)
	}
	stub.Reply("ssm", "PutParameter", `{}`)
	if err := store.PutSecret(t.Context(), "/evenkeel/secrets/x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	if body := string(stub.Calls("ssm", "PutParameter")[0].Body); !strings.Contains(body, "SecureString") {
		t.Errorf("a secret was written in the clear: %s", body)
	}
}
