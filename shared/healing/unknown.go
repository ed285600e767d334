package healing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// unknown finds the rules that admit to protected ports a prefix list which is
// not in lists. Anybody may be in it.
func (c *chooser) unknown(rules []events.SecurityGroupRule, lists map[string][]string, now time.Time) []events.Removal {
	var found []events.Removal
	for _, r := range rules {
		if _, known := lists[r.PrefixListID]; r.PrefixListID == "" || known || r.Egress || c.policy.excepts(r, now) {
			continue
		}
		anybody, _ := c.measure(r.RuleID, "0.0.0.0/0", "::/0")
		d := door{reach: anybody, rule: r, protocol: protocolName(r.Protocol)}
		d.from, d.to = numbersOf(r)
		lanes := c.policy.lanes([]door{d})
		if len(lanes) == 0 {
			continue
		}
		worst := Severity("")
		for _, l := range lanes {
			worst = worse(worst, c.policy.severityOf(r, l))
		}
		found = append(found, events.Removal{Rule: r, Severity: string(worst),
			Reason: fmt.Sprintf("admits %s to protected %s; its entries cannot be read", source(r), lanes[0].place())})
	}
	slices.SortFunc(found, func(a, b events.Removal) int { return strings.Compare(a.Rule.RuleID, b.Rule.RuleID) })
	return found
}

// tellUnknown tells, once a rule, of those whose prefix list cannot be read. In
// this the healer observes, whatever the mode.
func (t *task) tellUnknown(ctx context.Context, c *closing) error {
	if len(c.unknown) == 0 {
		return nil
	}
	quiet := *c
	quiet.policy.Mode = Observe
	heals, err := t.begin(ctx, &quiet, Plan{Remove: c.unknown})
	if err != nil {
		return err
	}
	return t.report(ctx, heals)
}
