package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/gateway"
)

const (
	workload = "222222222222"
	other    = "333333333333"
)

// fixture is one local cloud for all tests of the gateway.
type fixture struct {
	*cloud.Cloud
	queue string // receives everything on the default bus
}

func (f fixture) config(account string) aws.Config {
	return aws.Config{
		Region: f.State.Region, BaseEndpoint: aws.String(f.State.Endpoint), AppID: "gateway-test",
		Credentials: credentials.NewStaticCredentialsProvider(account, "local", ""),
	}
}

func TestGateway(t *testing.T) {
	f := fixture{Cloud: cloudtest.Up(t)}
	f.listen(t)
	for name, test := range map[string]func(*testing.T, fixture){
		"accounts are kept apart":           accountsAreApart,
		"AssumeRole reaches the account":    assumeRole,
		"the AWS CLI works unmodified":      commandLine,
		"boto3 works unmodified":            boto3,
		"presigned URLs work":               presigned,
		"EC2 calls become CloudTrail":       cloudTrail,
		"the flat form stays flat":          flatForm,
		"all rules of a call are named":     severalPermissions,
		"attachments become CloudTrail":     attachments,
		"a burst is delivered":              burst,
		"a refused call names its error":    refusedCall,
		"CloudFormation reaches the bus":    stackEvents,
		"delivery can be spoiled":           spoiledDelivery,
		"calls are recorded by application": recorded,
		"a workload account has alarms":     alarmsOfAWorkload,
		"a workload account has functions":  functionsOfAWorkload,
		"metric math of a workload account": expressionsOfAWorkload,
		"weights of target groups":          targetGroupsOfAWorkload,
		"a rollback trigger is watched":     rollbackTrigger,
		"nested stacks come from S3":        nestedStacks,
	} {
		t.Run(name, func(t *testing.T) { test(t, f) })
	}
}

