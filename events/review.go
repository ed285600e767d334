package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// PullRequest identifies a pull request at one commit.
type PullRequest struct {
	Repository string `json:"repository"` // full name of the repository that it is opened in
	Provider   string `json:"provider"`   // github, codecommit
	Number     int    `json:"number"`
	Head       string `json:"head"`       // commit to review: full object id
	HeadBranch string `json:"headBranch"` // where the commit is, in the head repository
	Base       string `json:"base"`       // branch that it would be merged into
	Author     string `json:"author"`     // as the provider names them
	Fork       bool   `json:"fork"`       // the commit is in another repository: its writer may not push here
	Public     bool   `json:"public"`     // everybody may read what is published on it
}

// ReviewID names the review of the commit: the number, the first 8 digits of the
// commit, and 6 hex digits of a hash over repository, number, commit, base and
// the delivery. The same delivery always gives the same review.
func (p PullRequest) ReviewID(deliveryID string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Repository, strconv.Itoa(p.Number), p.Head, p.Base, deliveryID}, "\n")))
	return "pr-" + strconv.Itoa(p.Number) + "-" + p.Head[:min(8, len(p.Head))] + "-" + hex.EncodeToString(sum[:3])
}

// PullRequestUpdated says that a pull request was opened or got another commit
// or base. It starts a review.
type PullRequestUpdated struct {
	PullRequest
	CloneURL   string `json:"cloneUrl"`   // from our repository registry, never from the payload
	DeliveryID string `json:"deliveryId"` // the provider's delivery or event id
}

// Source implements Data.
func (PullRequestUpdated) Source() string { return SourceGit }

// DetailType implements Data.
func (PullRequestUpdated) DetailType() string { return "PullRequestUpdated.v1" }

// How a review ended.
const (
	ReviewPassed     = "passed"     // the commit may be deployed, as far as can be told before
	ReviewRejected   = "rejected"   // the author must change something
	ReviewFailed     = "failed"     // it could not be reviewed
	ReviewSuperseded = "superseded" // a later commit is reviewed in its place
)

// PullRequestReviewed says what a deployment of the pull request would meet and
// do. Nothing was executed.
type PullRequestReviewed struct {
	PullRequest
	ReviewID  string          `json:"reviewId"`
	State     string          `json:"state"`  // one of the Review constants
	Reason    string          `json:"reason"` // one sentence for a person
	Validated Validated       `json:"validated"`
	Stacks    []ReviewedStack `json:"stacks"`              // at most 100
	Comment   string          `json:"comment,omitempty"`   // address of the comment that shows it
	Problem   string          `json:"problem,omitempty"`   // why it could not be shown at the provider
	Remaining []string        `json:"remaining,omitempty"` // change sets and stacks that could not be deleted
}

// ReviewedStack is the plan of one stack in short.
type ReviewedStack struct {
	Target
	State  string `json:"state"`          // planned, unchanged, refused, notPlanned, failed
	Risk   string `json:"risk,omitempty"` // of a planned one: safe, review, dangerous, blocked
	Counts string `json:"counts,omitempty"`
	Note   string `json:"note,omitempty"` // why there is no plan
}

// Source implements Data.
func (PullRequestReviewed) Source() string { return SourceReview }

// DetailType implements Data.
func (PullRequestReviewed) DetailType() string { return "PullRequestReviewed.v1" }
