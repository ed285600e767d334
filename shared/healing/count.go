package healing

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
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

// span is a range of addresses of one family as numbers, both ends included.
type span struct{ from, to count }

// prefixSpan is the range of a masked prefix.
func prefixSpan(p netip.Prefix) span {
	from := numberOf(p.Addr())
	last := power(p.Addr().BitLen() - p.Bits())
	if last != manyAddresses { // 2^128 is written as that already
		last = last.minus(count{lo: 1})
	}
	return span{from, from.plus(last)}
}

func numberOf(a netip.Addr) count {
	if a.Is4() {
		four := a.As4()
		return count{lo: uint64(binary.BigEndian.Uint32(four[:]))}
	}
	all := a.As16()
	return count{binary.BigEndian.Uint64(all[:8]), binary.BigEndian.Uint64(all[8:])}
}

func (a count) minus(b count) count {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return count{hi, lo}
}

func (a count) compare(b count) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

func (a count) float() float64 { return float64(a.hi)*(1<<63)*2 + float64(a.lo) }

// merge returns the union of the spans, ascending and apart. It reorders and
// overwrites them.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from.compare(b.from) })
	apart := spans[:0]
	for _, s := range spans {
		last := len(apart) - 1
		switch {
		case last < 0 || s.from.exceeds(apart[last].to):
			apart = append(apart, s)
		case s.to.exceeds(apart[last].to):
			apart[last].to = s.to
		}
	}
	return apart
}

// lacking returns the spans without the addresses in others. Both are ascending
// and apart.
func lacking(spans, others []span) []span {
	if len(others) == 0 {
		return spans
	}
	one := count{lo: 1}
	rest := make([]span, 0, len(spans))
	for _, s := range spans {
		over := false // whether others hold the end of s
		for len(others) > 0 && s.from.exceeds(others[0].to) {
			others = others[1:]
		}
		for _, o := range others {
			if o.from.exceeds(s.to) {
				break
			}
			if o.from.exceeds(s.from) {
				rest = append(rest, span{s.from, o.from.minus(one)})
			}
			if over = !s.to.exceeds(o.to); over {
				break
			}
			s.from = o.to.plus(one)
		}
		if !over {
			rest = append(rest, s)
		}
	}
	return rest
}

// total is the number of addresses in spans that are apart.
func total(spans []span) count {
	sum := count{}
	for _, s := range spans {
		sum = sum.plus(s.to.minus(s.from).plus(count{lo: 1}))
	}
	return sum
}
