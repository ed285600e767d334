package drift

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Service does the actions of the drift workflow. Each is idempotent: a
// repeated one finds what the first has done, and publishes facts with the same
// ids. Nothing waits inside a call.
type Service struct {
	Stacks     Stacks
	ChangeSets ChangeSets
	Tokens     Tokens
	Tasks      Tasks
	Inventory  Inventory
	Discovery  Discovery // nil: only deployed stacks are known
	Scope      Scope
	Rollouts   Rollouts // nil: nothing is rolled out
	Live       Live     // nil: CloudFormation alone
	Attributor Attributor
	Policies   Policies // nil, with Baselines: nothing is responded to
	Baselines  Baselines
	Heals      Heals      // nil: nothing is healed
	Files      Files      // nil, with Executions: no scans in batches
	Executions Executions // of the drift workflow
	Standings  Standings  // nil: every report is told anew
	Locks      Locks      // nil: nobody deploys
	Publisher  Publisher
	Now        func() time.Time
}

// tokenLife is how long a task token is kept at most. It is longer than any
// task of the workflow waits.
const tokenLife = 24 * time.Hour

// List returns one document for each stack to scan, sorted by account, region
// and name: those that the request names, or else every deployed stack, or all
// of the scope, and the stacks nested in them. Those come first, the deepest
// before all: their parents' reports wait for theirs.
// execution is the name of the workflow execution. A stack that is not deployed
// by Evenkeel must be named by its ARN; any other name that is not known is
// Invalid.
func (s *Service) List(ctx context.Context, request Request, execution string) (Worklist, error) {
	if request.ScanID == "" {
		request.ScanID = execution
	}
	engine, err := ParseEngine(request.Engine)
	if err != nil {
		return Worklist{}, err
	}
	var chosen []events.StackRef
	number := request.Batch
	if number > 0 {
		request, chosen, err = s.batch(ctx, Batch{ScanID: request.ScanID, Number: number})
		engine = request.Engine
	} else {
		chosen, err = s.chosen(ctx, request)
	}
	if err != nil {
		return Worklist{}, err
	}
	if request.Seen != "" && len(chosen) != 1 {
		return Worklist{}, fault.Invalid("what was seen is the drift of one stack, but %d are asked for", len(chosen))
	}
	var depth map[string]int
	if request.Seen == "" { // a revert names its stack
		if chosen, depth, err = s.withNested(ctx, chosen); err != nil {
			return Worklist{}, err
		}
	}
	slices.SortFunc(chosen, func(a, b events.StackRef) int {
		return cmp.Or(cmp.Compare(depth[b.StackID], depth[a.StackID]), strings.Compare(sortKey(a), sortKey(b)))
	})
	list := Worklist{ScanID: request.ScanID, Batch: number, Scans: make([]Scan, 0, len(chosen))}
	for _, stack := range chosen {
		list.Scans = append(list.Scans, Scan{
			ScanID: request.ScanID, Stack: stack, Engine: engine, Revert: request.Revert, Seen: request.Seen, IncludeKept: request.IncludeKept,
			RequestedBy: request.RequestedBy,
			// What the output says if nothing else is ever heard of the scan.
			Result: result(stack, OutcomeFailed, "the scan did not finish"),
		})
	}
	return list, nil
}

// StartDetection starts a drift detection, unless the stack's status does not
// allow one: then the detection is Skipped and says why. The live engine alone
// needs none. A stack that is being
// changed or checked by somebody else is a Conflict.
func (s *Service) StartDetection(ctx context.Context, scan Scan) (Scan, error) {
	state, err := s.Stacks.State(ctx, scan.Stack)
	if err != nil {
		return scan, err
	}
	reason, busy := Undetectable(state)
	if busy {
		return scan, fault.Conflict("detect drift of %s: %s", scan.Stack.StackName, reason)
	}
	now := s.Now().UTC()
	if reason != "" {
		scan.Detection = Detection{State: DetectionSkipped, Reason: reason, Started: now, Ended: now}
		return scan, nil
	}
	if scan.Plan.State == PlanApproved { // the detection after the revert
		if err := s.keep(ctx, scan, verifyHold); err != nil {
			return scan, err
		}
	}
	if scan.Engine == EngineLive {
		scan.Detection = Detection{ID: "live-" + id(scan.ScanID, scan.Stack.StackID, now.Format(time.RFC3339Nano)), State: DetectionNone, Started: now, Ended: now}
		return scan, nil
	}
	detection, err := s.Stacks.StartDetection(ctx, scan.Stack)
	if err != nil {
		return scan, err
	}
	scan.Detection = Detection{ID: detection, State: DetectionStarted, Started: now}
	return scan, nil
}

