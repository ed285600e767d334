package simulation

import (
	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

// looking is asked when the state of a stack is read.
func (w *driftWatch) looking(ref events.StackRef) {
	if len(w.calls) > 0 && w.calls[len(w.calls)-1].Action == "startDetection" && !w.d.cloud.Gone(ref) && w.find(ref).Status == "UPDATE_IN_PROGRESS" {
		w.counts[metUpdate]++
	}
}

// What is counted besides outcomes.
const (
	metUpdate     = "scans that met an update"
	brokeOff      = "reports of a failed detection"
	brokeOffDrift = "reports of a failed detection with drift"
)

// partial checks what is said of a stack when its detection failed.
func (w *driftWatch) partial(data events.DriftScanned) {
	reached, failed := w.failed[data.DetectionID]
	if !failed {
		return
	}
	w.counts[brokeOff]++
	if data.Status == drift.StatusDrifted {
		w.counts[brokeOffDrift]++
	}
	alone := w.calls[len(w.calls)-1].Scan.Engine == drift.EngineCloudFormation
	if alone && data.Coverage.Checked > reached && w.newest[data.StackID] == data.DetectionID {
		w.d.Violate("the detection of %s checked %d resources and failed, and its coverage is %+v", data.StackName, reached, data.Coverage)
	}
}

// allKnown checks that nothing is unknown of a stack of which a fact says that it
// is in sync, or its drift resolved.
func (w *driftWatch) allKnown(said string, ref events.StackRef, coverage events.Coverage) {
	scan := w.calls[len(w.calls)-1].Scan
	if _, failed := w.failed[scan.Detection.ID]; coverage.Unknown > 0 || failed && scan.Engine == drift.EngineCloudFormation {
		w.d.Violate("%s is called %s by %s, with the coverage %+v; its detection failed: %v", ref.StackName, said, scan.ScanID, coverage, failed)
	}
}
