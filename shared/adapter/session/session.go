// Package session gives SDK configurations: the function's own, and those of a
// role assumed in a workload account.
package session

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
)

// Hub returns the configuration of the process's own account. The SDK's
// environment variables (AWS_ENDPOINT_URL among them) are the only wiring.
//
// All clients made of it share their connections. Left alone, the SDK gives each
// client an HTTP client of its own, so that a client which is made for one call
// opens a connection for it, with a TLS handshake, and leaves it idle.
func Hub(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMode(aws.RetryModeStandard))
	switch own := cfg.HTTPClient.(type) {
	case nil:
		cfg.HTTPClient = awshttp.NewBuildableClient().Freeze()
	case *awshttp.BuildableClient: // AWS_CA_BUNDLE is set
		cfg.HTTPClient = own.Freeze()
	}
	return cfg, awserr.Classify("load the AWS configuration", err)
}

// Workloads opens sessions in workload accounts, each by assuming the same
// role name there, and keeps them. It is safe for concurrent use.
type Workloads struct {
	hub  aws.Config
	role string // name of the role; "" stays in the hub account
	sts  *sts.Client

	// Limit, if set, is applied to each new session; set it before the first one.
	Limit func(cfg aws.Config, account, region string) aws.Config

	mu       sync.Mutex
	sessions map[[4]string]aws.Config
}

// NewWorkloads returns sessions that assume role (a name, not an ARN) in each
// account. With an empty role every session is the hub's own.
func NewWorkloads(hub aws.Config, role string) *Workloads {
	return &Workloads{hub: hub, role: role, sts: sts.NewFromConfig(hub), sessions: map[[4]string]aws.Config{}}
}

// In returns the configuration for an account and region. Credentials are
// fetched on first use and renewed five minutes before they expire.
func (w *Workloads) In(account, region string) aws.Config { return w.As(account, region, "", "") }

// As is In with another role than the installation's own; "" is that one. The
// owner, a repository, is the external id of the session: so the trust policy of
// a role says which repositories may have it, although the same function
// assumes it for all.
// Source: IAM user guide, "Access to AWS accounts owned by third parties"
// (external ID, the confused deputy).
func (w *Workloads) As(account, region, role, owner string) aws.Config {
	if role == "" {
		role, owner = w.role, ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := [4]string{account, region, role, owner}
	if cfg, ok := w.sessions[key]; ok {
		return cfg
	}
	cfg := w.hub.Copy()
	if region != "" {
		cfg.Region = region
	}
	if role != "" && account != "" {
		arn := "arn:" + Partition(cfg.Region) + ":iam::" + account + ":role/" + role
		provider := stscreds.NewAssumeRoleProvider(w.sts, arn, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "evenkeel"
			if owner != "" {
				o.ExternalID = aws.String(owner)
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = 5 * time.Minute
		})
	}
	if w.Limit != nil {
		cfg = w.Limit(cfg, account, cfg.Region)
	}
	w.sessions[key] = cfg
	return cfg
}

// Partition names the partition of a region, the second part of its ARNs.
// Source: IAM user guide, "Identify AWS resources with Amazon Resource Names".
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// Caller returns the ARN of the identity behind cfg, for the record of who
// decided.
func Caller(ctx context.Context, cfg aws.Config) (string, error) {
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", awserr.Classify("ask who is calling", err)
	}
	return aws.ToString(out.Arn), nil
}
