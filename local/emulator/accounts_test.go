package emulator_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/emulator"
)

// A 12-digit access key selects the account.
func TestMiniStackKeepsAccountsApart(t *testing.T) {
	t.Parallel()
	queue := name("queue")
	one, other := sqs.NewFromConfig(configOf(hub(t), "222222222222")), sqs.NewFromConfig(configOf(hub(t), "333333333333"))
	if _, err := one.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(queue)}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(queue)}); err == nil {
		t.Error("a queue of one account is seen in another")
	}
}

// "AssumeRole … returns … credentials that you can use to access AWS resources
// [of the role's account]". In 1.4.21 they stayed in the default account.
func TestMiniStackAssumesRolesIntoTheirAccount(t *testing.T) {
	t.Parallel()
	cfg := configOf(hub(t), account)
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::222222222222:role/evenkeel-deploy"), RoleSessionName: aws.String("evenkeel"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(out.Credentials.AccessKeyId), "x", aws.ToString(out.Credentials.SessionToken))
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || aws.ToString(identity.Account) != "222222222222" {
		t.Errorf("the assumed role is in account %s (%v)", aws.ToString(identity.Account), err)
	}
}

// 1.4.21 listened on 0.0.0.0:8883 unless told not to.
func TestMiniStackListensOnOneLoopbackPort(t *testing.T) {
	t.Parallel()
	e := hub(t)
	ports := listening(t, e.Pid)
	want := strings.TrimPrefix(e.Endpoint, "http://")
	for _, address := range ports {
		if host, _, _ := net.SplitHostPort(address); host != "127.0.0.1" {
			t.Errorf("MiniStack listens on %s", address)
		}
	}
	if !strings.Contains(strings.Join(ports, " "), want) {
		t.Errorf("MiniStack listens on %v, not on %s", ports, want)
	}
}

// listening returns the addresses of a process's IPv4 listeners, and "[::]:port"
// for each IPv6 one.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	descriptors, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	if err != nil || len(descriptors) == 0 {
		t.Skip("this system has no /proc to see listeners in")
	}
	inodes := map[string]bool{}
	for _, path := range descriptors {
		if link, err := os.Readlink(path); err == nil && strings.HasPrefix(link, "socket:[") {
			inodes[strings.Trim(link[7:], "[]")] = true
		}
	}
	var out []string
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/net/" + table)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range strings.Split(string(data), "\n") {
			f := strings.Fields(row)
			if len(f) < 10 || f[3] != "0A" || !inodes[f[9]] { // 0A is LISTEN
				continue
			}
			host, port, _ := strings.Cut(f[1], ":")
			number, _ := strconv.ParseUint(port, 16, 32)
			address := "[::]"
			if table == "tcp" {
				ip, _ := strconv.ParseUint(host, 16, 32)
				address = net.IPv4(byte(ip), byte(ip>>8), byte(ip>>16), byte(ip>>24)).String()
			}
			out = append(out, net.JoinHostPort(strings.Trim(address, "[]"), strconv.FormatUint(number, 10)))
		}
	}
	return out
}

// motoServer starts a moto server of the test's own.
func motoServer(t *testing.T) *emulator.Emulator {
	t.Helper()
	dir := t.TempDir()
	e, err := emulator.StartMoto(context.Background(), emulator.Settings{Env: cloudtest.Venv(t), State: dir, Logs: dir, Region: region})
	if err != nil {
		t.Fatalf("moto did not start: %v", err)
	}
	t.Cleanup(func() { e.Stop(time.Second) })
	return e
}

// "RevokeSecurityGroupIngress … removes the specified [rules]": MiniStack's
// answered true and removed nothing, which is why EC2 is moto's.
func TestMotoRevokesExactlyOneRule(t *testing.T) {
	t.Parallel()
	client := ec2.NewFromConfig(configOf(motoServer(t), account))
	group, err := client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("web")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group.GroupId, IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
		IpRanges:   []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}, {CidrIp: aws.String("10.0.0.0/8")}},
		Ipv6Ranges: []ec2types.Ipv6Range{{CidrIpv6: aws.String("::/0")}},
	}}})
	if err != nil || len(out.SecurityGroupRules) != 3 {
		t.Fatalf("authorize: %v, %d rules", err, len(out.SecurityGroupRules))
	}
	for _, rule := range out.SecurityGroupRules {
		if aws.ToString(rule.CidrIpv4) != "0.0.0.0/0" {
			continue
		}
		_, err = client.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: group.GroupId, SecurityGroupRuleIds: []string{aws.ToString(rule.SecurityGroupRuleId)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	left, err := client.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{aws.ToString(group.GroupId)}}}})
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, rule := range left.SecurityGroupRules {
		if !aws.ToBool(rule.IsEgress) {
			sources = append(sources, aws.ToString(rule.CidrIpv4)+aws.ToString(rule.CidrIpv6))
		}
	}
	if len(sources) != 2 || strings.Contains(strings.Join(sources, " "), "0.0.0.0/0") {
		t.Errorf("after the revoke the group admits %v", sources)
	}
}
