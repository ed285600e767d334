package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Review is a world in which people open pull requests and push to them, others
// operate on the same stacks, and somebody stops executions.
type Review struct {
	*World
	cloud   *fake.DeploymentCloud
	files   *fake.DeploymentFiles
	forge   *fake.Forge
	reviews *fake.Reviews
	pulls   []events.PullRequestUpdated // in the order in which they were published
	kinds   map[string]string           // commit → what is in it
	refused bool                        // a call failed for good: something may be left
	stopped bool                        // an operator stopped an execution
	ends    map[string]string           // review → state that was announced
}

// reviewKinds are what a commit of a pull request holds, and how often.
var reviewKinds = []string{"change", "change", "change", "new stack", "new stack", "same", "problem", "invalid", "fork", "no stage"}

// NewReview makes a world with everything scheduled that people will do.
func NewReview(seed uint64, chaos Chaos) *Review {
	w := NewWorld(seed, chaos)
	r := &Review{
		World: w, cloud: fake.NewDeploymentCloud(w.Clock), files: &fake.DeploymentFiles{Faults: w.port}, forge: &fake.Forge{Faults: w.port},
		reviews: &fake.Reviews{Faults: w.port}, kinds: map[string]string{}, ends: map[string]string{},
	}
	r.cloud.PlanTime = []time.Duration{time.Second, 20 * time.Second, 3 * time.Minute, 20 * time.Minute}[w.rng.IntN(4)]
	r.deployed()
	r.cloud.Fault = r.fault
	service := &review.Service{
		Stacks: r.cloud.Stacks(), ChangeSets: r.cloud.ChangeSets(), Templates: r.cloud.Templates(), Reviews: r.reviews, Runs: &fake.DeploymentRuns{Faults: w.port},
		Registry: fake.Registry{"acme/shop": {Name: "acme/shop", Provider: source.GitHub, StatusSecret: "evenkeel/x"}},
		Files:    fake.ReviewFiles{DeploymentFiles: r.files}, Forge: r.forge, Publisher: w, Now: w.Clock.Now,
	}
	w.Functions["review"] = service.Handle
	w.Functions["validation"] = r.validate
	w.onFact = append(w.onFact, r.fact)
	spread := []time.Duration{time.Second, 10 * time.Minute, 2 * time.Hour}[w.rng.IntN(3)]
	for range 1 + w.rng.IntN(4) {
		w.Clock.After(w.upTo(spread), r.push)
	}
	if chaos.Force == nil {
		for range w.rng.IntN(4) {
			w.Clock.After(w.upTo(spread), r.outsider)
		}
		if w.chance(0.2) {
			w.Clock.After(w.upTo(spread+time.Minute), r.stop)
		}
	}
	return r
}

// fault fails calls to CloudFormation, and sees what must never be called.
func (r *Review) fault(call string) error {
	if strings.HasPrefix(call, "Execute") {
		r.Violate("a review called %s", call)
	}
	err := r.port(call)
	if fault.Is(err, fault.PermanentError) {
		r.refused = true
	}
	return err
}

func shopTarget(stack string) events.Target {
	return events.Target{Stage: "test", Stack: stack, StackName: "shop-" + stack + "-test", Account: "222222222222", Region: "us-east-1"}
}

// deployed brings the stack of the base branch into being.
func (r *Review) deployed() {
	to := shopTarget("network")
	r.silently(func() {
		id, _, err := r.cloud.ChangeSets().Create(context.Background(), to, deployment.ChangeSetInput{
			Name: "evenkeel-base-test", Type: "CREATE", Template: []byte(shopTemplate(0, "")),
			Tags: map[string]string{"evenkeel:repository": "acme/shop", "evenkeel:stage": "test", "evenkeel:stack": "network"},
		})
		if err != nil {
			r.Violate("%v", err)
		}
		for r.cloud.Status(to) != "CREATE_COMPLETE" {
			r.Clock.now = r.Clock.now.Add(time.Hour)
			if _, err := r.cloud.ChangeSets().Read(context.Background(), to, id); err != nil {
				r.Violate("%v", err)
			}
			if err := r.cloud.ChangeSets().Execute(context.Background(), to, id, "t", false); err != nil {
				r.Violate("%v", err)
			}
			for r.Clock.Step() {
				continue
			}
		}
	})
	r.cloud.Executed = nil
}

