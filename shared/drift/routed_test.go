package drift_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
)

// rollouts is a drift.Rollouts.
type rollouts struct {
	asked []string
	err   error
}

func (r *rollouts) Routed(_ context.Context, account, region string) ([]string, error) {
	r.asked = append(r.asked, account+"/"+region)
	return []string{"Listener-1", "Rule-1"}, r.err
}

func forwards(weights ...float64) []any {
	var groups []any
	for _, weight := range weights {
		groups = append(groups, map[string]any{"Weight": weight})
	}
	return []any{map[string]any{"Type": "forward", "ForwardConfig": map[string]any{"TargetGroups": groups}}}
}

// TestWeightsOfARolloutAreNoDrift: those of a listener and of a rule that a
// rollout routes by; whatever else differs there, and the weights of any other
// listener, are.
func TestWeightsOfARolloutAreNoDrift(t *testing.T) {
	listener := func(property string, expected, actual any, port float64) *fake.DriftResource {
		r := &fake.DriftResource{Type: "AWS::ElasticLoadBalancingV2::Listener", Expected: map[string]any{property: expected}, Actual: map[string]any{property: actual}}
		if property == "Actions" {
			r.Type += "Rule"
			return r
		}
		r.Expected["Port"], r.Actual["Port"] = 443.0, port
		return r
	}
	resources := map[string]*fake.DriftResource{
		"Listener": listener("DefaultActions", forwards(100), forwards(75, 25), 443),
		"Rule":     listener("Actions", forwards(100), forwards(0, 100), 0),
	}
	w := newWorld(t)
	known := &rollouts{}
	w.service.Rollouts = known
	stack := network
	stack.StackID, stack.StackName = strings.Replace(network.StackID, "network", "front", 1), "shop-front-test"
	front := w.cloud.Stack(stack, resources)
	report := must(w.service.Report(ctx, w.detect(scanOf(stack), "t1")))(t)
	if report.Drift.Found || report.Result.Status != drift.StatusInSync || !slices.Equal(report.Drift.Routed, []string{"Listener", "Rule"}) || !slices.Equal(known.asked, []string{"222222222222/us-east-1"}) {
		t.Errorf("%+v %+v, asked %v", report.Drift, report.Result, known.asked)
	}
	scanned, ok := w.facts.Facts()[0].Data.(events.DriftScanned)
	if !ok || !strings.Contains(scanned.Reason, "the weights of Listener, Rule are set by deployments") {
		t.Errorf("%+v", scanned)
	}

	front.Resources["Listener"] = listener("DefaultActions", forwards(100), forwards(75, 25), 80)
	report = must(w.service.Report(ctx, w.detect(scanOf(stack), "t2")))(t)
	if len(report.Drift.Resources) != 1 || len(report.Drift.Resources[0].Differences) != 1 || report.Drift.Resources[0].Differences[0].Path != "/Port" {
		t.Errorf("%+v", report.Drift)
	}

	w.service.Rollouts = nil
	report = must(w.service.Report(ctx, w.detect(scanOf(stack), "t3")))(t)
	if len(report.Drift.Resources) != 2 || report.Drift.Routed != nil {
		t.Errorf("%+v", report.Drift)
	}
}

// TestOnlyRoutersAreAskedFor: the stack of newWorld has nothing that a rollout
// could route by. A failure is no drift and no peace.
func TestOnlyRoutersAreAskedFor(t *testing.T) {
	w := newWorld(t)
	known := &rollouts{err: errors.New("throttled")}
	w.service.Rollouts = known
	if _, err := w.service.Report(ctx, w.detect(scanOf(network), "t1")); err != nil || len(known.asked) != 0 {
		t.Errorf("asked %v, %v", known.asked, err)
	}
	w.stack.Resources["Listener"] = &fake.DriftResource{Type: "AWS::ElasticLoadBalancingV2::Listener", Expected: map[string]any{}, Actual: map[string]any{}}
	if _, err := w.service.Report(ctx, w.detect(scanOf(network), "t2")); !errors.Is(err, known.err) {
		t.Errorf("%v", err)
	}
}

// TestWeightsThatECSShiftsAreNoDrift: a service that is deployed blue/green
// names the rules that it shifts; any other rule is compared.
func TestWeightsThatECSShiftsAreNoDrift(t *testing.T) {
	rule := func() *fake.DriftResource {
		return &fake.DriftResource{Type: "AWS::ElasticLoadBalancingV2::ListenerRule", Expected: map[string]any{"Actions": forwards(100)}, Actual: map[string]any{"Actions": forwards(0, 100)}}
	}
	service := map[string]any{"LoadBalancers": []any{map[string]any{"AdvancedConfiguration": map[string]any{"ProductionListenerRule": "Prod-1"}}}}
	w := newWorld(t)
	stack := network
	stack.StackID, stack.StackName = strings.Replace(network.StackID, "network", "web", 1), "shop-web-test"
	w.cloud.Stack(stack, map[string]*fake.DriftResource{
		"Service": {Type: "AWS::ECS::Service", Expected: service, Actual: service},
		"Prod":    rule(), "Other": rule(),
	})
	report := must(w.service.Report(ctx, w.detect(scanOf(stack), "t1")))(t)
	if len(report.Drift.Resources) != 1 || report.Drift.Resources[0].LogicalID != "Other" || !slices.Equal(report.Drift.Routed, []string{"Prod"}) {
		t.Errorf("%+v", report.Drift)
	}

	// The live engine sees what the template does not set as well.
	of := func(id, typ string, expected map[string]any, undeclared ...events.PropertyDifference) drift.LiveResult {
		r := liveResult(id, typ, drift.StatusInSync)
		r.PhysicalID, r.Expected, r.Undeclared = id+"-1", expected, undeclared
		return r
	}
	shift := events.PropertyDifference{Path: "/Actions/0/ForwardConfig/TargetGroups/1", Type: drift.DifferenceAdd, Actual: "{}"}
	const kind = "AWS::ElasticLoadBalancingV2::ListenerRule"
	w.service.Live = &liveEngine{results: []drift.LiveResult{of("Prod", kind, nil, shift), of("Other", kind, nil, shift), of("Service", "AWS::ECS::Service", service)}}
	scan := scanOf(stack)
	scan.Engine = drift.EngineLive
	report = must(w.service.Report(ctx, scan))(t)
	var scanned events.DriftScanned
	for _, fact := range w.facts.Facts() {
		if s, ok := fact.Data.(events.DriftScanned); ok {
			scanned = s
		}
	}
	if len(scanned.Resources) != 1 || scanned.Resources[0].LogicalID != "Other" || !slices.Equal(report.Drift.Routed, []string{"Prod"}) {
		t.Errorf("live: %+v %+v", report.Drift, scanned)
	}
}
