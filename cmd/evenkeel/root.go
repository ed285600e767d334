package main

import (
	"github.com/spf13/cobra"
)

// newRootCommand builds the tree of commands.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "evenkeel",
		Short: "Keep AWS infrastructure on an even keel",
		Long: `Evenkeel validates, plans, approves and deploys every git push, watches the deployed
stacks for drift, and closes security groups that open to the world.

It speaks to AWS, or to the local cloud, by the AWS SDK's own environment variables.
Start a local cloud and point this shell at it with: eval "$(evenkeel up --export)"

Exit codes: 0 done, 1 it failed or found errors, 2 wrong usage, 3 not found or not installed.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("%w\nusage: %s", err, cmd.UseLine())
	})
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print JSON")
	flags.StringVar(&a.stack, "stack-name", "evenkeel", "name of the CloudFormation stack of the installation")
	flags.StringVar(&a.profile, "profile", "", "AWS profile (default: the SDK's)")
	flags.StringVar(&a.region, "region", "", "AWS region (default: the SDK's)")

	root.AddCommand(newValidateCommand(a), newSchemaCommand(a), newPolicyCommand(a))
	root.AddCommand(suiteCommands(a)...)
	return root
}
