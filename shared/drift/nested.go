package drift

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// maxNesting is how deep nested stacks are followed; a deeper one counts as
// nested in its parent's coverage and has no report.
const maxNesting = 10

// withNested adds the stacks that are nested in the given ones: a detection
// does not follow them, so that each has a scan of its own that names its
// parent. A stack whose resources cannot be listed has no nested stacks here;
// its own scan will say why.
func (s *Service) withNested(ctx context.Context, stacks []events.StackRef) ([]events.StackRef, error) {
	out := slices.Clone(stacks)
	seen := map[string]bool{}
	for _, stack := range out {
		seen[stack.StackID] = true
	}
	level := out
	for depth := 0; depth < maxNesting && len(level) > 0; depth++ {
		var next []events.StackRef
		for _, parent := range level {
			children, err := s.nestedIn(ctx, parent)
			if fault.Is(err, fault.TransientError) || ctx.Err() != nil {
				return nil, err
			}
			for _, child := range children {
				if !seen[child.StackID] {
					seen[child.StackID] = true
					next = append(next, child)
				}
			}
		}
		out, level = append(out, next...), next
	}
	return out, nil
}

// nestedIn returns the stacks that are resources of the parent.
func (s *Service) nestedIn(ctx context.Context, parent events.StackRef) ([]events.StackRef, error) {
	resources, err := s.Stacks.Resources(ctx, parent)
	if err != nil {
		return nil, err
	}
	var children []events.StackRef
	for _, r := range resources {
		if r.Type != nestedStack {
			continue
		}
		child, ok := parseARN(r.PhysicalID)
		if !ok {
			continue // not created yet
		}
		child.Repository, child.Stage, child.RunID, child.Parent = parent.Repository, parent.Stage, parent.RunID, parent.StackID
		children = append(children, child)
	}
	return children, nil
}
