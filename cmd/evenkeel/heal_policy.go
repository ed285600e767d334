//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func newHealPolicyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Show, check or set what counts as too open",
		Long: `The policy is a document in Parameter Store, JSON or YAML: what is protected, from how many addresses,
what is done about it, and for which groups it is different. Without a document the built-in policy
counts. A check needs no AWS. docs/healing.md describes every field.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.healPolicyShow(cmd.Context()) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "show", Short: "Show the policy that counts", Args: usageArgs(cobra.NoArgs), RunE: cmd.RunE,
	}, &cobra.Command{
		Use: "check file", Short: "Check a policy document", Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := a.healPolicyCheck(args[0])
			return err
		},
	}, &cobra.Command{
		Use: "set file", Short: "Check a policy document and make it the one that counts", Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.healPolicySet(cmd.Context(), args[0]) },
	}, &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the document, for editors", Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			schema, err := healing.PolicySchema()
			if err == nil {
				_, err = a.out.Write(schema)
			}
			return err
		},
	})
	return cmd
}

// healPolicies is the parameter <prefix>/healing/policy.
type healPolicies struct {
	client *ssm.Client
	name   string
}

func (a *app) healPolicies(ctx context.Context) (*healPolicies, error) {
	found, err := a.installation(ctx)
	if err != nil {
		return nil, err
	}
	prefix, err := found.output("ParameterPrefix")
	if err != nil {
		return nil, err
	}
	return &healPolicies{ssm.NewFromConfig(found.cfg), prefix + "/healing/policy"}, nil
}

// read returns the document, "" when none is set, and the policy that counts.
func (p *healPolicies) read(ctx context.Context) (document string, policy healing.Policy, err error) {
	out, err := p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(p.name)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return "", healing.DefaultPolicy(), nil
	}
	if err != nil {
		return "", healing.Policy{}, awserr.Classify("read the healing policy", err)
	}
	document = aws.ToString(out.Parameter.Value)
	policy, err = healing.DecodePolicy([]byte(document))
	return document, policy, err
}

func (p *healPolicies) write(ctx context.Context, document string) error {
	_, err := p.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(p.name), Value: aws.String(document), Type: types.ParameterTypeString,
		Tier: types.ParameterTierIntelligentTiering, Overwrite: aws.Bool(true),
	})
	return awserr.Classify("write the healing policy", err)
}

func (a *app) healPolicyShow(ctx context.Context) error {
	policies, err := a.healPolicies(ctx)
	if err != nil {
		return err
	}
	document, policy, err := policies.read(ctx)
	if err != nil {
		return err
	}
	if document == "" {
		a.progress("no document is set: this is the built-in policy")
		encoded, err := json.MarshalIndent(policy, "", "  ")
		if err != nil {
			return err
		}
		document = string(encoded)
	}
	return a.print(policy, func(w io.Writer) {
		fmt.Fprintln(w, strings.TrimSuffix(document, "\n"))
		a.tellOver(policy)
	})
}

// healPolicyCheck reads a document and says what is wrong with it, and where.
func (a *app) healPolicyCheck(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return "", notFound("there is no file %s", file)
	}
	if err != nil {
		return "", err
	}
	policy, err := healing.DecodePolicy(data)
	var faults healing.PolicyFaults
	if errors.As(err, &faults) {
		lines := make([]string, len(faults))
		for i, f := range faults {
			lines[i] = file + ":" + f.String()
		}
		return "", errors.New(strings.Join(lines, "\n"))
	}
	if err != nil {
		return "", err
	}
	a.progress("%s: %s, %s, %s, %s", file, policy.Mode, count(len(policy.ProtectedPorts), "protected port range"), count(len(policy.Scopes), "scope"), count(len(policy.Exceptions), "exception"))
	a.tellOver(policy)
	return string(data), nil
}

// tellOver names the exceptions of a document that count no more.
func (a *app) tellOver(p healing.Policy) {
	for _, e := range p.Exceptions {
		if !a.now().Before(e.Expires) {
			a.progress("the exception for %s of %s ended at %s and counts no more", e.Rule, e.Group, e.Expires.UTC().Format(time.RFC3339))
		}
	}
}

func (a *app) healPolicySet(ctx context.Context, file string) error {
	document, err := a.healPolicyCheck(file)
	if err != nil {
		return err
	}
	policies, err := a.healPolicies(ctx)
	if err != nil {
		return err
	}
	if err := policies.write(ctx, document); err != nil {
		return err
	}
	a.progress("the healer follows within half a minute")
	return nil
}
