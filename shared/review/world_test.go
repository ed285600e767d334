package review_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/source"
)

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	head      = "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"
	later     = "2f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"
	sourceKey = "sources/acme/shop/c.zip"

	shop = `version: 1
name: shop
stacks:
  network: {template: network.yaml}
  data: {template: data.yaml, dependsOn: [network], protect: [Guarded], parameters: {VpcId: {output: network.VpcId}}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`
	network = `Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {Size: SIZE}}
Outputs:
  VpcId: {Value: {Ref: Vpc}}
`
	data = `Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {Vpc: {Ref: VpcId}}}
`
)

var files = map[string]string{"evenkeel.yaml": shop, "network.yaml": strings.Replace(network, "SIZE", "1", 1), "data.yaml": data}

// world is a service over fakes, and the workflow walked by hand in the order
// of infra/workflow/review.asl.json.
type world struct {
	t        *testing.T
	clock    *fake.Clock
	cloud    *fake.DeploymentCloud
	files    *fake.DeploymentFiles
	facts    *fake.DeploymentFacts
	forge    *fake.Forge
	reviews  *fake.Reviews
	records  *fake.DeploymentRollouts
	runs     *fake.DeploymentRuns
	registry fake.Registry
	service  *review.Service
	visited  []string
	fail     map[string]error // action → its error, which a Catch takes
	between  func(action string)
}

func newWorld(t *testing.T) *world {
	clock := fake.NewClock(epoch)
	w := &world{
		t: t, clock: clock, cloud: fake.NewDeploymentCloud(clock), files: &fake.DeploymentFiles{Objects: map[string][]byte{}},
		facts: &fake.DeploymentFacts{}, forge: &fake.Forge{}, reviews: &fake.Reviews{}, records: &fake.DeploymentRollouts{}, runs: &fake.DeploymentRuns{}, fail: map[string]error{},
		registry: fake.Registry{"acme/shop": {Name: "acme/shop", Provider: source.GitHub, StatusSecret: "evenkeel/x"}},
	}
	w.service = &review.Service{
		Stacks: w.cloud.Stacks(), ChangeSets: w.cloud.ChangeSets(), Templates: w.cloud.Templates(), Reviews: w.reviews, Rollouts: w.records, Runs: w.runs, Registry: w.registry,
		Files: fake.ReviewFiles{DeploymentFiles: w.files}, Forge: w.forge, Publisher: w.facts, Now: clock.Now,
	}
	return w
}

// deploy brings a stack into being without reviews.
func (w *world) deploy(stack, template string, tags map[string]string) {
	w.t.Helper()
	to := target(stack)
	id, _, err := w.cloud.ChangeSets().Create(context.Background(), to, deployment.ChangeSetInput{Name: "by-hand", Type: "CREATE", Template: []byte(template), Tags: tags, Parameters: map[string]string{"VpcId": "vpc-1"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.cloud.ChangeSets().Read(context.Background(), to, id); err != nil {
		w.t.Fatal(err)
	}
	if err := w.cloud.ChangeSets().Execute(context.Background(), to, id, "t", false); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	w.cloud.Executed = nil
}

var own = map[string]string{"evenkeel:repository": "acme/shop", "evenkeel:stage": "test", "evenkeel:stack": "network"}

func target(stack string) events.Target {
	return events.Target{Stage: "test", Stack: stack, StackName: "shop-" + stack + "-test", Account: "222222222222", Region: "us-east-1"}
}

func event(commit string, n int) review.Updated {
	var e review.Updated
	e.ID = "event-" + commit
	e.Detail.Metadata = events.Metadata{ID: "updated-" + commit, Time: epoch.Add(time.Duration(n) * time.Second)}
	e.Detail.Data = events.PullRequestUpdated{
		PullRequest: events.PullRequest{Repository: "acme/shop", Provider: "github", Number: 7, Head: commit, HeadBranch: "feature", Base: "main", Author: "dana"},
		DeliveryID:  "delivery-" + commit,
	}
	return e
}

// do sends an action through Handle as the workflow does. An error becomes what
// a Catch stores.
func (w *world) do(action string, r review.Review) (review.Review, bool) {
	w.t.Helper()
	w.visited = append(w.visited, action)
	if w.between != nil {
		w.between(action)
	}
	out, err := w.handle(review.Request{Action: action, Review: r})
	if w.fail[action] != nil {
		err = w.fail[action]
	}
	if err != nil {
		r.Error = &deployment.Caught{Name: fault.Kind(err), Cause: `{"errorMessage":"` + err.Error() + `"}`}
		return r, false
	}
	return out, true
}

func (w *world) handle(q review.Request) (out review.Review, err error) {
	w.t.Helper()
	payload, err := json.Marshal(q)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.service.Handle(context.Background(), payload)
	if err != nil {
		return out, err
	}
	if payload, err = json.Marshal(answer); err != nil {
		w.t.Fatal(err)
	}
	return out, json.Unmarshal(payload, &out)
}

// validated stands for the validation function.
func (w *world) validated(r review.Review, files map[string]string) review.Review {
	w.t.Helper()
	release := r.Release
	release.SourceKey = sourceKey
	p, err := pipeline.Decode(pipeline.FileName, []byte(files["evenkeel.yaml"]), func(path string) bool { return files[path] != "" })
	if err != nil {
		w.t.Fatal(err)
	}
	release.Stages = p.For(release.Branch)
	release.Validation.Valid, release.Validation.Files = true, 2
	for path, text := range files {
		w.files.Objects[sourceKey+"!"+path] = []byte(text)
	}
	r.Validated = &review.Validated{Release: release}
	return r
}

// run walks the workflow.
func (w *world) run(e review.Updated, files map[string]string, change func(*review.Review)) review.Review {
	w.t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := w.handle(review.Request{Action: review.ActionBegin, Event: raw, Execution: "arn:" + e.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	if !r.Due {
		r, _ = w.do(review.ActionPublish, r)
		return r
	}
	r, _ = w.do(review.ActionAnnounce, r)
	r = w.validated(r, files)
	if change != nil {
		change(&r)
	}
	for range 50 {
		if r, _ = w.do(review.ActionNext, r); r.Step.Kind != review.StepPlan {
			r, _ = w.do(review.ActionPublish, r)
			return r
		}
		var ok bool
		for r, ok = w.do(review.ActionPlan, r); ok && r.Plan.Status == review.PlanPending; r, ok = w.do(review.ActionReadPlan, r) {
			w.clock.Advance(time.Duration(r.Plan.WaitSeconds) * time.Second)
		}
		r, _ = w.do(review.ActionDiscard, r)
	}
	w.t.Fatal("the review does not end")
	return r
}

func (w *world) reviewed() events.PullRequestReviewed {
	w.t.Helper()
	for i := len(w.facts.Facts) - 1; i >= 0; i-- {
		if found, ok := w.facts.Facts[i].Data.(events.PullRequestReviewed); ok {
			return found
		}
	}
	w.t.Fatal("no PullRequestReviewed")
	return events.PullRequestReviewed{}
}

// clean fails the test when a review left anything or executed something.
func (w *world) clean() {
	w.t.Helper()
	for _, open := range w.cloud.OpenChangeSets() {
		if strings.Contains(open, ": evenkeel-pr-") {
			w.t.Errorf("left behind: %v", open)
		}
	}
	for name, status := range w.cloud.StackNames() {
		if status == "REVIEW_IN_PROGRESS" {
			w.t.Errorf("the empty stack %s was left behind", name)
		}
	}
	if len(w.cloud.Executed) > 0 {
		w.t.Errorf("executed %v", w.cloud.Executed)
	}
}
