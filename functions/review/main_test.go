package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/review"
)

var settings = map[string]string{
	config.Bus: "evenkeel", config.StateTable: "state", config.Bucket: "bucket", config.RoleName: "evenkeel-review", config.ParameterPrefix: "/evenkeel",
}

func start(t *testing.T, stub *awsstub.Stub) *runtimeapi.Runtime {
	env := maps.Clone(settings)
	maps.Copy(env, stub.Env())
	return runtimeapi.Start(t, ".", env)
}

func sample(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestMissingSettingsAreNamedAtOnce(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for name := range settings {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}

// forge records the requests to a provider's API.
type forge struct {
	mu    sync.Mutex
	lines []string
	url   string
}

func startForge(t *testing.T) *forge {
	f := &forge{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.lines = append(f.lines, q.Method+" "+q.URL.Path+" "+q.Header.Get("Authorization")+" "+string(body))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// TestARunIsMarked: a fact of a run becomes a commit status, with the token that
// the registration names, and the token is in no log.
func TestARunIsMarked(t *testing.T) {
	f, stub := startForge(t), awsstub.Start(t)
	registration, err := json.Marshal(map[string]any{"Parameter": map[string]any{"Value": fmt.Sprintf(
		`{"provider":"github","cloneUrl":"%s/git/acme/shop.git","webhookSecret":"/evenkeel/secrets/x","statusSecret":"evenkeel/x"}`, f.url)}})
	if err != nil {
		t.Fatal(err)
	}
	stub.Reply("ssm", "GetParameter", string(registration))
	stub.Reply("secretsmanager", "GetSecretValue", `{"SecretString":"github_pat_secret"}`)
	fn := start(t, stub)
	payload, errorType := fn.Invoke([]byte(sample(t, "RunFinished.v1")))
	if errorType != "" || !strings.Contains(string(payload), `"published"`) {
		t.Fatalf("%s %s", errorType, payload)
	}
	if len(f.lines) != 1 || !strings.HasPrefix(f.lines[0], "POST /api/v3/repos/acme/shop/statuses/") || !strings.Contains(f.lines[0], "Bearer github_pat_secret") || !strings.Contains(f.lines[0], `"context":"evenkeel"`) {
		t.Errorf("%v", f.lines)
	}
	if log := fn.Log(); strings.Contains(log, "github_pat") || !strings.Contains(log, `"state":"published"`) {
		t.Errorf("log %s", log)
	}
}

func TestBegin(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	fn := start(t, stub)
	event := sample(t, "PullRequestUpdated.v1")
	payload, errorType := fn.Invoke([]byte(`{"action":"begin","execution":"arn:execution","event":` + event + `}`))
	var r review.Review
	if err := json.Unmarshal(payload, &r); err != nil || errorType != "" || !r.Due || r.Release.Branch != "main" || r.Release.PullRequest == nil {
		t.Fatalf("%s: %s, %v", errorType, payload, err)
	}
	// Choice states fail on a path that is not there.
	for _, field := range []string{`"due":true`, `"duplicate":false`, `"kind":""`, `"status":""`, `"waitSeconds":0`, `"published":false`, `"reason":""`} {
		if !strings.Contains(string(payload), field) {
			t.Errorf("the review lacks %s: %s", field, payload)
		}
	}
}

// TestErrorsKeepTheirName: the workflow's Retry and Catch match on it.
func TestErrorsKeepTheirName(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("dynamodb", "PutItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	fn := start(t, stub)
	for payload, want := range map[string]string{
		`{"action":"begin","execution":"x","event":` + sample(t, "PullRequestUpdated.v1") + `}`: "TransientError",
		`{"action":"begin","event":{}}`: "InvalidError",
		`{"action":"execute"}`:          "PermanentError",
		`{"detail-type":"Unknown"}`:     "",
	} {
		if out, errorType := fn.Invoke([]byte(payload)); errorType != want {
			t.Errorf("%s: %s %s", payload, errorType, out)
		}
	}
}

// TestItCannotExecute: what a review may do in an account holds nothing that
// changes a resource.
func TestItCannotExecute(t *testing.T) {
	data, err := os.ReadFile("permissions.json")
	if err != nil {
		t.Fatal(err)
	}
	var declared struct {
		Workload []struct {
			Actions    []string
			Conditions map[string]map[string]string
		}
	}
	if err := json.Unmarshal(data, &declared); err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"cloudformation:DescribeStacks", "cloudformation:DescribeEvents", "cloudformation:DescribeChangeSet", "cloudformation:ListChangeSets",
		"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack", "cloudformation:GetTemplate", "cloudformation:DescribeStackResourceDrifts", "iam:PassRole",
	}
	for _, s := range declared.Workload {
		for _, action := range s.Actions {
			if !slices.Contains(allowed, action) {
				t.Errorf("a review may %s", action)
			}
			if action == "cloudformation:DeleteStack" && !strings.HasSuffix(s.Conditions["ArnLike"]["cloudformation:RoleArn"], ":role/evenkeel-review-empty") {
				t.Errorf("a review may delete a stack by another role: %v", s.Conditions)
			}
		}
	}
}
