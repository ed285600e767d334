package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/local/gateway"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// on works on a branch of the shop and returns to main.
func (w *World) on(ctx context.Context, branch, url string, work func() error) (commit string, err error) {
	if _, err := w.shop.git(ctx, "checkout", "--quiet", "-B", branch); err != nil {
		return "", err
	}
	if err := work(); err != nil {
		return "", err
	}
	if commit, err = w.shop.Commit(ctx, "Work on "+branch); err != nil {
		return "", err
	}
	if _, err := w.shop.git(ctx, "push", "--quiet", "--force", url, "HEAD:refs/heads/"+branch); err != nil {
		return "", err
	}
	_, err = w.shop.git(ctx, "checkout", "--quiet", "main")
	return commit, err
}

func (w *World) write(file, content string) error {
	return os.WriteFile(filepath.Join(w.shop.dir, file), []byte(content), 0o600)
}

// openPull opens a pull request by the forge's admin endpoint.
func (w *World) openPull(ctx context.Context, p forge.PullRequest) (forge.PullRequest, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.Cloud.State.Endpoint+gateway.Prefix+"forge/pulls", bytes.NewReader(body))
	if err != nil {
		return p, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return p, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return p, fmt.Errorf("the forge answers %d: %s", response.StatusCode, answer)
	}
	return p, json.Unmarshal(answer, &p)
}

// reviewed waits for the review of a commit.
func (w *World) reviewed(ctx context.Context, repository string, number int, commit string) (events.PullRequestReviewed, error) {
	return awaitFact(ctx, w, ledger.ReviewSubject(repository, number), func(r events.PullRequestReviewed) bool { return r.Head == commit })
}

// comment is the one comment of the bot on a pull request.
func (w *World) comment(number int) (forge.Comment, error) {
	var own []forge.Comment
	for _, c := range w.Cloud.Forge.Comments(shopName, number) {
		if c.User.Login == botName {
			own = append(own, c)
		}
	}
	if len(own) != 1 {
		return forge.Comment{}, fmt.Errorf("%d comments of %s, want 1", len(own), botName)
	}
	return own[0], nil
}

// status is the newest status of a commit in a context.
func (w *World) status(commit, kind string) forge.Status {
	for _, s := range w.Cloud.Forge.Statuses(shopName, commit) {
		if s.Context == kind {
			return s
		}
	}
	return forge.Status{}
}
