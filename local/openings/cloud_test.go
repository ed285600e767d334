package openings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/gateway"
	"github.com/evenkeel/evenkeel/local/installation"
	"github.com/evenkeel/evenkeel/shared/adapter/journal"
	"github.com/evenkeel/evenkeel/shared/adapter/securitygroups"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/ledger"
	"github.com/evenkeel/evenkeel/shared/testtool"
)

const (
	queueName   = "evenkeel-security-group-changed"
	healerAgent = "evenkeel-healing" // AWS_SDK_UA_APP_ID of the function
	role        = "evenkeel-heal"
	region      = "eu-west-1"
)

// world is a local cloud with the suite in its hub.
type world struct {
	t       testing.TB // *testing.T where there are cases
	cloud   *cloud.Cloud
	outputs map[string]string
	moto    string // its endpoint: what is done there, CloudTrail does not see
	groups  *securitygroups.Client
	ledger  *journal.Table
	policy  healing.Policy // as it was set
}

// start builds the functions, and starts a local cloud with the suite.
func start(t testing.TB) *world {
	t.Helper()
	root := testtool.Root(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "make", "--no-print-directory", "lambdas")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make lambdas: %v\n%s", err, out)
	}
	w := &world{t: t, cloud: cloudtest.Up(t, func(o *cloud.Options) { o.Network.RulesPerGroup = 5000 })} // a list counts with its 1,000 entries
	var err error
	if w.outputs, err = installation.Deploy(ctx, installation.Options{
		Endpoint: w.cloud.State.Endpoint, Account: w.cloud.State.Hub, Region: w.cloud.State.Region,
		Template: filepath.Join(root, installation.GoldenTemplate), Builds: filepath.Join(root, "build", "lambda"),
		Progress: func(line string) { t.Log(line) },
	}); err != nil {
		t.Fatal(err)
	}
	for _, p := range w.cloud.State.Processes {
		if p.Name == "moto" {
			w.moto = p.Endpoint
		}
	}
	w.groups = securitygroups.New(session.NewWorkloads(w.hub(), "operator"))
	w.ledger = journal.New(w.hub(), w.outputs["LedgerTable"])
	return w
}

// TestOpenings is one local cloud for all that is played on it.
func TestOpenings(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a local cloud")
	}
	w := start(t)
	for _, part := range []struct {
		name string
		play func(w *world, ctx context.Context)
	}{{"corpus", (*world).corpus}, {"burst", (*world).burst}, {"calls", (*world).callsOfOne}, {"undo", (*world).undo}} {
		t.Run(part.name, func(t *testing.T) {
			own := *w
			own.t = t
			if own.policy.Mode == "" {
				own.setPolicy(t.Context(), map[string]any{"mode": healing.Enforce})
			}
			part.play(&own, t.Context())
		})
	}
}

func (w *world) hub() aws.Config { return w.account(w.cloud.State.Hub, w.cloud.State.Region) }

// account speaks to the local cloud as somebody in the account.
func (w *world) account(id, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(w.cloud.State.Endpoint), Credentials: credentials.NewStaticCredentialsProvider(id, "local", ""),
		RetryMaxAttempts: 5,
	}
}

// unseen is the EC2 of an account behind the gateway's back: what is done
// there is in no CloudTrail record.
func (w *world) unseen(at healing.Place) *ec2.Client {
	cfg := w.account(at.Account, at.Region)
	cfg.BaseEndpoint = aws.String(w.moto)
	// moto takes the account from this header where the access key is not one that it has issued.
	as := smithyhttp.AddHeaderValue("X-Moto-Account-Id", at.Account)
	return ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.APIOptions = append(o.APIOptions, as) })
}

// parameter sets a setting of the suite.
func (w *world) parameter(ctx context.Context, name string, value any) {
	w.t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		_, err = ssm.NewFromConfig(w.hub()).PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String(w.outputs["ParameterPrefix"] + name), Value: aws.String(string(text)), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// setPolicy sets the healing policy. A warm function knows it half a minute later.
func (w *world) setPolicy(ctx context.Context, document map[string]any) {
	w.t.Helper()
	text, err := json.Marshal(document)
	if err == nil {
		w.policy, err = healing.DecodePolicy(text)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.parameter(ctx, "/healing/policy", document)
}

// invoke calls the healing function, as the schedule and the CLI do.
func (w *world) invoke(ctx context.Context, payload []byte) ([]byte, string, error) {
	out, err := lambda.NewFromConfig(w.hub()).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(w.outputs["HealingFunction"]), Payload: payload})
	if err != nil {
		return nil, "", err
	}
	return out.Payload, aws.ToString(out.FunctionError), nil
}

