package rollout

import (
	"slices"
	"time"
)

// The actions of entries.
const (
	EntryStarted      = "started"
	EntryStepped      = "stepped"
	EntryHeld         = "held" // measurements that the state no longer keeps
	EntryPaused       = "paused"
	EntryResumed      = "resumed"
	EntryPromoted     = "promoted"
	EntryAborted      = "aborted"
	EntrySwitchedBack = "switchedBack"
	EntryRetired      = "retired"
)

const (
	maxEntries          = 120 // of a timeline
	maxEntryMeasured    = 160 // measurements of one entry
	maxTimelineMeasured = 640 // measurements of all entries
	maxEntryText        = 300 // characters of a reason
)

// Add puts an entry where its time belongs. The timeline stays bounded: the
// first entry and the newest ones are kept, and of the measurements those that
// are not successful before the others.
func Add(timeline []Entry, e Entry) []Entry {
	e.Why = shorten(e.Why, maxEntryText)
	e.Measured = outline(e.Measured, maxEntryMeasured)
	at, _ := slices.BinarySearchFunc(timeline, e.Time, func(have Entry, t time.Time) int {
		if have.Time.After(t) {
			return 1
		}
		return -1 // an entry of the same time stays before
	})
	timeline = slices.Insert(slices.Clone(timeline), at, e)
	if over := len(timeline) - maxEntries; over > 0 {
		timeline = slices.Delete(timeline, 1, 1+over)
	}
	for total := count(timeline); total > maxTimelineMeasured; total = count(timeline) {
		most := 0
		for i := range timeline {
			if len(timeline[i].Measured) > len(timeline[most].Measured) {
				most = i
			}
		}
		timeline[most].Measured = outline(timeline[most].Measured, len(timeline[most].Measured)/2)
	}
	return timeline
}

func count(timeline []Entry) (n int) {
	for _, e := range timeline {
		n += len(e.Measured)
	}
	return n
}

// outline keeps at most n measurements: all that are not successful while they
// fit, and of the others evenly many, with the newest of each kind.
func outline(measured []Measurement, n int) []Measurement {
	kept := make([]Measurement, 0, min(len(measured), n))
	bad := 0
	for _, m := range measured {
		if m.Outcome != Successful {
			bad++
		}
	}
	good := len(measured) - bad
	keepBad := min(bad, n)
	keepGood := min(good, n-keepBad)
	var seenGood, seenBad int
	for _, m := range measured {
		seen, of, keep := &seenGood, good, keepGood
		if m.Outcome != Successful {
			seen, of, keep = &seenBad, bad, keepBad
		}
		*seen++
		if *seen*keep/of == (*seen-1)*keep/of {
			continue
		}
		m.Why = shorten(m.Why, maxEntryText)
		if m.Outcome == Successful && m.Value != nil {
			m.Why = "" // the value says it
		}
		kept = append(kept, m)
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// shorten cuts a text to at most n characters.
func shorten(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
