package drift

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Policies keeps what is done about drift.
type Policies interface {
	// Policy returns the policy, the default one when none was set. A document
	// that cannot be read is an InvalidError.
	Policy(ctx context.Context) (response.Policy, error)
}

// Baselines keeps the drift that people accepted.
type Baselines interface {
	// Accepted returns what was accepted of a stack, sorted by logical id and path.
	Accepted(ctx context.Context, stack events.StackRef) ([]response.Accepted, error)
	// Accept remembers one; the one at the same place is replaced.
	Accept(ctx context.Context, stack events.StackRef, accepted response.Accepted) error
	// Unaccept forgets the one at a place, and reports whether there was one.
	Unaccept(ctx context.Context, stack events.StackRef, logicalID, path string) (bool, error)
}

// Kept is drift that stays as it is: ignored or accepted.
type Kept struct {
	LogicalID string `json:"logicalId"`
	Path      string `json:"path,omitempty"` // JSON pointer; "" for the whole resource
	Why       string `json:"why"`
}

// byPolicy is who asks for a revert that the policy wishes.
const byPolicy = "the drift policy"

// respond decides what is done about each resource that drifted. A scan that
// nobody asked for brings drift back when the policy wishes that for all of it:
// a change set does not choose. Whatever is wished, the guard decides.
func (s *Service) respond(ctx context.Context, scan *Scan, report *Report) error {
	if s.Policies == nil || len(report.Resources)+len(report.Undeclared) == 0 {
		return nil
	}
	policy, err := s.Policies.Policy(ctx)
	if fault.Is(err, fault.InvalidError) {
		policy = response.Default()
		report.Reasons = append(report.Reasons, "the default policy was used, because the drift policy cannot be read"+because(err.Error()))
	} else if err != nil {
		return err
	}
	accepted, err := s.Baselines.Accepted(ctx, scan.Stack)
	if err != nil {
		return err
	}
	if report.Healed, err = s.healed(ctx, report); err != nil {
		return err
	}
	decide := func(r *events.DriftedResource) response.Decision {
		d := response.Decide(policy, accepted, report.Healed, scan.Stack, *r, s.Now())
		r.Severity, r.Response, r.Why = string(d.Severity), string(d.Response), d.Why
		return d
	}
	for i := range report.Undeclared { // no drift: nothing is brought back for it
		decide(&report.Undeclared[i])
	}
	wished := len(report.Resources) > 0
	for i := range report.Resources {
		d := decide(&report.Resources[i])
		report.Kept = append(report.Kept, kept(report.Resources[i].LogicalID, d)...)
		wished = wished && d.Response == response.Revert
	}
	if wished && scan.RequestedBy == "" {
		scan.Revert, scan.RequestedBy, scan.Seen = true, byPolicy, report.Digest
	}
	return nil
}

// kept are the places of a resource that stay as they are; all of them together
// are the resource.
func kept(logicalID string, d response.Decision) []Kept {
	parts := d.Kept()
	if len(parts) == len(d.Parts) {
		return []Kept{{LogicalID: logicalID, Why: shorten(d.Why, maxReason)}}
	}
	var out []Kept
	for _, p := range parts {
		out = append(out, Kept{LogicalID: logicalID, Path: p.Difference.Path, Why: shorten(p.Why, maxReason)})
	}
	return out
}

// changedSince says why a revert must not begin although it was asked for: what
// is found is not what was seen. It is empty when nobody named what was seen.
func changedSince(scan Scan, report Report) []string {
	if !scan.Revert || scan.Seen == "" || scan.Seen == report.Digest {
		return nil
	}
	if len(report.Resources) == 0 {
		return nil // nothing is left to bring back
	}
	return []string{fmt.Sprintf("the drift is not the one that was seen: look at it again with `evenkeel drift show %s`", scan.Stack.StackName)}
}
