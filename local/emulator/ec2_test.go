package emulator_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/shared/testtool"
)

// behaviour is one statement of local/ec2.md. Check returns what is not so;
// nothing when all is.
type behaviour struct {
	id, says string
	check    func(n *vpc) string
}

// ours are the statements, each with its words from local/ec2.md.
var ours = slices.Concat(ofRules, ofAnswers, ofLists, ofInterfaces)

// EC2 of the local cloud does what local/ec2.md says.
func TestEC2(t *testing.T) {
	t.Parallel()
	e := motoServer(t)
	for _, b := range ours {
		t.Run(b.id+" "+b.says, func(t *testing.T) {
			t.Parallel()
			if seen := b.check(newVPC(t, e)); seen != "" {
				t.Errorf("%s: %s\nseen: %s", b.id, b.says, seen)
			}
		})
	}
}

// An unchanged moto does none of it. Where a later release does, what replaces
// its function in local/emulator/moto can go, with its row in local/ec2.md.
func TestUnchangedMotoNeedsEachReplacement(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := emulator.StartUnchangedMoto(context.Background(), emulator.Settings{Env: cloudtest.Venv(t), State: dir, Logs: dir, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Stop(time.Second) })
	for _, b := range ours {
		t.Run(b.id+" "+b.says, func(t *testing.T) {
			t.Parallel()
			seen := b.check(newVPC(t, e))
			if seen == "" {
				t.Errorf("moto changed: it now does by itself what %s says: %s. Remove what replaces it, and correct local/ec2.md.", b.id, b.says)
			}
			t.Logf("an unchanged moto: %s", seen)
		})
	}
}

// Each statement of the document is a check here, in its words, and none is here
// that the document does not make.
func TestEC2DocumentAndChecksAgree(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(testtool.Root(t), "local", "ec2.md"))
	if err != nil {
		t.Fatal(err)
	}
	document := strings.Join(strings.Fields(string(data)), " ")
	checked := map[string]bool{}
	for _, b := range ours {
		checked[b.id] = true
		if !strings.Contains(document, b.says) {
			t.Errorf("local/ec2.md does not say, as the check of %s does: %s", b.id, b.says)
		}
	}
	for _, m := range regexp.MustCompile(`\*\*(EC2-\d+)\*\*`).FindAllStringSubmatch(string(data), -1) {
		if !checked[m[1]] {
			t.Errorf("nothing checks %s", m[1])
		}
	}
}

// vpc is an EC2 with a security group of the check's own.
type vpc struct {
	t *testing.T
	*ec2.Client
	group string
}

func newVPC(t *testing.T, e *emulator.Emulator) *vpc {
	cfg := configOf(e, account)
	cfg.RetryMaxAttempts = 1 // what an unchanged moto cannot do it answers with 500
	n := &vpc{t: t, Client: ec2.NewFromConfig(cfg)}
	n.group = n.newGroup()
	return n
}

func (n *vpc) newGroup() string {
	out, err := n.CreateSecurityGroup(n.t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String(name("group")), Description: aws.String("test")})
	if err != nil {
		n.t.Fatal(err)
	}
	return aws.ToString(out.GroupId)
}

// list makes a prefix list with the entries.
func (n *vpc) list(most int32, cidrs ...string) string {
	family := "IPv4"
	if len(cidrs) > 0 && strings.Contains(cidrs[0], ":") {
		family = "IPv6"
	}
	in := &ec2.CreateManagedPrefixListInput{PrefixListName: aws.String(name("list")), AddressFamily: &family, MaxEntries: &most}
	for _, cidr := range cidrs {
		in.Entries = append(in.Entries, ec2types.AddPrefixListEntry{Cidr: aws.String(cidr), Description: aws.String("entry")})
	}
	out, err := n.CreateManagedPrefixList(n.t.Context(), in)
	if err != nil {
		n.t.Fatal(err)
	}
	return aws.ToString(out.PrefixList.PrefixListId)
}

