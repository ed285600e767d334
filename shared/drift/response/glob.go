package response

import (
	"path"
	"strings"

	"github.com/evenkeel/evenkeel/shared/glob"
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
// name: /Policies covers /Policies/*/Document.
// What is above a ** is no place that the glob names.
func covers(patterns, parts []string, whole bool) bool {
	all, within := glob.Parts(patterns, parts, matchPart)
	// The whole resource is no place that a glob names.
	return all || whole && within && len(parts) > 0
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
