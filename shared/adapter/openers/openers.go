// Package openers finds in the ledger of writes who opened a rule of a security
// group.
package openers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var _ healing.Openers = (*Client)(nil)

// Client implements healing.Openers.
type Client struct {
	ledger attribution.Ledger
	role   string
}

// New returns a client of a ledger. role is the name of the role that heals: what
// it did to a rule is no opening.
func New(ledger attribution.Ledger, role string) *Client { return &Client{ledger: ledger, role: role} }

const (
	// patience is the longest that an answer is waited for.
	patience = 2 * time.Second
	// newest is how many of the last calls about a rule are looked at.
	newest = 20
)

// opening are the calls that make a rule or give it another source.
// Source: EC2 API reference.
var opening = []string{"AuthorizeSecurityGroupIngress", "AuthorizeIngress", "ModifySecurityGroupRules"}

// Opener implements healing.Openers: the last call before that time which names
// the rule. Where that is the healer's own, the one that opened the rule since is
// not in the ledger yet, or it was an undo: then nobody is named. Nor is anybody
// for a rule that admits a prefix list: it may be the list that was opened. A call of
// the healer's own in the second of before is what closed the rule now: CloudTrail's
// times are whole seconds.
func (c *Client) Opener(ctx context.Context, at healing.Place, rule events.SecurityGroupRule, before time.Time) (events.Trigger, bool, error) {
	if rule.PrefixListID != "" {
		return events.Trigger{}, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	about := attribution.Write{Account: at.Account, Region: at.Region, EventSource: "ec2.amazonaws.com", Resources: []string{rule.RuleID}}
	writes, err := c.ledger.Writes(ctx, about.Keys(), newest)
	if err != nil {
		return events.Trigger{}, false, err
	}
	writes = slices.DeleteFunc(slices.Clone(writes), func(w attribution.Write) bool {
		return w.Account != at.Account || w.Region != at.Region || !slices.Contains(w.Resources, rule.RuleID) ||
			!slices.Contains(opening, w.EventName) || w.Time.After(before) || c.ours(w) && !w.Time.Before(before.Truncate(time.Second))
	})
	if len(writes) == 0 {
		return events.Trigger{}, false, nil
	}
	last := slices.MaxFunc(writes, func(a, b attribution.Write) int { return a.Time.Compare(b.Time) })
	if c.ours(last) {
		return events.Trigger{}, false, nil
	}
	return events.Trigger{
		EventID: last.EventID, EventName: last.EventName, Principal: last.Principal,
		SourceIP: last.SourceIP, UserAgent: last.UserAgent, Time: last.Time,
	}, true, nil
}

// ours reports whether the healing role of the account made the call.
// Source: CloudTrail user guide, "CloudTrail userIdentity element".
func (c *Client) ours(w attribution.Write) bool {
	return strings.Contains(w.Principal, ":sts::"+w.Account+":assumed-role/"+c.role+"/")
}