// AwaitDetection keeps the token of the workflow task that waits for the
// detection. The detection may have ended, and its event may have come and
// found no token, before the token was kept: so the detection is read once
// after that. Either the event comes later and finds the token, or the read
// sees the end; whichever is second finds a task that waits no longer.
// A failure is answered through the token as well.
func (s *Service) AwaitDetection(ctx context.Context, scan Scan, token string) error {
	wait := Wait{Kind: WaitDetection, StackID: scan.Stack.StackID, ID: scan.Detection.ID}
	if err := s.Tokens.Keep(ctx, wait, token, s.Now().Add(tokenLife)); err != nil {
		return s.failTask(ctx, token, err)
	}
	detection, err := s.Stacks.Detection(ctx, scan.Stack, scan.Detection.ID)
	if err != nil {
		return s.failTask(ctx, token, err)
	}
	if !detection.Over() {
		return nil
	}
	detection.Ended = s.Now().UTC()
	return s.succeedTask(ctx, wait, token, detection)
}

// ReadDetection reads the detection when no event came in time. One that is
// not over is a Conflict, so that the workflow asks again later.
func (s *Service) ReadDetection(ctx context.Context, scan Scan) (Scan, error) {
	detection, err := s.Stacks.Detection(ctx, scan.Stack, scan.Detection.ID)
	if err != nil {
		return scan, err
	}
	if !detection.Over() {
		return scan, fault.Conflict("the drift detection of %s has not ended", scan.Stack.StackName)
	}
	detection.Ended = s.Now().UTC()
	scan.Detection = detection
	return scan, nil
}

// DetectionChanged completes the task that waits for the detection, and
// reports whether one did. Events of a running detection, repeated ones and
// those of detections that others started change nothing. The end is when it is
// heard of, as where it is read: events have whole seconds (EventBridge user
// guide, "Event structure"), and of two scans within one the ledger could not
// tell which was the last.
func (s *Service) DetectionChanged(ctx context.Context, event events.Envelope[events.DriftDetectionDetail]) (bool, error) {
	detection := Detection{ID: event.Detail.DriftDetectionID, State: DetectionState(event.Detail.StatusDetails.DetectionStatus), Ended: s.Now().UTC()}
	if !detection.Over() {
		return false, nil
	}
	wait := Wait{Kind: WaitDetection, StackID: event.Detail.StackID, ID: detection.ID}
	return s.complete(ctx, wait, detection)
}

// DetectionState translates CloudFormation's DetectionStatus. A status that is
// not known counts as running: only a known end ends the wait.
func DetectionState(status string) string {
	switch status {
	case "DETECTION_COMPLETE":
		return DetectionDone
	case "DETECTION_FAILED":
		return DetectionFailed
	default:
		return DetectionStarted
	}
}

// complete answers the task that waits, if any.
func (s *Service) complete(ctx context.Context, wait Wait, output any) (bool, error) {
	token, err := s.Tokens.Find(ctx, wait)
	if err != nil || token == "" {
		return false, err
	}
	return true, s.succeedTask(ctx, wait, token, output)
}

func (s *Service) succeedTask(ctx context.Context, wait Wait, token string, output any) error {
	if err := s.Tasks.Succeed(ctx, token, output); err != nil {
		return err
	}
	return s.Tokens.Forget(ctx, wait, token)
}

// failTask answers a waiting task with the error's kind. If even that fails,
// the error stays the function's own.
func (s *Service) failTask(ctx context.Context, token string, err error) error {
	if s.Tasks.Fail(ctx, token, fault.Kind(err), err.Error()) != nil {
		return err
	}
	return nil
}

// choose finds the named stacks among the known ones.
func choose(known []events.StackRef, names []string) ([]events.StackRef, error) {
	var chosen []events.StackRef
	for _, name := range names {
		found := slices.DeleteFunc(slices.Clone(known), func(k events.StackRef) bool {
			return k.StackName != name && k.StackID != name
		})
		if len(found) == 0 {
			stack, ok := parseARN(name)
			if !ok {
				return nil, fault.Invalid("no deployed stack is called %q; a stack that Evenkeel did not deploy is named by its ARN", name)
			}
			found = []events.StackRef{stack}
		}
		for _, stack := range found {
			if !slices.ContainsFunc(chosen, func(c events.StackRef) bool { return c.StackID == stack.StackID }) {
				chosen = append(chosen, stack)
			}
		}
	}
	return chosen, nil
}

// parseARN reads arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>.
func parseARN(arn string) (events.StackRef, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "cloudformation" {
		return events.StackRef{}, false
	}
	path := strings.Split(parts[5], "/")
	if len(path) != 3 || path[0] != "stack" {
		return events.StackRef{}, false
	}
	return events.StackRef{StackID: arn, StackName: path[1], Account: parts[4], Region: parts[3]}, true
}

func sortKey(s events.StackRef) string { return s.Account + "/" + s.Region + "/" + s.StackName }

// id is a name made of parts: the same parts give the same name.
func id(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:12])
}
