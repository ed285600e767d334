package template

import (
	"encoding/base64"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

func (e *evaluation) arguments(n, arg *Node, name string, least, most int) ([]*Node, error) {
	if !arg.IsList() || len(arg.Items) < least || len(arg.Items) > most {
		return nil, e.fail(n, "%s takes a list of %d to %d values", name, least, most)
	}
	return arg.Items, nil
}

func (e *evaluation) join(n, arg *Node) (any, error) {
	args, err := e.arguments(n, arg, "Fn::Join", 2, 2)
	if err != nil {
		return nil, err
	}
	if !args[0].IsString() {
		return nil, e.fail(n, "the delimiter of Fn::Join is a string")
	}
	v, err := e.value(args[1])
	if err != nil {
		return nil, err
	}
	if v == Unknown {
		return Unknown, nil
	}
	items, ok := v.([]any)
	if !ok {
		return nil, e.fail(n, "Fn::Join takes a list of values")
	}
	parts := make([]string, 0, len(items))
	for _, item := range items {
		s, known, err := e.text(n, item)
		if err != nil || !known {
			return Unknown, err
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, args[0].Text), nil
}

func (e *evaluation) split(n, arg *Node) (any, error) {
	args, err := e.arguments(n, arg, "Fn::Split", 2, 2)
	if err != nil {
		return nil, err
	}
	v, err := e.value(args[1])
	if err != nil || v == Unknown {
		return v, err
	}
	text, ok := v.(string)
	if !ok || !args[0].IsString() || args[0].Text == "" {
		return nil, e.fail(n, "Fn::Split takes a delimiter and a string")
	}
	var out []any
	for _, part := range strings.Split(text, args[0].Text) {
		out = append(out, part)
	}
	return out, nil
}

func (e *evaluation) selectItem(n, arg *Node) (any, error) {
	args, err := e.arguments(n, arg, "Fn::Select", 2, 2)
	if err != nil {
		return nil, err
	}
	i, known, err := e.number(n, args[0])
	if err != nil || !known {
		return Unknown, err
	}
	v, err := e.value(args[1])
	if err != nil {
		return nil, err
	}
	if v == Unknown {
		return Unknown, nil
	}
	if s, ok := v.(string); ok { // a list in text form
		var items []any
		for _, part := range strings.Split(s, ",") {
			items = append(items, strings.TrimSpace(part))
		}
		v = items
	}
	items, ok := v.([]any)
	if !ok {
		return nil, e.fail(n, "Fn::Select takes an index and a list")
	}
	if i < 0 || i >= len(items) {
		return nil, e.fail(n, "Fn::Select cannot select item %d of %d", i, len(items))
	}
	return items[i], nil
}

// number evaluates to a whole number, given as a number or as text.
func (e *evaluation) number(n, arg *Node) (i int, known bool, err error) {
	v, err := e.value(arg)
	if err != nil {
		return 0, false, err
	}
	switch v := v.(type) {
	case unknown:
		return 0, false, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<31 {
			return int(v), true, nil
		}
	case string:
		if i, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return i, true, nil
		}
	}
	return 0, false, e.fail(n, "expected a whole number")
}

func (e *evaluation) findInMap(n, arg *Node) (any, error) {
	args, err := e.arguments(n, arg, "Fn::FindInMap", 3, 4)
	if err != nil {
		return nil, err
	}
	names := make([]string, 3)
	for i := range names {
		v, err := e.value(args[i])
		if err != nil {
			return nil, err
		}
		s, known, err := e.text(n, v)
		if err != nil || !known {
			return Unknown, err
		}
		names[i] = s
	}
	mapping, ok := e.t.Mappings.Get(names[0])
	if found := mapping.Get(names[1]).Get(names[2]); ok && found != nil {
		return found.Value(), nil
	}
	// DefaultValue needs the transform AWS::LanguageExtensions.
	if len(args) == 4 && args[3].Get("DefaultValue") != nil {
		return e.value(args[3].Get("DefaultValue"))
	}
	return nil, e.fail(n, "mapping %q has no value for [%s, %s]", names[0], names[1], names[2])
}

func (e *evaluation) base64(n, arg *Node) (any, error) {
	v, err := e.value(arg)
	if err != nil {
		return nil, err
	}
	s, known, err := e.text(n, v)
	if err != nil || !known {
		return Unknown, err
	}
	return base64.StdEncoding.EncodeToString([]byte(s)), nil
}

func (e *evaluation) zones(n, arg *Node) (any, error) {
	v, err := e.value(arg)
	if err != nil {
		return nil, err
	}
	if v == "" || v == nil {
		v = e.s.Pseudo["AWS::Region"] // an empty string means the stack's region
	}
	region, ok := v.(string)
	if !ok || e.s.Zones == nil {
		return Unknown, nil
	}
	names, err := e.s.Zones(region)
	if err != nil {
		return nil, e.fail(n, "%v", err)
	}
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = name
	}
	return out, nil
}

func (e *evaluation) length(n, arg *Node) (any, error) {
	v, err := e.value(arg)
	if err != nil || v == Unknown {
		return v, err
	}
	items, ok := v.([]any)
	if !ok {
		return nil, e.fail(n, "Fn::Length takes a list")
	}
	return float64(len(items)), nil
}

// cidr gives count consecutive blocks from the start of a network. Each has
// cidrBits host bits: 8 makes a /24 in IPv4 and a /120 in IPv6 (user guide, Fn::Cidr).
func (e *evaluation) cidr(n, arg *Node) (any, error) {
	args, err := e.arguments(n, arg, "Fn::Cidr", 2, 3)
	if err != nil {
		return nil, err
	}
	v, err := e.value(args[0])
	if err != nil || v == Unknown {
		return v, err
	}
	text, _ := v.(string)
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, e.fail(n, "Fn::Cidr: %q is not a network", text)
	}
	count, known, err := e.number(n, args[1])
	if err != nil || !known {
		return Unknown, err
	}
	hostBits := 0
	if len(args) == 3 {
		if hostBits, known, err = e.number(n, args[2]); err != nil || !known {
			return Unknown, err
		}
	} else { // without cidrBits: as many host bits as the count leaves
		hostBits = network.Addr().BitLen() - network.Bits() - big.NewInt(int64(max(count, 1)-1)).BitLen()
	}
	blocks, ok := subnets(network.Masked(), count, hostBits)
	if !ok {
		return nil, e.fail(n, "Fn::Cidr: %s has no room for %d blocks of %d host bits", network, count, hostBits)
	}
	return blocks, nil
}

func subnets(network netip.Prefix, count, hostBits int) ([]any, bool) {
	length := network.Addr().BitLen()
	free := length - hostBits - network.Bits()
	if count < 1 || count > 256 || hostBits < 0 || free < 0 || (free < 9 && count > 1<<free) {
		return nil, false
	}
	raw := network.Addr().AsSlice()
	next := new(big.Int).SetBytes(raw)
	step := new(big.Int).Lsh(big.NewInt(1), uint(hostBits))
	out := make([]any, count)
	for i := range out {
		address, _ := netip.AddrFromSlice(next.FillBytes(make([]byte, len(raw))))
		out[i] = netip.PrefixFrom(address, length-hostBits).String()
		next.Add(next, step)
	}
	return out, true
}
