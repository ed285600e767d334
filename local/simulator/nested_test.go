package simulator_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// parent has two nested stacks, of which the second uses an output of the
// first, and a resource that uses one of the second and can be told to fail.
const parent = `
Parameters:
  Delay: {Type: String, Default: "5"}
  Fail: {Type: String, Default: ""}
  On: {Type: String, Default: "create|update"}
Resources:
  Net:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: "https://b.s3.amazonaws.com/net.yaml", Parameters: {Delay: !Ref Delay}, Tags: [{Key: own, Value: net}]}
  App:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: "https://b.s3.amazonaws.com/app.yaml", Parameters: {Url: !GetAtt Net.Outputs.Url}}
  Last:
    Type: AWS::SSM::Parameter
    DependsOn: [App, Net]
    Metadata: {"Evenkeel::Simulate": {Fail: !Ref Fail, On: !Ref "On"}}
    Properties: {Name: /last, Type: String, Value: !Sub "${App.Outputs.Topic} ${Delay}"}
Outputs:
  App: {Value: !Ref App}
  Net: {Value: !Ref Net}
  Topic: {Value: !GetAtt App.Outputs.Topic}
`

const netChild = `
Parameters: {Delay: {Type: Number}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: net, DelaySeconds: !Ref Delay}}
Outputs: {Url: {Value: !Ref Queue}}
`

const appChild = `
Parameters: {Url: {Type: String}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: app, DisplayName: !Ref Url}}
Outputs: {Topic: {Value: !Ref Topic}}
`

// library serves templates by the last element of their address.
type library struct {
	mu    sync.Mutex
	files map[string]string
}

func (l *library) put(name, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files[name] = text
}

func (l *library) fetch(_ context.Context, _, url string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, ok := l.files[url[strings.LastIndex(url, "/")+1:]]
	if !ok {
		return nil, errors.New("Access Denied")
	}
	return []byte(text), nil
}

func startNested(t *testing.T) (*world, *library) {
	l := &library{files: map[string]string{"net.yaml": netChild, "app.yaml": appChild}}
	return start(t, func(o *simulator.Options) { o.FetchTemplate = l.fetch }), l
}

// byLogicalID indexes the rows of a change set.
func byLogicalID(cs *cfn.DescribeChangeSetOutput) map[string]*types.ResourceChange {
	rows := map[string]*types.ResourceChange{}
	for _, change := range cs.Changes {
		rows[*change.ResourceChange.LogicalResourceId] = change.ResourceChange
	}
	return rows
}

func (w *world) wantHistory(name string, lines ...string) {
	w.t.Helper()
	history := w.history(name)
	for _, line := range lines {
		if !slices.ContainsFunc(history, func(h string) bool { return strings.HasPrefix(h, line) }) {
			w.t.Errorf("no %q in the history of %s:\n%s", line, name, strings.Join(history, "\n"))
		}
	}
}

// CFN-70: a nested stack is a stack of its own, with the parent's tags and its
// own, and its outputs are the resource's attributes.
func TestNestedStackIsAStack(t *testing.T) {
	w, _ := startNested(t)
	s := w.execute(w.changeSet(&cfn.CreateChangeSetInput{
		StackName: aws.String("shop"), ChangeSetName: aws.String("deploy"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(parent),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
	}), "token-1")
	w.wantStatus(s, types.StackStatusCreateComplete)
	net := w.stack(w.output(s, "Net"))
	if !regexp.MustCompile(`^shop-Net-[A-Z0-9]{12}$`).MatchString(*net.StackName) || aws.ToString(net.ParentId) != *s.StackId || aws.ToString(net.RootId) != *s.StackId {
		t.Errorf("%s under %s of %s", *net.StackName, aws.ToString(net.ParentId), aws.ToString(net.RootId))
	}
	if s.ParentId != nil || s.RootId != nil {
		t.Error("the root has a parent")
	}
	var tags []string
	for _, tag := range net.Tags {
		tags = append(tags, *tag.Key+"="+*tag.Value)
	}
	slices.Sort(tags)
	if strings.Join(tags, " ") != "own=net team=a" {
		t.Errorf("tags %v", tags)
	}
	topic := w.output(s, "Topic")
	if got := w.live("AWS::SNS::Topic", topic)["DisplayName"]; got != w.output(net, "Url") {
		t.Errorf("the second stack got %v", got)
	}
	events, err := w.cfn.DescribeStackEvents(context.Background(), &cfn.DescribeStackEventsInput{StackName: net.StackId})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.StackEvents {
		if aws.ToString(e.ClientRequestToken) != "token-1" {
			t.Errorf("%s %s has the token %q", *e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ClientRequestToken))
		}
	}
}

