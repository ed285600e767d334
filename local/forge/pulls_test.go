package forge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/local/forge"
)

// shop is a forge with a repository that has a branch and an open pull request.
func shop(t *testing.T) (*server, clone, forge.PullRequest) {
	t.Helper()
	s := start(t)
	r, err := s.Set(t.Context(), forge.Repository{Name: "acme/shop", WebhookURL: s.url + "/hook", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, r.CloneURL)
	c.commit("a.txt", "1", "one")
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
	c.commit("a.txt", "2", "two")
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/feature")
	p, err := s.OpenPullRequest(t.Context(), forge.PullRequest{Repository: "acme/shop", Head: "feature", Title: "Two"})
	if err != nil {
		t.Fatal(err)
	}
	return s, c, p
}

type pullEvent struct {
	Action      string
	Number      int
	Before      string
	PullRequest struct {
		State string
		Head  struct {
			SHA  string
			Ref  string
			Repo struct {
				ID       int64
				FullName string `json:"full_name"`
			}
		}
		Base struct{ Ref string }
	} `json:"pull_request"`
	Repository struct {
		ID       int64
		FullName string `json:"full_name"`
		Private  bool
	}
}

func event(t *testing.T, d forge.Delivery) pullEvent {
	t.Helper()
	var e pullEvent
	if err := json.Unmarshal(d.Payload, &e); err != nil || d.Event != "pull_request" || d.Status != http.StatusAccepted {
		t.Fatalf("%+v: %v", d, err)
	}
	return e
}

func TestPullRequest(t *testing.T) {
	s, c, p := shop(t)
	opened := event(t, s.await(t, 3)[2])
	head := c.git("rev-parse", "HEAD")
	if opened.Action != "opened" || opened.Number != 1 || opened.PullRequest.Head.SHA != head || opened.PullRequest.Head.Ref != "feature" || opened.PullRequest.Base.Ref != "main" ||
		!opened.Repository.Private || opened.PullRequest.Head.Repo.ID != opened.Repository.ID || opened.Repository.ID == 0 {
		t.Errorf("%+v", opened)
	}
	if signature := s.requests[2].header.Get("X-Hub-Signature-256"); signature != forge.Sign("s", s.requests[2].body) {
		t.Errorf("signature %s", signature)
	}
	// A push of its branch moves it; one of another branch does not.
	c.commit("a.txt", "3", "three")
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/feature", "HEAD:refs/heads/other")
	moved := event(t, s.await(t, 6)[4]) // after the push of feature, before that of other
	if moved.Action != "synchronize" || moved.Before != head || moved.PullRequest.Head.SHA != c.git("rev-parse", "HEAD") {
		t.Errorf("%+v", moved)
	}
	if out := c.git("ls-remote", "origin", "refs/pull/1/head"); !strings.HasPrefix(out, moved.PullRequest.Head.SHA) {
		t.Errorf("the head is at %q", out)
	}
	if _, err := s.ClosePullRequest("acme/shop", p.Number); err != nil {
		t.Fatal(err)
	}
	if closed := event(t, s.await(t, 7)[6]); closed.Action != "closed" || closed.PullRequest.State != "closed" {
		t.Errorf("%+v", closed)
	}
	for _, bad := range []forge.PullRequest{{Repository: "acme/none", Head: "x"}, {Repository: "acme/shop", Head: "none"}, {Repository: "acme/shop", HeadRepository: "x/y", Head: "feature"}} {
		if _, err := s.OpenPullRequest(t.Context(), bad); err == nil {
			t.Errorf("%+v was opened", bad)
		}
	}
}

// A fork's commit can be fetched from the base repository, and is told from one
// of the repository itself.
func TestForkPullRequest(t *testing.T) {
	s, c, _ := shop(t)
	fork, err := s.Set(t.Context(), forge.Repository{Name: "mallory/shop"})
	if err != nil {
		t.Fatal(err)
	}
	c.commit("b.txt", "x", "evil")
	c.git("push", "--quiet", fork.CloneURL, "HEAD:refs/heads/evil")
	p, err := s.OpenPullRequest(t.Context(), forge.PullRequest{Repository: "acme/shop", HeadRepository: "mallory/shop", Head: "evil", Author: "mallory"})
	if err != nil || p.Number != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	opened := event(t, s.await(t, 4)[3])
	if opened.PullRequest.Head.Repo.FullName != "mallory/shop" || opened.PullRequest.Head.Repo.ID == opened.Repository.ID || opened.Repository.FullName != "acme/shop" {
		t.Errorf("%+v", opened)
	}
	c.git("fetch", "--quiet", "origin", p.Commit)
}

// request speaks to the REST API.
func (s *server) request(t *testing.T, token, method, path string, body any, out any) (status int, link string) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequest(method, s.url+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
	}
	return response.StatusCode, response.Header.Get("Link")
}

