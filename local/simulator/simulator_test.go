package simulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cc "github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/local/simulator"
)

const (
	account = "222222222222"
	region  = "eu-west-1"
)

// world is a simulator behind an HTTP server, with real SDK clients.
type world struct {
	t   *testing.T
	sim *simulator.Simulator
	url string
	cfn *cfn.Client
	cc  *cc.Client

	planned int // change sets that need a name of their own

	mu     sync.Mutex
	events []simulator.Event
}

func start(t *testing.T, change ...func(*simulator.Options)) *world {
	t.Helper()
	w := &world{t: t}
	opts := simulator.Options{
		ResourceDelay: time.Millisecond, OperationDelay: time.Millisecond,
		Publish: func(_, _ string, e simulator.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	}
	for _, c := range change {
		c(&opts)
	}
	w.sim = simulator.New(opts)
	server := httptest.NewServer(router(w.sim, http.HandlerFunc(callerIdentity)))
	t.Cleanup(func() {
		server.Close()
		w.sim.Close()
	})
	w.url = server.URL
	cfg := aws.Config{Region: region, BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")}
	w.cfn = cfn.NewFromConfig(cfg)
	w.cc = cc.NewFromConfig(cfg)
	return w
}

// router sends a signed request to its service, by the credential scope of the
// signature; the access key is the account.
func router(sim *simulator.Simulator, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, scope, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
		parts := strings.Split(scope, "/")
		switch {
		case strings.HasPrefix(req.URL.Path, "/admin"):
			http.StripPrefix("/admin", sim.Admin()).ServeHTTP(w, req)
		case len(parts) > 3 && parts[3] == "cloudformation":
			sim.CloudFormation(parts[0], parts[2]).ServeHTTP(w, req)
		case len(parts) > 3 && parts[3] == "cloudcontrolapi":
			sim.CloudControl(parts[0], parts[2]).ServeHTTP(w, req)
		case other != nil:
			other.ServeHTTP(w, req)
		default:
			http.Error(w, "no such service", http.StatusNotFound)
		}
	})
}

// parameters makes a parameter list from alternating keys and values.
func parameters(pairs ...string) []types.Parameter {
	var list []types.Parameter
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, types.Parameter{ParameterKey: &pairs[i], ParameterValue: &pairs[i+1]})
	}
	return list
}

// changeSet creates a change set and waits until it is complete or failed.
func (w *world) changeSet(in *cfn.CreateChangeSetInput) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	created, err := w.cfn.CreateChangeSet(context.Background(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	var out *cfn.DescribeChangeSetOutput
	w.eventually("change set", func() bool {
		out, err = w.cfn.DescribeChangeSet(context.Background(), &cfn.DescribeChangeSetInput{ChangeSetName: created.Id, IncludePropertyValues: aws.Bool(true)})
		if err != nil {
			w.t.Fatal(err)
		}
		return out.Status == types.ChangeSetStatusCreateComplete || out.Status == types.ChangeSetStatusFailed
	})
	return out
}

// execute executes a change set and waits for the stack.
func (w *world) execute(cs *cfn.DescribeChangeSetOutput, token string) types.Stack {
	w.t.Helper()
	if cs.Status != types.ChangeSetStatusCreateComplete {
		w.t.Fatalf("change set is %s: %s", cs.Status, aws.ToString(cs.StatusReason))
	}
	if _, err := w.cfn.ExecuteChangeSet(context.Background(), &cfn.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId, ClientRequestToken: aws.String(token)}); err != nil {
		w.t.Fatal(err)
	}
	return w.settled(*cs.StackId)
}

// deploy creates or updates a stack through a change set.
func (w *world) deploy(name, body string, params ...string) types.Stack {
	w.t.Helper()
	kind := types.ChangeSetTypeUpdate
	if _, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{StackName: &name}); err != nil {
		kind = types.ChangeSetTypeCreate
	}
	return w.execute(w.changeSet(&cfn.CreateChangeSetInput{
		StackName: &name, ChangeSetName: aws.String("deploy"), ChangeSetType: kind, TemplateBody: &body, Parameters: parameters(params...),
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	}), "token-"+name)
}

// update plans an update of a stack.
func (w *world) update(name, body string, params ...string) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	return w.changeSet(&cfn.CreateChangeSetInput{StackName: &name, ChangeSetName: aws.String("update"), TemplateBody: &body, Parameters: parameters(params...)})
}

func (w *world) stack(name string) types.Stack {
	w.t.Helper()
	out, err := w.cfn.DescribeStacks(context.Background(), &cfn.DescribeStacksInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Stacks[0]
}

// settled waits until no operation runs.
func (w *world) settled(name string) (s types.Stack) {
	w.t.Helper()
	w.eventually("stack "+name, func() bool {
		s = w.stack(name)
		return !strings.HasSuffix(string(s.StackStatus), "IN_PROGRESS")
	})
	return s
}

func (w *world) wantStatus(s types.Stack, status types.StackStatus) {
	w.t.Helper()
	if s.StackStatus != status {
		w.t.Fatalf("stack is %s (%s), want %s; events:\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), status, strings.Join(w.history(*s.StackId), "\n"))
	}
}

// history lists the stack events, oldest first, as "id status reason".
func (w *world) history(name string) []string {
	w.t.Helper()
	out, err := w.cfn.DescribeStackEvents(context.Background(), &cfn.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for i := len(out.StackEvents) - 1; i >= 0; i-- {
		e := out.StackEvents[i]
		lines = append(lines, strings.TrimSpace(aws.ToString(e.LogicalResourceId)+" "+string(e.ResourceStatus)+" "+aws.ToString(e.ResourceStatusReason)))
	}
	return lines
}

// output gives one output of a stack.
func (w *world) output(s types.Stack, key string) string {
	w.t.Helper()
	for _, o := range s.Outputs {
		if *o.OutputKey == key {
			return *o.OutputValue
		}
	}
	w.t.Fatalf("no output %s in %v", key, s.Outputs)
	return ""
}

// live reads a resource through Cloud Control.
func (w *world) live(typeName, identifier string) map[string]any {
	w.t.Helper()
	out, err := w.cc.GetResource(context.Background(), &cc.GetResourceInput{TypeName: &typeName, Identifier: &identifier})
	if err != nil {
		w.t.Fatal(err)
	}
	var model map[string]any
	if err := json.Unmarshal([]byte(*out.ResourceDescription.Properties), &model); err != nil {
		w.t.Fatal(err)
	}
	return model
}

// patch changes a resource out of band and waits until it is done.
func (w *world) patch(typeName, identifier, document string) {
	w.t.Helper()
	out, err := w.cc.UpdateResource(context.Background(), &cc.UpdateResourceInput{TypeName: &typeName, Identifier: &identifier, PatchDocument: &document})
	if err != nil {
		w.t.Fatal(err)
	}
	w.eventually("update", func() bool {
		status, err := w.cc.GetResourceRequestStatus(context.Background(), &cc.GetResourceRequestStatusInput{RequestToken: out.ProgressEvent.RequestToken})
		if err != nil {
			w.t.Fatal(err)
		}
		if status.ProgressEvent.OperationStatus == "FAILED" {
			w.t.Fatal(aws.ToString(status.ProgressEvent.StatusMessage))
		}
		return status.ProgressEvent.OperationStatus == "SUCCESS"
	})
}

func (w *world) eventually(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not in time", what)
		}
	}
}

// published waits for the events of a detail type, in order, as texts.
func (w *world) published(detailType string) (list []simulator.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.DetailType == detailType {
			list = append(list, e)
		}
	}
	return list
}
