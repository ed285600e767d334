package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/shared/review"
)

const (
	botName   = "evenkeel-bot"
	botToken  = "a token that only this demonstration knows"
	stranger  = "mallory"
	forkName  = stranger + "/shop"
	ourMarker = review.Marker
)

// newStacks is what a pull request adds to evenkeel.yaml: a stack, and one that
// needs an output of it.
const newStacks = `  extra:
    template: templates/extra.yaml
  late:
    template: templates/late.yaml
    dependsOn: [extra]
    parameters:
      QueueName: {output: extra.QueueName}

stages:`

const extraTemplate = `AWSTemplateFormatVersion: "2010-09-09"
Description: A queue that a pull request adds.
Resources:
  Extra:
    Type: AWS::SQS::Queue
    Properties:
      SqsManagedSseEnabled: true
Outputs:
  QueueName:
    Value: !GetAtt Extra.QueueName
`

const lateTemplate = `AWSTemplateFormatVersion: "2010-09-09"
Description: Needs the new queue.
Parameters:
  QueueName:
    Type: String
Resources:
  Name:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !Ref QueueName
`

// pulls is what the steps of pull requests leave for each other.
type pulls struct {
	pull    forge.PullRequest
	comment forge.Comment
}

func pullRequestGroup() Group {
	p := &pulls{}
	return Group{"A pull request is planned, and nothing is executed", []string{unchangedTitle}, []Step{
		{Want: "a token that may publish is registered", Run: registerToken},
		{Want: "a branch is pushed, and a pull request is opened", Run: p.open},
		{Want: "its stacks are planned, the new one too", Run: p.planned},
		{Want: "the commit has a status that leads to one comment with the plan", Run: p.published},
		{Want: "no change set and no empty stack is left, and nothing was executed", Run: nothingLeft},
		{Want: "a second commit with a broken template fails the status and changes the same comment", Run: p.changed},
		{Want: "a pull request from a fork is validated and not planned", Run: p.fork},
		{Want: "one of CodeCommit is reviewed, and the review is in the ledger", Run: p.codeCommit},
		{Want: "a push has the outcome of its run as its commit status", Run: pushStatus},
	}}
}

func registerToken(ctx context.Context, w *World) (string, error) {
	if _, err := w.Cloud.Forge.SetUser(forge.User{Login: botName, Token: strings.ReplaceAll(botToken, " ", "-")}); err != nil {
		return "", err
	}
	args := append([]string{"repo", "add", shopName, "--clone-url", w.shop.url, "--account", testAccount + "=never", "--account", prodAccount + "=always",
		"--webhook-secret", "/evenkeel/secrets/" + shopName + "/webhook", "--status-token-stdin"}, identities...)
	_, err := w.evenkeelReading(ctx, strings.ReplaceAll(botToken, " ", "-"), args...)
	return "evenkeel repo add --status-token-stdin", err
}

func (p *pulls) open(ctx context.Context, w *World) (string, error) {
	_, err := w.on(ctx, "wider", w.shop.url, func() error {
		return firstError(
			w.shop.Edit("templates/data.yaml", "VisibilityTimeout: 60", "VisibilityTimeout: 75"),
			w.shop.Edit("evenkeel.yaml", "stages:", newStacks),
			w.write("templates/extra.yaml", extraTemplate), w.write("templates/late.yaml", lateTemplate))
	})
	if err != nil {
		return "", err
	}
	if p.pull, err = w.openPull(ctx, forge.PullRequest{Repository: shopName, Head: "wider", Title: "A longer time-out, and more"}); err != nil {
		return "", err
	}
	// A stranger's comment that looks like ours must not become ours.
	w.Cloud.Forge.Comment(shopName, p.pull.Number, stranger, ourMarker+"\nmine")
	return fmt.Sprintf("pull request #%d with %s", p.pull.Number, p.pull.Commit[:8]), nil
}

