package validation

import (
	globs "path"
	"strings"
)

// MatchPath reports whether a name with slashes matches a glob: *, ? and [a-z]
// within one part of the name, ** for any number of whole parts. A malformed
// pattern matches nothing.
func MatchPath(pattern, name string) bool {
	parts := strings.Split(strings.TrimPrefix(pattern, "./"), "/")
	names := strings.Split(strings.TrimPrefix(name, "./"), "/")
	// On a mismatch, the last ** takes one part more: earlier ones need not move.
	p, n, star, taken := 0, 0, -1, 0
	for n < len(names) {
		switch {
		case p < len(parts) && parts[p] == "**":
			star, taken = p, n
			p++
		case p < len(parts) && matchPart(parts[p], names[n]):
			p++
			n++
		case star >= 0:
			taken++
			p, n = star+1, taken
		default:
			return false
		}
	}
	for p < len(parts) && parts[p] == "**" {
		p++
	}
	return p == len(parts)
}

func matchPart(pattern, name string) bool {
	ok, err := globs.Match(pattern, name)
	return err == nil && ok
}
