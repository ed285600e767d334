package healing_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// TestFewest compares with every subset of the rules: fewer do not suffice, and
// of the sets that are as small it is the one with the widest rules. The
// oracle counts addresses one by one.
func TestFewest(t *testing.T) {
	more := 0
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		policy := healing.DefaultPolicy()
		policy.ProtectedPorts = []healing.PortRange{{From: 1, To: 4, Protocol: "tcp"}}
		policy.MaxIPv4 = 25 + r.IntN(5)
		rules := make([]events.SecurityGroupRule, 1+r.IntN(8))
		for i := range rules {
			from := 1 + r.IntN(4)
			rules[i] = rule(fmt.Sprintf("sgr-%d", r.IntN(1000)*10+i), "tcp", netip.PrefixFrom(netip.AddrFrom4([4]byte{44, 0, 0, byte(r.IntN(256))}), 24+r.IntN(9)).Masked().String())
			rules[i].FromPort, rules[i].ToPort = int32(from), int32(from+r.IntN(4))
		}
		got := policy.Plan(rules, nil, noon).RuleIDs()
		want := fewest(rules, 1<<(32-policy.MaxIPv4))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, limit /%d: %v, want %v of %+v", seed, policy.MaxIPv4, got, want, rules)
		}
		if len(want) > 1 {
			more++
		}
	}
	if more < 300 {
		t.Errorf("%d cases of more than one rule", more)
	}
}

// fewest tries every set of rules to remove.
func fewest(rules []events.SecurityGroupRule, limit int) []string {
	width := func(r events.SecurityGroupRule) int { return 32 - netip.MustParsePrefix(r.CIDRv4).Bits() }
	sorted := slices.SortedFunc(slices.Values(rules), func(a, b events.SecurityGroupRule) int {
		if width(a) != width(b) {
			return width(b) - width(a)
		}
		return strings.Compare(a.RuleID, b.RuleID)
	})
	n := len(sorted)
	best := -1
	for set := range 1 << n { // bit n-1-i removes rule i, so that the larger of two numbers removes the wider rule
		if !safe(sorted, set, limit) {
			continue
		}
		if best < 0 || bits.OnesCount(uint(set)) < bits.OnesCount(uint(best)) || bits.OnesCount(uint(set)) == bits.OnesCount(uint(best)) && set > best {
			best = set
		}
	}
	ids := []string{}
	for i, r := range sorted {
		if best>>(n-1-i)&1 == 1 {
			ids = append(ids, r.RuleID)
		}
	}
	slices.Sort(ids)
	return ids
}

// safe reports whether no more than limit addresses of 44.0.0.0/24 reach any
// port through the rules that the set does not remove.
func safe(sorted []events.SecurityGroupRule, set, limit int) bool {
	for port := int32(1); port <= 4; port++ {
		var admitted [256]bool
		n := 0
		for i, r := range sorted {
			if set>>(len(sorted)-1-i)&1 == 1 || port < r.FromPort || port > r.ToPort {
				continue
			}
			p := netip.MustParsePrefix(r.CIDRv4)
			first := int(p.Addr().As4()[3])
			for a := first; a < first+1<<(32-p.Bits()); a++ {
				if !admitted[a] {
					admitted[a] = true
					n++
				}
			}
		}
		if n > limit {
			return false
		}
	}
	return true
}

// TestManyRules: beyond what the search can decide, no rule is removed in vain,
// and it ends.
func TestManyRules(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	policy := healing.DefaultPolicy()
	rules := make([]events.SecurityGroupRule, 400)
	for i := range rules {
		network := netip.PrefixFrom(netip.AddrFrom4([4]byte{44, byte(r.IntN(8)), byte(r.IntN(256)), 0}), 18+r.IntN(6)).Masked()
		from := 20 + r.IntN(4)
		rules[i] = rule(fmt.Sprintf("sgr-%03d", i), fmt.Sprintf("tcp/%d-%d", from, from+r.IntN(3)), network.String())
	}
	plan := policy.Plan(rules, nil, noon)
	if plan.Empty() {
		t.Fatal("nothing removed")
	}
	after := plan.After(rules)
	if again := policy.Plan(after, nil, noon); !again.Empty() {
		t.Errorf("still open: %v", again.RuleIDs())
	}
	for _, removed := range plan.Remove {
		if policy.Plan(append(slices.Clone(after), removed.Rule), nil, noon).Empty() {
			t.Errorf("removed in vain: %+v", removed)
		}
	}
}

// BenchmarkPlanFew measures the most rules of which every set is tried, on
// ranges of ports of which each differs.
func BenchmarkPlanFew(b *testing.B) {
	policy := healing.DefaultPolicy()
	policy.ProtectedPorts = []healing.PortRange{{From: 0, To: 65535}}
	var rules []events.SecurityGroupRule
	for i := range 10 {
		rules = append(rules, rule(fmt.Sprintf("sgr-%d", i), fmt.Sprintf("tcp/%d-%d", 10*i, 100+10*i), fmt.Sprintf("44.%d.0.0/%d", i, 17+i%3)))
	}
	before := processorTime(b)
	for b.Loop() {
		if plan := policy.Plan(rules, nil, noon); len(plan.Remove) < 2 {
			b.Fatal(plan)
		}
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
}

// benchmarkRules is a group of n rules, every tenth of which names one of four
// prefix lists of 1,000 entries, and one opens SSH to the world.
func benchmarkRules(n int) (rules []events.SecurityGroupRule, lists map[string][]string) {
	lists = map[string][]string{}
	for l := range 4 {
		var entries []string
		for i := range 1000 {
			entries = append(entries, fmt.Sprintf("44.%d.%d.%d/32", l, i/125, i%125*2)) // none beside another
		}
		lists[fmt.Sprintf("pl-%d", l)] = entries
	}
	rules = make([]events.SecurityGroupRule, n)
	for i := range rules {
		port := []string{"tcp/22", "tcp/443", "tcp/3306-3310", "udp/53", "-1"}[i%5]
		source := fmt.Sprintf("44.%d.%d.0/26", 10+i/256, i%256)
		if i%10 == 0 {
			source = fmt.Sprintf("pl-%d", i/10%4)
		}
		rules[i] = rule(fmt.Sprintf("sgr-%04d", i), port, source)
	}
	rules[n/2] = rule(fmt.Sprintf("sgr-%04d", n/2), "tcp/20-25", "0.0.0.0/0")
	return rules, lists
}

// BenchmarkPlan measures the decision on one group. The figure that is asked
// for: 200 rules and prefix lists of 1,000 entries in less than 2 ms.
func BenchmarkPlan(b *testing.B) {
	tight := healing.DefaultPolicy()
	tight.MaxIPv4 = 20 // the rules exceed it only together: the smallest set is searched
	everything := healing.DefaultPolicy()
	everything.ProtectedPorts, everything.OpenPorts = []healing.PortRange{{From: 0, To: 65535}}, []healing.PortRange{{From: 80, To: 80}, {From: 443, To: 443}}
	for _, bench := range []struct {
		name   string
		rules  int
		policy healing.Policy
	}{
		{"rules=200", 200, healing.DefaultPolicy()},
		{"rules=200/together", 200, tight},
		{"rules=200/all-but-web", 200, everything},
		{"rules=1000", 1000, healing.DefaultPolicy()},
	} {
		b.Run(bench.name, func(b *testing.B) {
			rules, lists := benchmarkRules(bench.rules)
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				if plan := bench.policy.Plan(rules, lists, noon); plan.Empty() || len(plan.Unread) > 0 {
					b.Fatal(plan)
				}
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e6, "cpu-ms/op") // the machine may be shared
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
