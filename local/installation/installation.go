// Package installation deploys the suite's own synthesised template to the hub
// account of a local cloud, unmodified, with the functions that were built here.
package installation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// GoldenTemplate is the committed synthesis, with masked asset keys.
const GoldenTemplate = "infra/golden/evenkeel.template.json"

// StackName is the name of the installation's stack in every account.
const StackName = "evenkeel"

// fingerprintTag holds what a stack was made from.
const fingerprintTag = "evenkeel:fingerprint"

// Options says what to deploy, and where.
type Options struct {
	Endpoint string // of the local cloud
	Account  string // of the hub
	Region   string
	Template string // path of the synthesised template
	Builds   string // folder of <function>/bootstrap
	Progress func(string)
}

// Deploy makes the stack StackName and returns its outputs. A stack that was
// made from the same template and the same functions is left as it is. Any
// other one is deleted and made again: the masked asset keys of the golden
// template do not tell one build from the next, so that an update would keep
// the old functions.
func Deploy(ctx context.Context, opts Options) (map[string]string, error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	body, err := os.ReadFile(opts.Template)
	if err != nil {
		return nil, fmt.Errorf("read the synthesised template: %w", err)
	}
	template, err := parse(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", opts.Template, err)
	}
	d := &deployment{opts: opts, template: template, body: body, clients: newClients(opts)}
	if d.packages, err = packages(opts, template); err != nil {
		return nil, err
	}
	return d.run(ctx)
}

type clients struct {
	stacks *cloudformation.Client
	s3     *s3.Client
	ssm    *ssm.Client
}

func newClients(opts Options) clients {
	cfg := aws.Config{
		Region: opts.Region, BaseEndpoint: aws.String(opts.Endpoint), AppID: "evenkeel-installation",
		Credentials: credentials.NewStaticCredentialsProvider(opts.Account, "local", ""),
	}
	return clients{
		stacks: cloudformation.NewFromConfig(cfg), ssm: ssm.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

type deployment struct {
	opts     Options
	template document
	body     []byte
	packages []Package
	clients
}

func (d *deployment) run(ctx context.Context) (map[string]string, error) {
	print := d.fingerprint()
	stack, err := d.describe(ctx)
	if err != nil {
		return nil, err
	}
	if stack != nil && healthy(stack) && tag(stack, fingerprintTag) == print {
		d.opts.Progress("installation: the stack " + StackName + " is current")
		return outputs(stack), nil
	}
	if stack != nil {
		d.opts.Progress("installation: removing the stack of another build")
		if err := d.remove(ctx); err != nil {
			return nil, err
		}
	}
	if err := d.upload(ctx); err != nil {
		return nil, err
	}
	return d.create(ctx, print)
}

func (d *deployment) create(ctx context.Context, print string) (map[string]string, error) {
	started := time.Now()
	input := &cloudformation.CreateStackInput{
		StackName: aws.String(StackName), OnFailure: types.OnFailureDoNothing,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Tags:         []types.Tag{{Key: aws.String(fingerprintTag), Value: aws.String(print)}},
	}
	if err := d.place(ctx, input); err != nil {
		return nil, err
	}
	if _, err := d.stacks.CreateStack(ctx, input); err != nil {
		return nil, fmt.Errorf("create the stack %s: %w", StackName, err)
	}
	for {
		stack, err := d.describe(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case stack == nil:
			return nil, fmt.Errorf("the stack %s disappeared while it was created", StackName)
		case healthy(stack):
			d.opts.Progress(fmt.Sprintf("installation: stack %s created, %d resources in %.1f s", StackName, len(d.template.Resources), time.Since(started).Seconds()))
			return outputs(stack), nil
		case stack.StackStatus != types.StackStatusCreateInProgress:
			return nil, d.failure(ctx, stack)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the stack %s: %w", StackName, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// failure names the first resource that failed and its reason.
func (d *deployment) failure(ctx context.Context, stack *types.Stack) error {
	out, err := d.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(StackName)})
	if err != nil {
		return fmt.Errorf("the stack %s is %s: %s", StackName, stack.StackStatus, aws.ToString(stack.StackStatusReason))
	}
	for i := len(out.StackEvents) - 1; i >= 0; i-- {
		if e := out.StackEvents[i]; e.ResourceStatus == types.ResourceStatusCreateFailed {
			return fmt.Errorf("the stack %s is %s: %s (%s): %s", StackName, stack.StackStatus,
				aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), aws.ToString(e.ResourceStatusReason))
		}
	}
	return fmt.Errorf("the stack %s is %s: %s", StackName, stack.StackStatus, aws.ToString(stack.StackStatusReason))
}

// describe returns the stack, or nil when there is none.
func (d *deployment) describe(ctx context.Context) (*types.Stack, error) {
	out, err := d.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "ValidationError" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe the stack %s: %w", StackName, err)
	}
	for i := range out.Stacks {
		if out.Stacks[i].StackStatus != types.StackStatusDeleteComplete {
			return &out.Stacks[i], nil
		}
	}
	return nil, nil
}

func (d *deployment) remove(ctx context.Context) error {
	if _, err := d.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(StackName)}); err != nil {
		return fmt.Errorf("delete the stack %s: %w", StackName, err)
	}
	for {
		stack, err := d.describe(ctx)
		if err != nil || stack == nil {
			return err
		}
		if stack.StackStatus == types.StackStatusDeleteFailed {
			return fmt.Errorf("delete the stack %s: %s", StackName, aws.ToString(stack.StackStatusReason))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func healthy(stack *types.Stack) bool { return stack.StackStatus == types.StackStatusCreateComplete }

func outputs(stack *types.Stack) map[string]string {
	out := map[string]string{}
	for _, o := range stack.Outputs {
		out[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return out
}

func tag(stack *types.Stack, key string) string {
	for _, t := range stack.Tags {
		if aws.ToString(t.Key) == key {
			return aws.ToString(t.Value)
		}
	}
	return ""
}
