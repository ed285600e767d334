package healing

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

func removals(rules []events.SecurityGroupRule) []events.Removal {
	list := make([]events.Removal, len(rules))
	for i, r := range rules {
		list[i] = events.Removal{Rule: r, Reason: "open"}
	}
	return list
}

func ssh(id, cidr string) events.SecurityGroupRule {
	return events.SecurityGroupRule{RuleID: id, GroupID: "sg-1", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: cidr}
}

func TestQuarantined(t *testing.T) {
	p := DefaultPolicy()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	v6 := ssh("sgr-6", "")
	v6.CIDRv6 = "::/0"
	list := ssh("sgr-7", "")
	list.PrefixListID = "pl-1"
	live := []events.SecurityGroupRule{ssh("sgr-1", "0.0.0.0/0"), ssh("sgr-2", "203.0.113.0/24"), v6, list}
	lists := map[string][]string{"pl-1": {"0.0.0.0/0"}}
	remove := removals([]events.SecurityGroupRule{live[0], v6, list})
	before := slices.Clone(live)
	got := p.quarantined(remove, live, lists, now)
	if !p.QuarantineIPv4.Contains(netip.MustParsePrefix(got[0].Quarantine).Addr()) || !p.QuarantineIPv6.Contains(netip.MustParsePrefix(got[1].Quarantine).Addr()) {
		t.Errorf("addresses %q and %q are not in the quarantine", got[0].Quarantine, got[1].Quarantine)
	}
	if got[2].Quarantine != "" {
		t.Errorf("a prefix list became %s, which EC2 does not do", got[2].Quarantine)
	}
	if !reflect.DeepEqual(live, before) || remove[0].Quarantine != "" {
		t.Error("the arguments were changed")
	}

	// The address is taken: the next one, as often as asked.
	live = append(live, ssh("sgr-8", got[0].Quarantine))
	again := p.quarantined(remove, live, lists, now)
	if again[0].Quarantine == got[0].Quarantine || again[0].Quarantine == "" || !reflect.DeepEqual(again, p.quarantined(remove, live, lists, now)) {
		t.Errorf("address %q, want another than %s", again[0].Quarantine, got[0].Quarantine)
	}

	// On other ports it is free.
	live[4].ToPort = 23
	if other := p.quarantined(remove, live, lists, now); other[0].Quarantine != got[0].Quarantine {
		t.Errorf("address %q, want %s again", other[0].Quarantine, got[0].Quarantine)
	}
}

// Where each address is taken, or the quarantine itself is what the policy
// forbids, the rule is revoked.
func TestQuarantineExhausted(t *testing.T) {
	p := DefaultPolicy()
	p.QuarantineIPv4 = netip.MustParsePrefix("192.0.2.128/30")
	live := []events.SecurityGroupRule{}
	for i := range 6 {
		live = append(live, ssh(fmt.Sprintf("sgr-%d", i), fmt.Sprintf("%d.0.0.0/8", 20+i)))
	}
	got, empty := map[string]bool{}, 0
	for _, r := range p.quarantined(removals(live), live, nil, time.Now()) {
		if r.Quarantine == "" {
			empty++
		} else {
			got[r.Quarantine] = true
		}
	}
	want := map[string]bool{"192.0.2.128/32": true, "192.0.2.129/32": true, "192.0.2.130/32": true, "192.0.2.131/32": true}
	if empty != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d to revoke, addresses %v, want 2 and each of the four once", empty, got)
	}

	p.ForbiddenSources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if got := p.quarantined(removals(live[:1]), live[:1], nil, time.Now()); got[0].Quarantine != "" {
		t.Errorf("%s is forbidden by the policy", got[0].Quarantine)
	}
}

