//go:build !validator

package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/healing"
)

// healPlanFlags is the command line of heal plan.
type healPlanFlags struct {
	live    bool
	account string
	role    string
	policy  string
	failOn  string
}

func newHealPlanCommand(a *app) *cobra.Command {
	f := &healPlanFlags{}
	cmd := &cobra.Command{
		Use: "plan [folder or file...]", Short: "Show what a policy would do: to live security groups, or to an archive of CloudTrail events",
		Long: `With --live, show what the policy would do now to the security groups of the places that the
installation watches, or of your own account and region where none is installed. It only reads.

With folders or files, show what the policy would have done to recorded CloudTrail events: log files
as CloudTrail keeps them in S3, EventBridge events, bare records, one or several, in a list or a line
each, the answer of aws cloudtrail lookup-events, plain or compressed by gzip; - is standard input. It
speaks to nobody. Rules, prefix lists and tags are followed from record to record; what was there
before the first one is not known, and said so.

The policy is --policy, or the installation's with --live, or the default one.

Exit code 1 when something could not be read, or when a rule of the severity --fail-on, or worse,
would be closed.`,
		Example: `  evenkeel heal plan --live
  evenkeel heal plan --live --account 222222222222 --region eu-west-1 --role security-audit --fail-on high
  evenkeel heal plan AWSLogs/ --policy strict.json
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=AuthorizeSecurityGroupIngress |
    evenkeel heal plan -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			if f.live {
				return a.healPlanLive(cmd.Context(), f)
			}
			return a.healPlanArchive(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.live, "live", false, "look at live security groups")
	flags.StringVar(&f.account, "account", "", "with --live: one account, in --region, instead of all places")
	flags.StringVar(&f.role, "role", "", "with --live: role to assume in each account; it reads security groups and prefix lists")
	flags.StringVar(&f.policy, "policy", "", "file with the healing policy")
	flags.StringVar(&f.failOn, "fail-on", failOnNone, "least severity that fails: critical, high, medium, low or none")
	return cmd
}

const failOnNone = "none"

func (f *healPlanFlags) check(args []string) error {
	switch {
	case f.live && len(args) > 0:
		return usageError("--live and files exclude each other")
	case !f.live && len(args) == 0:
		return usageError("name folders or files of recorded events, or say --live")
	case !f.live && (f.account != "" || f.role != ""):
		return usageError("--account and --role go with --live")
	case f.failOn != failOnNone && !slices.Contains(healing.Severities(), healing.Severity(f.failOn)):
		return usageError("--fail-on %q is none of critical, high, medium, low, none", f.failOn)
	}
	return nil
}

// fails reports whether a severity is --fail-on or worse.
func (f *healPlanFlags) fails(severity string) bool {
	known := healing.Severities() // from worst to mildest
	least := slices.Index(known, healing.Severity(f.failOn))
	return least >= 0 && slices.Index(known, healing.Severity(severity)) <= least
}

// readHealPolicy reads the policy of a file, the default one without a file.
func readHealPolicy(file string) (healing.Policy, error) {
	if file == "" {
		return healing.DefaultPolicy(), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return healing.Policy{}, usageError("%w", err)
	}
	policy, err := healing.DecodePolicy(data)
	if err != nil {
		return healing.Policy{}, usageError("%s: %s", file, strings.TrimPrefix(err.Error(), "healing policy: "))
	}
	return policy, nil
}

// interrupted reports that the person has had enough.
func interrupted(ctx context.Context) error { return context.Cause(ctx) }
