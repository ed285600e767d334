package simulation

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
)

// End checks what must hold when everything has come to rest.
func (d *Drift) End() {
	d.quiet = true
	for _, e := range d.Runs {
		if e.Status == interpreter.Running {
			d.Violate("%s never ended", e.Name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.watch.reverting)) {
		// Faults that outlast every retry may keep the last word from being said.
		if d.watch.closed[key] == "" && d.chaos.Permanent == 0 && d.chaos.Force == nil && d.chaos.Lambda < 0.05 && d.chaos.Hang < 0.05 {
			d.Violate("the revert of %s was executed, but no fact says how it ended", key)
		}
	}
	d.last()
}

// last scans once more, when nothing is changed and nothing fails any more: what
// no scan could look at before, as its stack was updated or its detection broke
// off, is found now.
func (d *Drift) last() {
	for _, s := range d.stacks {
		s.Reaches = 0
	}
	machine := "drift"
	if d.batches {
		machine = "driftscan"
	}
	e := d.Start(machine, json.RawMessage(`{"detail-type":"Scheduled Event","detail":{}}`))
	if e == nil {
		return
	}
	d.watch.scans[e.Name] = false
	d.Run()
	if e.Status != interpreter.Succeeded {
		d.Violate("the last scan, %s, ended %s: %s %s", e.Name, e.Status, e.Error, e.Cause)
		return
	}
	found := map[string]events.DriftScanned{}
	for _, fact := range d.Facts {
		if scan, ok := fact.Data.(events.DriftScanned); ok && scan.ScanID == e.Name {
			found[scan.StackID] = scan
		}
	}
	for _, s := range d.stacks {
		d.truth(s, found[s.Ref.StackID])
	}
}

// truth compares what the last scan says of a stack with what is so.
func (d *Drift) truth(s *fake.DriftStack, said events.DriftScanned) {
	want, own, drifted := d.state(s)
	if said.Status != want || len(said.Resources) != drifted {
		d.Violate("the last scan says of %s: %s %q, %d drifted; it is %s, %d drifted", s.Ref.StackName, said.Status, said.Reason, len(said.Resources), want, drifted)
	}
	if d.watch.forgot[s.Ref.StackID] {
		return // what was told is not remembered
	}
	if told := d.watch.told[s.Ref.StackID] != ""; own == drift.StatusInSync && told || own == drift.StatusDrifted && !told {
		d.Violate("%s is %s by itself, and the drift that was told last is %q", s.Ref.StackName, own, d.watch.told[s.Ref.StackID])
	}
}

// state is how a stack is, with what is nested in it and by itself, and how many
// of its own resources have drifted.
func (d *Drift) state(s *fake.DriftStack) (all, own string, drifted int) {
	if reason, _ := drift.Undetectable(drift.StackState{Status: s.Status}); reason != "" || d.cloud.Gone(s.Ref) {
		return drift.StatusUnknown, drift.StatusUnknown, 0
	}
	own = drift.StatusInSync
	for _, name := range []string{"Drifted", "Other"} {
		r := s.Resources[name]
		switch {
		case r.Unreadable != "":
			own = drift.StatusUnknown
		case r.Deleted, r.Expected["VisibilityTimeout"] != r.Actual["VisibilityTimeout"]:
			drifted++
		}
	}
	if drifted > 0 {
		own = drift.StatusDrifted
	}
	all = own
	if nested := s.Resources["Nested"]; nested != nil && own != drift.StatusDrifted {
		child, _, _ := d.state(d.watch.find(events.StackRef{StackID: nested.PhysicalID}))
		if child != drift.StatusInSync {
			all = child
		}
	}
	return all, own, drifted
}
