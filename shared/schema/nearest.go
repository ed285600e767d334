package schema

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns the names of at most n types that someone who wrote name may
// have meant, the most likely first. It finds slips of the pen and the names of
// types without the service, in any case.
func Nearest(name string, n int) []string {
	type candidate struct {
		name     string
		distance int
	}
	wanted := strings.ToLower(strings.TrimSpace(name))
	limit := max(3, len(wanted)/4)
	var found []candidate
	for _, t := range TypesIn("") {
		if d := typeDistance(wanted, strings.ToLower(t), limit); d < limit {
			found = append(found, candidate{t, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	names := make([]string, 0, n)
	for _, c := range found[:min(n, len(found))] {
		names = append(names, c.name)
	}
	return names
}

// typeDistance is how far a name is from a type, at least limit if far. A name
// that is the last parts of the type is near, one that is in it less so.
func typeDistance(name, typ string, limit int) int {
	switch {
	case name == "":
		return limit
	case name == typ:
		return 0
	case strings.HasSuffix(typ, "::"+name):
		return 1
	case len(name) > 2 && strings.Contains(typ, name):
		return 2
	}
	last := typ[strings.LastIndex(typ, ":")+1:]
	return min(editDistance(name, typ, limit), 1+editDistance(name, last, limit-1))
}
