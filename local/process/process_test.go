package process_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/process"
)

func spec(t *testing.T, script string) process.Spec {
	t.Helper()
	dir := t.TempDir()
	return process.Spec{Name: "test", Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir, Log: filepath.Join(dir, "log")}
}

func start(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Start(spec(t, script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	return p
}

// pid waits for a process id in the log of p.
func pid(t *testing.T, p *process.Process) int {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		data, _ := os.ReadFile(p.Log)
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && strings.HasSuffix(string(data), "\n") {
			return n
		}
	}
	t.Fatal("no pid in the log")
	return 0
}

func dead(t *testing.T, identity string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); process.Alive(identity); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s still runs", identity)
		}
	}
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	p := start(t, "sleep 60 & echo $!; wait")
	grandchild := process.Identity(pid(t, p))
	if !process.Alive(grandchild) || !process.Alive(process.Identity(p.Pid)) {
		t.Fatal("not running")
	}
	started := time.Now()
	p.Stop(5 * time.Second)
	p.Stop(5 * time.Second)
	if took := time.Since(started); took > 4*time.Second {
		t.Errorf("a process that heeds SIGTERM took %s", took)
	}
	dead(t, grandchild)
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	p := start(t, "trap '' TERM; echo $$; while :; do sleep 0.05; done")
	identity := process.Identity(pid(t, p))
	p.Stop(100 * time.Millisecond)
	dead(t, identity)
}

func TestTheEnvironmentIsOnlyWhatIsGiven(t *testing.T) {
	t.Setenv("EVENKEEL_TEST_SECRET", "leaked")
	s := spec(t, "env")
	p, err := process.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	data, err := os.ReadFile(s.Log)
	if err != nil || strings.Contains(string(data), "EVENKEEL_TEST_SECRET") || !strings.Contains(string(data), "PATH=/usr/bin:/bin") {
		t.Errorf("the child saw\n%s (%v)", data, err)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	calls := 0
	if err := start(t, "sleep 60").Await(t.Context(), func(context.Context) bool { calls++; return calls == 3 }); err != nil || calls != 3 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	never := func(context.Context) bool { return false }
	err := start(t, "echo no such port >&2; exit 7").Await(t.Context(), never)
	if err == nil || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(err.Error(), "no such port") {
		t.Errorf("a process that ended: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := start(t, "sleep 60").Await(ctx, never); err == nil || !strings.Contains(err.Error(), "did not become healthy") {
		t.Errorf("a process that hangs: %v", err)
	}
}

func TestStartSaysWhatItCouldNotRun(t *testing.T) {
	t.Parallel()
	s := spec(t, "")
	s.Path = "/no/such/program"
	if _, err := process.Start(s); err == nil || !strings.Contains(err.Error(), "start test") {
		t.Errorf("got %v", err)
	}
}

// A pid that now belongs to another process is left alone.
func TestKillSparesAnotherProcessWithThePid(t *testing.T) {
	t.Parallel()
	p := start(t, "sleep 60")
	id := strconv.Itoa(p.Pid)
	for _, identity := range []string{id + ":1", id + ":", id, "", "x:y", "1:0", "-1:5", "0:0"} {
		if process.Kill(identity, syscall.SIGKILL) {
			t.Errorf("%q was killed", identity)
		}
	}
	if !process.Alive(process.Identity(p.Pid)) {
		t.Fatal("the process is gone")
	}
	if !process.Kill(process.Identity(p.Pid), syscall.SIGKILL) {
		t.Error("the process itself was spared")
	}
	<-p.Done()
	if process.Alive(process.Identity(p.Pid)) {
		t.Error("an ended process is alive")
	}
}
