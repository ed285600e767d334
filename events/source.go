package events

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
}

// Source implements Data.
func (GitPushed) Source() string { return SourceGit }

// DetailType implements Data.
func (GitPushed) DetailType() string { return "GitPushed.v1" }
