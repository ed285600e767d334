package demo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
)

const (
	guardedName  = "acme/guarded"
	guardedStack = "guarded-queue-prod"
	guardedQueue = "Jobs" // logical id in templates/queue.yaml
)

// authorSession is the name of the AWS session of who makes the demonstration's
// commits, and identities say so for the repositories' registrations.
const authorSession = "ada"

var identities = []string{"--identity", "Ada Shop=" + authorSession, "--identity", "ada@shop.example=" + authorSession}

// exitRefused is the CLI's exit code for what a rule forbids.
const exitRefused = 4

// selfApproval lets the author try to approve the own push.
func selfApproval(ctx context.Context, w *World) (string, error) {
	if _, err := awaitFact(ctx, w, w.subject(), func(events.ApprovalRequested) bool { return true }); err != nil {
		return "", err
	}
	_, err := w.evenkeelAs(ctx, authorSession, "approve", w.runID, "--yes")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitRefused || !strings.Contains(err.Error(), "whose push this is") {
		return "", fmt.Errorf("the author was not refused: %w", err)
	}
	decided, factsErr := facts[events.ApprovalDecided](ctx, w, w.subject())
	_, said, _ := strings.Cut(err.Error(), "evenkeel: ")
	return said, firstError(factsErr, expect("decisions", len(decided), 0))
}

// evenkeelAs runs the CLI in a role's session in the hub account.
func (w *World) evenkeelAs(ctx context.Context, session string, args ...string) (string, error) {
	out, err := sts.NewFromConfig(w.account(w.Cloud.State.Hub)).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + w.Cloud.State.Hub + ":role/developers"), RoleSessionName: aws.String(session),
	})
	if err != nil {
		return "", err
	}
	return w.evenkeelWith(ctx, map[string]string{
		"AWS_ACCESS_KEY_ID": aws.ToString(out.Credentials.AccessKeyId), "AWS_SECRET_ACCESS_KEY": aws.ToString(out.Credentials.SecretAccessKey),
		"AWS_SESSION_TOKEN": aws.ToString(out.Credentials.SessionToken),
	}, "", args...)
}

// recorded checks what a decision says of who made it and of what was seen.
func recorded(asked events.ApprovalRequested, d events.ApprovalDecided) error {
	if d.Via == nil || d.Seen == nil || asked.Document == nil {
		return fmt.Errorf("the decision %+v does not say with what it was made, or on what", d)
	}
	return firstError(
		expect("the approved digest", d.Digest, asked.Digest), expect("the document", *d.Seen, *asked.Document),
		expect("the relation to the authors", d.Relation, approval.Separate), expect("the session", d.Session, "operator"),
		expect("the client", d.Via.Client, "evenkeel cli"), expect("a host is named", d.Via.Host != "", true))
}

// guardedGroup changes something between an approval and its use.
func guardedGroup() Group {
	change := func(was, is, message string) Step {
		return Step{Want: "a push: " + message, Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Edit("templates/queue.yaml", "VisibilityTimeout: "+was, "VisibilityTimeout: "+is); err != nil {
				return "", err
			}
			if _, err := w.push(ctx, message); err != nil {
				return "", err
			}
			return runStarts(ctx, w)
		}}
	}
	return Group{"An approval is of one plan, and of a stack as it was", nil, []Step{
		{Want: "a repository whose only stage asks a person is pushed", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.adopt(ctx, guardedName, "guarded"); err != nil {
				return "", err
			}
			if _, err := w.push(ctx, "A queue"); err != nil {
				return "", err
			}
			return runStarts(ctx, w)
		}},
		{Want: "somebody else than the author approves it", Run: approves("queue")},
		{Want: "it is deployed", Run: ends(events.OutcomeSucceeded)},
		change("30", "40", "Longer visibility"),
		{Want: "while it waits, the queue drifts and a detection finds it", Run: guardedDrifts},
		{Want: "it is approved all the same", Run: approves("queue")},
		{Want: "the execution refuses and says what differs", Run: endsWith(events.OutcomeRejected, "different: the drift of the stack.")},
		{Want: "nothing was executed", Run: guardedTimeout(5)},
		change("40", "45", "Another try"),
		{Want: "a person rejects it and says why", Run: rejects("not while it drifts")},
		{Want: "the run ends Rejected with the reason", Run: endsWith(events.OutcomeRejected, "not while it drifts")},
		change("45", "50", "And another"),
		{Want: "a plan of the drifted stack is approved", Run: approves("queue")},
		{Want: "nothing changed since, and it is deployed", Run: ends(events.OutcomeSucceeded)},
		{Want: "the queue is as the template says", Run: guardedTimeout(50)},
	}}
}

