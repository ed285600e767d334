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
)

// Pipeline is a world in which people push to repositories, decide on plans,
// stop executions and repair stacks.
type Pipeline struct {
	*World
	cloud     *fake.DeploymentCloud
	locks     *fake.DeploymentLocks
	stacks    *fake.DeploymentStackLocks
	approvals *fake.DeploymentApprovals
	files     *fake.DeploymentFiles
	approver  *deployment.Approver
	commits   map[string]*commit // by id
	versions  map[string]int     // repository → of its templates
	watch     watch
	service   *deployment.Service
	alarms    *fake.VerificationAlarms // that deployments are watched with
	stopped   bool                     // an operator stopped an execution
	people    int                      // recoveries that a person began
	windows   bool                     // commits say when prod is open
	rolls     bool                     // commits have a stack with a rollout
	rollouts  *rollouts
}

// commit is what somebody pushed.
type commit struct {
	repository, branch, id string
	kind                   string
	version                int
	windows                bool   // prod is closed at times
	rolls                  bool   // one of its stacks has a rollout
	timeout                string // of approvals in prod
	interval               string // of the checks
	files                  map[string][]byte
}

var repositories = []string{"acme/shop", "acme/blog"}

// The kinds of commits, and how often each is pushed.
var commitKinds = []string{
	"change", "change", "change", "change", "change", "change", "change", "change", "same", "same", "fail", "fail", "fail both", "stuck", shaky, leftFailed, leftShaky, retained, alarmed, noAlarm, "problem", "unknown key",
	"invalid", "shrink", "blocked", "no stage", brokenTest, brokenProd, brokenProd, brokenTests, brokenStage, brokenStage, brokenSide,
	"app", "app", "app fails",
}

// NewPipeline makes a world with everything scheduled that people will do.
func NewPipeline(seed uint64, chaos Chaos) *Pipeline {
	w := NewWorld(seed, chaos)
	p := &Pipeline{
		World: w, cloud: fake.NewDeploymentCloud(w.Clock), locks: &fake.DeploymentLocks{Faults: w.port},
		stacks:    &fake.DeploymentStackLocks{Faults: w.port, Now: w.Clock.Now},
		approvals: &fake.DeploymentApprovals{Faults: w.port}, files: &fake.DeploymentFiles{Faults: w.port},
		commits: map[string]*commit{}, versions: map[string]int{},
	}
	p.watch = newWatch(p)
	p.cloud.PlanTime = []time.Duration{time.Second, 20 * time.Second, 3 * time.Minute}[w.rng.IntN(3)]
	p.cloud.ResourceTime = []time.Duration{2 * time.Second, 90 * time.Second, 11 * time.Minute, 25 * time.Minute}[w.rng.IntN(4)]
	p.cloud.Fault = func(call string) error {
		p.watch.called(call)
		return w.port(call)
	}
	p.cloud.Emit = p.emit
	p.stacks.Changed = p.watch.locked
	p.alarms = &fake.VerificationAlarms{Faults: w.port, State: map[string]string{}}
	p.cloud.Alarms = p.alarms.State
	p.rollouts = newRollouts(p)
	p.wire()
	p.rolls = chaos.Force == nil && w.rng.IntN(3) == 0 || chaos.Force != nil && strings.Contains(chaos.Force.State, "RollOut")
	p.windows = chaos.Force == nil && w.rng.IntN(4) == 0 || chaos.Force != nil && chaos.Force.State == "StandAside"
	spread := []time.Duration{time.Second, 10 * time.Minute, 90 * time.Minute}[w.rng.IntN(3)]
	if p.rolls && w.rng.IntN(2) == 0 { // so that a rollout ends before the next push
		spread = 24 * time.Hour
	}
	pushes := 2 + w.rng.IntN(5)
	if p.rolls && chaos.Force == nil {
		pushes = 5 + w.rng.IntN(3)
	}
	if chaos == crowded() {
		spread, pushes = time.Second, 6
	}
	for range pushes {
		w.Clock.After(w.upTo(spread), p.push)
	}
	if w.chance(0.15) {
		w.Clock.After(w.upTo(2*time.Hour), p.stop)
	}
	return p
}

