package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/local/parity/lines"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// patience is how long one template may take us. The bound that we promise is
// far below; this one only keeps a run from hanging.
const patience = 20 * time.Second

// failed begins the message of a finding that stands for a fault in the
// validator itself.
const failed = "the validator failed"

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
			if strings.HasPrefix(f.Message, failed) {
				a.Error = "crash: " + f.Message
			}
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
		ReadFile: os.ReadFile, // nested templates
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

// serve has a process answer for each name; a name at which it died or fell
// silent gets an answer with an error.
func serve(ctx context.Context, names []string, command func(context.Context) *exec.Cmd, patience time.Duration, each func(answer)) (map[string]answer, error) {
	answers := make(map[string]answer, len(names))
	err := lines.Serve(ctx, names, command, patience, func(name, line, failure string) {
		a := answer{File: name}
		if failure != "" {
			a.Error = failure
		} else if err := json.Unmarshal([]byte(line), &a); err != nil {
			a.Error = "crash: it said " + line
		}
		a.answered = true
		answers[name] = a
		if each != nil {
			each(a)
		}
	})
	return answers, err
}
