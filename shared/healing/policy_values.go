package healing

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// items are the elements of a list.
func (v value) items() []value {
	if v.node.Kind != yaml.SequenceNode {
		v.fail("want a list, not %s", kindOf(v.node))
		return nil
	}
	list := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		list[i] = v.value(n, v.field+"["+strconv.Itoa(i)+"]")
	}
	return list
}

// each reads the elements of a list; a repeated one is a fault. The list is
// never nil: an empty one in the document is not a missing one.
func each[T comparable](v value, read func(value) (T, bool)) []T {
	list := []T{}
	for _, item := range v.items() {
		element, ok := read(item)
		if ok && slices.Contains(list, element) {
			item.fail("is there twice")
		} else if ok {
			list = append(list, element)
		}
	}
	return list
}

func (v value) scalar() (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.Tag == "!!null" || v.node.Tag == "!!bool" {
		v.fail("want text, not %s", kindOf(v.node))
		return "", false
	}
	return v.node.Value, true
}

func (v value) text() string {
	text, ok := v.scalar()
	if ok && strings.TrimSpace(text) == "" {
		v.fail("is empty")
	}
	return text
}

func oneOf[T ~string](v value, allowed []T) T {
	text, ok := v.scalar()
	if ok && !slices.Contains(allowed, T(text)) {
		v.fail("%q is not one of %s", text, strings.Join(words(allowed), ", "))
	}
	return T(text)
}

func words[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

func (v value) boolean() bool {
	if v.node.Kind != yaml.ScalarNode || v.node.Tag != "!!bool" {
		v.fail("want true or false, not %s", kindOf(v.node))
	}
	return v.node.Value == "true"
}

// number reads a whole number; high below low is no bound.
func (v value) number(low, high int) int {
	n, err := strconv.Atoi(v.node.Value)
	switch {
	case v.node.Kind != yaml.ScalarNode || v.node.Tag != "!!int" || err != nil:
		v.fail("want a whole number, not %s", kindOf(v.node))
	case n < low && high < low:
		v.fail("%d is less than %d", n, low)
	case high >= low && (n < low || n > high):
		v.fail("%d is not between %d and %d", n, low, high)
	}
	return n
}

func (v value) ports() []PortRange {
	return each(v, func(v value) (r PortRange, ok bool) {
		text, ok := v.scalar()
		if !ok {
			return r, false
		}
		if err := r.UnmarshalText([]byte(text)); err != nil {
			v.fail("%s", err)
			return r, false
		}
		return r, true
	})
}

// prefix reads a CIDR, which is masked as EC2 does.
func (v value) prefix() (netip.Prefix, bool) {
	text, ok := v.scalar()
	if !ok {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		v.fail("%q is no CIDR, such as 203.0.113.0/24 or 2001:db8::/48", text)
		return netip.Prefix{}, false
	}
	if inner, mapped := embedded(p.Masked()); mapped {
		v.fail("%q is IPv4 written as IPv6: write %s", text, inner)
		return netip.Prefix{}, false
	}
	return p.Masked(), true
}

func (v value) prefixes() []netip.Prefix { return each(v, value.prefix) }

// protocol reads the name or number of a protocol as live rules have it.
// Source: EC2 API reference, IpPermission; numbers are IANA's, 0 to 255.
func (v value) protocol() (string, bool) {
	text, ok := v.scalar()
	if !ok {
		return "", false
	}
	name := protocolName(text)
	if n, err := strconv.Atoi(name); err == nil && n >= -1 && n <= 255 && strconv.Itoa(n) == name ||
		slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, name) {
		return name, true
	}
	v.fail("%q is no protocol: want tcp, udp, icmp, icmpv6, a number from 0 to 255, or all", text)
	return "", false
}

func (v value) protocols() []string { return each(v, value.protocol) }

// What a pattern of a scope must look like, so that one which can match nothing
// is noticed. * and ? stand for other characters.
var (
	accountPattern = regexp.MustCompile(`^(?:[0-9?]{12}|[0-9?]*\*[0-9?*]*)$`)
	regionPattern  = regexp.MustCompile(`^[a-z0-9?*-]+$`)
	vpcPattern     = regexp.MustCompile(`^(?:vpc-[0-9a-f?*]+|[*?].*|v[*?].*|vp[*?].*|vpc[*?].*)$`)
	anyPattern     = regexp.MustCompile(`^[^\[\]{}\\]*$`)
)

func (v value) patterns(form *regexp.Regexp, example string) []string {
	return each(v, func(v value) (string, bool) {
		text, ok := v.scalar()
		switch {
		case !ok:
			return "", false
		case !anyPattern.MatchString(text):
			v.fail("%q: in a pattern only * (any characters) and ? (one) stand for others; write ? for a bracket or a backslash", text)
			return "", false
		case !form.MatchString(text):
			v.fail("%q can match nothing: want a pattern such as %s", text, example)
			return "", false
		}
		return text, true
	})
}

func (v value) duration() Duration {
	text, ok := v.scalar()
	d, err := time.ParseDuration(text)
	if ok && (err != nil || d <= 0) {
		v.fail("%q is no duration such as 24h or 90m", text)
	}
	return Duration(d)
}

// instant reads a time; a day counts to its end in UTC.
func (v value) instant() time.Time {
	text, ok := v.scalar()
	if !ok {
		return time.Time{}
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		v.fail("%q is neither a day such as 2027-01-31 nor an instant in RFC 3339", text)
	}
	return t.UTC()
}
