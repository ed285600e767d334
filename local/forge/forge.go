// Package forge is a small git server for the local cloud: bare repositories
// over smart HTTP, and after a push what a hosted forge would do: a signed
// GitHub "push" webhook, or CodeCommit's "Repository State Change" event. It has
// pull requests, and the part of GitHub's REST API that publishes about them.
package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Providers that a repository can play.
const (
	GitHub     = "github"
	CodeCommit = "codecommit"
)

// Repository is a repository's settings.
type Repository struct {
	Name       string `json:"name"`       // "acme/shop"
	Provider   string `json:"provider"`   // GitHub (the default) or CodeCommit
	WebhookURL string `json:"webhookUrl"` // where GitHub's pushes are announced; "" announces none
	Secret     string `json:"secret"`     // shared secret of the webhook
	Public     bool   `json:"public"`     // everybody may read it
	Account    string `json:"account"`    // CodeCommit: account of the repository
	Region     string `json:"region"`     // CodeCommit: region of the repository
	CloneURL   string `json:"cloneUrl"`   // set by the forge
}

// Options configures a forge.
type Options struct {
	Root string // folder of the bare repositories
	URL  string // base of clone URLs, for example "http://127.0.0.1:4500/git"
	Now  func() time.Time
	Log  *slog.Logger
	// EmitCodeCommit puts a "CodeCommit Repository State Change" on the bus.
	EmitCodeCommit func(repository Repository, detail map[string]any) error
}

// Forge serves repositories under /git/. Close waits for its deliveries.
type Forge struct {
	opts   Options
	git    string
	client *http.Client

	pushes sync.Mutex // one push at a time: refs are compared before and after
	queue  chan func()
	idle   sync.WaitGroup

	mu         sync.Mutex
	deliveries []Delivery
	pulls      []PullRequest
	users      map[string]string   // token → login
	statuses   map[string][]Status // "acme/shop@commit", oldest first
	comments   []Comment
	written    int64 // ids of what was written by the API
	closed     bool
}

// repositoryName allows "name" and "owner/name" and nothing that leaves Root.
var repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$`)

// New opens the forge in opts.Root.
func New(opts Options) (*Forge, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, errors.New("the local forge needs git on the PATH")
	}
	if err := os.MkdirAll(opts.Root, 0o755); err != nil {
		return nil, err
	}
	f := &Forge{opts: opts, git: git, client: &http.Client{Timeout: 30 * time.Second}, queue: make(chan func(), 1024), users: map[string]string{}, statuses: map[string][]Status{}}
	f.idle.Go(func() {
		for deliver := range f.queue {
			deliver()
		}
	})
	return f, nil
}

// Close sends what is still to be announced and stops.
func (f *Forge) Close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.queue)
	}
	f.mu.Unlock()
	f.idle.Wait()
}

// Set creates a repository or changes its settings.
func (f *Forge) Set(ctx context.Context, repository Repository) (Repository, error) {
	if !repositoryName.MatchString(repository.Name) || strings.HasSuffix(repository.Name, ".git") {
		return Repository{}, fmt.Errorf("%q is not a repository name such as acme/shop", repository.Name)
	}
	if repository.Provider == "" {
		repository.Provider = GitHub
	}
	if repository.Provider != GitHub && repository.Provider != CodeCommit {
		return Repository{}, fmt.Errorf("unknown provider %q: %s or %s", repository.Provider, GitHub, CodeCommit)
	}
	repository.CloneURL = f.opts.URL + "/" + repository.Name + ".git"
	dir := f.dir(repository.Name)
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		if err := f.initialise(ctx, dir); err != nil {
			return Repository{}, err
		}
	}
	data, err := json.MarshalIndent(repository, "", "  ")
	if err != nil {
		return Repository{}, err
	}
	return repository, os.WriteFile(filepath.Join(dir, settingsFile), data, 0o600)
}

const settingsFile = "evenkeel.json"

// Get returns a repository's settings.
func (f *Forge) Get(name string) (Repository, error) {
	if !repositoryName.MatchString(name) {
		return Repository{}, fmt.Errorf("%q is not a repository name such as acme/shop", name)
	}
	data, err := os.ReadFile(filepath.Join(f.dir(name), settingsFile))
	if err != nil {
		return Repository{}, fmt.Errorf("no repository %s on the local forge", name)
	}
	var repository Repository
	if err := json.Unmarshal(data, &repository); err != nil {
		return Repository{}, err
	}
	repository.CloneURL = f.opts.URL + "/" + name + ".git" // the port may be another now
	return repository, nil
}

func (f *Forge) dir(name string) string { return filepath.Join(f.opts.Root, name+".git") }

func (f *Forge) initialise(ctx context.Context, dir string) error {
	steps := [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", dir},
		{"-C", dir, "config", "http.receivepack", "true"},
		// A pipeline fetches a commit by its id, which a newer push may have
		// left behind.
		{"-C", dir, "config", "uploadpack.allowAnySHA1InWant", "true"},
	}
	for _, args := range steps {
		if _, err := f.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP serves /git/<name>.git/… to git clients.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/git/")
	name, rest, ok := strings.Cut(path, ".git/")
	repository, err := f.Get(name)
	if !ok || err != nil {
		http.Error(w, "no such repository on the local forge", http.StatusNotFound)
		return
	}
	// CGI needs the length of the body, and git sends large pushes chunked.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	if rest != "git-receive-pack" {
		f.backend(w, r)
		return
	}
	f.receive(w, r, repository)
}

// receive serves a push and announces the refs that it changed.
func (f *Forge) receive(w http.ResponseWriter, r *http.Request, repository Repository) {
	f.pushes.Lock()
	defer f.pushes.Unlock()
	ctx := context.WithoutCancel(r.Context())
	before, err := f.refs(ctx, repository.Name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.backend(w, r)
	after, err := f.refs(ctx, repository.Name)
	if err != nil {
		f.opts.Log.Error("read the refs after a push", "repository", repository.Name, "error", err)
		return
	}
	for _, change := range changes(before, after) {
		err := errors.Join(f.announce(ctx, repository, change), f.synchronize(ctx, repository.Name, change))
		if err != nil {
			f.opts.Log.Error("announce a push", "repository", repository.Name, "ref", change.Ref, "error", err)
		}
	}
}

func (f *Forge) backend(w http.ResponseWriter, r *http.Request) {
	handler := &cgi.Handler{
		Path: f.git, Args: []string{"http-backend"}, Root: "/git", Dir: f.opts.Root,
		Env: append(environment(), "GIT_PROJECT_ROOT="+f.opts.Root, "GIT_HTTP_EXPORT_ALL=1"),
	}
	handler.ServeHTTP(w, r)
}

// environment keeps the person's own git configuration out.
func environment() []string {
	return []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "HOME=" + os.TempDir(), "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
}

func (f *Forge) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, f.git, args...)
	cmd.Env = environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
