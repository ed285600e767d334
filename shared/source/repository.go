// Package source says which repositories Evenkeel follows and what their tree
// is at one commit. Git is behind the ports of the packages that fetch.
package source

import (
	"errors"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// The git providers.
const (
	GitHub     = "github"
	CodeCommit = "codecommit"
)

// ErrNotRegistered says that a repository is not in the registry.
var ErrNotRegistered = errors.New("the repository is not registered")

// Repository is an entry of the registry. Only what it says is ever cloned: a
// push names a repository, never an address.
type Repository struct {
	Name          string `json:"-"`                       // "acme/shop"; a CodeCommit repository has no slash
	Provider      string `json:"provider"`                // github, codecommit
	CloneURL      string `json:"cloneUrl"`                // https
	WebhookSecret string `json:"webhookSecret,omitempty"` // name of the SecureString parameter that signs its webhook
	Credentials   string `json:"credentials,omitempty"`   // name of a SecureString parameter that holds "user:password"

	// StatusSecret names the Secrets Manager secret that holds a token of the
	// provider's API. With it pull requests are reviewed, and commit statuses
	// and a comment are published.
	StatusSecret string `json:"statusSecret,omitempty"`
	// APIURL is the base of that API; "" is derived from the clone URL.
	APIURL string `json:"apiUrl,omitempty"`

	// Accounts are the AWS accounts that the repository may deploy to, each with
	// the least approval that its stages must ask for. Without it the repository
	// may name every account that trusts the suite, and whoever may push decides
	// by evenkeel.yaml whether anybody is asked.
	Accounts map[string]string `json:"accounts,omitempty"`

	// Identities say which AWS principals the people of the forge are, by their
	// login or e-mail: patterns of ARNs or session names, in which * stands for
	// any text. With them, who pushes and is not among them has nobody's
	// approval; without them only equal names tell people apart.
	Identities map[string][]string `json:"identities,omitempty"`

	// SelfApproval lets stages in bounded accounts say selfApproval: allowed.
	SelfApproval bool `json:"selfApproval,omitempty"`

	// MandatoryChecks are rules of validation, by id or its beginning, that
	// nothing in the repository suppresses: "EK1" is the whole security pack.
	MandatoryChecks []string `json:"mandatoryChecks,omitempty"`
}

// approvals are the values of approval in evenkeel.yaml.
var approvals = []string{"never", "on-risk", "always"}

var account = regexp.MustCompile(`^[0-9]{12}$`)

// part is one segment of a repository's name. It keeps to what GitHub,
// CodeCommit and a Parameter Store path all allow.
// Source: Systems Manager API reference, PutParameter, Name.
var part = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)

// CheckName refuses a name that could not be a repository's, so that a name
// from a payload can safely become part of a path. The error is
// fault.InvalidError.
func CheckName(name string) error {
	parts := strings.Split(name, "/")
	if len(parts) > 5 {
		return fault.Invalid("repository name %q has more than five parts", name)
	}
	for _, p := range parts {
		if !part.MatchString(p) || strings.Contains(p, "..") {
			return fault.Invalid("repository name %q: want letters, digits, '.', '_' and '-' in parts separated by '/'", name)
		}
	}
	return nil
}

// Check refuses an entry that could not be fetched safely. The error is
// fault.InvalidError and names the field.
func (r Repository) Check() error {
	if err := CheckName(r.Name); err != nil {
		return err
	}
	switch r.Provider {
	case GitHub:
		if r.WebhookSecret == "" {
			return fault.Invalid("repository %s: webhookSecret is missing: a webhook without a secret cannot be trusted", r.Name)
		}
	case CodeCommit:
	default:
		return fault.Invalid("repository %s: provider %q is not one of %s, %s", r.Name, r.Provider, GitHub, CodeCommit)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Accounts)) {
		if !account.MatchString(id) || !slices.Contains(approvals, r.Accounts[id]) {
			return fault.Invalid("repository %s: accounts: %s=%s: want 12 digits, and the least approval: one of %s",
				r.Name, id, r.Accounts[id], strings.Join(approvals, ", "))
		}
	}
	if err := r.checkIdentities(); err != nil {
		return err
	}
	if r.StatusSecret != "" && r.Provider != GitHub {
		return fault.Invalid("repository %s: statusSecret: statuses and comments are published to %s only", r.Name, GitHub)
	}
	if r.APIURL != "" {
		if err := CheckCloneURL(r.APIURL); err != nil {
			return fault.Invalid("repository %s: apiUrl: %w", r.Name, err)
		}
	}
	return CheckCloneURL(r.CloneURL)
}

var principal = regexp.MustCompile(`^[!-~]{2,256}$`)

func (r Repository) checkIdentities() error {
	for _, name := range slices.Sorted(maps.Keys(r.Identities)) {
		if strings.TrimSpace(name) == "" || len(r.Identities[name]) == 0 {
			return fault.Invalid("repository %s: identities: want login=principal, got %q=%q", r.Name, name, strings.Join(r.Identities[name], ","))
		}
		for _, pattern := range r.Identities[name] {
			if !principal.MatchString(pattern) || strings.Trim(pattern, "*:/") == "" {
				return fault.Invalid("repository %s: identities: %s=%s: want a session name, or a pattern of an ARN such as arn:aws:sts::*:assumed-role/*/ann", r.Name, name, pattern)
			}
		}
	}
	return nil
}

// API is the base address of the provider's REST API, without a slash at its
// end: api.github.com, api.<name>.ghe.com for data residency, and /api/v3 on
// the host of a GitHub Enterprise Server.
// Source: GitHub docs, "Getting started with the REST API" of each product.
func (r Repository) API() string {
	if r.APIURL != "" {
		return strings.TrimSuffix(r.APIURL, "/")
	}
	u, err := url.Parse(r.CloneURL)
	switch {
	case err != nil:
		return ""
	case u.Host == "github.com":
		return "https://api.github.com"
	case strings.HasSuffix(u.Host, ".ghe.com"):
		return "https://api." + u.Host
	default:
		return u.Scheme + "://" + u.Host + "/api/v3"
	}
}

// CheckCloneURL allows https, and http on this machine only: every other
// transport either runs a program or sends credentials in the clear.
func CheckCloneURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return fault.Invalid("clone URL %q is not an absolute URL", raw)
	}
	if u.User != nil {
		return fault.Invalid("the clone URL of %s holds credentials; put them into a SecureString parameter", u.Host)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fault.Invalid("clone URL %q: want https", raw)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
