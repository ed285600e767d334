package github_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/github"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/source"
)

const (
	token  = "github_pat_11AAAAA"
	marker = "<!-- evenkeel:review -->"
	sha    = "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// request is one request as it came.
type request struct {
	line   string // "POST /repos/…"
	body   map[string]string
	header http.Header
}

// api answers with recorded answers, by method and path with its query.
type api struct {
	t       *testing.T
	url     string
	answers map[string]func(http.ResponseWriter)
	seen    []request
	reads   int
}

// Secret is the port of the token.
func (a *api) Secret(_ context.Context, name string) ([]byte, error) {
	a.reads++
	if name != "evenkeel/repositories/acme/shop/status" {
		a.t.Errorf("read the secret %s", name)
	}
	return []byte(token + "\n"), nil
}

func start(t *testing.T) (*api, *github.Client, source.Repository) {
	a := &api{t: t, answers: map[string]func(http.ResponseWriter){}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		seen := request{line: q.Method + " " + q.URL.RequestURI(), header: q.Header}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &seen.body); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		}
		a.seen = append(a.seen, seen)
		if answer := a.answers[seen.line]; answer != nil {
			answer(w)
			return
		}
		t.Errorf("unexpected %s", seen.line)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	repository := source.Repository{Name: "acme/shop", Provider: source.GitHub, CloneURL: server.URL + "/git/acme/shop.git", StatusSecret: "evenkeel/repositories/acme/shop/status"}
	return a, github.New(a, func() time.Time { return now }), repository
}

