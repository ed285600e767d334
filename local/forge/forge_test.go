package forge_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/forge"
)

type received struct {
	header http.Header
	body   []byte
}

// server is a forge with a receiver of its webhooks.
type server struct {
	*forge.Forge
	url string

	mu       sync.Mutex
	requests []received
	emitted  []map[string]any
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{}
	mux := http.NewServeMux()
	listener := httptest.NewServer(mux)
	t.Cleanup(listener.Close)
	s.url = listener.URL
	f, err := forge.New(forge.Options{
		Root: t.TempDir(), URL: listener.URL + "/git", Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		EmitCodeCommit: func(_ forge.Repository, detail map[string]any) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.emitted = append(s.emitted, detail)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	s.Forge = f
	mux.Handle("/git/", f)
	mux.Handle("/api/v3/", f.API())
	mux.Handle("/admin/", http.StripPrefix("/admin", f.Admin()))
	mux.HandleFunc("/hook", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, received{r.Header, body})
		w.WriteHeader(http.StatusAccepted)
	})
	return s
}

// await waits for the n-th delivery.
func (s *server) await(t *testing.T, n int) []forge.Delivery {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if d := s.Deliveries(); len(d) >= n {
			return d
		}
	}
	t.Fatalf("%d deliveries, not %d", len(s.Deliveries()), n)
	return nil
}

// clone is a working copy.
type clone struct {
	t   *testing.T
	dir string
}

func newClone(t *testing.T, url string) clone {
	c := clone{t, t.TempDir()}
	c.git("init", "--quiet", "--initial-branch=main")
	c.git("remote", "add", "origin", url)
	return c
}