func TestAPI(t *testing.T) {
	s, c, p := shop(t)
	if _, err := s.SetUser(forge.User{Login: "evenkeel-bot", Token: "tok"}); err != nil {
		t.Fatal(err)
	}
	var user forge.Author
	if s.request(t, "tok", "GET", "/api/v3/user", nil, &user); user.Login != "evenkeel-bot" || user.ID == 0 {
		t.Errorf("%+v", user)
	}
	const comments = "/api/v3/repos/acme/shop/issues/1/comments"
	var first forge.Comment
	if status, _ := s.request(t, "tok", "POST", comments, map[string]string{"body": "hello"}, &first); status != 201 || first.User != user || !strings.Contains(first.HTMLURL, "/pull/1#issuecomment-") {
		t.Errorf("%d %+v", status, first)
	}
	for i := range 4 {
		s.Comment("acme/shop", p.Number, "mallory", fmt.Sprint("noise ", i))
	}
	var list []forge.Comment
	if _, link := s.request(t, "tok", "GET", comments+"?per_page=3&page=1", nil, &list); len(list) != 3 || !strings.Contains(link, `page=2>; rel="next"`) {
		t.Errorf("%+v %s", list, link)
	}
	if _, link := s.request(t, "tok", "GET", comments+"?per_page=3&page=2", nil, &list); len(list) != 2 || link != "" {
		t.Errorf("%+v %s", list, link)
	}
	s.request(t, "tok", "PATCH", fmt.Sprintf("/api/v3/repos/acme/shop/issues/comments/%d", first.ID), map[string]string{"body": "changed"}, nil)
	if got := s.Comments("acme/shop", 1); len(got) != 5 || got[0].Body != "changed" {
		t.Errorf("%+v", got)
	}
	status := "/api/v3/repos/acme/shop/statuses/" + c.git("rev-parse", "HEAD")
	s.request(t, "tok", "POST", status, map[string]string{"state": "pending", "context": "x"}, nil)
	s.request(t, "tok", "POST", status, map[string]string{"state": "success", "context": "x", "description": "ok"}, nil)
	if got := s.Statuses("acme/shop", c.git("rev-parse", "HEAD")); len(got) != 2 || got[0].State != "success" || got[0].Creator != user {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		token, method, path string
		body                map[string]string
		want                int
	}{
		{"wrong", "GET", "/api/v3/user", nil, 401},
		{"tok", "POST", "/api/v3/repos/acme/shop/statuses/" + strings.Repeat("a", 40), map[string]string{"state": "success"}, 422},
		{"tok", "POST", status, map[string]string{"state": "great"}, 422},
		{"tok", "POST", status, map[string]string{"state": "success", "description": strings.Repeat("x", 141)}, 422},
		{"tok", "POST", "/api/v3/repos/acme/none/statuses/1", map[string]string{"state": "success"}, 404},
		{"tok", "POST", "/api/v3/repos/acme/shop/issues/9/comments", map[string]string{"body": "x"}, 404},
		{"tok", "POST", comments, map[string]string{"body": strings.Repeat("x", 65_537)}, 422},
		{"tok", "POST", comments, map[string]string{}, 422},
		{"tok", "PATCH", "/api/v3/repos/acme/shop/issues/comments/999", map[string]string{"body": "x"}, 404},
	} {
		if got, _ := s.request(t, tt.token, tt.method, tt.path, tt.body, nil); got != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, got, tt.want)
		}
	}
}

func TestCodeCommitPullRequest(t *testing.T) {
	s := start(t)
	r, err := s.Set(t.Context(), forge.Repository{Name: "mirror", Provider: forge.CodeCommit, Account: "111111111111"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, r.CloneURL)
	c.commit("a.txt", "1", "one")
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/feature")
	if _, err := s.OpenPullRequest(t.Context(), forge.PullRequest{Repository: "mirror", Head: "feature"}); err != nil {
		t.Fatal(err)
	}
	s.await(t, 2)
	if d := s.emitted[1]; d["event"] != "pullRequestCreated" || d["pullRequestStatus"] != "Open" || d["sourceCommit"] != c.git("rev-parse", "HEAD") || d["destinationReference"] != "refs/heads/main" {
		t.Errorf("%v", d)
	}
}
