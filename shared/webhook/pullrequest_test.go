package webhook_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

var pull = events.PullRequest{Repository: "acme/shop", Number: 7, Head: after, HeadBranch: "feature/subnets", Base: "main", Author: "dana"}

func TestGitHubPullRequest(t *testing.T) {
	const own = `"repo": {"id": 501, "name": "shop", "full_name": "acme/shop", "private": true, "fork": false, "clone_url": "https://attacker.example/acme/shop.git"}` + "\n  },\n  \"base\""
	tests := []struct {
		name, replace, with string
		change              func(*events.PullRequest)
		ignored             string // part of the reason; "" is reviewed
	}{
		{"opened", "", "", func(*events.PullRequest) {}, ""},
		{"synchronize", `"action": "opened"`, `"action": "synchronize"`, func(*events.PullRequest) {}, ""},
		{"reopened", `"action": "opened"`, `"action": "reopened"`, func(*events.PullRequest) {}, ""},
		{"ready for review", `"action": "opened"`, `"action": "ready_for_review"`, func(*events.PullRequest) {}, ""},
		{"another base", `"action": "opened"`, `"action": "edited", "changes": {"base": {"ref": {"from": "next"}}}`, func(*events.PullRequest) {}, ""},
		{"another title", `"action": "opened"`, `"action": "edited", "changes": {"title": {"from": "x"}}`, func(*events.PullRequest) {}, "nothing to review in the action edited"},
		{"labelled", `"action": "opened"`, `"action": "labeled"`, func(*events.PullRequest) {}, "nothing to review in the action labeled"},
		{"closed", `"state": "open"`, `"state": "closed"`, func(*events.PullRequest) {}, "is closed"},
		{"draft", `"draft": false`, `"draft": true`, func(*events.PullRequest) {}, "is a draft"},
		{"fork", own, strings.Replace(own, `"id": 501`, `"id": 666`, 1), func(p *events.PullRequest) { p.Fork = true }, ""},
		{"fork of the same name", own, strings.Replace(own, `"id": 501, `, ``, 1), func(p *events.PullRequest) { p.Fork = true }, ""},
		{"fork that is gone", own, `"repo": null` + "\n  },\n  \"base\"", func(p *events.PullRequest) { p.Fork = true }, ""},
		{"public", `"full_name": "acme/shop",` + "\n  \"private\": true", `"full_name": "acme/shop",` + "\n  \"private\": false", func(p *events.PullRequest) { p.Public = true }, ""},
		{"visibility not told", `"full_name": "acme/shop",` + "\n  \"private\": true,", `"full_name": "acme/shop",`, func(p *events.PullRequest) { p.Public = true }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := string(sample(t, "github-pull-request.json"))
			changed := strings.Replace(body, tt.replace, tt.with, 1)
			if tt.replace != "" && changed == body {
				t.Fatal("the sample has no " + tt.replace)
			}
			got, err := webhook.GitHub{}.PullRequest(webhook.Request{Body: []byte(changed)})
			want := pull
			tt.change(&want)
			if err != nil || got.PullRequest != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			if reason := got.Ignored(); (reason == "") != (tt.ignored == "") || !strings.Contains(reason, tt.ignored) {
				t.Errorf("Ignored() = %q, want %q", reason, tt.ignored)
			}
		})
	}
}

func TestMalformedPullRequests(t *testing.T) {
	for _, tt := range [][3]string{
		{"number", `"number": 7,` + "\n \"pull_request\"", `"number": 0,` + "\n \"pull_request\""},
		{"pull_request.head.sha", after, "HEAD"},
		{"pull_request.head.sha", after, strings.Repeat("0", 40)},
		{"pull_request.head.ref", `"ref": "feature/subnets"`, `"ref": "a b"`},
		{"pull_request.head.ref", `"ref": "feature/subnets"`, `"ref": ""`},
		{"pull_request.base.ref", `"ref": "main"`, `"ref": "../x"`},
		{"pull_request.base.ref", `"ref": "main"`, `"ref": 7`},
	} {
		body := string(sample(t, "github-pull-request.json"))
		changed := strings.Replace(body, tt[1], tt[2], 1)
		if changed == body {
			t.Fatal("the sample has no " + tt[1])
		}
		_, err := webhook.GitHub{}.PullRequest(webhook.Request{Body: []byte(changed)})
		var bad *webhook.Malformed
		if !errors.As(err, &bad) || bad.Field != tt[0] {
			t.Errorf("%s: error = %v, want one that names %s", tt[2], err, tt[0])
		}
	}
}

