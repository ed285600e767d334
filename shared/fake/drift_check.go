package fake

import (
	"context"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

var _ drift.Live = (*DriftCloud)(nil)

// Check implements drift.Live: it looks at what the stack's resources are now,
// where a detection says what they were when it ended. A type that
// CloudFormation cannot check is unsupported here too, unless Readable.
func (c *DriftCloud) Check(_ context.Context, ref events.StackRef, resources []drift.Resource) ([]drift.LiveResult, error) {
	s, err := c.find("Check", ref)
	if err != nil {
		return nil, err
	}
	var out []drift.LiveResult
	for _, resource := range resources {
		r, ok := s.Resources[resource.LogicalID]
		result := drift.LiveResult{ResourceDrift: drift.ResourceDrift{Resource: resource, Status: drift.StatusInSync}}
		switch {
		case !ok || r.NoModel || r.Unsupported && !r.Readable:
			result.Status = drift.StatusUnsupported
		case r.Unreadable != "":
			result.Status, result.Reason = drift.StatusUnknown, r.Unreadable
		case r.Deleted:
			result.Status = drift.StatusDeleted
		default:
			kind := drift.Kind{Type: r.Type, Account: ref.Account, Region: ref.Region}
			if result.Differences = drift.Compare(kind, r.Expected, r.Actual); len(result.Differences) > 0 {
				result.Status = drift.StatusModified
			}
		}
		out = append(out, result)
	}
	return out, nil
}
