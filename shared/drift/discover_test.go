package drift_test

import (
	"context"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// discovery has stacks by "account/region"; asked counts the listings.
type discovery struct {
	stacks map[string][]drift.Found
	asked  int
}

func (d *discovery) Found(_ context.Context, account, region string) ([]drift.Found, error) {
	d.asked++
	if strings.HasSuffix(region, "-closed") {
		return nil, fault.Permanent("list the stacks of %s in %s: AccessDenied", account, region)
	}
	return d.stacks[account+"/"+region], nil
}

func (d *discovery) add(account, region, name, status, parent string, tags map[string]string) {
	d.stacks[account+"/"+region] = append(d.stacks[account+"/"+region], drift.Found{
		StackRef: events.StackRef{StackID: "arn:" + account + region + name, StackName: name, Account: account, Region: region, Parent: parent}, Status: status, Tags: tags,
	})
}

func TestDiscovery(t *testing.T) {
	d := &discovery{stacks: map[string][]drift.Found{}}
	d.add("111111111111", "eu-west-1", "web", "UPDATE_COMPLETE", "", map[string]string{"team": "web", "tier": "1"})
	d.add("111111111111", "eu-west-1", "web-nested", "UPDATE_COMPLETE", "arn:web", map[string]string{"team": "web"})
	d.add("111111111111", "us-east-1", "empty", "REVIEW_IN_PROGRESS", "", nil)
	d.add("111111111111", "us-east-1", "broken", "UPDATE_ROLLBACK_FAILED", "", map[string]string{"team": "data"})
	d.stacks["222222222222/us-east-1"] = []drift.Found{{StackRef: events.StackRef{StackID: network.StackID, StackName: network.StackName, Account: "222222222222", Region: "us-east-1"}, Status: "UPDATE_COMPLETE", Tags: map[string]string{"team": "net"}}}
	tests := []struct {
		name    string
		scope   bool // all
		request drift.Request
		want    string // names, or an error
	}{
		{"deployed stacks", false, drift.Request{}, "shop-network-test"},
		{"all by the request", false, drift.Request{All: true}, "web broken shop-network-test"},
		{"all by the setting", true, drift.Request{}, "web broken shop-network-test"},
		{"named, whatever the setting", true, drift.Request{Stacks: []string{"shop-network-test"}}, "shop-network-test"},
		{"an account", false, drift.Request{All: true, Accounts: []string{"111111111111"}}, "web broken"},
		{"a region", false, drift.Request{All: true, Regions: []string{"us-east-1"}}, "broken shop-network-test"},
		{"a name", false, drift.Request{All: true, Names: []string{"w*", "shop-*"}}, "web shop-network-test"},
		{"tags", false, drift.Request{All: true, Tags: []string{"team=web", "tier"}}, "web"},
		{"another value", false, drift.Request{All: true, Tags: []string{"team=web", "tier=2"}}, ""},
		{"tags of deployed stacks", false, drift.Request{Tags: []string{"team=net"}}, "shop-network-test"},
		{"an account of deployed stacks", false, drift.Request{Accounts: []string{"333333333333"}}, ""},
		{"a foreign account", false, drift.Request{All: true, Accounts: []string{"333333333333"}}, "setting workloadAccounts"},
		{"a region that is not watched", false, drift.Request{All: true, Regions: []string{"sa-east-1"}}, "setting driftRegions"},
		{"all and one", false, drift.Request{All: true, Stacks: []string{"web"}}, "either all"},
		{"a revert of all", false, drift.Request{All: true, Revert: true}, "cannot be reverted at once"},
		{"no pattern", false, drift.Request{Names: []string{"[a"}}, "no pattern"},
		{"no tag", false, drift.Request{Tags: []string{"=x"}}, "no tag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.service.Discovery = d
			w.service.Scope = drift.Scope{Accounts: []string{"111111111111", "222222222222"}, Regions: []string{"eu-west-1", "us-east-1"}, All: tt.scope}
			list, err := w.service.List(ctx, tt.request, "x")
			var got []string
			for _, s := range list.Scans {
				got = append(got, s.Stack.StackName)
				if s.Stack.StackName == network.StackName && s.Stack.Repository != "acme/shop" {
					t.Errorf("the registry is forgotten: %+v", s.Stack)
				}
			}
			if err != nil && (!fault.Is(err, fault.InvalidError) || tt.want == "" || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if names := strings.Join(got, " "); err == nil && names != tt.want {
				t.Errorf("%q, want %q", names, tt.want)
			}
		})
	}
}

// One place that cannot be listed is named: silence would read as clean.
func TestAPlaceThatCannotBeListed(t *testing.T) {
	w := newWorld(t)
	w.service.Inventory = fake.DriftInventory{}
	w.service.Discovery = &discovery{}
	w.service.Scope = drift.Scope{Accounts: []string{"111111111111"}, Regions: []string{"eu-closed"}}
	if _, err := w.service.List(ctx, drift.Request{All: true}, "x"); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "111111111111 in eu-closed") {
		t.Errorf("%v", err)
	}
	w.service.Discovery = nil
	if _, err := w.service.List(ctx, drift.Request{All: true}, "x"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("%v", err)
	}
	if _, err := w.service.List(ctx, drift.Request{Tags: []string{"a"}}, "x"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("%v", err)
	}
}