// listen makes a queue that receives all events of AWS services.
func (f *fixture) listen(t *testing.T) {
	t.Helper()
	out, err := sqs.NewFromConfig(f.config(f.State.Hub)).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("seen")})
	if err != nil {
		t.Fatal(err)
	}
	f.queue = aws.ToString(out.QueueUrl)
	bus := eventbridge.NewFromConfig(f.config(f.State.Hub))
	if _, err := bus.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("all"), EventPattern: aws.String(`{"source":[{"prefix":"aws."}]}`)}); err != nil {
		t.Fatal(err)
	}
	_, err = bus.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("all"), Targets: []ebtypes.Target{{
		Id: aws.String("q"), Arn: aws.String("arn:aws:sqs:" + f.State.Region + ":" + f.State.Hub + ":seen"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// event is an event on the default bus.
type event struct {
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Account    string `json:"account"`
	Region     string `json:"region"`
	Detail     map[string]any
}

// forget drops what is on the queue, and lets pass what is on its way there.
func (f fixture) forget(t *testing.T) {
	t.Helper()
	time.Sleep(150 * time.Millisecond)
	if _, err := sqs.NewFromConfig(f.config(f.State.Hub)).PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(f.queue)}); err != nil {
		t.Fatal(err)
	}
}

// seen waits up to 20 seconds until an event matches, or not at all when none
// is expected, then a little longer. It returns how many did, and the first.
func (f fixture) seen(t *testing.T, some bool, match func(event) bool) (int, event) {
	t.Helper()
	count, first := 0, event{}
	end := time.Now().Add(300 * time.Millisecond)
	if some {
		end = time.Now().Add(20 * time.Second)
	}
	for time.Now().Before(end) {
		for _, e := range f.receive(t) {
			if !match(e) {
				continue
			}
			if count++; count == 1 {
				first, end = e, time.Now().Add(300*time.Millisecond)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return count, first
}

func (f fixture) receive(t *testing.T) []event {
	t.Helper()
	client := sqs.NewFromConfig(f.config(f.State.Hub))
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(f.queue), MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	var events []event
	for _, message := range out.Messages {
		if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(f.queue), ReceiptHandle: message.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
		var e event
		if err := json.Unmarshal([]byte(aws.ToString(message.Body)), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func named(name string) func(event) bool {
	return func(e event) bool { return e.Detail["eventName"] == name }
}

func accountsAreApart(t *testing.T, f fixture) {
	for _, account := range []string{workload, other} {
		client := ec2.NewFromConfig(f.config(account))
		if _, err := client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("only-" + account), Description: aws.String("d")}); err != nil {
			t.Fatal(err)
		}
		out, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range out.SecurityGroups {
			if aws.ToString(group.OwnerId) != account || strings.HasPrefix(aws.ToString(group.GroupName), "only-") && aws.ToString(group.GroupName) != "only-"+account {
				t.Errorf("account %s sees %s of %s", account, aws.ToString(group.GroupName), aws.ToString(group.OwnerId))
			}
		}
	}
}

func assumeRole(t *testing.T, f fixture) {
	hub := f.config(f.State.Hub)
	client := sts.NewFromConfig(hub)
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + other + ":role/path/evenkeel-drift"), RoleSessionName: aws.String("evenkeel"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(aws.ToTime(out.Credentials.Expiration)); left < 55*time.Minute || left > 61*time.Minute {
		t.Errorf("the credentials last %s", left)
	}
	hub.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	identity, err := sts.NewFromConfig(hub).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || aws.ToString(identity.Arn) != "arn:aws:sts::"+other+":assumed-role/evenkeel-drift/evenkeel" || aws.ToString(identity.Account) != other {
		t.Errorf("the caller is %s of %s (%v)", aws.ToString(identity.Arn), aws.ToString(identity.Account), err)
	}
	group, err := ec2.NewFromConfig(hub).CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("by-role"), Description: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	found, err := ec2.NewFromConfig(f.config(other)).DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*group.GroupId}})
	if err != nil || len(found.SecurityGroups) != 1 {
		t.Errorf("what the role made is not in account %s: %v", other, err)
	}
	_, trail := f.seen(t, true, func(e event) bool {
		parameters, _ := e.Detail["requestParameters"].(map[string]any)
		return parameters["groupName"] == "by-role"
	})
	if who, _ := trail.Detail["userIdentity"].(map[string]any); who["type"] != "AssumedRole" || who["arn"] != aws.ToString(identity.Arn) {
		t.Errorf("CloudTrail says that %v called", who)
	}
	for _, bad := range []*sts.AssumeRoleInput{
		{RoleArn: aws.String("arn:aws:iam::12:role/x-evenkeel"), RoleSessionName: aws.String("evenkeel")},
		{RoleArn: aws.String("arn:aws:iam::" + other + ":role/x"), RoleSessionName: aws.String("not allowed")},
		{RoleArn: aws.String("arn:aws:iam::" + other + ":role/x"), RoleSessionName: aws.String("evenkeel"), DurationSeconds: aws.Int32(10)},
	} {
		if _, err := client.AssumeRole(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "ValidationError") {
			t.Errorf("AssumeRole of %s as %s: %v", *bad.RoleArn, *bad.RoleSessionName, err)
		}
	}
}

func (f fixture) group(t *testing.T, name string) string {
	t.Helper()
	out, err := ec2.NewFromConfig(f.config(workload)).CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String(name), Description: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.GroupId)
}

func open(client *ec2.Client, ctx context.Context, group, cidr string) error {
	_, err := client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(group), IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String(cidr)}},
	}}})
	return err
}

func cloudTrail(t *testing.T, f fixture) {
	group := f.group(t, "trail")
	f.forget(t)
	client := ec2.NewFromConfig(f.config(workload))
	if err := open(client, t.Context(), group, "0.0.0.0/0"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{}); err != nil {
		t.Fatal(err)
	}
	count, e := f.seen(t, true, func(e event) bool { return true })
	if count != 1 {
		t.Errorf("one mutating and one reading call became %d events", count)
	}
	if e.Source != "aws.ec2" || e.DetailType != "AWS API Call via CloudTrail" || e.Account != workload || e.Region != f.State.Region {
		t.Errorf("the envelope is %+v", e)
	}
	if e.Detail["recipientAccountId"] != workload || e.Detail["eventName"] != "AuthorizeSecurityGroupIngress" || e.Detail["eventID"] == "" {
		t.Errorf("the record is %v", e.Detail)
	}
	elements, _ := e.Detail["responseElements"].(map[string]any)
	set, _ := elements["securityGroupRuleSet"].(map[string]any)
	if items, _ := set["items"].([]any); len(items) != 1 || items[0].(map[string]any)["groupId"] != group {
		t.Errorf("responseElements is %v", elements)
	}
}

