package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var (
	_ deployment.Stacks     = DeploymentStacks{}
	_ deployment.ChangeSets = DeploymentChangeSets{}
	_ deployment.Recoveries = DeploymentStacks{}
)

// DeploymentCloud is CloudFormation in memory, as far as a deployment uses it:
// stacks with literal properties, change sets, executions that end later on
// the timeline and say so by an event. What a template may contain is told at
// deploymentTemplate.
type DeploymentCloud struct {
	Timeline Timeline
	// Emit receives the status events; nil drops them.
	Emit func(events.Envelope[events.StackStatusDetail])
	// Fault may fail a call: it is asked with "Execute" before the effect and
	// with "Execute done" after it, for an answer that is lost.
	Fault func(call string) error
	// PlanTime and ResourceTime are how long a change set and one resource
	// take; zero is 1 s and 2 s.
	PlanTime, ResourceTime time.Duration
	// FailDelete is why the deletion of a stack fails; "" lets it succeed.
	FailDelete string
	// NoEcho names the parameters whose values are not shown.
	NoEcho []string
	// Alarms are the states of the alarms by name; watched ones that go to ALARM
	// roll an operation back.
	Alarms map[string]string
	// Begun lists what was begun to recover stacks, in order.
	Begun []DeploymentRecovery
	// Executed lists the change sets in the order of their execution.
	Executed []string

	stacks     map[string]*deploymentStack // by key
	deleted    map[string]*deploymentStack // by id
	changeSets map[string]*deploymentChangeSet
	operations map[string]bool // tokens of executions that ran
	count      int
}

// NewDeploymentCloud returns an empty cloud on the timeline.
func NewDeploymentCloud(timeline Timeline) *DeploymentCloud {
	return &DeploymentCloud{
		Timeline: timeline, stacks: map[string]*deploymentStack{}, deleted: map[string]*deploymentStack{},
		changeSets: map[string]*deploymentChangeSet{}, operations: map[string]bool{},
	}
}

// Stacks is the cloud as deployment.Stacks.
func (c *DeploymentCloud) Stacks() DeploymentStacks { return DeploymentStacks{c} }

// ChangeSets is the cloud as deployment.ChangeSets.
func (c *DeploymentCloud) ChangeSets() DeploymentChangeSets { return DeploymentChangeSets{c} }

// DeploymentStacks implements deployment.Stacks.
type DeploymentStacks struct{ cloud *DeploymentCloud }

// DeploymentChangeSets implements deployment.ChangeSets.
type DeploymentChangeSets struct{ cloud *DeploymentCloud }

type deploymentStack struct {
	target    events.Target
	id        string
	status    string
	reason    string
	template  deploymentTemplate
	given     deployment.ChangeSetInput // what the template was made from
	physical  map[string]string         // logical id → physical id
	outputs   map[string]string
	tags      map[string]string
	drift     []string // of its resources, as the last detection found it
	rows      []deploymentRow
	operating string // token of the operation that runs
	protected bool
	undo      *deploymentUndo                  // of the operation that failed last
	made      []deployment.Resource            // by a creation, in order
	rollback  deployment.RollbackConfiguration // stays until another one comes
}

type deploymentRow struct {
	token string
	event deployment.StackEvent
}

type deploymentChangeSet struct {
	set      deployment.ChangeSet
	name     string
	stack    *deploymentStack
	ready    time.Time // when its making ends
	template deploymentTemplate
	given    deployment.ChangeSetInput
	tags     map[string]string

	disableRollback bool
}

func stackKey(t events.Target) string { return t.Account + "/" + t.Region + "/" + t.StackName }

// Status returns the status of a stack, "" when there is none.
func (c *DeploymentCloud) Status(t events.Target) string {
	if stack := c.stacks[stackKey(t)]; stack != nil {
		return stack.status
	}
	return ""
}

// Break puts a stack into a status, as an operation from outside would.
func (c *DeploymentCloud) Break(t events.Target, status string) {
	c.stacks[stackKey(t)].status = status
}

// Operating reports whether an operation runs on the stack.
func (c *DeploymentCloud) Operating(t events.Target) bool {
	stack := c.stacks[stackKey(t)]
	return stack != nil && stack.operating != ""
}

func (c *DeploymentCloud) fail(call string) error {
	if c.Fault == nil {
		return nil
	}
	return c.Fault(call)
}

func (c *DeploymentCloud) planTime() time.Duration {
	if c.PlanTime == 0 {
		return time.Second
	}
	return c.PlanTime
}