// Quarantined rules are no-ops for the policy, however narrow it is: neither
// they nor an innocent rule beside them becomes too much.
func TestQuarantineIsLeftAlone(t *testing.T) {
	p := DefaultPolicy()
	p.MaxIPv4 = 32
	live := []events.SecurityGroupRule{ssh("sgr-0", "203.0.113.7/32")}
	for i := range 5 {
		live = append(live, ssh(fmt.Sprintf("sgr-%d", i+1), fmt.Sprintf("%d.0.0.0/8", 20+i)))
	}
	for _, r := range p.quarantined(removals(live[1:]), live, nil, time.Now()) {
		if r.Quarantine == "" {
			t.Fatalf("%s has to be revoked", r.Rule.RuleID)
		}
		i := slices.IndexFunc(live, func(l events.SecurityGroupRule) bool { return l.RuleID == r.Rule.RuleID })
		live[i] = narrowed(r.Rule, r.Quarantine)
	}
	if plan := p.Plan(live, nil, time.Now()); !plan.Empty() {
		t.Errorf("the quarantine itself is too open: %+v", plan.Remove)
	}
}

// FuzzQuarantined: whatever is live, no two rules are equal afterwards, each
// address is in the quarantine of its family, the choice is the same again, and
// a rule is only left to be revoked when there is no other way.
func FuzzQuarantined(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 1, 1, 2, 9, 3}, uint8(24))
	f.Add([]byte{5, 5, 5, 5, 5, 5, 5, 5}, uint8(32))
	f.Add([]byte{255, 254, 0, 7, 130, 131, 132, 133, 134, 135, 136}, uint8(30))
	f.Fuzz(func(t *testing.T, data []byte, bits uint8) {
		p := DefaultPolicy()
		p.QuarantineIPv4 = netip.PrefixFrom(netip.MustParseAddr("192.0.2.0"), 24+int(bits)%9)
		p.QuarantineIPv6 = netip.PrefixFrom(netip.MustParseAddr("2001:db8::"), 120+int(bits)%9)
		live, remove := fuzzRules(data)
		got := p.quarantined(remove, live, nil, time.Unix(0, 0))
		if !reflect.DeepEqual(got, p.quarantined(remove, live, nil, time.Unix(0, 0))) {
			t.Fatal("another choice")
		}
		keys := map[string]string{}
		for _, r := range live {
			keys[RuleKey(r)] = r.RuleID
		}
		for _, r := range got {
			if r.Quarantine == "" {
				continue
			}
			narrow := narrowed(r.Rule, r.Quarantine)
			if !p.Quarantines(narrow) || narrow.CIDRv4 != "" && narrow.CIDRv6 != "" {
				t.Fatalf("%+v is not in the quarantine", narrow)
			}
			if other := keys[RuleKey(narrow)]; other != "" {
				t.Fatalf("%s would be equal to %s", narrow.RuleID, other)
			}
			keys[RuleKey(narrow)] = narrow.RuleID
		}
		for _, r := range got {
			if pool := p.pool(r.Rule); r.Quarantine == "" && pool.IsValid() && pool.Addr().BitLen()-pool.Bits() > 7 && len(live) < 100 {
				t.Fatalf("%s has no address although there are many", r.Rule.RuleID)
			}
		}
	})
}

// fuzzRules makes open rules, and rules that sit in the quarantine already.
func fuzzRules(data []byte) (live []events.SecurityGroupRule, remove []events.Removal) {
	seen := map[string]bool{}
	for i, b := range data {
		r := ssh(fmt.Sprintf("sgr-%03d", i), "0.0.0.0/0")
		r.ToPort = 22 + int32(b&1)
		switch {
		case b >= 128:
			r.CIDRv4 = fmt.Sprintf("192.0.2.%d/32", b-128)
		case b&2 != 0:
			r.CIDRv4, r.CIDRv6 = "", fmt.Sprintf("%x::/16", 0x2600+int(b))
		default:
			r.CIDRv4 = fmt.Sprintf("%d.0.0.0/8", 20+b)
		}
		if seen[RuleKey(r)] {
			continue
		}
		seen[RuleKey(r)] = true
		live = append(live, r)
		if b < 128 {
			remove = append(remove, events.Removal{Rule: r})
		}
	}
	return live, remove
}