func flatForm(t *testing.T, f fixture) {
	group := f.group(t, "flat")
	_, err := ec2.NewFromConfig(f.config(workload)).AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String(group), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, e := f.seen(t, true, func(e event) bool {
		parameters, _ := e.Detail["requestParameters"].(map[string]any)
		return parameters["groupId"] == group
	})
	got, _ := json.Marshal(e.Detail["requestParameters"])
	want := `{"cidrIp":"0.0.0.0/0","fromPort":22,"groupId":"` + group + `","ipPermissions":{},"ipProtocol":"tcp","toPort":22}`
	if string(got) != want {
		t.Errorf("requestParameters is %s", got)
	}
}

func refusedCall(t *testing.T, f fixture) {
	group, client := f.group(t, "twice"), ec2.NewFromConfig(f.config(workload))
	if err := open(client, t.Context(), group, "10.0.0.0/8"); err != nil {
		t.Fatal(err)
	}
	f.forget(t)
	if err := open(client, t.Context(), group, "10.0.0.0/8"); err == nil {
		t.Fatal("the same rule twice was taken")
	}
	_, e := f.seen(t, true, named("AuthorizeSecurityGroupIngress"))
	if e.Detail["errorCode"] != "Client.InvalidPermission.Duplicate" || e.Detail["responseElements"] != nil {
		t.Errorf("the record says %v %v", e.Detail["errorCode"], e.Detail["responseElements"])
	}
}

func stackEvents(t *testing.T, f fixture) {
	f.run(t, workload, "aws", "cloudformation", "create-stack", "--stack-name", "topic", "--template-body",
		`{"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"t"}}}}`)
	_, e := f.seen(t, true, func(e event) bool {
		status, _ := e.Detail["status-details"].(map[string]any)
		own := strings.Contains(fmt.Sprint(e.Detail["stack-id"]), ":stack/topic/") // those of other tests' stacks may still come
		return e.DetailType == "CloudFormation Stack Status Change" && status["status"] == "CREATE_COMPLETE" && own
	})
	if e.Account != workload || !strings.HasPrefix(fmt.Sprint(e.Detail["stack-id"]), "arn:aws:cloudformation:"+f.State.Region+":"+workload+":stack/topic/") {
		t.Errorf("the event is %+v", e)
	}
}

func (f fixture) admin(t *testing.T, method, path, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, f.State.Endpoint+gateway.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %v %s", method, path, response.Status, err, answer)
	}
	return string(answer)
}

func spoiledDelivery(t *testing.T, f fixture) {
	group, client := f.group(t, "spoiled"), ec2.NewFromConfig(f.config(workload))
	f.forget(t)
	for i, c := range []struct {
		faults string
		want   int
	}{{`{"lose":1}`, 0}, {`{"duplicate":1}`, 2}, {`{"lose":1,"only":"Other"}`, 1}} {
		f.admin(t, http.MethodPut, "faults/events", c.faults)
		if err := open(client, t.Context(), group, fmt.Sprintf("10.%d.0.0/16", i)); err != nil {
			t.Fatal(err)
		}
		if count, _ := f.seen(t, c.want > 0, named("AuthorizeSecurityGroupIngress")); count != c.want {
			t.Errorf("with %s the event came %d times", c.faults, count)
		}
	}
	f.admin(t, http.MethodPut, "faults/events", `{}`)
}

func recorded(t *testing.T, f fixture) {
	f.admin(t, http.MethodDelete, "calls", "")
	if err := open(ec2.NewFromConfig(f.config(workload)), t.Context(), "sg-00000000000000000", "10.0.0.0/8"); err == nil {
		t.Fatal("a rule of no group was taken")
	}
	client := s3.NewFromConfig(f.config(f.State.Hub), func(o *s3.Options) { o.UsePathStyle = true })
	_, _ = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("none"), Key: aws.String("k")})
	_, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var calls []gateway.Recorded
	if err := json.Unmarshal([]byte(f.admin(t, http.MethodGet, "calls", "")), &calls); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range calls {
		got = append(got, fmt.Sprintf("%s %s %s:%s %d %d", c.Application, c.Account, c.Service, c.Action, c.Count, c.Failed))
	}
	want := "gateway-test 222222222222 ec2:AuthorizeSecurityGroupIngress 1 1\ngateway-test 000000000000 s3:GetObject 1 1\ngateway-test 000000000000 s3:ListAllMyBuckets 1 0"
	if strings.Join(got, "\n") != want {
		t.Errorf("recorded:\n%s\nnot\n%s", strings.Join(got, "\n"), want)
	}
}
