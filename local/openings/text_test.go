package openings

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

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

// ruleOf reads a described rule; the zero rule when there is none.
func ruleOf(t testing.TB, text string) events.SecurityGroupRule {
	t.Helper()
	if text == "" {
		return events.SecurityGroupRule{}
	}
	var d types.SecurityGroupRule
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	r := events.SecurityGroupRule{
		RuleID: aws.ToString(d.SecurityGroupRuleId), GroupID: aws.ToString(d.GroupId), Egress: aws.ToBool(d.IsEgress), Protocol: aws.ToString(d.IpProtocol),
		FromPort: -1, ToPort: -1, CIDRv4: aws.ToString(d.CidrIpv4), CIDRv6: aws.ToString(d.CidrIpv6), PrefixListID: aws.ToString(d.PrefixListId), Description: aws.ToString(d.Description),
	}
	if d.ReferencedGroupInfo != nil {
		r.ReferencedGroupID = aws.ToString(d.ReferencedGroupInfo.GroupId)
	}
	if d.FromPort != nil && d.ToPort != nil {
		r.FromPort, r.ToPort = *d.FromPort, *d.ToPort
	}
	for _, tag := range d.Tags {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		r.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return healing.Canonical(r)
}
