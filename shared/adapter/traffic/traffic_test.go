package traffic_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/traffic"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var target = events.Target{Stage: "test", Stack: "api", StackName: "shop-api", Account: "222222222222", Region: "eu-west-1"}

func start(t *testing.T) (*awsstub.Stub, *traffic.Client) {
	stub := awsstub.Start(t)
	return stub, traffic.New(session.NewWorkloads(stub.Config(), "evenkeel-rollout"), func() time.Time { return noon })
}

var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// routing has blue as the live side and green as the candidate.
func routing(router pipeline.Router, blue, green string) rollout.Routing {
	return rollout.Routing{
		Target: target, Router: router,
		Live: rollout.Side{Name: rollout.Blue, Endpoint: blue}, Candidate: rollout.Side{Name: rollout.Green, Endpoint: green},
	}
}

// first has no live side.
func first(r rollout.Routing) rollout.Routing {
	r.Live = rollout.Side{}
	return r
}

func TestWhatIsNoRouting(t *testing.T) {
	_, client := start(t)
	records := routing(pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1", Name: "a", Type: "A"}}, "1.1.1.1", "2.2.2.2")
	for name, tt := range map[string]struct {
		routing rollout.Routing
		percent int
	}{
		"no router":                         {routing(pipeline.Router{}, "a", "b"), 5},
		"no endpoint":                       {routing(records.Router, "a", ""), 5},
		"more than all":                     {records, 101},
		"less than nothing":                 {records, -1},
		"a share of nothing to share with":  {first(records), 99},
		"nothing to give the rest, nothing": {first(records), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if change, err := client.SetWeight(t.Context(), tt.routing, tt.percent); !fault.Is(err, fault.InvalidError) || change != "" {
				t.Errorf("%q, %v", change, err)
			}
		})
	}
	if _, _, err := client.Weight(t.Context(), routing(pipeline.Router{}, "a", "b")); !fault.Is(err, fault.InvalidError) {
		t.Error(err)
	}
	if _, err := client.Settled(t.Context(), routing(pipeline.Router{}, "a", "b"), ""); !fault.Is(err, fault.InvalidError) {
		t.Error(err)
	}
	if _, _, err := client.Serving(t.Context(), routing(pipeline.Router{}, "a", "b")); !fault.Is(err, fault.InvalidError) {
		t.Error(err)
	}
}