// permission is a permission of tcp/port for sources: prefixes, sg- and pl- ids,
// each described as "from <source>".
func permission(port int32, sources ...string) ec2types.IpPermission {
	p := ec2types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port}
	for _, s := range sources {
		described := aws.String("from " + s)
		switch {
		case strings.HasPrefix(s, "sg-"):
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, ec2types.UserIdGroupPair{GroupId: aws.String(s), Description: described})
		case strings.HasPrefix(s, "pl-"):
			p.PrefixListIds = append(p.PrefixListIds, ec2types.PrefixListId{PrefixListId: aws.String(s), Description: described})
		case strings.Contains(s, ":"):
			p.Ipv6Ranges = append(p.Ipv6Ranges, ec2types.Ipv6Range{CidrIpv6: aws.String(s), Description: described})
		default:
			p.IpRanges = append(p.IpRanges, ec2types.IpRange{CidrIp: aws.String(s), Description: described})
		}
	}
	return p
}

func (n *vpc) authorize(permissions ...ec2types.IpPermission) ([]ec2types.SecurityGroupRule, error) {
	out, err := n.AuthorizeSecurityGroupIngress(n.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &n.group, IpPermissions: permissions,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroupRule, Tags: []ec2types.Tag{{Key: aws.String("owner"), Value: aws.String("net")}}}},
	})
	if err != nil {
		return nil, err
	}
	return out.SecurityGroupRules, nil
}

// open authorizes one permission that must be taken, and gives its first rule.
func (n *vpc) open(port int32, sources ...string) ec2types.SecurityGroupRule {
	made, err := n.authorize(permission(port, sources...))
	if err != nil || len(made) == 0 {
		n.t.Fatalf("authorize %v: %v", sources, err)
	}
	return made[0]
}

func (n *vpc) modify(id string, request ec2types.SecurityGroupRuleRequest) error {
	return n.modifyAll(ec2types.SecurityGroupRuleUpdate{SecurityGroupRuleId: &id, SecurityGroupRule: &request})
}

func (n *vpc) modifyAll(updates ...ec2types.SecurityGroupRuleUpdate) error {
	_, err := n.ModifySecurityGroupRules(n.t.Context(), &ec2.ModifySecurityGroupRulesInput{GroupId: &n.group, SecurityGroupRules: updates})
	return err
}

func tcp(port int32, source string) ec2types.SecurityGroupRuleRequest {
	r := ec2types.SecurityGroupRuleRequest{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port}
	switch {
	case strings.HasPrefix(source, "sg-"):
		r.ReferencedGroupId = &source
	case strings.HasPrefix(source, "pl-"):
		r.PrefixListId = &source
	case strings.Contains(source, ":"):
		r.CidrIpv6 = &source
	default:
		r.CidrIpv4 = &source
	}
	return r
}

// ingress reads the group's ingress rules, sorted by what they say.
func (n *vpc) ingress() []ec2types.SecurityGroupRule {
	out, err := n.DescribeSecurityGroupRules(n.t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{n.group}}}})
	if err != nil {
		n.t.Fatal(err)
	}
	rules := slices.DeleteFunc(out.SecurityGroupRules, func(r ec2types.SecurityGroupRule) bool { return aws.ToBool(r.IsEgress) })
	slices.SortFunc(rules, func(a, b ec2types.SecurityGroupRule) int { return strings.Compare(text(a), text(b)) })
	return rules
}

// text is a rule in words: "tcp/22 10.0.0.0/8".
func text(r ec2types.SecurityGroupRule) string {
	s := fmt.Sprintf("%s/%d", aws.ToString(r.IpProtocol), aws.ToInt32(r.FromPort))
	if aws.ToInt32(r.FromPort) != aws.ToInt32(r.ToPort) {
		s += fmt.Sprintf("-%d", aws.ToInt32(r.ToPort))
	}
	for _, source := range []*string{r.CidrIpv4, r.CidrIpv6, r.PrefixListId} {
		if source != nil {
			s += " " + *source
		}
	}
	if r.ReferencedGroupInfo != nil {
		s += " " + aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	return s
}

func (n *vpc) texts() string {
	var all []string
	for _, r := range n.ingress() {
		all = append(all, text(r))
	}
	return strings.Join(all, ", ")
}

// code is the error's code; "none" when there is none.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return "none"
	case !asAPI(err, &api):
		return err.Error()
	}
	return api.ErrorCode()
}

// unless is what was seen when it is not what was wanted.
func unless(got, want string) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("%q, not %q", got, want)
}

// first gives what is not so first.
func first(seen ...string) string {
	for _, s := range seen {
		if s != "" {
			return s
		}
	}
	return ""
}
