package drift

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

// Standings keeps how each stack stood at its last report.
type Standings interface {
	// Standing returns the last one of the stack with that account, region and
	// name, or a zero Standing.
	Standing(ctx context.Context, stack events.StackRef) (Standing, error)
	// Remember replaces it. It may be forgotten after expires.
	Remember(ctx context.Context, standing Standing, expires time.Time) error
	// Standings returns those of all stacks, in any order.
	Standings(ctx context.Context) ([]Standing, error)
}

// standingLife is how long the standing of a stack that is not scanned any more
// is kept.
const standingLife = 90 * 24 * time.Hour

// Standing is how a stack stood at its last report.
type Standing struct {
	Stack       events.StackRef `json:"stack"`
	ScanID      string          `json:"scanId"`
	DetectionID string          `json:"detectionId,omitempty"`
	Scanned     time.Time       `json:"scanned"`
	Open        []Open          `json:"open,omitempty"`
	Told        []Open          `json:"told,omitempty"` // by the last DriftDetected; none after a DriftResolved
	// What both were before this report: a report that is repeated compares with
	// them again.
	OpenBefore []Open `json:"openBefore,omitempty"`
	ToldBefore []Open `json:"toldBefore,omitempty"`
	// Verdict is what the scan of the stack said in the end, for its parent.
	Verdict Verdict `json:"verdict,omitzero"`
	// Changed is who changed what drifted, as far as that is known; sorted by
	// logical id.
	Changed []attribution.Known `json:"changed,omitempty"`
}

// Verdict is how the last scan of a stack ended, also one that failed.
type Verdict struct {
	ScanID  string    `json:"scanId"`
	Status  string    `json:"status"` // IN_SYNC, DRIFTED, UNKNOWN
	Reason  string    `json:"reason,omitempty"`
	Scanned time.Time `json:"scanned"`
}

// Open is a resource whose drift is neither ignored nor accepted.
type Open struct {
	LogicalID    string    `json:"logicalId"`
	PhysicalID   string    `json:"physicalId,omitempty"`
	ResourceType string    `json:"resourceType,omitempty"`
	Status       string    `json:"status"`             // MODIFIED, DELETED
	Digest       string    `json:"digest"`             // of its open differences, whole values included
	Severity     string    `json:"severity,omitempty"` // none when no policy rated it
	Since        time.Time `json:"since"`              // when a scan first saw the resource drifted
}

// Seen is what a report says to who keeps the standing.
type Seen struct {
	Stack       events.StackRef
	ScanID      string
	DetectionID string
	At          time.Time
	Open        []Open   // without Since
	Unchecked   []string // logical ids of what was not looked at
	Nothing     bool     // nothing was looked at: what was open still is
	Unknown     bool     // something that should have been looked at was not: the stack is not called clean
	Gone        bool     // there is no such stack any more
}

// The kinds of a change.
const (
	ChangeNone     = "none"
	ChangeDetected = "detected" // what is open is not what was told last
	ChangeResolved = "resolved" // drift was told, and none is open any more
)

// ChangeSince compares a report with the one before it, and returns how the stack
// stands now, sorted by logical id, and what there is to tell. What was not
// looked at is as it was. A repeated report changes what the first one changed.
// A stack that was made anew under its name begins anew, and one that is gone
// has no drift, which nobody resolved.
func ChangeSince(last Standing, now Seen) (next Standing, change string) {
	next = Standing{Stack: now.Stack, ScanID: now.ScanID, DetectionID: now.DetectionID, Scanned: now.At}
	switch {
	case last.Stack.StackID != now.Stack.StackID:
	case last.ScanID == now.ScanID && last.DetectionID == now.DetectionID:
		next.OpenBefore, next.ToldBefore = last.OpenBefore, last.ToldBefore
	default:
		next.OpenBefore, next.ToldBefore = last.Open, last.Told
	}
	if now.Gone {
		return next, ChangeNone
	}
	next.Open = carry(next.OpenBefore, now)
	next.Told = next.ToldBefore
	switch {
	case sameOpen(next.Open, next.Told):
		return next, ChangeNone
	case len(next.Open) > 0:
		next.Told = next.Open
		return next, ChangeDetected
	case now.Unknown:
		return next, ChangeNone
	default:
		next.Told = nil
		return next, ChangeResolved
	}
}

// carry is what is open now: what the report found, since when it is known, and
// what it did not look at.
func carry(before []Open, now Seen) []Open {
	var open []Open
	for _, o := range now.Open {
		o.Since = now.At
		if at := indexOf(before, o.LogicalID); at >= 0 {
			o.Since = before[at].Since
		}
		open = append(open, o)
	}
	for _, o := range before {
		if (now.Nothing || slices.Contains(now.Unchecked, o.LogicalID)) && indexOf(open, o.LogicalID) < 0 {
			open = append(open, o)
		}
	}
	slices.SortFunc(open, func(a, b Open) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return open
}

func indexOf(open []Open, logicalID string) int {
	return slices.IndexFunc(open, func(o Open) bool { return o.LogicalID == logicalID })
}

// sameOpen compares what drifted, not how severe it is or since when.
func sameOpen(a, b []Open) bool {
	return slices.EqualFunc(a, b, func(a, b Open) bool {
		return a.LogicalID == b.LogicalID && a.PhysicalID == b.PhysicalID && a.Status == b.Status && a.Digest == b.Digest
	})
}
