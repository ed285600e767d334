package httpcheck

import (
	"net/netip"
	"syscall"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// refused are the addresses that nobody's service is at, but the machine's own:
// whoever may push chooses the URL, and the function that asks has credentials
// that these addresses give away.
// Source: EC2 user guide, "Instance metadata" (169.254.169.254, fd00:ec2::254);
// Lambda developer guide, runtime API (on a link-local or loopback address);
// ECS developer guide, "Task metadata endpoint" (169.254.170.2);
// EKS user guide, "EKS Pod Identities" (169.254.170.23, fd00:ec2::23);
// RFC 6890 for the rest.
var refused = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32", "100::/64",
)

var loopback = prefixes("127.0.0.0/8", "::1/128")

// Prefixes whose addresses carry an IPv4 address that is reached in the end.
// Source: RFC 6052 (NAT64), RFC 8215 (its local prefix), RFC 3056 (6to4).
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
	compatible = netip.MustParsePrefix("::/96")
)

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, text := range list {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

// allowed reports whether an address may be asked.
func allowed(address netip.Addr, allowLoopback bool) bool {
	address = address.Unmap().WithZone("")
	if within(loopback, address) {
		return allowLoopback
	}
	if !address.IsValid() || within(refused, address) || nat64Local.Contains(address) || teredo.Contains(address) {
		return false
	}
	if inner, ok := embedded(address); ok {
		return allowed(inner, allowLoopback)
	}
	return true
}

func within(list []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range list {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address inside of an IPv6 address.
func embedded(address netip.Addr) (netip.Addr, bool) {
	if !address.Is6() {
		return netip.Addr{}, false
	}
	bytes := address.As16()
	var four [4]byte
	switch {
	case nat64.Contains(address), compatible.Contains(address):
		copy(four[:], bytes[12:])
	case sixToFour.Contains(address):
		copy(four[:], bytes[2:6])
	default:
		return netip.Addr{}, false
	}
	return netip.AddrFrom4(four), true
}

// control decides on the address that is about to be connected to, after the
// name was resolved: a name cannot resolve to one thing for the check of it
// and to another for the connection.
func control(allowLoopback bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fault.Invalid("the address %s cannot be read: %w", address, err)
		}
		if network != "tcp4" && network != "tcp6" || !allowed(to.Addr(), allowLoopback) {
			return fault.Invalid("the address %s may not be asked: it belongs to the machine or the network itself", to.Addr())
		}
		return nil
	}
}
