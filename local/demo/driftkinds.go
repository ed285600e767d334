package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const (
	kindsStack  = "watched-prod"
	kindsOuter  = "watched-parent-prod" // with a nested stack
	kindsBucket = "watched-templates"
)

// kindsTemplate has what people change most by hand.
const kindsTemplate = `
Resources:
  Store: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  News: {Type: AWS::SNS::Topic, Properties: {DisplayName: news}}
  Gate:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: gate, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}]}
  Reader:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}
      Policies:
        - PolicyName: read
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["dynamodb:GetItem"], Resource: !GetAtt Items.Arn}]}
`

// kindsParent has a stack of its own: a change set that brings the parent back
// has a row for it, which the guard lets pass when nothing is done to it.
const kindsParent = `
Resources:
  Top: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 5}}
  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://watched-templates.s3.amazonaws.com/inner.yaml"}}
`

const kindsInner = `
Resources:
  Deep: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 30}}
`

// kind is a change past the template, and where it shows.
type kind struct {
	logicalID, typ, patch string // no patch: by the service's own call
	path                  string // the beginning of
}

func kinds() []kind {
	return []kind{
		{"Gate", "AWS::EC2::SecurityGroup", "", "/SecurityGroupIngress"},
		{"Items", "AWS::DynamoDB::Table", `[{"op":"replace","path":"/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled","value":false}]`, "/PointInTimeRecoverySpecification"},
		{"Jobs", queueType, `[{"op":"replace","path":"/VisibilityTimeout","value":5}]`, "/VisibilityTimeout"},
		{"News", "AWS::SNS::Topic", `[{"op":"replace","path":"/DisplayName","value":"olds"}]`, "/DisplayName"},
		{"Reader", "AWS::IAM::Role", `[{"op":"replace","path":"/Policies/0/PolicyDocument/Statement/0/Action","value":["dynamodb:*"]}]`, "/Policies"},
		{"Store", "AWS::S3::Bucket", `[{"op":"remove","path":"/MetadataConfiguration"},{"op":"remove","path":"/MetadataTableConfiguration"},{"op":"replace","path":"/VersioningConfiguration/Status","value":"Suspended"}]`, "/VersioningConfiguration"},
	}
}

func driftKindsGroup() Group {
	return Group{"Drift of every kind is found, with who made it", []string{deployTitle}, []Step{
		{Want: "stacks that somebody made by hand are in sync, one of them nested", Run: makeKinds},
		{Want: "a bucket, a table, a queue, a topic, a security group, a role's policy and a nested queue are changed past the templates", Run: changeKinds},
		{Want: "one scan finds each, with its property and its principal", Run: scanKinds},
		{Want: "the policy ignores the topic, and a person accepts the queue", Run: keepKinds},
		{Want: "a revert that would overwrite them is refused", Run: refuseKinds},
		{Want: "a parent is brought back, and its nested stack stays as it is", Run: revertParent},
		{Want: "the rest is brought back with them when that is said, the nested queue too, and all is in sync", Run: revertKinds},
	}}
}

func makeKinds(ctx context.Context, w *World) (string, error) {
	cfg := w.account(prodAccount)
	bucket := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := bucket.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(kindsBucket)}); err != nil {
		return "", err
	}
	if _, err := bucket.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(kindsBucket), Key: aws.String("inner.yaml"), Body: strings.NewReader(kindsInner)}); err != nil {
		return "", err
	}
	client := cloudformation.NewFromConfig(cfg)
	for name, template := range map[string]string{kindsStack: kindsTemplate, kindsOuter: kindsParent} {
		_, err := client.CreateStack(ctx, &cloudformation.CreateStackInput{
			StackName: &name, TemplateBody: &template, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		})
		if err != nil {
			return "", err
		}
		waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = 100*time.Millisecond, 500*time.Millisecond
		})
		if err := waiter.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute); err != nil {
			return "", err
		}
	}
	stack, outer, inner, err := w.kindsARNs(ctx)
	if err != nil {
		return "", err
	}
	shown, err := w.evenkeel(ctx, "drift", "scan", stack, outer)
	w.Report.Block(shown)
	if err != nil {
		return "", err
	}
	return kindsStack + " and " + stackName(inner), w.kindsStand(ctx, "IN_SYNC")
}

