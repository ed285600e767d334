package drift

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// tell publishes the report: DriftScanned always, DriftDetected only when what
// is open is not what was told before, DriftResolved only when nothing is open
// any more. It remembers how the stack stands after that: a report that broke
// off between the two is repeated, and publishes facts with the same ids.
func (s *Service) tell(ctx context.Context, scan Scan, report Report) (scanID string, err error) {
	found := scannedFact(scan, report)
	facts := []events.Fact{found}
	open := openOf(report)
	var standing Standing
	change, had := ChangeNone, []Open(nil)
	if s.Standings != nil {
		last, err := s.Standings.Standing(ctx, scan.Stack)
		if err != nil {
			return "", err
		}
		now := seen(scan, report, open)
		standing, change = ChangeSince(last, now)
		if last.Stack.StackID != scan.Stack.StackID {
			last.Changed = nil
		}
		standing.Changed = changers(report, now, last.Changed)
		had = standing.ToldBefore
	} else if len(open) > 0 {
		change = ChangeDetected
	}
	var data events.Data
	switch change {
	case ChangeDetected:
		data = events.DriftDetected{StackRef: scan.Stack, ScanID: scan.ScanID, Coverage: report.Coverage, Resources: clip(withCarried(open, standing.Open))}
	case ChangeResolved:
		data = events.DriftResolved{StackRef: scan.Stack, ScanID: scan.ScanID, Coverage: report.Coverage, Resources: withCarried(nil, had)}
	}
	if data != nil {
		facts = append(facts, fact(scan, data, scan.Detection.Ended, found.Metadata.ID))
	}
	if err := s.Publisher.Publish(ctx, facts...); err != nil {
		return "", err
	}
	if s.Standings == nil {
		return found.Metadata.ID, nil
	}
	standing.Verdict = verdict(scan, report.Status, report.Reasons...)
	return found.Metadata.ID, s.Standings.Remember(ctx, standing, s.Now().Add(standingLife))
}

func verdict(scan Scan, status string, reasons ...string) Verdict {
	return Verdict{ScanID: scan.ScanID, Status: status, Reason: strings.Join(few(reasons), "; "), Scanned: scan.Detection.Ended.UTC().Truncate(time.Second)}
}

// failed remembers that the scan failed, for the report of a parent that waits
// for it. How the stack stood stays as it was.
func (s *Service) failed(ctx context.Context, scan Scan, reason string) error {
	if s.Standings == nil {
		return nil
	}
	last, err := s.Standings.Standing(ctx, scan.Stack)
	if err != nil {
		return err
	}
	if last.Stack.StackID != scan.Stack.StackID {
		last = Standing{Stack: scan.Stack}
	}
	last.Verdict = verdict(scan, StatusUnknown, reason)
	return s.Standings.Remember(ctx, last, s.Now().Add(standingLife))
}

// seen is what of a report the standing is made of.
func seen(scan Scan, report Report, open []events.DriftedResource) Seen {
	now := Seen{
		Stack: scan.Stack, ScanID: scan.ScanID, DetectionID: scan.Detection.ID, At: scan.Detection.Ended.UTC().Truncate(time.Second),
		Unchecked: slices.Concat(report.Unknown, report.Unsupported), Nothing: scan.Detection.State == DetectionSkipped,
		Unknown: report.Own == StatusUnknown || report.Coverage.Unknown > 0, // what is nested tells for itself
		Gone:    scan.Detection.State == DetectionSkipped && scan.Detection.Reason == noStack,
	}
	for _, r := range open {
		now.Open = append(now.Open, Open{
			LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, ResourceType: r.ResourceType, Status: r.Status,
			Digest: digest([]events.DriftedResource{r})[:shortDigest], Severity: r.Severity,
		})
	}
	return now
}

// shortDigest is enough to tell what one resource had from what it has.
const shortDigest = 24

// openOf are the resources whose drift is neither ignored nor accepted, each
// with the differences of which that is so.
func openOf(report Report) []events.DriftedResource {
	open := []events.DriftedResource{}
	for _, r := range report.Resources {
		keeps := func(path string) bool {
			return slices.ContainsFunc(report.Kept, func(k Kept) bool { return k.LogicalID == r.LogicalID && (k.Path == "" || k.Path == path) })
		}
		if keeps("") {
			continue
		}
		all := len(r.Differences)
		r.Differences = slices.DeleteFunc(slices.Clone(r.Differences), func(d events.PropertyDifference) bool { return keeps(d.Path) })
		if all > 0 && len(r.Differences) == 0 {
			continue // what is left of it is no drift
		}
		open = append(open, r)
	}
	return open
}

// withCarried adds the resources that stand open and that the report did not
// look at; what they differ in an older fact says.
func withCarried(resources []events.DriftedResource, standing []Open) []events.DriftedResource {
	out := append([]events.DriftedResource{}, resources...)
	for _, o := range standing {
		if slices.ContainsFunc(resources, func(r events.DriftedResource) bool { return r.LogicalID == o.LogicalID }) {
			continue
		}
		out = append(out, events.DriftedResource{
			LogicalID: o.LogicalID, PhysicalID: o.PhysicalID, ResourceType: o.ResourceType, Status: o.Status,
			Differences: []events.PropertyDifference{}, Severity: o.Severity,
		})
	}
	return out
}
