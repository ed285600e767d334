// Package gitsource fetches the tree of one commit over smart HTTP, in memory.
// It never runs a program, never writes a file, never follows a submodule or a
// symbolic link, and bounds what it reads before it inflates it.
package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// maxPack bounds the packfile of a fetch, in bytes as sent.
const maxPack = 64 << 20

// timeout bounds one HTTP exchange; a fetch is two of them.
const timeout = 2 * time.Minute

// Secrets reads the credentials that a repository names.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Client fetches commits. It is safe for concurrent use.
type Client struct {
	transport transport.Transport
	secrets   Secrets
	// codeCommit signs a password for a CodeCommit repository.
	codeCommit func(ctx context.Context, cloneURL string) (user, password string, err error)
}

// New returns a client that reads credentials from secrets and signs for
// CodeCommit with signer.
func New(secrets Secrets, signer *Signer) *Client {
	exchange := &http.Client{Transport: http.DefaultTransport, Timeout: timeout}
	options := &githttp.ClientOptions{RedirectPolicy: githttp.NoFollowRedirects}
	return &Client{transport: githttp.NewClientWithOptions(exchange, options), secrets: secrets, codeCommit: signer.Password}
}

// Fetch returns the tree of a commit. branch is where the commit was pushed
// to: a server that does not hand out a commit by its id is asked for the
// branch. A commit or repository that is not there is a fault.InvalidError, as
// are refused credentials and a tree beyond the limits.
func (c *Client) Fetch(ctx context.Context, r source.Repository, branch, commit string) (source.Tree, error) {
	if err := source.CheckCloneURL(r.CloneURL); err != nil {
		return nil, err
	}
	if !plumbing.IsHash(commit) {
		return nil, fault.Invalid("%q is not a commit id", commit)
	}
	session, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	pack, err := download(ctx, session, branch, plumbing.NewHash(commit))
	if err != nil {
		return nil, classify("fetch "+commit+" of "+r.Name, err)
	}
	objects, err := unpack(pack)
	if err != nil {
		return nil, classify("unpack "+commit+" of "+r.Name, err)
	}
	return tree(objects, commit, r.Name)
}

func (c *Client) open(ctx context.Context, r source.Repository) (transport.UploadPackSession, error) {
	endpoint, err := transport.NewEndpoint(r.CloneURL)
	if err != nil {
		return nil, fault.Invalid("clone URL of %s: %w", r.Name, err)
	}
	auth, err := c.auth(ctx, r)
	if err != nil {
		return nil, err
	}
	session, err := c.transport.NewUploadPackSession(endpoint, auth)
	return session, classify("open "+r.Name, err)
}

func (c *Client) auth(ctx context.Context, r source.Repository) (transport.AuthMethod, error) {
	switch {
	case r.Credentials != "":
		secret, err := c.secrets.Secret(ctx, r.Credentials)
		if err != nil {
			return nil, err
		}
		user, password, found := strings.Cut(strings.TrimSpace(string(secret)), ":")
		if !found {
			return nil, fault.Invalid("the credentials %s of %s are not of the form user:password", r.Credentials, r.Name)
		}
		return &githttp.BasicAuth{Username: user, Password: password}, nil
	case r.Provider == source.CodeCommit && isCodeCommit(r.CloneURL):
		user, password, err := c.codeCommit(ctx, r.CloneURL)
		if err != nil {
			return nil, err
		}
		return &githttp.BasicAuth{Username: user, Password: password}, nil
	default:
		return nil, nil
	}
}

