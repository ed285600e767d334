package healing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Bounds of the work on one group.
const (
	// attempts is how often a group is planned and closed before the healer gives
	// up for now: rules may come and go between the read and the change.
	attempts = 4
	// modifies is how often a rule is narrowed before it is revoked instead. A read
	// right after a change may show what was before it (EC2 user guide, "Eventual
	// consistency in the Amazon EC2 API"), so that one is too few.
	modifies = 2
	// clockSkew is how far the clocks of two functions may be apart.
	clockSkew = time.Second
)

// closing is the work on one group.
type closing struct {
	group  events.SecurityGroup
	policy Policy // that counts for the group, with the recorded exceptions
	rules  []events.SecurityGroupRule
	read   time.Time      // when reading the rules began
	tries  map[string]int // rule id → how often it was narrowed
	number map[string]int // id of a rule's first heal → number of its next one
	hour   time.Time      // in which the action was counted
	// unknown are the rules of prefix lists that cannot be read, see Plan.
	unknown []events.Removal
}

func (t *task) closeAll(ctx context.Context, found screened) error {
	var faults []error
	for _, group := range sortedKeys(found.groups) {
		faults = append(faults, t.close(ctx, found, group))
	}
	return errors.Join(faults...)
}

// close brings one group back under the policy: plan, keep the undo records,
// narrow or revoke, read back. The read back is planned again, so that a rule
// which appeared meanwhile is closed as well.
func (t *task) close(ctx context.Context, found screened, id string) error {
	group, exists, err := t.Groups.Group(ctx, found.at, id)
	if err != nil || !exists {
		return err
	}
	group.Account, group.Region = found.at.Account, found.at.Region
	c := &closing{group: group, rules: found.groups[id], read: found.read, tries: map[string]int{}, number: map[string]int{}}
	return errors.Join(t.closeOpen(ctx, c), t.tellUnknown(ctx, c))
}

func (t *task) closeOpen(ctx context.Context, c *closing) error {
	for range attempts {
		plan, err := t.plan(ctx, c)
		if err != nil || plan.Empty() {
			return err
		}
		done, err := t.attempt(ctx, c, plan)
		if err != nil || done {
			return err
		}
	}
	if plan, err := t.plan(ctx, c); err != nil || plan.Empty() {
		return err
	}
	return fault.Transient("%s is still too open after %d attempts", c.group.GroupID, attempts)
}

// plan decides on live rules by the policy and the exceptions of the moment.
func (t *task) plan(ctx context.Context, c *closing) (Plan, error) {
	policy, err := t.Policies.Policy(ctx, actAge)
	if err != nil {
		return Plan{}, err
	}
	exceptions, err := t.Policies.Exceptions(ctx, c.group.GroupID)
	if err != nil {
		return Plan{}, err
	}
	c.policy = policy.For(c.group).With(exceptions)
	lists := t.prefixLists(ctx, c.at(), c.rules, nil, c.policy)
	plan := t.decide(ctx, c.at(), c.policy, c.rules, lists)
	c.unknown = plan.Unknown
	if plan.Empty() || c.policy.Mode != Enforce || c.policy.Remediation == Revoke {
		return plan, nil
	}
	plan.Remove = c.policy.quarantined(plan.Remove, c.rules, lists, t.Now())
	for i, r := range plan.Remove {
		if c.tries[r.Rule.RuleID] >= modifies {
			plan.Remove[i].Quarantine = ""
		}
	}
	return plan, nil
}

func (c *closing) at() Place { return Place{c.group.Account, c.group.Region} }

// attempt carries the plan out. done says that there is nothing more to do,
// because nothing may be changed.
func (t *task) attempt(ctx context.Context, c *closing, plan Plan) (done bool, err error) {
	heals, err := t.begin(ctx, c, plan)
	if err != nil {
		return false, err
	}
	if len(heals) == 0 {
		return false, t.reread(ctx, c)
	}
	if c.policy.Mode == Observe {
		return true, t.report(ctx, heals)
	}
	if stop, err := t.spend(ctx, c, heals[0].ID); err != nil {
		return false, err
	} else if stop != nil {
		return true, t.stop(ctx, c, plan.Remove, *stop)
	}
	if err := t.change(ctx, c, plan.Remove); err != nil {
		err = errors.Join(err, t.refund(ctx, c))
		if !again(err) { // nor will another attempt see that some rules may be closed
			err = errors.Join(err, t.verify(ctx, c, heals))
		}
		return false, err
	}
	return false, t.verify(ctx, c, heals)
}

// verify reads the rules back and finishes the heals of those that are closed.
func (t *task) verify(ctx context.Context, c *closing, heals []Heal) error {
	if err := t.reread(ctx, c); err != nil {
		return owed(err)
	}
	heals = slices.DeleteFunc(heals, func(h Heal) bool { return !h.gone(c.rules) })
	return owed(t.finish(ctx, c.policy, heals, c.rules))
}

// spend counts one action for the work on the group, and says so if that is
// more than the policy allows.
func (t *task) spend(ctx context.Context, c *closing, heal string) (*Stop, error) {
	if !c.hour.IsZero() {
		return nil, nil
	}
	hour := t.Now().UTC().Truncate(time.Hour)
	n, err := t.Policies.Spend(ctx, c.group.GroupID, hour, 1)
	if err != nil {
		return nil, err
	}
	if limit := c.policy.MaxActions; n > limit {
		return &Stop{Heal: heal, Actions: n, Limit: limit, Hour: hour}, nil
	}
	c.hour = hour
	return nil, nil
}

