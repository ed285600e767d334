//go:build !validator

package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go/logging"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
)

// installation is a deployed suite: the outputs of its stack are how the CLI
// finds its tables, workflows and functions.
type installation struct {
	cfg     aws.Config
	outputs map[string]string
}

// aws loads the SDK's configuration, with --profile and --region over it.
func (a *app) aws(ctx context.Context) (aws.Config, error) {
	// The SDK's own warnings, such as that a connection cannot be used again, tell
	// a person nothing.
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if a.profile != "" {
		options = append(options, config.WithSharedConfigProfile(a.profile))
	}
	if a.region != "" {
		options = append(options, config.WithRegion(a.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, usageError("%w", err)
	}
	if cfg.Region == "" {
		return cfg, usageError("no AWS region: set AWS_REGION or --region; for the local cloud: eval \"$(evenkeel up --export)\"")
	}
	return cfg, nil
}

// installation finds the deployed suite.
func (a *app) installation(ctx context.Context) (*installation, error) {
	cfg, err := a.aws(ctx)
	if err != nil {
		return nil, err
	}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(a.stack)})
	if awserr.HasCode(err, "ValidationError") || (err == nil && len(out.Stacks) == 0) {
		return nil, notFound("Evenkeel is not installed here: no stack %q in %s. Run `evenkeel up` for the local cloud, or `make deploy`", a.stack, cfg.Region)
	}
	if err != nil {
		return nil, awserr.Classify("look for the installation", err)
	}
	found := &installation{cfg: cfg, outputs: map[string]string{}}
	for _, o := range out.Stacks[0].Outputs {
		found.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return found, nil
}

// output returns one of the stack's outputs.
func (i *installation) output(name string) (string, error) {
	if value := i.outputs[name]; value != "" {
		return value, nil
	}
	return "", notFound("the installation has no output %s: deploy this version of Evenkeel first", name)
}
