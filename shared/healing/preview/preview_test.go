package preview_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/preview"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

var at = healing.Place{Account: "222222222222", Region: "eu-west-1"}

func enforcing() healing.Policy {
	p := healing.DefaultPolicy()
	p.Mode = healing.Enforce
	return p
}

// timeline applies shapes in order, one minute apart.
func timeline(t *testing.T, policy healing.Policy, shapes ...string) *preview.Timeline {
	t.Helper()
	tl := &preview.Timeline{Policy: policy}
	for i, shape := range shapes {
		data, err := os.ReadFile("../testdata/cloudtrail/" + shape + ".json")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), `"eventTime": "`)
		when, _, _ := strings.Cut(rest, `"`)
		moved := strings.Replace(string(data), when, time.Date(2026, 11, 2, 10, i, 0, 0, time.UTC).Format(time.RFC3339), 1)
		if _, err := tl.Apply(t.Context(), []byte(moved)); err != nil {
			t.Fatalf("%s: %v", shape, err)
		}
	}
	return tl
}

func texts(findings []*preview.Finding) []string {
	var found []string
	for _, f := range findings {
		d, closed := f.OpenFor()
		end := "open"
		if closed {
			end = d.String()
		}
		found = append(found, fmt.Sprintf("%s %s %s %s %s", f.Trigger.Time.Format("15:04"), healing.RuleKey(f.Rule.Rule), f.Rule.Severity, f.Would, end))
	}
	return found
}

