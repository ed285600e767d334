// Package lines asks another process, which answers one line for one line, and
// survives its death and its silence.
package lines

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// generation is how many lines one process answers. What it caches grows; a new
// one now and then bounds that.
const generation = 500

// startup is how much longer the first answer of a process may take.
const startup = 30 * time.Second

// Serve asks for each name and calls each with the answer, or with the reason
// why there is none: "timeout" after patience (and some time to start), or "crash: " and what the process
// said last. Such a process is replaced.
func Serve(ctx context.Context, names []string, command func(context.Context) *exec.Cmd, patience time.Duration, each func(name, line, failure string)) error {
	for len(names) > 0 {
		p, err := start(ctx, command)
		if err != nil {
			return err
		}
		for served := 0; len(names) > 0 && served < generation; served++ {
			wait := patience
			if served == 0 {
				wait += startup
			}
			line, failure := p.ask(names[0], wait)
			if err := ctx.Err(); err != nil {
				p.end()
				return err
			}
			each(names[0], line, failure)
			names = names[1:]
			if failure != "" {
				break
			}
		}
		p.end()
	}
	return nil
}

// process answers one line for one line.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string
	stderr tail
	cancel context.CancelFunc
}

func start(ctx context.Context, command func(context.Context) *exec.Cmd) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &process{cmd: command(ctx), lines: make(chan string), cancel: cancel}
	p.cmd.Stderr = &p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer close(p.lines)
		r := bufio.NewReader(stdout)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			select {
			case p.lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return p, nil
}

func (p *process) ask(name string, patience time.Duration) (line, failure string) {
	if _, err := io.WriteString(p.stdin, name+"\n"); err != nil {
		return "", p.died()
	}
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", p.died()
		}
		return line, ""
	case <-time.After(patience):
		return "", "timeout"
	}
}

func (p *process) died() string {
	err := p.cmd.Wait()
	return fmt.Sprintf("crash: %v: %s", err, p.stderr.first())
}

func (p *process) end() {
	_ = p.stdin.Close()
	p.cancel()
	_ = p.cmd.Wait()
}

// tail keeps the beginning of what a process says on standard error: a panic's
// message comes first.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	if room := 4096 - len(t.text); room > 0 {
		t.text = append(t.text, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// first returns the line with the reason, and for a panic the place.
func (t *tail) first() string {
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	reason := lines[0]
	for _, line := range lines {
		if place := strings.TrimSpace(line); strings.Contains(place, "/shared/") && strings.Contains(place, ".go:") {
			return reason + " at " + place
		}
	}
	return reason
}
