// Package emulator starts the two emulators of the local cloud: MiniStack, the
// hub account, and moto server, which holds the EC2 and IAM of the workload
// accounts. What they do differently from AWS is held by the tests of this
// package; docs/adr/0002-local-cloud.md lists it.
package emulator

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/local/process"
	"github.com/evenkeel/evenkeel/local/venv"
)

//go:embed launcher.py
var launcher []byte

// loopback is the only address that anything of the local cloud listens on.
const loopback = "127.0.0.1"

// Settings says how to start an emulator.
type Settings struct {
	Env      venv.Env
	State    string // absolute folder that it may write to
	Logs     string // absolute folder of its logs
	Region   string
	Callback string // AWS_ENDPOINT_URL of the Lambda functions; "" for MiniStack itself
	Network  Network
	// Started is told each process before it is waited for; nil is not called.
	Started func(p *process.Process) error
}

// Emulator is a running emulator.
type Emulator struct {
	*process.Process
	Endpoint string // "http://127.0.0.1:<port>"
}

// StartMiniStack starts MiniStack on a free port and waits until it answers.
func StartMiniStack(ctx context.Context, s Settings) (*Emulator, error) {
	temporary, err := prepare(s)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(s.State, "launcher.py")
	if err := os.WriteFile(script, launcher, 0o644); err != nil {
		return nil, err
	}
	// Another program may take the port before MiniStack does. MiniStack then
	// ends at once, and another port is tried.
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		endpoint := "http://" + net.JoinHostPort(loopback, port)
		spec := process.Spec{
			Name: "ministack", Path: s.Env.Python(), Args: []string{script},
			Env: append(miniStackEnvironment(s, port, endpoint), common(temporary)...), Dir: s.State, Log: filepath.Join(s.Logs, "ministack.log"),
		}
		e, err := start(ctx, s, spec, func(ctx context.Context, p *process.Process) string {
			if answersAs(ctx, endpoint, p.Pid) {
				return endpoint
			}
			return ""
		})
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return e, err
		}
	}
}

// miniStackEnvironment is MiniStack's own. It hands its environment to every
// function, so that it must hold nothing of the person's: no credentials, no
// proxy, no home.
func miniStackEnvironment(s Settings, port, endpoint string) []string {
	callback := s.Callback
	if callback == "" {
		callback = endpoint
	}
	return []string{
		"BIND_HOST=" + loopback, "GATEWAY_PORT=" + port, "MINISTACK_HOST=" + loopback,
		"MINISTACK_REGION=" + s.Region, "AWS_ENDPOINT_URL=" + callback,
		// Otherwise it listens on 0.0.0.0:8883 and keeps 26 MB for it.
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"LAMBDA_EXECUTOR=local", "LAMBDA_WARM_TTL_SECONDS=3600",
		// The workloads of the local cloud are on this machine: a verification may ask them.
		"EVENKEEL_LOOPBACK=allow",
		// No metric is late here.
		"EVENKEEL_METRIC_MARGIN=1s",
		"EVENKEEL_LOGS=" + s.Logs, "EVENKEEL_PARENT=" + strconv.Itoa(os.Getpid()),
		"S3_DATA_DIR=" + filepath.Join(s.State, "s3"), "STATE_DIR=" + filepath.Join(s.State, "state"),
	}
}

// answersAs reports whether the MiniStack at the endpoint is the process with
// the pid, and healthy.
func answersAs(ctx context.Context, endpoint string, pid int) bool {
	status, body, err := get(ctx, endpoint+"/_evenkeel/pid")
	var answer struct{ Pid int }
	return err == nil && status == http.StatusOK && json.Unmarshal(body, &answer) == nil && answer.Pid == pid &&
		Healthy(ctx, endpoint+"/_ministack/health")
}

// prepare makes the folders that an emulator writes to.
func prepare(s Settings) (temporary string, err error) {
	temporary = filepath.Join(s.State, "tmp")
	return temporary, os.MkdirAll(temporary, 0o755)
}

// common is the environment that both emulators get.
func common(temporary string) []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + temporary, "TMPDIR=" + temporary, "LANG=C.UTF-8",
		"PYTHONUNBUFFERED=1", "PYTHONNOUSERSITE=1", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// start runs spec until endpoint answers where it serves.
func start(ctx context.Context, s Settings, spec process.Spec, endpoint func(context.Context, *process.Process) string) (*Emulator, error) {
	p, err := process.Start(spec)
	if err != nil {
		return nil, err
	}
	if s.Started != nil {
		if err := s.Started(p); err != nil {
			p.Stop(0)
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	e := &Emulator{Process: p}
	err = p.Await(ctx, func(ctx context.Context) bool {
		e.Endpoint = endpoint(ctx, p)
		return e.Endpoint != ""
	})
	if err != nil {
		p.Stop(0)
		return nil, err
	}
	return e, nil
}

// Healthy reports whether url answers 200 within two seconds.
func Healthy(ctx context.Context, url string) bool {
	status, _, err := get(ctx, url)
	return err == nil && status == http.StatusOK
}

func get(ctx context.Context, url string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, body, err
}

// freePort returns a port that was free a moment ago.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
