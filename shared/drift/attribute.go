package drift

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

// Attributor finds out who changed a resource.
type Attributor interface {
	// Attribute returns who made a change. Nobody found is no error: the class
	// is unknown, and Why says what was looked at.
	Attribute(ctx context.Context, change attribution.Change) (*events.Attribution, error)
}

// attributing is the longest that a report asks who changed what: CloudTrail
// answers two questions a second, and the function has a minute.
const attributing = 20 * time.Second

// attribute writes into each resource who changed it. names are the further
// names of resources, by logical id. A report without an
// answer is worth more than none: whatever fails is the reason of an unknown
// class, and never the scan's error.
func (s *Service) attribute(ctx context.Context, scan Scan, resources []events.DriftedResource, names map[string][]string) {
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
		found, err := s.Attributor.Attribute(ctx, attribution.Change{Stack: scan.Stack, Resource: r, Names: names[r.LogicalID], From: from, Until: scan.Detection.Ended})
		switch {
		case ctx.Err() != nil && (err != nil || found == nil):
			found = &events.Attribution{Class: attribution.ClassUnknown, Why: fmt.Sprintf("it was not looked up: %d resources took longer than %s", len(resources), attributing)}
		case err != nil:
			found = &events.Attribution{Class: attribution.ClassUnknown, Why: "it could not be looked up: " + shorten(err.Error(), maxReason)}
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
	parts = append(parts, call, "event "+a.EventID, "class "+a.Class)
	return printable(strings.Join(parts, ", ")) + because(printable(a.Why))
}
