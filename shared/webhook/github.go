package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/source"
)

// GitHub's headers.
// Source: GitHub docs, "Webhook events and payloads", Delivery headers.
const (
	githubEvent     = "x-github-event"
	githubDelivery  = "x-github-delivery"
	githubSignature = "x-hub-signature-256"
)

// GitHub reads GitHub's webhooks.
type GitHub struct{}

var _ Provider = GitHub{}

// Name implements Provider.
func (GitHub) Name() string { return source.GitHub }

// Sent implements Provider.
func (GitHub) Sent(r Request) bool { return r.Header[githubEvent] != "" }

var deliveryID = regexp.MustCompile(`^[A-Za-z0-9-]{8,72}$`)

// Delivery implements Provider.
func (GitHub) Delivery(r Request) (Delivery, error) {
	d := Delivery{ID: r.Header[githubDelivery], Event: r.Header[githubEvent], Kind: KindOther}
	switch d.Event {
	case "push":
		d.Kind = KindPush
	case "pull_request":
		d.Kind = KindPullRequest
	case "ping":
		d.Kind = KindPing
	}
	if !deliveryID.MatchString(d.ID) {
		return d, malformed(githubDelivery, "want GitHub's delivery id, 8 to 72 letters, digits and '-'")
	}
	if kind, _, err := mime.ParseMediaType(r.Header["content-type"]); err != nil || kind != "application/json" {
		return d, malformed("content-type", "set the webhook's content type to application/json")
	}
	var body struct {
		Repository struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
	}
	if err := decode(r.Body, &body); err != nil {
		return d, err
	}
	d.Repository = body.Repository.FullName
	if !strings.Contains(d.Repository, "/") || source.CheckName(d.Repository) != nil {
		return d, malformed("repository.full_name", "want owner/name")
	}
	return d, nil
}

// Verify implements Provider. The signature is an HMAC-SHA256 over the raw
// body, compared in constant time.
// Source: GitHub docs, "Validating webhook deliveries".
func (GitHub) Verify(r Request, secret []byte) bool {
	digest, found := strings.CutPrefix(r.Header[githubSignature], "sha256=")
	got, err := hex.DecodeString(digest)
	if !found || err != nil || len(secret) == 0 {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(r.Body)
	return hmac.Equal(got, mac.Sum(nil))
}

// Sign returns the header value that GitHub would send for the body.
func Sign(body, secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// objectID is a SHA-1 or SHA-256 object id.
var objectID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Push implements Provider.
func (GitHub) Push(r Request) (Push, error) {
	var body struct {
		Ref        string `json:"ref"`
		Before     string `json:"before"`
		After      string `json:"after"`
		Deleted    bool   `json:"deleted"`
		Repository struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
		Sender struct {
			Login string `json:"login"`
		} `json:"sender"`
		Pusher struct {
			Name string `json:"name"`
		} `json:"pusher"`
		HeadCommit struct {
			Author    person `json:"author"`
			Committer person `json:"committer"`
		} `json:"head_commit"`
	}
	if err := decode(r.Body, &body); err != nil {
		return Push{}, err
	}
	p := Push{Repository: body.Repository.FullName, Actor: printable(body.Sender.Login)}
	p.Authors = authors(body.HeadCommit.Author, body.HeadCommit.Committer)
	if p.Actor == "" {
		p.Actor = printable(body.Pusher.Name)
	}
	var err error
	if p.Branch, p.Tag, err = splitRef("ref", body.Ref); err != nil {
		return Push{}, err
	}
	if p.Commit, err = commit("after", body.After); err != nil {
		return Push{}, err
	}
	if p.Before, err = commit("before", body.Before); err != nil {
		return Push{}, err
	}
	if body.Deleted != (p.Commit == "") {
		return Push{}, malformed("deleted", "does not agree with after")
	}
	p.Deleted = body.Deleted
	return p, nil
}

// person is who made a commit. The username is there when GitHub knows whose
// the e-mail is.
// Source: GitHub documentation, "Webhook events and payloads", push, commits.
type person struct {
	Email    string `json:"email"`
	Username string `json:"username"`
}

// webFlow is the committer of what is merged on GitHub's pages: nobody.
// Source: GitHub documentation, "About commit signature verification".
var webFlow = person{Email: "noreply@github.com", Username: "web-flow"}

func authors(people ...person) []string {
	var names []string
	for _, p := range people {
		if strings.EqualFold(p.Username, webFlow.Username) || strings.EqualFold(p.Email, webFlow.Email) {
			continue
		}
		for _, name := range []string{printable(p.Username), printable(p.Email)} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// splitRef splits a full ref name.
// Source: git-check-ref-format(1); GitHub's own limit is 255 bytes.
func splitRef(field, ref string) (branch, tag string, err error) {
	branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(ref, "refs/tags/")
	name := branch
	if isTag {
		name = tag
	}
	switch {
	case !isBranch && !isTag:
		return "", "", malformed(field, "want refs/heads/… or refs/tags/…")
	case name == "" || len(name) > 255 || printable(name) != name || strings.ContainsAny(name, " ~^:?*[\\") || strings.Contains(name, ".."):
		return "", "", malformed(field, "not a valid ref name")
	case isBranch:
		return branch, "", nil
	default:
		return "", tag, nil
	}
}

// commit checks an object id; all zeros means none and gives "".
func commit(field, id string) (string, error) {
	switch {
	case !objectID.MatchString(id):
		return "", malformed(field, "want a full commit id in lower-case hex")
	case strings.Trim(id, "0") == "":
		return "", nil
	default:
		return id, nil
	}
}

// printable drops what a log line or a terminal must not receive, and what is
// beyond 300 characters.
func printable(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if runes := []rune(clean); len(runes) > 300 {
		return string(runes[:300])
	}
	return clean
}

// decode reads JSON and names the field that has the wrong type.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return malformed(wrong.Field, "is a JSON %s", wrong.Value)
	default:
		return malformed("body", "is not a JSON object")
	}
}
