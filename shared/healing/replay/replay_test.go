package replay_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

const (
	shapes = "../testdata/cloudtrail"
	group  = "sg-0a11a11a11a11a001"
	list   = "pl-0a11a11a11a11a001"
)

var at = healing.Place{Account: "222222222222", Region: "eu-west-1"}

func shape(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(shapes, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// apply folds the shapes in and returns the changes.
func apply(t testing.TB, s *replay.State, names ...string) []replay.Change {
	t.Helper()
	var changes []replay.Change
	for _, name := range names {
		c, err := s.Apply(shape(t, name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		changes = append(changes, c)
	}
	return changes
}

// rules are the rules of the place as texts: id, direction, key, description.
func rules(t testing.TB, s *replay.State) []string {
	t.Helper()
	live, err := s.Rules(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, r := range live {
		direction := "in"
		if r.Egress {
			direction = "out"
		}
		texts = append(texts, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", strings.TrimPrefix(r.RuleID, "sgr-0a11a11a11a11"), direction, healing.RuleKey(r), r.Description)))
	}
	return texts
}

// withoutIDs are the rules without their ids, sorted.
func withoutIDs(texts []string) []string {
	var plain []string
	for _, text := range texts {
		_, rest, _ := strings.Cut(text, " ")
		plain = append(plain, rest)
	}
	slices.Sort(plain)
	return plain
}

// TestLifeOfAGroup follows one group from its creation to its end.
func TestLifeOfAGroup(t *testing.T) {
	const out = "out -1/all/0.0.0.0/0"
	var s replay.State
	for _, step := range []struct {
		shape string
		want  []string // without the default egress rule
	}{
		{"create-group", nil},
		{"authorize-nested", []string{"b001 in tcp/22/0.0.0.0/0"}},
		{"authorize-with-description", []string{"b001 in tcp/22/0.0.0.0/0", "b002 in tcp/443/0.0.0.0/0 the shop"}},
		{"error-duplicate", []string{"b001 in tcp/22/0.0.0.0/0", "b002 in tcp/443/0.0.0.0/0 the shop"}},
		{"dry-run", []string{"b001 in tcp/22/0.0.0.0/0", "b002 in tcp/443/0.0.0.0/0 the shop"}},
		{"descriptions", []string{"b001 in tcp/22/0.0.0.0/0 everybody", "b002 in tcp/443/0.0.0.0/0 the shop"}},
		{"modify-several", []string{"b001 in tcp/22/0.0.0.0/1", "b002 in tcp/22/128.0.0.0/1"}},
		{"modify-camel-case-wrapped", []string{"b001 in tcp/22/0.0.0.0/0", "b002 in tcp/22/128.0.0.0/1"}},
		{"own-role", []string{"b001 in tcp/22/192.0.2.0/32", "b002 in tcp/22/128.0.0.0/1"}}, // the healer's changes are changes
		{"modify-camel-case", []string{"b001 in tcp/22/0.0.0.0/0", "b002 in tcp/22/128.0.0.0/1"}},
		{"revoke-nested", []string{"b002 in tcp/22/128.0.0.0/1"}},
		{"authorize-by-cloudformation", []string{"b002 in tcp/22/128.0.0.0/1", "b005 in tcp/22/0.0.0.0/0", "b006 in tcp/8180/0.0.0.0/0"}},
		{"revoke-flat", []string{"b002 in tcp/22/128.0.0.0/1", "b006 in tcp/8180/0.0.0.0/0"}},
	} {
		changes := apply(t, &s, step.shape)
		got := slices.DeleteFunc(rules(t, &s), func(r string) bool { return strings.HasSuffix(r, out) })
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: rules %q, want %q (%v)", step.shape, got, step.want, changes[0].Notes)
		}
	}
	if n := len(rules(t, &s)); n != 3 {
		t.Errorf("%d rules, want the default egress rule too", n)
	}
	g, ok, err := s.Group(t.Context(), at, group)
	if err != nil || !ok || g.GroupName != "shop" || g.VPCID != "vpc-0a11a11a11a11a001" || g.Tags["team"] != "shop" || g.Account != at.Account || g.Region != at.Region {
		t.Errorf("group %+v, %v, %v", g, ok, err)
	}
	if partial := s.Partial(at); len(partial) > 0 {
		t.Errorf("a group that was created here is known whole, not %q", partial)
	}
	apply(t, &s, "tags")
	if g, _, _ := s.Group(t.Context(), at, group); g.Tags["exposure"] != "public" || g.Tags["team"] != "shop" {
		t.Errorf("tags %v", g.Tags)
	}
	apply(t, &s, "delete-group")
	if _, ok, _ := s.Group(t.Context(), at, group); ok || len(rules(t, &s)) > 0 {
		t.Error("the group is still there")
	}
}

// TestRulesWithoutIDs: older records have no rule set, and get ids of our own,
// the same in every replay.
func TestRulesWithoutIDs(t *testing.T) {
	var s, again replay.State
	names := []string{"authorize-both-families-no-rule-set", "authorize-every-protocol", "authorize-referenced-group", "authorize-flat-as-typed"}
	changes := apply(t, &s, names...)
	apply(t, &again, names...)
	want := []string{"in -1/all/0.0.0.0/0 temporary", "in -1/all/::/0 temporary", "in tcp/22/0.0.0.0/0", "in tcp/22/::/0", "in tcp/all/sg-0a11a11a11a11a002"}
	if got := withoutIDs(rules(t, &s)); !slices.Equal(got, want) {
		t.Errorf("rules %q, want %q", got, want)
	}
	if !slices.Equal(rules(t, &s), rules(t, &again)) {
		t.Error("two replays give different ids")
	}
	if notes := changes[0].Notes; len(notes) != 1 || !strings.Contains(notes[0], group+" is seen first here; its earlier rules are not known") {
		t.Errorf("notes %q", notes)
	}
	if partial := s.Partial(at); !slices.Equal(partial, []string{group}) {
		t.Errorf("partial %q", partial)
	}
	changes = apply(t, &s, "revoke-by-id")
	if len(changes[0].Notes) != 1 || changes[0].Changed() || len(rules(t, &s)) != 5 {
		t.Errorf("an id that nobody knows takes nothing away: %+v", changes[0])
	}
	apply(t, &s, "revoke-nested")
	if got := withoutIDs(rules(t, &s)); slices.Contains(got, "in tcp/22/0.0.0.0/0") || len(got) != 4 {
		t.Errorf("rules %q", got)
	}
}

// TestTheOnlyRuleWithoutAnID: a later call names EC2's id, which the record of
// the rule did not have.
func TestTheOnlyRuleWithoutAnID(t *testing.T) {
	for _, later := range []string{"revoke-by-id", "modify-camel-case"} {
		var s replay.State
		apply(t, &s, "authorize-flat-as-typed")
		changes := apply(t, &s, later)
		if got := rules(t, &s); later == "revoke-by-id" && len(got) != 0 || later == "modify-camel-case" && !slices.Equal(got, []string{"b001 in tcp/22/0.0.0.0/0"}) {
			t.Errorf("%s: rules %q", later, got)
		}
		if len(changes[0].Notes) != 1 || !strings.Contains(changes[0].Notes[0], "is taken for the only rule") {
			t.Errorf("%s: notes %q", later, changes[0].Notes)
		}
	}
}

// TestModifyOfAnUnknownRule: it is assumed to let in, and to be told.
func TestModifyOfAnUnknownRule(t *testing.T) {
	var s replay.State
	c := apply(t, &s, "modify-one")[0]
	if got := rules(t, &s); !slices.Equal(got, []string{"b002 in tcp/3389/0.0.0.0/0"}) || len(c.Notes) != 2 || !c.Changed() {
		t.Errorf("rules %q, %+v", got, c)
	}
}

// TestPrefixLists: versions are EC2's, and the groups that refer to a list
// change with it.
func TestPrefixLists(t *testing.T) {
	var s replay.State
	apply(t, &s, "create-group", "authorize-prefix-list")
	if partial := s.Partial(at); !slices.Equal(partial, []string{list}) {
		t.Errorf("partial %q, want the list that nothing is known of", partial)
	}
	for _, step := range []struct {
		shape string
		want  []string
	}{
		{"prefix-list-create", []string{"203.0.113.0/24"}},
		{"prefix-list-add", []string{"0.0.0.0/0", "203.0.113.0/24"}},
		{"prefix-list-add-and-remove", []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"}},
		{"prefix-list-restore", []string{"203.0.113.0/24"}},
	} {
		c := apply(t, &s, step.shape)[0]
		got, ok, err := s.Entries(t.Context(), at, list)
		if err != nil || !ok || !slices.Equal(got, step.want) || !slices.Equal(c.Groups, []string{group}) || len(c.Notes) > 0 {
			t.Errorf("%s: entries %q, %v; %+v", step.shape, got, ok, c)
		}
	}
	if partial := s.Partial(at); len(partial) > 0 {
		t.Errorf("partial %q", partial)
	}
	apply(t, &s, "prefix-list-delete")
	if _, ok, _ := s.Entries(t.Context(), at, list); ok {
		t.Error("the list is still there")
	}
}

// TestPrefixListOfBefore: what records add is admitted for sure; the rest is
// not known.
func TestPrefixListOfBefore(t *testing.T) {
	var s replay.State
	changes := apply(t, &s, "prefix-list-add", "prefix-list-restore")
	if len(changes[0].Notes) != 1 || !strings.Contains(changes[0].Notes[0], "its earlier entries are not known") {
		t.Errorf("notes %q", changes[0].Notes)
	}
	if got, ok, _ := s.Entries(t.Context(), at, list); !ok || len(got) != 0 || !slices.Equal(s.Partial(at), []string{list}) {
		t.Errorf("entries %q, %v, partial %q", got, ok, s.Partial(at))
	}
}

// TestInterfaces: an open group that is put to use is a change of the group.
func TestInterfaces(t *testing.T) {
	const eni = "eni-0a11a11a11a11a001"
	var s replay.State
	apply(t, &s, "create-group")
	for _, step := range []struct {
		shape string
		want  []string
		known bool // that the group changed
	}{
		{"interface-description", nil, false},
		{"interface-groups", []string{eni}, true},
		{"run-launch-template", []string{eni}, true},
		{"instance-groups", []string{eni}, true},
		{"interface-create", []string{eni}, true},
	} {
		c := apply(t, &s, step.shape)[0]
		if got := s.Interfaces(at, group); !slices.Equal(got, step.want) || c.Changed() != step.known {
			t.Errorf("%s: interfaces %q, %+v", step.shape, got, c)
		}
	}
	for _, end := range []string{
		`{"eventName":"TerminateInstances","requestParameters":{"instancesSet":{"items":[{"instanceId":"i-0a11a11a11a11a001"}]}}`,
		`{"eventName":"DeleteNetworkInterface","requestParameters":{"networkInterfaceId":"eni-0a11a11a11a11a001"}`,
	} {
		if _, err := s.Apply([]byte(end + `,"eventSource":"ec2.amazonaws.com","awsRegion":"eu-west-1","recipientAccountId":"222222222222"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Interfaces(at, group); len(got) > 0 {
		t.Errorf("interfaces %q", got)
	}
}

// TestNothingHappens: failures, copies and other records change nothing, and
// say why.
func TestNothingHappens(t *testing.T) {
	var s replay.State
	apply(t, &s, "authorize-nested")
	before := rules(t, &s)
	for name, why := range map[string]string{
		"error-unauthorized": "the call failed with Client.UnauthorizedOperation", "error-server": "the call failed with Server.InternalError",
		"dry-run": "a dry run", "read-only": "only reads", "other-source": "not a CloudTrail record of EC2", "authorize-nested": "applied before",
		"authorize-by-name-no-rule-set": "does not name a group", "authorize-request-omitted": "does not name a group",
	} {
		c := apply(t, &s, name)[0]
		if c.Changed() || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], why) {
			t.Errorf("%s: %+v, want %q", name, c, why)
		}
	}
	if after := rules(t, &s); !slices.Equal(before, after) {
		t.Errorf("rules %q became %q", before, after)
	}
}

// TestGroupByName: in a default VPC a group is named; one that is known by the
// name is meant.
func TestGroupByName(t *testing.T) {
	var s replay.State
	s.Load(at, replay.Snapshot{Groups: []events.SecurityGroup{{GroupID: "sg-d", GroupName: "default"}}})
	if c := apply(t, &s, "authorize-by-name-no-rule-set")[0]; !slices.Equal(c.Groups, []string{"sg-d"}) {
		t.Errorf("%+v", c)
	}
	s.Load(at, replay.Snapshot{Groups: []events.SecurityGroup{{GroupID: "sg-e", GroupName: "shop"}, {GroupID: "sg-f", GroupName: "shop"}}})
	r := strings.Replace(string(shape(t, "authorize-by-name-no-rule-set")), `"default"`, `"shop"`, 1)
	if c, err := s.Apply([]byte(strings.Replace(r, `"eventID": "`, `"eventID": "other-`, 1))); err != nil || c.Changed() {
		t.Errorf("two groups have the name: %+v, %v", c, err)
	}
}

// TestSnapshot: what was loaded comes back as EC2 shows it.
func TestSnapshot(t *testing.T) {
	var s replay.State
	s.Load(at, replay.Snapshot{
		Groups:      []events.SecurityGroup{{GroupID: "sg-1", GroupName: "one", Tags: map[string]string{"a": "b"}}},
		Rules:       []events.SecurityGroupRule{{RuleID: "sgr-2", GroupID: "sg-2", Protocol: "50", FromPort: 0, ToPort: 7, CIDRv4: "10.1.2.3/8"}},
		PrefixLists: map[string][]string{"pl-1": {"::1/0"}},
		Interfaces:  map[string][]string{"eni-1": {"sg-2", "sg-1"}},
	})
	want := replay.Snapshot{
		Groups: []events.SecurityGroup{{GroupID: "sg-1", GroupName: "one", Account: at.Account, Region: at.Region, Tags: map[string]string{"a": "b"}},
			{GroupID: "sg-2", Account: at.Account, Region: at.Region}},
		Rules:       []events.SecurityGroupRule{{RuleID: "sgr-2", GroupID: "sg-2", Protocol: "50", FromPort: -1, ToPort: -1, CIDRv4: "10.0.0.0/8"}},
		PrefixLists: map[string][]string{"pl-1": {"::/0"}},
		Interfaces:  map[string][]string{"eni-1": {"sg-1", "sg-2"}},
	}
	if got := s.Snapshot(at); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if !slices.Equal(s.Places(), []healing.Place{at}) || len(s.Partial(at)) > 0 {
		t.Errorf("places %v, partial %v", s.Places(), s.Partial(at))
	}
}

// FuzzApply: whatever a record has in it, the state stays one that EC2 could
// have, and a copy of the record changes nothing.
func FuzzApply(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(shapes, "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no shapes: %v", err)
	}
	for _, file := range files {
		f.Add(shape(f, strings.TrimSuffix(filepath.Base(file), ".json")))
	}
	var before [][]byte
	for _, name := range []string{"create-group", "authorize-nested", "authorize-prefix-list", "prefix-list-create", "run-launch-template"} {
		before = append(before, shape(f, name))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		var s replay.State
		for _, earlier := range before {
			if _, err := s.Apply(earlier); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Apply(event); err != nil {
			return
		}
		after := map[healing.Place]replay.Snapshot{}
		for _, place := range s.Places() {
			after[place] = s.Snapshot(place)
			ids := map[string]bool{}
			for _, r := range after[place].Rules {
				if r.RuleID == "" || ids[r.GroupID+r.RuleID] || !slices.ContainsFunc(after[place].Groups, func(g events.SecurityGroup) bool { return g.GroupID == r.GroupID }) {
					t.Errorf("rule %+v", r)
				}
				ids[r.GroupID+r.RuleID] = true
			}
		}
		if _, err := s.Apply(event); err != nil {
			t.Errorf("the copy: %v", err)
		}
		for _, place := range s.Places() {
			was, is := marshal(t, after[place]), marshal(t, s.Snapshot(place))
			if was != is {
				t.Errorf("the copy made of %s\n%s", was, is)
			}
		}
	})
}

func marshal(t *testing.T, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
