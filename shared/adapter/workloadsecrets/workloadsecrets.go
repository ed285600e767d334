// Package workloadsecrets reads secrets of workload accounts that a verification
// sends.
package workloadsecrets

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var _ verification.Secrets = (*Client)(nil)

// Sessions gives the configuration for an account and region.
type Sessions interface {
	As(account, region, role, owner string) aws.Config
}

// Client implements verification.Secrets.
type Client struct{ sessions Sessions }

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions) *Client { return &Client{sessions} }

// Value implements verification.Secrets. Only secrets under the prefix are
// read, whatever the role would allow.
func (c *Client) Value(ctx context.Context, t events.Target, reference string) (string, error) {
	id, key, _ := strings.Cut(reference, "#")
	if !strings.HasPrefix(id, pipeline.SecretPrefix) {
		return "", fault.Invalid("the secret %s is not under %s", id, pipeline.SecretPrefix)
	}
	client := secretsmanager.NewFromConfig(c.sessions.As(t.Account, t.Region, t.Role, t.Owner))
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
	switch {
	case err != nil:
		return "", awserr.Classify("read the secret "+id, err)
	case out.SecretString == nil:
		return "", fault.Permanent("the secret %s is binary", id)
	case key == "":
		return *out.SecretString, nil
	}
	// The error of the decoder may quote the secret: it is left out.
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(*out.SecretString), &members) != nil {
		return "", fault.Permanent("the secret %s is no JSON object, so it has no key %s", id, key)
	}
	raw, ok := members[key]
	if !ok {
		return "", fault.Permanent("the secret %s has no key %s", id, key)
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return text, nil
}
