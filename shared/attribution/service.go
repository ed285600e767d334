package attribution

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Ledger is what was kept of writes as they arrived.
type Ledger interface {
	// Writes returns the newest writes that are kept under any of the keys, at
	// most limit for each.
	Writes(ctx context.Context, keys []string, limit int) ([]Write, error)
}

// Keeper keeps writes. Keeping one again changes nothing.
type Keeper interface {
	Keep(ctx context.Context, w Write) error
}

// Lookup is CloudTrail's own event history. It is slow and narrowly limited.
type Lookup interface {
	// Find returns the newest writes that CloudTrail has under the name of a
	// resource, among as many events as it is worth reading.
	Find(ctx context.Context, stack events.StackRef, service, name string, from, until time.Time) ([]Write, error)
}

// Where an attribution was found.
const (
	FromLedger = "ledger"
	FromLookup = "lookup"
)

// newest is how many writes of a resource are looked at.
const newest = 100

// history is how far CloudTrail's event history goes back.
// Source: CloudTrail API reference, LookupEvents.
const history = 90 * 24 * time.Hour

// reserve is the time that the ledger needs for what is asked next: CloudTrail
// is not asked when less is left.
const reserve = 5 * time.Second

// Service finds out who changed a resource.
type Service struct {
	Ledger     Ledger
	Lookup     Lookup // nil: there is only the ledger
	Classifier Classifier
	Now        func() time.Time
}

// Attribute returns who made a change. When nobody is found, the class is
// unknown and Why says what was looked at. CloudTrail is asked when the ledger
// explains nothing: it may be younger than the drift, or an event may have been
// lost. An error means that neither could be read.
func (s *Service) Attribute(ctx context.Context, change Change) (*events.Attribution, error) {
	keys := change.Keys()
	if len(keys) == 0 {
		return unknown("CloudTrail does not know the type " + change.Resource.ResourceType), nil
	}
	kept, ledgerErr := s.Ledger.Writes(ctx, keys, newest)
	best := s.match(change, kept, FromLedger)
	if best != nil && best.Exact && best.Class != ClassOwnDeployment || s.Lookup == nil {
		return answer(best, ledgerErr, nil)
	}
	found, lookupErr := s.find(ctx, change)
	if looked := s.match(change, append(found, kept...), FromLookup); looked != nil {
		if best == nil || looked.EventID != best.EventID {
			best = looked
		}
	}
	return answer(best, ledgerErr, lookupErr)
}

func (s *Service) match(change Change, writes []Write, from string) *events.Attribution {
	a := s.Classifier.Match(change, unique(writes))
	if a != nil {
		a.From = from
	}
	return a
}

// find asks CloudTrail for each name that the resource may be recorded under.
func (s *Service) find(ctx context.Context, change Change) ([]Write, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if time.Until(deadline) < reserve {
			return nil, fault.Transient("there was no time left for it: others were looked up before")
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	until := change.Until
	if until.IsZero() {
		until = s.Now()
	}
	until = until.Add(clockSkew)
	var all []Write
	for _, name := range asked(change.names()) {
		found, err := s.Lookup.Find(ctx, change.Stack, sourceOf(change.Resource.ResourceType), name, until.Add(-history), until)
		all = append(all, found...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// maxAsked is how many names of a resource CloudTrail is asked for.
const maxAsked = 3

// asked are the names under which CloudTrail may know a resource: its id and,
// where that is an ARN or a URL, its last part; then its other names.
func asked(names []string) []string {
	var out []string
	for _, name := range names {
		for _, one := range append([]string{name}, shorts(name)...) {
			if !strings.Contains(one, "|") && !slices.Contains(out, one) && len(out) < maxAsked {
				out = append(out, one)
			}
		}
	}
	return out
}

func answer(best *events.Attribution, ledgerErr, lookupErr error) (*events.Attribution, error) {
	switch {
	case best == nil && ledgerErr != nil:
		return nil, errors.Join(ledgerErr, lookupErr)
	case best == nil && lookupErr != nil:
		return unknown("the ledger has no write to it, and CloudTrail could not be asked: " + lookupErr.Error()), nil //nolint:nilerr // the report tells of it
	case best == nil:
		return unknown("neither the ledger nor CloudTrail has a write to it"), nil
	case ledgerErr != nil:
		best.Why += "; the ledger could not be read: " + ledgerErr.Error()
	case lookupErr != nil:
		best.Why += "; CloudTrail could not be asked for others: " + lookupErr.Error()
	}
	return best, nil
}

func unknown(why string) *events.Attribution {
	return &events.Attribution{Class: ClassUnknown, Why: why}
}

// unique drops what is there twice, and keeps the order.
func unique(writes []Write) []Write {
	seen := map[string]bool{}
	var out []Write
	for _, w := range writes {
		if !seen[w.EventID] {
			seen[w.EventID] = true
			out = append(out, w)
		}
	}
	return out
}

// Trail hears the events of writes and keeps them.
type Trail struct {
	Keeper Keeper
}

// Heard is what became of an event.
type Heard struct {
	EventID   string   `json:"eventId,omitempty"`
	Call      string   `json:"call,omitempty"` // sqs.amazonaws.com SetQueueAttributes
	Resources []string `json:"resources,omitempty"`
	Kept      int      `json:"kept"`              // keys
	Skipped   string   `json:"skipped,omitempty"` // why there was nothing to keep
}

// Handle keeps the write that an event tells of. What tells of none, or of
// none with a name, is skipped with the reason; what cannot be read is an
// Invalid error, so that the queue behind the function keeps it. It is safe to
// repeat: a write is known by its event id.
func (t *Trail) Handle(ctx context.Context, event []byte) (Heard, error) {
	w, skip, err := Parse(event)
	if err != nil {
		return Heard{}, err
	}
	if skip != "" {
		return Heard{Skipped: skip}, nil
	}
	heard := Heard{EventID: w.EventID, Call: w.EventSource + " " + w.EventName, Resources: w.Resources, Kept: len(w.Keys())}
	if heard.Kept == 0 {
		heard.Skipped = "the record names no resource"
		return heard, nil
	}
	return heard, t.Keeper.Keep(ctx, w)
}