// waiting is how many messages a queue holds, on their way included.
func (w *world) waiting(ctx context.Context, queue string) (n int, err error) {
	client := sqs.NewFromConfig(w.hub())
	url, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(queue)})
	if err != nil {
		return 0, err
	}
	names := []sqstypes.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: names})
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		var count int
		if _, err := fmt.Sscan(out.Attributes[string(name)], &count); err != nil {
			return 0, fmt.Errorf("%s of %s: %w", name, queue, err)
		}
		n += count
	}
	return n, nil
}

// told are the facts of healing, each type by the id of the rule that it tells
// of: how often.
type told map[string]map[string]int

// facts counts what the ledger has.
func (w *world) facts(ctx context.Context) (told, error) {
	subjects, err := w.ledger.Subjects(ctx, ledger.KindHeal, 100_000)
	if err != nil {
		return nil, err
	}
	count := told{}
	add := func(kind string, removed ...events.Removal) {
		if count[kind] == nil {
			count[kind] = map[string]int{}
		}
		for _, r := range removed {
			count[kind][r.Rule.RuleID]++
		}
	}
	for _, subject := range subjects {
		entries, err := w.ledger.Of(ctx, subject)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			switch e.DetailType {
			case events.SecurityGroupHealed{}.DetailType():
				fact, err := ledger.DataOf[events.SecurityGroupHealed](e)
				if err != nil {
					return nil, err
				}
				add(e.DetailType, fact.Removed...)
			case events.SecurityGroupExposed{}.DetailType():
				fact, err := ledger.DataOf[events.SecurityGroupExposed](e)
				if err != nil {
					return nil, err
				}
				add(e.DetailType, fact.Exposed...)
			case events.SecurityGroupHealingStopped{}.DetailType():
				fact, err := ledger.DataOf[events.SecurityGroupHealingStopped](e)
				if err != nil {
					return nil, err
				}
				add(e.DetailType, fact.Exposed...)
			}
		}
	}
	return count, nil
}

// await asks check until it is true, fails, or the time is up.
func await(ctx context.Context, limit, pause time.Duration, waiting string, check func() (bool, error)) error {
	for end := time.Now().Add(limit); ; {
		done, err := check()
		if err != nil || done {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited %s in vain for %s", limit, waiting)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %w", waiting, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// drained waits until the queue has handed over all that is in it.
func (w *world) drained(ctx context.Context, limit time.Duration) error {
	quiet := 0
	return await(ctx, limit, 200*time.Millisecond, "the queue to drain", func() (bool, error) {
		n, err := w.waiting(ctx, queueName)
		if quiet++; n > 0 {
			quiet = 0
		}
		return quiet > 2, err
	})
}

// calls are the calls that the healing function made since the journal was
// cleared, by service and action.
func (w *world) calls(ctx context.Context) (map[string]int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.cloud.State.Endpoint+gateway.Prefix+"calls", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var all []gateway.Recorded
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		return nil, err
	}
	made := map[string]int{}
	for _, r := range all {
		if r.Application == healerAgent {
			made[r.Service+":"+r.Action] += r.Count
		}
	}
	return made, nil
}

// forgetCalls clears the journal.
func (w *world) forgetCalls(ctx context.Context) {
	w.t.Helper()
	w.admin(ctx, http.MethodDelete, "calls", "")
}

// admin asks the gateway itself for something.
func (w *world) admin(ctx context.Context, method, path, body string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, w.cloud.State.Endpoint+gateway.Prefix+path, stringBody(body))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	if response.Body.Close(); response.StatusCode != http.StatusOK {
		w.t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}

// invocation is a log line of the healing function.
type invocation struct {
	Kind     string `json:"kind"`
	MS       int    `json:"ms"`
	Messages int    `json:"messages"`
	Failed   int    `json:"failed"`
	Shared   int    `json:"shared"`
	Groups   int    `json:"groups"`
	Message  string `json:"msg"`
	Again    string `json:"again"`
	Error    string `json:"error"`
}

// invocations are the log lines of the healing function, from a byte on.
func (w *world) invocations(from int64) (lines []invocation, end int64) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.cloud.State.Logs, "lambda-evenkeel-healing.log"))
	if err != nil {
		return nil, 0 // it was not called yet
	}
	return parseLines(data[from:]), int64(len(data))
}
