package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Drift is a world of deployed stacks that drift, while scans look for it and
// outsiders change, check and remove the same stacks.
type Drift struct {
	*World
	cloud   *fake.DriftCloud
	stacks  []*fake.DriftStack
	batches bool            // scans go in batches, and revert nothing
	cursed  map[string]bool // stacks of which every call fails for good
	watch   driftWatch
}

// The policy of the Alike resource in two forms: text differs, meaning does not.
const (
	policyWritten = `{"Statement":[{"Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage"],"Resource":"*"}]}`
	policyRead    = `{"Statement":{"Resource":["*"],"Effect":"Allow","Action":["sqs:receivemessage","sqs:sendmessage"]}}`
)

// nestedStack is the type of a stack that is a resource of another one.
const nestedStack = "AWS::CloudFormation::Stack"

// NewDrift makes a world with everything scheduled that people will do. A world
// whose chaos forces a fault is orderly otherwise, so that the fault is met.
func NewDrift(seed uint64, chaos Chaos) *Drift { return newDrift(seed, chaos, false) }

// NewDriftscan makes a world whose scans go in batches, one for each region.
func NewDriftscan(seed uint64, chaos Chaos) *Drift { return newDrift(seed, chaos, true) }

func newDrift(seed uint64, chaos Chaos, batches bool) *Drift {
	force := chaos.Force
	if force != nil && strings.Contains(force.State, "/ Read") && !strings.Contains(force.State, "ReadRevert") {
		chaos.Drop = 1 // only a lost event leads there
	}
	w := NewWorld(seed, chaos)
	d := &Drift{World: w, cloud: &fake.DriftCloud{Time: w.Clock}, cursed: map[string]bool{}, batches: batches}
	d.watch = newDriftWatch(d)
	d.cloud.Detecting = []time.Duration{time.Second, 20 * time.Second, 11 * time.Minute}[w.rng.IntN(3)]
	d.cloud.Planning = []time.Duration{time.Second, 10 * time.Second, time.Minute}[w.rng.IntN(3)]
	d.cloud.Executing = []time.Duration{time.Second, time.Minute, 20 * time.Minute}[w.rng.IntN(3)]
	d.cloud.Emit = d.emit
	d.cloud.Fault = d.fault
	d.wire()
	for i := range 2 + w.rng.IntN(4) {
		d.stack(i, force != nil)
	}
	if force == nil && !batches && w.rng.IntN(2) == 0 { // the first stack is the parent of the second
		d.stacks[0].Resources["Nested"] = &fake.DriftResource{Type: nestedStack, PhysicalID: d.stacks[1].Ref.StackID, Unsupported: true, Released: w.rng.IntN(3) == 0}
	}
	for i := range 1 + w.rng.IntN(3) {
		w.Clock.After(w.upTo(time.Hour), func() { d.scan(i == 0) })
	}
	if force == nil {
		for range w.rng.IntN(6) {
			w.Clock.After(w.upTo(90*time.Minute), d.outsider)
		}
	}
	return d
}

func (d *Drift) wire() {
	tasks := &fake.DriftTasks{
		Fault: d.port,
		Answered: func(token string, output json.RawMessage, kind, cause string) bool {
			if kind != "" {
				return d.failTask(token, kind, cause)
			}
			return d.succeed(token, output)
		},
	}
	service := &drift.Service{
		Stacks: d.cloud, ChangeSets: d.cloud, Tokens: &fake.DriftTokens{Fault: d.port}, Tasks: tasks,
		Live: d.cloud, Inventory: inventory{d},
		Locks: &fake.DeploymentStackLocks{Faults: d.port, Now: d.Clock.Now, Changed: d.watch.locked},
		Files: &fake.DriftFiles{Fault: d.port}, Executions: &fake.DriftExecutions{Fault: d.port, Begin: d.batch},
		Standings: &fake.DriftStandings{Fault: d.watch.remembering}, Publisher: d.World, Now: d.Clock.Now,
	}
	d.Functions["drift"] = func(ctx context.Context, raw json.RawMessage) (any, error) {
		defer d.watch.calling(raw)()
		out, did, err := service.Handle(ctx, raw)
		d.Log("drift: %s", did)
		return out, err
	}
	d.onFact = append(d.onFact, d.watch.fact)
	d.onEnd = append(d.onEnd, d.watch.ended)
}

