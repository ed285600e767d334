//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func newHealModeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mode [observe|enforce]",
		Short: "Show or set whether the healer closes what is too open, or only reports it",
		Long: `Without an argument, show the mode. "observe" reports what would be closed, "enforce" closes it.
The rest of the policy stays as it is. The healer follows within half a minute.`,
		Example: "  evenkeel heal mode enforce",
		Args:    usageArgs(cobra.MaximumNArgs(1)), ValidArgs: []string{string(healing.Observe), string(healing.Enforce)},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.healMode(cmd.Context(), "")
			}
			mode := healing.Mode(args[0])
			if mode != healing.Observe && mode != healing.Enforce {
				return usageError("%q is no mode; the modes are observe and enforce", args[0])
			}
			return a.healMode(cmd.Context(), mode)
		},
	}
}

// healMode shows the mode, after setting it unless mode is empty.
func (a *app) healMode(ctx context.Context, mode healing.Mode) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	prefix, err := found.output("ParameterPrefix")
	if err != nil {
		return err
	}
	name, client := prefix+"/healing/policy", ssm.NewFromConfig(found.cfg)
	policy, err := readPolicy(ctx, client, name)
	if err != nil {
		return err
	}
	if mode != "" && mode != policy.Mode {
		policy.Mode = mode
		if err := writePolicy(ctx, client, name, policy); err != nil {
			return err
		}
	}
	return a.print(policy, func(w io.Writer) { fmt.Fprintln(w, policy.Mode) })
}

func readPolicy(ctx context.Context, client *ssm.Client, name string) (healing.Policy, error) {
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return healing.DefaultPolicy(), nil
	}
	if err != nil {
		return healing.Policy{}, awserr.Classify("read the healing policy", err)
	}
	return healing.DecodePolicy([]byte(aws.ToString(out.Parameter.Value)))
}

func writePolicy(ctx context.Context, client *ssm.Client, name string, policy healing.Policy) error {
	encoded, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	_, err = client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String(string(encoded)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	return awserr.Classify("write the healing policy", err)
}
