package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/healingstate"
	"github.com/evenkeel/evenkeel/shared/adapter/securitygroups"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/testtool"
)

var listening = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

// startMoto runs moto's server on a free port of 127.0.0.1, with what
// local/ec2.md replaces in it, and returns its URL; it is killed when the test ends.
func startMoto(t *testing.T) string {
	t.Helper()
	server := exec.Command(testtool.Own(t, "EVENKEEL_TEST_PYTHON", "python"), filepath.Join(testtool.Root(t), "local", "emulator", "moto", "launcher.py"), "-H", "127.0.0.1", "-p", "0")
	output, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan string, 1)
	go func() {
		var log bytes.Buffer
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if url := listening.FindStringSubmatch(lines.Text()); url != nil {
				found <- url[1]
			}
			log.WriteString(lines.Text() + "\n")
		}
		ended <- log.String()
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended by itself
		_ = server.Wait()
	})
	select {
	case url := <-found:
		return url
	case log := <-ended:
		t.Fatalf("moto did not start:\n%s", log)
	case <-time.After(time.Minute):
		t.Fatal("moto did not start in a minute")
	}
	return ""
}

// account is the function, running against moto, and the workload account's
// EC2 as anybody there may use it.
type account struct {
	t      *testing.T
	fn     *runtimeapi.Runtime
	ec2    *ec2.Client
	ssm    *ssm.Client
	groups *securitygroups.Client
	state  *healingstate.State
	group  string
	events int
}

var place = healing.Place{Account: "222222222222", Region: "us-east-1"}

func newAccount(t *testing.T) *account {
	t.Helper()
	ctx, url := context.Background(), startMoto(t)
	hub := aws.Config{Region: place.Region, BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	if _, err := dynamodb.NewFromConfig(hub).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("state"), BillingMode: dynamotypes.BillingModePayPerRequest,
		KeySchema: []dynamotypes.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: dynamotypes.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: dynamotypes.KeyTypeRange}},
		AttributeDefinitions: []dynamotypes.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: dynamotypes.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := eventbridge.NewFromConfig(hub).CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("evenkeel")}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"/evenkeel/healing/policy": `{"mode":"enforce","remediation":"revoke"}`,
		"/evenkeel/accounts":       `[{"account":"222222222222","region":"us-east-1"}]`,
	} {
		if _, err := ssm.NewFromConfig(hub).PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String(name), Value: aws.String(value), Type: ssmtypes.ParameterTypeString}); err != nil {
			t.Fatal(err)
		}
	}
	workloads := session.NewWorkloads(hub, "evenkeel-heal")
	// One attempt: moto answers 500 where it knows a stack by none of its ids.
	a := &account{
		t: t, state: healingstate.New(hub, "state", "/evenkeel", time.Now), ssm: ssm.NewFromConfig(hub), groups: securitygroups.New(workloads), ec2: ec2.NewFromConfig(workloads.In(place.Account, place.Region)),
		fn: runtimeapi.Start(t, ".", settings(map[string]string{"AWS_ENDPOINT_URL": url, "AWS_MAX_ATTEMPTS": "1"})),
	}
	a.group = a.createGroup("web")
	return a
}

func (a *account) createGroup(name string) string {
	a.t.Helper()
	vpcs, err := a.ec2.DescribeVpcs(context.Background(), &ec2.DescribeVpcsInput{})
	if err != nil || len(vpcs.Vpcs) == 0 {
		a.t.Fatalf("no VPC: %v", err)
	}
	out, err := a.ec2.CreateSecurityGroup(context.Background(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String(name), Description: aws.String("under test"), VpcId: vpcs.Vpcs[0].VpcId})
	if err != nil {
		a.t.Fatal(err)
	}
	return aws.ToString(out.GroupId)
}

// authorize opens the group and returns the new rule's id.
func (a *account) authorize(in ec2.AuthorizeSecurityGroupIngressInput) string {
	a.t.Helper()
	before := a.ingress()
	in.GroupId = aws.String(a.group)
	if _, err := a.ec2.AuthorizeSecurityGroupIngress(context.Background(), &in); err != nil {
		a.t.Fatal(err)
	}
	for id := range a.ingress() {
		if _, old := before[id]; !old {
			return id
		}
	}
	a.t.Fatal("the group has no new rule")
	return ""
}

func (a *account) ingress() map[string]events.SecurityGroupRule {
	a.t.Helper()
	rules, err := a.groups.Rules(context.Background(), place, a.group)
	if err != nil {
		a.t.Fatal(err)
	}
	byID := map[string]events.SecurityGroupRule{}
	for _, r := range rules {
		if !r.Egress {
			byID[r.RuleID] = r
		}
	}
	return byID
}

