package healing_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// TestNewcomer: whoever adds a rule to a group that is at its limit has that
// rule closed, not one that was there.
func TestNewcomer(t *testing.T) {
	office, partner, mallory := rule("sgr-1", "tcp/22", "8.8.0.0/17"), rule("sgr-2", "tcp/22", "9.9.0.0/17"), rule("sgr-3", "tcp/22", "203.0.113.7/32")
	many := func() (rules []events.SecurityGroupRule) { // more than are enumerated
		for i := range 14 {
			rules = append(rules, rule("old-"+string(rune('a'+i)), "tcp/22", "44."+string(rune('0'+i%10))+"."+string(rune('0'+i/10))+".0/27"))
		}
		return rules
	}()
	tests := []struct {
		name   string
		rules  []events.SecurityGroupRule
		opened string
		max    int
		remove string
	}{
		{"no hint, as in a sweep: the widest", []events.SecurityGroupRule{office, partner, mallory}, "", 16, "sgr-1"},
		{"the rule that the event made", []events.SecurityGroupRule{office, partner, mallory}, "sgr-3", 16, "sgr-3"},
		{"a rule that the event changed", []events.SecurityGroupRule{office, partner, mallory}, "sgr-2", 16, "sgr-2"},
		{"a new rule that is no cause stays", []events.SecurityGroupRule{office, partner, mallory, rule("sgr-4", "tcp/443", "0.0.0.0/0"), rule("sgr-5", "tcp/22", "10.0.0.0/8")}, "sgr-4 sgr-5", 16, "sgr-1"},
		{"fewest goes first", []events.SecurityGroupRule{office, partner, mallory, rule("sgr-4", "tcp/22", "203.0.113.9/32")}, "sgr-3 sgr-4", 16, "sgr-1"},
		{"one old rule sooner than two, across ports", []events.SecurityGroupRule{
			rule("a", "tcp/22", "44.0.0.0/19"), rule("b", "tcp/22-23", "45.0.0.0/18"), rule("c", "tcp/23", "46.0.0.0/19"), rule("d", "tcp/22", "47.0.0.0/19"), rule("e", "tcp/23", "48.0.0.0/19"),
		}, "a", 18, "b"},
		{"an old one where new ones do not suffice", []events.SecurityGroupRule{
			rule("a", "tcp/22", "44.0.0.0/18"), rule("b", "tcp/22", "45.0.0.0/19"), rule("c", "tcp/22", "46.0.0.0/19"), rule("d", "tcp/22", "47.0.0.0/18"), rule("e", "tcp/22", "48.0.0.0/19"),
		}, "b c e", 17, "a b"},
		{"the second new one instead of an old one", []events.SecurityGroupRule{
			rule("a", "tcp/22", "44.0.0.0/18"), rule("b", "tcp/22", "45.0.0.0/18"), rule("c", "tcp/22", "46.0.0.0/18"), rule("d", "tcp/22", "47.0.0.0/18"),
		}, "c d", 17, "c d"},
		{"among many rules", append([]events.SecurityGroupRule{rule("z", "tcp/22", "45.0.0.0/27")}, many...), "z", 24, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy := healing.DefaultPolicy()
			policy.MaxIPv4 = tt.max
			plan := policy.Plan(tt.rules, nil, noon, strings.Fields(tt.opened)...)
			if tt.remove == "" { // seven of fifteen, and the new one among them
				if len(plan.Remove) != 7 || !strings.Contains(strings.Join(plan.RuleIDs(), " "), "z") {
					t.Errorf("remove %v", plan.RuleIDs())
				}
				return
			}
			if got := strings.Join(plan.RuleIDs(), " "); got != tt.remove {
				t.Errorf("remove %q, want %q", got, tt.remove)
			}
		})
	}
}
