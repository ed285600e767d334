package cloud_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/installation"
	"github.com/evenkeel/evenkeel/local/process"
	"github.com/evenkeel/evenkeel/shared/testtool"
)

// foreground makes the test binary run a cloud, as "evenkeel up --foreground"
// does: EVENKEEL_TEST_ROOT and EVENKEEL_TEST_PROJECT say where.
const foreground = "EVENKEEL_TEST_ROOT"

func TestMain(m *testing.M) {
	if root := os.Getenv(foreground); root != "" {
		os.Exit(supervise(root, os.Getenv("EVENKEEL_TEST_PROJECT")))
	}
	os.Exit(m.Run())
}

func supervise(root, project string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	c, err := cloud.Up(ctx, cloud.Options{Root: root, Project: project, Progress: func(line string) { fmt.Println(line) }})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer c.Stop()
	if err := c.Wait(ctx); err != nil {
		fmt.Println(err)
		return 2
	}
	return 0
}

// child starts a supervisor and waits until it is ready.
func child(t *testing.T, root string) (*exec.Cmd, cloud.State) {
	t.Helper()
	cloudtest.Venv(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), foreground+"="+root, "EVENKEEL_TEST_PROJECT="+testtool.Root(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
		if strings.HasPrefix(lines.Text(), "local cloud ready") {
			for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				state, err := cloud.Status(t.Context(), root)
				if err == nil {
					return cmd, state
				}
				if time.Now().After(deadline) {
					t.Fatal(err)
				}
			}
		}
	}
	t.Fatalf("the supervisor ended:\n%s", strings.Join(said, "\n"))
	return nil, cloud.State{}
}

// function deploys the probe, invokes it and returns its process, which
// MiniStack keeps for the next invocation.
func function(t *testing.T, state cloud.State) cloud.Child {
	t.Helper()
	code, err := installation.Zip(filepath.Join(cloudtest.Probe(t), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(aws.Config{
		Region: state.Region, BaseEndpoint: aws.String(state.Endpoint), Credentials: credentials.NewStaticCredentialsProvider(state.Hub, "local", ""),
	})
	_, err = client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("probe"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Role: aws.String("arn:aws:iam::" + state.Hub + ":role/probe"), Code: &types.FunctionCode{ZipFile: code},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("probe"), Payload: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Pid int }
	if err := json.Unmarshal(out.Payload, &answer); err != nil || answer.Pid == 0 {
		t.Fatalf("the probe answered %s (%v)", out.Payload, err)
	}
	return cloud.Child{Name: "probe", Pid: answer.Pid, Identity: process.Identity(answer.Pid)}
}

// gone fails the test unless every process of the cloud ends within five
// seconds.
func gone(t *testing.T, state cloud.State) {
	t.Helper()
	for _, p := range state.Processes {
		for deadline := time.Now().Add(5 * time.Second); process.Alive(p.Identity); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				process.Kill(p.Identity, syscall.SIGKILL)
				t.Errorf("%s (pid %d) still runs", p.Name, p.Pid)
				break
			}
		}
	}
}