// kindsARNs are those of the stack, of the parent and of what is nested in it.
func (w *World) kindsARNs(ctx context.Context) (stack, outer, inner string, err error) {
	client := cloudformation.NewFromConfig(w.account(prodAccount))
	for name, arn := range map[string]*string{kindsStack: &stack, kindsOuter: &outer} {
		out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			return "", "", "", err
		}
		*arn = aws.ToString(out.Stacks[0].StackId)
	}
	inner, err = w.physicalID(ctx, prodAccount, kindsOuter, "Inner")
	return stack, outer, inner, err
}

func stackName(arn string) string { return strings.Split(arn, "/")[1] }

// kindsScans are the last scans of the stack and of the nested one.
func (w *World) kindsScans(ctx context.Context) ([]events.DriftScanned, error) {
	_, _, inner, err := w.kindsARNs(ctx)
	if err != nil {
		return nil, err
	}
	var last []events.DriftScanned
	for _, name := range []string{kindsStack, stackName(inner)} {
		scans, err := facts[events.DriftScanned](ctx, w, ledger.DriftSubject(prodAccount, "us-east-1", name))
		if err != nil || len(scans) == 0 {
			return nil, firstError(err, fmt.Errorf("no scan of %s", name))
		}
		last = append(last, scans[len(scans)-1])
	}
	return last, nil
}

func (w *World) kindsStand(ctx context.Context, want string) error {
	scans, err := w.kindsScans(ctx)
	if err != nil {
		return err
	}
	for _, scan := range scans {
		if err := expect("the status of "+scan.StackName, scan.Status, want); err != nil {
			return fmt.Errorf("%w: %+v", err, scan.Resources)
		}
	}
	return nil
}

func changeKinds(ctx context.Context, w *World) (string, error) {
	_, _, inner, err := w.kindsARNs(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range kinds() {
		if k.patch == "" {
			group, err := w.physicalID(ctx, prodAccount, kindsStack, k.logicalID)
			if err != nil {
				return "", err
			}
			_, err = ec2.NewFromConfig(w.account(prodAccount)).AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: &group, IpPermissions: []ec2types.IpPermission{{
					IpProtocol: aws.String("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.1.0.0/16")}},
				}},
			})
			if err != nil {
				return "", err
			}
			continue
		}
		if err := w.patch(ctx, kindsStack, k.logicalID, k.typ, k.patch); err != nil {
			return "", fmt.Errorf("%s: %w", k.logicalID, err)
		}
	}
	return "by Cloud Control and EC2", w.patch(ctx, stackName(inner), "Deep", queueType, `[{"op":"replace","path":"/VisibilityTimeout","value":7}]`)
}

// patch changes a resource of a stack in prod by Cloud Control.
func (w *World) patch(ctx context.Context, stack, logicalID, typ, document string) error {
	id, err := w.physicalID(ctx, prodAccount, stack, logicalID)
	if err != nil {
		return err
	}
	client := cloudcontrol.NewFromConfig(w.account(prodAccount))
	out, err := client.UpdateResource(ctx, &cloudcontrol.UpdateResourceInput{TypeName: &typ, Identifier: &id, PatchDocument: &document})
	if err != nil {
		return err
	}
	waiter := cloudcontrol.NewResourceRequestSuccessWaiter(client, func(o *cloudcontrol.ResourceRequestSuccessWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 500*time.Millisecond
	})
	return waiter.Wait(ctx, &cloudcontrol.GetResourceRequestStatusInput{RequestToken: out.ProgressEvent.RequestToken}, time.Minute)
}

