package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/deploymentstate"
)

const (
	pairName  = "acme/pair"
	pairTitle = "Stacks that do not depend on each other are deployed side by side"
)

// somebodyElse holds the lock of a stack.
const somebodyElse = "somebody-else"

// pairGroups deploy two stacks at once, and then one of them while the other is
// locked. The run that meets the lock tries again for a while, in which the
// groups between the two can play.
func pairGroups() (first, last Group) {
	var locked string // the run that meets the lock
	first = Group{pairTitle, nil, []Step{
		{Want: "a repository with two independent stacks is deployed", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.adopt(ctx, pairName, "pair"); err != nil {
				return "", err
			}
			if _, err := w.push(ctx, "Two queues"); err != nil {
				return "", err
			}
			if _, err := runStarts(ctx, w); err != nil {
				return "", err
			}
			return ends(events.OutcomeSucceeded)(ctx, w)
		}},
		{Want: "both were in operation at the same time", Run: sideBySide},
		{Want: "a change is pushed while somebody else holds the lock of one", Run: func(ctx context.Context, w *World) (string, error) {
			holder, err := w.stackLocks().Acquire(ctx, pairTarget("right"), somebodyElse, "", time.Now().Add(time.Hour))
			if err := firstError(err, expect("the holder of the lock", holder, somebodyElse)); err != nil {
				return "", err
			}
			if err := w.shop.Edit("templates/queue.yaml", "VisibilityTimeout: 30", "VisibilityTimeout: 40"); err != nil {
				return "", err
			}
			if _, err := w.push(ctx, "Longer visibility"); err != nil {
				return "", err
			}
			seen, err := runStarts(ctx, w)
			locked = w.runID
			return seen, err
		}},
	}}
	last = Group{"A stack that somebody else has locked is left alone", []string{pairTitle}, []Step{
		{Want: "the run ends Deferred, with the other stack deployed", Limit: 5 * time.Minute, Run: func(ctx context.Context, w *World) (string, error) {
			w.runID = locked
			end, err := w.finished(ctx)
			if err != nil {
				return "", err
			}
			return end.Reason, firstError(
				expect("the outcome", end.Outcome, events.OutcomeDeferred),
				expect("the reason names the lock", strings.Contains(end.Reason, "pair-right-test is locked by "+somebodyElse), true),
				expect("changed", strings.Join(end.Changed, " "), "test/left"))
		}},
		{Want: "the lock is still the other's", Run: func(ctx context.Context, w *World) (string, error) {
			holder, err := w.stackLocks().Acquire(ctx, pairTarget("right"), "the demonstration", "", time.Now())
			return "held by " + holder, firstError(err, expect("the holder of the lock", holder, somebodyElse))
		}},
	}}
	return first, last
}

func (w *World) stackLocks() deploymentstate.StackLocks {
	return deploymentstate.New(w.account(w.Cloud.State.Hub), w.Outputs["StateTable"], time.Now).StackLocks()
}

func pairTarget(stack string) events.Target {
	return events.Target{Stage: "test", Stack: stack, StackName: "pair-" + stack + "-test", Account: testAccount, Region: "us-east-1"}
}

// sideBySide reads from the stacks' own histories when each was in operation.
func sideBySide(ctx context.Context, w *World) (string, error) {
	type span struct{ from, to time.Time }
	spans := map[string]span{}
	for _, stack := range []string{"left", "right"} {
		name := pairTarget(stack).StackName
		out, err := cloudformation.NewFromConfig(w.account(testAccount)).DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &name})
		if err != nil {
			return "", err
		}
		var s span
		for _, e := range out.StackEvents {
			if aws.ToString(e.PhysicalResourceId) != aws.ToString(e.StackId) {
				continue
			}
			switch string(e.ResourceStatus) {
			case "CREATE_IN_PROGRESS":
				s.from = aws.ToTime(e.Timestamp)
			case "CREATE_COMPLETE":
				s.to = aws.ToTime(e.Timestamp)
			}
		}
		if s.from.IsZero() || s.to.IsZero() {
			return "", fmt.Errorf("the history of %s shows no creation from begin to end", name)
		}
		spans[stack] = s
	}
	left, right := spans["left"], spans["right"]
	together := min(left.to.UnixMilli(), right.to.UnixMilli()) - max(left.from.UnixMilli(), right.from.UnixMilli())
	if together <= 0 {
		return "", fmt.Errorf("one after the other: left %s – %s, right %s – %s", left.from, left.to, right.from, right.to)
	}
	return fmt.Sprintf("for %d ms of %d ms", together, max(left.to.UnixMilli(), right.to.UnixMilli())-min(left.from.UnixMilli(), right.from.UnixMilli())), nil
}