func TestUpIsReadyFastAndStopsEverything(t *testing.T) {
	cloudtest.Venv(t)
	var said []string
	started := time.Now()
	c, err := cloud.Up(t.Context(), cloud.Options{Root: t.TempDir(), Project: testtool.Root(t), Progress: func(line string) { said = append(said, line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	took := time.Since(started)
	t.Logf("ready in %s: %v", took, said)
	if took > 20*time.Second { // 0.6 s on an idle machine; make bench prints it
		t.Errorf("the cloud took %s", took)
	}
	if len(c.State.Processes) != 2 || len(said) < 3 {
		t.Errorf("processes %v, said %v", c.State.Processes, said)
	}
	for _, p := range c.State.Processes {
		if _, err := os.Stat(p.Log); err != nil || !process.Alive(p.Identity) {
			t.Errorf("%s: log %v, alive %t", p.Name, err, process.Alive(p.Identity))
		}
	}
	state := c.State
	c.Stop()
	c.Stop()
	gone(t, state)
	if u, _ := url.Parse(state.Endpoint); dial(u.Host) {
		t.Error("the gateway still listens")
	}
	if _, err := cloud.Status(t.Context(), state.Root); err == nil {
		t.Error("a stopped cloud is still up")
	}
}

func dial(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

func TestInterruptStopsEverything(t *testing.T) {
	t.Parallel()
	cmd, state := child(t, t.TempDir())
	state.Processes = append(state.Processes, function(t, state))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C the supervisor ended with %v", err)
	}
	gone(t, state)
}

func TestACrashLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd, state := child(t, root)
	state.Processes = append(state.Processes, function(t, state))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone(t, state)
	if _, err := cloud.Status(t.Context(), root); err == nil {
		t.Error("a crashed cloud is still up")
	}
	// The next one starts in spite of what the crash left in the folder.
	c, err := cloud.Up(t.Context(), cloud.Options{Root: root, Project: testtool.Root(t)})
	if err != nil {
		t.Fatal(err)
	}
	c.Stop()
}

func TestAnEndedEmulatorIsReported(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd, state := child(t, root)
	for _, p := range state.Processes {
		if p.Name == "moto" {
			process.Kill(p.Identity, syscall.SIGKILL)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("the supervisor ended with %v", err)
	}
	gone(t, state)
}

func TestDetachedLifeCycle(t *testing.T) {
	t.Parallel()
	root, project := t.TempDir(), testtool.Root(t)
	cloudtest.Venv(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := cloud.Down(ctx, root, func(string) {}); err != nil {
		t.Errorf("down without a cloud: %v", err)
	}
	var said []string
	opts := cloud.Options{Root: root, Project: project, Progress: func(line string) { said = append(said, line) }}
	command := []string{"/usr/bin/env", foreground + "=" + root, "EVENKEEL_TEST_PROJECT=" + project, os.Args[0]}
	state, err := cloud.UpDetached(ctx, opts, command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Down(context.Background(), root, func(string) {}) })
	if !strings.HasPrefix(said[len(said)-1], "local cloud ready") {
		t.Errorf("it said %q", said)
	}
	again, err := cloud.UpDetached(ctx, opts, command)
	if err != nil || again.Endpoint != state.Endpoint || again.Supervisor != state.Supervisor {
		t.Errorf("a second up gave %+v (%v)", again, err)
	}
	if _, err := cloud.Up(ctx, cloud.Options{Root: root, Project: project}); err == nil || !strings.Contains(err.Error(), "already runs") {
		t.Errorf("a second cloud in the folder: %v", err)
	}
	if !emulator.Healthy(ctx, state.Endpoint+"/_evenkeel/health") {
		t.Error("the refused second cloud broke the first")
	}
	if err := cloud.Down(ctx, root, func(string) {}); err != nil {
		t.Fatal(err)
	}
	gone(t, state)
}

func TestUpDetachedSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	_, err := cloud.UpDetached(t.Context(), cloud.Options{Root: t.TempDir(), Project: testtool.Root(t)}, []string{"/bin/sh", "-c", "echo no such thing; exit 3"})
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("got %v", err)
	}
}

func TestUpFailsWhenThePortIsTaken(t *testing.T) {
	t.Parallel()
	cloudtest.Venv(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	root := t.TempDir()
	_, err = cloud.Up(t.Context(), cloud.Options{Root: root, Project: testtool.Root(t), Port: listener.Addr().(*net.TCPAddr).Port})
	if err == nil {
		t.Fatal("a cloud on a taken port")
	}
	if _, err := os.Stat(filepath.Join(root, cloud.Folder, "state.json")); err == nil {
		t.Error("a cloud that failed left its state")
	}
}

// Another hub emulator is used as it runs: only moto is started.
func TestUpOnARunningEmulator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hub, err := emulator.StartMiniStack(context.Background(), emulator.Settings{Env: cloudtest.Venv(t), State: dir, Logs: dir, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Stop(time.Second)
	c, err := cloud.Up(t.Context(), cloud.Options{Root: t.TempDir(), Project: testtool.Root(t), Emulator: hub.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	c.Stop()
	if len(c.State.Processes) != 1 || c.State.Processes[0].Name != "moto" {
		t.Errorf("started %v", c.State.Processes)
	}
	if !emulator.Healthy(t.Context(), hub.Endpoint+"/_ministack/health") {
		t.Error("stopping the cloud stopped an emulator that it had not started")
	}
}

func TestUpRefusesAnEmulatorThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	cloudtest.Venv(t)
	_, err := cloud.Up(t.Context(), cloud.Options{Root: t.TempDir(), Project: testtool.Root(t), Emulator: "http://127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestExports(t *testing.T) {
	got := cloud.State{Endpoint: "http://127.0.0.1:1", Region: "eu-west-1", Hub: "000000000000"}.Exports()
	want := `export AWS_ACCESS_KEY_ID=000000000000
export AWS_DEFAULT_REGION=eu-west-1
export AWS_EC2_METADATA_DISABLED=true
export AWS_ENDPOINT_URL=http://127.0.0.1:1
export AWS_REGION=eu-west-1
export AWS_SECRET_ACCESS_KEY=local
unset AWS_PROFILE AWS_SESSION_TOKEN
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
