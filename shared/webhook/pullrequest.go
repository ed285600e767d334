package webhook

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/source"
)

// PullRequests is a provider that has pull requests.
type PullRequests interface {
	// PullRequest reads a verified delivery of kind KindPullRequest. The error
	// is *Malformed.
	PullRequest(Request) (PullRequest, error)
}

var _ PullRequests = GitHub{}

// PullRequest is a change of a pull request.
type PullRequest struct {
	events.PullRequest        // without Provider
	Action             string // as the provider calls it
	NewBase            bool   // the action gave it another base
	Draft              bool
	Closed             bool
}

// reviewed are GitHub's actions that give a pull request something to review.
// Source: GitHub docs, "Webhook events and payloads", pull_request.
var reviewed = []string{"opened", "synchronize", "reopened", "ready_for_review"}

// Ignored says why the change starts no review, or is "".
func (p PullRequest) Ignored() string {
	name := "pull request " + strconv.Itoa(p.Number)
	switch {
	case p.Closed:
		return name + " is closed: there is nothing to review"
	case p.Draft:
		return name + " is a draft: it is reviewed when it is ready for review"
	case p.Action == "edited" && p.NewBase:
		return ""
	}
	for _, action := range reviewed {
		if p.Action == action {
			return ""
		}
	}
	return "nothing to review in the action " + printable(p.Action) + " of " + name
}

// PullRequest implements PullRequests.
func (GitHub) PullRequest(r Request) (PullRequest, error) {
	type repository struct {
		ID       int64  `json:"id"`
		FullName string `json:"full_name"`
		Private  *bool  `json:"private"`
	}
	var body struct {
		Action      string `json:"action"`
		Number      int    `json:"number"`
		PullRequest struct {
			State string `json:"state"`
			Draft bool   `json:"draft"`
			User  struct {
				Login string `json:"login"`
			} `json:"user"`
			Head struct {
				Ref  string      `json:"ref"`
				SHA  string      `json:"sha"`
				Repo *repository `json:"repo"` // null when the fork is gone
			} `json:"head"`
			Base struct {
				Ref string `json:"ref"`
			} `json:"base"`
		} `json:"pull_request"`
		Changes struct {
			Base *struct{} `json:"base"`
		} `json:"changes"`
		Repository repository `json:"repository"`
	}
	if err := decode(r.Body, &body); err != nil {
		return PullRequest{}, err
	}
	pull, head := body.PullRequest, body.PullRequest.Head.Repo
	p := PullRequest{
		Action: body.Action, NewBase: body.Changes.Base != nil, Draft: pull.Draft, Closed: pull.State != "open",
		PullRequest: events.PullRequest{
			Repository: body.Repository.FullName, Number: body.Number, Author: printable(pull.User.Login),
			// What cannot be told is taken for the less trusted.
			Fork:   head == nil || head.ID == 0 || head.ID != body.Repository.ID,
			Public: body.Repository.Private == nil || !*body.Repository.Private,
		},
	}
	return checked(p, "number", "pull_request.head.sha", pull.Head.SHA, "pull_request.head.ref", "refs/heads/"+pull.Head.Ref, "pull_request.base.ref", "refs/heads/"+pull.Base.Ref)
}

// checked puts what is used later into paths, names and commands through its
// checks.
func checked(p PullRequest, numberField, shaField, sha, headField, head, baseField, base string) (PullRequest, error) {
	var err error
	if p.Number < 1 {
		return PullRequest{}, malformed(numberField, "want the number of the pull request")
	}
	if p.Head, err = commit(shaField, sha); err != nil {
		return PullRequest{}, err
	}
	if p.Head == "" {
		return PullRequest{}, malformed(shaField, "is all zeros")
	}
	if p.HeadBranch, err = branch(headField, head); err != nil {
		return PullRequest{}, err
	}
	p.Base, err = branch(baseField, base)
	return p, err
}

func branch(field, ref string) (string, error) {
	name, _, err := splitRef(field, ref)
	if err == nil && name == "" {
		err = malformed(field, "want a branch")
	}
	return name, err
}

// codeCommitPullRequest reads a CodeCommit Pull Request State Change. A pull
// request of CodeCommit is within one repository: there are no forks, and no
// public repositories.
// Source: CodeCommit user guide, "Monitoring CodeCommit events", and "Working
// with pull requests".
func codeCommitPullRequest(d events.PullRequestStateDetail) (PullRequest, error) {
	if len(d.RepositoryNames) != 1 || strings.Contains(d.RepositoryNames[0], "/") || source.CheckName(d.RepositoryNames[0]) != nil {
		return PullRequest{}, malformed("detail.repositoryNames", "want the name of one CodeCommit repository")
	}
	number, err := strconv.Atoi(d.PullRequestID)
	if err != nil {
		return PullRequest{}, malformed("detail.pullRequestId", "want a number")
	}
	p := PullRequest{
		Closed: d.PullRequestStatus != "Open", Action: "opened",
		PullRequest: events.PullRequest{Repository: d.RepositoryNames[0], Number: number, Author: printable(d.Author)},
	}
	return checked(p, "detail.pullRequestId", "detail.sourceCommit", d.SourceCommit,
		"detail.sourceReference", d.SourceReference, "detail.destinationReference", d.DestinationReference)
}

// ReceivePullRequestEvent is ReceiveEvent for a CodeCommit pull request.
func (s *Service) ReceivePullRequestEvent(ctx context.Context, e events.Envelope[events.PullRequestStateDetail]) (Response, error) {
	p, err := codeCommitPullRequest(e.Detail)
	if err != nil {
		return failure(err), nil
	}
	return s.fromCodeCommit(ctx, p.Repository, e.ID, func(repository source.Repository) (Response, error) {
		return s.publishPullRequest(ctx, p, repository, e.ID)
	})
}

func (s *Service) publishPullRequest(ctx context.Context, p PullRequest, repository source.Repository, delivery string) (Response, error) {
	if reason := p.Ignored(); reason != "" {
		return ignored(reason), nil
	}
	if repository.Provider == source.GitHub && repository.StatusSecret == "" {
		return ignored("pull requests of " + repository.Name + " are not reviewed: register a token that may publish about them (evenkeel repo add --status-token-stdin)"), nil
	}
	updated := events.PullRequestUpdated{PullRequest: p.PullRequest, CloneURL: repository.CloneURL, DeliveryID: delivery}
	updated.Repository, updated.Provider = repository.Name, repository.Provider
	review := updated.ReviewID(delivery)
	fact := events.Fact{Data: updated, Metadata: events.Metadata{
		ID: factID("PullRequestUpdated", repository.Provider, delivery), CorrelationID: review, CausationID: delivery, Time: s.Now().UTC(),
	}}
	if err := s.Bus.Publish(ctx, fact); err != nil {
		return Response{}, err
	}
	return Response{
		Status: http.StatusAccepted, Result: Published, EventID: fact.Metadata.ID, RunID: review,
		Message: "review " + review + " of pull request " + strconv.Itoa(p.Number) + " of " + repository.Name,
	}, nil
}
