// Package github publishes commit statuses and comments by GitHub's REST API,
// and that of a GitHub Enterprise Server.
package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// apiVersion is the version of the API that is asked for.
// Source: GitHub docs, "API versions".
const apiVersion = "2022-11-28"

// timeout bounds one request, maxAnswer what is read of its answer, in bytes: a
// page of a hundred comments may have 65,536 characters each.
const (
	timeout   = 20 * time.Second
	maxAnswer = 32 << 20
)

// Secrets reads a token by the name of its secret.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Client implements review.Forge. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	secrets Secrets
	now     func() time.Time
	users   *users
}

// New returns a client that reads tokens from secrets. They are in no error and
// in no log; a redirect is not followed, since it would take the token along.
func New(secrets Secrets, now func() time.Time) *Client {
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: &http.Client{Timeout: timeout, CheckRedirect: refuse}, secrets: secrets, now: now, users: newUsers()}
}

// call is one request.
type call struct {
	doing  string // for errors: "set the status of 1f0c9a7b"
	needs  string // permission of a fine-grained token, for errors
	method string
	path   string // below the API's base address
	body   any
}

// do sends a request and decodes the answer into out, if that is not nil. It
// reports whether the list of which the answer is a page has another one.
func (c *Client) do(ctx context.Context, r source.Repository, q call, out any) (more bool, err error) {
	token, err := c.secrets.Secret(ctx, r.StatusSecret)
	if err != nil {
		return false, err
	}
	request, err := newRequest(ctx, r.API()+q.path, q, strings.TrimSpace(string(token)))
	if err != nil {
		return false, fault.Permanent("%s: %w", q.doing, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false, fault.Transient("%s: %w", q.doing, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return false, fault.Transient("%s: read the answer: %w", q.doing, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return false, c.refused(r, q, response, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			return false, fault.Permanent("%s: the answer of %s is not what the API gives: %w", q.doing, r.API(), err)
		}
	}
	return strings.Contains(response.Header.Get("Link"), `rel="next"`), nil
}

func newRequest(ctx context.Context, address string, q call, token string) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		data, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return nil, err
	}
	if token == "" || strings.ContainsAny(token, " \r\n\t") {
		return nil, errors.New("the secret does not hold one token")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", apiVersion)
	request.Header.Set("User-Agent", "evenkeel")
	if q.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// refused says what a status means for the reaction, and what a person has to
// do. GitHub answers 403 both to a token that may not and to too many requests,
// and 404 to one that may not even know.
// Source: GitHub docs, "Troubleshooting the REST API" and "Rate limits for the
// REST API".
func (c *Client) refused(r source.Repository, q call, response *http.Response, answer []byte) error {
	said := q.doing + ": GitHub says: " + reason(response.StatusCode, answer)
	switch status := response.StatusCode; {
	case limited(response):
		return fault.Transient("%s; %s", said, c.again(response))
	case status >= 500, status == http.StatusRequestTimeout:
		return fault.Transient("%s", said)
	case status >= 300 && status < 400:
		return fault.Permanent("%s: it redirects, which is not followed: register the repository under its new name, or the right --api-url", q.doing)
	case status == http.StatusUnauthorized:
		return fault.Permanent("%s: the token in the secret %s is wrong, revoked or expired", said, r.StatusSecret)
	case status == http.StatusForbidden, status == http.StatusNotFound:
		return fault.Permanent("%s: the token in the secret %s needs the permission %s for %s (a classic token: the scope repo)", said, r.StatusSecret, q.needs, r.Name)
	default:
		return fault.Permanent("%s", said)
	}
}

// limited reports whether there were too many requests.
func limited(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		return response.Header.Get("Retry-After") != "" || response.Header.Get("X-RateLimit-Remaining") == "0"
	default:
		return false
	}
}

// again says when the next request is allowed.
func (c *Client) again(response *http.Response) string {
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		return fmt.Sprintf("try again after %d s", seconds)
	}
	if reset, err := strconv.ParseInt(response.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		return fmt.Sprintf("try again after %s", time.Unix(reset, 0).Sub(c.now()).Round(time.Second))
	}
	return "try again after a minute"
}

// reason is what the answer says, on one line.
func reason(status int, answer []byte) string {
	var body struct {
		Message string `json:"message"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	text := http.StatusText(status)
	if json.Unmarshal(answer, &body) == nil && body.Message != "" {
		text = body.Message
		for _, e := range body.Errors {
			if e.Message != "" {
				text += ": " + e.Message
			}
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300])
	}
	return fmt.Sprintf("%d %s", status, text)
}
