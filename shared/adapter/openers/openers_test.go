package openers_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/openers"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	at   = healing.Place{Account: "222222222222", Region: "eu-west-1"}
	noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
)

const (
	dana = "arn:aws:sts::222222222222:assumed-role/developer/dana"
	ours = "arn:aws:sts::222222222222:assumed-role/evenkeel-heal/evenkeel"
)

// ledger gives the writes that it has under one of the keys.
type ledger struct {
	writes []attribution.Write
	err    error
	keys   []string
}

func (l *ledger) Writes(_ context.Context, keys []string, _ int) ([]attribution.Write, error) {
	l.keys = keys
	return slices.DeleteFunc(slices.Clone(l.writes), func(w attribution.Write) bool {
		return !slices.ContainsFunc(w.Keys(), func(k string) bool { return slices.Contains(keys, k) })
	}), l.err
}

func write(name, principal string, minutes int, rules ...string) attribution.Write {
	return attribution.Write{
		Account: at.Account, Region: at.Region, EventSource: "ec2.amazonaws.com", EventName: name, EventID: principal + name,
		Principal: principal, SourceIP: "192.0.2.1", UserAgent: "console", Time: noon.Add(time.Duration(minutes) * time.Minute),
		Resources: append([]string{"sg-1"}, rules...),
	}
}

func TestOpener(t *testing.T) {
	made := write("AuthorizeSecurityGroupIngress", dana, -60, "sgr-1", "sgr-2")
	for name, tt := range map[string]struct {
		writes []attribution.Write
		list   string
		err    error
		want   string // id of the call
	}{
		"nothing is known":                   {},
		"the call that made it":              {writes: []attribution.Write{made}, want: made.EventID},
		"the last of several":                {writes: []attribution.Write{write("ModifySecurityGroupRules", "mallory", -5, "sgr-1"), made}, want: "malloryModifySecurityGroupRules"},
		"not a later one":                    {writes: []attribution.Write{write("ModifySecurityGroupRules", "mallory", 5, "sgr-1"), made}, want: made.EventID},
		"not one that opens nothing":         {writes: []attribution.Write{write("CreateTags", "mallory", -5, "sgr-1"), made}, want: made.EventID},
		"not one of another rule":            {writes: []attribution.Write{write("ModifySecurityGroupRules", "mallory", -5, "sgr-2")}},
		"only the group is named":            {writes: []attribution.Write{write("AuthorizeSecurityGroupIngress", "mallory", -5)}},
		"the healer itself":                  {writes: []attribution.Write{write("ModifySecurityGroupRules", ours, -5, "sgr-1"), made}},
		"the heal itself, cut to its second": {writes: []attribution.Write{write("ModifySecurityGroupRules", ours, 0, "sgr-1"), made}, want: made.EventID},
		"opened since the healer's":          {writes: []attribution.Write{write("ModifySecurityGroupRules", dana, -1, "sgr-1"), write("ModifySecurityGroupRules", ours, -5, "sgr-1")}, want: dana + "ModifySecurityGroupRules"},
		"a rule with a prefix list":          {writes: []attribution.Write{made}, list: "pl-1"},
		"the ledger cannot be read":          {writes: []attribution.Write{made}, err: errors.New("denied")},
		"the same role name elsewhere":       {writes: []attribution.Write{write("ModifySecurityGroupRules", strings.ReplaceAll(ours, "222222222222", "999999999999"), -5, "sgr-1")}, want: strings.ReplaceAll(ours, "222222222222", "999999999999") + "ModifySecurityGroupRules"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := events.SecurityGroupRule{RuleID: "sgr-1", GroupID: "sg-1", PrefixListID: tt.list}
			by, ok, err := openers.New(&ledger{writes: tt.writes, err: tt.err}, "evenkeel-heal").Opener(context.Background(), at, rule, noon)
			if by.EventID != tt.want || ok != (tt.want != "") || !errors.Is(err, tt.err) {
				t.Errorf("%+v, %v, %v, want %q", by, ok, err, tt.want)
			}
			if ok && (by.Principal == "" || by.SourceIP == "" || by.UserAgent == "" || by.Time.IsZero() || by.EventName == "") {
				t.Errorf("%+v", by)
			}
		})
	}
}

// The ledger keeps of real records what is asked for here.
func TestKeptRecordsAreFound(t *testing.T) {
	for _, name := range []string{"nested-ipv4", "modify-rules-object", "cloudformation-no-group-id"} {
		event, err := os.ReadFile("../../../testdata/events/cloudtrail-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		kept, why, err := attribution.Parse(event)
		if err != nil || why != "" {
			t.Fatalf("%s: %q, %v", name, why, err)
		}
		record, err := healing.Parser{}.Parse(event)
		if err != nil || len(record.Opened) == 0 {
			t.Fatalf("%s: %+v, %v", name, record, err)
		}
		by, ok, err := openers.New(&ledger{writes: []attribution.Write{kept}}, "evenkeel-heal").Opener(
			context.Background(), record.Place, events.SecurityGroupRule{RuleID: record.Opened[0]}, record.Trigger.Time)
		if err != nil || !ok || by.EventID != record.Trigger.EventID || by.Principal != record.Trigger.Principal || !by.Time.Equal(record.Trigger.Time) {
			t.Errorf("%s: %+v, %v, %v; want what the record says: %+v", name, by, ok, err, record.Trigger)
		}
	}
}
