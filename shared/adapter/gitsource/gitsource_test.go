package gitsource_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/shared/adapter/gitsource"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// forge is a bare repository behind git's own HTTP server.
type forge struct {
	t      testing.TB
	bare   string
	work   string
	server *httptest.Server
	auth   string // required Authorization header, if any
	status int    // answer every request with this, if any
}

func newForge(t testing.TB, config ...string) *forge {
	t.Helper()
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git is needed: %v", err)
	}
	root := t.TempDir()
	f := &forge{t: t, bare: filepath.Join(root, "acme", "shop.git"), work: filepath.Join(root, "work")}
	f.git(root, "init", "-q", "--bare", "-b", "main", f.bare)
	f.git(root, "clone", "-q", f.bare, f.work)
	for _, c := range append([]string{"http.uploadpack=true"}, config...) {
		name, value, _ := strings.Cut(c, "=")
		f.git(f.bare, "config", name, value)
	}
	handler := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1"},
	}
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case f.status != 0:
			http.Error(w, "no", f.status)
		case f.auth != "" && r.Header.Get("Authorization") != f.auth:
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you", http.StatusUnauthorized)
		default:
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *forge) git(dir string, args ...string) string {
	f.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Dana", "GIT_AUTHOR_EMAIL=dana@example.com", "GIT_COMMITTER_NAME=Dana", "GIT_COMMITTER_EMAIL=dana@example.com"}
	out, err := c.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes the files, commits and pushes them, and returns the commit id.
func (f *forge) commit(files map[string]string) string {
	f.t.Helper()
	for name, content := range files {
		path := filepath.Join(f.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	f.git(f.work, "add", "-A")
	f.git(f.work, "commit", "-q", "-m", "change")
	f.git(f.work, "push", "-q", "origin", "HEAD:refs/heads/main")
	return f.git(f.work, "rev-parse", "HEAD")
}

func (f *forge) repository() source.Repository {
	return source.Repository{Name: "acme/shop", Provider: source.GitHub, CloneURL: f.server.URL + "/acme/shop.git"}
}

type secrets map[string]string

func (s secrets) Secret(_ context.Context, name string) ([]byte, error) {
	if value, ok := s[name]; ok {
		return []byte(value), nil
	}
	return nil, fault.Permanent("the secret %s does not exist", name)
}

func client() *gitsource.Client {
	return gitsource.New(secrets{"/evenkeel/secrets/shop": "dana:s3cret\n", "/evenkeel/secrets/odd": "token"}, nil)
}

func TestFetchOneCommit(t *testing.T) {
	for name, config := range map[string][]string{
		"by id":          {"uploadpack.allowReachableSHA1InWant=true"},
		"by branch only": nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t, config...)
			first := f.commit(map[string]string{"evenkeel.yaml": "version: 1\n", "templates/a.yaml": "Resources: {}\n"})
			second := f.commit(map[string]string{"evenkeel.yaml": "version: 2\n"})
			for commit, want := range map[string]string{first: "version: 1\n", second: "version: 2\n"} {
				tree, err := client().Fetch(t.Context(), f.repository(), "main", commit)
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := tree.File("evenkeel.yaml"); string(got) != want {
					t.Errorf("%s: evenkeel.yaml = %q, want %q", commit, got, want)
				}
				if _, ok := tree.File("templates/a.yaml"); !ok || len(tree) != 2 {
					t.Errorf("%s: %d files", commit, len(tree))
				}
			}
		})
	}
}

