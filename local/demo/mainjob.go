package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// The workload accounts of testdata/repositories/shop/evenkeel.yaml.
const (
	testAccount = "222222222222"
	prodAccount = "333333333333"
)

const (
	shopName      = "acme/shop"
	webhookSecret = "a secret that only this demonstration knows"
)

// MainJob is what `make demo` shows.
func MainJob() []Group {
	return []Group{
		deployGroup(), codeCommitGroup(), rejectGroup(), unchangedGroup(), pullRequestGroup(), rollbackGroup(), driftGroup(), driftKindsGroup(), healGroup(),
	}
}

func deployGroup() Group {
	return Group{deployTitle, nil, []Step{
		{Want: "the workload accounts have the roles and rules of the spoke stack", Run: deploySpokes},
		{Want: "a repository is registered and pushed", Run: pushShop},
		{Want: "the signed webhook started a run", Run: runStarts},
		{Want: "the source is validated", Run: templatesValidated},
		{Want: "both stacks are deployed to test", Run: deployedToTest},
		{Want: "prod/network waits for a person, who is not the author of the push", Run: selfApproval},
		{Want: "somebody else sees and approves it", Run: approves("network")},
		{Want: "prod/data waits for a person, who sees and approves it", Run: approves("data")},
		{Want: "the run ends Succeeded", Run: ends(events.OutcomeSucceeded)},
		{Want: "no stack took more than 30 transitions of the workflow in a stage", Run: fewTransitions},
		{Want: "the stacks exist in both accounts, the second with the first one's outputs", Run: stacksExist},
	}}
}

func pushShop(ctx context.Context, w *World) (string, error) {
	if err := w.adopt(ctx, shopName, "shop"); err != nil {
		return "", err
	}
	return w.push(ctx, "The shop's network and data")
}

// register adds a repository to the suite's registry.
func (w *World) register(ctx context.Context, name, provider, cloneURL string) error {
	args := []string{"repo", "add", name, "--provider", provider, "--clone-url", cloneURL,
		"--account", testAccount + "=never", "--account", prodAccount + "=always"}
	args = append(args, identities...)
	if provider == forge.CodeCommit {
		_, err := w.evenkeel(ctx, args...)
		return err
	}
	_, err := w.evenkeelReading(ctx, webhookSecret, append(args, "--webhook-secret-stdin")...)
	return err
}

// push commits what has changed in the repository and pushes it to main.
func (w *World) push(ctx context.Context, message string) (string, error) {
	commit, err := w.shop.Commit(ctx, message)
	if err != nil {
		return "", err
	}
	w.commit, w.runID = commit, ""
	return fmt.Sprintf("git push of %s to main", commit[:8]), w.shop.Push(ctx, "main")
}

func runStarts(ctx context.Context, w *World) (string, error) {
	id, err := w.awaitRun(ctx, w.commit)
	w.runID = id
	return "run " + id, err
}

func templatesValidated(ctx context.Context, w *World) (string, error) {
	v, err := awaitFact(ctx, w, w.subject(), func(events.TemplatesValidated) bool { return true })
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d templates, %d errors, %d warnings", v.Files, v.Errors, v.Warnings), expect("errors", v.Errors, 0)
}

func (w *World) subject() string { return ledger.RunSubject(w.runID) }

func deployedToTest(ctx context.Context, w *World) (string, error) {
	seen := []string{}
	for _, stack := range []string{"network", "data"} {
		d, err := awaitFact(ctx, w, w.subject(), func(d events.StackDeployed) bool { return d.Stage == "test" && d.Stack == stack })
		if err != nil {
			return "", err
		}
		seen = append(seen, d.StackName)
	}
	return strings.Join(seen, ", "), nil
}

// approves waits for the request to approve a stack in prod, shows it as the
// CLI shows it, and approves.
func approves(stack string) func(context.Context, *World) (string, error) {
	return func(ctx context.Context, w *World) (string, error) {
		asked, err := awaitFact(ctx, w, w.subject(), func(r events.ApprovalRequested) bool { return r.Stack == stack })
		if err != nil {
			return "", err
		}
		shown, err := w.evenkeel(ctx, "approve", w.runID, "--stage", "prod", "--stack", stack, "--yes", "--comment", "looks right")
		w.Report.Block(shown)
		if err != nil {
			return "", err
		}
		d, err := awaitFact(ctx, w, w.subject(), func(d events.ApprovalDecided) bool { return d.Stack == stack })
		if err != nil {
			return "", err
		}
		if err := recorded(asked, d); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d changes, risk %s, approved by %s", len(asked.Changes), asked.Risk, d.By), nil
	}
}

// ends waits for the run's one terminal fact.
func ends(outcome string) func(context.Context, *World) (string, error) {
	return func(ctx context.Context, w *World) (string, error) {
		end, err := w.finished(ctx)
		if err != nil {
			return "", err
		}
		return end.Outcome + ": " + end.Reason, expect("the outcome", end.Outcome, outcome)
	}
}

func (w *World) finished(ctx context.Context) (events.RunFinished, error) {
	return awaitFact(ctx, w, w.subject(), func(events.RunFinished) bool { return true })
}

func stacksExist(ctx context.Context, w *World) (string, error) {
	vpcs := []string{}
	for stage, account := range map[string]string{"test": testAccount, "prod": prodAccount} {
		network, err := w.describe(ctx, account, "shop-network-"+stage)
		if err != nil {
			return "", err
		}
		data, err := w.describe(ctx, account, "shop-data-"+stage)
		if err != nil {
			return "", err
		}
		vpc := network.outputs["VpcId"]
		if err := expect("parameter VpcId of shop-data-"+stage, data.parameters["VpcId"], vpc); err != nil {
			return "", err
		}
		vpcs = append(vpcs, stage+" "+vpc)
	}
	return strings.Join(vpcs, ", "), nil
}

type stackView struct{ parameters, outputs map[string]string }

// describe reads a stack that must be complete.
func (w *World) describe(ctx context.Context, account, name string) (stackView, error) {
	view := stackView{map[string]string{}, map[string]string{}}
	out, err := cloudformation.NewFromConfig(w.account(account)).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return view, err
	}
	stack := out.Stacks[0]
	if !strings.HasSuffix(string(stack.StackStatus), "_COMPLETE") {
		return view, fmt.Errorf("%s is %s", name, stack.StackStatus)
	}
	for _, p := range stack.Parameters {
		view.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, o := range stack.Outputs {
		view.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return view, nil
}
