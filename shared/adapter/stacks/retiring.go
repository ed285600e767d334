package stacks

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var _ rollout.Stacks = (*Retiring)(nil)

// Retiring implements rollout.Stacks: the stacks of old sides.
type Retiring struct{ clients }

// NewRetiring returns it over the workload sessions.
func NewRetiring(workloads *session.Workloads) *Retiring { return &Retiring{clients{workloads}} }

// repositoryTag names the repository that a stack is deployed for.
const repositoryTag = "evenkeel:repository"

// Describe implements rollout.Stacks.
func (c *Retiring) Describe(ctx context.Context, t events.Target) (rollout.Stack, error) {
	found, err := (&Stacks{c.clients}).Describe(ctx, t)
	return rollout.Stack{ID: found.ID, Status: found.Status, Reason: found.Reason, Repository: found.Tags[repositoryTag], Protected: found.Protected}, err
}

// Template implements rollout.Stacks.
func (c *Retiring) Template(ctx context.Context, t events.Target) ([]byte, error) {
	return (&Templates{c.clients}).Template(ctx, t, "")
}

// Delete implements rollout.Stacks.
func (c *Retiring) Delete(ctx context.Context, t events.Target, stackID, token string) error {
	_, err := c.in(t).DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(stackID), ClientRequestToken: aws.String(token)})
	return classified("delete the stack "+t.StackName, err)
}
