package demo

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/forge"
)

const mirrorName = "shop-mirror"

func codeCommitGroup() Group {
	return Group{"A CodeCommit event reaches the same workflow", []string{deployTitle}, []Step{
		{Want: "a push to a branch that no stage follows is recorded", Run: func(ctx context.Context, w *World) (string, error) {
			r, err := w.Cloud.Forge.Set(ctx, forge.Repository{Name: mirrorName, Provider: forge.CodeCommit})
			if err != nil {
				return "", err
			}
			if err := w.register(ctx, mirrorName, forge.CodeCommit, r.CloneURL); err != nil {
				return "", err
			}
			commit, err := w.shop.Commit(ctx, "A change on a side branch")
			if err != nil {
				return "", err
			}
			w.commit = commit
			if _, err := w.shop.git(ctx, "push", "--quiet", r.CloneURL, "HEAD:refs/heads/docs"); err != nil {
				return "", err
			}
			return runStarts(ctx, w)
		}},
		{Want: "nothing is run, and the run says so", Run: succeedsUnchanged},
	}}
}

// succeedsUnchanged waits for a run that succeeds without changing a stack, and
// tells what it said.
func succeedsUnchanged(ctx context.Context, w *World) (string, error) {
	end, err := w.finished(ctx)
	if err != nil {
		return "", err
	}
	return end.Reason, firstError(
		expect("the outcome", end.Outcome, events.OutcomeSucceeded), expect("stacks changed", len(end.Changed), 0))
}

func rejectGroup() Group {
	return Group{rejectTitle, []string{deployTitle}, []Step{
		{Want: "a template with a misspelt property is pushed", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Edit("templates/data.yaml", "VisibilityTimeout: 60", "VisibilityTimout: 60"); err != nil {
				return "", err
			}
			return w.push(ctx, "Misspell a property")
		}},
		{Want: "the run starts", Run: runStarts},
		{Want: "it ends Rejected with file, line, column, rule and message", Run: rejected},
		{Want: "nothing was planned", Run: func(ctx context.Context, w *World) (string, error) {
			plans, err := facts[events.StackPlanned](ctx, w, w.subject())
			if err != nil {
				return "", err
			}
			return "no change set was made", expect("plans", len(plans), 0)
		}},
	}}
}

func rejected(ctx context.Context, w *World) (string, error) {
	end, err := w.finished(ctx)
	if err != nil {
		return "", err
	}
	if err := expect("the outcome", end.Outcome, events.OutcomeRejected); err != nil {
		return "", err
	}
	for _, f := range end.Findings {
		if f.Severity == "error" && f.File != "" && f.Line > 0 && f.Column > 0 && f.Rule != "" && f.Message != "" {
			return fmt.Sprintf("%s:%d:%d %s %s", f.File, f.Line, f.Column, f.Rule, f.Message), nil
		}
	}
	return "", fmt.Errorf("no finding is complete: %+v", end.Findings)
}

func unchangedGroup() Group {
	return Group{unchangedTitle, []string{rejectTitle}, []Step{
		{Want: "a push that only mends the spelling back", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Revert(ctx); err != nil {
				return "", err
			}
			if err := w.shop.Append("README.md", "\nNothing to deploy here.\n"); err != nil {
				return "", err
			}
			return w.push(ctx, "Words only")
		}},
		{Want: "the run starts", Run: runStarts},
		{Want: "it ends Succeeded and says that nothing changed", Run: succeedsUnchanged},
	}}
}

// clash is a resource that CloudFormation accepts and EC2 refuses: the group of
// the network stack has that rule already (InvalidPermission.Duplicate). It
// waits for the queue, so that the update fails half-way, after the queue was
// changed.
const clash = `
  Clash:
    Type: AWS::EC2::SecurityGroupIngress
    DependsOn: Fulfilment
    Properties:
      GroupId: !Ref WebSecurityGroupId
      IpProtocol: tcp
      FromPort: 443
      ToPort: 443
      CidrIp: 0.0.0.0/0

Outputs:`

func rollbackGroup() Group {
	return Group{"An update that fails half-way is rolled back", []string{unchangedTitle}, []Step{
		{Want: "a push changes the queue and then adds a rule that exists already", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Edit("templates/data.yaml", "VisibilityTimeout: 60", "VisibilityTimeout: 90"); err != nil {
				return "", err
			}
			if err := w.shop.Edit("templates/data.yaml", "\nOutputs:", clash); err != nil {
				return "", err
			}
			return w.push(ctx, "Longer visibility, and a clash")
		}},
		{Want: "the run starts", Run: runStarts},
		{Want: "it ends RolledBack and names the first failed resource and its reason", Run: func(ctx context.Context, w *World) (string, error) {
			end, err := w.finished(ctx)
			if err != nil {
				return "", err
			}
			if err := expect("the outcome", end.Outcome, events.OutcomeRolledBack); err != nil {
				return end.Reason, err
			}
			if end.Failure == nil {
				return "", errNothing
			}
			return describe(end.Failure)[2:], expect("the first failed resource", end.Failure.LogicalID, "Clash")
		}},
		{Want: "the queue is as it was before", Run: func(ctx context.Context, w *World) (string, error) {
			timeout, err := w.visibilityTimeout(ctx, testAccount, "test")
			return fmt.Sprintf("VisibilityTimeout %d", timeout), firstError(err, expect("VisibilityTimeout", timeout, 60))
		}},
	}}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
