// Package runtimeapi runs a function's real binary in a test: it builds it,
// serves the Lambda Runtime API to it and invokes it.
//
//	fn := runtimeapi.Start(t, ".", map[string]string{config.Bus: "evenkeel"})
//	payload, errorType := fn.Invoke([]byte(`{"action":"sweep"}`))
//
// Source of the protocol: Lambda developer guide, "Using the Lambda runtime
// API" (version 2018-06-01).
package runtimeapi

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Limit is how long one invocation may take, and how long a binary may take
// to ask for its first one.
const Limit = 30 * time.Second

// Runtime is a running function. Its methods are for one goroutine: as in
// Lambda, one instance handles one event at a time.
type Runtime struct {
	t       testing.TB
	command *exec.Cmd
	log     *os.File // a file and no pipe: a line is in it before the answer to its event is
	events  chan invocation
	answers chan answer
	exited  chan struct{} // closed when the process has ended
	count   int
}

type invocation struct {
	id    string
	event []byte
}

type answer struct {
	id        string
	payload   []byte
	errorType string
}

// Start builds the main package in dir with the flags of a release build and
// starts it with env and nothing else of this process's environment, so that
// no credentials of the developer reach it. Unless env says otherwise, region
// and credentials are dummies. The process is killed when the test ends. The
// test fails, with the process's log, if the binary cannot be built or does
// not ask for an event.
func Start(t testing.TB, dir string, env map[string]string) *Runtime {
	t.Helper()
	r := launch(t, dir, env)
	select {
	case r.events <- invocation{}: // the binary asked; the empty one is never sent on
	case <-r.exited:
		t.Fatalf("%s ended before its first event:\n%s", dir, r.Log())
	case <-time.After(Limit):
		t.Fatalf("%s did not ask for an event in %s:\n%s", dir, Limit, r.Log())
	}
	return r
}

// StartFailing is for a binary that must refuse to start, for example because
// a setting is missing. It waits until the process has ended and returns its
// log; the test fails if the process asks for an event instead, or ends well.
func StartFailing(t testing.TB, dir string, env map[string]string) string {
	t.Helper()
	r := launch(t, dir, env)
	select {
	case <-r.exited:
	case r.events <- invocation{}:
		t.Fatalf("%s started although it should not:\n%s", dir, r.Log())
	case <-time.After(Limit):
		t.Fatalf("%s neither started nor ended in %s:\n%s", dir, Limit, r.Log())
	}
	if r.command.ProcessState.Success() {
		t.Fatalf("%s ended with status 0, want a failure:\n%s", dir, r.Log())
	}
	return r.Log()
}

// Invoke sends one event and returns the function's answer. errorType is ""
// for a success; otherwise it is the name that Step Functions would match on
// ("InvalidError") and payload is the error document {errorType,
// errorMessage}. The test fails if the process ends or does not answer in
// time.
func (r *Runtime) Invoke(event []byte) (payload []byte, errorType string) {
	r.t.Helper()
	r.count++
	sent := invocation{id: fmt.Sprintf("request-%d", r.count), event: event}
	limit := time.NewTimer(Limit)
	defer limit.Stop()
	select {
	case r.events <- sent:
	case <-r.exited:
		r.t.Fatalf("the function ended before event %d:\n%s", r.count, r.Log())
	case <-limit.C:
		r.t.Fatalf("the function did not ask for event %d in %s:\n%s", r.count, Limit, r.Log())
	}
	select {
	case got := <-r.answers:
		if got.id != sent.id {
			r.t.Fatalf("answer to %s, want %s:\n%s", got.id, sent.id, r.Log())
		}
		return got.payload, got.errorType
	case <-r.exited:
		r.t.Fatalf("the function ended during event %d:\n%s", r.count, r.Log())
	case <-limit.C:
		r.t.Fatalf("no answer to event %d in %s:\n%s", r.count, Limit, r.Log())
	}
	return nil, ""
}

// Log returns what the process has written to standard output and error.
func (r *Runtime) Log() string {
	r.t.Helper()
	text, err := os.ReadFile(r.log.Name())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func launch(t testing.TB, dir string, env map[string]string) *Runtime {
	t.Helper()
	binary := build(t, dir)
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	r := &Runtime{
		t: t, log: log,
		events: make(chan invocation), answers: make(chan answer), exited: make(chan struct{}),
	}
	server := httptest.NewServer(r.api())
	r.command = exec.CommandContext(t.Context(), binary)
	r.command.Env = environment(strings.TrimPrefix(server.URL, "http://"), env)
	r.command.Stdout, r.command.Stderr = r.log, r.log
	if err := r.command.Start(); err != nil {
		server.Close()
		t.Fatalf("start %s: %v", binary, err)
	}
	go func() {
		_ = r.command.Wait() // the state is read from ProcessState
		close(r.exited)
	}()
	t.Cleanup(func() {
		_ = r.command.Process.Kill() // it may have ended by itself
		<-r.exited
		server.CloseClientConnections()
		server.Close()
		_ = log.Close()
	})
	return r
}

// environment is what Lambda sets, then dummies, then the test's own.
func environment(api string, env map[string]string) []string {
	merged := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":      api,
		"AWS_LAMBDA_FUNCTION_NAME":    "under-test",
		"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_REGION":                  "us-east-1",
		"AWS_ACCESS_KEY_ID":           "test",
		"AWS_SECRET_ACCESS_KEY":       "test",
		"AWS_EC2_METADATA_DISABLED":   "true",
		"HOME":                        "/nonexistent",
		"TZ":                          "UTC",
	}
	for name, value := range env {
		merged[name] = value
	}
	list := make([]string, 0, len(merged))
	for name, value := range merged {
		list = append(list, name+"="+value)
	}
	return list
}
