package simulator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// evolving is a random template: queues in a chain of references, each with a
// delay (mutable) and a name (create-only). fail names one that cannot be made
// or changed.
func evolving(random *rand.Rand, fail bool) string { return evolvingNamed(random, fail, "q") }

// evolvingNamed gives the queues names that begin with prefix.
func evolvingNamed(random *rand.Rand, fail bool, prefix string) string {
	var b strings.Builder
	b.WriteString("Resources:\n")
	var ids []int
	for id := range 6 {
		if id == 0 || random.IntN(3) > 0 {
			ids = append(ids, id)
		}
	}
	broken := -1
	if fail {
		broken = ids[random.IntN(len(ids))]
	}
	for i, id := range ids {
		fmt.Fprintf(&b, "  Q%d:\n    Type: AWS::SQS::Queue\n", id)
		if id == broken {
			b.WriteString("    Metadata: {\"Evenkeel::Simulate\": {Fail: broken}}\n")
		}
		fmt.Fprintf(&b, "    Properties:\n      QueueName: %s%d-%d\n      DelaySeconds: %d\n", prefix, id, random.IntN(2), random.IntN(4))
		if i > 0 {
			fmt.Fprintf(&b, "      Tags: [{Key: before, Value: !GetAtt Q%d.Arn}]\n", ids[random.IntN(i)])
		}
	}
	return b.String()
}

// queues reads every queue of the region, by URL.
func (w *world) queues() map[string]map[string]any {
	w.t.Helper()
	out, err := w.cc.ListResources(context.Background(), &cc.ListResourcesInput{TypeName: aws.String("AWS::SQS::Queue")})
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for _, d := range out.ResourceDescriptions {
		found[*d.Identifier] = w.live("AWS::SQS::Queue", *d.Identifier)
	}
	return found
}

// Seeded histories of a stack. Whatever happens: an update that fails leaves
// every resource as it was (CFN-6), one that succeeds leaves nothing to do and
// nothing drifted, no resource is left behind, and deletion leaves none (CFN-9).
func TestEvolution(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := start(t, immediately)
			random := rand.New(rand.NewPCG(seed, 1))
			body := evolving(random, false)
			w.wantStatus(w.deploy("shop", body), types.StackStatusCreateComplete)
			for step := range 6 {
				before := w.queues()
				fail := random.IntN(2) == 0
				next := evolving(random, fail)
				cs := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String(fmt.Sprint("step", step)), TemplateBody: &next})
				if cs.Status == types.ChangeSetStatusFailed {
					continue // nothing to do, or a name that is still taken
				}
				s := w.execute(cs, "t")
				switch s.StackStatus {
				case types.StackStatusUpdateComplete:
					body = next
				case types.StackStatusUpdateRollbackComplete:
					if after := w.queues(); !reflect.DeepEqual(before, after) {
						t.Fatalf("step %d: the rollback left\n%v\nbefore it was\n%v\n%s", step, after, before, strings.Join(w.history("shop"), "\n"))
					}
				default:
					w.wantStatus(s, types.StackStatusUpdateComplete)
				}
				w.consistent(body, step)
			}
			s := w.stack("shop")
			if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: aws.String("shop")}); err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
			if left := w.queues(); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// consistent checks that the stack is what its template says, no more.
func (w *world) consistent(body string, step int) {
	w.t.Helper()
	if got, want := len(w.queues()), strings.Count(body, "AWS::SQS::Queue"); got != want {
		w.t.Fatalf("step %d: %d queues, the template has %d", step, got, want)
	}
	same := w.changeSet(&cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String(fmt.Sprint("same", step)), TemplateBody: &body})
	if same.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(*same.StatusReason, "The submitted information didn't contain changes.") {
		w.t.Fatalf("step %d: the deployed template has changes: %s %+v", step, aws.ToString(same.StatusReason), same.Changes)
	}
	if out := w.detect("shop"); out.StackDriftStatus != types.StackDriftStatusInSync {
		w.t.Fatalf("step %d: %v", step, w.drifts("shop"))
	}
}