func (c *DeploymentCloud) resourceTime() time.Duration {
	if c.ResourceTime == 0 {
		return 2 * time.Second
	}
	return c.ResourceTime
}

// Describe implements deployment.Stacks.
func (s DeploymentStacks) Describe(_ context.Context, t events.Target) (deployment.Stack, error) {
	if err := s.cloud.fail("Describe"); err != nil {
		return deployment.Stack{}, err
	}
	stack := s.cloud.stacks[stackKey(t)]
	if stack == nil {
		return deployment.Stack{}, nil
	}
	parameters := map[string]string{}
	for name, value := range stack.given.Parameters {
		if slices.Contains(s.cloud.NoEcho, name) {
			value = "****"
		}
		parameters[name] = value
	}
	return deployment.Stack{
		ID: stack.id, Status: stack.status, Reason: stack.reason, Outputs: maps.Clone(stack.outputs), Tags: maps.Clone(stack.tags),
		Drift: driftOf(stack.drift), Parameters: parameters, Capabilities: slices.Clone(stack.given.Capabilities), Protected: stack.protected,
	}, nil
}

func driftOf(resources []string) string {
	switch {
	case resources == nil:
		return "NOT_CHECKED"
	case len(resources) == 0:
		return "IN_SYNC"
	default:
		return "DRIFTED"
	}
}

// Drifts implements deployment.Stacks.
func (s DeploymentStacks) Drifts(_ context.Context, t events.Target) ([]deployment.ResourceDrift, error) {
	if err := s.cloud.fail("Drifts"); err != nil {
		return nil, err
	}
	var drifts []deployment.ResourceDrift
	for _, text := range s.cloud.stacks[stackKey(t)].drift {
		id, rest, _ := strings.Cut(text, " ")
		status, _, _ := strings.Cut(rest, " ")
		drifts = append(drifts, deployment.ResourceDrift{LogicalID: id, Status: status, Text: text})
	}
	return drifts, nil
}

// Drift is what a drift detection of a stack finds, "Queue MODIFIED" and the
// like: an empty list is none.
func (c *DeploymentCloud) Drift(t events.Target, resources ...string) {
	c.stacks[stackKey(t)].drift = append([]string{}, resources...)
}

// Tamper changes what CloudFormation answers about a change set.
func (c *DeploymentCloud) Tamper(id string, change func(set *deployment.ChangeSet, template *[]byte)) {
	set := c.changeSets[id]
	change(&set.set, &set.template.text)
}

// Events implements deployment.Stacks.
func (s DeploymentStacks) Events(_ context.Context, t events.Target, stackID, token string) ([]deployment.StackEvent, error) {
	if err := s.cloud.fail("Events"); err != nil {
		return nil, err
	}
	stack := s.cloud.stacks[stackKey(t)]
	if stack == nil || stack.id != stackID {
		stack = s.cloud.deleted[stackID]
	}
	var rows []deployment.StackEvent
	if stack != nil {
		for _, row := range stack.rows {
			if row.token == token {
				rows = append(rows, row.event)
			}
		}
	}
	return rows, nil
}

// Create implements deployment.ChangeSets. A change set of the same name is
// found again.
func (s DeploymentChangeSets) Create(_ context.Context, t events.Target, in deployment.ChangeSetInput) (string, string, error) {
	c := s.cloud
	if err := c.fail("Create"); err != nil {
		return "", "", err
	}
	for _, set := range c.sorted() {
		if stackKey(set.stack.target) == stackKey(t) && set.name == in.Name && set.set.Status != "DELETE_COMPLETE" {
			return set.set.ID, set.stack.id, nil
		}
	}
	stack := c.stacks[stackKey(t)]
	in.Parameters = maps.Clone(in.Parameters)
	for _, name := range in.Previous {
		if stack == nil || stack.given.Parameters[name] == "" {
			return "", "", fault.Invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", name)
		}
		in.Parameters[name] = stack.given.Parameters[name]
	}
	template, err := parseDeploymentTemplate(in.Template, in.Parameters)
	if err != nil {
		return "", "", err
	}
	if exists := stack != nil && stack.status != "REVIEW_IN_PROGRESS"; exists == (in.Type == "CREATE") {
		return "", "", fault.Invalid("change set type %s does not fit the stack %s", in.Type, t.StackName)
	}
	c.count++
	if stack == nil {
		stack = &deploymentStack{
			target: t, physical: map[string]string{}, status: "REVIEW_IN_PROGRESS",
			id: fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%08d", t.Region, t.Account, t.StackName, c.count),
		}
		c.stacks[stackKey(t)] = stack
	}
	set := &deploymentChangeSet{name: in.Name, stack: stack, template: template, given: in, tags: in.Tags, ready: c.Timeline.Now().Add(c.planTime())}
	set.set = deployment.ChangeSet{
		ID:      fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%08d", t.Region, t.Account, in.Name, c.count),
		StackID: stack.id, Status: "CREATE_IN_PROGRESS", ExecutionStatus: "UNAVAILABLE",
		Parameters: maps.Clone(in.Parameters), Capabilities: slices.Clone(in.Capabilities), Rollback: watchedBy(in.Rollback),
	}
	c.changeSets[set.set.ID] = set
	return set.set.ID, stack.id, c.fail("Create done")
}