func shopTemplate(version int, fate string) string {
	return fmt.Sprintf("Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n    Properties: {Version: %d}\n    %s\nOutputs:\n  VpcId: {Value: {Ref: Vpc}}\n", version, fate)
}

// push adds a commit to one of two pull requests.
func (r *Review) push() {
	kind := reviewKinds[r.rng.IntN(len(reviewKinds))]
	commit := fmt.Sprintf("%08x%032x", r.rng.Uint32(), len(r.kinds))
	r.kinds[commit] = kind
	d := events.PullRequestUpdated{
		PullRequest: events.PullRequest{
			Repository: "acme/shop", Provider: "github", Number: 1 + r.rng.IntN(2), Head: commit, HeadBranch: "feature", Base: "main", Author: "dana", Fork: kind == "fork",
		},
		DeliveryID: r.id("delivery"),
	}
	if kind == "no stage" {
		d.Base = "docs"
	}
	r.pulls = append(r.pulls, d)
	r.Log("pull request #%d at %s: %s", d.Number, commit[:8], kind)
	r.publish(events.Fact{Metadata: events.Metadata{ID: r.id("pull"), Time: r.Clock.Now()}, Data: d})
}

// validate stands for the validation function.
func (r *Review) validate(_ context.Context, raw json.RawMessage) (any, error) {
	var q struct{ Release deployment.Release }
	if err := json.Unmarshal(raw, &q); err != nil {
		return nil, fault.Permanent("the request cannot be read: %w", err)
	}
	if err := r.port("Fetch"); err != nil {
		return nil, err
	}
	release, kind := q.Release, r.kinds[q.Release.Commit]
	release.SourceKey = "sources/acme/shop/" + release.Commit + ".zip"
	release.Validation.Valid, release.Validation.Files = kind != "invalid", 2
	if kind == "invalid" {
		release.Validation.Errors = 1
		return release, nil
	}
	version, fate := 1+len(release.Commit), ""
	switch kind {
	case "same":
		version = 0
	case "problem":
		fate = "Metadata: {Problem: Size is too large}"
	}
	extra := ""
	if kind == "new stack" {
		extra = "  extra: {template: network.yaml}\n  late: {template: network.yaml, dependsOn: [extra], parameters: {VpcId: {output: extra.VpcId}}}\n"
	}
	text := "version: 1\nname: shop\nstacks:\n  network: {template: network.yaml}\n" + extra +
		"stages:\n  - {name: test, branch: main, account: \"222222222222\", region: us-east-1, approval: never}\n"
	decoded, err := pipeline.Decode(pipeline.FileName, []byte(text), func(string) bool { return true })
	if err != nil {
		r.Violate("%v", err)
		return nil, err
	}
	if r.files.Objects == nil {
		r.files.Objects = map[string][]byte{}
	}
	r.files.Objects[release.SourceKey+"!network.yaml"] = []byte(shopTemplate(version, fate))
	release.Stages = decoded.For(release.Branch)
	return release, r.port("Fetch done")
}

