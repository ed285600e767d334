package drift

import (
	"fmt"
	"maps"
	"slices"
)

// unresolved says what of the resources was not compared because something else
// could not be read or found: a sentence for each cause, sorted.
func unresolved(resources []Resource, live map[string]LiveResult) []string {
	places := map[string][]string{} // by cause
	for _, r := range resources {
		if l := live[r.LogicalID]; l.read() {
			for _, u := range l.Why {
				places[u.Reason] = append(places[u.Reason], r.LogicalID+u.Path)
			}
		}
	}
	var reasons []string
	for _, cause := range slices.Sorted(maps.Keys(places)) {
		at := slices.Sorted(slices.Values(places[cause]))
		what := at[0] + " is"
		if len(at) > 1 {
			what = fmt.Sprintf("%s and %d more are", at[0], len(at)-1)
		}
		reasons = append(reasons, what+" not compared"+because(cause))
	}
	return reasons
}
