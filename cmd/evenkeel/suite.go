//go:build !validator

package main

import "github.com/spf13/cobra"

// suiteCommands are the commands that speak to AWS or to the local cloud.
func suiteCommands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newUpCommand(a), newDownCommand(a), newStatusCommand(a), newDemoCommand(a),
		newRepoCommand(a), newRunsCommand(a), newReviewsCommand(a), newPlanCommand(a), newApproveCommand(a), newRejectCommand(a), newRecoverCommand(a), newRolloutCommand(a), newDriftCommand(a), newHealCommand(a),
	}
}

// handOver leaves the command line to this program, which has every command.
func handOver([]string) error { return nil }