func (p *Pipeline) wire() {
	tasks := &fake.DeploymentTasks{Faults: p.port, Succeeded: p.succeed, Failed: p.failTask}
	service := &deployment.Service{
		Stacks: p.cloud.Stacks(), ChangeSets: p.cloud.ChangeSets(), Templates: p.cloud.Templates(), Recoveries: p.cloud.Stacks(), Alarms: p.alarms, Locks: p.locks, StackLocks: p.stacks,
		Runs:      &fake.DeploymentRuns{Faults: p.port},
		Approvals: p.approvals, Tokens: &fake.DeploymentTokens{Faults: p.port}, Registry: &fake.DeploymentRegistry{Faults: p.port},
		Rollouts: p.rollouts.records,
		Tasks:    tasks, Files: p.files, Publisher: p.World, Verifier: newChecks(p).verifier(), Now: p.Clock.Now,
	}
	p.approver = &deployment.Approver{Approvals: p.approvals, Runs: service.Runs, Tasks: tasks, Publisher: p.World, Now: p.Clock.Now}
	p.service = service
	p.wireBuilds(service)
	p.Functions["deployment"] = service.Handle
	p.Functions["validation"] = p.validate
	p.Functions["rollout"] = p.rollouts.handle
	p.onFact = append(p.onFact, p.watch.fact, p.person)
	p.onEnd = append(p.onEnd, p.watch.ended)
}

// push makes a commit and announces it.
func (p *Pipeline) push() {
	c := &commit{repository: repositories[p.rng.IntN(len(repositories))], branch: "main", kind: commitKinds[p.rng.IntN(len(commitKinds))]}
	if p.chaos.Force != nil && (p.rng.IntN(3) > 0 || p.chaos.Force.State == "VerifyStage") {
		c.kind = "change" // so that the state that is forced to fail is reached
	}
	if p.rolls && p.chaos.Force == nil {
		c.kind, c.repository = p.rollouts.kind(c.kind), "acme/blog" // whose plans seldom need a person
	}
	if p.rng.IntN(5) == 0 {
		c.branch = "develop"
	}
	if p.forcesBuild() {
		c.kind = "app"
	}
	if c.kind == "no stage" {
		c.branch = "feature"
	}
	if c.kind != "same" || p.versions[c.repository] == 0 {
		p.versions[c.repository]++
	}
	c.version = p.versions[c.repository]
	c.id = fmt.Sprintf("%08x%032x", p.rng.Uint32(), len(p.commits))
	c.rolls = p.rolls
	c.windows, c.timeout = p.windows, approvalTimeouts[p.rng.IntN(len(approvalTimeouts))]
	c.interval = []string{"10s", "30s", "1m", "5m"}[p.rng.IntN(4)]
	c.write()
	p.ring(c)
	p.commits[c.id] = c
	p.Log("push %s %s to %s: %s, version %d", c.id[:8], c.repository, c.branch, c.kind, c.version)
	p.publish(events.Fact{
		Metadata: events.Metadata{ID: p.id("push"), Time: p.Clock.Now()},
		Data: events.GitPushed{
			Repository: c.repository, Provider: "github", CloneURL: "https://git.example/" + c.repository, Branch: c.branch,
			Commit: c.id, Actor: author, DeliveryID: p.id("delivery"),
		},
	})
}

