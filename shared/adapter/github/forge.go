package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/source"
)

var _ review.Forge = (*Client)(nil)

// The permissions of a fine-grained personal access token.
// Source: GitHub docs, "Permissions required for fine-grained personal access
// tokens".
const (
	needsStatuses = `"Commit statuses: write"`
	needsComments = `"Pull requests: write"`
)

// SetStatus implements review.Forge.
// Source: GitHub REST API, "Create a commit status".
func (c *Client) SetStatus(ctx context.Context, r source.Repository, commit string, s review.Status) error {
	body := map[string]string{"state": s.State, "context": s.Context, "description": s.Description}
	if s.TargetURL != "" {
		body["target_url"] = s.TargetURL
	}
	_, err := c.do(ctx, r, call{
		doing: fmt.Sprintf("set the status of %.8s in %s", commit, r.Name), needs: needsStatuses,
		method: http.MethodPost, path: "/repos/" + r.Name + "/statuses/" + commit, body: body,
	}, nil)
	return err
}

// comment is a comment as the API gives it. A pull request is an issue there.
type comment struct {
	ID      int64  `json:"id"`
	HTMLURL string `json:"html_url"`
	Body    string `json:"body"`
	User    struct {
		ID int64 `json:"id"`
	} `json:"user"`
}

// UpsertComment implements review.Forge. Anybody may write a comment that begins
// with the marker: only one of the token's own user is taken.
// Source: GitHub REST API, "List issue comments", "Create an issue comment" and
// "Update an issue comment".
func (c *Client) UpsertComment(ctx context.Context, r source.Repository, number int, marker, body string) (string, error) {
	own, err := c.user(ctx, r)
	if err != nil {
		return "", err
	}
	found, err := c.find(ctx, r, number, marker, own)
	if err != nil {
		return "", err
	}
	doing := fmt.Sprintf("comment on %s#%d", r.Name, number)
	q := call{doing: doing, needs: needsComments, method: http.MethodPost, path: fmt.Sprintf("/repos/%s/issues/%d/comments", r.Name, number), body: map[string]string{"body": body}}
	if found != nil {
		if found.Body == body {
			return found.HTMLURL, nil
		}
		q.method, q.path = http.MethodPatch, fmt.Sprintf("/repos/%s/issues/comments/%d", r.Name, found.ID)
	}
	var written comment
	if _, err := c.do(ctx, r, q, &written); err != nil {
		return "", err
	}
	return written.HTMLURL, nil
}

// maxPages bounds the comments that are looked through, a hundred a page, the
// oldest first. The review's own is among the first, unless a pull request had
// thousands before it was reviewed.
const maxPages = 50

func (c *Client) find(ctx context.Context, r source.Repository, number int, marker string, own int64) (*comment, error) {
	for page := 1; page <= maxPages; page++ {
		var list []comment
		more, err := c.do(ctx, r, call{
			doing: fmt.Sprintf("read the comments on %s#%d", r.Name, number), needs: needsComments, method: http.MethodGet,
			path: fmt.Sprintf("/repos/%s/issues/%d/comments?per_page=100&page=%d", r.Name, number, page),
		}, &list)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].User.ID == own && strings.HasPrefix(list[i].Body, marker) {
				return &list[i], nil
			}
		}
		if !more {
			return nil, nil
		}
	}
	return nil, fault.Permanent("read the comments on %s#%d: there are more than %d, and none is the review's", r.Name, number, maxPages*100)
}

// users remembers who a secret's token belongs to, for as long as a secret is
// remembered: a new token may be another user's.
type users struct {
	mu    sync.Mutex
	known map[string]known
}

type known struct {
	id      int64
	expires time.Time
}

func newUsers() *users { return &users{known: map[string]known{}} }

// userAge is how long a user is remembered.
const userAge = 5 * time.Minute

// user returns the id of the token's user.
// Source: GitHub REST API, "Get the authenticated user".
func (c *Client) user(ctx context.Context, r source.Repository) (int64, error) {
	c.users.mu.Lock()
	defer c.users.mu.Unlock()
	key := r.API() + " " + r.StatusSecret
	if k, ok := c.users.known[key]; ok && c.now().Before(k.expires) {
		return k.id, nil
	}
	var user struct {
		ID int64 `json:"id"`
	}
	_, err := c.do(ctx, r, call{
		doing: "ask whose the token is", needs: "of a user's own personal access token (a GitHub App's has no user)", method: http.MethodGet, path: "/user",
	}, &user)
	if err != nil {
		return 0, err
	}
	if user.ID == 0 {
		return 0, fault.Permanent("ask whose the token is: %s names no user", r.API())
	}
	c.users.known[key] = known{user.ID, c.now().Add(userAge)}
	return user.ID, nil
}
