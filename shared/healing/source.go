package healing

import (
	"net/netip"

	"github.com/evenkeel/evenkeel/events"
)

type family int

const (
	v4 family = iota
	v6
	families
)

func familyOf(p netip.Prefix) family {
	if p.Addr().Is4() {
		return v4
	}
	return v6
}

func (f family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

// yardstick is what a policy measures sources with.
type yardstick struct {
	limits     [families]count
	allowed    [families][]span
	forbidden  []netip.Prefix
	quarantine []netip.Prefix
	measured   map[string]*reach // CIDRs and prefix lists measured before: an equal source is the same reach
}

func (p Policy) yardstick() *yardstick {
	y := &yardstick{limits: [families]count{power(32 - p.MaxIPv4), power(128 - p.MaxIPv6)}, measured: map[string]*reach{}}
	for _, source := range p.AllowedSources {
		if source.IsValid() { // DecodePolicy refuses others, and nothing is allowed by them
			f := familyOf(source)
			y.allowed[f] = append(y.allowed[f], prefixSpan(source.Masked()))
		}
	}
	for f := range families {
		y.allowed[f] = merge(y.allowed[f])
	}
	for _, f := range p.ForbiddenSources {
		y.forbidden = append(y.forbidden, f.Masked())
	}
	for _, q := range []netip.Prefix{p.QuarantineIPv4, p.QuarantineIPv6} {
		if q.IsValid() {
			y.quarantine = append(y.quarantine, q.Masked())
		}
	}
	return y
}

// reach is who a source lets in, by family.
type reach struct {
	sources   [families][]netip.Prefix // all, masked
	counted   [families][]span         // those that count: outside the allowed sources, and not quarantined
	sizes     [families]count          // addresses in counted
	forbidden [families]netip.Prefix   // one of the forbidden networks that overlaps; the zero Prefix for none
}

// matters reports whether the source can be a reason to close a rule.
func (r *reach) matters(f family) bool {
	return r.sizes[f] != (count{}) || r.forbidden[f].IsValid()
}

// of measures the sources of a rule. unread names those that cannot be read: a
// CIDR that is none, a prefix list that is not in lists. A rule that admits
// another group carries no addresses.
func (y *yardstick) of(r events.SecurityGroupRule, lists map[string][]string) (of *reach, unread []string) {
	key, cidrs := r.CIDRv4+" "+r.CIDRv6, []string{r.CIDRv4, r.CIDRv6}
	if r.PrefixListID != "" {
		entries, known := lists[r.PrefixListID]
		if !known {
			return nil, []string{r.RuleID + ": the entries of " + r.PrefixListID + " are not known"}
		}
		key, cidrs = r.PrefixListID, entries
	}
	if before, ok := y.measured[key]; ok {
		return before, nil
	}
	of, unread = y.measure(r.RuleID, cidrs...)
	if len(unread) == 0 {
		y.measured[key] = of
	}
	return of, unread
}

func (y *yardstick) measure(rule string, cidrs ...string) (of *reach, unread []string) {
	of = &reach{}
	if len(cidrs) > 2 {
		of.sources[v4] = make([]netip.Prefix, 0, len(cidrs))
	}
	for _, cidr := range cidrs {
		if cidr == "" {
			continue
		}
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			unread = append(unread, rule+": "+err.Error())
			continue
		}
		of.add(p.Masked())
	}
	for f := range families {
		y.count(of, f)
	}
	return of, unread
}

// add puts the prefix into the families in which packets from it come.
func (r *reach) add(p netip.Prefix) {
	inner, mapped := embedded(p)
	if inner.IsValid() {
		r.sources[v4] = append(r.sources[v4], inner)
	}
	switch {
	case p.Addr().Is4():
		r.sources[v4] = append(r.sources[v4], p)
	case !mapped:
		r.sources[v6] = append(r.sources[v6], p)
	}
}

// count finds what of a family counts.
func (y *yardstick) count(of *reach, f family) {
	if len(of.sources[f]) == 0 {
		return
	}
	counting := make([]span, 0, len(of.sources[f]))
	for _, p := range of.sources[f] {
		for _, forbidden := range y.forbidden {
			if !of.forbidden[f].IsValid() && forbidden.Overlaps(p) {
				of.forbidden[f] = forbidden
			}
		}
		if !y.quarantined(p) {
			counting = append(counting, prefixSpan(p))
		}
	}
	of.counted[f] = lacking(merge(counting), y.allowed[f])
	of.sizes[f] = total(of.counted[f])
}

// quarantined reports a single address of the quarantine networks: what the
// healer itself gives to a rule that it closes.
func (y *yardstick) quarantined(p netip.Prefix) bool {
	if !p.IsSingleIP() {
		return false
	}
	for _, q := range y.quarantine {
		if q.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// The IPv6 networks whose addresses stand for IPv4 ones.
var (
	mappedNet = netip.MustParsePrefix("::ffff:0:0/96") // IPv4-mapped, RFC 4291
	nat64Net  = netip.MustParsePrefix("64:ff9b::/96")  // NAT64, RFC 6052
	sixTo4Net = netip.MustParsePrefix("2002::/16")     // 6to4, RFC 3056
	teredoNet = netip.MustParsePrefix("2001::/32")     // Teredo, RFC 4380
)

// embedded gives the IPv4 network that an IPv6 one stands for, if it lies in
// one of the networks above: 2002::/16 is few IPv6 addresses by this package's
// measure, and everybody's. mapped says that there is no IPv6 behind it: no
// packet carries an IPv4-mapped source. What EC2 makes of one is documented
// nowhere; whoever wrote it meant the IPv4 network.
func embedded(p netip.Prefix) (inner netip.Prefix, mapped bool) {
	if p.Addr().Is4() {
		return netip.Prefix{}, false
	}
	all, bits := p.Addr().As16(), p.Bits()
	four := [4]byte(all[12:])
	switch {
	case inside(p, mappedNet):
		return netip.PrefixFrom(netip.AddrFrom4(four), bits-96), true
	case inside(p, nat64Net):
		bits -= 96
	case inside(p, sixTo4Net):
		four, bits = [4]byte(all[2:6]), min(bits-16, 32)
	case inside(p, teredoNet): // the client's address, inverted, ends the address
		for i := range four {
			four[i] = ^four[i]
		}
		bits = max(bits-96, 0)
	default:
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(netip.AddrFrom4(four), bits).Masked(), false
}
