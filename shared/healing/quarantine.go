package healing

import (
	"hash/fnv"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// quarantined says of each removal which address takes the place of the rule's
// source. A rule that cannot be narrowed keeps an empty Quarantine, which means
// that it has to be revoked:
//
//   - EC2 does not change the kind of a rule's source, so that one that names a
//     prefix list cannot name a network instead, nor IPv4 become IPv6
//     (EC2 API reference, SecurityGroupRuleRequest);
//   - each address of the quarantine is taken by a rule with the same protocol
//     and ports, and EC2 takes no two equal rules;
//   - the policy would find the quarantined rule too open as well, or another
//     one because of it.
//
// The address depends on the rule's id, so that a rule has the same one
// whenever it is closed, as long as it is free.
func (p Policy) quarantined(remove []events.Removal, live []events.SecurityGroupRule, lists map[string][]string, now time.Time) []events.Removal {
	taken := map[string]bool{}
	for _, r := range live {
		if !r.Egress {
			taken[RuleKey(r)] = true
		}
	}
	out := slices.Clone(remove)
	after := slices.Clone(live)
	for i := range out {
		rule := out[i].Rule
		out[i].Quarantine = ""
		if pool := p.pool(rule); pool.IsValid() {
			out[i].Quarantine = free(pool, rule, taken)
		}
		at := slices.IndexFunc(after, func(r events.SecurityGroupRule) bool { return r.RuleID == rule.RuleID })
		switch {
		case out[i].Quarantine != "":
			narrow := narrowed(rule, out[i].Quarantine)
			taken[RuleKey(narrow)] = true
			if at >= 0 {
				after[at] = narrow
			}
		case at >= 0:
			after = slices.Delete(after, at, at+1)
		}
	}
	if p.Plan(after, lists, now).Empty() {
		return out
	}
	for i := range out {
		out[i].Quarantine = ""
	}
	return out
}

// pool is the quarantine for the rule's kind of source; invalid for kinds that
// EC2 cannot narrow to a network.
func (p Policy) pool(r events.SecurityGroupRule) netip.Prefix {
	switch {
	case r.PrefixListID != "" || r.ReferencedGroupID != "":
		return netip.Prefix{}
	case r.CIDRv4 != "":
		return p.QuarantineIPv4
	case r.CIDRv6 != "":
		return p.QuarantineIPv6
	}
	return netip.Prefix{}
}

// Quarantines reports whether the rule admits nothing but an address of the
// quarantine.
func (p Policy) Quarantines(r events.SecurityGroupRule) bool {
	source, err := netip.ParsePrefix(r.CIDRv4 + r.CIDRv6)
	pool := p.pool(r)
	return err == nil && pool.IsValid() && source.IsSingleIP() && pool.Contains(source.Addr())
}

// narrowed is the rule with the CIDR, of its own family, as its source.
func narrowed(r events.SecurityGroupRule, cidr string) events.SecurityGroupRule {
	if r.CIDRv6 != "" {
		r.CIDRv6 = cidr
	} else {
		r.CIDRv4 = cidr
	}
	return r
}

// free finds an address of the pool that makes the rule equal to none that is
// taken. It begins at a place that the rule's id says and tries one after the
// other; "" when all are taken.
func free(pool netip.Prefix, rule events.SecurityGroupRule, taken map[string]bool) string {
	bits := pool.Addr().BitLen() - pool.Bits()
	size := new(big.Int).Lsh(big.NewInt(1), uint(bits)) //nolint:gosec // between 0 and 128
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(rule.RuleID)) // never fails
	offset := new(big.Int).SetUint64(hash.Sum64())
	offset.Mod(offset, size)
	base := new(big.Int).SetBytes(pool.Masked().Addr().AsSlice())
	// Each try that fails meets another taken rule: one more finds a free address.
	for try := 0; try <= len(taken) && (bits > 30 || try < 1<<bits); try++ {
		address := new(big.Int).Add(base, offset).FillBytes(make([]byte, pool.Addr().BitLen()/8))
		if ip, ok := netip.AddrFromSlice(address); ok {
			cidr := netip.PrefixFrom(ip, ip.BitLen()).String()
			if !taken[RuleKey(narrowed(rule, cidr))] {
				return cidr
			}
		}
		offset.Add(offset, big.NewInt(1))
		offset.Mod(offset, size)
	}
	return ""
}
