package gateway

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtrail"
)

// scope is what a request's SigV4 signature says about it.
type scope struct {
	key     string // access key id
	region  string
	service string // endpoint prefix that was signed for
}

// credential finds "Credential=<key>/<date>/<region>/<service>/aws4_request"
// in an Authorization header.
// Source: IAM user guide, "Elements of an AWS API request signature".
var credential = regexp.MustCompile(`Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request`)

// signed returns the scope of a signed request or of a presigned URL.
func signed(r *http.Request) (scope, bool) {
	text := r.Header.Get("Authorization")
	if text == "" {
		text = "Credential=" + r.URL.Query().Get("X-Amz-Credential")
	}
	m := credential.FindStringSubmatch(text)
	if m == nil {
		return scope{}, false
	}
	return scope{key: m[1], region: m[3], service: m[4]}, true
}

var (
	accountKey = regexp.MustCompile(`^\d{12}$`)
	// issuedKey is an access key of AssumeRole. It carries its account, so that
	// it still means the same after the gateway was started anew.
	issuedKey = regexp.MustCompile(`^ASIA(\d{12})[A-Z2-7]{4}$`)
)

// accounts maps access keys to identities. The zero value is not usable.
type accounts struct {
	hub string
	now func() time.Time

	mu     sync.Mutex
	issued map[string]cloudtrail.Identity
}

func newAccounts(hub string, now func() time.Time) *accounts {
	return &accounts{hub: hub, now: now, issued: map[string]cloudtrail.Identity{}}
}

// identify returns who an access key is. Signatures are not checked: a
// 12-digit key is a user of that account, and any unknown key is a user of the
// hub account.
func (a *accounts) identify(key string) cloudtrail.Identity {
	a.mu.Lock()
	defer a.mu.Unlock()
	if identity, ok := a.issued[key]; ok {
		return identity
	}
	if m := issuedKey.FindStringSubmatch(key); m != nil {
		return cloudtrail.Identity{AccessKeyID: key, Account: m[1], Role: "unknown", Session: "unknown", Since: a.now()}
	}
	account := a.hub
	if accountKey.MatchString(key) {
		account = key
	}
	return cloudtrail.Identity{AccessKeyID: key, Account: account, User: "operator"}
}

// issue remembers a new key of a role's session.
func (a *accounts) issue(account, role, session string) cloudtrail.Identity {
	identity := cloudtrail.Identity{
		AccessKeyID: "ASIA" + account + rand.Text()[:4],
		Account:     account, Role: role, Session: session, Since: a.now(),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issued[identity.AccessKeyID] = identity
	return identity
}

// asAccount makes a request's credential name the account itself, which is how
// MiniStack learns the account. The signature no longer fits; MiniStack does
// not check it in a header. It does in a presigned URL, so that such a request
// is passed on in the header form.
func asAccount(r *http.Request, s scope, account string) {
	r.Header.Del("X-Amz-Security-Token")
	if header := r.Header.Get("Authorization"); header != "" {
		r.Header.Set("Authorization", strings.Replace(header, "Credential="+s.key+"/", "Credential="+account+"/", 1))
		return
	}
	query := r.URL.Query()
	for _, name := range presignParameters {
		query.Del(name)
	}
	r.URL.RawQuery = query.Encode()
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20200101/"+s.region+"/"+s.service+"/aws4_request, SignedHeaders=host, Signature=0")
}

// presignParameters are the parameters that carry the signature of a presigned
// URL. Source: S3 API reference, "Authenticating Requests: Using Query Parameters".
var presignParameters = []string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token",
	"x-id",
}

// expired reports whether a presigned URL is past its time.
func expired(r *http.Request, now time.Time) bool {
	query := r.URL.Query()
	at, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	seconds, numeric := strconv.Atoi(query.Get("X-Amz-Expires"))
	return r.Header.Get("Authorization") == "" && err == nil && numeric == nil && now.After(at.Add(time.Duration(seconds)*time.Second))
}
