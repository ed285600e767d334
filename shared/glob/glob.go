// Package glob matches names of several parts, such as paths and JSON pointers.
package glob

// Parts reports whether parts match patterns one by one by match, where ** stands
// for any number of whole parts. within says that they matched only the
// beginning of the patterns, no ** among it: they lead to what the patterns name.
func Parts(patterns, parts []string, match func(pattern, part string) bool) (all, within bool) {
	// On a mismatch the last ** takes one part more: earlier ones need not move.
	p, n, star, taken := 0, 0, -1, 0
	for n < len(parts) {
		switch {
		case p < len(patterns) && patterns[p] == "**":
			star, taken = p, n
			p++
		case p < len(patterns) && match(patterns[p], parts[n]):
			p++
			n++
		case star >= 0:
			taken++
			p, n = star+1, taken
		default:
			return false, false
		}
	}
	within = star < 0
	for p < len(patterns) && patterns[p] == "**" {
		p++
	}
	return p == len(patterns), within && p < len(patterns)
}
