//go:build !validator

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// event is a bare record of an authorize or a revoke, minutes after ten.
func event(name string, minute, group int, port string, source string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::222222222222:assumed-role/developer/dana"},`+
		`"eventTime":%q,"eventSource":"ec2.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.23","userAgent":"aws-cli/2.31.2",`+
		`"requestParameters":{"groupId":"sg-%017x","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":%s,"toPort":%s,"groups":{},"ipRanges":{"items":[{"cidrIp":%q}]},"ipv6Ranges":{},"prefixListIds":{}}]}},`+
		`"responseElements":{"_return":true},"eventID":"e-%s-%d-%d-%s","eventType":"AwsApiCall","recipientAccountId":"222222222222"}`,
		time.Date(2026, 11, 2, 10, minute, 0, 0, time.UTC).Format(time.RFC3339), name, group, port, port, source, name, minute, group, port)
}

const (
	authorize = "AuthorizeSecurityGroupIngress"
	revoke    = "RevokeSecurityGroupIngress"
)

// recordsIn writes an archive in several forms, out of order, and returns its folder.
func recordsIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(`{"Records":[` + event(revoke, 5, 1, "22", "0.0.0.0/0") + `,{"eventSource":"s3.amazonaws.com","eventName":"PutObject"}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	failure := strings.Replace(event(authorize, 1, 1, "3306", "0.0.0.0/0"), `"eventType"`, `"errorCode":"Client.UnauthorizedOperation","eventType"`, 1)
	for name, text := range map[string]string{
		"AWSLogs/a.json.gz":   zipped.String(),
		"AWSLogs/b.json":      `{"Records":[` + event(authorize, 3, 2, "3389", "0.0.0.0/0") + "," + failure + "]}",
		"bus/event.json":      `{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","account":"222222222222","region":"eu-west-1","detail":` + event(authorize, 2, 1, "22", "0.0.0.0/0") + "}",
		"lines.jsonl":         event(authorize, 4, 3, "443", "0.0.0.0/0") + "\n" + event(authorize, 4, 3, "22", "203.0.113.0/24") + "\n",
		"notes.txt":           "not a record",
		"AWSLogs/digest.json": `{"digestStartTime":"2026-11-02T10:00:00Z"}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHealPlanArchive(t *testing.T) {
	dir := recordsIn(t)
	c := newCLI(t)
	c.run("heal", "plan", dir).want(0)
	c.golden("heal-plan")
	for _, service := range []string{"cloudformation", "ec2", "ssm", "sts"} {
		if calls := c.aws.Calls(service, ""); len(calls) > 0 {
			t.Errorf("an archive is judged without AWS, not with %d calls to %s", len(calls), service)
		}
	}
	c.run("heal", "plan", dir, "--json").want(0)
	got := decoded[healPlan](c)
	if len(got.Findings) != 2 || got.Findings[0].Would != "report" || got.Findings[0].Closed.IsZero() || !got.Findings[1].Closed.IsZero() ||
		got.Files != 5 || got.Records != 8 || got.Others != 2 || got.Failed != 1 || got.Changes != 5 || len(got.Unknown) != 3 {
		t.Errorf("%+v", got)
	}
	for failOn, code := range map[string]int{"critical": 1, "low": 1, "none": 0} {
		c.run("heal", "plan", dir, "--fail-on", failOn).want(code)
	}
}

// TestHealPlanTimeTravel: another policy over the same archive.
func TestHealPlanTimeTravel(t *testing.T) {
	dir := recordsIn(t)
	policy := filepath.Join(t.TempDir(), "policy.json")
	write := func(text string) {
		if err := os.WriteFile(policy, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := newCLI(t)
	write(`{"mode":"enforce","protectedPorts":["443"],"remediation":"revoke"}`)
	c.run("heal", "plan", dir, "--policy", policy).want(0, "tcp 443 from 0.0.0.0/0", "revoke 1", "still open")
	write(`{"protectedPorts":[]}`)
	c.run("heal", "plan", dir, "--policy", policy, "--fail-on", "low").want(0, "the policy would do nothing")
	write(`{"protectedports":"x"}`)
	c.run("heal", "plan", dir, "--policy", policy).want(2, "policy.json", "protectedPorts")
	c.run("heal", "plan", dir, "--policy", policy+".gone").want(2, "policy.json.gone")
}

// TestHealPlanBadFiles: what cannot be read is named, and the rest counts.
func TestHealPlanBadFiles(t *testing.T) {
	dir := recordsIn(t)
	bad := strings.Replace(event(authorize, 9, 9, "22", "0.0.0.0/0"), `"eventTime"`, `"was"`, 1)
	noPlace := strings.Replace(event(authorize, 9, 8, "22", "0.0.0.0/0"), `"awsRegion"`, `"was"`, 1)
	for name, text := range map[string]string{
		"cut.json":    `{"Records":[` + event(authorize, 6, 4, "22", "0.0.0.0/0") + `,{"eventName":`,
		"lines.jsonl": event(authorize, 7, 5, "22", "0.0.0.0/0") + "\n{oh dear}\n" + bad + "\n" + noPlace + "\n" + event(authorize, 8, 6, "22", "0.0.0.0/0") + "\n",
		"not.gz":      "\x1f\x8b",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := newCLI(t)
	c.run("heal", "plan", dir).want(1,
		"cut.json: record 2: it cannot be read: the file ends within it", "lines.jsonl: line 2: it cannot be read: it is no JSON",
		"lines.jsonl: line 3: eventTime is missing or no time", `lines.jsonl: line 4: record e-AuthorizeSecurityGroupIngress-9-8-22: awsRegion "" is no region`,
		"not.gz: the beginning", "5 rules of 5 groups too open")
}

// TestHealPlanNotes: what a record leaves unsaid is told, with where it is.
func TestHealPlanNotes(t *testing.T) {
	dir := t.TempDir()
	nameless := strings.Replace(event(authorize, 1, 1, "22", "0.0.0.0/0"), `"groupId":"sg-00000000000000001"`, `"groupName":"default"`, 1)
	if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(event(authorize, 0, 1, "443", "0.0.0.0/0")+"\n"+nameless+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newCLI(t)
	c.run("heal", "plan", dir).want(0, "note: "+filepath.Join(dir, "a.jsonl")+": line 2: the record does not name a group that is known")
	c.run("heal", "plan", dir, "--json").want(0)
	if got := decoded[healPlan](c); got.Unsaid != 1 || len(got.Notes) != 1 || got.Notes[0].At != "line 2" {
		t.Errorf("%+v", got)
	}
}

func TestHealPlanUsage(t *testing.T) {
	c := newCLI(t)
	c.run("heal", "plan").want(2, "--live")
	c.run("heal", "plan", "--live", "x").want(2, "exclude each other")
	c.run("heal", "plan", "x", "--role", "y").want(2, "go with --live")
	c.run("heal", "plan", filepath.Join(t.TempDir(), "gone")).want(2, "gone")
	c.run("heal", "plan", t.TempDir()).want(2, "has no file that ends in")
	c.run("heal", "plan", "x", "--fail-on", "huge").want(2, "none of critical")
	c.run("heal", "plan", "--help").want(0, "evenkeel heal plan AWSLogs/ --policy strict.json")
	c.app.in = strings.NewReader(event(authorize, 1, 1, "22", "0.0.0.0/0"))
	c.run("heal", "plan", "-", "--fail-on", "high").want(1, "still open")
}

// tail keeps the end of what is written.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if t.Len() > 64<<10 {
		t.Reset()
	}
	return t.Buffer.Write(p)
}

// TestHealPlanMemory holds the promise that an archive of 100,000 records is
// judged in less than 64 MB, and says how long it took.
func TestHealPlanMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 records")
	}
	const records, groups = 100_000, 2000
	dir := t.TempDir()
	for file := range 10 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.json.gz", file)))
		if err != nil {
			t.Fatal(err)
		}
		z, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
		fmt.Fprint(z, `{"Records":[`)
		for i := range records / 10 {
			n := file*records/10 + i
			name := authorize
			if n/groups%2 == 1 {
				name = revoke
			}
			if i > 0 {
				fmt.Fprint(z, ",")
			}
			fmt.Fprint(z, strings.Replace(event(name, n/groups, n%groups, fmt.Sprint(20+n/groups/2%4), "0.0.0.0/0"), `"eventID":"e-`, `"eventID":"`+fmt.Sprint(n), 1))
		}
		fmt.Fprint(z, "]}")
		if z.Close() != nil || f.Close() != nil {
			t.Fatal("cannot write the archive")
		}
	}
	c, end := newCLI(t), &tail{}
	c.app.out = end
	done, peak := make(chan struct{}), make(chan uint64)
	go func() { // what the heap holds at most while the command runs
		var most uint64
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
			}
		}
	}()
	began := time.Now()
	c.run("heal", "plan", dir)
	took := time.Since(began)
	close(done)
	c.out.WriteString(end.String())
	c.want(0, "100000 records of 10 files read", "50000 rules of 2000 groups")
	most := <-peak
	t.Logf("%d records in %s, at most %d MB of heap", records, took.Round(time.Millisecond), most>>20)
	if most > 64<<20 {
		t.Errorf("%d MB of heap, want less than 64", most>>20)
	}
}

// TestHealPlanLive: the installation's places, policy and exceptions; nothing
// but reads.
func TestHealPlanLive(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("sts", "GetCallerIdentity", `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::222222222222:user/kim</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	c.aws.Reply("ec2", "DescribeSecurityGroupRules", `<DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><securityGroupRuleSet>
<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4></item>
<item><securityGroupRuleId>sgr-2</securityGroupRuleId><groupId>sg-2</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4></item>
</securityGroupRuleSet></DescribeSecurityGroupRulesResponse>`)
	c.aws.Reply("ec2", "DescribeSecurityGroups", `<DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><securityGroupInfo>
<item><groupId>sg-1</groupId><groupName>web</groupName><vpcId>vpc-1</vpcId><ownerId>222222222222</ownerId></item></securityGroupInfo></DescribeSecurityGroupsResponse>`)
	policy := healing.DefaultPolicy()
	policy.Mode = healing.Enforce
	encoded, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]string{"/evenkeel/healing/policy": string(encoded),
		"/evenkeel/accounts": `[{"account":"222222222222","region":"eu-west-1"},{"account":"333333333333","region":"eu-west-1"}]`}
	c.aws.On("ssm", "GetParameter", func(call awsstub.Call) awsstub.Answer {
		var in struct{ Name string }
		if err := json.Unmarshal(call.Body, &in); err != nil {
			t.Error(err)
		}
		value, err := json.Marshal(parameters[in.Name])
		if err != nil {
			t.Error(err)
		}
		return awsstub.Answer{Body: `{"Parameter":{"Value":` + string(value) + `}}`}
	})
	c.aws.Reply("dynamodb", "Query", `{"Items":[]}`)

	c.run("heal", "plan", "--live").want(1, "tcp 22 from 0.0.0.0/0 (sgr-1)", "sg-1 (web)", "quarantine", "1 rule of 1 group too open",
		"333333333333 in eu-west-1: you are in account 222222222222: say --role")
	c.run("heal", "plan", "--live", "--role", "audit", "--fail-on", "high", "--json").want(1)
	if got := decoded[healPlan](c); len(got.Findings) != 2 || got.Places != 2 || got.Findings[0].Trigger != nil {
		t.Errorf("%+v", got)
	}
	c.run("heal", "plan", "--live", "--account", "222222222222").want(0, "quarantine 1")
	for _, call := range c.aws.Calls("ec2", "") {
		if !strings.HasPrefix(call.Action, "Describe") {
			t.Errorf("%s is no read", call.Action)
		}
	}

	// A list that may not be read is told of as the healer tells of it, one of AWS is not.
	c.aws.Reply("ec2", "DescribeSecurityGroupRules", `<DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><securityGroupRuleSet>
<item><securityGroupRuleId>sgr-3</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><prefixListId>pl-1</prefixListId></item>
</securityGroupRuleSet></DescribeSecurityGroupRulesResponse>`)
	c.aws.Reply("ec2", "GetManagedPrefixListEntries", `<GetManagedPrefixListEntriesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><entrySet>
<item><cidr>0.0.0.0/0</cidr></item></entrySet></GetManagedPrefixListEntriesResponse>`)
	c.aws.Reply("ec2", "DescribeManagedPrefixLists", `<DescribeManagedPrefixListsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><prefixListSet>
<item><prefixListId>pl-1</prefixListId><ownerId>AWS</ownerId></item></prefixListSet></DescribeManagedPrefixListsResponse>`)
	c.run("heal", "plan", "--live", "--account", "222222222222").want(0, "the policy would do nothing")
	c.aws.Reply("ec2", "DescribeManagedPrefixLists", `<DescribeManagedPrefixListsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><prefixListSet/></DescribeManagedPrefixListsResponse>`)
	c.run("heal", "plan", "--live", "--account", "222222222222").want(0, "tcp 22 from pl-1 (sgr-3)", "revoke 1")
	c.aws.On("ec2", "GetManagedPrefixListEntries", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: `<Response><Errors><Error><Code>InvalidPrefixListID.NotFound</Code><Message>gone</Message></Error></Errors></Response>`}
	})
	c.run("heal", "plan", "--live", "--account", "222222222222").want(0, "tcp 22 from pl-1 (sgr-3)", "report: its entries cannot be read")
}