// TestTimeline: what became too open, when, for how long, in one group.
func TestTimeline(t *testing.T) {
	for name, test := range map[string]struct {
		shapes, want []string
	}{
		"opened and revoked":        {[]string{"create-group", "authorize-nested", "authorize-with-description", "revoke-nested"}, []string{"10:01 tcp/22/0.0.0.0/0 critical quarantine 2m0s"}},
		"opened for good":           {[]string{"create-group", "authorize-nested"}, []string{"10:01 tcp/22/0.0.0.0/0 critical quarantine open"}},
		"closed by the healer":      {[]string{"authorize-nested", "own-role"}, []string{"10:00 tcp/22/0.0.0.0/0 critical quarantine 1m0s"}},
		"ended with its group":      {[]string{"authorize-nested", "delete-group"}, []string{"10:00 tcp/22/0.0.0.0/0 critical quarantine 1m0s"}},
		"modified":                  {[]string{"authorize-with-description", "modify-one"}, []string{"10:01 tcp/3389/0.0.0.0/0 critical quarantine open"}},
		"two halves of a network":   {[]string{"create-group", "modify-several"}, []string{"10:01 tcp/22/0.0.0.0/1 critical quarantine open", "10:01 tcp/22/128.0.0.0/1 critical quarantine open"}},
		"opened by a prefix list":   {[]string{"prefix-list-create", "authorize-prefix-list", "prefix-list-add", "prefix-list-restore"}, []string{"10:02 tcp/3389/pl-0a11a11a11a11a001 critical revoke 1m0s"}},
		"a web port is nobody's":    {[]string{"create-group", "authorize-with-description"}, nil},
		"failed calls":              {[]string{"error-unauthorized", "error-server", "dry-run"}, nil},
		"both families, no rule id": {[]string{"authorize-both-families-no-rule-set", "revoke-nested"}, []string{"10:00 tcp/22/0.0.0.0/0 critical quarantine 1m0s", "10:00 tcp/22/::/0 critical quarantine open"}},
	} {
		got := texts(timeline(t, enforcing(), test.shapes...).Findings())
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

// TestTimelineFollowsTags: a tag moves a group under another scope.
func TestTimelineFollowsTags(t *testing.T) {
	p := enforcing()
	p.Scopes = []healing.Scope{{Name: "public", Tags: map[string][]string{"exposure": {"public"}}, ProtectedPorts: &[]healing.PortRange{}}}
	got := texts(timeline(t, p, "create-group", "authorize-nested", "tags").Findings())
	if want := []string{"10:01 tcp/22/0.0.0.0/0 critical quarantine 1m0s"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTimelineSaysWho: who opened and who closed, and what is not known.
func TestTimelineSaysWho(t *testing.T) {
	f := timeline(t, enforcing(), "authorize-nested", "own-role").Findings()[0]
	if f.Trigger.Principal != "arn:aws:sts::222222222222:assumed-role/developer/dana" || f.ClosedBy != "arn:aws:sts::222222222222:assumed-role/evenkeel-heal/evenkeel" || !f.Partial {
		t.Errorf("%+v", f)
	}
	if f := timeline(t, enforcing(), "create-group", "authorize-nested").Findings()[0]; f.Partial || f.Group.GroupName != "shop" || !f.Closed.IsZero() {
		t.Errorf("%+v", f)
	}
}

// TestWould: what happens depends on the mode, the remediation and the source.
func TestWould(t *testing.T) {
	cidr, list := events.SecurityGroupRule{CIDRv6: "::/0"}, events.SecurityGroupRule{PrefixListID: "pl-1"}
	for _, test := range []struct {
		mode        healing.Mode
		remediation healing.Remediation
		rule        events.SecurityGroupRule
		want        string
	}{
		{healing.Observe, healing.Quarantine, cidr, preview.Report},
		{healing.Enforce, healing.Quarantine, cidr, preview.Quarantine},
		{healing.Enforce, healing.Quarantine, list, preview.Revoke},
		{healing.Enforce, healing.Revoke, cidr, preview.Revoke},
	} {
		v := preview.Verdict{Policy: healing.Policy{Mode: test.mode, Remediation: test.remediation}}
		if got := v.Would(test.rule); got != test.want {
			t.Errorf("%s, %s: %s, want %s", test.mode, test.remediation, got, test.want)
		}
	}
}

// counting counts the reads of a state.
type counting struct {
	*replay.State
	rules, group, entries int
}

func (c *counting) Rules(ctx context.Context, at healing.Place, groups ...string) ([]events.SecurityGroupRule, error) {
	c.rules++
	return c.State.Rules(ctx, at, groups...)
}

func (c *counting) Group(ctx context.Context, at healing.Place, id string) (events.SecurityGroup, bool, error) {
	c.group++
	return c.State.Group(ctx, at, id)
}

func (c *counting) Entries(ctx context.Context, at healing.Place, list string) ([]string, bool, error) {
	c.entries++
	return c.State.Entries(ctx, at, list)
}

// TestLive: a place costs one read of its rules, one of each prefix list, and
// one of each group that needs something; exceptions count.
func TestLive(t *testing.T) {
	known := replay.Snapshot{PrefixLists: map[string][]string{"pl-1": {"0.0.0.0/0"}}}
	for i := range 50 {
		group := fmt.Sprintf("sg-%02d", i)
		known.Groups = append(known.Groups, events.SecurityGroup{GroupID: group, GroupName: "name of " + group})
		rule := events.SecurityGroupRule{RuleID: "sgr-" + group, GroupID: group, Protocol: "tcp", FromPort: 443, ToPort: 443, CIDRv4: "0.0.0.0/0"}
		switch i {
		case 7, 9:
			rule.FromPort, rule.ToPort = 22, 22
		case 8:
			rule.FromPort, rule.ToPort, rule.CIDRv4, rule.PrefixListID = 3389, 3389, "", "pl-1"
		case 10:
			rule.CIDRv4, rule.PrefixListID = "", "pl-1"
		case 11:
			rule.CIDRv4, rule.PrefixListID = "", "pl-2"
		}
		known.Rules = append(known.Rules, rule)
	}
	state := &counting{State: &replay.State{}}
	state.Load(at, known)
	now := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	exceptions := func(_ context.Context, group string) ([]healing.Exception, error) {
		return []healing.Exception{{Group: "sg-09", Rule: "*", Expires: now.Add(time.Hour)}}, nil
	}
	found, unread, err := preview.Live(t.Context(), state, enforcing(), at, now, exceptions)
	if err != nil || len(unread) > 0 {
		t.Fatal(unread, err)
	}
	var got []string
	for _, f := range found {
		got = append(got, f.Group.GroupID+" "+f.Group.GroupName+" "+f.Rule.Rule.RuleID+" "+f.Would)
	}
	if want := []string{"sg-07 name of sg-07 sgr-sg-07 quarantine", "sg-08 name of sg-08 sgr-sg-08 revoke"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if state.rules != 1 || state.group != 3 || state.entries != 1 {
		t.Errorf("%d reads of rules, %d of groups, %d of prefix lists", state.rules, state.group, state.entries)
	}
}
