package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/installation"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

// shared is one MiniStack for all tests of the package; it starts in half a
// second and its resources are told apart by name.
var shared struct {
	sync.Once
	dir string
	hub *emulator.Emulator
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.hub != nil {
		shared.hub.Stop(time.Second)
	}
	_ = os.RemoveAll(shared.dir)
	os.Exit(code)
}

// hub starts MiniStack. A test fails when it cannot be had.
func hub(t *testing.T) *emulator.Emulator {
	t.Helper()
	shared.Do(func() {
		env := cloudtest.Venv(t)
		if shared.dir, shared.err = os.MkdirTemp("", "evenkeel"); shared.err != nil {
			return
		}
		shared.hub, shared.err = emulator.StartMiniStack(context.Background(), emulator.Settings{
			Env: env, State: shared.dir, Logs: shared.dir, Region: region,
		})
	})
	if shared.err != nil {
		t.Fatalf("MiniStack did not start: %v", shared.err)
	}
	return shared.hub
}

func configOf(e *emulator.Emulator, id string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: aws.String(e.Endpoint), Credentials: credentials.NewStaticCredentialsProvider(id, "local", "")}
}

// probe is a deployed probe function.
type probe struct {
	name, arn, file string
	client          *lambda.Client
}

// newProbe deploys the probe under a name of the test's own.
func newProbe(t *testing.T) *probe {
	t.Helper()
	e := hub(t)
	code, err := installation.Zip(filepath.Join(cloudtest.Probe(t), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	p := &probe{
		name: "probe-" + emulator.NewID()[:8], file: filepath.Join(t.TempDir(), "events"), client: lambda.NewFromConfig(configOf(e, account)),
	}
	out, err := p.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String(p.name), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10),
		Role: aws.String("arn:aws:iam::" + account + ":role/probe"), Code: &types.FunctionCode{ZipFile: code},
		Environment: &types.Environment{Variables: map[string]string{"PROBE_FILE": p.file}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.arn = aws.ToString(out.FunctionArn)
	return p
}

// invoke calls the probe and returns its answer and the error type, if any.
func (p *probe) invoke(t *testing.T, event any) (map[string]any, string) {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(p.name), Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		t.Fatalf("%v: %s", err, out.Payload)
	}
	return answer, aws.ToString(out.FunctionError)
}

// line is what the probe wrote of one event.
type line struct {
	Pid       int             `json:"pid"`
	RequestID string          `json:"requestId"`
	Time      time.Time       `json:"time"`
	Event     json.RawMessage `json:"event"`
}

// lines returns the events that the probe has written down whole. The last
// line may be on its way: a reader can see a part of a write.
func (p *probe) lines(t *testing.T) []line {
	t.Helper()
	data, err := os.ReadFile(p.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var out []line
	for text := range bytes.Lines(data) {
		if !bytes.HasSuffix(text, []byte("\n")) {
			break
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// await waits until the probe has seen n events, then a little longer for
// events that should not come.
func (p *probe) await(t *testing.T, n int, within time.Duration) []line {
	t.Helper()
	eventually(t, within, fmt.Sprintf("%d events at the probe", n), func() bool { return len(p.lines(t)) >= n })
	return p.lines(t)
}

func eventually(t *testing.T, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// unlike fails the test with the instruction for whoever sees it: the emulator
// changed, and what was built around the fault can go.
func unlike(t *testing.T, fault string, seen any) {
	t.Helper()
	t.Errorf("MiniStack changed: %s is no longer so (seen: %v). Correct docs/adr/0002-local-cloud.md and remove what works around it.", fault, seen)
}

func name(prefix string) string {
	return prefix + "-" + strings.ReplaceAll(emulator.NewID()[:13], "-", "")
}
