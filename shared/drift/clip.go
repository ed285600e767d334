package drift

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// budget is how many bytes of drifted resources a fact or a workflow document
// may carry. Both end at 256 KB.
// Source: EventBridge user guide, "Amazon EventBridge quotas"; Step Functions
// developer guide, "Service quotas".
const budget = 100 * 1024

// maxReasons is how many reasons a workflow document carries: the results of
// all stacks share one payload.
const maxReasons = 3

// maxReason is how many bytes of one reason it carries.
const maxReason = 300

// clip hides what may be secret: a key that somebody typed into the settings of
// a function is drift, but nobody's to read in a fact. Then it shortens
// expected and actual values, all by the same rule, until the
// resources fit the budget. In the last resort the values go, then the
// differences and who made them; which resources drifted always stays.
func clip(resources []events.DriftedResource) []events.DriftedResource {
	resources = mapDifferences(resources, func(d events.PropertyDifference) events.PropertyDifference {
		d.Expected, d.Actual = redact.Value(d.Path, d.Expected), redact.Value(d.Path, d.Actual)
		return d
	})
	if size(resources) <= budget {
		return resources
	}
	for _, most := range []int{4096, 512, 64, 0} {
		clipped := mapDifferences(resources, func(d events.PropertyDifference) events.PropertyDifference {
			d.Expected, d.Actual = shorten(d.Expected, most), shorten(d.Actual, most)
			return d
		})
		if size(clipped) <= budget {
			return clipped
		}
	}
	bare := make([]events.DriftedResource, len(resources))
	for i, r := range resources {
		r.Differences, r.Undeclared, r.Attribution = []events.PropertyDifference{}, nil, nil
		bare[i] = r
	}
	return bare
}

func mapDifferences(resources []events.DriftedResource, f func(events.PropertyDifference) events.PropertyDifference) []events.DriftedResource {
	out := make([]events.DriftedResource, len(resources))
	for i, r := range resources {
		differences := make([]events.PropertyDifference, len(r.Differences))
		for j, d := range r.Differences {
			differences[j] = f(d)
		}
		r.Differences = differences
		r.Undeclared = slices.Clone(r.Undeclared)
		for j, d := range r.Undeclared {
			r.Undeclared[j] = f(d)
		}
		out[i] = r
	}
	return out
}

func size(resources []events.DriftedResource) int {
	text, err := json.Marshal(resources)
	if err != nil {
		return 0
	}
	return len(text)
}

// shorten cuts s to at most most bytes at a rune border and marks the cut.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// few returns the first reasons, shortened.
func few(reasons []string) []string {
	out := make([]string, 0, maxReasons)
	for _, reason := range reasons[:min(len(reasons), maxReasons)] {
		out = append(out, shorten(reason, maxReason))
	}
	return out
}