// refund takes the action back: a call that EC2 throttled or refused is none.
func (t *task) refund(ctx context.Context, c *closing) error {
	_, err := t.Policies.Spend(ctx, c.group.GroupID, c.hour, -1)
	return err
}

func (t *task) reread(ctx context.Context, c *closing) (err error) {
	c.read = t.Now()
	c.rules, err = t.Groups.Rules(ctx, c.at(), c.group.GroupID)
	return err
}

// begin keeps the record of each rule that will be closed. It returns none if
// the rules must be read again first: another attempt has closed one of them
// about when they were read.
func (t *task) begin(ctx context.Context, c *closing, plan Plan) ([]Heal, error) {
	for {
		heals := make([]Heal, len(plan.Remove))
		for i, r := range plan.Remove {
			first := healID(c.policy.Mode, c.group, r.Rule, 0)
			heals[i] = Heal{
				ID:    healID(c.policy.Mode, c.group, r.Rule, c.number[first]),
				Group: c.group, Mode: c.policy.Mode, Trigger: t.blame(r.Rule),
				Removed: []events.Removal{r}, Kept: plan.Kept, Planned: t.Now().UTC(),
			}
		}
		kept, err := t.Records.Save(ctx, t.trigger.EventID, heals...)
		if err != nil {
			return nil, err
		}
		if c.policy.Mode == Observe {
			if again, err := t.reopened(ctx, c, plan, kept); err != nil || !again {
				return kept, err
			}
			continue
		}
		again, stale := false, false
		for i, h := range kept {
			if h.Step() == StepPlanned {
				continue
			}
			n, last, err := t.next(ctx, c, plan.Remove[i].Rule, h)
			if err != nil {
				return nil, err
			}
			c.number[healID(c.policy.Mode, c.group, plan.Remove[i].Rule, 0)] = n
			again = true
			// A revoked rule never comes back under its id, a quarantined one may.
			stale = stale || last.Removed[0].Quarantine == "" || !last.Closed.Add(clockSkew).Before(c.read)
		}
		if !again {
			return kept, nil
		}
		if stale {
			return nil, nil
		}
	}
}

// reopened reports whether a rule that was told of, and that nobody closed since,
// has to be told of again: its record says that it was made or changed after it
// was last seen open. In between it may have been narrow, which nobody tells of.
// kept has the last heal of each other rule.
func (t *task) reopened(ctx context.Context, c *closing, plan Plan, kept []Heal) (again bool, err error) {
	for i, h := range kept {
		by := t.blame(plan.Remove[i].Rule)
		if anew := func(h Heal) bool {
			return !h.Told.IsZero() && by.Found == events.FoundByEvent && by.EventID != h.Trigger.EventID && by.Time.After(h.Planned)
		}; anew(h) {
			n, last, err := t.next(ctx, c, plan.Remove[i].Rule, h)
			if err != nil {
				return false, err
			}
			kept[i] = last
			if anew(last) {
				c.number[healID(c.policy.Mode, c.group, plan.Remove[i].Rule, 0)] = n
				again = true
			}
		}
	}
	return again, nil
}

// next finds the number of the heal that comes after those of the rule that
// were closed, and the last of these. They are numbered without a gap, so that
// doubling and halving finds it in a few reads.
func (t *task) next(ctx context.Context, c *closing, rule events.SecurityGroupRule, known Heal) (int, Heal, error) {
	last, low, high, doubling := known, c.number[healID(c.policy.Mode, c.group, rule, 0)], 0, true
	for step := 1; doubling || high-low > 1; {
		n := low + step
		if !doubling {
			n = (low + high) / 2
		}
		h, ok, err := t.Records.Heal(ctx, healID(c.policy.Mode, c.group, rule, n))
		switch {
		case err != nil:
			return 0, Heal{}, err
		case ok && h.Step() > StepPlanned:
			low, last, step = n, h, step*2
		default:
			high, doubling = n, false
		}
	}
	return high, last, nil
}

// change narrows and revokes. That EC2 does not narrow a rule, or that the
// address was taken meanwhile, is no error: the read back shows it.
func (t *task) change(ctx context.Context, c *closing, remove []events.Removal) error {
	var narrow []events.SecurityGroupRule
	var revoke []string
	for _, r := range remove {
		if r.Quarantine == "" {
			revoke = append(revoke, r.Rule.RuleID)
			continue
		}
		narrow = append(narrow, narrowed(r.Rule, r.Quarantine))
		c.tries[r.Rule.RuleID]++
	}
	if len(narrow) > 0 {
		err := t.Changes.Modify(ctx, c.at(), c.group.GroupID, narrow)
		switch {
		case fault.Is(err, fault.InvalidError):
			for _, r := range narrow {
				revoke = append(revoke, r.RuleID)
			}
			slices.Sort(revoke)
		case err != nil && !fault.Is(err, fault.ConflictError):
			return err
		}
	}
	if len(revoke) == 0 {
		return nil
	}
	return t.Changes.Revoke(ctx, c.at(), c.group.GroupID, revoke)
}
