package attribution

import (
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
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

// KeysOf are the keys under which the writes of a stack's resource are kept,
// sorted; none for a type that is not AWS's.
func KeysOf(stack events.StackRef, resource events.DriftedResource) []string {
	return sorted(keysOf(stack.Account, stack.Region, sourceOf(resource.ResourceType), resource.PhysicalID))
}

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

// concerns reports whether a write is about the resource.
func (w Write) concerns(stack events.StackRef, r events.DriftedResource) bool {
	if len(w.Types) > 0 && !slices.Contains(w.Types, r.ResourceType) {
		return false
	}
	if !slices.ContainsFunc(w.Keys(), func(k string) bool { return slices.Contains(KeysOf(stack, r), k) }) {
		return false
	}
	for _, name := range w.Resources {
		for _, part := range append(strings.Split(r.PhysicalID, "|"), r.PhysicalID) {
			if same(name, part) {
				return true
			}
		}
	}
	return false
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