func TestSymbolicLinksAndSubmodules(t *testing.T) {
	f := newForge(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(f.work, "link")); err != nil {
		t.Fatal(err)
	}
	f.git(f.work, "update-index", "--add", "--cacheinfo", "160000,1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a,vendor/module")
	if err := os.MkdirAll(filepath.Join(f.work, "vendor", "module"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.work, "run.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.git(f.work, "add", "link", "run.sh")
	f.git(f.work, "commit", "-q", "-m", "links")
	f.git(f.work, "push", "-q", "origin", "HEAD:refs/heads/main")
	tree, err := client().Fetch(t.Context(), f.repository(), "main", f.git(f.work, "rev-parse", "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree) != 2 || tree[0].Path != "link" || !tree[0].Symlink || string(tree[0].Data) != "/etc/passwd" || tree[1].Path != "run.sh" {
		t.Errorf("tree = %+v, want the link as text, the script, and no submodule", tree)
	}
}

func TestCredentials(t *testing.T) {
	f := newForge(t)
	commit := f.commit(map[string]string{"a": "1"})
	f.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("dana:s3cret"))
	r := f.repository()
	if _, err := client().Fetch(t.Context(), r, "main", commit); !fault.Is(err, fault.InvalidError) {
		t.Errorf("without credentials: %v, want InvalidError", err)
	}
	r.Credentials = "/evenkeel/secrets/shop"
	if _, err := client().Fetch(t.Context(), r, "main", commit); err != nil {
		t.Errorf("with credentials: %v", err)
	}
	r.Credentials = "/evenkeel/secrets/odd"
	if _, err := client().Fetch(t.Context(), r, "main", commit); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "user:password") {
		t.Errorf("malformed credentials: %v", err)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	f := newForge(t)
	commit := f.commit(map[string]string{"a": "1"})
	missing := "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"
	withID := newForge(t, "uploadpack.allowReachableSHA1InWant=true")
	withID.commit(map[string]string{"a": "1"})

	tests := []struct {
		name   string
		forge  *forge
		status int
		change func(*source.Repository)
		branch string
		commit string
		kind   string
		says   string
	}{
		{"no such commit on the branch", f, 0, nil, "main", missing, fault.InvalidError, "does not have the commit"},
		{"no such commit by id", withID, 0, nil, "main", missing, fault.InvalidError, "does not have the commit"},
		{"no such branch", f, 0, nil, "gone", missing, fault.InvalidError, "the branch gone is gone"},
		{"no such repository", f, 404, nil, "main", commit, fault.InvalidError, "no such repository"},
		{"forbidden", f, 403, nil, "main", commit, fault.InvalidError, "refused the credentials"},
		{"server error", f, 503, nil, "main", commit, fault.TransientError, "503"},
		{"too many requests", f, 429, nil, "main", commit, fault.TransientError, "429"},
		{"redirect", f, 302, nil, "main", commit, fault.PermanentError, "302"},
		{"not a commit id", f, 0, nil, "main", "HEAD", fault.InvalidError, "not a commit id"},
		{"ssh", f, 0, func(r *source.Repository) { r.CloneURL = "ssh://example.com/a.git" }, "main", commit, fault.InvalidError, "want https"},
		{"file", f, 0, func(r *source.Repository) { r.CloneURL = "file://localhost" + f.bare }, "main", commit, fault.InvalidError, "want https"},
		{"nobody answers", f, 0, func(r *source.Repository) { r.CloneURL = "http://127.0.0.1:1/a.git" }, "main", commit, fault.TransientError, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.forge.status = tt.status
			defer func() { tt.forge.status = 0 }()
			r := tt.forge.repository()
			if tt.change != nil {
				tt.change(&r)
			}
			_, err := client().Fetch(t.Context(), r, tt.branch, tt.commit)
			if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v (%s), want %s with %q", err, fault.Kind(err), tt.kind, tt.says)
			}
		})
	}
}

func TestLargeFileIsRefused(t *testing.T) {
	f := newForge(t)
	commit := f.commit(map[string]string{"big": strings.Repeat("a", source.MaxFileBytes+1)})
	_, err := client().Fetch(t.Context(), f.repository(), "main", commit)
	if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "big is larger") {
		t.Errorf("error = %v", err)
	}
}

// Computed with botocore's SigV4Auth as the AWS CLI's credential helper uses it.
func TestCodeCommitPassword(t *testing.T) {
	s := &gitsource.Signer{
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: "session/token=="}, nil
		}),
	}
	user, password, err := s.Password(t.Context(), "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
	if err != nil {
		t.Fatal(err)
	}
	if user != "AKIDEXAMPLE%session/token==" || password != "20260102T030405Z83726e880beb4e63a7b2ff4208e579fbbd92a7f04aa42b5b0b739ee837a05c72" {
		t.Errorf("user %s, password %s", user, password)
	}
	if _, _, err := s.Password(t.Context(), "https://git-codecommit.evil.example/v1/repos/shop"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("signed for a stranger: %v", err)
	}
	s.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") })
	if _, _, err := s.Password(t.Context(), "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop"); err == nil {
		t.Error("no error without credentials")
	}
}

// TestRedirectsAreNotFollowed: credentials go to the registered host and to no
// other, and a server cannot send the function to an address inside its network.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was asked, with Authorization %q", r.Host, r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			http.Redirect(w, r, elsewhere.URL+r.URL.String(), status)
		}))
		r := source.Repository{Name: "acme/shop", Provider: source.GitHub, CloneURL: server.URL + "/acme/shop.git", Credentials: "/evenkeel/secrets/shop"}
		_, err := client().Fetch(t.Context(), r, "main", "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a")
		if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "register") || asked != 1 {
			t.Errorf("%d: asked %d times, %v (%s)", status, asked, err, fault.Kind(err))
		}
		server.Close()
	}
}