// guardedDrifts changes the queue past the template, and has CloudFormation find
// it.
func guardedDrifts(ctx context.Context, w *World) (string, error) {
	if _, err := awaitFact(ctx, w, w.subject(), func(events.ApprovalRequested) bool { return true }); err != nil {
		return "", err
	}
	id, err := w.physicalID(ctx, prodAccount, guardedStack, guardedQueue)
	if err != nil {
		return "", err
	}
	_, err = cloudcontrol.NewFromConfig(w.account(prodAccount)).UpdateResource(ctx, &cloudcontrol.UpdateResourceInput{
		TypeName: aws.String(queueType), Identifier: &id, PatchDocument: aws.String(`[{"op":"replace","path":"/VisibilityTimeout","value":5}]`),
	})
	if err != nil {
		return "", err
	}
	err = await(ctx, "the queue to change", func() (bool, error) {
		timeout, err := w.queueTimeout(ctx, prodAccount, id)
		return timeout == 5, err
	})
	if err != nil {
		return "", err
	}
	stacks := cloudformation.NewFromConfig(w.account(prodAccount))
	started, err := stacks.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: aws.String(guardedStack)})
	if err != nil {
		return "", err
	}
	status := types.StackDriftStatus("")
	err = await(ctx, "the drift detection", func() (bool, error) {
		out, err := stacks.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: started.StackDriftDetectionId})
		if err != nil {
			return false, err
		}
		status = out.StackDriftStatus
		return out.DetectionStatus != types.StackDriftDetectionStatusDetectionInProgress, nil
	})
	return guardedStack + " is " + string(status), firstError(err, expect("the drift status", status, types.StackDriftStatusDrifted))
}

func guardedTimeout(want int) func(context.Context, *World) (string, error) {
	return func(ctx context.Context, w *World) (string, error) {
		id, err := w.physicalID(ctx, prodAccount, guardedStack, guardedQueue)
		if err != nil {
			return "", err
		}
		timeout, err := w.queueTimeout(ctx, prodAccount, id)
		return fmt.Sprintf("VisibilityTimeout %d", timeout), firstError(err, expect("VisibilityTimeout", timeout, want))
	}
}

// rejects waits for a request to approve and rejects it.
func rejects(reason string) func(context.Context, *World) (string, error) {
	return func(ctx context.Context, w *World) (string, error) {
		if _, err := awaitFact(ctx, w, w.subject(), func(events.ApprovalRequested) bool { return true }); err != nil {
			return "", err
		}
		if _, err := w.evenkeel(ctx, "reject", w.runID, "--yes", "--reason", reason); err != nil {
			return "", err
		}
		d, err := awaitFact(ctx, w, w.subject(), func(events.ApprovalDecided) bool { return true })
		return d.By + ": " + d.Comment, firstError(err, expect("approved", d.Approved, false), expect("the reason", d.Comment, reason))
	}
}

// endsWith waits for the run's end, whose reason must hold a text.
func endsWith(outcome, text string) func(context.Context, *World) (string, error) {
	return func(ctx context.Context, w *World) (string, error) {
		seen, err := ends(outcome)(ctx, w)
		return seen, firstError(err, expect("the reason tells "+text, strings.Contains(seen, text), true))
	}
}
