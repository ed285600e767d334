// Package process runs the child processes of the local cloud: each in its own
// process group with a scrubbed environment and a log file, known by its pid,
// and gone when the supervisor is.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Name string   // for messages and the pid file
	Path string   // absolute path of the program
	Args []string // without the program's own name
	Env  []string // the whole environment: nothing is inherited
	Dir  string   // working directory
	Log  string   // file that stdout and stderr are appended to
}

// Process is a running child.
type Process struct {
	Name string
	Pid  int
	Log  string
	done chan struct{}
	err  error // how it ended; valid once done is closed
}

// Start runs spec.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Env, spec.Dir, log, log
	cmd.SysProcAttr = attributes()
	started := make(chan error)
	p := &Process{Name: spec.Name, Log: spec.Log, done: make(chan struct{})}
	go func() {
		lockThread()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("start %s: %w", spec.Name, err)
			return
		}
		p.Pid = cmd.Process.Pid
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the process's group to end, waits for grace, then kills it. It is
// safe to call more than once.
func (p *Process) Stop(grace time.Duration) {
	_ = syscall.Kill(-p.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
	}
	// What the process started itself may have outlived it.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	<-p.done
}

// Await calls healthy every 20 ms until it returns true, the process ends or
// ctx is done.
func (p *Process) Await(ctx context.Context, healthy func(context.Context) bool) error {
	for {
		if healthy(ctx) {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at once (%w); the end of its log:\n%s", p.Name, orExit(p.err), tail(p.Log))
		case <-ctx.Done():
			return fmt.Errorf("%s did not become healthy: %w; the end of its log:\n%s", p.Name, ctx.Err(), tail(p.Log))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func orExit(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// tail returns the last lines of a log.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// Identity names one process among all that ever have its pid: "pid:start",
// where start is the kernel's start time of it. A pid that was given to another
// program since is thereby told from ours.
func Identity(pid int) string { return strconv.Itoa(pid) + ":" + startTime(pid) }

// Alive reports whether the process of an identity still runs.
func Alive(identity string) bool {
	pid, start, ok := split(identity)
	return ok && start != "" && startTime(pid) == start
}

// Kill ends the process group that the process of an identity leads, if it is
// still that process, and reports whether it was.
func Kill(identity string, signal syscall.Signal) bool {
	if !Alive(identity) {
		return false
	}
	pid, _, _ := split(identity)
	if err := syscall.Kill(-pid, signal); err != nil {
		_ = syscall.Kill(pid, signal)
	}
	return true
}

func split(identity string) (pid int, start string, ok bool) {
	id, start, ok := strings.Cut(identity, ":")
	pid, err := strconv.Atoi(id)
	return pid, start, ok && err == nil && pid > 1
}
