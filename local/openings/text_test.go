package openings

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func stringBody(text string) io.Reader { return strings.NewReader(text) }

// parseLines reads the JSON lines of a log; others, such as the runtime's
// START and END, are left out.
func parseLines(log []byte) (lines []invocation) {
	for text := range bytes.Lines(log) {
		var line invocation
		if json.Unmarshal(text, &line) == nil && line.Message != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// described is a rule as DescribeSecurityGroupRules writes it.
type describedRule struct {
	SecurityGroupRuleId, GroupId, IpProtocol string //nolint:revive // the names of the API
	IsEgress                                 bool
	FromPort, ToPort                         *int32
	CidrIpv4, CidrIpv6, PrefixListId         string //nolint:revive // the names of the API
	Description                              string
	ReferencedGroupInfo                      struct{ GroupId string } //nolint:revive // the name of the API
	Tags                                     []struct{ Key, Value string }
}

// ruleOf reads a described rule; the zero rule when there is none.
func ruleOf(t testing.TB, text string) events.SecurityGroupRule {
	t.Helper()
	if text == "" {
		return events.SecurityGroupRule{}
	}
	var d describedRule
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	r := events.SecurityGroupRule{RuleID: d.SecurityGroupRuleId, GroupID: d.GroupId, Egress: d.IsEgress, Protocol: d.IpProtocol, FromPort: -1, ToPort: -1,
		CIDRv4: d.CidrIpv4, CIDRv6: d.CidrIpv6, PrefixListID: d.PrefixListId, ReferencedGroupID: d.ReferencedGroupInfo.GroupId, Description: d.Description}
	if d.FromPort != nil && d.ToPort != nil {
		r.FromPort, r.ToPort = *d.FromPort, *d.ToPort
	}
	for _, tag := range d.Tags {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		r.Tags[tag.Key] = tag.Value
	}
	return healing.Canonical(r)
}