// write makes the commit's files. Each stack has the version as an output, so
// that an invariant can see what is deployed.
func (c *commit) write() {
	name := c.repository[len("acme/"):]
	key, network := "", "template: templates/network.yaml"
	if built(c.kind) {
		key, network = "build: {commands: [make]}\n", `artifact: "${stage}"`
	}
	if c.kind == "unknown key" {
		key = "stagess: []\n"
	}
	approval := map[string]string{"shop": "always", "blog": "on-risk"}[name]
	windows, timeout := "", ""
	if c.timeout != "" {
		timeout = ", approvalTimeout: " + c.timeout
	}
	if c.windows {
		windows = `, windows: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "10:30"}], freezes: [{from: 2026-03-03, to: 2026-03-03}]`
	}
	more, retain := "", ""
	switch c.kind {
	case leftFailed, leftShaky:
		more = ", disableRollback: true"
	case noAlarm:
		more = ", alarms: [no-such-alarm]"
	case retained:
		retain = "    DeletionPolicy: Retain\n"
	}
	if c.kind != noAlarm && c.version%2 == 0 { // and the others must clear them
		more += ", bake: 3m, alarms: [" + alarmOf(c.repository) + "]"
	}
	fate := map[string]string{
		"fail":      `Metadata: {Fail: Quota exceeded}`,
		"fail both": `Metadata: {Fail: Quota exceeded}`,
		"stuck":     `Metadata: {Fail: Quota exceeded, FailRollback: Cannot delete}`,
		shaky:       `Metadata: {Fail: Quota exceeded, FailRollback: Cannot delete, RollbackTries: 1}`,
		leftFailed:  `Metadata: {Fail: Quota exceeded}`,
		leftShaky:   `Metadata: {Fail: Quota exceeded, FailRollback: Cannot delete, RollbackTries: 2}`,
		retained:    `Metadata: {Fail: Quota exceeded}`,
		"problem":   `Metadata: {Problem: Value of property Size is not valid}`,
	}[c.kind]
	queue := fmt.Sprintf("  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {Version: %d}\n    %s\n", c.version, fate)
	table := "[]"
	if c.kind == "shrink" {
		queue, table = "", "[Version]"
	}
	site := ""
	if c.kind == "fail both" {
		site = fate
	}
	guarded := "  Guarded:\n    Type: AWS::SNS::Topic\n"
	if c.kind == "blocked" {
		guarded = ""
	}
	c.files = map[string][]byte{
		pipeline.FileName: fmt.Appendf(nil, `version: 1
%[1]sname: %[2]s
stacks:
  network: {%[6]s}
  site: {template: templates/site.yaml, dependsOn: [network], verify: [{alarm: {names: ["%[2]s/site/${output.Version}"]}, interval: %[5]s}]}
  data:
    template: templates/data.yaml
    dependsOn: [network]
    protect: [Guarded]
    parameters: {VpcId: {output: network.VpcId}}
    verify: [build: {project: "%[2]s/${output.Version}"}]
%[9]sstages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never%[7]s}
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: %[3]s%[8]s%[4]s%[7]s, verify: [{alarm: {names: ["%[2]s/all/${output.network.Version}"]}, interval: %[5]s}, {build: {project: "%[2]s/${output.network.Version}"}}]}
  - {name: dev, branch: develop, account: "222222222222", region: us-east-1, approval: never%[7]s}
`, key, name, approval, windows, c.interval, network, more, timeout, c.written()),
		"templates/api.yaml": c.apiTemplate(),
		"templates/network.yaml": fmt.Appendf(nil, `Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {Version: %d}
Outputs:
  VpcId: {Value: {Ref: Vpc}}
  Version: {Value: "%d"}
`, c.version, c.version),
		"templates/site.yaml": fmt.Appendf(nil, `Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {Version: %d}
    %s
Outputs:
  Version: {Value: "%d"}
`, c.version, site, c.version),
		"templates/data.yaml": fmt.Appendf(nil, `Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {Version: %d, Vpc: {Ref: VpcId}}
    Metadata: {Replace: %s}
%s%s%sOutputs:
  Version: {Value: "%d"}
`, c.version, table, retain, queue, guarded, c.version),
	}
}

