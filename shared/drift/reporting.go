package drift

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Report reads what the detection found, decides what is done about it, and
// publishes DriftScanned and, if what is open changed, DriftDetected or
// DriftResolved. A revert that was asked for something else than what is found is refused.
// A parent whose nested stacks are still scanned waits for them: nothing is
// published then.
func (s *Service) Report(ctx context.Context, scan Scan) (Scan, error) {
	report, err := s.read(ctx, &scan)
	if err != nil {
		return scan, err
	}
	if scan.Waiting {
		scan.WaitSeconds = nestedWait(scan.Reads)
		scan.Reads++
		return scan, nil
	}
	s.attribute(ctx, scan, report.Resources, report.Names)
	s.attribute(ctx, scan, report.Undeclared, report.Names)
	if err := s.respond(ctx, &scan, &report); err != nil {
		return scan, err
	}
	scan.Drift = Drift{
		Found: len(report.Resources) > 0, Resources: clip(report.Resources), Alike: report.alike(), Routed: report.Routed, Kept: report.Kept, Healed: report.Healed, Digest: report.Digest,
	}
	scan.Result = scanned(scan, report)
	if _, err := s.tell(ctx, scan, report); err != nil {
		return scan, err
	}
	if reasons := changedSince(scan, report); len(reasons) > 0 {
		scan.Revert = false
		return s.refuse(ctx, scan, OutcomeRevertRefused, reasons)
	}
	return scan, nil
}

// read assesses the scan's detection. The event of a failed detection does not
// say why it failed or when it began; the detection itself does.
func (s *Service) read(ctx context.Context, scan *Scan) (Report, error) {
	if scan.Detection.State == DetectionSkipped {
		return Assess(scan.Stack, scan.Detection, nil, nil), nil
	}
	if scan.Detection.State == DetectionFailed {
		full, err := s.Stacks.Detection(ctx, scan.Stack, scan.Detection.ID)
		if err != nil {
			return Report{}, err
		}
		scan.Detection.Reason, scan.Detection.Started = full.Reason, full.Started
	}
	resources, err := s.Stacks.Resources(ctx, scan.Stack)
	if err != nil {
		return Report{}, err
	}
	found := Findings{Engine: scan.Engine, Detection: scan.Detection, Resources: resources}
	if found.Nested, scan.Waiting, err = s.nested(ctx, *scan, resources); err != nil || scan.Waiting {
		return Report{}, err
	}
	if scan.Engine != EngineLive {
		if found.Drifts, err = s.Stacks.Drifts(ctx, scan.Stack); err != nil {
			return Report{}, err
		}
	}
	routed, err := s.routed(ctx, *scan, resources)
	if err != nil {
		return Report{}, err
	}
	var names []string
	var note string
	found.Drifts, names = withoutWeights(found.Drifts, routed)
	var seen []string
	if found.Live, seen, note, err = s.live(ctx, *scan, resources, routed); err != nil {
		return Report{}, err
	}
	names = append(names, seen...)
	slices.Sort(names)
	names = slices.Compact(names)
	report := Merge(scan.Stack, found)
	report.Routed, report.Names = names, furtherNames(found.Drifts)
	if note != "" {
		report.Reasons = append(report.Reasons, note)
	}
	return report, nil
}

