package healing

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"go4.org/netipx"
)

// count is a number of addresses, 128 bits wide. It saturates: the whole of
// IPv6, 2^128, is written as the largest value.
type count struct{ hi, lo uint64 }

var manyAddresses = count{^uint64(0), ^uint64(0)}

func (a count) plus(b count) count {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, over := bits.Add64(a.hi, b.hi, carry)
	if over != 0 {
		return manyAddresses
	}
	return count{hi, lo}
}

func (a count) exceeds(b count) bool { return a.hi > b.hi || a.hi == b.hi && a.lo > b.lo }

// power is 2^n.
func power(n int) count {
	switch {
	case n >= 128:
		return manyAddresses
	case n >= 64:
		return count{hi: 1 << (n - 64)}
	default:
		return count{lo: 1 << n}
	}
}

// prefixCount is the number of addresses in p.
func prefixCount(p netip.Prefix) count { return power(p.Addr().BitLen() - p.Bits()) }

// setCount is the number of addresses in s, which holds one family.
func setCount(s *netipx.IPSet) count {
	var sum count
	for _, r := range s.Ranges() {
		sum = sum.plus(rangeCount(r))
	}
	return sum
}

func rangeCount(r netipx.IPRange) count {
	from, to := r.From().As16(), r.To().As16()
	lo, borrow := bits.Sub64(binary.BigEndian.Uint64(to[8:]), binary.BigEndian.Uint64(from[8:]), 0)
	hi, _ := bits.Sub64(binary.BigEndian.Uint64(to[:8]), binary.BigEndian.Uint64(from[:8]), borrow)
	return count{hi, lo}.plus(count{lo: 1})
}