// Seeded histories of a stack with two nested stacks, one of which has a nested
// stack, by UpdateStack and by change sets with and without IncludeNestedStacks.
// An update that fails anywhere leaves every queue as it was (CFN-72), one that
// succeeds leaves what the templates say, and deletion leaves none (CFN-73).
func TestEvolutionOfNestedStacks(t *testing.T) {
	const root = `Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://s3.amazonaws.com/b/a.yaml"}}
  B: {Type: AWS::CloudFormation::Stack, DependsOn: A, Properties: {TemplateURL: "https://s3.amazonaws.com/b/b.yaml"}}`
	const inner = "\n  C: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: \"https://s3.amazonaws.com/b/c.yaml\"}}\n"
	for seed := range uint64(15) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			l := &library{files: map[string]string{}}
			w := start(t, immediately, func(o *simulator.Options) { o.FetchTemplate = l.fetch })
			random := rand.New(rand.NewPCG(seed, 2))
			write := func(fail int) map[string]string {
				files := map[string]string{
					"a.yaml": evolvingNamed(random, fail == 0, "a"), "b.yaml": evolvingNamed(random, fail == 1, "b") + inner, "c.yaml": evolvingNamed(random, fail == 2, "c"),
				}
				for name, text := range files {
					l.put(name, text)
				}
				return files
			}
			files := write(-1)
			w.wantStatus(w.deploy("shop", root), types.StackStatusCreateComplete)
			for step := range 6 {
				before := w.queues()
				next := write(random.IntN(5))
				var s types.Stack
				if how := random.IntN(3); how == 0 {
					if _, err := w.cfn.UpdateStack(context.Background(), &cfn.UpdateStackInput{StackName: aws.String("shop"), UsePreviousTemplate: aws.Bool(true)}); err != nil {
						t.Fatal(err)
					}
					s = w.settled("shop")
				} else {
					cs := w.changeSet(&cfn.CreateChangeSetInput{
						StackName: aws.String("shop"), ChangeSetName: aws.String(fmt.Sprint("step", step)), UsePreviousTemplate: aws.Bool(true), IncludeNestedStacks: aws.Bool(how == 1),
					})
					if cs.Status == types.ChangeSetStatusFailed {
						if !reflect.DeepEqual(before, w.queues()) {
							t.Fatalf("step %d: a change set that failed changed something", step)
						}
						for name, text := range files {
							l.put(name, text)
						}
						continue
					}
					s = w.execute(cs, "t")
				}
				after := w.queues()
				switch s.StackStatus {
				case types.StackStatusUpdateComplete:
					files = next
				case types.StackStatusUpdateRollbackComplete:
					if !reflect.DeepEqual(before, after) {
						t.Fatalf("step %d: the rollback left\n%v\nbefore it was\n%v\n%s", step, after, before, strings.Join(w.history("shop"), "\n"))
					}
				default:
					w.wantStatus(s, types.StackStatusUpdateComplete)
				}
				want := 0
				for name, text := range files {
					want += strings.Count(text, "AWS::SQS::Queue")
					l.put(name, text)
				}
				if len(after) != want {
					t.Fatalf("step %d: %d queues, the templates have %d", step, len(after), want)
				}
				w.unchanged(step)
			}
			s := w.stack("shop")
			if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: aws.String("shop")}); err != nil {
				t.Fatal(err)
			}
			w.wantStatus(w.settled(*s.StackId), types.StackStatusDeleteComplete)
			out, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{})
			if err != nil || len(out.Stacks) != 0 || len(w.queues()) != 0 {
				t.Errorf("left behind: %d stacks, %v (%v)", len(out.Stacks), w.queues(), err)
			}
		})
	}
}

// unchanged checks that nothing is to do in the whole hierarchy, and that no
// operation is left half-way in it.
func (w *world) unchanged(step int) {
	w.t.Helper()
	cs := w.changeSet(&cfn.CreateChangeSetInput{
		StackName: aws.String("shop"), ChangeSetName: aws.String(fmt.Sprint("same", step)), UsePreviousTemplate: aws.Bool(true), IncludeNestedStacks: aws.Bool(true),
	})
	if cs.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(aws.ToString(cs.StatusReason), "The submitted information didn't contain changes.") {
		w.t.Fatalf("step %d: the deployed templates have changes: %s %+v", step, aws.ToString(cs.StatusReason), cs.Changes)
	}
	out, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range out.Stacks {
		if !strings.HasSuffix(string(s.StackStatus), "_COMPLETE") {
			w.t.Fatalf("step %d: %s is %s", step, *s.StackName, s.StackStatus)
		}
	}
}
