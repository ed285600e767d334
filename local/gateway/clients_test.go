package gateway_test

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/evenkeel/evenkeel/local/cloudtest"
)

// Clients that nobody here wrote, unmodified.

// run runs a program of the Python environment as a client in an account.
func (f fixture) run(t *testing.T, account, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, cloudtest.Venv(t).Bin(program), args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "AWS_PAGER="}
	for name, value := range f.State.EnvOf(account) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func commandLine(t *testing.T, f fixture) {
	aws := func(account string, args ...string) string {
		return f.run(t, account, "aws", append(args, "--output", "text")...)
	}
	if got := aws(workload, "sts", "get-caller-identity", "--query", "Account"); got != workload {
		t.Errorf("the CLI is in account %s", got)
	}
	aws(f.State.Hub, "s3", "mb", "s3://from-the-cli")
	aws(f.State.Hub, "ssm", "put-parameter", "--name", "/cli", "--type", "String", "--value", "v")
	if got := aws(f.State.Hub, "ssm", "get-parameter", "--name", "/cli", "--query", "Parameter.Value"); got != "v" {
		t.Errorf("the parameter is %q", got)
	}
	group := aws(workload, "ec2", "create-security-group", "--group-name", "cli", "--description", "d", "--query", "GroupId")
	aws(workload, "ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "22", "--cidr", "0.0.0.0/0")
	if got := aws(workload, "ec2", "describe-security-groups", "--group-ids", group, "--query", "SecurityGroups[0].IpPermissions[0].IpRanges[0].CidrIp"); got != "0.0.0.0/0" {
		t.Errorf("the rule is %q", got)
	}
}

func boto3(t *testing.T, f fixture) {
	got := f.run(t, f.State.Hub, "python", "-c", `
import boto3
sqs = boto3.client("sqs")
url = sqs.create_queue(QueueName="boto")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="hello")
print(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
cloudwatch = boto3.client("cloudwatch")
cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
print(len(boto3.client("lambda").list_functions()["Functions"]))
`)
	if got != "hello\n0" {
		t.Errorf("boto3 printed %q", got)
	}
}

func presigned(t *testing.T, f fixture) {
	client := s3.NewFromConfig(f.config(f.State.Hub), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("presigned")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("presigned"), Key: aws.String("k"), Body: strings.NewReader("content")}); err != nil {
		t.Fatal(err)
	}
	request, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("presigned"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(request.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "content" {
		t.Errorf("the presigned URL gave %s: %s", response.Status, body)
	}
	late, err := http.Get(strings.Replace(request.URL, "X-Amz-Date=20", "X-Amz-Date=19", 1))
	if err != nil {
		t.Fatal(err)
	}
	_ = late.Body.Close()
	if late.StatusCode != http.StatusForbidden {
		t.Errorf("an expired URL was answered with %s", late.Status)
	}
}
