package openings

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/shared/healing"
)

// What one event may cost: EC2 calls until the group is safe. What is asked
// after that, for the report, keeps nobody waiting and is counted apart.
const (
	callsPerNoOp = 1
	callsPerHeal = 4
)

// healing calls are made while the group is open, or to see that it is not.
var healingCalls = []string{
	"ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:GetManagedPrefixListEntries", "ec2:DescribeManagedPrefixLists",
	"ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress",
}

// callsOfOne counts the calls for an event that needs nothing and for one that
// needs a heal, each with the event of the healer's own change.
func (w *world) callsOfOne(ctx context.Context) {
	w.t.Helper()
	s := &stage{world: w, at: healing.Place{Account: "820000000000", Region: region}, ids: map[string]string{}}
	group := s.manyGroups(ctx, 1)[0]
	open := func(cidr string) string {
		out, err := ec2.NewFromConfig(w.account(s.at.Account, s.at.Region)).AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &group, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
				IpRanges: []types.IpRange{{CidrIp: &cidr}}}}})
		if err != nil {
			w.t.Fatal(err)
		}
		return aws.ToString(out.SecurityGroupRules[0].SecurityGroupRuleId)
	}
	count := func(name string, most int) {
		if err := w.drained(ctx, time.Minute); err != nil {
			w.t.Fatal(err)
		}
		made, err := w.calls(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		n, others := 0, 0
		for _, call := range healingCalls {
			n += made[call]
		}
		for call, times := range made {
			if strings.HasPrefix(call, "ec2:") {
				others += times
			}
		}
		if n == 0 || n > most {
			w.t.Errorf("%s took %d EC2 calls, at most %d are promised: %v", name, n, most, made)
		}
		w.t.Logf("%s: %d EC2 calls until the group was seen to be safe, %d after it; all calls: %v", name, n, others-n, made)
		w.forgetCalls(ctx)
	}
	open("198.51.100.1/32") // the first event finds no policy and no session
	if err := w.drained(ctx, time.Minute); err != nil {
		w.t.Fatal(err)
	}
	w.forgetCalls(ctx)
	open("198.51.100.2/32")
	count("an event that needs nothing", callsPerNoOp)
	rule := open("0.0.0.0/0")
	if err := await(ctx, time.Minute, 200*time.Millisecond, "the heal of "+rule, func() (bool, error) {
		seen, err := w.facts(ctx)
		return seen[healed][rule] == 1, err
	}); err != nil {
		w.t.Fatal(err)
	}
	count("a heal", callsPerHeal)
}
