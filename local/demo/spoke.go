package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const spokeName = "evenkeel-spoke"

// deploySpokes deploys the synthesised spoke to the workload accounts, as a
// person would with credentials of each: the roles that the suite assumes
// there, and the rules that forward events.
func deploySpokes(ctx context.Context, w *World) (string, error) {
	template, err := os.ReadFile(filepath.Join(filepath.Dir(w.Opts.Template), spokeName+".template.json"))
	if err != nil {
		return "", err
	}
	// CloudFormation takes 51,200 bytes in the call itself, and half of the file is indentation.
	// Source: CloudFormation user guide, "Understand CloudFormation quotas".
	var body bytes.Buffer
	if err := json.Compact(&body, template); err != nil {
		return "", fmt.Errorf("%s: %w", spokeName, err)
	}
	for _, account := range []string{testAccount, prodAccount} {
		client := cloudformation.NewFromConfig(w.account(account))
		_, err := client.CreateStack(ctx, &cloudformation.CreateStackInput{
			StackName: aws.String(spokeName), TemplateBody: aws.String(body.String()),
			Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
			Parameters:   []types.Parameter{{ParameterKey: aws.String("HubAccount"), ParameterValue: aws.String(w.Cloud.State.Hub)}},
		})
		if err != nil {
			return "", fmt.Errorf("account %s: %w", account, err)
		}
		waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = 100*time.Millisecond, 500*time.Millisecond
		})
		if err := waiter.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(spokeName)}, time.Minute); err != nil {
			return "", fmt.Errorf("account %s: %w", account, err)
		}
	}
	return spokeName + " in " + strings.Join([]string{testAccount, prodAccount}, " and "), nil
}
