package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// grown measures one template at growing sizes: the same resources, more and
// more of them, so that only the size differs.
func grown() []single {
	var all []single
	for _, copies := range []int{1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120} {
		text := grow(copies)
		files := map[string][]byte{"grown.yaml": []byte(text)}
		var took []float64
		for range 9 {
			start := time.Now()
			validation.Validate(files)
			took = append(took, time.Since(start).Seconds())
		}
		slices.Sort(took)
		all = append(all, single{File: fmt.Sprintf("%d copies", copies), Size: len(text), Warm: took[0]})
	}
	return all
}

// grow writes a template with so many copies of a queue, a function that it
// calls, the function's role, and a bucket that may call it.
func grow(copies int) string {
	var b strings.Builder
	b.WriteString("Parameters:\n  Stage: {Type: String, Default: live}\nConditions:\n  Live: !Equals [!Ref Stage, live]\nResources:\n")
	for i := range copies {
		b.WriteString(strings.ReplaceAll(group, "NN", fmt.Sprint(i)))
	}
	b.WriteString("Outputs:\n")
	for i := range copies {
		fmt.Fprintf(&b, "  Queue%d: {Value: !GetAtt Queue%d.Arn}\n", i, i)
	}
	return b.String()
}

const group = `  QueueNN:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      VisibilityTimeout: !If [Live, 60, 30]
      MessageRetentionPeriod: 345600
      Tags:
        - {Key: Stage, Value: !Sub "${Stage}-NN"}
  RoleNN:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: queue
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes], Resource: !GetAtt QueueNN.Arn}
  FunctionNN:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      Role: !GetAtt RoleNN.Arn
      Timeout: 30
      MemorySize: 256
      Environment: {Variables: {QUEUE: !Ref QueueNN, STAGE: !If [Live, live, test]}}
      Code: {ZipFile: "def handler(event, context): pass"}
  MappingNN:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt QueueNN.Arn
      FunctionName: !Ref FunctionNN
      BatchSize: 10
`
