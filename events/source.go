package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// GitPushed says that a commit became the head of a branch. It starts a run.
type GitPushed struct {
	Repository string `json:"repository"` // full name, "acme/shop"
	Provider   string `json:"provider"`   // github, codecommit
	CloneURL   string `json:"cloneUrl"`   // from our repository registry, never from the payload
	Branch     string `json:"branch"`     // without refs/heads/
	Commit     string `json:"commit"`     // full object id
	Before     string `json:"before"`     // previous head; empty for a new branch
	Actor      string `json:"actor"`      // who pushed, as the provider names them
	DeliveryID string `json:"deliveryId"` // the provider's delivery or event id

	// Authors are logins and e-mails of the author and the committer of the
	// commit, as the provider names them.
	Authors []string `json:"authors,omitempty"`
}

// Source implements Data.
func (GitPushed) Source() string { return SourceGit }

// DetailType implements Data.
func (GitPushed) DetailType() string { return "GitPushed.v1" }

// RunID names the run that the push starts: the first 8 digits of the commit
// and 6 hex digits of a hash over repository, branch, commit and delivery. The
// same delivery always gives the same run, so a repeated event starts nothing.
func (p GitPushed) RunID() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Repository, p.Branch, p.Commit, p.DeliveryID}, "\n")))
	return p.Commit[:min(8, len(p.Commit))] + "-" + hex.EncodeToString(sum[:3])
}
