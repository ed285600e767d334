package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// weighted are the properties that a rollout keeps: while it moves traffic, and
// afterwards, the actions of a listener or rule forward to the target groups of
// both sides, whatever its template says.
var weighted = map[string]string{
	"AWS::ElasticLoadBalancingV2::Listener":     "/DefaultActions",
	"AWS::ElasticLoadBalancingV2::ListenerRule": "/Actions",
}

// Rollouts knows what rollouts keep outside of templates.
type Rollouts interface {
	// Routed returns the ARNs of the listeners and rules in an account and region
	// whose weights are a rollout's.
	Routed(ctx context.Context, account, region string) ([]string, error)
}

// routed returns the ARNs of what rollouts route by, if the stack has anything
// that they could.
func (s *Service) routed(ctx context.Context, scan Scan, resources []Resource) ([]string, error) {
	if s.Rollouts == nil || !slices.ContainsFunc(resources, func(r Resource) bool { return weighted[r.Type] != "" }) {
		return nil, nil
	}
	return s.Rollouts.Routed(ctx, scan.Stack.Account, scan.Stack.Region)
}

// withoutWeights leaves out the differences that rollouts make. names are the
// logical ids of the resources that they route by, sorted: whatever else a
// revert may bring back, it would set their weights back too.
func withoutWeights(drifts []ResourceDrift, routed []string) (rest []ResourceDrift, names []string) {
	routed = slices.Concat(routed, shifted(drifts))
	for _, d := range drifts {
		if weighted[d.Type] != "" && slices.Contains(routed, d.PhysicalID) {
			names = append(names, d.LogicalID)
			d.Differences = slices.Clone(d.Differences)
			all := len(d.Differences)
			for i := all - 1; i >= 0; i-- {
				if isWeight(d.Type, d.Differences[i].Path) {
					d.Differences = slices.Delete(d.Differences, i, i+1)
				}
			}
			if d.Status == StatusModified && all > 0 && len(d.Differences) == 0 {
				d.Status = StatusInSync
			}
		}
		rest = append(rest, d)
	}
	slices.Sort(names)
	return rest, names
}

// isWeight reports a place in the property that a deployment sets.
func isWeight(typ, path string) bool {
	property := weighted[typ]
	return property != "" && (path == property || strings.HasPrefix(path, property+"/"))
}

// shifted are the ARNs of the listeners and rules whose weights ECS sets: a
// service that is deployed blue/green names those that it shifts.
// Source: ECS developer guide, "Required resources for Amazon ECS blue/green
// deployments"; AWS::ECS::Service AdvancedConfiguration.
func shifted(drifts []ResourceDrift) (arns []string) {
	for _, d := range drifts {
		if d.Type != "AWS::ECS::Service" {
			continue
		}
		balancers, _ := d.Expected["LoadBalancers"].([]any)
		for _, b := range balancers {
			for _, name := range []string{"ProductionListenerRule", "TestListenerRule"} {
				v, _ := lookup(b, []string{"AdvancedConfiguration", name})
				if arn, ok := v.(string); ok && arn != "" {
					arns = append(arns, arn)
				}
			}
		}
	}
	return arns
}

// RoutedNote says in one sentence what was not compared, or is empty.
func (r Report) RoutedNote() string {
	if len(r.Routed) == 0 {
		return ""
	}
	return fmt.Sprintf("the weights of %s are set by deployments and were not compared", strings.Join(r.Routed, ", "))
}
