package healing

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Groups reads the security groups of a place.
type Groups interface {
	// Rules returns the rules, ingress and egress, of the groups, or of every
	// group of the place when none is named. A group that does not exist has none.
	Rules(ctx context.Context, at Place, groups ...string) ([]events.SecurityGroupRule, error)
	// Group describes a group; ok is false when it does not exist.
	Group(ctx context.Context, at Place, id string) (g events.SecurityGroup, ok bool, err error)
	// Entries returns the CIDRs of a prefix list; ok is false when it does not
	// exist or may not be read.
	Entries(ctx context.Context, at Place, prefixList string) (cidrs []string, ok bool, err error)
}

// Changes changes the ingress rules of a place. What a change did is known by
// reading again.
type Changes interface {
	// Revoke removes ingress rules by id, all or none. That the group or one
	// of the rules is gone already is no error.
	Revoke(ctx context.Context, at Place, group string, ruleIDs []string) error
	// Modify gives ingress rules, named by RuleID, the source and description
	// that they have in rules, all or none; ids and tags stay. That the group or
	// one of the rules is gone already is no error. A kind of source that EC2
	// does not change in place is an Invalid error; that the group has an equal
	// rule is a Conflict.
	Modify(ctx context.Context, at Place, group string, rules []events.SecurityGroupRule) error
	// Authorize adds an ingress rule with its description and tags. That an
	// equal rule exists is no error.
	Authorize(ctx context.Context, at Place, rule events.SecurityGroupRule) error
}

// Reach says who could have come in through a group. It is asked after the
// group was closed, so that it never lengthens the exposure.
type Reach interface {
	Reach(ctx context.Context, at Place, group string, opened []events.SecurityGroupRule) (events.Reachability, error)
}

// Owners says who answers for rules of a group, and where to fix them.
type Owners interface {
	Owner(ctx context.Context, group events.SecurityGroup, opened []events.SecurityGroupRule, trigger events.Trigger) (events.Owner, error)
}

// Claim is what is known about an event when its handling begins.
type Claim struct {
	Done  bool     // handled completely before
	Heals []string // ids of heals that earlier attempts began
}

// Records remembers what was handled and what was healed.
type Records interface {
	// Claim notes that the handling of an event begins and returns what
	// earlier attempts left.
	Claim(ctx context.Context, eventID string) (Claim, error)
	// Finish notes that the event was handled completely.
	Finish(ctx context.Context, eventID string) error
	// Save keeps heals, and that the event began them, except those whose id is
	// kept already; it returns the kept ones, in the same order.
	Save(ctx context.Context, eventID string, heals ...Heal) (kept []Heal, err error)
	// Heal returns a kept heal; ok is false when there is none.
	Heal(ctx context.Context, id string) (h Heal, ok bool, err error)
	// Advance replaces a kept heal by its next state, unless that state was
	// reached already; it returns the kept one. The states are planned, closed,
	// and then undone or, where nothing was closed, told.
	Advance(ctx context.Context, h Heal) (kept Heal, err error)
}

// Policies gives what too open means, and for which rules not.
type Policies interface {
	// Policy returns the policy, DefaultPolicy if none is set, as it was read at
	// most maxAge ago.
	Policy(ctx context.Context, maxAge time.Duration) (Policy, error)
	// Exceptions returns the recorded exceptions of a group, expired ones too.
	Exceptions(ctx context.Context, group string) ([]Exception, error)
	// Except records exceptions.
	Except(ctx context.Context, exceptions ...Exception) error
	// Spend counts actions on the group in the hour that begins at hour and
	// returns their number so far, these included. A negative number takes back
	// what did not come about.
	Spend(ctx context.Context, group string, hour time.Time, actions int) (int, error)
}

// Publisher puts facts on the bus.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}
