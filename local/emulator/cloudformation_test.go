package emulator_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// The local cloud asks MiniStack's CloudFormation for one thing only: to create
// our own stack. These tests tell why, and whether that is still so.

type stacks struct {
	*cloudformation.Client
	t *testing.T
}

func newStacks(t *testing.T) stacks {
	return stacks{cloudformation.NewFromConfig(configOf(hub(t), account)), t}
}

// status waits until no operation runs and returns the status, or "" when
// there is no such stack.
func (s stacks) status(stack string) types.StackStatus {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		out, err := s.DescribeStacks(s.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stack)})
		var refused smithy.APIError
		if errors.As(err, &refused) && refused.ErrorCode() == "ValidationError" {
			return ""
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if status := out.Stacks[0].StackStatus; !strings.HasSuffix(string(status), "IN_PROGRESS") {
			return status
		}
	}
	s.t.Fatalf("stack %s does not settle", stack)
	return ""
}

func (s stacks) create(stack, template string) types.StackStatus {
	s.t.Helper()
	_, err := s.CreateStack(s.t.Context(), &cloudformation.CreateStackInput{StackName: aws.String(stack), TemplateBody: aws.String(template)})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.status(stack)
}

func (s stacks) update(stack, template string) types.StackStatus {
	s.t.Helper()
	_, err := s.UpdateStack(s.t.Context(), &cloudformation.UpdateStackInput{StackName: aws.String(stack), TemplateBody: aws.String(template)})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.status(stack)
}

const tableProperties = `"AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"`

func put1(t *testing.T, table string) func() int {
	t.Helper()
	client := dynamodb.NewFromConfig(configOf(hub(t), account))
	_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: map[string]ddbtypes.AttributeValue{"k": &ddbtypes.AttributeValueMemberS{Value: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	return func() int {
		out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(table)})
		if err != nil {
			return -1
		}
		return int(out.Count)
	}
}

// "If a stack update fails, CloudFormation rolls back changes": what existed
// before stays as it was. 1.4.21 deleted it.
func TestCloudFormationKeepsResourcesWhenAnUpdateFails(t *testing.T) {
	t.Parallel()
	s, stack, table := newStacks(t), name("stack"), name("table")
	first := `{"Resources":{"T":{"Type":"AWS::DynamoDB::Table","Properties":{"TableName":"` + table + `",` + tableProperties + `}}}}`
	if status := s.create(stack, first); status != types.StackStatusCreateComplete {
		t.Fatal(status)
	}
	count := put1(t, table)
	// The table changes, then a queue fails: a visibility timeout is 43200 s at most.
	second := strings.Replace(first, `"Resources":{`, `"Resources":{"X":{"Type":"AWS::SQS::Queue","DependsOn":"T","Properties":{"VisibilityTimeout":99999999}},`, 1)
	second = strings.Replace(second, `"BillingMode"`, `"Tags":[{"Key":"a","Value":"b"}],"BillingMode"`, 1)
	status := s.update(stack, second)
	t.Logf("after the failed update the stack is %s and the table has %d items", status, count())
	if status != types.StackStatusUpdateRollbackComplete || count() != 1 {
		t.Errorf("a failed update ended %s, and the table of before has %d items", status, count())
	}
}

// "Update requires: No interruption" for a table's tags and protection.
// 1.4.21 re-created what it had no update handler for.
func TestCloudFormationUpdatesATableInPlace(t *testing.T) {
	t.Parallel()
	s, stack, table := newStacks(t), name("stack"), name("table")
	template := `{"Resources":{"T":{"Type":"AWS::DynamoDB::Table","Properties":{"TableName":"` + table + `",` + tableProperties + `PLUS}}}}`
	s.create(stack, strings.Replace(template, "PLUS", "", 1))
	count := put1(t, table)
	status := s.update(stack, strings.Replace(template, "PLUS", `,"Tags":[{"Key":"a","Value":"b"}]`, 1))
	if status != types.StackStatusUpdateComplete || count() != 1 {
		t.Errorf("an update of a table's tags ended %s and left %d items", status, count())
	}
}

// "To delete a stack, specify its name or its unique stack ID." 1.4.21 did
// nothing for an ID.
func TestCloudFormationDeletesAStackByItsID(t *testing.T) {
	t.Parallel()
	s, stack, queue := newStacks(t), name("stack"), name("queue")
	s.create(stack, `{"Resources":{"Q":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"`+queue+`"}}}}`)
	out, err := s.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stack)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: out.Stacks[0].StackId}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the end of the stack", func() bool { return s.status(stack) == "" })
}

// DeletionPolicy Retain: "CloudFormation keeps the resource without deleting
// [it] when its stack is deleted". 1.4.21 ignored it.
func TestCloudFormationKeepsRetainedResources(t *testing.T) {
	t.Parallel()
	s, stack, queue := newStacks(t), name("stack"), name("queue")
	s.create(stack, `{"Resources":{"Q":{"Type":"AWS::SQS::Queue","DeletionPolicy":"Retain","Properties":{"QueueName":"`+queue+`"}}}}`)
	if _, err := s.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String(stack)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the end of the stack", func() bool { return s.status(stack) == "" })
	client := sqs.NewFromConfig(configOf(hub(t), account))
	if _, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(queue)}); err != nil {
		t.Errorf("a retained queue is gone: %v", err)
	}
}

// Types that the operations stack needs and MiniStack does not make. The local
// cloud leaves that stack out.
func TestCloudFormationLacksTypesOfTheOperationsStack(t *testing.T) {
	t.Parallel()
	for typeName, properties := range map[string]string{
		"AWS::Events::Archive":            `{"SourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/default"}`,
		"AWS::Events::EventBusPolicy":     `{"StatementId":"x","Action":"events:PutEvents","Principal":"222222222222"}`,
		"AWS::CloudWatch::CompositeAlarm": `{"AlarmRule":"ALARM(\"x\")"}`,
	} {
		s := newStacks(t)
		_, err := s.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: aws.String(name("stack")), TemplateBody: aws.String(`{"Resources":{"X":{"Type":"` + typeName + `","Properties":` + properties + `}}}`),
		})
		if err == nil {
			unlike(t, typeName+" is refused", "taken")
		}
	}
}
