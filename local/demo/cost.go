package demo

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"
)

// Prices of us-east-1 in dollars, list prices without free tiers.
// Sources: Step Functions pricing (Standard workflows), Lambda pricing (arm64),
// EventBridge pricing (custom events; AWS service events are free), CodePipeline
// pricing (V1 by active pipeline and month, V2 by action execution minute,
// rounded up for each action; manual approvals are free).
const (
	perTransition    = 25.0 / 1e6
	perRequest       = 0.20 / 1e6
	perGBSecond      = 0.0000133334
	perEvent         = 1.0 / 1e6
	perPipelineMonth = 1.00
	perActionMinute  = 0.002
)

// usage is what a deployer uses, in total or for one stack.
type usage struct {
	transitions float64
	invocations float64
	gbSeconds   float64
	events      float64 // on a custom bus
}

// dollars is the price of the usage. Requests to S3 and DynamoDB and the logs
// are not in it, in none of the columns.
func (u usage) dollars() float64 {
	return u.transitions*perTransition + u.invocations*perRequest + u.gbSeconds*perGBSecond + u.events*perEvent
}

func (u usage) each(n float64) usage {
	return usage{u.transitions / n, u.invocations / n, u.gbSeconds / n, u.events / n}
}

// pollInterval is that of the deployer that is compared with.
const pollInterval = 5 * time.Second

// The states of the polling deployer beside its rounds: create the change set
// and execute it, a Task and a Choice each; and a round: Wait, Task, Choice.
const (
	pollFixed = 4
	pollRound = 3
)

// polling is what a Step Functions deployer uses that asks CloudFormation every
// five seconds: for a change set that takes planning, and a deployment that
// takes d. A look at the stack takes as much of a function as ours does.
func polling(planning, d time.Duration, lookGBSeconds float64) usage {
	rounds := math.Ceil(planning.Seconds()/pollInterval.Seconds()) + math.Ceil(d.Seconds()/pollInterval.Seconds())
	calls := rounds + pollFixed/2
	return usage{transitions: pollFixed + pollRound*rounds, invocations: calls, gbSeconds: calls * lookGBSeconds}
}

// codePipelineV2 is the price of one stack in a V2 pipeline: an action that makes
// the change set, and one that executes it, each rounded up to minutes.
func codePipelineV2(planning, d time.Duration) float64 {
	minutes := func(d time.Duration) float64 { return max(1, math.Ceil(d.Minutes())) }
	return (minutes(planning) + minutes(d)) * perActionMinute
}

// measuredRun is what was measured on a run of the local cloud.
type measuredRun struct {
	total         usage // of the whole run, the push and its end included
	stacks        int   // deployments of a stack in a stage
	planning, d   time.Duration
	lookGBSeconds float64 // mean of one look at a stack's history
	milliseconds  float64 // of all functions
	told          bool    // the history tells every state inside a Map
}

// table prints the cost of one deployed stack beside the other ways.
func (m measuredRun) table(w io.Writer) {
	const long = 10 * time.Minute
	ours := m.total.each(float64(m.stacks))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "cost of one deployed stack\ttransitions\tinvocations\tLambda ms\tevents\tdollars")
	row := func(name string, u usage, ms string) {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%s\t%.1f\t%.6f\n", name, u.transitions, u.invocations, ms, u.events, u.dollars())
	}
	row("Evenkeel, as measured", ours, fmt.Sprintf("%.0f", m.milliseconds/float64(m.stacks)))
	row(fmt.Sprintf("Evenkeel, a deployment of %s", long), ours, "same")
	row(fmt.Sprintf("polling every 5 s, a deployment of %s", m.d.Round(100*time.Millisecond)), polling(m.planning, m.d, m.lookGBSeconds), "-")
	row(fmt.Sprintf("polling every 5 s, a deployment of %s", long), polling(m.planning, long, m.lookGBSeconds), "-")
	fmt.Fprintf(t, "CodePipeline V2, a deployment of %s\t\t\t\t\t%.6f\n", m.d.Round(100*time.Millisecond), codePipelineV2(m.planning, m.d))
	fmt.Fprintf(t, "CodePipeline V2, a deployment of %s\t\t\t\t\t%.6f\n", long, codePipelineV2(m.planning, long))
	for _, n := range []float64{10, 100, 1000} {
		fmt.Fprintf(t, "CodePipeline V1, %.0f deployed stacks a month in one pipeline\t\t\t\t\t%.6f\n", n, perPipelineMonth/n)
	}
	_ = t.Flush()
	fmt.Fprintf(w, `Evenkeel's row is a whole run of %d deployed stacks, divided: the webhook, validation, approvals, facts and the ledger are in it.
The others are formulas, and less than that: polling has %d states and %d for each 5 s of a %s change set and the deployment, each look
%.4f GB-s as measured of ours, and neither webhook, validation, approval nor facts; CodePipeline has two actions, and no source action.
A longer deployment costs Evenkeel nothing more up to 15 minutes, then %d transitions for a look, 30 in all at most.
Lambda ms are what the functions' own log lines say, rounded up; cold starts are not in them. Prices: us-east-1, list, no free tier.
`, m.stacks, pollFixed, pollRound, m.planning.Round(100*time.Millisecond), m.lookGBSeconds, pollRound)
}
