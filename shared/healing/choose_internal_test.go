package healing

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// TestSearchAgreesWithEnumeration: the search that bounds cut short finds the
// set that trying every set finds.
func TestSearchAgreesWithEnumeration(t *testing.T) {
	compared, preferred := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 11))
		policy := DefaultPolicy()
		policy.ProtectedPorts = []PortRange{{From: 1, To: 4, Protocol: "tcp"}}
		policy.MaxIPv4 = 24 + r.IntN(6)
		var rules []events.SecurityGroupRule
		var opened []string
		for i := range 2 + r.IntN(fewRules-1) {
			from := int32(1 + r.IntN(4))                                                                              //nolint:gosec // a small number
			network := netip.PrefixFrom(netip.AddrFrom4([4]byte{44, 0, 0, byte(r.IntN(256))}), 24+r.IntN(9)).Masked() //nolint:gosec // a small number
			one := events.SecurityGroupRule{RuleID: fmt.Sprintf("sgr-%02d", i), GroupID: "sg-1", Protocol: "tcp", CIDRv4: network.String()}
			one.FromPort, one.ToPort = from, from+int32(r.IntN(4)) //nolint:gosec // a small number
			rules = append(rules, one)
			if r.IntN(3) == 0 {
				opened = append(opened, one.RuleID)
			}
			if r.IntN(8) == 0 {
				policy.Exceptions = append(policy.Exceptions, Exception{Group: "sg-1", Rule: RuleKey(one), Expires: time.Unix(1, 0)})
			}
		}
		c, _ := policy.chooser(rules, nil, time.Unix(0, 0), opened)
		c.unavoidable()
		over := c.over()
		if len(over) == 0 {
			continue
		}
		every := c.search(over).enumerate(over)
		searched, exact := c.search(over).smallest(over, len(c.reduce(over, nil)))
		slices.Sort(every)
		slices.Sort(searched)
		if !exact || !slices.Equal(every, searched) {
			t.Fatalf("seed %d: search %v (exact %v), of all %v; rules %+v, new %v", seed, searched, exact, every, rules, opened)
		}
		compared++
		if plain, _ := policy.chooser(rules, nil, time.Unix(0, 0), nil); len(opened) > 0 {
			plain.unavoidable()
			over := plain.over()
			if old := plain.search(over).enumerate(over); !slices.Equal(sorted(old), every) {
				preferred++
			}
		}
	}
	if compared < 500 || preferred < 100 {
		t.Errorf("%d cases compared, %d of which the new rules decided", compared, preferred)
	}
}

func sorted(list []int) []int { return slices.Sorted(slices.Values(list)) }
