package gateway_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/installation"
)

// What a verified deployment needs of a workload account beside CloudFormation:
// alarms that can be put, set and read, and functions that can be invoked.

// putAlarm puts an alarm that nothing but SetAlarmState moves, and gives its ARN.
func (f fixture) putAlarm(t *testing.T, account, name string) string {
	t.Helper()
	client := cloudwatch.NewFromConfig(f.config(account))
	if _, err := client.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: &name, Namespace: aws.String("shop"), MetricName: aws.String("errors"), Statistic: cwtypes.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold,
	}); err != nil {
		t.Fatal(err)
	}
	f.setAlarm(t, account, name, cwtypes.StateValueOk)
	return "arn:aws:cloudwatch:" + f.State.Region + ":" + account + ":alarm:" + name
}

func (f fixture) setAlarm(t *testing.T, account, name string, state cwtypes.StateValue) {
	t.Helper()
	if _, err := cloudwatch.NewFromConfig(f.config(account)).SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: &name, StateValue: state, StateReason: aws.String("test"),
	}); err != nil {
		t.Fatal(err)
	}
}

// states reads metric and composite alarms by name: state and ARN.
func (f fixture) states(t *testing.T, account string, names ...string) map[string]string {
	t.Helper()
	out, err := cloudwatch.NewFromConfig(f.config(account)).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, alarm := range out.MetricAlarms {
		found[aws.ToString(alarm.AlarmName)] = string(alarm.StateValue) + " " + aws.ToString(alarm.AlarmArn)
	}
	for _, alarm := range out.CompositeAlarms {
		found[aws.ToString(alarm.AlarmName)] = string(alarm.StateValue) + " " + aws.ToString(alarm.AlarmArn)
	}
	return found
}

func alarmsOfAWorkload(t *testing.T, f fixture) {
	arn := f.putAlarm(t, workload, "own")
	f.setAlarm(t, workload, "own", cwtypes.StateValueAlarm)
	client := cloudwatch.NewFromConfig(f.config(workload))
	if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("shop"), MetricData: []cwtypes.MetricDatum{{MetricName: aws.String("seen"), Value: aws.Float64(3)}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("both"), AlarmRule: aws.String(`ALARM("own")`)}); err != nil {
		t.Fatal(err)
	}
	got := f.states(t, workload, "own", "both")
	if got["own"] != "ALARM "+arn || !strings.HasSuffix(got["both"], ":"+workload+":alarm:both") {
		t.Errorf("alarms %v", got)
	}
	metrics, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("shop")})
	if err != nil || len(metrics.Metrics) != 1 {
		t.Errorf("metrics %v (%v)", metrics, err)
	}
	if got := f.states(t, other, "own"); len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}

func functionsOfAWorkload(t *testing.T, f fixture) {
	code, err := installation.Zip(filepath.Join(cloudtest.Probe(t), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(f.config(workload))
	made, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("check"), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10),
		Role: aws.String("arn:aws:iam::" + workload + ":role/check"), Code: &lambdatypes.FunctionCode{ZipFile: code},
		Environment: &lambdatypes.Environment{Variables: map[string]string{"PROBE_FILE": filepath.Join(t.TempDir(), "events")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if arn := aws.ToString(made.FunctionArn); !strings.Contains(arn, ":"+workload+":function:check") {
		t.Errorf("the function is %s", arn)
	}
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: made.FunctionArn, Payload: []byte(`{"echo": {"healthy": true}}`)})
	if err != nil || string(out.Payload) != `{"healthy":true}` && string(out.Payload) != `{"healthy": true}` || out.FunctionError != nil {
		t.Errorf("invoked: %v (%v)", out, err)
	}
	failed, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: made.FunctionArn, Payload: []byte(`{"fail": "unhealthy"}`)})
	if err != nil || failed.FunctionError == nil || !strings.Contains(string(failed.Payload), "unhealthy") {
		t.Errorf("invoked to fail: %v (%v)", failed, err)
	}
	if _, err := lambda.NewFromConfig(f.config(other)).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("check")}); err == nil {
		t.Error("another account has the function")
	}
}

