package fake

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// deploymentUndo is what a failed operation has to be undone by.
type deploymentUndo struct {
	verb     string // ROLLBACK, UPDATE_ROLLBACK
	resource string // that failed; "" for an alarm
	reason   string
	fails    string // why undoing fails
	tries    int    // how often it does; 0 is always
}

// DeploymentRecovery is an operation that was begun to recover a stack.
type DeploymentRecovery struct {
	Call    string // RollbackStack, ContinueUpdateRollback, DeleteStack
	Target  events.Target
	StackID string
	Token   string
	Skip    []string
	Busy    bool     // another operation was under way
	Left    []string // resources that existed when the stack was deleted
}

func (c *DeploymentCloud) begun(call string, stack *deploymentStack, token string, skip []string) {
	did := DeploymentRecovery{Call: call, Target: stack.target, StackID: stack.id, Token: token, Skip: skip, Busy: stack.operating != ""}
	for _, made := range stack.made {
		if made.Status != "DELETE_COMPLETE" {
			did.Left = append(did.Left, made.LogicalID)
		}
	}
	c.Begun = append(c.Begun, did)
}

// Protect gives a stack termination protection.
func (c *DeploymentCloud) Protect(t events.Target) { c.stacks[stackKey(t)].protected = true }

// Watched returns the stack's rollback configuration.
func (c *DeploymentCloud) Watched(t events.Target) deployment.RollbackConfiguration {
	return c.stacks[stackKey(t)].rollback
}

func (s *deploymentStack) make(change deployment.Change, resource deploymentResource) {
	made := deployment.Resource{
		LogicalID: change.LogicalID, PhysicalID: strings.ToLower(s.target.StackName + "-" + change.LogicalID), Type: change.Type, Status: "CREATE_COMPLETE",
	}
	switch {
	case resource.DeletionPolicy == "Retain":
		made.Reason = "Retain"
	case resource.Metadata.FailDelete != "":
		made.Reason = resource.Metadata.FailDelete
	}
	s.made = append(s.made, made)
}

// breach says why a watched alarm ends an operation.
func (c *DeploymentCloud) breach(stack *deploymentStack) string {
	for _, trigger := range stack.rollback.Triggers {
		switch state, known := c.Alarms[pipeline.AlarmName(trigger.ARN)]; {
		case !known:
			return "Rollback trigger(s) [" + trigger.ARN + "] not found."
		case state == "ALARM":
			return "Rollback trigger(s) [" + trigger.ARN + "] went to ALARM state."
		}
	}
	return ""
}

// bake watches the alarms for some minutes, and then completes the operation.
func (c *DeploymentCloud) bake(set *deploymentChangeSet, token, verb, undo string, minutes int) {
	if why := c.breach(set.stack); why != "" {
		c.failed(set, token, undo, deploymentUndo{reason: why})
		return
	}
	if minutes == 0 {
		c.Timeline.After(time.Millisecond, func() { c.complete(set, token, verb) })
		return
	}
	c.Timeline.After(time.Minute, func() { c.bake(set, token, verb, undo, minutes-1) })
}

// failed rolls back, or leaves the stack as it failed.
func (c *DeploymentCloud) failed(set *deploymentChangeSet, token, verb string, undo deploymentUndo) {
	stack := set.stack
	undo.verb = verb
	stack.undo = &undo
	set.set.ExecutionStatus = "EXECUTE_FAILED"
	if set.disableRollback {
		stack.operating = ""
		c.set(stack, token, map[string]string{"ROLLBACK": "CREATE_FAILED", "UPDATE_ROLLBACK": "UPDATE_FAILED"}[verb], undo.reason)
		return
	}
	c.rollBack(stack, token, undo.reason, nil)
}

// rollBack undoes what failed. skip names resources that are taken as restored.
func (c *DeploymentCloud) rollBack(stack *deploymentStack, token, reason string, skip []string) {
	undo := stack.undo
	stack.operating = token
	c.set(stack, token, undo.verb+"_IN_PROGRESS", reason)
	c.Timeline.After(c.resourceTime(), func() {
		stack.operating = ""
		why := undo.fails
		fails := why != "" && !slices.Contains(skip, undo.resource)
		if undo.tries > 0 && fails {
			if undo.tries--; undo.tries == 0 {
				undo.fails = ""
			}
		}
		if undo.verb == "ROLLBACK" {
			fails = !c.clear(stack, token, nil) || fails
		} else if fails {
			c.row(stack, token, deployment.StackEvent{LogicalID: undo.resource, Type: "AWS::Test::Resource", Status: "UPDATE_FAILED", Reason: why + "."})
		}
		if fails {
			c.set(stack, token, undo.verb+"_FAILED", "The following resource(s) failed to be undone.")
			return
		}
		stack.undo = nil
		c.set(stack, token, undo.verb+"_COMPLETE", "")
	})
}

