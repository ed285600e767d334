package gitsource

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// host is a CodeCommit endpoint; the group is its region.
// Source: CodeCommit user guide, "Regions and Git connection endpoints".
var host = regexp.MustCompile(`^git-codecommit(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$`)

func isCodeCommit(cloneURL string) bool {
	u, err := url.Parse(cloneURL)
	return err == nil && host.MatchString(u.Hostname())
}

// Signer makes git passwords for CodeCommit out of the function's own
// credentials, so that no git credentials have to be kept.
type Signer struct {
	Credentials aws.CredentialsProvider
	Now         func() time.Time
}

// Password returns the user and password for one repository, good for 15
// minutes. It is Signature Version 4 over a request of the method GIT that
// signs nothing but the host, with a time stamp that has no zone; this is what
// the AWS CLI's "codecommit credential-helper" and git-remote-codecommit send.
func (s *Signer) Password(ctx context.Context, cloneURL string) (user, password string, err error) {
	u, err := url.Parse(cloneURL)
	if err != nil {
		return "", "", fault.Invalid("clone URL: %w", err)
	}
	match := host.FindStringSubmatch(u.Hostname())
	if match == nil {
		return "", "", fault.Invalid("%s is no CodeCommit host", u.Hostname())
	}
	c, err := s.Credentials.Retrieve(ctx)
	if err != nil {
		return "", "", fault.Transient("read the credentials for CodeCommit: %w", err)
	}
	stamp := s.Now().UTC().Format("20060102T150405")
	scope := stamp[:8] + "/" + match[1] + "/codecommit/aws4_request"
	canonical := sha256.Sum256([]byte("GIT\n" + u.EscapedPath() + "\n\nhost:" + u.Host + "\n\nhost\n"))
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hex.EncodeToString(canonical[:])}, "\n")

	key := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range strings.Split(scope, "/") {
		key = sign(key, part)
	}
	user = c.AccessKeyID
	if c.SessionToken != "" {
		user += "%" + c.SessionToken
	}
	return user, stamp + "Z" + hex.EncodeToString(sign(key, toSign)), nil
}

func sign(key []byte, data string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(data))
	return mac.Sum(nil)
}
