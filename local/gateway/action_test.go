package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReadKnowsTheProtocols(t *testing.T) {
	for _, c := range []struct {
		name, method, target, service, header, value, body string
		want                                               string
	}{
		{"query", "POST", "/", "ec2", "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", "Action=RunInstances&Version=x", "ec2:RunInstances"},
		{"query in the URL", "GET", "/?Action=ListTopics", "sns", "", "", "", "sns:ListTopics"},
		{"JSON 1.1", "POST", "/", "events", "X-Amz-Target", "AWSEvents.PutEvents", "{}", "events:PutEvents"},
		{"Cloud Control's actions have CloudFormation's prefix", "POST", "/", "cloudcontrolapi", "X-Amz-Target", "CloudApiService.GetResource", "{}", "cloudformation:GetResource"},
		{"RPC v2 CBOR", "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "monitoring", "Smithy-Protocol", "rpc-v2-cbor", "", "cloudwatch:PutMetricData"},
		{"S3 object", "PUT", "/bucket/a/b", "s3", "", "", "x", "s3:PutObject"},
		{"S3 head", "HEAD", "/bucket/a", "s3", "", "", "", "s3:GetObject"},
		{"S3 list", "GET", "/bucket?list-type=2", "s3", "", "", "", "s3:ListBucket"},
		{"S3 buckets", "GET", "/", "s3", "", "", "", "s3:ListAllMyBuckets"},
		{"Lambda", "POST", "/2015-03-31/functions/f/invocations", "lambda", "", "", "{}", "lambda:InvokeFunction"},
		{"Lambda alias", "PUT", "/2015-03-31/functions/f/aliases/live", "lambda", "", "", "{}", "lambda:UpdateAlias"},
		{"Lambda aliases", "POST", "/2015-03-31/functions/f/aliases", "lambda", "", "", "{}", "lambda:CreateAlias"},
		{"Route 53 records", "GET", "/2013-04-01/hostedzone/Z1/rrset?name=a", "route53", "", "", "", "route53:ListResourceRecordSets"},
		{"Route 53 change", "POST", "/2013-04-01/hostedzone/Z1/rrset/", "route53", "", "", "", "route53:ChangeResourceRecordSets"},
		{"Route 53 state of a change", "GET", "/2013-04-01/change/C1", "route53", "", "", "", "route53:GetChange"},
		{"Route 53 zone", "POST", "/2013-04-01/hostedzone", "route53", "", "", "", "route53:CreateHostedZone"},
		{"Scheduler", "POST", "/schedules/x", "scheduler", "", "", "{}", "scheduler:CreateSchedule"},
		{"unknown", "POST", "/x", "batch", "", "", "", "batch:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			got := read(r, c.service, []byte(c.body))
			if got.service+":"+got.action != c.want {
				t.Errorf("read as %s:%s, not %s", got.service, got.action, c.want)
			}
		})
	}
}

func TestSigned(t *testing.T) {
	header := httptest.NewRequest("POST", "/", nil)
	header.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=222222222222/20260102/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
	query := httptest.NewRequest("GET", "/b/k?X-Amz-Credential=AKIA%2F20260102%2Fus-east-1%2Fs3%2Faws4_request", nil)
	for _, c := range []struct {
		r    *http.Request
		want scope
		ok   bool
	}{
		{header, scope{"222222222222", "eu-west-1", "ec2"}, true},
		{query, scope{"AKIA", "us-east-1", "s3"}, true},
		{httptest.NewRequest("GET", "/x", nil), scope{}, false},
	} {
		if got, ok := signed(c.r); got != c.want || ok != c.ok {
			t.Errorf("signed(%s) is %v, %t", c.r.URL, got, ok)
		}
	}
}

func TestIdentify(t *testing.T) {
	now := func() time.Time { return time.Unix(0, 0) }
	a := newAccounts("000000000000", now)
	issued := a.issue("222222222222", "evenkeel-heal", "evenkeel")
	for key, want := range map[string]string{
		"222222222222":     "arn:aws:iam::222222222222:user/operator",
		"000000000000":     "arn:aws:iam::000000000000:user/operator",
		"AKIAIOSFODNN7":    "arn:aws:iam::000000000000:user/operator",
		issued.AccessKeyID: "arn:aws:sts::222222222222:assumed-role/evenkeel-heal/evenkeel",
	} {
		if got := a.identify(key).ARN(); got != want {
			t.Errorf("%s is %s, not %s", key, got, want)
		}
	}
	// A key of before a restart still reaches its account.
	if got := newAccounts("000000000000", now).identify(issued.AccessKeyID).Account; got != "222222222222" {
		t.Errorf("after a restart the key is in account %s", got)
	}
	if len(issued.AccessKeyID) != 20 {
		t.Errorf("%s is no access key id", issued.AccessKeyID)
	}
}

func TestApplication(t *testing.T) {
	for agent, want := range map[string]string{
		"aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26 md/GOOS#linux api/ec2#1.344.1 app/evenkeel-healing m/E": "evenkeel-healing",
		"app/first":                    "first",
		"aws-sdk-go-v2/1.47.7 myapp/x": "",
		"":                             "",
	} {
		if got := application(agent); got != want {
			t.Errorf("application(%q) is %q", agent, got)
		}
	}
}