func (a *api) on(line string, status int, body string, headers ...string) {
	a.answers[line] = func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// The answers have the shape of GitHub's; what is not read is left out.
const (
	statusAnswer  = `{"id":1,"node_id":"MDY6","state":"success","description":"2 changes","target_url":"https://github.com/acme/shop/pull/7#issuecomment-1","context":"evenkeel/plan","created_at":"2026-01-02T03:04:05Z","creator":{"login":"evenkeel-bot","id":4711}}`
	userAnswer    = `{"login":"evenkeel-bot","id":4711,"node_id":"MDQ6","type":"User","site_admin":false}`
	commentAnswer = `{"id":99,"node_id":"MDEy","html_url":"https://github.com/acme/shop/pull/7#issuecomment-99","body":"x","user":{"login":"evenkeel-bot","id":4711,"type":"User"},"created_at":"2026-01-02T03:04:05Z"}`
	statusLine    = "POST /api/v3/repos/acme/shop/statuses/" + sha
	listLine      = "GET /api/v3/repos/acme/shop/issues/7/comments?per_page=100&page="
	createLine    = "POST /api/v3/repos/acme/shop/issues/7/comments"
)

func TestSetStatus(t *testing.T) {
	a, c, r := start(t)
	a.on(statusLine, 201, statusAnswer)
	status := review.Status{State: review.StatusSuccess, Context: "evenkeel/plan", Description: "2 changes", TargetURL: "https://github.com/acme/shop/pull/7#issuecomment-1"}
	if err := c.SetStatus(t.Context(), r, sha, status); err != nil {
		t.Fatal(err)
	}
	got := a.seen[0]
	if got.body["state"] != "success" || got.body["context"] != "evenkeel/plan" || got.body["description"] != "2 changes" || got.body["target_url"] != status.TargetURL {
		t.Errorf("%+v", got.body)
	}
	if got.header.Get("Authorization") != "Bearer "+token || got.header.Get("X-GitHub-Api-Version") != "2022-11-28" || got.header.Get("Accept") != "application/vnd.github+json" || got.header.Get("User-Agent") == "" {
		t.Errorf("%+v", got.header)
	}
}

func comments(t *testing.T, list ...map[string]any) string {
	t.Helper()
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func by(user, id int, body string) map[string]any {
	return map[string]any{"id": id, "html_url": fmt.Sprintf("https://github.com/acme/shop/pull/7#issuecomment-%d", id), "body": body, "user": map[string]any{"id": user, "login": "x"}}
}

// A stranger's comment with the marker is not taken, nor our own that only
// quotes it.
func TestTheFirstCommentIsWritten(t *testing.T) {
	a, c, r := start(t)
	a.on("GET /api/v3/user", 200, userAnswer)
	a.on(listLine+"1", 200, comments(t, by(666, 1, marker+"\nmine now"), by(4711, 2, "quoting "+marker)))
	a.on(createLine, 201, commentAnswer)
	url, err := c.UpsertComment(t.Context(), r, 7, marker, marker+"\nhello")
	if err != nil || url != "https://github.com/acme/shop/pull/7#issuecomment-99" {
		t.Fatalf("%s, %v", url, err)
	}
	if got := a.seen[len(a.seen)-1]; got.line != createLine || got.body["body"] != marker+"\nhello" {
		t.Errorf("%+v", got)
	}
}

func TestTheCommentIsChanged(t *testing.T) {
	a, c, r := start(t)
	a.on("GET /api/v3/user", 200, userAnswer)
	a.on(listLine+"1", 200, comments(t, by(666, 1, "first")), "Link", `<https://api.github.com/repositories/1/issues/7/comments?per_page=100&page=2>; rel="next"`)
	a.on(listLine+"2", 200, comments(t, by(4711, 50, marker+"\nold")))
	a.on("PATCH /api/v3/repos/acme/shop/issues/comments/50", 200, commentAnswer)
	if _, err := c.UpsertComment(t.Context(), r, 7, marker, marker+"\nnew"); err != nil {
		t.Fatal(err)
	}
	if got := a.seen[len(a.seen)-1]; got.body["body"] != marker+"\nnew" || !strings.HasPrefix(got.line, "PATCH") {
		t.Errorf("%+v", got)
	}
	// The same text again is no change; whose the token is, is known.
	before := len(a.seen)
	a.on(listLine+"1", 200, comments(t, by(4711, 50, marker+"\nnew")))
	if url, err := c.UpsertComment(t.Context(), r, 7, marker, marker+"\nnew"); err != nil || !strings.HasSuffix(url, "-50") || len(a.seen) != before+1 {
		t.Errorf("%s, %v, %d requests", url, err, len(a.seen)-before)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		body    string
		headers []string
		kind    string
		want    string
	}{
		{"wrong token", 401, `{"message":"Bad credentials"}`, nil, fault.PermanentError, "the token in the secret evenkeel/repositories/acme/shop/status is wrong, revoked or expired"},
		{"permission", 403, `{"message":"Resource not accessible by personal access token"}`, nil, fault.PermanentError, `needs the permission "Commit statuses: write" for acme/shop`},
		{"not even seen", 404, `{"message":"Not Found"}`, nil, fault.PermanentError, `needs the permission "Commit statuses: write"`},
		{"primary limit", 403, `{"message":"API rate limit exceeded"}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", fmt.Sprint(now.Add(90 * time.Second).Unix())}, fault.TransientError, "try again after 1m30s"},
		{"secondary limit", 403, `{"message":"You have exceeded a secondary rate limit"}`, []string{"Retry-After", "60"}, fault.TransientError, "try again after 60 s"},
		{"too many", 429, `{}`, nil, fault.TransientError, "429 Too Many Requests"},
		{"outage", 502, `<html>`, nil, fault.TransientError, "502 Bad Gateway"},
		{"moved", 301, `{"message":"Moved Permanently"}`, []string{"Location", "http://169.254.169.254/"}, fault.PermanentError, "redirects, which is not followed"},
		{"no such commit", 422, `{"message":"No commit found for SHA: 1f0c9a7b","errors":[{"message":"try another"}]}`, nil, fault.PermanentError, "No commit found for SHA: 1f0c9a7b: try another"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, c, r := start(t)
			a.on(statusLine, tt.status, tt.body, tt.headers...)
			err := c.SetStatus(t.Context(), r, sha, review.Status{State: "pending", Context: "x"})
			if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "set the status of 1f0c9a7b in acme/shop") {
				t.Errorf("%s: %v", fault.Kind(err), err)
			}
			if len(a.seen) != 1 {
				t.Errorf("%d requests", len(a.seen))
			}
		})
	}
}

func TestWhatIsNotTheAPI(t *testing.T) {
	a, c, r := start(t)
	a.on("GET /api/v3/user", 200, `<html>`)
	if _, err := c.UpsertComment(t.Context(), r, 7, marker, marker); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "is not what the API gives") {
		t.Errorf("%v", err)
	}
	a.on("GET /api/v3/user", 200, `{}`)
	if _, err := c.UpsertComment(t.Context(), r, 7, marker, marker); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "names no user") {
		t.Errorf("%v", err)
	}
	r.CloneURL = "http://127.0.0.1:1/acme/shop.git"
	if err := c.SetStatus(t.Context(), r, sha, review.Status{}); !fault.Is(err, fault.TransientError) || strings.Contains(err.Error(), token) {
		t.Errorf("%v", err)
	}
}

type noToken struct{}

func (noToken) Secret(context.Context, string) ([]byte, error) { return []byte("two tokens"), nil }

func TestASecretThatIsNoToken(t *testing.T) {
	_, _, r := start(t)
	err := github.New(noToken{}, time.Now).SetStatus(t.Context(), r, sha, review.Status{})
	if !fault.Is(err, fault.PermanentError) || strings.Contains(err.Error(), "two") {
		t.Errorf("%v", err)
	}
}