// clear deletes what a creation made, and reports whether all of it is gone or
// left behind on purpose.
func (c *DeploymentCloud) clear(stack *deploymentStack, token string, retain []string) bool {
	all := true
	for i := range slices.Backward(stack.made) {
		made := &stack.made[i]
		switch {
		case made.Status == "DELETE_COMPLETE" || made.Status == "DELETE_SKIPPED":
			continue
		case made.Reason == "Retain" || slices.Contains(retain, made.LogicalID):
			made.Status = "DELETE_SKIPPED"
		case made.Reason != "":
			made.Status, all = "DELETE_FAILED", false
		default:
			made.Status = "DELETE_COMPLETE"
		}
		c.row(stack, token, deployment.StackEvent{LogicalID: made.LogicalID, PhysicalID: made.PhysicalID, Type: made.Type, Status: made.Status, Reason: made.Reason})
	}
	return all
}

// Resources implements deployment.Recoveries.
func (s DeploymentStacks) Resources(_ context.Context, t events.Target, _ string) ([]deployment.Resource, error) {
	if err := s.cloud.fail("Resources"); err != nil {
		return nil, err
	}
	stack := s.cloud.stacks[stackKey(t)]
	if stack == nil {
		return nil, fault.Invalid("Stack with id %s does not exist", t.StackName)
	}
	list := slices.Clone(stack.made)
	slices.SortFunc(list, func(a, b deployment.Resource) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return list, nil
}

// begin begins an operation from one of the statuses. The same token again does
// nothing.
func (s DeploymentStacks) begin(call string, t events.Target, token string, skip, from []string, do func(*deploymentStack) error) error {
	c := s.cloud
	if err := c.fail(call); err != nil {
		return err
	}
	stack := c.stacks[stackKey(t)]
	switch {
	case stack == nil:
		return fault.Invalid("Stack with id %s does not exist", t.StackName)
	case c.operations[stack.id+token]:
		return c.fail(call + " done")
	case !slices.Contains(from, stack.status):
		return fault.Conflict("Stack:%s is in %s state and can not do %s", stack.id, stack.status, call)
	}
	c.begun(call, stack, token, skip)
	if err := do(stack); err != nil {
		return err
	}
	c.operations[stack.id+token] = true
	return c.fail(call + " done")
}

// Rollback implements deployment.Recoveries.
func (s DeploymentStacks) Rollback(_ context.Context, t events.Target, token string) error {
	return s.begin("RollbackStack", t, token, nil, []string{"CREATE_FAILED", "UPDATE_FAILED"}, func(stack *deploymentStack) error {
		if stack.undo == nil {
			stack.undo = &deploymentUndo{verb: map[string]string{"CREATE_FAILED": "ROLLBACK", "UPDATE_FAILED": "UPDATE_ROLLBACK"}[stack.status]}
		}
		s.cloud.rollBack(stack, token, "User Initiated", nil)
		return nil
	})
}

// Continue implements deployment.Recoveries.
func (s DeploymentStacks) Continue(_ context.Context, t events.Target, token string, skip []string) error {
	return s.begin("ContinueUpdateRollback", t, token, skip, []string{"UPDATE_ROLLBACK_FAILED"}, func(stack *deploymentStack) error {
		if stack.undo == nil {
			stack.undo = &deploymentUndo{verb: "UPDATE_ROLLBACK"}
		}
		for _, id := range skip {
			if id != stack.undo.resource {
				return fault.Invalid("Resource [%s] is not in UPDATE_FAILED and cannot be skipped", id)
			}
		}
		s.cloud.rollBack(stack, token, "User Initiated", skip)
		return nil
	})
}

// Delete implements deployment.Recoveries. The stack is gone after the time of
// one resource. Deleting one that is being deleted does nothing.
func (s DeploymentStacks) Delete(_ context.Context, t events.Target, token string, retain []string) error {
	c := s.cloud
	if err := c.fail("DeleteStack"); err != nil {
		return err
	}
	key := stackKey(t)
	stack := c.stacks[key]
	switch {
	case stack == nil || stack.status == "DELETE_IN_PROGRESS":
		return c.fail("DeleteStack done")
	case stack.protected:
		return fault.Invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", t.StackName)
	case len(retain) > 0 && stack.status != "DELETE_FAILED":
		return fault.Invalid("RetainResources is only for a stack in DELETE_FAILED")
	}
	c.begun("DeleteStack", stack, token, retain)
	stack.operating = token
	c.set(stack, token, "DELETE_IN_PROGRESS", "User Initiated")
	c.Timeline.After(c.resourceTime(), func() {
		stack.operating = ""
		if !c.clear(stack, token, retain) || c.FailDelete != "" {
			c.set(stack, token, "DELETE_FAILED", c.FailDelete)
			return
		}
		delete(c.stacks, key)
		c.deleted[stack.id] = stack
		c.set(stack, token, "DELETE_COMPLETE", "")
	})
	return c.fail("DeleteStack done")
}

// watchedBy is how a change set shows what it was given.
func watchedBy(c deployment.RollbackConfiguration) *changeset.Rollback {
	if c.Minutes == 0 && len(c.Triggers) == 0 {
		return nil
	}
	shown := &changeset.Rollback{MonitoringMinutes: c.Minutes}
	for _, trigger := range c.Triggers {
		shown.Alarms = append(shown.Alarms, trigger.ARN)
	}
	slices.Sort(shown.Alarms)
	return shown
}
