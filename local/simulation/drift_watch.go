package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
)

// driftWatch holds the invariants of drift:
//
//   - every scan names each of its stacks once, with an outcome, whatever
//     became of the others;
//   - a change set is executed at most once, by a scan that was asked to
//     revert, after its guard agreed, and only with changes of resources that
//     the same scan reported, none of which replaces, removes or carries a
//     value that is known only after apply;
//   - nothing is said of a stack before its detection ended, and IN_SYNC and
//     DriftReverted only of what is in sync;
//   - a change set is executed only while its scan has the stack's lock, which
//     it has no more when it ended as reverted or refused;
//   - a parent is IN_SYNC only when its nested stack was called so before, and the
//     revert of a parent does nothing to what is nested in it;
//   - nothing is called in sync, and no drift resolved, of which a part is not
//     known: neither what could not be read, nor, by CloudFormation alone, what a
//     detection that broke off did not reach;
//   - drift is told when it changes, and resolved only after it was told;
//   - an executed revert is followed by a fact that says how it ended.
type driftWatch struct {
	d         *Drift
	scans     map[string]bool            // scan → asked to revert
	calls     []driftCall                // invocations under way, innermost last
	reported  map[string]map[string]bool // scan/stack → logical ids reported drifted
	reverting map[string]bool            // scan/stack whose change set was executed
	closed    map[string]string          // scan/stack → fact that ended its revert
	touched   map[string]time.Time       // stack → last change by an outsider
	told      map[string]string          // stack → drift that was told last
	toldAt    map[string]time.Time       // stack → when; two scans at once may both tell
	forgot    map[string]bool            // stacks whose standing could not be kept last
	checked   map[string]time.Time       // stack → end of the last detection
	heard     map[string]bool            // ids of facts
	over      map[string]bool            // detections that ended
	failed    map[string]int             // those of them that failed → resources that they checked
	newest    map[string]string          // stack → detection that ended last
	counts    map[string]int             // outcomes
	clean     map[string]bool            // stacks that were called IN_SYNC
	holders   map[string]string          // name of a stack → scan that has its lock
}

// driftCall is what the function was asked.
type driftCall struct {
	Action string
	Scan   drift.Scan
	told   bool // published DriftDetected or DriftResolved
}

func newDriftWatch(d *Drift) driftWatch {
	return driftWatch{
		d: d, scans: map[string]bool{}, reported: map[string]map[string]bool{}, reverting: map[string]bool{}, closed: map[string]string{},
		touched: map[string]time.Time{}, told: map[string]string{}, toldAt: map[string]time.Time{}, heard: map[string]bool{}, forgot: map[string]bool{},
		checked: map[string]time.Time{}, over: map[string]bool{}, failed: map[string]int{}, newest: map[string]string{}, counts: map[string]int{},
		clean: map[string]bool{}, holders: map[string]string{},
	}
}

// calling keeps an invocation while it lasts.
func (w *driftWatch) calling(raw json.RawMessage) (done func()) {
	var call driftCall
	if err := json.Unmarshal(raw, &call); err != nil {
		w.d.Violate("the function received what is not JSON: %v", err)
	}
	w.calls = append(w.calls, call)
	return func() { w.calls = w.calls[:len(w.calls)-1] }
}

// emitted hears the cloud itself, before any event can get lost.
func (w *driftWatch) emitted(envelope any) {
	if e, ok := envelope.(events.Envelope[events.DriftDetectionDetail]); ok && e.Detail.StatusDetails.DetectionStatus != "DETECTION_IN_PROGRESS" {
		w.checked[e.Detail.StackID] = w.d.Clock.Now()
		w.over[e.Detail.DriftDetectionID] = true
		w.newest[e.Detail.StackID] = e.Detail.DriftDetectionID
		if e.Detail.StatusDetails.DetectionStatus == "DETECTION_FAILED" {
			w.failed[e.Detail.DriftDetectionID] = w.find(events.StackRef{StackID: e.Detail.StackID}).Reached()
		}
	}
}

// remembering is asked before a standing is read or kept. One that could not be
// kept after its facts were published may be told again, also when one that had
// nothing to tell was kept since.
func (w *driftWatch) remembering(call string) error {
	err := w.d.port(call)
	if now := w.calls[len(w.calls)-1]; call == "Remember" && now.Action != "fail" && (err != nil || now.told) { // that one keeps what was told as it was
		w.forgot[now.Scan.Stack.StackID] = err != nil
	}
	return err
}

