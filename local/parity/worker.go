package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// patience is how long one template may take us. The bound that we promise is
// far below; this one only keeps a run from hanging.
const patience = 20 * time.Second

// work validates the files named on r, one a line, and writes an answer for
// each. It runs in a process of its own, since a panic ends it.
func work(r io.Reader, w io.Writer, day time.Time) error {
	options := workOptions(day)
	out := json.NewEncoder(w)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		a := answer{File: lines.Text(), Findings: []finding{}}
		data, err := os.ReadFile(a.File)
		if err != nil {
			return err
		}
		start := time.Now()
		result := validation.ValidateWith(map[string][]byte{a.File: data}, options)
		a.Seconds = time.Since(start).Seconds()
		a.Incomplete = len(result.Incomplete) > 0
		for _, f := range result.Findings {
			a.Findings = append(a.Findings, finding{f.Rule, f.Path, f.Line, f.Message})
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// workOptions are what cfn-lint is asked for as well: one region, notes too.
func workOptions(day time.Time) validation.Options {
	return validation.Options{
		Settings: validation.Settings{Regions: []string{"us-east-1"}, IncludeChecks: []string{"I"}},
		Now:      func() time.Time { return day },
	}
}

// ourFindings validates the files of a corpus that are wanted.
func ourFindings(ctx context.Context, c corpus, date string, wanted func(string) bool) (map[string]answer, error) {
	var todo []string
	for _, name := range c.files {
		if wanted(name) {
			todo = append(todo, name)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, self, "-worker", "-date", date)
		cmd.Dir = c.dir
		return cmd
	}
	return serve(ctx, todo, command, patience, nil)
}

// serve has a process answer for each name, one line for one line. A process
// that dies or falls silent is replaced, and the name it was at gets an error.
func serve(ctx context.Context, names []string, command func(context.Context) *exec.Cmd, patience time.Duration, each func(answer)) (map[string]answer, error) {
	answers := make(map[string]answer, len(names))
	for len(names) > 0 {
		p, err := start(ctx, command)
		if err != nil {
			return nil, err
		}
		// cfn-lint's caches grow; a new process now and then bounds them.
		for served := 0; len(names) > 0 && served < 500; served++ {
			a, alive := p.ask(names[0], patience)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			a.answered = true
			answers[names[0]] = a
			if each != nil {
				each(a)
			}
			names = names[1:]
			if !alive {
				break
			}
		}
		p.end()
	}
	return answers, nil
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

// ask returns the answer for a name, and whether the process can be asked again.
func (p *process) ask(name string, patience time.Duration) (answer, bool) {
	a := answer{File: name}
	if _, err := io.WriteString(p.stdin, name+"\n"); err != nil {
		return p.died(a), false
	}
	select {
	case line, ok := <-p.lines:
		if !ok {
			return p.died(a), false
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			a.Error = fmt.Sprintf("crash: it said %.100q", line)
			return a, false
		}
		return a, true
	case <-time.After(patience):
		a.Error = "timeout"
		return a, false
	}
}

func (p *process) died(a answer) answer {
	err := p.cmd.Wait()
	a.Error = fmt.Sprintf("crash: %v: %s", err, p.stderr.first())
	return a
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