func (c clone) git(args ...string) string {
	c.t.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func (c clone) try(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-c", "user.name=Alice", "-c", "user.email=alice@example.com"}, args...)...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c clone) commit(file, content, message string) string {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(c.dir, file)), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, file), []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.git("add", "-A")
	c.git("commit", "--quiet", "-m", message)
	return c.git("rev-parse", "HEAD")
}

type pushPayload struct {
	Ref, Before, After       string
	Created, Deleted, Forced bool
	Commits                  []struct {
		ID, Message              string
		Added, Removed, Modified []string
	}
	HeadCommit *struct{ ID string } `json:"head_commit"`
	Repository struct {
		FullName      string `json:"full_name"`
		CloneURL      string `json:"clone_url"`
		DefaultBranch string `json:"default_branch"`
	}
	Pusher struct{ Name, Email string }
}

func TestPushIsAnnouncedByASignedWebhook(t *testing.T) {
	t.Parallel()
	s := start(t)
	repository, err := s.Set(t.Context(), forge.Repository{Name: "acme/shop", WebhookURL: s.url + "/hook", Secret: "a secret"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, repository.CloneURL)
	first := c.commit("a.txt", "1", "first")
	second := c.commit("dir/b.txt", "2", "second")
	c.git("push", "--quiet", "origin", "main")
	s.await(t, 1)

	got := s.requests[0]
	for header, want := range map[string]string{
		"X-Github-Event": "push", "Content-Type": "application/json",
		// "sha256=" and the HMAC of the raw body. Source: GitHub, "Validating webhook deliveries".
		"X-Hub-Signature-256": forge.Sign("a secret", got.body),
		"X-Github-Delivery":   s.Deliveries()[0].ID,
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s is %q, not %q", header, got.header.Get(header), want)
		}
	}
	var p pushPayload
	if err := json.Unmarshal(got.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Ref != "refs/heads/main" || p.Before != strings.Repeat("0", 40) || p.After != second || !p.Created || p.Deleted || p.Forced {
		t.Errorf("the payload says %+v", p)
	}
	if len(p.Commits) != 2 || p.Commits[0].ID != first || p.Commits[1].Added[0] != "dir/b.txt" || p.Commits[1].Message != "second" || p.HeadCommit.ID != second {
		t.Errorf("the payload's commits are %+v", p.Commits)
	}
	if p.Repository.FullName != "acme/shop" || p.Repository.CloneURL != repository.CloneURL || p.Pusher.Email != "alice@example.com" {
		t.Errorf("the payload's repository is %+v, its pusher %+v", p.Repository, p.Pusher)
	}
	if d := s.Deliveries()[0]; d.Status != http.StatusAccepted || d.Commit != second {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestSignKnownAnswer(t *testing.T) {
	// The example of GitHub's documentation, "Validating webhook deliveries".
	got := forge.Sign("It's a Secret to Everybody", []byte("Hello, World!"))
	if got != "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Error(got)
	}
}

func TestUpdateForceAndDeleteAreTold(t *testing.T) {
	t.Parallel()
	s := start(t)
	repository, err := s.Set(t.Context(), forge.Repository{Name: "acme/shop", WebhookURL: s.url + "/hook"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, repository.CloneURL)
	first := c.commit("a.txt", "1", "first")
	c.git("push", "--quiet", "origin", "main", "main:topic")
	second := c.commit("a.txt", "2", "second")
	c.git("push", "--quiet", "origin", "main")
	c.git("reset", "--quiet", "--hard", first)
	third := c.commit("c.txt", "3", "third")
	c.git("push", "--quiet", "--force", "origin", "main")
	c.git("push", "--quiet", "origin", ":topic")
	deliveries := s.await(t, 5)
	if deliveries[0].Ref != "refs/heads/main" || deliveries[1].Ref != "refs/heads/topic" {
		t.Errorf("one push of two branches was announced as %s, %s", deliveries[0].Ref, deliveries[1].Ref)
	}
	payloads := make([]pushPayload, len(deliveries))
	for i, d := range deliveries {
		if err := json.Unmarshal(d.Payload, &payloads[i]); err != nil {
			t.Fatal(err)
		}
	}
	if p := payloads[2]; p.Before != first || p.After != second || p.Forced || p.Created || len(p.Commits) != 1 || p.Commits[0].Modified[0] != "a.txt" {
		t.Errorf("an update is told as %+v", p)
	}
	if p := payloads[3]; p.Before != second || p.After != third || !p.Forced || len(p.Commits) != 1 {
		t.Errorf("a forced update is told as %+v", p)
	}
	if p := payloads[4]; p.Before != first || p.After != strings.Repeat("0", 40) || !p.Deleted || p.HeadCommit != nil || len(p.Commits) != 0 {
		t.Errorf("a deletion is told as %+v", p)
	}
}

func TestCodeCommitEvent(t *testing.T) {
	t.Parallel()
	s := start(t)
	repository, err := s.Set(t.Context(), forge.Repository{Name: "shop", Provider: forge.CodeCommit, Account: "000000000000", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, repository.CloneURL)
	first := c.commit("a.txt", "1", "first")
	c.git("push", "--quiet", "origin", "main")
	second := c.commit("a.txt", "2", "second")
	c.git("tag", "v1")
	c.git("push", "--quiet", "origin", "main", "v1")
	c.git("push", "--quiet", "origin", ":v1")
	s.await(t, 4)
	s.mu.Lock()
	defer s.mu.Unlock()
	want := []map[string]any{
		{"event": "referenceCreated", "referenceType": "branch", "referenceName": "main", "commitId": first},
		{"event": "referenceUpdated", "referenceType": "branch", "referenceFullName": "refs/heads/main", "commitId": second, "oldCommitId": first},
		{"event": "referenceCreated", "referenceType": "tag", "referenceName": "v1", "commitId": second},
		{"event": "referenceDeleted", "referenceType": "tag", "referenceName": "v1", "oldCommitId": second},
	}
	for i, fields := range want {
		for name, value := range fields {
			if s.emitted[i][name] != value {
				t.Errorf("event %d: %s is %v, not %v", i, name, s.emitted[i][name], value)
			}
		}
	}
	if _, ok := s.emitted[0]["oldCommitId"]; ok {
		t.Error("a created reference has an old commit")
	}
}

// A pipeline fetches by commit id, also one that a newer push has replaced.
func TestAnyCommitCanBeFetchedByItsID(t *testing.T) {
	t.Parallel()
	s := start(t)
	repository, err := s.Set(t.Context(), forge.Repository{Name: "acme/shop"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, repository.CloneURL)
	first := c.commit("a.txt", "1", "first")
	c.git("push", "--quiet", "origin", "main")
	c.git("commit", "--quiet", "--amend", "-m", "other")
	c.git("push", "--quiet", "--force", "origin", "main")
	other := newClone(t, repository.CloneURL)
	other.git("fetch", "--quiet", "--depth=1", "origin", first)
	if got := other.git("rev-parse", "FETCH_HEAD"); got != first {
		t.Errorf("fetched %s", got)
	}
}

func TestLargePush(t *testing.T) {
	t.Parallel()
	s := start(t)
	repository, err := s.Set(t.Context(), forge.Repository{Name: "acme/large"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, repository.CloneURL)
	noise := make([]byte, 3<<20) // git sends more than 1 MiB chunked
	seed := uint32(1)
	for i := range noise {
		seed = seed*1664525 + 1013904223
		noise[i] = byte(seed >> 24)
	}
	c.commit("noise", string(noise), "large")
	c.git("push", "--quiet", "origin", "main")
	copied := newClone(t, repository.CloneURL)
	copied.git("pull", "--quiet", "origin", "main")
	data, err := os.ReadFile(filepath.Join(copied.dir, "noise"))
	if err != nil || !bytes.Equal(data, noise) {
		t.Errorf("the file came back with %d bytes (%v)", len(data), err)
	}
}

func TestRedeliveryKeepsTheDeliveryID(t *testing.T) {
	t.Parallel()
	s := start(t)
	repository, err := s.Set(t.Context(), forge.Repository{Name: "acme/shop", WebhookURL: s.url + "/hook"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t, repository.CloneURL)
	c.commit("a.txt", "1", "first")
	c.git("push", "--quiet", "origin", "main")
	first := s.await(t, 1)[0]
	response, err := http.Post(s.url+"/admin/deliveries/"+first.ID, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var again forge.Delivery
	if err := json.NewDecoder(response.Body).Decode(&again); err != nil {
		t.Fatal(err)
	}
	if again.ID != first.ID || !again.Redelivery || len(s.Deliveries()) != 2 || !bytes.Equal(s.requests[0].body, s.requests[1].body) {
		t.Errorf("the redelivery is %+v", again)
	}
	if _, err := s.Redeliver("none"); err == nil {
		t.Error("a delivery that never was has been repeated")
	}
}

func TestNamesDoNotLeaveTheFolder(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"", "..", "../x", "a/../b", "a/b/c", "/etc", ".git", "a b", "x.git", "a/-b", "\x00"} {
		if _, err := s.Set(t.Context(), forge.Repository{Name: name}); err == nil {
			t.Errorf("%q was taken as a name", name)
		}
		if _, err := s.Get(name); err == nil {
			t.Errorf("%q was found", name)
		}
	}
	if _, err := s.Set(t.Context(), forge.Repository{Name: "a", Provider: "svn"}); err == nil {
		t.Error("an unknown provider was taken")
	}
	for _, path := range []string{"/git/none.git/info/refs", "/git/../../etc/passwd", "/git/%2e%2e/x.git/HEAD"} {
		response, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s was answered with %s", path, response.Status)
		}
	}
}
