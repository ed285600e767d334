package drift_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/healing"
)

const (
	open22    = `{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"1.2.3.4/0"}`
	narrow22  = `{"CidrIp":"192.0.2.7/32","FromPort":22,"IpProtocol":"tcp","ToPort":22}`
	office    = `{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"203.0.113.0/24"}`
	web       = `{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"0.0.0.0/0"}`
	world3389 = `{"IpProtocol":"tcp","FromPort":3389,"ToPort":3389,"CidrIp":"0.0.0.0/0"}`
)

// healOf is a heal of tcp/22 from everywhere.
func healOf(quarantine string) healing.Heal {
	return healing.Heal{
		ID: "heal-1", Mode: healing.Enforce, Closed: started, Group: events.SecurityGroup{GroupID: "sg-1"}, Owner: &events.Owner{Fix: "change the template"},
		Removed: []events.Removal{{Quarantine: quarantine, Rule: events.SecurityGroupRule{
			RuleID: "sgr-1", GroupID: "sg-1", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0",
		}}},
	}
}

func TestHealed(t *testing.T) {
	d := func(path, kind, expected, actual string) events.PropertyDifference {
		return events.PropertyDifference{Path: path, Type: kind, Expected: expected, Actual: actual}
	}
	const revoked, narrowed = "", "192.0.2.7/32"
	for name, tt := range map[string]struct {
		quarantine  string
		typeName    string
		status      string
		differences []events.PropertyDifference
		want        string // of each difference in order of paths: e(xpected), r(eopens), -
	}{
		"an item is gone":                   {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "REMOVE", open22, "")}, "e"},
		"the list is gone":                  {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress", "REMOVE", "["+open22+"]", "")}, "e"},
		"the list is another":               {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress", "NOT_EQUAL", "["+open22+","+office+"]", "["+office+"]")}, "e"},
		"the items behind it moved":         {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "NOT_EQUAL", open22, office), d("/SecurityGroupIngress/1", "NOT_EQUAL", office, web), d("/SecurityGroupIngress/2", "REMOVE", web, "")}, "eee"},
		"moved, and somebody opened":        {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "NOT_EQUAL", open22, office), d("/SecurityGroupIngress/1", "NOT_EQUAL", office, world3389)}, "r"},
		"a source in quarantine":            {narrowed, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/3/CidrIp", "NOT_EQUAL", "0.0.0.0/0", "192.0.2.7/32")}, "e"},
		"an item in quarantine":             {narrowed, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "NOT_EQUAL", open22, narrow22)}, "e"},
		"as a pair":                         {narrowed, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "REMOVE", open22, ""), d("/SecurityGroupIngress/1", "ADD", "", narrow22)}, "ee"},
		"not declared, in quarantine":       {narrowed, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/1", "ADD", "", narrow22)}, "e"},
		"somebody changed it since":         {narrowed, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0/CidrIp", "NOT_EQUAL", "0.0.0.0/0", "10.0.0.0/8")}, "r"},
		"somebody removed it since":         {narrowed, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "REMOVE", open22, "")}, "e"},
		"somebody else's rule":              {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "REMOVE", office, "")}, ""},
		"somebody else's opening":           {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/1", "ADD", "", world3389)}, ""},
		"both":                              {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupIngress/0", "REMOVE", open22, ""), d("/SecurityGroupIngress/1", "ADD", "", world3389)}, "e"},
		"another property":                  {revoked, "", "", []events.PropertyDifference{d("/GroupDescription", "NOT_EQUAL", "a", "0.0.0.0/0")}, ""},
		"egress":                            {revoked, "", "", []events.PropertyDifference{d("/SecurityGroupEgress/0", "REMOVE", open22, "")}, ""},
		"a group that is gone":              {revoked, "", "DELETED", nil, "r"},
		"a rule of its own, revoked":        {revoked, "AWS::EC2::SecurityGroupIngress", "DELETED", nil, "e"},
		"a rule of its own, in quarantine":  {narrowed, "AWS::EC2::SecurityGroupIngress", "", []events.PropertyDifference{d("/CidrIp", "NOT_EQUAL", "0.0.0.0/0", "192.0.2.7/32")}, "e"},
		"quarantined, then deleted":         {narrowed, "AWS::EC2::SecurityGroupIngress", "DELETED", nil, "r"},
		"another address of the quarantine": {narrowed, "AWS::EC2::SecurityGroupIngress", "", []events.PropertyDifference{d("/CidrIp", "NOT_EQUAL", "0.0.0.0/0", "192.0.2.8/32")}, "r"},
	} {
		t.Run(name, func(t *testing.T) {
			r := events.DriftedResource{LogicalID: "Web", PhysicalID: "sg-1", ResourceType: "AWS::EC2::SecurityGroup", Status: "MODIFIED", Differences: tt.differences}
			if tt.typeName != "" {
				r.ResourceType = tt.typeName
			}
			if tt.status != "" {
				r.Status = tt.status
			}
			got := ""
			for _, h := range drift.Healed(r, []healing.Heal{healOf(tt.quarantine)}) {
				if h.HealID != "heal-1" || !strings.Contains(h.Why, "heal-1") || !strings.Contains(h.Why, "; fix: change the template") {
					t.Errorf("%+v", h)
				}
				got += map[bool]string{true: "e", false: "r"}[h.Explained]
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if without := drift.Healed(r, nil); without != nil {
				t.Errorf("without a heal: %+v", without)
			}
		})
	}
}

// deployed is a stack of one group that the template opens, and the healer of its
// account. The rule is inline or a resource of its own.
type deployed struct {
	*world
	groups *fake.SecurityGroups
	heals  *fake.HealingState
	healer *healing.Service
	rule   events.SecurityGroupRule
	own    bool
}

var webPlace = healing.Place{Account: network.Account, Region: network.Region}

func deploy(t *testing.T, remediation healing.Remediation, own bool) *deployed {
	w, policy, _ := responding(t)
	policy.policy = reverting()
	d := &deployed{world: w, groups: &fake.SecurityGroups{}, heals: &fake.HealingState{}, own: own}
	hp := healing.DefaultPolicy()
	hp.Mode, hp.Remediation = healing.Enforce, remediation
	d.heals.Current = &hp
	d.healer = &healing.Service{Groups: d.groups, Changes: d.groups, Records: d.heals, Policies: d.heals, Publisher: w.facts, Now: w.clock.Now}
	w.service.Heals, w.service.Standings = d.heals, &fake.DriftStandings{}
	d.rule = d.groups.AddRule(webPlace, events.SecurityGroupRule{GroupID: "sg-0web", Protocol: "tcp", FromPort: 22, ToPort: 22, CIDRv4: "0.0.0.0/0"})
	delete(w.stack.Resources, "Jobs")
	expected := map[string]any{"SecurityGroupIngress": []any{ingressOf(d.rule)}}
	if own {
		w.stack.Resources["Rule"] = &fake.DriftResource{Type: "AWS::EC2::SecurityGroupIngress", PhysicalID: d.rule.RuleID, Expected: ingressOf(d.rule)}
		expected = map[string]any{"GroupDescription": "web"}
	}
	w.stack.Resources["Web"] = &fake.DriftResource{Type: "AWS::EC2::SecurityGroup", PhysicalID: "sg-0web", Expected: expected}
	return d
}

func ingressOf(r events.SecurityGroupRule) map[string]any {
	return map[string]any{"IpProtocol": r.Protocol, "FromPort": float64(r.FromPort), "ToPort": float64(r.ToPort), "CidrIp": r.CIDRv4}
}

// scan looks at the stack as EC2 has it now.
func (d *deployed) scan() (drift.Scan, events.DriftScanned) {
	d.t.Helper()
	rules := must(d.groups.Rules(ctx, webPlace, "sg-0web"))(d.t)
	inline := []any{}
	if d.own {
		d.stack.Resources["Rule"].Deleted = true
		d.stack.Resources["Web"].Actual = d.stack.Resources["Web"].Expected
	}
	for _, r := range rules {
		if d.own && r.RuleID == d.rule.RuleID {
			d.stack.Resources["Rule"].Deleted, d.stack.Resources["Rule"].Actual = false, ingressOf(r)
		}
		inline = append(inline, ingressOf(r))
	}
	if !d.own {
		d.stack.Resources["Web"].Actual = map[string]any{"SecurityGroupIngress": inline}
	}
	d.clock.Advance(time.Hour)
	one := scheduled()
	one.ScanID = "scan-" + d.clock.Now().Format("15")
	one = d.report(one)
	for _, f := range d.facts.Facts() {
		if found, ok := f.Data.(events.DriftScanned); ok && found.ScanID == one.ScanID {
			return one, found
		}
	}
	d.t.Fatal("nothing was published")
	return one, events.DriftScanned{}
}

// The healer and the drift engine never fight: under a policy that wishes
// everything back, what a heal closed is expected, untold and not reverted;
// nobody can ask for it either. An undo ends that.
func TestHealerAndDriftDoNotFight(t *testing.T) {
	for name, tt := range map[string]struct {
		remediation healing.Remediation
		own         bool
	}{
		"revoked, inline":           {healing.Revoke, false},
		"in quarantine, inline":     {healing.Quarantine, false},
		"revoked, a resource":       {healing.Revoke, true},
		"in quarantine, a resource": {healing.Quarantine, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, tt.remediation, tt.own)
			if scan, _ := d.scan(); scan.Drift.Found {
				t.Fatalf("drift before the heal: %+v", scan.Drift)
			}
			swept := must(d.healer.Sweep(ctx, "1", []healing.Place{webPlace}))(t)
			if len(swept.Actions) != 1 {
				t.Fatalf("the healer did %+v", swept.Actions)
			}
			healID := swept.Actions[0].HealID

			scan, told := d.scan()
			if scan.Revert || !scan.Drift.Found || len(told.Resources) != 1 {
				t.Fatalf("revert %v, %+v", scan.Revert, told.Resources)
			}
			r := told.Resources[0]
			if r.Response != "ignore" || !strings.HasPrefix(r.Why, "expected: closed by "+healID) || len(r.Expected) == 0 || r.Expected[0].HealID != healID {
				t.Errorf("%+v", r)
			}
			for _, f := range d.facts.Types() {
				if f == "DriftDetected.v1" {
					t.Error("what the healer did was told as drift")
				}
			}

			asked := scanOf(network)
			asked.ScanID, asked.IncludeKept = "scan-asked", true
			asked = d.report(asked)
			asked = must(d.service.PlanRevert(ctx, asked))(t)
			d.clock.Advance(time.Minute)
			asked = must(d.service.ReadRevert(ctx, asked))(t)
			asked = must(d.service.Guard(ctx, asked))(t)
			if asked.Plan.State != drift.PlanRefused || !strings.Contains(strings.Join(asked.Result.Reasons, "\n"), "heal undo "+healID) {
				t.Errorf("a person may revert a heal: %+v, %+v", asked.Plan, asked.Result)
			}

			undone := must(d.healer.Undo(ctx, healID, "dana"))(t)
			if tt.remediation == healing.Revoke && tt.own {
				d.stack.Resources["Rule"].PhysicalID, d.rule.RuleID = undone.Restored[0].RuleID, undone.Restored[0].RuleID // as if deployed again
			}
			if scan, told = d.scan(); scan.Drift.Found || told.Status != drift.StatusInSync {
				t.Errorf("after the undo: %s, %+v", told.Status, told.Resources)
			}
		})
	}
}