// A pull request is under the same rules as a push: signed, once, and with the
// address of the registry.
func TestReceivePullRequest(t *testing.T) {
	w := newWorld()
	s := w.service()
	request := signed(sample(t, "github-pull-request.json"), "pull_request")
	if got := s.Receive(t.Context(), request); got.Status != 202 || got.Result != webhook.Ignored || !strings.Contains(got.Message, "--status-token-stdin") {
		t.Errorf("without a token: %+v", got)
	}
	w = newWorld()
	repository := w.repos["acme/shop"]
	repository.StatusSecret = "evenkeel/x"
	w.repos["acme/shop"] = repository
	s = w.service()
	want := events.PullRequestUpdated{PullRequest: pull, CloneURL: "https://git.example.com/acme/shop.git", DeliveryID: deliveryOne}
	want.Provider = "github"
	got := s.Receive(t.Context(), request)
	if got.Status != 202 || got.Result != webhook.Published || got.RunID != want.ReviewID(deliveryOne) || len(w.published) != 1 || w.published[0].Data != want {
		t.Fatalf("%+v, published %+v, want %+v", got, w.published, want)
	}
	if m := w.published[0].Metadata; m.CorrelationID != got.RunID || m.ID != got.EventID || m.CausationID != deliveryOne {
		t.Errorf("metadata = %+v", m)
	}
	if got := s.Receive(t.Context(), request); got.Status != 409 || len(w.published) != 1 {
		t.Errorf("replayed: %+v", got)
	}
	request.Body = append(request.Body, ' ')
	if got := s.Receive(t.Context(), request); got.Status != 401 {
		t.Errorf("forged: %+v", got)
	}
}

func TestCodeCommitPullRequest(t *testing.T) {
	event, err := os.ReadFile("../../testdata/events/codecommit-pull-request-created.json")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	var noted []any
	if _, err := w.service().Handle(t.Context(), event, func(pairs ...any) { noted = append(noted, pairs...) }); err != nil || len(w.published) != 1 {
		t.Fatalf("%v, published %+v, log %v", err, w.published, noted)
	}
	got, _ := w.published[0].Data.(events.PullRequestUpdated)
	if got.Repository != "ledger" || got.Provider != "codecommit" || got.Number != 3 || got.Head != after || got.Base != "main" || got.HeadBranch != "feature/subnets" || got.Fork || got.Public {
		t.Errorf("%+v", got)
	}
	for replace, with := range map[string]string{
		`"pullRequestStatus": "Open"`: `"pullRequestStatus": "Closed"`, `"repositoryNames": ["ledger"]`: `"repositoryNames": ["other"]`,
		`"pullRequestId": "3"`: `"pullRequestId": "x"`, after: "2774290EXAMPLE",
	} {
		w := newWorld()
		changed := strings.Replace(string(event), replace, with, 1)
		if _, err := w.service().Handle(t.Context(), []byte(changed), func(...any) {}); err != nil || len(w.published) != 0 {
			t.Errorf("%s: %v, published %+v", with, err, w.published)
		}
	}
}

// Whatever a stranger sends: no panic, the error is *Malformed, and what is
// accepted is safe in paths, names and logs.
func FuzzPullRequest(f *testing.F) {
	f.Add(sample(f, "github-pull-request.json"))
	f.Add([]byte(`{"number":1,"pull_request":{"head":{"ref":"a","sha":"x","repo":null},"base":{"ref":"b"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := webhook.GitHub{}.PullRequest(webhook.Request{Body: body})
		var bad *webhook.Malformed
		if err != nil {
			if !errors.As(err, &bad) {
				t.Fatalf("%v is not *Malformed", err)
			}
			return
		}
		if p.Number < 1 || len(p.Head) != 40 && len(p.Head) != 64 || p.HeadBranch == "" || p.Base == "" ||
			strings.ContainsAny(p.HeadBranch+p.Base+p.Author, "\n\r\x00\x1b") || strings.Contains(p.Base, "..") {
			t.Fatalf("unsafe pull request %+v", p)
		}
	})
}