// Read implements deployment.ChangeSets.
func (s DeploymentChangeSets) Read(_ context.Context, _ events.Target, id string) (deployment.ChangeSet, error) {
	if err := s.cloud.fail("Read"); err != nil {
		return deployment.ChangeSet{}, err
	}
	set := s.cloud.changeSets[id]
	if set == nil {
		return deployment.ChangeSet{ID: id, Status: "DELETE_COMPLETE"}, nil
	}
	if set.set.Status == "CREATE_IN_PROGRESS" && !s.cloud.Timeline.Now().Before(set.ready) {
		set.plan()
	}
	return set.set, nil
}

// Delete implements deployment.ChangeSets.
func (s DeploymentChangeSets) Delete(_ context.Context, _ events.Target, id string) error {
	if err := s.cloud.fail("DeleteChangeSet"); err != nil {
		return err
	}
	delete(s.cloud.changeSets, id)
	return s.cloud.fail("DeleteChangeSet done")
}

// Problems implements deployment.ChangeSets.
func (s DeploymentChangeSets) Problems(_ context.Context, _ events.Target, id string) ([]string, error) {
	if err := s.cloud.fail("Problems"); err != nil {
		return nil, err
	}
	if set := s.cloud.changeSets[id]; set != nil {
		return set.template.problems, nil
	}
	return nil, nil
}

// Execute implements deployment.ChangeSets. Executing again with the same token
// does nothing.
func (s DeploymentChangeSets) Execute(_ context.Context, _ events.Target, id, token string, disableRollback bool) error {
	c := s.cloud
	if err := c.fail("Execute"); err != nil {
		return err
	}
	set := c.changeSets[id]
	switch {
	case set == nil:
		return fault.Permanent("ChangeSetNotFound: %s", id)
	case c.operations[set.stack.id+token]:
		return c.fail("Execute done")
	case set.set.ExecutionStatus != "AVAILABLE" || set.stack.operating != "":
		return fault.Conflict("InvalidChangeSetStatus: %s is %s", id, set.set.ExecutionStatus)
	}
	c.operations[set.stack.id+token] = true
	c.Executed = append(c.Executed, id)
	set.disableRollback = disableRollback
	c.run(set, token)
	return c.fail("Execute done")
}

func (c *DeploymentCloud) sorted() []*deploymentChangeSet {
	var list []*deploymentChangeSet
	for _, id := range slices.Sorted(maps.Keys(c.changeSets)) {
		list = append(list, c.changeSets[id])
	}
	return list
}

// set changes the stack's status, writes the row and sends the event.
func (c *DeploymentCloud) set(stack *deploymentStack, token, status, reason string) {
	stack.status, stack.reason = status, reason
	c.row(stack, token, deployment.StackEvent{
		LogicalID: stack.target.StackName, PhysicalID: stack.id, Type: "AWS::CloudFormation::Stack", Status: status, Reason: reason,
	})
	if c.Emit == nil {
		return
	}
	c.count++
	c.Emit(events.Envelope[events.StackStatusDetail]{
		Version: "0", ID: fmt.Sprintf("event-%08d", c.count), DetailType: events.StackStatusChange, Source: events.SourceCloudFormation,
		Account: stack.target.Account, Region: stack.target.Region, Time: c.Timeline.Now(), Resources: []string{stack.id},
		Detail: events.StackStatusDetail{
			StackID: stack.id, ClientRequestToken: token, StatusDetails: events.StatusDetails{Status: status, StatusReason: reason},
		},
	})
}

func (c *DeploymentCloud) row(stack *deploymentStack, token string, event deployment.StackEvent) {
	event.Time = c.Timeline.Now()
	stack.rows = append(stack.rows, deploymentRow{token, event})
}

// Retag gives a stack other tags, as somebody else would.
func (c *DeploymentCloud) Retag(t events.Target, tags map[string]string) {
	c.stacks[stackKey(t)].tags = tags
}
