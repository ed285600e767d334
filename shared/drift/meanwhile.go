package drift

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// changedMeanwhile says what of a resource is not as the report has it any more:
// a property that drifted since, or one that has another value. It compares
// only what is written the same way in both: properties by their first name,
// and values that are plain and in no list. Nothing is said of a resource whose
// report names no property, or has one that is the same in another form.
func changedMeanwhile(c Change, found Drift) []string {
	i := slices.IndexFunc(found.Resources, func(r events.DriftedResource) bool { return r.LogicalID == c.LogicalID })
	if i < 0 || len(found.Resources[i].Differences) == 0 || slices.Contains(found.Alike, c.LogicalID) || slices.Contains(found.Routed, c.LogicalID) {
		return nil
	}
	reported := found.Resources[i].Differences
	var reasons []string
	for _, d := range c.Details {
		path, ok := strings.CutPrefix(d.Path, "/Properties/")
		if !ok || d.Drift == nil || d.Drift.Previous == d.Drift.Actual {
			continue
		}
		path = "/" + path
		if !slices.ContainsFunc(reported, func(r events.PropertyDifference) bool { return top(r.Path) == top(path) }) {
			reasons = append(reasons, fmt.Sprintf("%s%s has drifted since the report", c.LogicalID, path))
			continue
		}
		for _, r := range reported {
			if r.Path == path && r.Type == DifferenceNotEqual && oneWay(path, r.Actual) && oneWay(path, d.Drift.Actual) && !shows(r, d.Drift.Actual) {
				reasons = append(reasons, fmt.Sprintf("%s%s has another value than in the report", c.LogicalID, path))
			}
		}
	}
	return reasons
}

// top is the first name of a JSON pointer.
func top(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return name
}

// oneWay reports a value that is written in one way only: it is no object or
// list, and no item of a list.
func oneWay(path, value string) bool {
	inList := slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool {
		_, err := strconv.Atoi(part)
		return err == nil
	})
	return !inList && value != "" && !strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "[")
}

// shows reports whether the report, which hides secrets and may shorten values,
// shows a live value.
func shows(reported events.PropertyDifference, live string) bool {
	live = redact.Value(reported.Path, live)
	if begin, cut := strings.CutSuffix(reported.Actual, "…"); cut {
		return strings.HasPrefix(live, begin)
	}
	return sameScalar(reported.Actual, live)
}

// sameScalar compares text; numbers and booleans count whatever their spelling.
func sameScalar(a, b string) bool {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	return strings.EqualFold(a, b) || errA == nil && errB == nil && x == y
}
