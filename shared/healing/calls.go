package healing

// Calls returns the names of the API calls that can open a group, or put an
// open one to use, sorted: what a rule must pass on. Parse looks after no
// other.
func Calls() []string { return sortedKeys(looks) }
