package fake

import (
	"context"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Create implements drift.ChangeSets. The change set holds what differs when
// it has been computed.
func (c *DriftCloud) Create(_ context.Context, ref events.StackRef, name string) (string, error) {
	s, err := c.find("Create", ref)
	if err != nil {
		return "", err
	}
	if _, ok := s.changeSets[name]; !ok {
		set := &drift.ChangeSet{Status: "CREATE_PENDING"}
		s.changeSets[name] = set
		c.Time.After(c.Planning, func() {
			set.Status, set.Changes = "CREATE_COMPLETE", append(s.changes(), s.Phantoms...)
		})
	}
	return name, c.fault("Create done", ref)
}

// Probe implements drift.ChangeSets: a row for each nested stack that was
// released anew, and none for the others.
func (c *DriftCloud) Probe(_ context.Context, ref events.StackRef, name string) (string, error) {
	s, err := c.find("Probe", ref)
	if err != nil {
		return "", err
	}
	if _, ok := s.changeSets[name]; !ok {
		set := &drift.ChangeSet{Status: "CREATE_PENDING"}
		s.changeSets[name] = set
		c.Time.After(c.Planning, func() {
			for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
				if r := s.Resources[id]; r.Type == driftNested && r.Released {
					set.Changes = append(set.Changes, drift.Change{Action: "Modify", LogicalID: id, ResourceType: r.Type, PhysicalID: r.PhysicalID, Replacement: "False"})
				}
			}
			if set.Status = "CREATE_COMPLETE"; len(set.Changes) == 0 {
				set.Status, set.Reason = "FAILED", "The submitted information didn't contain changes. Submit different information to create a change set."
			}
		})
	}
	return name, c.fault("Probe done", ref)
}

// driftNested is the type of a nested stack.
const driftNested = "AWS::CloudFormation::Stack"

// changes is what a revert would do. Each nested stack has a row, whatever
// becomes of it.
// Source: CloudFormation API reference, ResourceChangeDetail, ChangeSource.
func (s *DriftStack) changes() []drift.Change {
	var out []drift.Change
	for _, name := range slices.Sorted(maps.Keys(s.Resources)) {
		r := s.Resources[name]
		change := drift.Change{LogicalID: name, ResourceType: r.Type}
		if r.Type == driftNested {
			change.Action, change.Replacement, change.PhysicalID = "Modify", "False", r.PhysicalID
			change.Details = []drift.ChangeDetail{{Source: "Automatic", RequiresRecreation: "Never"}}
			out = append(out, change)
			continue
		}
		if r.Unsupported {
			continue
		}
		if r.Deleted {
			change.Action = "Add"
			out = append(out, change)
			continue
		}
		for _, property := range slices.Sorted(maps.Keys(r.Expected)) {
			want := driftText(r.Expected[property])
			if want != driftText(r.Actual[property]) {
				change.Details = append(change.Details, drift.ChangeDetail{
					Path: "/Properties/" + property, Type: "Modify", RequiresRecreation: "Never", After: want,
					Drift: &drift.LiveDrift{Previous: want, Actual: driftText(r.Actual[property])},
				})
			}
		}
		if len(change.Details) > 0 {
			change.Action, change.Replacement = "Modify", "False"
			out = append(out, change)
		}
	}
	return out
}

// Read implements drift.ChangeSets.
func (c *DriftCloud) Read(_ context.Context, ref events.StackRef, id string) (drift.ChangeSet, error) {
	s, err := c.find("Read", ref)
	if err != nil {
		return drift.ChangeSet{}, err
	}
	set, ok := s.changeSets[id]
	if !ok {
		return drift.ChangeSet{Status: drift.ChangeSetGone}, nil
	}
	return *set, nil
}

// Execute implements drift.ChangeSets. A repeated request token does nothing.
func (c *DriftCloud) Execute(_ context.Context, ref events.StackRef, id, requestToken string) error {
	s, err := c.find("Execute", ref)
	if err != nil {
		return err
	}
	if s.Executed[requestToken] > 0 {
		return c.fault("Execute done", ref)
	}
	if _, ok := s.changeSets[id]; !ok || s.Status == "UPDATE_IN_PROGRESS" {
		return fault.Conflict("change set %s cannot be executed now", id)
	}
	s.Last = s.changeSets[id].Changes
	delete(s.changeSets, id)
	s.Executed[requestToken]++
	s.Executed[id]++
	c.setStatus(s, "UPDATE_IN_PROGRESS", requestToken)
	c.Time.After(c.Executing, func() { c.endExecution(s, requestToken) })
	return c.fault("Execute done", ref)
}

func (c *DriftCloud) endExecution(s *DriftStack, requestToken string) {
	if s.Fails {
		c.setStatus(s, "UPDATE_ROLLBACK_COMPLETE", requestToken)
		return
	}
	for _, r := range s.Resources {
		if !r.Unsupported {
			r.Deleted = false
			r.Actual = maps.Clone(r.Expected)
		}
	}
	c.setStatus(s, "UPDATE_COMPLETE", requestToken)
}

func (c *DriftCloud) setStatus(s *DriftStack, status, requestToken string) {
	s.Status = status
	e := envelope[events.StackStatusDetail](c, s.Ref, events.StackStatusChange)
	e.Detail.StackID, e.Detail.ClientRequestToken = s.Ref.StackID, requestToken
	e.Detail.StatusDetails.Status = status
	c.emit(e.DetailType, e)
}

// Discard implements drift.ChangeSets.
func (c *DriftCloud) Discard(_ context.Context, ref events.StackRef, id string) error {
	s, err := c.find("Discard", ref)
	if err != nil {
		return err
	}
	delete(s.changeSets, id)
	return nil
}

var _ drift.ChangeSets = (*DriftCloud)(nil)
