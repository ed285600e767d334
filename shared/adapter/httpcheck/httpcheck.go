// Package httpcheck asks the URLs of verifications. A repository chooses them,
// so it connects only to addresses that are no part of the machine itself,
// follows no redirect to elsewhere, and reads a bounded answer in bounded
// time.
package httpcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var _ verification.HTTP = (*Client)(nil)

// The limits of an answer.
const (
	maxBody      = 256 << 10 // bytes that are read
	maxHeaders   = 64 << 10  // bytes
	maxRedirects = 5
)

// Client implements verification.HTTP.
type Client struct {
	now      func() time.Time
	loopback bool
	client   *http.Client
}

// New returns a client. Only an installation whose workloads run on the same
// machine allows loopback addresses.
func New(now func() time.Time, allowLoopback bool) *Client {
	dialer := &net.Dialer{Control: control(allowLoopback)}
	return &Client{now: now, loopback: allowLoopback, client: &http.Client{
		CheckRedirect: sameOrigin,
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect in our place, to anywhere
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true, // each attempt resolves and connects like a new visitor
			DisableCompression:     true, // the bound is on what is read
			MaxResponseHeaderBytes: maxHeaders,
			ForceAttemptHTTP2:      true,
		},
	}}
}

// sameOrigin follows a redirect within the same scheme, host and port. One to
// elsewhere is the answer: its status is what the check sees.
func sameOrigin(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if len(before) > maxRedirects || next.URL.Scheme != first.Scheme || !strings.EqualFold(next.URL.Host, first.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// Do implements verification.HTTP.
func (c *Client) Do(ctx context.Context, q verification.Request) (verification.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()
	request, err := c.request(ctx, q)
	if err != nil {
		return verification.Response{}, err
	}
	began := c.now()
	answer, err := c.client.Do(request)
	if err != nil {
		return verification.Response{}, classify(q, err)
	}
	defer func() { _ = answer.Body.Close() }() // what was wanted of it has been read
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err != nil {
		return verification.Response{}, classify(q, err)
	}
	response := verification.Response{Status: answer.StatusCode, Headers: map[string]string{}, Body: body, Latency: c.now().Sub(began)}
	for name, values := range answer.Header {
		response.Headers[name] = strings.Join(values, ", ")
	}
	if len(body) > maxBody {
		response.Body, response.Truncated = body[:maxBody], true
	}
	return response, nil
}

func (c *Client) request(ctx context.Context, q verification.Request) (*http.Request, error) {
	address, err := url.Parse(q.URL)
	switch {
	case err != nil:
		return nil, fault.Invalid("the URL cannot be read: %w", bare(err))
	case address.Scheme != "https" && address.Scheme != "http":
		return nil, fault.Invalid("the URL begins with %s:, not with https: or http:", address.Scheme)
	case address.Hostname() == "":
		return nil, fault.Invalid("the URL names no host")
	case address.User != nil:
		return nil, fault.Invalid("the URL holds a user name: use a header with a secret")
	case q.Secret && address.Scheme != "https" && !c.loopback:
		return nil, fault.Invalid("a secret is sent over https only, and the URL begins with http:")
	}
	request, err := http.NewRequestWithContext(ctx, q.Method, q.URL, strings.NewReader(q.Body))
	if err != nil {
		return nil, fault.Invalid("the request cannot be made: %w", bare(err))
	}
	request.Header.Set("User-Agent", "evenkeel")
	for name, value := range q.Headers {
		request.Header.Set(name, value)
	}
	return request, nil
}

// classify says what became of the request. An address that was refused stays
// an InvalidError: it says nothing about the service.
func classify(q verification.Request, err error) error {
	var refused *fault.Fault
	if errors.As(err, &refused) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Transient("%s: %w", q.Method, context.DeadlineExceeded)
	}
	return fault.Transient("no answer: %w", bare(err))
}

// bare takes the URL off an error: it may be long, and the check is named
// beside it.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