// inventory lists the deployed stacks, those among them that are gone too.
type inventory struct{ d *Drift }

func (i inventory) Stacks(context.Context) ([]events.StackRef, error) {
	if err := i.d.port("Inventory"); err != nil {
		return nil, err
	}
	var refs []events.StackRef
	for _, s := range i.d.stacks {
		refs = append(refs, s.Ref)
	}
	return refs, nil
}

// stack makes a stack. The first one of an orderly world has drift that can be
// reverted, the second one cannot even be looked at.
func (d *Drift) stack(i int, orderly bool) {
	name, region := fmt.Sprintf("stack-%d", i), "us-east-1"
	if d.batches {
		region = fmt.Sprintf("us-east-%d", 1+i) // one each: they are put out in this order
	}
	ref := events.StackRef{
		StackID:   fmt.Sprintf("arn:aws:cloudformation:%s:222222222222:stack/%s/%032x", region, name, i),
		StackName: name, Account: "222222222222", Region: region,
	}
	value := func(v float64) map[string]any { return map[string]any{"VisibilityTimeout": v} }
	s := d.cloud.Stack(ref, map[string]*fake.DriftResource{
		"Alike":   {Type: "AWS::IAM::ManagedPolicy", Expected: map[string]any{"PolicyDocument": policyWritten}, Actual: map[string]any{"PolicyDocument": policyWritten}},
		"Custom":  {Type: "Custom::Thing", Unsupported: true},
		"Drifted": {Type: "AWS::SQS::Queue", Expected: value(60), Actual: value(60)},
		"Other":   {Type: "AWS::SQS::Queue", Expected: value(5), Actual: value(5)},
	})
	d.stacks = append(d.stacks, s)
	if orderly && i < 2 {
		s.Resources["Drifted"].Actual = value(30)
		d.cursed[ref.StackID] = i == 1
		return
	}
	s.Resources["Other"].NoModel = d.rng.IntN(3) == 0
	if d.rng.IntN(2) == 0 { // it counts as unknown, too, when a detection fails
		delete(s.Resources, "Custom")
	}
	d.disturb(s)
	switch d.rng.IntN(12) {
	case 0:
		s.Status = "ROLLBACK_COMPLETE"
	case 1:
		d.cloud.Remove(ref)
	case 2:
		d.cursed[ref.StackID] = true
	case 3:
		s.Fails = true
	case 4:
		s.Phantoms = []drift.Change{{Action: "Modify", LogicalID: "Other", Replacement: "True", PolicyAction: "ReplaceAndDelete"}}
	case 5:
		s.Phantoms = []drift.Change{{Action: "Modify", LogicalID: "Drifted", Replacement: "False", After: `{"Arn":"{{changeSet:KNOWN_AFTER_APPLY}}"}`}}
	}
}

// disturb changes resources of a stack out of band.
func (d *Drift) disturb(s *fake.DriftStack) {
	d.watch.touched[s.Ref.StackID] = d.Clock.Now()
	for _, name := range []string{"Drifted", "Other"} {
		r := s.Resources[name]
		switch d.rng.IntN(8) {
		case 0, 1, 2:
			r.Actual = map[string]any{"VisibilityTimeout": float64(100 + d.rng.IntN(9))}
		case 3:
			r.Deleted = true
		case 4:
			r.Unreadable = "User is not authorized to perform: sqs:GetQueueAttributes"
		}
	}
	if d.rng.IntN(2) == 0 {
		s.Resources["Alike"].Actual = map[string]any{"PolicyDocument": policyRead}
	}
}

// scan starts a scan: by the schedule, or by a person who wants it reverted.
func (d *Drift) scan(revert bool) {
	input := map[string]any{"detail-type": "Scheduled Event", "detail": map[string]any{}}
	machine := "drift"
	if d.batches {
		machine, revert = "driftscan", false
	}
	switch {
	case !d.batches && (revert || d.rng.IntN(2) == 0):
		input = map[string]any{"revert": true, "requestedBy": "arn:aws:iam::111111111111:role/ops", "engine": d.engine()}
	case d.rng.IntN(2) == 0:
		input = map[string]any{"requestedBy": "arn:aws:iam::111111111111:role/ops", "engine": d.engine()}
	case d.rng.IntN(4) == 0:
		input = map[string]any{"stacks": []string{"no-such-stack"}}
	}
	raw, err := json.Marshal(input)
	if err != nil {
		d.Violate("%v", err)
		return
	}
	if e := d.Start(machine, raw); e != nil {
		d.watch.scans[e.Name] = input["revert"] == true
	}
}

