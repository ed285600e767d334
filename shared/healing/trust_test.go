package healing_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// TestPlanOfUnknownLists: a rule of a list that cannot be read is told of, or
// closed, where its ports are protected.
func TestPlanOfUnknownLists(t *testing.T) {
	rules := []events.SecurityGroupRule{
		rule("a", "tcp/20-25", "pl-unknown"), rule("b", "tcp/443", "pl-unknown"), rule("c", "tcp/3306", "pl-office"),
		rule("d", "tcp/3306", "pl-unknown"), rule("e", "-1", "0.0.0.0/0"),
	}
	rules[3].Egress = true
	policy := healing.DefaultPolicy()
	plan := policy.Plan(rules, lists, noon)
	want := []events.Removal{{Rule: rules[0], Severity: "critical", Reason: "admits the entries of pl-unknown to protected tcp 20-23; its entries cannot be read"}}
	if !reflect.DeepEqual(plan.Unknown, want) || strings.Join(plan.RuleIDs(), " ") != "e" || plan.Kept != 3 {
		t.Errorf("unknown %+v, want %+v; %+v", plan.Unknown, want, plan)
	}
	policy.UnknownPrefixLists = healing.CloseUnknown
	if plan = policy.Plan(rules, lists, noon); strings.Join(plan.RuleIDs(), " ") != "a e" || plan.Unknown != nil || plan.Kept != 2 {
		t.Errorf("close: %+v", plan)
	}
	policy.Exceptions = []healing.Exception{{Group: "sg-1", Rule: "tcp/20-25/pl-unknown", Expires: noon.AddDate(0, 0, 1)}}
	if plan = policy.Plan(rules, lists, noon); strings.Join(plan.RuleIDs(), " ") != "e" {
		t.Errorf("excepted: %+v", plan)
	}
}

// TestUnknownListIsToldOnce: by the event, and not again by sweeps, while
// another rule of the group is closed.
func TestUnknownListIsToldOnce(t *testing.T) {
	w := newWorld()
	w.open("tcp/22", "pl-0e0e0e0e0e0e0e009")
	w.open("tcp/3389", "0.0.0.0/0")
	w.mustHandle(t, sample(t, "nested-ipv4"))
	for _, sweep := range []string{"one", "two"} {
		if _, err := w.Sweep(context.Background(), sweep, []healing.Place{hub}); err != nil {
			t.Fatal(err)
		}
	}
	exposed, healed := 0, 0
	for _, f := range w.bus.facts {
		switch f := f.Data.(type) {
		case events.SecurityGroupExposed:
			exposed++
			if len(f.Exposed) != 1 || f.Exposed[0].Rule.PrefixListID == "" || !strings.HasSuffix(f.Exposed[0].Reason, "cannot be read") {
				t.Errorf("exposed %+v", f)
			}
		case events.SecurityGroupHealed:
			healed++
		}
	}
	if exposed != 1 || healed != 1 {
		t.Errorf("%d exposed and %d healed facts", exposed, healed)
	}
}

// TestListsOfAWS: what AWS keeps is left alone, unless the policy does not trust
// it; whose a list is is asked only when a rule would be closed, and not at all
// where the policy is not to trust.
func TestListsOfAWS(t *testing.T) {
	tests := []struct {
		name    string
		aws     bool
		trust   bool
		fault   error
		source  string
		actions int
		asked   int
	}{
		{"kept by AWS", true, true, nil, "0.0.0.0/0", 0, 1},
		{"kept by somebody", false, true, nil, "0.0.0.0/0", 1, 1},
		{"not trusted", true, false, nil, "0.0.0.0/0", 1, 0},
		{"narrow: nobody is asked", true, true, nil, "203.0.113.0/24", 0, 0},
		{"the owner may not be asked", true, true, fault.Permanent("denied"), "0.0.0.0/0", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.policy.TrustAWSPrefixLists = tt.trust
			const list = "pl-0e0e0e0e0e0e0e009"
			w.groups.SetPrefixList(hub, list, tt.source)
			if tt.aws {
				w.groups.KeepByAWS(hub, list)
			}
			w.groups.Fail = func(method string) error {
				if method == "AWSLists" {
					return tt.fault
				}
				return nil
			}
			w.open("tcp/22", list)
			result := w.mustHandle(t, sample(t, "nested-ipv4"))
			if len(result.Actions) != tt.actions || w.groups.Calls("AWSLists") != tt.asked {
				t.Errorf("actions %+v, asked %d times", result.Actions, w.groups.Calls("AWSLists"))
			}
		})
	}
}
