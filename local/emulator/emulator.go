// Package emulator starts the two emulators of the local cloud: MiniStack, the
// hub account, and moto server, which holds the EC2 and IAM of the workload
// accounts. What they do differently from AWS is held by the tests of this
// package; docs/adr/0002-local-cloud.md lists it.
package emulator

import (
	"context"
	_ "embed"
	"fmt"
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
	Env       venv.Env
	State     string // absolute folder that it may write to
	Logs      string // absolute folder of its logs
	Region    string
	Callback  string // AWS_ENDPOINT_URL of the Lambda functions; "" for MiniStack itself
	WaitScale string // "0.1" makes waits of workflows ten times shorter; "" leaves them
	// Started is told the process before it is waited for; nil is not called.
	Started func(p *process.Process, endpoint string) error
}

// Emulator is a running emulator.
type Emulator struct {
	*process.Process
	Endpoint string // "http://127.0.0.1:<port>"
}

// StartMiniStack starts MiniStack on a free port and waits until it answers.
func StartMiniStack(ctx context.Context, s Settings) (*Emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	endpoint := "http://" + net.JoinHostPort(loopback, port)
	script := filepath.Join(s.State, "launcher.py")
	temporary := filepath.Join(s.State, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(script, launcher, 0o644); err != nil {
		return nil, err
	}
	callback := s.Callback
	if callback == "" {
		callback = endpoint
	}
	// MiniStack hands its own environment to every function, so that it must
	// hold nothing of the person's: no credentials, no proxy, no home.
	env := []string{
		"BIND_HOST=" + loopback, "GATEWAY_PORT=" + port, "MINISTACK_HOST=" + loopback,
		"MINISTACK_REGION=" + s.Region, "AWS_ENDPOINT_URL=" + callback,
		// Otherwise it listens on 0.0.0.0:8883 and keeps 26 MB for it.
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"LAMBDA_EXECUTOR=local", "LAMBDA_WARM_TTL_SECONDS=3600",
		"EVENKEEL_LOGS=" + s.Logs, "EVENKEEL_PARENT=" + strconv.Itoa(os.Getpid()),
		"S3_DATA_DIR=" + filepath.Join(s.State, "s3"), "STATE_DIR=" + filepath.Join(s.State, "state"),
	}
	if s.WaitScale != "" {
		env = append(env, "SFN_WAIT_SCALE="+s.WaitScale)
	}
	return start(ctx, s, endpoint, "/_ministack/health", process.Spec{
		Name: "ministack", Path: s.Env.Python(), Args: []string{script},
		Env: append(env, common(temporary)...), Dir: s.State, Log: filepath.Join(s.Logs, "ministack.log"),
	})
}

// StartMoto starts moto server on a free port and waits until it answers.
func StartMoto(ctx context.Context, s Settings) (*Emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	temporary := filepath.Join(s.State, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return nil, err
	}
	return start(ctx, s, "http://"+net.JoinHostPort(loopback, port), "/moto-api/", process.Spec{
		Name: "moto", Path: s.Env.Python(), Args: []string{s.Env.Bin("moto_server"), "-H", loopback, "-p", port},
		Env: append(common(temporary), "MOTO_PORT="+port), Dir: s.State, Log: filepath.Join(s.Logs, "moto.log"),
	})
}

// common is the environment that both emulators get.
func common(temporary string) []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + temporary, "TMPDIR=" + temporary, "LANG=C.UTF-8",
		"PYTHONUNBUFFERED=1", "PYTHONNOUSERSITE=1", "AWS_EC2_METADATA_DISABLED=true",
	}
}

func start(ctx context.Context, s Settings, endpoint, health string, spec process.Spec) (*Emulator, error) {
	p, err := process.Start(spec)
	if err != nil {
		return nil, err
	}
	if s.Started != nil {
		if err := s.Started(p, endpoint); err != nil {
			p.Stop(0)
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := p.Await(ctx, func(ctx context.Context) bool { return Healthy(ctx, endpoint+health) }); err != nil {
		p.Stop(0)
		return nil, err
	}
	return &Emulator{Process: p, Endpoint: endpoint}, nil
}

// Healthy reports whether url answers 200 within two seconds.
func Healthy(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// freePort returns a port that was free a moment ago. Another program may take
// it before the emulator does; the emulator then ends and Start says so.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