// CFN-71: a nested stack that fails on create fails its resource, and the
// parent's rollback deletes both.
func TestNestedStackFailsOnCreate(t *testing.T) {
	w, l := startNested(t)
	l.put("app.yaml", strings.Replace(appChild, "Topic: {Type", `Topic: {Metadata: {"Evenkeel::Simulate": {Fail: broken}}, Type`, 1))
	s := w.deploy("shop", parent)
	w.wantStatus(s, types.StackStatusRollbackComplete)
	var child string
	for _, line := range w.history("shop") {
		if m := regexp.MustCompile(`^App CREATE_FAILED Embedded stack (arn:\S+) was not successfully created: The following resource\(s\) failed to create: \[Topic\]\.$`).FindStringSubmatch(line); m != nil {
			child = m[1]
		}
	}
	if child == "" {
		t.Fatal(strings.Join(w.history("shop"), "\n"))
	}
	w.wantStatus(w.stack(child), types.StackStatusDeleteComplete)
	w.wantHistory(child, "Topic CREATE_FAILED", *w.stack(child).StackName+" CREATE_FAILED The following resource(s) failed to create: [Topic].")
	if left := w.queues(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// CFN-71: with rollback disabled the nested stack stays CREATE_FAILED, and a new
// update of the parent goes on from there; OnStackFailure DELETE deletes all.
func TestNestedStackFailureOptions(t *testing.T) {
	broken := strings.Replace(appChild, "Topic: {Type", `Topic: {Metadata: {"Evenkeel::Simulate": {Fail: broken}}, Type`, 1)
	create := func(w *world, failure types.OnFailure) types.Stack {
		out, err := w.cfn.CreateStack(context.Background(), &cfn.CreateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(parent), OnFailure: failure})
		if err != nil {
			t.Fatal(err)
		}
		return w.settled(*out.StackId)
	}
	t.Run("do nothing, then update", func(t *testing.T) {
		w, l := startNested(t)
		l.put("app.yaml", broken)
		w.wantStatus(create(w, types.OnFailureDoNothing), types.StackStatusCreateFailed)
		l.put("app.yaml", appChild)
		s := w.execute(w.update("shop", parent), "t")
		w.wantStatus(s, types.StackStatusUpdateComplete)
		w.wantStatus(w.stack(w.output(s, "App")), types.StackStatusUpdateComplete)
	})
	t.Run("do nothing, then roll back", func(t *testing.T) {
		w, l := startNested(t)
		l.put("app.yaml", broken)
		s := create(w, types.OnFailureDoNothing)
		if _, err := w.cfn.RollbackStack(context.Background(), &cfn.RollbackStackInput{StackName: s.StackId}); err != nil {
			t.Fatal(err)
		}
		w.wantStatus(w.settled(*s.StackId), types.StackStatusRollbackComplete)
		if left := w.queues(); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("delete", func(t *testing.T) {
		w, l := startNested(t)
		l.put("app.yaml", broken)
		w.wantStatus(create(w, types.OnFailureDelete), types.StackStatusDeleteComplete)
		out, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{})
		if err != nil || len(out.Stacks) != 0 {
			t.Errorf("%d stacks are left (%v)", len(out.Stacks), err)
		}
	})
}

// CFN-73: deleting the parent deletes its nested stacks; one that cannot be
// deleted fails its resource. Termination protection is the root's.
func TestDeleteOfNestedStacks(t *testing.T) {
	ctx := context.Background()
	w, _ := startNested(t)
	s := w.deploy("shop", parent)
	net, app := w.output(s, "Net"), w.output(s, "App")
	protect := func(name string, on bool) error {
		_, err := w.cfn.UpdateTerminationProtection(ctx, &cfn.UpdateTerminationProtectionInput{StackName: &name, EnableTerminationProtection: &on})
		return err
	}
	if err := protect("shop", true); err != nil {
		t.Fatal(err)
	}
	if err := protect(net, false); err == nil {
		t.Error("the termination protection of a nested stack was changed")
	}
	if _, err := w.cfn.DeleteStack(ctx, &cfn.DeleteStackInput{StackName: &net}); err == nil || !strings.Contains(err.Error(), "TerminationProtection") {
		t.Errorf("a nested stack of a protected root: %v", err)
	}
	_ = protect("shop", false)
	w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"delete","reason":"in use","times":1}`)
	remove := func() types.Stack {
		if _, err := w.cfn.DeleteStack(ctx, &cfn.DeleteStackInput{StackName: s.StackId, ClientRequestToken: aws.String("away")}); err != nil {
			t.Fatal(err)
		}
		return w.settled(*s.StackId)
	}
	w.wantStatus(remove(), types.StackStatusDeleteFailed)
	w.wantStatus(w.stack(net), types.StackStatusDeleteFailed)
	w.wantStatus(w.stack(app), types.StackStatusDeleteComplete)
	w.wantHistory(*s.StackId, "Net DELETE_FAILED Embedded stack "+net+" was not successfully deleted: The following resource(s) failed to delete: [Queue].")
	w.wantStatus(remove(), types.StackStatusDeleteComplete)
	w.wantStatus(w.stack(net), types.StackStatusDeleteComplete)
	w.wantToken(net, "away", "DELETE_COMPLETE")
}

// CFN-73: a nested stack deleted behind the parent's back fails the parent's update.
func TestNestedStackDeletedDirectly(t *testing.T) {
	w, _ := startNested(t)
	s := w.deploy("shop", parent)
	net := w.output(s, "Net")
	if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: &net}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled(net), types.StackStatusDeleteComplete)
	w.wantStatus(w.execute(w.update("shop", parent, "Delay", "9"), "t"), types.StackStatusUpdateRollbackComplete)
	w.wantHistory("shop", "Net UPDATE_FAILED Stack:"+net+" is in DELETE_COMPLETE state and can not be updated.")
}

// CFN-71: a template that cannot be read, or that lacks a parameter, fails the resource.
func TestNestedStackWithoutTemplate(t *testing.T) {
	for name, test := range map[string]struct{ app, want string }{
		"unreadable":        {"", "App CREATE_FAILED S3 error: Access Denied"},
		"parameter missing": {strings.Replace(appChild, "Url: {Type: String}", "Url: {Type: String}, Other: {Type: String}", 1), "App CREATE_FAILED Parameters: [Other] must have values"},
		"capability missing": {
			"Parameters: {Url: {Type: String}}\nResources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}\nOutputs: {Topic: {Value: x}}",
			"App CREATE_FAILED Requires capabilities : [CAPABILITY_IAM]",
		},
		"parameter unknown": {"Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {Topic: {Value: x}}", "App CREATE_FAILED Parameters: [Url] do not exist in the template"},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := startNested(t)
			if l.put("app.yaml", test.app); test.app == "" {
				delete(l.files, "app.yaml")
			}
			out, err := w.cfn.CreateStack(context.Background(), &cfn.CreateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(parent)})
			if err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled(*out.StackId), types.StackStatusRollbackComplete)
			w.wantHistory("shop", test.want)
		})
	}
}

// CFN-41: DescribeEvents tells a nested stack's failure as a failed resource.
func TestDescribeEventsOfNestedFailure(t *testing.T) {
	w, l := startNested(t)
	l.put("app.yaml", strings.Replace(appChild, "Topic: {Type", `Topic: {Metadata: {"Evenkeel::Simulate": {Fail: broken}}, Type`, 1))
	s := w.deploy("shop", parent)
	out, err := w.cfn.DescribeEvents(context.Background(), &cfn.DescribeEventsInput{StackName: s.StackId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.OperationEvents) != 1 || aws.ToString(out.OperationEvents[0].LogicalResourceId) != "App" || out.OperationEvents[0].EventType != types.EventTypeProvisioningError {
		t.Errorf("%d failed events: %+v", len(out.OperationEvents), out.OperationEvents)
	}
}

// CFN-6, CFN-72: CancelUpdateStack of the parent rolls the nested stacks back.
func TestCancelOfNestedUpdate(t *testing.T) {
	w, _ := startNested(t)
	s := w.deploy("shop", parent)
	net := w.output(s, "Net")
	w.inject("POST", "/faults", `{"kind":"resource","resource":"Queue","on":"update","delayMs":60000}`)
	cs := w.update("shop", parent, "Delay", "9")
	if _, err := w.cfn.ExecuteChangeSet(context.Background(), &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId}); err != nil {
		t.Fatal(err)
	}
	w.eventually("the update of the queue", func() bool { return contains(w.history(net), "Queue UPDATE_IN_PROGRESS") })
	if _, err := w.cfn.CancelUpdateStack(context.Background(), &cfn.CancelUpdateStackInput{StackName: s.StackId}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateRollbackComplete)
	w.wantStatus(w.stack(net), types.StackStatusUpdateRollbackComplete)
	w.wantHistory("shop", "Net UPDATE_FAILED Resource update cancelled")
}

// deep is a stack whose nested stack has a nested stack.
const deep = `Parameters: {Delay: {Type: String, Default: "5"}, Fail: {Type: String, Default: ""}}
Resources:
  Middle: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://b.s3.amazonaws.com/middle.yaml", Parameters: {Delay: !Ref Delay}}}
  Last:
    Type: AWS::SSM::Parameter
    DependsOn: Middle
    Metadata: {"Evenkeel::Simulate": {Fail: !Ref Fail, On: update}}
    Properties: {Type: String, Value: !Sub "${Middle.Outputs.Url} ${Delay}"}
Outputs: {Middle: {Value: !Ref Middle}}`

const middle = `Parameters: {Delay: {Type: String}}
Resources:
  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://b.s3.amazonaws.com/net.yaml", Parameters: {Delay: !Ref Delay}}}
Outputs: {Url: {Value: !GetAtt Inner.Outputs.Url}, Inner: {Value: !Ref Inner}}`

// CFN-70 to CFN-75 hold for a hierarchy of any depth.
func TestDeeperHierarchy(t *testing.T) {
	w, l := startNested(t)
	l.put("middle.yaml", middle)
	root := w.nested("plan", deep, types.ChangeSetTypeCreate)
	child := w.describe(byLogicalID(root)["Middle"].ChangeSetId)
	grandchild := w.describe(byLogicalID(child)["Inner"].ChangeSetId)
	if aws.ToString(grandchild.ParentChangeSetId) != *child.ChangeSetId || aws.ToString(grandchild.RootChangeSetId) != *root.ChangeSetId {
		t.Errorf("parent %s, root %s", aws.ToString(grandchild.ParentChangeSetId), aws.ToString(grandchild.RootChangeSetId))
	}
	s := w.execute(root, "t")
	w.wantStatus(s, types.StackStatusCreateComplete)
	inner := w.stack(*grandchild.StackId)
	w.wantStatus(inner, types.StackStatusCreateComplete)
	if aws.ToString(inner.ParentId) != *child.StackId || aws.ToString(inner.RootId) != *s.StackId {
		t.Errorf("parent %s, root %s", aws.ToString(inner.ParentId), aws.ToString(inner.RootId))
	}
	url := w.output(inner, "Url")
	s = w.execute(w.nested("fails", deep, types.ChangeSetTypeUpdate, "Delay", "9", "Fail", "out of luck"), "t")
	w.wantStatus(s, types.StackStatusUpdateRollbackComplete)
	if got := w.live("AWS::SQS::Queue", url)["DelaySeconds"]; got != 5.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
	s = w.execute(w.nested("works", deep, types.ChangeSetTypeUpdate, "Delay", "9"), "t")
	w.wantStatus(s, types.StackStatusUpdateComplete)
	w.wantStatus(w.stack(*inner.StackId), types.StackStatusUpdateComplete)
	w.wantStatus(w.stack(*child.StackId), types.StackStatusUpdateComplete)
	if got := w.live("AWS::SQS::Queue", url)["DelaySeconds"]; got != 9.0 {
		t.Errorf("DelaySeconds = %v", got)
	}
	if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: s.StackId}); err != nil {
		t.Fatal(err)
	}
	w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
	w.wantStatus(w.stack(*inner.StackId), types.StackStatusDeleteComplete)
	if left := w.queues(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
