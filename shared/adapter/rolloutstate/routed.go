package rolloutstate

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/shared/drift"
)

var _ drift.Rollouts = (*Store)(nil)

// Routed implements drift.Rollouts: the weights stay a rollout's after it has
// ended, until another one takes its place. Sorted.
func (s *Store) Routed(ctx context.Context, account, region string) ([]string, error) {
	records, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, r := range records {
		router := r.Request.Rollout.Router.ALB
		if t := r.Request.Target; router == nil || t.Account != account || t.Region != region {
			continue
		}
		for _, arn := range []string{router.Listener, router.Rule} {
			if arn != "" {
				arns = append(arns, arn)
			}
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns), nil
}
