//go:build !validator

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/driftstate"
	"github.com/evenkeel/evenkeel/shared/drift/response"
)

func newDriftPolicyCommand(a *app) *cobra.Command {
	return a.policyCommand(policyDocument{
		short: "Show, check or set what is done about drift",
		long: `The policy is a document in Parameter Store: severities by what drifted, responses by who changed it,
and exceptions that end. Without a document the built-in policy counts. A check needs no AWS.`,
		show: a.driftPolicyShow, check: a.driftPolicyCheck, schema: response.JSONSchema, follows: "the policy counts from the next scan on",
		set: func(ctx context.Context, document string) error {
			policies, err := a.driftPolicies(ctx)
			if err != nil {
				return err
			}
			return policies.Set(ctx, document)
		},
	})
}

func (a *app) driftPolicies(ctx context.Context) (*driftstate.Policies, error) {
	found, err := a.installation(ctx)
	if err != nil {
		return nil, err
	}
	prefix, err := found.output("ParameterPrefix")
	if err != nil {
		return nil, err
	}
	return driftstate.NewPolicies(found.cfg, prefix), nil
}

func (a *app) driftPolicyShow(ctx context.Context) error {
	policies, err := a.driftPolicies(ctx)
	if err != nil {
		return err
	}
	document, err := policies.Document(ctx)
	if err != nil {
		return err
	}
	policy, err := policies.Policy(ctx)
	if err != nil {
		return err
	}
	return a.print(policy, func(w io.Writer) {
		if document == "" {
			fmt.Fprintln(w, "# the built-in policy: no document is set")
			fmt.Fprint(w, policyText(policy))
			return
		}
		fmt.Fprint(w, document)
		a.tellExpired(policy)
	})
}

// policyText writes the responses of a policy as a document.
func policyText(p response.Policy) string {
	text := "version: 1\nresponses:\n"
	for _, class := range append([]string{"default"}, response.Classes()...) {
		var cells []string
		for _, s := range response.Severities() {
			if r, ok := p.Responses[class][s]; ok {
				cells = append(cells, string(s)+": "+string(r))
			}
		}
		if len(cells) > 0 {
			text += "  " + class + ": {" + strings.Join(cells, ", ") + "}\n"
		}
	}
	return text
}

// driftPolicyCheck reads a document and says what is wrong with it.
func (a *app) driftPolicyCheck(file string) (string, error) {
	data, err := readDocument(file)
	if err != nil {
		return "", err
	}
	policy, err := response.Decode(file, data)
	if err != nil {
		return "", err
	}
	a.progress("%s: %s, %s, %s", file, count(len(policy.Severities), "severity rule"), count(len(policy.Responses), "row"), count(len(policy.Ignore), "exception"))
	a.tellExpired(policy)
	return string(data), nil
}

// tellExpired names the exceptions that count no more.
func (a *app) tellExpired(p response.Policy) {
	for _, e := range p.Expired(a.now()) {
		a.progress("the exception %q ended at %s and counts no more", e.Reason, e.Until.UTC().Format(time.RFC3339))
	}
}
