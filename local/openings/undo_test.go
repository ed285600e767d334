package openings

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// undoFor is how long an undone heal is left alone here.
const undoFor = 12 * time.Second

// undo takes heals back, one in quarantine and one that revoked: the rule is
// what it was, byte for byte in quarantine, is left alone for as long as the
// policy says, and is closed again after that.
func (w *world) undo(ctx context.Context) {
	w.t.Helper()
	w.setPolicy(ctx, map[string]any{"mode": healing.Enforce, "undoFor": undoFor.String(), "scopes": []any{
		map[string]any{"name": "revoke", "accounts": []string{"850000000000"}, "remediation": healing.Revoke},
	}})
	var both []*undoing
	for _, account := range []string{"840000000000", "850000000000"} {
		s := &stage{world: w, at: healing.Place{Account: account, Region: region}, ids: map[string]string{}}
		both = append(both, &undoing{stage: s, group: s.manyGroups(ctx, 1)[0], revoked: account == "850000000000"})
	}
	for _, do := range []func(*undoing, context.Context){(*undoing).opens, (*undoing).undone, (*undoing).staysOpen, (*undoing).closesAgain} {
		for _, u := range both {
			do(u, ctx)
		}
	}
}

type undoing struct {
	*stage
	group    string
	revoked  bool
	rule     string            // id of the open rule
	open     map[string]string // described with the rule open
	innocent int
	until    time.Time // of the exception
}

// look makes the healer look at the group, by the event of an innocent call.
func (u *undoing) look(ctx context.Context) {
	u.t.Helper()
	u.innocent++
	if _, err := ec2.NewFromConfig(u.account(u.at.Account, u.at.Region)).AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &u.group, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443),
			IpRanges: []types.IpRange{{CidrIp: aws.String(fmt.Sprintf("198.51.100.%d/32", u.innocent))}}}}}); err != nil {
		u.t.Fatal(err)
	}
}

// opens adds an open rule with a description and tags, and waits until it is closed.
func (u *undoing) opens(ctx context.Context) {
	u.t.Helper()
	out, err := u.client().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &u.group, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
			Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0"), Description: aws.String("for the vendor")}}}},
		TagSpecifications: specification(types.ResourceTypeSecurityGroupRule, map[string]string{"owner": "net", "ticket": "NET-17"}),
	})
	if err != nil {
		u.t.Fatal(err)
	}
	u.rule = aws.ToString(out.SecurityGroupRules[0].SecurityGroupRuleId)
	if u.open, err = u.described(ctx); err != nil {
		u.t.Fatal(err)
	}
	u.look(ctx)
	u.heals(ctx, 1)
}

// heals waits until so many facts tell that the rule was closed.
func (u *undoing) heals(ctx context.Context, n int) {
	u.t.Helper()
	if err := await(ctx, time.Minute, 200*time.Millisecond, fmt.Sprintf("heal %d of %s", n, u.rule), func() (bool, error) {
		seen, err := u.facts(ctx)
		return seen[healed][u.rule] == n, err
	}); err != nil {
		u.t.Fatal(err)
	}
}

// undone takes the heal back and compares.
func (u *undoing) undone(ctx context.Context) {
	u.t.Helper()
	heal, err := u.healOf(ctx, u.rule)
	if err != nil {
		u.t.Fatal(err)
	}
	payload, failed, err := u.invoke(ctx, []byte(`{"action":"undo","healId":"`+heal+`","by":"dana"}`))
	var undone events.SecurityGroupHealUndone
	if err != nil || failed != "" || json.Unmarshal(payload, &undone) != nil || len(undone.Restored) != 1 {
		u.t.Fatalf("undo of %s: %s %s %v", heal, payload, failed, err)
	}
	now, err := u.described(ctx)
	if err != nil {
		u.t.Fatal(err)
	}
	restored := undone.Restored[0].RuleID
	want := u.open[u.rule]
	if u.revoked { // another id, which the answer states; everything else as it was
		if restored == u.rule || now[u.rule] != "" {
			u.t.Errorf("the revoked rule %s came back as %s", u.rule, restored)
		}
		want = strings.ReplaceAll(want, u.rule, restored)
	}
	if now[restored] != want {
		u.t.Errorf("after the undo the rule is\n%s\nwant\n%s", now[restored], want)
	}
	u.t.Logf("undone: %s, by %s until %s", now[restored], undone.By, undone.Until.Format(time.TimeOnly))
	u.rule, u.until = restored, undone.Until
}

// staysOpen lets the healer look while the exception holds.
func (u *undoing) staysOpen(ctx context.Context) {
	u.t.Helper()
	before, err := u.facts(ctx)
	if err != nil {
		u.t.Fatal(err)
	}
	u.look(ctx)
	if err := u.drained(ctx, time.Minute); err != nil {
		u.t.Fatal(err)
	}
	now, err := u.described(ctx)
	if err != nil {
		u.t.Fatal(err)
	}
	if time.Now().After(u.until) {
		u.t.Log("the machine is too slow to see that the exception holds")
		return
	}
	if rule := ruleOf(u.t, now[u.rule]); rule.CIDRv6 != "::/0" {
		u.t.Errorf("an undone rule was closed during its exception: %s", now[u.rule])
	}
	after, err := u.facts(ctx)
	if err != nil || after[healed][u.rule] != before[healed][u.rule] {
		u.t.Errorf("%d heals of %s are told of, %d were (%v)", after[healed][u.rule], u.rule, before[healed][u.rule], err)
	}
}

// closesAgain lets the healer look after the exception expired.
func (u *undoing) closesAgain(ctx context.Context) {
	u.t.Helper()
	before, err := u.facts(ctx)
	if err != nil {
		u.t.Fatal(err)
	}
	time.Sleep(time.Until(u.until) + time.Second)
	u.look(ctx)
	u.heals(ctx, before[healed][u.rule]+1)
}
