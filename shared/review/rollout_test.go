package review_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

const rolledOut = `version: 1
name: shop
stacks:
  network:
    template: network.yaml
    rollout: {strategy: blue-green, router: {route53: {zone: Z1, name: shop.example.com, type: CNAME, value: "${output.VpcId}"}}}
  data: {template: data.yaml, dependsOn: [network], parameters: {VpcId: {output: network.VpcId}}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`

// TestSidesInReview: a review plans the side that a push would deploy, and
// reads outputs from the one that is in use.
func TestSidesInReview(t *testing.T) {
	files := edited("evenkeel.yaml", shop, rolledOut)
	live := func(w *world, template string) {
		w.t.Helper()
		p, err := pipeline.Decode(pipeline.FileName, []byte(rolledOut), func(string) bool { return true })
		if err != nil {
			w.t.Fatal(err)
		}
		stack := p.For("main")[0].Stacks[0]
		digest, err := deployment.Digest([]byte(template), map[string]string{}, stack)
		if err != nil {
			w.t.Fatal(err)
		}
		w.deploy("network", template, own) // as the live side's stack
		side := rollout.Side{Name: rollout.Blue, StackName: "shop-network-test", Digest: digest}
		if err := w.records.Write(w.t.Context(), target("network"), rollout.Record{Live: side}); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		prepare func(*world)
		first   string // state of network
		stack   string // that was planned
		second  string // state of data
	}{
		{"new", func(*world) {}, review.StackPlanned, "shop-network-test-blue", review.StackNotPlanned},
		{"changed", func(w *world) { live(w, strings.Replace(network, "SIZE", "2", 1)) }, review.StackPlanned, "shop-network-test-green", review.StackPlanned},
		{"in use already", func(w *world) { live(w, files["network.yaml"]) }, review.StackUnchanged, "shop-network-test", review.StackPlanned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.prepare(w)
			r := w.run(event(head, 0), files, nil)
			w.clean()
			if r.State != events.ReviewPassed {
				t.Fatalf("%s: %s", r.State, r.Reason)
			}
			found := w.reviewed().Stacks
			if found[0].State != tt.first || found[0].StackName != tt.stack || found[1].State != tt.second {
				t.Errorf("%+v", found)
			}
		})
	}
}
