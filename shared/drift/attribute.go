package drift

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Attributor finds out who changed a resource.
type Attributor interface {
	// Attribute returns who made the drift of a resource, which was seen at
	// until, in a stack that was deployed last at from. Either is zero when it is
	// not known. Nobody found is no error: the class is unknown, and Why says
	// what was looked at.
	Attribute(ctx context.Context, stack events.StackRef, resource events.DriftedResource, from, until time.Time) (*events.Attribution, error)
}

// attributing is the longest that a report asks who changed what: CloudTrail
// answers two questions a second, and the function has a minute.
const attributing = 20 * time.Second

// classUnknown is the class of a change whose maker was not found.
const classUnknown = "unknown"

// attribute writes into each resource who changed it. A report without an
// answer is worth more than none: whatever fails is the reason of an unknown
// class, and never the scan's error.
func (s *Service) attribute(ctx context.Context, scan Scan, resources []events.DriftedResource) {
	if s.Attributor == nil || len(resources) == 0 {
		return
	}
	var from time.Time
	if state, err := s.Stacks.State(ctx, scan.Stack); err == nil {
		from = state.Updated
	}
	ctx, cancel := context.WithTimeout(ctx, attributing)
	defer cancel()
	for i, r := range resources {
		found, err := s.Attributor.Attribute(ctx, scan.Stack, r, from, scan.Detection.Ended)
		switch {
		case ctx.Err() != nil && (err != nil || found == nil):
			found = &events.Attribution{Class: classUnknown, Why: fmt.Sprintf("it was not looked up: %d resources took longer than %s", len(resources), attributing)}
		case err != nil:
			found = &events.Attribution{Class: classUnknown, Why: "it could not be looked up: " + shorten(err.Error(), maxReason)}
		}
		resources[i].Attribution = found
	}
}

// AttributionText says in one line who changed a resource, or is empty when
// nobody asked. What callers chose themselves is made printable.
func AttributionText(a *events.Attribution) string {
	if a == nil {
		return ""
	}
	if a.Principal == "" {
		return "by: unknown" + because(printable(a.Why))
	}
	parts := []string{"by: " + a.Principal}
	if a.Session != "" && !strings.HasSuffix(a.Principal, "/"+a.Session) {
		parts = append(parts, "session "+a.Session)
	}
	if !a.Time.IsZero() {
		parts = append(parts, "at "+a.Time.UTC().Format(time.RFC3339))
	}
	if a.SourceIP != "" {
		parts = append(parts, "from "+a.SourceIP)
	}
	if a.UserAgent != "" {
		parts = append(parts, "with "+cell(a.UserAgent, false))
	}
	call := "call " + a.EventName
	if !a.Exact {
		call = "last known call " + a.EventName
	}
	parts = append(parts, call, "event "+a.EventID, a.Class)
	return printable(strings.Join(parts, ", ")) + because(printable(a.Why))
}