func (p *pulls) planned(ctx context.Context, w *World) (string, error) {
	r, err := w.reviewed(ctx, shopName, p.pull.Number, p.pull.Commit)
	if err != nil {
		return "", err
	}
	states := map[string]string{}
	for _, s := range r.Stacks {
		states[s.Stage+"/"+s.Stack] = s.State
	}
	for stack, want := range map[string]string{
		"test/network": review.StackUnchanged, "test/data": review.StackPlanned, "test/extra": review.StackPlanned, "test/late": review.StackNotPlanned, "prod/data": review.StackPlanned,
	} {
		if err := expect(stack, states[stack], want); err != nil {
			return "", fmt.Errorf("%w; %s: %s; %+v", err, r.State, r.Reason, r.Stacks)
		}
	}
	return r.Reason, firstError(expect("the review", r.State, events.ReviewPassed), expect("the problem", r.Problem, ""), expect("what is left", len(r.Remaining), 0))
}

func (p *pulls) published(_ context.Context, w *World) (string, error) {
	// The push of the branch has a run of its own, and a status of its own.
	statuses := slices.DeleteFunc(w.Cloud.Forge.Statuses(shopName, p.pull.Commit), func(s forge.Status) bool { return s.Context != review.StatusContext })
	if len(statuses) != 2 {
		return "", fmt.Errorf("statuses %+v, want pending and success", statuses)
	}
	comment, err := w.comment(p.pull.Number)
	if err != nil {
		return "", err
	}
	p.comment = comment
	w.Report.Block(comment.Body)
	for _, want := range []string{
		ourMarker, "- /Properties/VisibilityTimeout: 60\n+ /Properties/VisibilityTimeout: 75\n", "| `test` | `extra` | planned |", "which does not exist before the merge", "Nothing was executed",
	} {
		if !strings.Contains(comment.Body, want) {
			return "", fmt.Errorf("the comment lacks %q:\n%s", want, comment.Body)
		}
	}
	if theirs := w.Cloud.Forge.Comments(shopName, p.pull.Number)[0]; theirs.User.Login != stranger || theirs.Body != ourMarker+"\nmine" {
		return "", fmt.Errorf("the stranger's comment is now %+v", theirs)
	}
	return statuses[0].Context + " " + statuses[0].State + ": " + statuses[0].Description, firstError(
		expect("the first status", statuses[1].State, review.StatusPending), expect("the last status", statuses[0].State, review.StatusSuccess),
		expect("where it leads", statuses[0].TargetURL, comment.HTMLURL))
}

// nothingLeft looks at both accounts, and at what the review function called.
func nothingLeft(ctx context.Context, w *World) (string, error) {
	looked := 0
	for _, account := range []string{testAccount, prodAccount} {
		client := cloudformation.NewFromConfig(w.account(account))
		err := await(ctx, "the end of empty stacks in "+account, func() (bool, error) {
			out, err := client.ListStacks(ctx, &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusReviewInProgress, types.StackStatusDeleteInProgress, types.StackStatusDeleteFailed}})
			return err == nil && len(out.StackSummaries) == 0, err
		})
		if err != nil {
			return "", err
		}
		out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
		if err != nil {
			return "", err
		}
		for _, stack := range out.Stacks {
			sets, err := client.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: stack.StackName})
			if err != nil {
				return "", err
			}
			for _, set := range sets.Summaries {
				if strings.HasPrefix(*set.ChangeSetName, "evenkeel-pr-") {
					return "", fmt.Errorf("the change set %s of %s is left", *set.ChangeSetName, *stack.StackName)
				}
			}
			looked++
		}
	}
	calls, err := w.calls(ctx)
	if err != nil {
		return "", err
	}
	made := map[string]bool{}
	for _, call := range calls {
		if call.Application == applicationPrefix+"review" {
			made[call.Action] = true
		}
	}
	timeout, err := w.visibilityTimeout(ctx, testAccount, "test")
	return fmt.Sprintf("%d stacks without change sets of a review, VisibilityTimeout still %d", looked, timeout), firstError(err,
		expect("VisibilityTimeout", timeout, 60), expect("CreateChangeSet was called", made["CreateChangeSet"], true),
		expect("DeleteChangeSet was called", made["DeleteChangeSet"], true), expect("DeleteStack was called", made["DeleteStack"], true),
		expect("ExecuteChangeSet was called", made["ExecuteChangeSet"], false))
}

