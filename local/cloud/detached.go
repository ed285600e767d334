package cloud

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/gateway"
	"github.com/evenkeel/evenkeel/local/process"
)

// UpDetached starts a cloud that outlives this process, by running foreground
// ("evenkeel", "up", "--foreground", …) in a session of its own, and returns
// when the cloud is healthy. The foreground command must call Up, Wait and
// Stop; what it prints is passed to Progress and kept in logs/supervisor.log.
// A cloud that already runs is returned as it is.
func UpDetached(ctx context.Context, opts Options, foreground []string) (State, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return State{}, err
	}
	if state, err := Status(ctx, opts.Root); err == nil {
		opts.Progress("the local cloud is up already")
		return state, nil
	}
	logs := filepath.Join(opts.Root, Folder, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return State{}, err
	}
	path := filepath.Join(logs, supervisorLog)
	log, err := os.Create(path)
	if err != nil {
		return State{}, err
	}
	defer log.Close()
	cmd := exec.Command(foreground[0], foreground[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = opts.Root, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return State{}, fmt.Errorf("start the local cloud: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return follow(ctx, opts, path, cmd.Process.Pid, ended)
}

// follow passes the supervisor's lines on until its cloud is healthy. When ctx
// ends first, the supervisor is told to end.
func follow(ctx context.Context, opts Options, path string, pid int, ended <-chan error) (State, error) {
	log, err := os.Open(path)
	if err != nil {
		return State{}, err
	}
	defer log.Close()
	lines := bufio.NewReader(log)
	var last []string
	partial := ""
	show := func() {
		for {
			line, err := lines.ReadString('\n')
			if partial += line; err != nil {
				return // the rest of the line is still to be written
			}
			last = append(last, strings.TrimSpace(partial))
			opts.Progress(strings.TrimSpace(partial))
			partial = ""
		}
	}
	for {
		show()
		if state, err := Status(ctx, opts.Root); err == nil && strings.HasPrefix(state.Supervisor, fmt.Sprintf("%d:", pid)) {
			show()
			return state, nil
		}
		select {
		case err := <-ended:
			show()
			return State{}, fmt.Errorf("the local cloud did not start (%w): %s", err, strings.Join(last[max(0, len(last)-3):], "; "))
		case <-ctx.Done():
			_ = syscall.Kill(pid, syscall.SIGTERM) // gone already is as good
			<-ended                                //nolint:errcheck // it was told to end
			return State{}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Status returns the state of the cloud in root, or an error when it is not up
// or not healthy.
func Status(ctx context.Context, root string) (State, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return State{}, err
	}
	state, err := readState(root)
	if err != nil {
		return State{}, err
	}
	if !process.Alive(state.Supervisor) {
		return State{}, errNotUp
	}
	if !state.Ready {
		return state, errors.New("the local cloud is still starting")
	}
	if !emulator.Healthy(ctx, state.Endpoint+gateway.Prefix+"health") {
		return state, errors.New("the local cloud does not answer at " + state.Endpoint)
	}
	for _, child := range state.Processes {
		if !process.Alive(child.Identity) {
			return state, fmt.Errorf("%s of the local cloud has ended; see %s", child.Name, child.Log)
		}
	}
	return state, nil
}

// Down stops the cloud in root and whatever a crashed one left behind. It is
// no error when nothing runs.
func Down(ctx context.Context, root string, progress func(string)) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	state, err := readState(root)
	if errors.Is(err, errNotUp) {
		progress("the local cloud is not up")
		return nil
	}
	if err == nil && process.Alive(state.Supervisor) {
		if err := endSupervisor(ctx, state); err != nil {
			return err
		}
		progress("local cloud stopped")
	}
	return clean(root, progress)
}

// endSupervisor asks the supervisor alone to end: it ends its children itself.
func endSupervisor(ctx context.Context, state State) error {
	pid := 0
	if _, err := fmt.Sscanf(state.Supervisor, "%d:", &pid); err != nil || pid == os.Getpid() {
		return fmt.Errorf("the local cloud is run by this process (%s)", state.Supervisor)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the local cloud: %w", err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for process.Alive(state.Supervisor) {
		if time.Now().After(deadline) {
			process.Kill(state.Supervisor, syscall.SIGKILL)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
