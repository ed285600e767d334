package validation_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// maxHeap is what validation may hold, whatever the number of templates.
const maxHeap = 128 << 20 // bytes

// inChild says to this program that it is the process that is measured.
const inChild = "EVENKEEL_TEST_MEMORY"

// A thousand templates need no more than 128 MB, one after the other or all at
// once. A process of its own is measured, without what other tests left over
// and without a limit that would make the collector hold back.
func TestMemoryOfAThousandTemplates(t *testing.T) {
	if os.Getenv(inChild) != "" {
		thousand(t)
		return
	}
	if testing.Short() {
		t.Skip("starts a process")
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemoryOfAThousandTemplates$", "-test.v")
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "GOMEMLIMIT=") && !strings.HasPrefix(setting, "GOGC=") {
			child.Env = append(child.Env, setting)
		}
	}
	child.Env = append(child.Env, inChild+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func thousand(t *testing.T) {
	files := map[string][]byte{}
	for i := range 1000 {
		files[fmt.Sprintf("template%d.yaml", i)] = []byte(service(i))
	}
	peak := sample()
	for name, text := range files {
		r := validation.Validate(map[string][]byte{name: text})
		if r.Files != 1 || len(r.Incomplete) > 0 {
			t.Fatalf("%s: %+v", name, r)
		}
	}
	one := peak()
	peak = sample()
	if r := validation.Validate(files); r.Files != len(files) || len(r.Findings) < len(files) {
		t.Errorf("%d files, %d findings", r.Files, len(r.Findings))
	}
	all := peak()
	t.Logf("heap: %d MB one by one, %d MB all at once", one>>20, all>>20)
	if one > maxHeap || all > maxHeap {
		t.Errorf("more than %d MB", maxHeap>>20)
	}
}

// sample watches the heap until the function that it returns is called, which
// gives the most that was in use.
func sample() func() uint64 {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		var stats runtime.MemStats
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapInuse)
			select {
			case <-stop:
				most <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-most
	}
}

// service is a template of ordinary size: about 12 KB, 40 resources of 8 types,
// conditions and a mistake or two. The number makes each another one.
func service(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `Parameters:
  Stage: {Type: String, AllowedValues: [development, production], Default: development}
  Name: {Type: String, Default: service%d}
Conditions:
  IsProduction: !Equals [!Ref Stage, production]
Resources:
`, n)
	for i := range 5 {
		fmt.Fprintf(&b, `  Bucket%[1]d:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub ${Name}-${Stage}-%[1]d
      VersioningConfiguration: {Status: !If [IsProduction, Enabled, Suspended]}
  Queue%[1]d:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: !If [IsProduction, 345600, 60], VisibilityTimeout: 60}
  Topic%[1]d:
    Type: AWS::SNS::Topic
    Properties:
      Subscription: [{Protocol: sqs, Endpoint: !GetAtt Queue%[1]d.Arn}]
  Table%[1]d:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Role%[1]d:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: work
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
              - {Effect: Allow, Action: [sqs:ReceiveMessage, sqs:DeleteMessage], Resource: !GetAtt Queue%[1]d.Arn}
              - {Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Table%[1]d.Arn}
  Function%[1]d:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role%[1]d.Arn
      Timeout: soon
      Environment: {Variables: {TABLE: !Ref Table%[1]d, STAGE: !Ref Stage}}
      Code: {ZipFile: 'def handler(event, context): pass'}
  Logs%[1]d:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub /aws/lambda/${Function%[1]d}
      RetentionInDays: !If [IsProduction, 90, 7]
  Alarm%[1]d:
    Type: AWS::CloudWatch::Alarm
    Condition: IsProduction
    Properties:
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
      Threshold: 1
      Namespace: AWS/Lambda
      MetricName: Errors
      Statistic: Sum
      Period: 60
      Dimensions: [{Name: FunctionName, Value: !Ref Function%[1]d}]
`, i)
	}
	return b.String()
}
