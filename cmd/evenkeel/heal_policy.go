//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	return a.policyCommand(policyDocument{
		short: "Show, check or set what counts as too open",
		long: `The policy is a document in Parameter Store, JSON or YAML: what is protected, from how many addresses,
what is done about it, and for which groups it is different. Without a document the built-in policy
counts. A check needs no AWS. docs/healing.md describes every field.`,
		show: a.healPolicyShow, check: a.healPolicyCheck, schema: healing.PolicySchema, follows: "the healer follows within half a minute",
		set: func(ctx context.Context, document string) error {
			policies, err := a.healPolicies(ctx)
			if err != nil {
				return err
			}
			return policies.write(ctx, document)
		},
	})
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
	data, err := readDocument(file)
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
