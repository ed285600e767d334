package benchmark_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
)

// TestVerdict changes what a case expects: the healer, which does what it did,
// must then be found wrong.
func TestVerdict(t *testing.T) {
	calls := 3
	for name, test := range map[string]struct {
		change func(e *benchmark.Expected)
		want   string
	}{
		"another action": {func(e *benchmark.Expected) { e.Action = benchmark.Observe }, "action close, want observe"},
		"fewer rules":    {func(e *benchmark.Expected) { e.Rules = e.Rules[:1] }, "sgr-0bad0000000000002 is innocent"},
		"more rules":     {func(e *benchmark.Expected) { e.Rules = append(e.Rules, "sgr-0c0ffee0000000443") }, "sgr-0c0ffee0000000443 was passed over"},
		"another way":    {func(e *benchmark.Expected) { e.How = "revoke" }, "quarantine, want revoke"},
		"fewer calls":    {func(e *benchmark.Expected) { e.Calls = &calls }, "4 EC2 calls, want at most 3"},
		"another reason": {func(e *benchmark.Expected) { e.Reason = "because" }, `want "because"`},
	} {
		c, err := decode(t, "halves", read(t, "halves"))
		if err != nil {
			t.Fatal(err)
		}
		c.Expected.Rules = slices.Clone(c.Expected.Rules)
		test.change(&c.Expected)
		v := benchmark.Run(t.Context(), c, benchmark.Evenkeel{})
		if v.Passed || !strings.Contains(strings.Join(v.Faults, "\n"), test.want) {
			t.Errorf("%s: %q, want %q", name, v.Faults, test.want)
		}
	}
}

var (
	account = regexp.MustCompile(`^(222222222222|333333333333|999999999999)$`)
	source  = regexp.MustCompile(`^(198\.51\.100\.[0-9]+|[a-z0-9.-]+\.amazonaws\.com)$`)
)

// TestEvents: a delivery has what EventBridge and CloudTrail write, and nothing
// that is somebody's. Cases of the action error, and those that are about the
// field, are what they are.
func TestEvents(t *testing.T) {
	about := []string{"bare-record", "account-as-number", "no-event-time", "no-event-id", "not-ec2", "no-rule-set", "root-user"}
	for _, c := range load(t) {
		if c.Expected.Action == benchmark.Error || slices.Contains(about, c.ID) {
			continue
		}
		var e struct {
			Version    string `json:"version"`
			ID         string `json:"id"`
			DetailType string `json:"detail-type"`
			Source     string `json:"source"`
			Account    string `json:"account"`
			Time       string `json:"time"`
			Region     string `json:"region"`
			Detail     struct {
				EventVersion, EventTime, EventSource, EventName, AWSRegion, SourceIPAddress, UserAgent, RequestID, EventID, RecipientAccountID, EventType string
				UserIdentity                                                                                                                              struct{ Type, ARN, AccountID string }
			} `json:"detail"`
		}
		if err := json.Unmarshal(c.Event, &e); err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		d := e.Detail
		whole := !slices.Contains([]string{e.Version, e.ID, e.Time, d.EventVersion, d.EventName, d.UserAgent, d.RequestID, d.EventID, d.UserIdentity.Type, d.UserIdentity.ARN}, "")
		if !whole || e.DetailType != "AWS API Call via CloudTrail" || e.Source != "aws."+strings.TrimSuffix(d.EventSource, ".amazonaws.com") ||
			e.Time != d.EventTime || e.Region != d.AWSRegion || e.Account != d.RecipientAccountID || d.EventType != "AwsApiCall" {
			t.Errorf("%s: not as EventBridge delivers it: %+v", c.ID, e)
		}
		if !account.MatchString(e.Account) || !account.MatchString(d.UserIdentity.AccountID) || !source.MatchString(d.SourceIPAddress) {
			t.Errorf("%s: account %s, caller's %s, source %s", c.ID, e.Account, d.UserIdentity.AccountID, d.SourceIPAddress)
		}
	}
}