func (p *pulls) changed(ctx context.Context, w *World) (string, error) {
	commit, err := w.on(ctx, "wider", w.shop.url, func() error {
		return w.shop.Edit("templates/data.yaml", "VisibilityTimeout: 60", "VisibilityTimout: 75")
	})
	if err != nil {
		return "", err
	}
	r, err := w.reviewed(ctx, shopName, p.pull.Number, commit)
	if err != nil {
		return "", err
	}
	comment, err := w.comment(p.pull.Number)
	if err != nil {
		return "", err
	}
	if !strings.Contains(comment.Body, "E3002") || strings.Contains(comment.Body, "+ /Properties/VisibilityTimeout: 75") || !strings.Contains(comment.Body, "`templates/data.yaml:") {
		return "", fmt.Errorf("the comment is\n%s", comment.Body)
	}
	return fmt.Sprintf("%s; comment %d was updated", r.Reason, comment.ID), firstError(expect("the review", r.State, events.ReviewRejected),
		expect("the comment", comment.ID, p.comment.ID), expect("the status", w.status(commit, review.StatusContext).State, review.StatusFailure))
}

func (p *pulls) fork(ctx context.Context, w *World) (string, error) {
	fork, err := w.Cloud.Forge.Set(ctx, forge.Repository{Name: forkName})
	if err != nil {
		return "", err
	}
	commit, err := w.on(ctx, "helpful", fork.CloneURL, func() error {
		return w.shop.Edit("templates/data.yaml", "VisibilityTimeout: 60", "VisibilityTimeout: 61")
	})
	if err != nil {
		return "", err
	}
	pull, err := w.openPull(ctx, forge.PullRequest{Repository: shopName, HeadRepository: forkName, Head: "helpful", Author: stranger})
	if err != nil {
		return "", err
	}
	r, err := w.reviewed(ctx, shopName, pull.Number, commit)
	if err != nil {
		return "", err
	}
	comment, err := w.comment(pull.Number)
	if err != nil {
		return "", err
	}
	if !strings.Contains(comment.Body, "from a fork is validated and not planned") {
		return "", fmt.Errorf("the comment is\n%s", comment.Body)
	}
	return r.Reason, firstError(expect("the review", r.State, events.ReviewPassed), expect("plans", len(r.Stacks), 0),
		expect("templates checked", r.Validated.Files > 0, true), expect("the status", w.status(commit, review.StatusContext).State, review.StatusSuccess))
}

func (p *pulls) codeCommit(ctx context.Context, w *World) (string, error) {
	mirror, err := w.Cloud.Forge.Get(mirrorName)
	if err != nil {
		return "", err
	}
	commit, err := w.on(ctx, "mirrored", mirror.CloneURL, func() error { return w.shop.Append("README.md", "\nMirrored.\n") })
	if err != nil {
		return "", err
	}
	pull, err := w.openPull(ctx, forge.PullRequest{Repository: mirrorName, Head: "mirrored", Base: "docs"})
	if err != nil {
		return "", err
	}
	r, err := w.reviewed(ctx, mirrorName, pull.Number, commit)
	if err != nil {
		return "", err
	}
	shown, err := w.evenkeel(ctx, "reviews", "show", fmt.Sprintf("%s#%d", mirrorName, pull.Number))
	w.Report.Block(shown)
	return r.Reason, firstError(err, expect("the review", r.State, events.ReviewPassed), expect("the provider", r.Provider, forge.CodeCommit), expect("the problem", r.Problem, ""))
}

func pushStatus(ctx context.Context, w *World) (string, error) {
	if err := w.shop.Append("README.md", "\nStill nothing to deploy.\n"); err != nil {
		return "", err
	}
	if _, err := w.push(ctx, "More words"); err != nil {
		return "", err
	}
	if _, err := runStarts(ctx, w); err != nil {
		return "", err
	}
	if _, err := succeedsUnchanged(ctx, w); err != nil {
		return "", err
	}
	seen := forge.Status{}
	err := await(ctx, "the status of "+w.commit[:8], func() (bool, error) {
		seen = w.status(w.commit, review.RunContext)
		return slices.Contains([]string{review.StatusSuccess, review.StatusFailure, review.StatusError}, seen.State), nil
	})
	return seen.Context + " " + seen.State + ": " + seen.Description, firstError(err, expect("the status", seen.State, review.StatusSuccess))
}
