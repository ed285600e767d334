package preview_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/preview"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

// lists is a state with prefix lists of AWS, and some that cannot be read.
type lists struct {
	replay.State
	aws    []string
	refuse map[string]error
}

func (l *lists) AWSLists(_ context.Context, _ healing.Place, _ ...string) ([]string, error) {
	return l.aws, nil
}

func (l *lists) Entries(ctx context.Context, at healing.Place, list string) ([]string, bool, error) {
	if err := l.refuse[list]; err != nil {
		return nil, false, err
	}
	return l.State.Entries(ctx, at, list)
}

// onSSH is a place in which each list may reach tcp 22, in a group of its own.
func onSSH(l *lists, names ...string) {
	known := replay.Snapshot{PrefixLists: map[string][]string{"pl-aws": {"0.0.0.0/0"}, "pl-wide": {"0.0.0.0/0"}}}
	for _, list := range names {
		group := "sg-" + list[len("pl-"):]
		known.Groups = append(known.Groups, events.SecurityGroup{GroupID: group})
		known.Rules = append(known.Rules, events.SecurityGroupRule{RuleID: "sgr-" + list, GroupID: group, Protocol: "tcp", FromPort: 22, ToPort: 22, PrefixListID: list})
	}
	l.Load(at, known)
}

// TestLiveLists: prefix lists are judged as the healer does. Those of AWS are
// trusted, those that cannot be read are reported or closed, and one that may be
// read later is said to be unread.
func TestLiveLists(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(*healing.Policy)
		want, unread []string
	}{
		"as it is": {func(*healing.Policy) {}, []string{"sgr-pl-denied report", "sgr-pl-gone report", "sgr-pl-wide revoke"}, []string{"pl-busy: busy"}},
		"close": {func(p *healing.Policy) { p.UnknownPrefixLists = healing.CloseUnknown },
			[]string{"sgr-pl-denied revoke", "sgr-pl-gone revoke", "sgr-pl-wide revoke"}, []string{"pl-busy: busy"}},
		"AWS is not trusted": {func(p *healing.Policy) { p.TrustAWSPrefixLists = false },
			[]string{"sgr-pl-aws revoke", "sgr-pl-denied report", "sgr-pl-gone report", "sgr-pl-wide revoke"}, []string{"pl-busy: busy"}},
		"the port is open": {func(p *healing.Policy) { p.OpenPorts = []healing.PortRange{{From: 22, To: 22}} }, nil, nil},
	} {
		state := &lists{aws: []string{"pl-aws"}, refuse: map[string]error{"pl-busy": fault.Transient("busy"), "pl-denied": errors.New("denied")}}
		onSSH(state, "pl-aws", "pl-busy", "pl-denied", "pl-gone", "pl-wide")
		p := enforcing()
		test.change(&p)
		found, unread, err := preview.Live(t.Context(), state, p, at, time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Rule.Rule.RuleID+" "+f.Would)
		}
		unread = slices.DeleteFunc(unread, func(s string) bool { return s == "pl-denied: denied" }) // why the rule is reported
		if !slices.Equal(got, test.want) || !slices.Equal(unread, test.unread) {
			t.Errorf("%s: %q, want %q; unread %q, want %q", name, got, test.want, unread, test.unread)
		}
	}
}

// TestLiveAsTheHealer: what the preview says is what a sweep does.
func TestLiveAsTheHealer(t *testing.T) {
	now := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	state := &lists{aws: []string{"pl-aws"}}
	onSSH(state, "pl-aws", "pl-gone", "pl-wide")
	found, _, err := preview.Live(t.Context(), state, healing.DefaultPolicy(), at, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	var foreseen, done []string
	for _, f := range found {
		foreseen = append(foreseen, f.Group.GroupID+" "+f.Rule.Rule.RuleID)
	}
	memory := &fake.HealingState{}
	healer := &healing.Service{Groups: state, Records: memory, Policies: memory, Publisher: &fake.DeploymentFacts{}, Now: func() time.Time { return now }}
	result, err := healer.Sweep(t.Context(), "1", []healing.Place{at})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range result.Actions {
		done = append(done, fmt.Sprint(a.Group, " ", a.Rules[0]))
	}
	slices.Sort(done)
	if !slices.Equal(foreseen, done) || len(done) != 2 {
		t.Errorf("foreseen %q, done %q", foreseen, done)
	}
}

// TestTimelineNewcomers: of equally small sets, the rule that the record made is
// the one that would be closed; and a list of which the archive does not tell is
// partial, whatever the policy says of lists that cannot be read.
func TestTimelineNewcomers(t *testing.T) {
	p := enforcing()
	p.UnknownPrefixLists = healing.CloseUnknown
	tl := timeline(t, p, "create-group", "authorize-prefix-list")
	if got := texts(tl.Findings()); len(got) != 0 {
		t.Errorf("%q of a list that the archive does not tell of", got)
	}
	if got := tl.State.Partial(at); len(got) == 0 {
		t.Error("the list is not named as partial")
	}
}
