// Package functions invokes Lambda functions in workload accounts.
package functions

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var _ verification.Functions = (*Client)(nil)

// Sessions gives the configuration for an account and region.
type Sessions interface {
	As(account, region, role, owner string) aws.Config
}

// maxPayload is how much of an answer is kept, in bytes. Lambda answers up to
// 6 MB. Source: Lambda developer guide, "Lambda quotas".
const maxPayload = 256 << 10

// Client implements verification.Functions.
type Client struct{ sessions Sessions }

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions) *Client { return &Client{sessions} }

// Invoke implements verification.Functions. The SDK must not repeat a call
// whose answer was lost: the function would run twice.
func (c *Client) Invoke(ctx context.Context, t events.Target, function string, payload []byte) (verification.Invocation, error) {
	client := lambda.NewFromConfig(c.sessions.As(t.Account, t.Region, t.Role, t.Owner), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(function), InvocationType: types.InvocationTypeRequestResponse, Payload: payload,
	})
	if awserr.HasCode(err, "ResourceNotFoundException") {
		return verification.Invocation{}, fault.Invalid("the function %s does not exist in %s", function, t.Region)
	}
	if err != nil {
		return verification.Invocation{}, awserr.Classify("invoke "+function, err)
	}
	invocation := verification.Invocation{FunctionError: aws.ToString(out.FunctionError), Payload: out.Payload}
	if len(out.Payload) > maxPayload {
		invocation.Payload, invocation.Truncated = out.Payload[:maxPayload], true
	}
	return invocation, nil
}