func scanKinds(ctx context.Context, w *World) (string, error) {
	stack, outer, _, err := w.kindsARNs(ctx)
	if err != nil {
		return "", err
	}
	who, err := sts.NewFromConfig(w.account(prodAccount)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	shown, err := w.evenkeel(ctx, "drift", "scan", stack, outer)
	w.Report.Block(shown)
	if err == nil {
		return "", fmt.Errorf("the scan of drifted stacks ended with exit code 0")
	}
	scans, err := w.kindsScans(ctx)
	if err != nil {
		return "", err
	}
	for _, want := range append(kinds(), kind{logicalID: "Deep", path: "/VisibilityTimeout"}) {
		if err := foundIn(scans, want, aws.ToString(who.Arn)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d resources in two stacks, all by %s", len(scans[0].Resources)+len(scans[1].Resources), aws.ToString(who.Arn)), nil
}

// foundIn looks for a change, and for who is said to have made it.
func foundIn(scans []events.DriftScanned, want kind, principal string) error {
	for _, scan := range scans {
		for _, r := range scan.Resources {
			at := slices.IndexFunc(r.Differences, func(d events.PropertyDifference) bool { return strings.HasPrefix(d.Path, want.path) })
			if r.LogicalID != want.logicalID || at < 0 {
				continue
			}
			if r.Attribution == nil {
				return fmt.Errorf("nobody is said to have changed %s", r.LogicalID)
			}
			return expect("who changed "+r.LogicalID, r.Attribution.Principal, principal)
		}
	}
	return fmt.Errorf("%s of %s is not among %+v", want.path, want.logicalID, scans)
}

func keepKinds(ctx context.Context, w *World) (string, error) {
	stack, outer, _, err := w.kindsARNs(ctx)
	if err != nil {
		return "", err
	}
	policy := filepath.Join(w.Opts.Root, "drift-policy.yaml")
	text := fmt.Sprintf("version: 1\nignore:\n  - stack: %s\n    logicalId: News\n    property: /DisplayName\n    until: %s\n    reason: the news team renames it\n",
		kindsStack, time.Now().Add(48*time.Hour).Format(time.DateOnly))
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		return "", err
	}
	if _, err := w.evenkeel(ctx, "drift", "policy", "set", policy); err != nil {
		return "", err
	}
	if _, err := w.evenkeel(ctx, "drift", "accept", kindsStack, "Jobs", "/VisibilityTimeout", "--reason", "load test"); err != nil {
		return "", err
	}
	if shown, err := w.evenkeel(ctx, "drift", "scan", stack, outer); err == nil {
		return "", fmt.Errorf("what is neither ignored nor accepted does not fail the scan:\n%s", shown)
	}
	scans, err := w.kindsScans(ctx)
	if err != nil {
		return "", err
	}
	kept := []string{}
	for _, r := range scans[0].Resources {
		if r.Response == "ignore" {
			kept = append(kept, r.LogicalID+" ("+r.Why+")")
		}
	}
	return strings.Join(kept, "; "), expect("how many are kept", len(kept), 2)
}

func refuseKinds(ctx context.Context, w *World) (string, error) {
	shown, err := w.evenkeel(ctx, "drift", "revert", kindsStack, "--yes")
	if err == nil {
		return "", fmt.Errorf("it was not refused:\n%s", shown)
	}
	refused, err := awaitFact(ctx, w, ledger.DriftSubject(prodAccount, "us-east-1", kindsStack), func(events.DriftRevertRefused) bool { return true })
	return strings.Join(refused.Reasons, "; "), err
}

func revertKinds(ctx context.Context, w *World) (string, error) {
	stack, outer, inner, err := w.kindsARNs(ctx)
	if err != nil {
		return "", err
	}
	shown, err := w.evenkeel(ctx, "drift", "revert", kindsStack, "--yes", "--include-accepted")
	w.Report.Block(shown)
	if err != nil {
		return "", err
	}
	if shown, err = w.evenkeel(ctx, "drift", "revert", stackName(inner), "--yes"); err != nil {
		return "", fmt.Errorf("%w\n%s", err, shown)
	}
	if _, err := w.evenkeel(ctx, "drift", "scan", stack, outer); err != nil {
		return "", err
	}
	return "both IN_SYNC", w.kindsStand(ctx, "IN_SYNC")
}
