package webhook

// Provider reads the requests of one git provider. Adding a provider is one
// type and one entry in Providers.
type Provider interface {
	// Name is the provider's name in the repository registry.
	Name() string
	// Sent reports whether the request claims to come from this provider.
	Sent(Request) bool
	// Delivery reads what is needed to look up the secret. Nothing of it is
	// verified yet. The error is *Malformed.
	Delivery(Request) (Delivery, error)
	// Verify reports whether the request was signed with the secret. It takes
	// the same time for every wrong signature.
	Verify(r Request, secret []byte) bool
	// Push reads a verified delivery of kind KindPush. The error is *Malformed.
	Push(Request) (Push, error)
}

// Kind says what a delivery is about.
type Kind string

// The kinds of delivery.
const (
	KindPush        Kind = "push"
	KindPullRequest Kind = "pull_request" // of a provider that is PullRequests
	KindPing        Kind = "ping"
	KindOther       Kind = "other" // recorded nowhere, answered with success
)

// Delivery identifies a request.
type Delivery struct {
	ID         string // the provider's id; the same again when it is redelivered
	Kind       Kind
	Event      string // as the provider calls it, for the answer
	Repository string // full name
}

// Push is a change of a ref.
type Push struct {
	Repository string
	Branch     string // "" for a tag
	Tag        string // "" for a branch
	Deleted    bool
	Commit     string // full object id; "" when Deleted
	Before     string // "" for a new ref
	Actor      string
	Authors    []string // logins and e-mails of the commit's author and committer
}

// Ignored says why a push starts no run, or is "".
func (p Push) Ignored() string {
	switch {
	case p.Tag != "":
		return "tag " + p.Tag + ": only branches are deployed"
	case p.Deleted:
		return "branch " + p.Branch + " was deleted: there is nothing to deploy"
	default:
		return ""
	}
}

// Providers is every provider whose webhooks are understood.
func Providers() []Provider { return []Provider{GitHub{}} }