// engine is auto, or CloudFormation alone: then nobody fills in what a detection
// left out.
func (d *Drift) engine() string {
	return []string{drift.EngineAuto, drift.EngineCloudFormation}[d.rng.IntN(2)]
}

// batch starts the execution of a batch, which an operator may stop.
func (d *Drift) batch(name string, input json.RawMessage) {
	e := d.StartNamed(programs()["drift"], name, input)
	if e != nil && !d.quiet && d.chaos.Force == nil && d.rng.IntN(12) == 0 {
		d.Clock.After(d.upTo(10*time.Minute), func() {
			if e.Status == interpreter.Running {
				d.Log("stop %s", e.Name)
				d.watch.counts["stopped batches"]++
				e.Stop("Operator", "stopped by hand")
			}
		})
	}
}

// outsider changes, checks or removes a stack behind our back.
func (d *Drift) outsider() {
	s := d.stacks[d.rng.IntN(len(d.stacks))]
	d.Log("outsider at %s", s.Ref.StackName)
	switch d.rng.IntN(6) {
	case 0:
		d.disturb(s)
	case 1:
		d.update(s)
	case 2:
		d.watch.touched[s.Ref.StackID] = d.Clock.Now()
		d.cloud.Remove(s.Ref)
	case 3:
		d.silently(func() { _, _ = d.cloud.StartDetection(context.Background(), s.Ref) }) // it may be busy: then not
	default:
		d.disturb(s)
	}
}

// update is somebody else's update of a stack that rests.
func (d *Drift) update(s *fake.DriftStack) {
	if s.Status != "UPDATE_COMPLETE" {
		return
	}
	s.Status = "UPDATE_IN_PROGRESS"
	d.watch.touched[s.Ref.StackID] = d.Clock.Now()
	limit := []time.Duration{time.Minute, 10 * time.Minute, 2 * time.Hour}[d.rng.IntN(3)]
	d.Clock.After(d.upTo(limit), func() {
		s.Status = "UPDATE_COMPLETE"
		d.send(events.StackStatusChange, events.Envelope[events.StackStatusDetail]{
			Version: "0", ID: d.id("outside"), DetailType: events.StackStatusChange, Source: events.SourceCloudFormation, Account: s.Ref.Account,
			Region: s.Ref.Region, Time: d.Clock.Now(), Resources: []string{s.Ref.StackID},
			Detail: events.StackStatusDetail{StackID: s.Ref.StackID, StatusDetails: events.StatusDetails{Status: "UPDATE_COMPLETE"}, ClientRequestToken: "somebody-else"},
		})
	})
}

// fault is asked around every call to CloudFormation.
func (d *Drift) fault(call string, ref events.StackRef) error {
	switch call {
	case "Execute done":
		d.watch.executed(ref)
	case "State":
		d.watch.looking(ref)
	case "StartDetection":
		d.breakOff(ref)
	}
	if d.cursed[ref.StackID] && !d.quiet {
		return fault.Permanent("%s: AccessDenied: not authorized", call)
	}
	return d.port(call)
}

// breakOff draws after how many resources the next detection of a stack fails.
func (d *Drift) breakOff(ref events.StackRef) {
	if d.chaos.Force == nil && !d.quiet && !d.cloud.Gone(ref) {
		d.watch.find(ref).Reaches = []int{0, 0, 0, 1, 2}[d.rng.IntN(5)]
	}
}

func (d *Drift) emit(detailType string, envelope any) {
	d.watch.emitted(envelope)
	if e, ok := envelope.(events.Envelope[events.StackStatusDetail]); ok && e.Detail.StatusDetails.Status == "UPDATE_COMPLETE" && !d.quiet && d.chaos.Force == nil && d.rng.IntN(8) == 0 {
		d.watch.touched[e.Detail.StackID] = d.Clock.Now()
		d.cloud.Remove(events.StackRef{StackID: e.Detail.StackID}) // gone before it can be verified
	}
	d.send(detailType, envelope)
}

func (d *Drift) send(detailType string, envelope any) {
	raw, err := json.Marshal(envelope)
	if err != nil {
		d.Violate("encode %s: %v", detailType, err)
		return
	}
	d.SendRaw(raw)
}
