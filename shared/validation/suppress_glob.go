package validation

import (
	globs "path"
	"strings"

	"github.com/evenkeel/evenkeel/shared/glob"
)

// MatchPath reports whether a name with slashes matches a glob: *, ? and [a-z]
// within one part of the name, ** for any number of whole parts. A malformed
// pattern matches nothing.
func MatchPath(pattern, name string) bool {
	parts := strings.Split(strings.TrimPrefix(pattern, "./"), "/")
	names := strings.Split(strings.TrimPrefix(name, "./"), "/")
	all, _ := glob.Parts(parts, names, matchPart)
	return all
}

func matchPart(pattern, name string) bool {
	ok, err := globs.Match(pattern, name)
	return err == nil && ok
}