// download asks for the one commit without its history. A server that refuses
// ids that are no tip is asked for the branch: without history if the commit
// is its tip, with it otherwise, since more pushes may have come.
func download(ctx context.Context, session transport.UploadPackSession, branch string, commit plumbing.Hash) ([]byte, error) {
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, err
	}
	request := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	request.Capabilities.Delete(capability.ThinPack)
	request.Wants = []plumbing.Hash{commit}
	depth := 1
	if !isTip(refs, commit) && !byID(refs.Capabilities) {
		tip, ok := refs.References["refs/heads/"+branch]
		if !ok {
			return nil, fault.Invalid("the branch %s is gone and the server does not give commits by id", branch)
		}
		request.Wants, depth = []plumbing.Hash{tip}, 0
	}
	if depth > 0 && refs.Capabilities.Supports(capability.Shallow) {
		if err := request.Capabilities.Set(capability.Shallow); err != nil {
			return nil, err
		}
		request.Depth = packp.DepthCommits(depth)
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return nil, err
	}
	pack, err := readPack(request.Capabilities, response)
	if closing := response.Close(); err == nil {
		err = closing
	}
	return pack, err
}

func readPack(negotiated *capability.List, response io.Reader) ([]byte, error) {
	r := response
	switch {
	case negotiated.Supports(capability.Sideband64k):
		r = sideband.NewDemuxer(sideband.Sideband64k, response)
	case negotiated.Supports(capability.Sideband):
		r = sideband.NewDemuxer(sideband.Sideband, response)
	}
	pack, err := io.ReadAll(io.LimitReader(r, maxPack+1))
	if len(pack) > maxPack {
		return nil, fault.Invalid("the commit is larger than %d MiB", maxPack>>20)
	}
	return pack, err
}

func isTip(refs *packp.AdvRefs, commit plumbing.Hash) bool {
	for _, tip := range refs.References {
		if tip == commit {
			return true
		}
	}
	return false
}

// byID reports whether the server gives any commit that a ref reaches.
// Source: gitprotocol-capabilities(5).
func byID(c *capability.List) bool {
	return c.Supports(capability.AllowReachableSHA1InWant) || c.Supports("allow-any-sha1-in-want")
}

// classify names the reaction to a git error. What the server said stays in
// the message; credentials are in no error, they are in no URL.
func classify(doing string, err error) error {
	var known *fault.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fault.Invalid("%s: there is no such repository, or the credentials may not see it", doing)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fault.Invalid("%s: the server refused the credentials: %w", doing, err)
	case errors.Is(err, transport.ErrEmptyRemoteRepository), errors.Is(err, transport.ErrEmptyUploadPackRequest):
		return fault.Invalid("%s: the repository does not have the commit", doing)
	case strings.Contains(err.Error(), "http redirect:"): // go-git's text: it has no type for it
		return fault.Invalid("%s: the server redirects, which is not followed: register the address that it redirects to", doing)
	case wontHelp(status(err)):
		return fault.Permanent("%s: %w", doing, err)
	case strings.Contains(err.Error(), "not our ref"), strings.Contains(err.Error(), "unadvertised object"):
		return fault.Invalid("%s: the repository does not have the commit", doing)
	default: // the network, a 5xx, a broken answer: worth another try
		return fault.Transient("%s: %w", doing, err)
	}
}

// status is the HTTP status in err, or 0. go-git wraps it without Unwrap.
func status(err error) int {
	var wrapped *plumbing.UnexpectedError
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var answered *githttp.Err
	if errors.As(err, &answered) {
		return answered.StatusCode()
	}
	return 0
}

func wontHelp(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusTooManyRequests
}

// tree walks the commit's files.
func tree(objects storer.EncodedObjectStorer, commit, repository string) (source.Tree, error) {
	files, err := walk(objects, plumbing.NewHash(commit))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fault.Invalid("the repository %s does not have the commit %s", repository, commit)
	}
	var known *fault.Fault
	if err != nil && !errors.As(err, &known) {
		err = fault.Invalid("the commit %s of %s cannot be read: %w", commit, repository, err)
	}
	if err != nil {
		return nil, err
	}
	t, err := source.NewTree(files)
	if err != nil {
		return nil, fmt.Errorf("commit %s of %s: %w", commit, repository, err)
	}
	return t, nil
}