// Fail records that the scan of a stack failed, so that the other stacks go on
// and nobody takes silence for a clean stack.
func (s *Service) Fail(ctx context.Context, scan Scan) (Scan, error) {
	reason := "the scan failed"
	if scan.Error != nil {
		reason = scan.Error.Error + because(cause(scan.Error.Cause))
	}
	if scan.Plan.State != "" || scan.Drift.Found && scan.Revert {
		outcome := OutcomeFailed
		if scan.Plan.State == "" && scan.Error != nil && scan.Error.Error == fault.ConflictError {
			outcome = OutcomeSkipped // a deployment held the stack all the time
		}
		scan, err := s.refuse(ctx, scan, outcome, []string{reason})
		if err != nil {
			return scan, err
		}
		if scan.Execution.RequestToken == "" {
			if err := s.dropProbe(ctx, scan); err != nil {
				return scan, err
			}
		}
		return scan, s.release(ctx, scan)
	}
	scan.Result = result(scan.Stack, OutcomeFailed, reason)
	if scan.Error != nil && scan.Error.Error == fault.ConflictError {
		scan.Result.Outcome = OutcomeSkipped // somebody else held the stack all the time
	}
	scan.Result.Status = StatusUnknown
	if scan.Detection.Ended.IsZero() {
		scan.Detection.Ended = s.Now().UTC()
	}
	if err := s.Publisher.Publish(ctx, scannedFact(scan, Report{Status: StatusUnknown, Reasons: []string{reason}})); err != nil {
		return scan, err
	}
	return scan, s.failed(ctx, scan, reason)
}

// cause is the message in the cause of a failed Lambda task, which is a JSON
// document; any other cause is its own message.
// Source: Step Functions developer guide, "Handling errors in Step Functions workflows".
func cause(text string) string {
	var document struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(text), &document) == nil && document.Message != "" {
		return document.Message
	}
	return text
}

// Finish sums the results up.
func (s *Service) Finish(scanID string, results []Result) Summary {
	slices.SortStableFunc(results, func(a, b Result) int { // nested stacks came first
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region), strings.Compare(a.StackName, b.StackName))
	})
	sum := Summary{ScanID: scanID, Counts: map[string]int{}, Stacks: results}
	for _, r := range results {
		sum.Counts[r.Outcome]++
	}
	return sum
}

func scanned(scan Scan, report Report) Result {
	outcome := OutcomeInSync
	switch {
	case scan.Detection.State == DetectionSkipped:
		outcome = OutcomeSkipped
	case report.Status == StatusDrifted:
		outcome = OutcomeDrifted
	case report.Status == StatusUnknown:
		outcome = OutcomeUnknown
	}
	r := result(scan.Stack, outcome, report.Reasons...)
	r.Status, r.Coverage, r.Drifted = report.Status, report.Coverage, len(report.Resources)
	return r
}

func result(stack events.StackRef, outcome string, reasons ...string) Result {
	return Result{StackName: stack.StackName, Account: stack.Account, Region: stack.Region, Outcome: outcome, Reasons: few(reasons)}
}

func scannedFact(scan Scan, report Report) events.Fact {
	reasons := few(report.Reasons)
	if note := report.SameNote(); note != "" {
		reasons = append(reasons, shorten(note, maxReason))
	}
	if note := report.RoutedNote(); note != "" {
		reasons = append(reasons, shorten(note, maxReason))
	}
	resources := slices.Concat(report.Resources, report.Undeclared)
	if resources == nil {
		resources = []events.DriftedResource{}
	}
	data := events.DriftScanned{
		StackRef: scan.Stack, ScanID: scan.ScanID, DetectionID: scan.Detection.ID, Status: report.Status,
		Coverage: report.Coverage, Resources: clip(resources), Reason: strings.Join(reasons, "; "), Digest: report.Digest,
		Nested: report.Nested,
	}
	return fact(scan, data, scan.Detection.Ended, "")
}

// fact gives the same fact of the same scan the same id, however often it is
// published.
func fact(scan Scan, data events.Data, at time.Time, causation string) events.Fact {
	return events.Fact{Data: data, Metadata: events.Metadata{
		ID:            id(data.DetailType(), scan.ScanID, scan.Stack.StackID, scan.Detection.ID),
		CorrelationID: scan.ScanID, CausationID: causation, Time: at.UTC(),
	}}
}

// resourceNames lists logical ids, sorted.
func resourceNames(resources []events.DriftedResource) []string {
	names := make([]string, 0, len(resources))
	for _, r := range resources {
		names = append(names, r.LogicalID)
	}
	slices.Sort(names)
	return names
}