// executed looks at an execution in the moment in which it takes effect.
func (w *driftWatch) executed(ref events.StackRef) {
	call, s := w.calls[len(w.calls)-1], w.find(ref)
	scan := call.Scan
	key := scan.ScanID + "/" + ref.StackID
	w.d.Log("execute %s", key)
	if call.Action != "executeRevert" || scan.Plan.State != drift.PlanApproved || !w.scans[scan.ScanID] {
		w.d.Violate("%s was executed by %s of a scan with the plan %q, asked to revert: %v", key, call.Action, scan.Plan.State, w.scans[scan.ScanID])
	}
	if holder := w.holders[ref.StackName]; holder != scan.ScanID {
		w.d.Violate("%s was executed while %q had the lock", key, holder)
	}
	if n := s.Executed[scan.Plan.ChangeSetID]; n != 1 {
		w.d.Violate("%s was executed %d times", scan.Plan.ChangeSetID, n)
	}
	w.reverting[key] = true
	for _, c := range s.Last {
		if nested := s.Resources[c.LogicalID]; nested != nil && nested.Type == nestedStack {
			if nested.Released {
				w.d.Violate("%s changes what is in %s, which is not its drift", key, c.LogicalID)
			}
			continue
		}
		if !w.reported[key][c.LogicalID] && c.LogicalID != "Alike" {
			w.d.Violate("%s changes %s, which it did not report", key, c.LogicalID)
		}
		if c.Replacement == "True" || c.PolicyAction != "" || strings.Contains(c.After, "KNOWN_AFTER_APPLY") {
			w.d.Violate("%s executes %+v", key, c)
		}
	}
}

// locked hears that the lock of a stack changed hands. One whose time was not
// over may only be given back.
func (w *driftWatch) locked(target events.Target, from, to string, expires time.Time) {
	if from != "" && to != "" && w.d.Clock.Now().Before(expires) {
		w.d.Violate("%s took the lock of %s, which %s has until %s", to, target.StackName, from, expires)
	}
	w.holders[target.StackName] = to
}

func (w *driftWatch) find(ref events.StackRef) *fake.DriftStack {
	i := slices.IndexFunc(w.d.stacks, func(s *fake.DriftStack) bool { return s.Ref.StackID == ref.StackID })
	return w.d.stacks[i]
}

func (w *driftWatch) fact(f events.Fact) {
	again := w.heard[f.Metadata.ID]
	w.heard[f.Metadata.ID] = true
	switch f.Data.(type) {
	case events.DriftDetected, events.DriftResolved:
		w.calls[len(w.calls)-1].told = true
	}
	switch data := f.Data.(type) {
	case events.DriftScanned:
		if data.Status != drift.StatusUnknown && !w.over[data.DetectionID] {
			w.d.Violate("%s is called %s before its detection %s ended", data.StackName, data.Status, data.DetectionID)
		}
		if data.Status == drift.StatusInSync {
			w.inSync("IN_SYNC", data.StackRef, []string{"Drifted", "Other"})
			w.clean[data.StackID] = true
			if nested := w.find(data.StackRef).Resources["Nested"]; nested != nil && !w.clean[nested.PhysicalID] {
				w.d.Violate("%s is called IN_SYNC, but its nested stack never was", data.StackName)
			}
			w.allKnown("IN_SYNC", data.StackRef, data.Coverage)
		}
		if !again {
			w.partial(data)
		}
		key := data.ScanID + "/" + data.StackID
		if w.reverting[key] {
			return // of the detection after a revert
		}
		names := w.reported[key]
		if names == nil {
			names = map[string]bool{} // a report that is repeated may find more
		}
		for _, r := range data.Resources {
			names[r.LogicalID] = true
			if r.LogicalID == "Alike" || r.LogicalID == "Custom" {
				w.d.Violate("%s of %s is reported drifted", r.LogicalID, data.StackName)
			}
		}
		w.reported[key] = names
	case events.DriftDetected:
		if again {
			return
		}
		now := fmt.Sprint(data.Resources)
		at := w.d.Clock.Now()
		if w.told[data.StackID] == now && !w.forgot[data.StackID] && at.Sub(w.toldAt[data.StackID]) > time.Minute {
			w.d.Violate("the drift of %s was told twice: %s", data.StackName, now)
		}
		w.told[data.StackID], w.toldAt[data.StackID] = now, at
		w.forgot[data.StackID] = true // until it is kept
	case events.DriftResolved:
		if again {
			return
		}
		if w.told[data.StackID] == "" && !w.forgot[data.StackID] {
			w.d.Violate("%s is called resolved, but nothing was told", data.StackName)
		}
		w.told[data.StackID] = ""
		w.forgot[data.StackID] = true
		w.inSync("resolved", data.StackRef, []string{"Drifted", "Other"})
		w.allKnown("resolved", data.StackRef, data.Coverage)
	case events.DriftReverted:
		w.closed[data.ScanID+"/"+data.StackID] = data.DetailType()
		names := []string{}
		for _, r := range data.Resources {
			names = append(names, r.LogicalID)
		}
		w.inSync("reverted", data.StackRef, names)
	case events.DriftRevertRefused:
		w.closed[data.ScanID+"/"+data.StackID] = data.DetailType()
	}
}