// After an undo, drift at the same place is drift as any other.
func TestAnUndoTakesTheMarkAway(t *testing.T) {
	d := deploy(t, healing.Revoke, false)
	swept := must(d.healer.Sweep(ctx, "1", []healing.Place{webPlace}))(t)
	undone := must(d.healer.Undo(ctx, swept.Actions[0].HealID, "dana"))(t)
	if err := d.groups.Revoke(ctx, webPlace, "sg-0web", []string{undone.Restored[0].RuleID}); err != nil {
		t.Fatal(err)
	}
	scan, told := d.scan()
	if !scan.Revert || told.Resources[0].Response != "revert" || len(told.Resources[0].Expected) != 0 {
		t.Errorf("revert %v, %+v", scan.Revert, told.Resources)
	}
}

// What the healer did is not brought back where no heal is known for it either.
func TestWhatTheHealerDidIsNeverBroughtBack(t *testing.T) {
	d := deploy(t, healing.Revoke, false)
	must(d.healer.Sweep(ctx, "1", []healing.Place{webPlace}))(t)
	d.service.Heals = nil
	d.service.Attributor = &attributor{answers: map[string]*events.Attribution{"Web": {Class: "healer", Principal: "evenkeel-heal"}}}
	if scan, told := d.scan(); scan.Revert || told.Resources[0].Response == "revert" {
		t.Errorf("revert %v, %+v", scan.Revert, told.Resources[0])
	}
}