// awaitStack waits for a status of a stack.
func (f fixture) awaitStack(t *testing.T, client *cloudformation.Client, name string, want cfntypes.StackStatus) cfntypes.Stack {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			t.Fatal(err)
		}
		s := out.Stacks[0]
		if s.StackStatus == want {
			return s
		}
		if !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") || time.Now().After(deadline) {
			t.Fatalf("%s is %s (%s), not %s", name, s.StackStatus, aws.ToString(s.StackStatusReason), want)
		}
	}
}

const watched = "Parameters: {Value: {Type: String}}\nResources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: /watched, Type: String, Value: !Ref Value}}}"

// CFN-82, CFN-83: an alarm of the workload account, metric or composite, rolls a
// deployment there back.
func rollbackTrigger(t *testing.T, f fixture) {
	client := cloudformation.NewFromConfig(f.config(workload))
	arn := f.putAlarm(t, workload, "canary")
	value := func(v string) []cfntypes.Parameter {
		return []cfntypes.Parameter{{ParameterKey: aws.String("Value"), ParameterValue: &v}}
	}
	if _, err := cloudwatch.NewFromConfig(f.config(workload)).PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("all"), AlarmRule: aws.String(`FALSE`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("watched"), TemplateBody: aws.String(watched), Parameters: value("1"),
		RollbackConfiguration: &cfntypes.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(1), RollbackTriggers: []cfntypes.RollbackTrigger{
			{Arn: &arn, Type: aws.String("AWS::CloudWatch::Alarm")},
			{Arn: aws.String(strings.TrimSuffix(arn, "canary") + "all"), Type: aws.String("AWS::CloudWatch::CompositeAlarm")},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	f.awaitStack(t, client, "watched", cfntypes.StackStatusCreateComplete)
	// The triggers stay with the stack, the monitoring time is given anew.
	if _, err := client.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: aws.String("watched"), UsePreviousTemplate: aws.Bool(true), Parameters: value("2"),
		RollbackConfiguration: &cfntypes.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(180)},
	}); err != nil {
		t.Fatal(err)
	}
	f.setAlarm(t, workload, "canary", cwtypes.StateValueAlarm)
	f.awaitStack(t, client, "watched", cfntypes.StackStatusUpdateRollbackComplete)
	events, err := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String("watched")})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.StackEvents {
		if e.ResourceStatus == "UPDATE_ROLLBACK_IN_PROGRESS" && aws.ToString(e.ResourceStatusReason) != "Rollback trigger(s) ["+arn+"] went to ALARM state." {
			t.Errorf("the reason is %q", aws.ToString(e.ResourceStatusReason))
		}
	}
}

// CFN-70: a nested stack's template comes from S3, in each form of address.
func nestedStacks(t *testing.T, f fixture) {
	objects := s3.NewFromConfig(f.config(workload), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("nested")}); err != nil {
		t.Fatal(err)
	}
	child := "Resources: {Q: {Type: AWS::SQS::Queue}}\nOutputs: {Url: {Value: !Ref Q}}"
	if _, err := objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("nested"), Key: aws.String("a/child.yaml"), Body: strings.NewReader(child)}); err != nil {
		t.Fatal(err)
	}
	signed, err := s3.NewPresignClient(objects).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("nested"), Key: aws.String("a/child.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	template := "Parameters: {Local: {Type: String}, Signed: {Type: String}, Hosted: {Type: String}}\nResources:\n"
	for _, id := range []string{"Local", "Signed", "Hosted"} {
		template += "  " + id + "Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Ref " + id + "}}\n"
	}
	template += "Outputs: {Url: {Value: !GetAtt HostedChild.Outputs.Url}}"
	client := cloudformation.NewFromConfig(f.config(workload))
	var parameters []cfntypes.Parameter
	for key, value := range map[string]string{
		"Local": f.State.Endpoint + "/nested/a/child.yaml", "Signed": signed.URL, "Hosted": "https://nested.s3." + f.State.Region + ".amazonaws.com/a/child.yaml",
	} {
		parameters = append(parameters, cfntypes.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	if _, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("nesting"), TemplateBody: &template, Parameters: parameters}); err != nil {
		t.Fatal(err)
	}
	s := f.awaitStack(t, client, "nesting", cfntypes.StackStatusCreateComplete)
	if url := aws.ToString(s.Outputs[0].OutputValue); !strings.Contains(url, "nesting-HostedChild-") {
		t.Errorf("the queue is %s", url)
	}
}
