// Package testbuilds runs CodeBuild projects in workload accounts.
package testbuilds

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var _ verification.Builds = (*Client)(nil)

// Sessions gives the configuration for an account and region.
type Sessions interface {
	As(account, region, role, owner string) aws.Config
}

// Client implements verification.Builds.
type Client struct{ sessions Sessions }

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions) *Client { return &Client{sessions} }

func (c *Client) in(t events.Target) *codebuild.Client {
	return codebuild.NewFromConfig(c.sessions.As(t.Account, t.Region, t.Role, t.Owner))
}

// Start implements verification.Builds.
func (c *Client) Start(ctx context.Context, t events.Target, input verification.BuildInput) (verification.Build, error) {
	variables := make([]types.EnvironmentVariable, len(input.Variables))
	for i, v := range input.Variables {
		variables[i] = variable(v)
	}
	out, err := c.in(t).StartBuild(ctx, &codebuild.StartBuildInput{
		ProjectName: aws.String(input.Project), IdempotencyToken: aws.String(input.Token), EnvironmentVariablesOverride: variables,
		TimeoutInMinutesOverride: aws.Int32(int32(input.Timeout / time.Minute)),
	})
	if err != nil {
		return verification.Build{}, awserr.Classify("start a build of "+input.Project, err)
	}
	return fromCodeBuild(out.Build), nil
}

// variable passes a reference on: CodeBuild reads the value itself.
// Source: CodeBuild API reference, EnvironmentVariable, type and value
// (secret-id:json-key).
func variable(v verification.Variable) types.EnvironmentVariable {
	out := types.EnvironmentVariable{Name: aws.String(v.Name), Value: aws.String(v.Text), Type: types.EnvironmentVariableTypePlaintext}
	switch {
	case v.Secret != "":
		id, key, _ := strings.Cut(v.Secret, "#")
		if key != "" {
			id += ":" + key
		}
		out.Value, out.Type = aws.String(id), types.EnvironmentVariableTypeSecretsManager
	case v.ParameterStore != "":
		out.Value, out.Type = aws.String(v.ParameterStore), types.EnvironmentVariableTypeParameterStore
	}
	return out
}

// Describe implements verification.Builds.
func (c *Client) Describe(ctx context.Context, t events.Target, id string) (verification.Build, error) {
	out, err := c.in(t).BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	if err != nil {
		return verification.Build{}, awserr.Classify("read the build "+id, err)
	}
	if len(out.Builds) == 0 {
		return verification.Build{}, fault.Permanent("the build %s does not exist", id)
	}
	return fromCodeBuild(&out.Builds[0]), nil
}

// fromCodeBuild takes the reason from the first phase that did not succeed.
func fromCodeBuild(b *types.Build) verification.Build {
	if b == nil {
		return verification.Build{}
	}
	build := verification.Build{ID: aws.ToString(b.Arn), Status: string(b.BuildStatus), Phase: aws.ToString(b.CurrentPhase)}
	if b.Logs != nil {
		build.Logs = aws.ToString(b.Logs.DeepLink)
	}
	for _, phase := range b.Phases {
		if phase.PhaseStatus == "" || phase.PhaseStatus == types.StatusTypeSucceeded || phase.PhaseStatus == types.StatusTypeInProgress {
			continue
		}
		build.Phase = string(phase.PhaseType)
		for _, context := range phase.Contexts {
			if message := strings.TrimSpace(aws.ToString(context.Message)); message != "" {
				build.Reason = message
				break
			}
		}
		break
	}
	return build
}