// inSync checks what a fact says, unless an outsider changed the stack since
// the detection that it speaks of.
func (w *driftWatch) inSync(said string, ref events.StackRef, names []string) {
	if !w.touched[ref.StackID].Before(w.checked[ref.StackID]) {
		return
	}
	s := w.find(ref)
	for _, name := range names {
		r := s.Resources[name]
		if r.Deleted || r.Unreadable != "" || r.Expected["VisibilityTimeout"] != r.Actual["VisibilityTimeout"] {
			w.d.Violate("%s of %s is called %s, but it is %+v", name, ref.StackName, said, *r)
		}
	}
}

// ended looks at the output of a scan.
func (w *driftWatch) ended(e *interpreter.Execution) {
	if w.d.batches && e.Machine == "drift" {
		return // its parent tells, whatever became of it
	}
	if e.Status != interpreter.Succeeded {
		if e.Error != "Rejected" && e.Error != "Failed" {
			w.d.Violate("%s ended with %s: %s", e.Name, e.Error, e.Cause)
		}
		return
	}
	var sum drift.Summary
	raw, err := json.Marshal(e.Output)
	if err == nil {
		err = json.Unmarshal(raw, &sum)
	}
	if err != nil || sum.ScanID != e.Name {
		w.d.Violate("%s put out %s: %v", e.Name, raw, err)
		return
	}
	var names []string
	for _, r := range sum.Stacks {
		names = append(names, r.StackName)
		w.counts[r.Outcome]++
		w.outcome(e.Name, r)
	}
	var want []string
	for _, s := range w.d.stacks {
		want = append(want, s.Ref.StackName)
	}
	if !slices.Equal(names, want) {
		w.d.Violate("%s put out the stacks %v, want each of %v once", e.Name, names, want)
	}
}

var driftOutcomes = map[string]bool{ // outcome → a revert must have been asked for
	drift.OutcomeInSync: false, drift.OutcomeDrifted: false, drift.OutcomeUnknown: false, drift.OutcomeSkipped: false,
	drift.OutcomeFailed: false, drift.OutcomeReverted: true, drift.OutcomeRevertRefused: true,
}

func (w *driftWatch) outcome(scan string, r drift.Result) {
	asked, known := driftOutcomes[r.Outcome]
	if !known || asked && !w.scans[scan] {
		w.d.Violate("%s ended %s as %q", scan, r.StackName, r.Outcome)
	}
	if (r.Outcome == drift.OutcomeReverted || r.Outcome == drift.OutcomeRevertRefused) && w.holders[r.StackName] == scan {
		w.d.Violate("%s ended %s as %s and still has its lock", scan, r.StackName, r.Outcome)
	}
	silent := r.Outcome == drift.OutcomeUnknown || r.Outcome == drift.OutcomeSkipped || r.Outcome == drift.OutcomeRevertRefused || r.Outcome == drift.OutcomeFailed
	if silent && len(r.Reasons) == 0 {
		w.d.Violate("%s ended %s as %s without a reason", scan, r.StackName, r.Outcome)
	}
}
