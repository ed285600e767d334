package drift

import (
	"context"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// probe asks for the change set that tells what an update of the stack does to
// its nested stacks; a stack that has none needs none. That CloudFormation makes
// none is for the guard to judge.
func (s *Service) probe(ctx context.Context, scan Scan, name string) (Scan, error) {
	resources, err := s.Stacks.Resources(ctx, scan.Stack)
	if err != nil {
		return scan, err
	}
	nested := 0
	for _, r := range resources {
		child, ok := parseARN(r.PhysicalID)
		if r.Type != nestedStack || !ok {
			continue
		}
		nested++
		inner, err := s.nestedIn(ctx, child)
		if fault.Is(err, fault.TransientError) || ctx.Err() != nil {
			return scan, err
		}
		if err != nil || len(inner) > 0 { // what cannot be listed may be
			scan.Plan.Deep = append(scan.Plan.Deep, r.LogicalID)
		}
	}
	if nested == 0 {
		return scan, nil
	}
	id, err := s.ChangeSets.Probe(ctx, scan.Stack, name+"-nested")
	switch {
	case err == nil:
		scan.Plan.ProbeID = id
	case fault.Is(err, fault.TransientError), fault.Is(err, fault.ConflictError), ctx.Err() != nil:
		return scan, err
	default:
		scan.Plan.ProbeReason = shorten(err.Error(), maxReason)
	}
	return scan, nil
}

// withProbe adds what is known of the nested stacks to a change set.
func (s *Service) withProbe(ctx context.Context, scan Scan, set ChangeSet) (ChangeSet, error) {
	set.Deep = scan.Plan.Deep
	switch {
	case scan.Plan.ProbeID != "":
		probe, err := s.ChangeSets.Read(ctx, scan.Stack, scan.Plan.ProbeID)
		if err != nil {
			return set, err
		}
		if probe.computing() {
			probe.Reason = "CloudFormation did not finish it in time"
		}
		set.Probe = &probe
	case scan.Plan.ProbeReason != "":
		set.Probe = &ChangeSet{Status: "FAILED", Reason: scan.Plan.ProbeReason}
	}
	return set, nil
}

// dropProbe deletes the probe. One that is gone is no error.
func (s *Service) dropProbe(ctx context.Context, scan Scan) error {
	if scan.Plan.ProbeID == "" {
		return nil
	}
	return s.ChangeSets.Discard(ctx, scan.Stack, scan.Plan.ProbeID)
}
