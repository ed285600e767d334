package emulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// "Lambda … reuses the execution environment for subsequent invocations."
// MiniStack 1.4.21 started a process for every one.
func TestLambdaReusesTheEnvironment(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	for i := range 5 {
		if _, failed := p.invoke(t, map[string]any{"id": fmt.Sprint(i)}); failed != "" {
			t.Fatal(failed)
		}
	}
	lines := p.lines(t)
	if len(lines) != 5 {
		t.Fatalf("5 invocations were delivered %d times", len(lines))
	}
	for _, l := range lines {
		if l.Pid != lines[0].Pid {
			t.Fatalf("invocations ran in processes %d and %d", lines[0].Pid, l.Pid)
		}
	}
}

// 1.4.21 added half a second to every invocation.
func TestLambdaAnswersFast(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	p.invoke(t, map[string]any{})
	var took []time.Duration
	for range 20 {
		started := time.Now()
		p.invoke(t, map[string]any{})
		took = append(took, time.Since(started))
	}
	slices.Sort(took)
	t.Logf("warm invocation: p50 %s, p95 %s", took[10], took[18])
	if took[10] > 250*time.Millisecond {
		t.Errorf("the median of warm invocations is %s", took[10])
	}
}

// 1.4.21 hung when a function printed more than a pipe holds, and lost stdout.
func TestLambdaKeepsItsOutput(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	if _, failed := p.invoke(t, map[string]any{"id": "large", "print": 300_000}); failed != "" {
		t.Fatal(failed)
	}
	path := filepath.Join(shared.dir, "lambda-"+p.name+".log")
	eventually(t, 5*time.Second, "300 KB and the last line in "+path, func() bool {
		data, err := os.ReadFile(path)
		return err == nil && len(data) > 300_000 && strings.Contains(string(data), "probe large")
	})
}

// What a person has in the environment must not reach the functions.
func TestLambdaEnvironmentIsScrubbed(t *testing.T) {
	t.Setenv("EVENKEEL_TEST_SECRET", "leaked")
	p := newProbe(t)
	answer, failed := p.invoke(t, map[string]any{})
	if failed != "" {
		t.Fatal(answer)
	}
	env, _ := answer["environment"].(map[string]any)
	for _, name := range []string{"EVENKEEL_TEST_SECRET", "EVENKEEL_LOGS", "EVENKEEL_PARENT", "SSH_AUTH_SOCK", "VIRTUAL_ENV", "HTTPS_PROXY"} {
		if value, ok := env[name]; ok {
			t.Errorf("the function sees %s=%v", name, value)
		}
	}
	if env["HOME"] == os.Getenv("HOME") {
		t.Errorf("the function sees the person's home, %v", env["HOME"])
	}
	if env["AWS_ENDPOINT_URL"] != hub(t).Endpoint || env["AWS_ACCESS_KEY_ID"] != account {
		t.Errorf("the function calls %v as %v", env["AWS_ENDPOINT_URL"], env["AWS_ACCESS_KEY_ID"])
	}
}

// "Lambda … returns an error [object with] errorType and errorMessage."
func TestLambdaReportsTheErrorType(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	answer, failed := p.invoke(t, map[string]any{"fail": "no"})
	if failed == "" || answer["errorType"] != "errorString" || answer["errorMessage"] != "no" {
		t.Errorf("a failed function answered %q, %v", failed, answer)
	}
	if _, failed = p.invoke(t, map[string]any{"panic": true}); failed == "" {
		t.Error("a function that panicked succeeded")
	}
	if answer, failed = p.invoke(t, map[string]any{"id": "after"}); failed != "" || answer["id"] != "after" {
		t.Errorf("after a panic the function answered %q, %v", failed, answer)
	}
}

// "By default, Lambda retries an asynchronous invocation two times", then sends
// it to the failure destination.
func TestLambdaRetriesAsynchronousInvocations(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	_, err := p.client.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(p.name), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"fail":"always"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.await(t, 3, 120*time.Second)
	time.Sleep(200 * time.Millisecond)
	if n := len(p.lines(t)); n != 3 {
		t.Errorf("an event that always fails was tried %d times, not 3", n)
	}
}

func TestLambdaStopsAfterItsTimeout(t *testing.T) {
	t.Parallel()
	p := newProbe(t)
	_, err := p.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(p.name), Timeout: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	answer, failed := p.invoke(t, map[string]any{"sleepMs": 5000})
	if failed == "" || time.Since(started) > 4500*time.Millisecond {
		t.Errorf("a function of one second answered after %s: %q %v", time.Since(started), failed, answer)
	}
}

func pretty(value any) string {
	data, _ := json.Marshal(value)
	return string(data)
}

// invokeConfig asks for one retry and a failure destination.
func invokeConfig(function, destination string) *lambda.PutFunctionEventInvokeConfigInput {
	return &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String(function), MaximumRetryAttempts: aws.Int32(1),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(destination)}},
	}
}
