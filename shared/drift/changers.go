package drift

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

// maxChangedPaths bounds the paths that are kept of one resource.
const maxChangedPaths = 20

// changers are who changed what drifted, sorted by logical id, for whoever is
// about to overwrite it: a deployment. Of a resource that was not looked at, or
// about which nobody was asked, what was known before counts still; of one that
// is in sync again nothing does.
func changers(report Report, seen Seen, before []attribution.Known) []attribution.Known {
	if seen.Gone {
		return nil
	}
	last := map[string]attribution.Known{}
	for _, k := range before {
		last[k.LogicalID] = k
	}
	var now []attribution.Known
	keep := func(logicalID string) {
		if k, ok := last[logicalID]; ok {
			now = append(now, k)
		}
	}
	for _, r := range report.Resources {
		if r.Attribution == nil {
			keep(r.LogicalID)
		} else if r.Attribution.Principal != "" {
			now = append(now, attribution.Known{LogicalID: r.LogicalID, Paths: pathsChanged(r), By: named(*r.Attribution), Scanned: seen.At})
		}
	}
	for _, k := range before {
		if seen.Nothing || slices.Contains(seen.Unchecked, k.LogicalID) {
			keep(k.LogicalID)
		}
	}
	slices.SortStableFunc(now, func(a, b attribution.Known) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return slices.CompactFunc(now, func(a, b attribution.Known) bool { return a.LogicalID == b.LogicalID })
}

// named is what of an attribution a plan says.
func named(a events.Attribution) events.Attribution {
	return events.Attribution{Class: a.Class, Principal: a.Principal, EventName: a.EventName, EventID: a.EventID, Time: a.Time, Exact: a.Exact}
}

func pathsChanged(r events.DriftedResource) []string {
	if r.Status == StatusDeleted || len(r.Differences) > maxChangedPaths {
		return nil
	}
	var paths []string
	for _, d := range r.Differences {
		paths = append(paths, d.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
