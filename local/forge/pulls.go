package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/local/emulator"
)

// PullRequest is a pull request. It lives as long as the forge runs.
type PullRequest struct {
	Repository     string `json:"repository"`     // that it is opened in
	Number         int    `json:"number"`         // set by the forge
	Title          string `json:"title"`          // for a person
	Head           string `json:"head"`           // branch to merge
	HeadRepository string `json:"headRepository"` // where that branch is; "" is Repository, another one is a fork
	Base           string `json:"base"`           // branch to merge into; "" is main
	Author         string `json:"author"`
	Draft          bool   `json:"draft"`
	State          string `json:"state"`  // open, closed; set by the forge
	Commit         string `json:"commit"` // head commit; set by the forge
}

// ref is where the head commit stands in the base repository, so that it can be
// fetched from there whoever wrote it.
// Source: GitHub docs, "Checking out pull requests locally".
func (p PullRequest) ref() string { return fmt.Sprintf("refs/pull/%d/head", p.Number) }

// OpenPullRequest opens a pull request and announces it.
func (f *Forge) OpenPullRequest(ctx context.Context, p PullRequest) (PullRequest, error) {
	f.pushes.Lock()
	defer f.pushes.Unlock()
	repository, err := f.Get(p.Repository)
	if err != nil {
		return p, err
	}
	p.HeadRepository, p.Base, p.State = cmp.Or(p.HeadRepository, p.Repository), cmp.Or(p.Base, "main"), "open"
	p.Author = cmp.Or(p.Author, "dana")
	if _, err := f.Get(p.HeadRepository); err != nil {
		return p, err
	}
	f.mu.Lock()
	for _, other := range f.pulls {
		if other.Repository == p.Repository {
			p.Number = max(p.Number, other.Number)
		}
	}
	p.Number++
	f.mu.Unlock()
	if p, err = f.follow(ctx, p); err != nil {
		return p, err
	}
	f.mu.Lock()
	f.pulls = append(f.pulls, p)
	f.mu.Unlock()
	return p, f.announcePull(repository, p, "opened", "")
}

// follow brings the head commit into the base repository.
func (f *Forge) follow(ctx context.Context, p PullRequest) (PullRequest, error) {
	commit, err := f.run(ctx, "-C", f.dir(p.HeadRepository), "rev-parse", "--verify", "refs/heads/"+p.Head)
	if err != nil {
		return p, fmt.Errorf("%s has no branch %q: %w", p.HeadRepository, p.Head, err)
	}
	p.Commit = strings.TrimSpace(commit)
	_, err = f.run(ctx, "-C", f.dir(p.Repository), "fetch", "--quiet", "--force", "--no-tags", f.dir(p.HeadRepository), "+refs/heads/"+p.Head+":"+p.ref())
	return p, err
}

// synchronize moves the open pull requests of a branch that was pushed.
func (f *Forge) synchronize(ctx context.Context, repository string, change Change) error {
	branch, ok := strings.CutPrefix(change.Ref, "refs/heads/")
	if !ok || change.deleted() {
		return nil
	}
	for _, p := range f.PullRequests() {
		if p.HeadRepository != repository || p.Head != branch || p.State != "open" {
			continue
		}
		base, err := f.Get(p.Repository)
		if err != nil {
			return err
		}
		before := p.Commit
		if p, err = f.follow(ctx, p); err != nil {
			return err
		}
		f.replace(p)
		if err := f.announcePull(base, p, "synchronize", before); err != nil {
			return err
		}
	}
	return nil
}

// ClosePullRequest closes a pull request and announces it.
func (f *Forge) ClosePullRequest(repository string, number int) (PullRequest, error) {
	for _, p := range f.PullRequests() {
		if p.Repository != repository || p.Number != number {
			continue
		}
		base, err := f.Get(repository)
		if err != nil {
			return p, err
		}
		p.State = "closed"
		f.replace(p)
		return p, f.announcePull(base, p, "closed", "")
	}
	return PullRequest{}, fmt.Errorf("no pull request %s#%d", repository, number)
}

// PullRequests returns all pull requests in the order in which they were opened.
func (f *Forge) PullRequests() []PullRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pulls)
}

func (f *Forge) replace(p PullRequest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.pulls {
		if f.pulls[i].Repository == p.Repository && f.pulls[i].Number == p.Number {
			f.pulls[i] = p
		}
	}
}

// announcePull queues GitHub's "pull_request" webhook, or CodeCommit's event.
func (f *Forge) announcePull(r Repository, p PullRequest, action, before string) error {
	delivery := Delivery{ID: emulator.NewID(), Repository: r.Name, Ref: p.ref(), Commit: p.Commit, Time: f.opts.Now()}
	if r.Provider == CodeCommit {
		detail := codeCommitPullDetail(r, p, action)
		data, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		delivery.Event, delivery.Payload = "CodeCommit Pull Request State Change", data
		f.enqueue(func() { f.emit(r, detail, delivery) })
		return nil
	}
	if r.WebhookURL == "" {
		return nil
	}
	head, err := f.Get(p.HeadRepository)
	if err != nil {
		return err
	}
	delivery.Event = "pull_request"
	if delivery.Payload, err = json.Marshal(pullPayload(r, head, p, action, before, delivery.Time)); err != nil {
		return err
	}
	f.enqueue(func() { f.record(f.send(r, delivery)) })
	return nil
}