// validate stands for the validation function: it keeps the source and reads
// evenkeel.yaml.
func (p *Pipeline) validate(_ context.Context, raw json.RawMessage) (any, error) {
	var q struct {
		Action  string
		Release deployment.Release
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return nil, fault.Permanent("the request cannot be read: %w", err)
	}
	if err := p.port("Fetch"); err != nil {
		return nil, err
	}
	if q.Action == "fetch" {
		return p.fetch(q.Release)
	}
	r, c := q.Release, p.commits[q.Release.Commit]
	r.SourceKey = "sources/" + r.Repository + "/" + r.Commit + ".zip"
	if p.files.Objects == nil {
		p.files.Objects = map[string][]byte{}
	}
	for path, data := range c.files {
		p.files.Objects[r.SourceKey+"!"+path] = data
	}
	r.Validation = deployment.Validation{Valid: true, Validated: events.Validated{Files: 2, Findings: []events.Finding{}}}
	decoded, err := c.decode()
	if err != nil || c.kind == "invalid" {
		r.Validation.Valid, r.Validation.Errors = false, 1
		r.Validation.Findings = []events.Finding{{File: "f", Line: 1, Column: 1, Rule: "R", Severity: "error", Message: fmt.Sprint(err)}}
		return r, p.port("Fetch done")
	}
	if r.Stages, err = p.resolved(r, decoded); err != nil {
		return nil, err
	}
	return r, p.port("Fetch done")
}

func (p *Pipeline) emit(e events.Envelope[events.StackStatusDetail]) {
	p.watch.status(e)
	raw, err := json.Marshal(e)
	if err != nil {
		p.Violate("%v", err)
		return
	}
	p.SendRaw(raw)
}

// person decides on plans, sometimes late, sometimes twice, sometimes never;
// and repairs a stack that is stuck.
func (p *Pipeline) person(f events.Fact) {
	switch data := f.Data.(type) {
	case events.ApprovalRequested:
		if p.chaos.Force == nil && p.rng.IntN(4) == 0 {
			p.Clock.After(p.upTo(time.Hour), func() { p.scan(data.Target) })
		}
		if p.watch.first(f) && p.rng.IntN(10) > 0 {
			p.decide(data, "alice", p.rng.IntN(4) > 0 || p.rolls)
			if p.rng.IntN(3) == 0 {
				p.decide(data, author, true)
			}
			if p.rng.IntN(5) == 0 {
				p.decide(data, "bob", p.rng.IntN(2) == 0)
			}
		}
	case events.RunFinished:
		if data.Outcome == events.OutcomeStuck && p.watch.first(f) {
			p.Clock.After(p.upTo(time.Hour), p.recover)
		}
	}
}

func (p *Pipeline) decide(plan events.ApprovalRequested, by string, approve bool) {
	limit := []time.Duration{5 * time.Minute, 3 * time.Hour, 30 * time.Hour}[p.rng.IntN(3)]
	tries := 0
	var try func()
	try = func() {
		_, err := p.approver.Decide(context.Background(), deployment.Verdict{
			RunID: plan.RunID, Stage: plan.Stage, Stack: plan.Stack, Approve: approve, Digest: plan.Digest, By: principal(by), Comment: "because",
		})
		p.Log("%s decides %v on %s %s/%s: %v", by, approve, plan.RunID, plan.Stage, plan.Stack, err)
		if tries++; tries < 5 && err != nil && !fault.Is(err, fault.ConflictError) && !fault.Is(err, fault.InvalidError) {
			p.Clock.After(time.Minute, try)
		}
	}
	p.Clock.After(p.upTo(limit), try)
}

// stop is an operator who stops an execution.
func (p *Pipeline) stop() {
	for _, e := range p.Runs {
		if e.Status == interpreter.Running {
			p.stopped = true
			p.Log("stop %s", e.Name)
			e.Stop("Operator", "stopped by hand")
			return
		}
	}
}