// outsider makes the deployed stack busy for a while, or begins to plan the new
// one as a deployment does.
func (r *Review) outsider() {
	to := shopTarget("network")
	if r.rng.IntN(2) == 0 {
		r.Log("the stack is busy")
		r.cloud.Break(to, "UPDATE_IN_PROGRESS")
		r.Clock.After(r.upTo(10*time.Minute), func() { r.cloud.Break(to, "UPDATE_COMPLETE") })
		return
	}
	r.silently(func() {
		kind := "CREATE"
		if status := r.cloud.Status(shopTarget("extra")); status != "" && status != "REVIEW_IN_PROGRESS" {
			kind = "UPDATE"
		}
		name := fmt.Sprintf("evenkeel-%08x-test", r.rng.Uint32())
		id, _, err := r.cloud.ChangeSets().Create(context.Background(), shopTarget("extra"), deployment.ChangeSetInput{Name: name, Type: kind, Template: []byte(shopTemplate(1, ""))})
		r.Log("a deployment plans the new stack: %s, %v", id, err)
	})
}

// stop is an operator who stops an execution.
func (r *Review) stop() {
	for _, e := range r.Runs {
		if e.Status == interpreter.Running {
			r.stopped = true
			r.Log("stop %s", e.Name)
			e.Stop("Operator", "stopped by hand")
			return
		}
	}
}

func (r *Review) fact(f events.Fact) {
	if d, ok := f.Data.(events.PullRequestReviewed); ok {
		if len(d.Remaining) > 0 {
			r.refused = true // it said so
		}
		r.ends[d.ReviewID] = d.State
	}
}

// End checks what must hold when nothing is left to happen:
//
//   - no change set was executed, and none of a review is left, nor a stack in
//     review that no deployment plans, unless a call was refused for good;
//   - every review was announced, and the latest of each pull request as
//     something else than superseded;
//   - a pull request has one comment at most, and the commit of its latest
//     review no status that is still pending, unless an execution was stopped
//     while it announced the review: that invocation goes on.
func (r *Review) End() {
	if len(r.cloud.Executed) > 0 {
		r.Violate("executed %v", r.cloud.Executed)
	}
	open := r.cloud.OpenChangeSets()
	theirs := false
	for _, name := range open {
		if strings.Contains(name, ": evenkeel-pr-") && !r.refused {
			r.Violate("left behind: %s", name)
		}
		theirs = theirs || strings.HasPrefix(name, "shop-extra-test: ")
	}
	if r.cloud.Status(shopTarget("extra")) == "REVIEW_IN_PROGRESS" && !theirs && !r.refused {
		r.Violate("an empty stack was left behind")
	}
	if r.cloud.Status(shopTarget("extra")) == "DELETE_FAILED" {
		r.Violate("a stack that was not empty was deleted")
	}
	latest := map[int]events.PullRequestUpdated{}
	for _, d := range r.pulls {
		latest[d.Number] = d
		if r.ends[d.ReviewID(d.DeliveryID)] == "" {
			r.Violate("review %s never ended", d.ReviewID(d.DeliveryID))
		}
	}
	for number, d := range latest {
		if state := r.ends[d.ReviewID(d.DeliveryID)]; state == events.ReviewSuperseded {
			r.Violate("the latest review of #%d ended %s", number, state)
		}
		if comments := r.forge.Comments[fmt.Sprintf("acme/shop#%d", number)]; len(comments) > 1 {
			r.Violate("#%d has %d comments", number, len(comments))
		}
	}
	for number, d := range latest {
		published := r.publishedWell(d)
		comments := r.forge.Comments[fmt.Sprintf("acme/shop#%d", number)]
		if published && (len(comments) != 1 || !strings.Contains(comments[0], d.Head[:8]) || r.forge.Status(d.Head, review.StatusContext).State == review.StatusPending && !r.stopped) {
			r.Violate("#%d was published as %q with the status %+v", number, comments, r.forge.Status(d.Head, review.StatusContext))
		}
	}
}

// publishedWell reports whether the review's fact says that it was published.
func (r *Review) publishedWell(d events.PullRequestUpdated) bool {
	for _, f := range r.Facts {
		if found, ok := f.Data.(events.PullRequestReviewed); ok && found.ReviewID == d.ReviewID(d.DeliveryID) {
			return found.Problem == ""
		}
	}
	return false
}