// event is a sample that happens now, to this group.
func (a *account) event(name string) []byte {
	a.t.Helper()
	var e struct {
		Detail map[string]any `json:"detail"`
	}
	data := bytes.ReplaceAll(sample(a.t, name), []byte("sg-0e0e0e0e0e0e0e001"), []byte(a.group))
	if err := json.Unmarshal(data, &e); err != nil {
		a.t.Fatal(err)
	}
	a.events++
	e.Detail["eventID"] = fmt.Sprintf("event-%d", a.events)
	e.Detail["eventTime"] = time.Now().UTC().Format(time.RFC3339)
	data, err := json.Marshal(e)
	if err != nil {
		a.t.Fatal(err)
	}
	return data
}

func permissions(p types.IpPermission) ec2.AuthorizeSecurityGroupIngressInput {
	return ec2.AuthorizeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{p}}
}

func tcp(from, to int32) types.IpPermission {
	return types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(from), ToPort: aws.Int32(to)}
}

func ipv4(p types.IpPermission, cidr, description string) types.IpPermission {
	p.IpRanges = []types.IpRange{{CidrIp: aws.String(cidr), Description: aws.String(description)}}
	return p
}

// TestAgainstMoto opens SSH in the four forms, and each time the binary closes
// exactly that rule; the last heal is undone.
func TestAgainstMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	a := newAccount(t)
	a.authorize(permissions(ipv4(tcp(443, 443), "0.0.0.0/0", "web")))
	a.authorize(permissions(ipv4(tcp(22, 22), "203.0.113.0/24", "office")))
	a.authorize(permissions(ipv4(tcp(3306, 3306), "10.0.0.0/8", "application")))
	kept := a.ingress()

	v6 := tcp(22, 22)
	v6.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}
	tagged := permissions(ipv4(tcp(22, 22), "0.0.0.0/0", "for the vendor"))
	tagged.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule,
		Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("net")}}}}
	var lastHeal string
	var lastRule events.SecurityGroupRule
	for _, form := range []struct {
		sample string
		open   ec2.AuthorizeSecurityGroupIngressInput
	}{
		{"nested-ipv6", permissions(v6)},
		{"range-20-25", permissions(ipv4(tcp(20, 25), "0.0.0.0/0", "range"))},
		{"flat-form", ec2.AuthorizeSecurityGroupIngressInput{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0")}},
		{"nested-ipv4", tagged},
	} {
		id := a.authorize(form.open)
		lastRule = a.ingress()[id]
		event := a.event(form.sample)
		payload, errorType := a.fn.Invoke(event)
		result := answer[healing.Result](t, payload, errorType)
		if len(result.Actions) != 1 || !slices.Equal(result.Actions[0].Rules, []string{id}) || result.Actions[0].Action != healing.ActionHealed {
			t.Fatalf("%s: answer %s\n%s", form.sample, payload, a.fn.Log())
		}
		if got := a.ingress(); !reflect.DeepEqual(got, kept) {
			t.Errorf("%s: rules %v, want %v", form.sample, got, kept)
		}
		if e := result.Actions[0].Exposure; e < 0 || e > time.Minute {
			t.Errorf("%s: exposure %s", form.sample, e)
		}
		lastHeal = result.Actions[0].HealID
		payload, errorType = a.fn.Invoke(event)
		if again := answer[healing.Result](t, payload, errorType); again.Skipped != "handled before" {
			t.Errorf("%s, delivered twice: %s", form.sample, payload)
		}
	}
	a.undo(lastHeal, lastRule, kept)
}

func (a *account) undo(heal string, rule events.SecurityGroupRule, kept map[string]events.SecurityGroupRule) {
	a.t.Helper()
	payload, errorType := a.fn.Invoke([]byte(`{"action":"undo","healId":"` + heal + `","by":"dana"}`))
	undone := answer[events.SecurityGroupHealUndone](a.t, payload, errorType)
	if len(undone.Restored) != 1 {
		a.t.Fatalf("answer %s", payload)
	}
	want := maps.Clone(kept)
	rule.RuleID = undone.Restored[0].RuleID
	want[rule.RuleID] = rule
	if rule.Description != "for the vendor" || rule.Tags["owner"] != "net" {
		a.t.Errorf("the rule under test lost its description or tags: %+v", rule)
	}
	if got := a.ingress(); !reflect.DeepEqual(got, want) {
		a.t.Errorf("after the undo %v, want %v", got, want)
	}
	payload, errorType = a.fn.Invoke([]byte(`{"action":"sweep"}`))
	if swept := answer[healing.Result](a.t, payload, errorType); len(swept.Actions) != 0 || swept.Groups == 0 {
		a.t.Errorf("a sweep touched the exception: %s", payload)
	}
}
