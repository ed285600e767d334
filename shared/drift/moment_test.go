package drift_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

// Events have whole seconds. Of two scans within one, the later one's fact is
// the later one all the same: the ledger takes the last for how the stack stands.
func TestTwoScansWithinASecond(t *testing.T) {
	w := newWorld(t)
	w.cloud.Detecting = 100 * time.Millisecond
	var told []time.Time
	for _, name := range []string{"first", "second"} {
		scan := must(w.service.StartDetection(ctx, drift.Scan{ScanID: name, Stack: network}))(t)
		if err := w.service.AwaitDetection(ctx, scan, name); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(200 * time.Millisecond)
		w.deliver(1)
		w.output(name, &scan.Detection)
		if _, err := w.service.Report(ctx, scan); err != nil {
			t.Fatal(err)
		}
		for _, f := range w.facts.Facts() {
			if d, ok := f.Data.(events.DriftScanned); ok && d.ScanID == name {
				told = append(told, f.Metadata.Time)
			}
		}
	}
	if len(told) != 2 || !told[0].Before(told[1]) || told[1].Sub(told[0]) >= time.Second {
		t.Errorf("the scans were told at %v", told)
	}
}
