package response

import (
	"path"
	"strings"
)

// matchName reports whether a name matches a glob of *, ? and [a-z]. The empty
// glob matches all, a malformed one nothing. A * spans everything, as names
// have no parts.
func matchName(pattern, name string) bool {
	if pattern == "" || pattern == name {
		return true
	}
	if !strings.ContainsAny(pattern, `*?[\`) {
		return false
	}
	// path.Match stops at a slash, and no name that is matched here has a meaning
	// for one.
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && ok
}

// pointer splits a JSON pointer into its parts. Source: RFC 6901.
func pointer(text string) []string {
	trimmed := strings.TrimPrefix(text, "/")
	if trimmed == "" {
		return nil
	}
	parts := strings.Split(trimmed, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts
}

// matchPointer reports whether a JSON pointer matches a glob: *, ? and [a-z]
// within a part, ** for any number of whole parts. The empty glob matches all.
func matchPointer(pattern, at string) bool {
	return pattern == "" || covers(pointer(pattern), pointer(at), false)
}

// covers matches parts against patterns. With whole it is enough that all parts
// match the beginning, so that they lead to what may contain what the patterns
// name: /Policies covers /Policies/*/Document. On a mismatch the last ** takes one part more: earlier
// ones need not move.
func covers(patterns, parts []string, whole bool) bool {
	p, n, star, taken := 0, 0, -1, 0
	for n < len(parts) {
		switch {
		case p < len(patterns) && patterns[p] == "**":
			star, taken = p, n
			p++
		case p < len(patterns) && matchPart(patterns[p], parts[n]):
			p++
			n++
		case star >= 0:
			taken++
			p, n = star+1, taken
		default:
			return false
		}
	}
	// What is above a ** is no place that the glob names, nor is the whole resource.
	if whole && star < 0 && len(parts) > 0 {
		return true
	}
	for p < len(patterns) && patterns[p] == "**" {
		p++
	}
	return p == len(patterns)
}

// matchPart is matchName for a part of a pointer, whose name may be empty.
func matchPart(pattern, name string) bool {
	return pattern == name || pattern != "" && matchName(pattern, name)
}

// validGlob reports whether a glob can match anything at all.
func validGlob(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err == nil
}
