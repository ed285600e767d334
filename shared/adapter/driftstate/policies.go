package driftstate

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var _ drift.Policies = (*Policies)(nil)

// Policies keeps the drift policy as a document in Parameter Store.
type Policies struct {
	client *ssm.Client
	name   string
}

// NewPolicies returns the parameter <prefix>/drift/policy.
func NewPolicies(cfg aws.Config, prefix string) *Policies {
	return &Policies{client: ssm.NewFromConfig(cfg), name: prefix + "/drift/policy"}
}

// Document returns the text of the policy, or "" when none was set.
func (p *Policies) Document(ctx context.Context) (string, error) {
	out, err := p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(p.name)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return "", nil
	}
	if err != nil {
		return "", awserr.Classify("read the drift policy", err)
	}
	return aws.ToString(out.Parameter.Value), nil
}

// Policy implements drift.Policies.
func (p *Policies) Policy(ctx context.Context) (response.Policy, error) {
	document, err := p.Document(ctx)
	if err != nil || document == "" {
		return response.Default(), err
	}
	policy, err := response.Decode(p.name, []byte(document))
	if faults := (response.Faults)(nil); errors.As(err, &faults) {
		return response.Policy{}, fault.Invalid("%w", err)
	}
	return policy, err
}

// Set replaces the document. It must be a policy: who sets it checks that.
func (p *Policies) Set(ctx context.Context, document string) error {
	_, err := p.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(p.name), Value: aws.String(document), Type: types.ParameterTypeString,
		Tier: types.ParameterTierIntelligentTiering, Overwrite: aws.Bool(true),
	})
	return awserr.Classify("write the drift policy", err)
}
