package attribution

import (
	"regexp"
	"slices"
	"strings"
)

// Keys are the keys under which a write is kept, sorted: account, region,
// service and the last part of each name. A name of which nothing is left has
// none.
func (w Write) Keys() []string {
	source := strings.TrimSuffix(w.EventSource, ".amazonaws.com")
	places := []string{source}
	for _, t := range w.Types {
		places = append(places, sourceOf(t))
	}
	if w.EventSource == cloudControl {
		places = places[1:]
	}
	var keys []string
	for _, place := range places {
		for _, name := range w.Resources {
			keys = append(keys, keysOf(w.Account, w.Region, place, name)...)
		}
	}
	return sorted(keys)
}

// Keys are the keys under which the writes that may have made the change are
// kept, sorted; none for a type that is not AWS's.
func (c Change) Keys() []string {
	var keys []string
	for _, name := range c.names() {
		keys = append(keys, keysOf(c.Stack.Account, c.Stack.Region, sourceOf(c.Resource.ResourceType), name)...)
	}
	return sorted(keys)
}

func (c Change) names() []string { return append([]string{c.Resource.PhysicalID}, c.Names...) }

func keysOf(account, region, source, name string) []string {
	if source == "" || name == "" {
		return nil
	}
	if global[source] {
		region = "global"
	}
	var keys []string
	for _, part := range shorts(name) {
		keys = append(keys, account+"/"+region+"/"+source+"/"+part)
	}
	return keys
}

// suffix is what Secrets Manager appends to a secret's name in its ARN.
// Source: Secrets Manager API reference, DescribeSecret, ARN.
var suffix = regexp.MustCompile(`^arn:[^:]+:secretsmanager:.*-[A-Za-z0-9]{6}$`)

// shorts are the last parts of a name: an ARN, a URL, a path, or several names
// that "|" joins, as in the ids of resources that belong to others.
// Source: Cloud Control API user guide, "Identifying resources".
func shorts(name string) []string {
	var out []string
	for _, one := range strings.Split(name, "|") {
		plain := strings.TrimRight(one, "/:*.") // names of DNS may end in a dot
		if i := strings.LastIndexAny(plain, "/:"); i >= 0 {
			plain = plain[i+1:]
		}
		if plain == "" {
			continue
		}
		out = append(out, plain)
		if suffix.MatchString(one) {
			out = append(out, plain[:len(plain)-7])
		}
	}
	return out
}

// concerns reports whether a write is about the resource that changed.
func (w Write) concerns(c Change) bool {
	if len(w.Types) > 0 && !slices.Contains(w.Types, c.Resource.ResourceType) {
		return false
	}
	keys := c.Keys()
	if !slices.ContainsFunc(w.Keys(), func(k string) bool { return slices.Contains(keys, k) }) {
		return false
	}
	return slices.ContainsFunc(c.names(), w.named)
}

// named reports whether the record has the name. Of several that "|" joins one
// is enough, but for IAM: there the same policy name stands in many roles, and
// records always have both.
func (w Write) named(name string) bool {
	has := func(one string) bool {
		return slices.ContainsFunc(w.Resources, func(r string) bool { return same(r, one) })
	}
	parts := strings.Split(name, "|")
	if has(name) {
		return true
	}
	if w.EventSource == "iam.amazonaws.com" {
		return !slices.ContainsFunc(parts, func(part string) bool { return !has(part) })
	}
	return slices.ContainsFunc(parts, has)
}

// same reports whether two names may be of one thing: equal, or one the end of
// the other's path.
func same(a, b string) bool {
	trim := func(s string) string { return strings.Trim(s, "/:*.") }
	a, b = trim(a), trim(b)
	if suffix.MatchString(a) != suffix.MatchString(b) {
		if suffix.MatchString(a) {
			return same(a[:len(a)-7], b) || ends(a, b)
		}
		return same(a, b[:len(b)-7]) || ends(b, a)
	}
	return a == b || ends(a, b) || ends(b, a)
}

func ends(long, short string) bool {
	rest, ok := strings.CutSuffix(long, short)
	return ok && short != "" && (rest == "" || strings.ContainsRune("/:", rune(rest[len(rest)-1])))
}
