package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// Many stacks at once, deployed, updated, checked for drift and deleted, while
// others look on. Run with -race.
func TestManyAtOnce(t *testing.T) {
	w := start(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			name := fmt.Sprintf("s%d", i)
			body := strings.ReplaceAll(strings.ReplaceAll(tagged, "QueueName: q", "QueueName: "+name), "/p", "/"+name)
			if got := w.deploy(name, body).StackStatus; got != types.StackStatusCreateComplete {
				t.Errorf("%s: %s", name, got)
			}
			w.detect(name)
			if got := w.execute(w.update(name, strings.Replace(body, "DelaySeconds: 5", "DelaySeconds: 6", 1)), "t").StackStatus; got != types.StackStatusUpdateComplete {
				t.Errorf("%s: %s", name, got)
			}
			if _, err := w.cfn.DeleteStack(context.Background(), &cfn.DeleteStackInput{StackName: &name}); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			for range 20 {
				_, _ = w.cfn.ListStacks(context.Background(), &cfn.ListStacksInput{})
				_, _ = w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{})
				_, _ = w.cfn.DescribeStackResources(context.Background(), &cfn.DescribeStackResourcesInput{StackName: aws.String(fmt.Sprintf("s%d", i))})
			}
		})
	}
	group.Wait()
}

// Of several creations of one change set, one wins; of several executions too.
func TestOneWins(t *testing.T) {
	w := start(t)
	w.deploy("shop", tagged)
	changed := strings.Replace(tagged, "DelaySeconds: 5", "DelaySeconds: 6", 1)
	count := func(call func() error) (succeeded int) {
		var group sync.WaitGroup
		var mu sync.Mutex
		for range 6 {
			group.Go(func() {
				if call() == nil {
					mu.Lock()
					defer mu.Unlock()
					succeeded++
				}
			})
		}
		group.Wait()
		return succeeded
	}
	if n := count(func() error {
		_, err := w.cfn.CreateChangeSet(context.Background(), &cfn.CreateChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x"), TemplateBody: &changed})
		return err
	}); n != 1 {
		t.Errorf("%d creations succeeded", n)
	}
	var cs *cfn.DescribeChangeSetOutput
	w.eventually("change set", func() bool {
		cs, _ = w.cfn.DescribeChangeSet(context.Background(), &cfn.DescribeChangeSetInput{StackName: aws.String("shop"), ChangeSetName: aws.String("x")})
		return cs != nil && cs.Status == types.ChangeSetStatusCreateComplete
	})
	var tokens atomic.Int32
	if n := count(func() error {
		_, err := w.cfn.ExecuteChangeSet(context.Background(), &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, ClientRequestToken: aws.String(fmt.Sprint("token-", tokens.Add(1)))})
		return err
	}); n != 1 {
		t.Errorf("%d executions succeeded", n)
	}
	w.wantStatus(w.settled("shop"), types.StackStatusUpdateComplete)
}

// FuzzQuery: no request makes the simulator panic, and each is answered.
func FuzzQuery(f *testing.F) {
	f.Add("Action=DescribeStacks&StackName=x")
	f.Add("Action=CreateStack&StackName=x&TemplateBody=" + url.QueryEscape(tagged) + "&Tags.member.1.Key=a&Parameters.member.1.ParameterKey=P")
	f.Add("Action=CreateChangeSet&StackName=x&ChangeSetName=y&ChangeSetType=CREATE&TemplateBody=" + url.QueryEscape(storage) + "&Tags.member.1.Value=a")
	f.Add("Action=UpdateStack&StackName=x&UsePreviousTemplate=true&RollbackConfiguration.RollbackTriggers.member.1.Arn=x")
	f.Add("Action=DescribeEvents&Filters.FailedEvents=maybe")
	f.Add("Action=DetectStackDrift&StackName=x&LogicalResourceIds.member.1=y")
	f.Fuzz(func(t *testing.T, form string) {
		sim := simulator.New(simulator.Options{ResourceDelay: -1, OperationDelay: -1})
		defer sim.Close()
		handler := sim.CloudFormation(account, region)
		for range 2 {
			req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, req)
			if answer.Code >= 500 {
				t.Errorf("%s: %d %s", form, answer.Code, answer.Body)
			}
		}
	})
}
