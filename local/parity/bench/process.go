package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/local/parity/reference"
)

// processes measures whole processes: start, read, validate, print JSON.
func processes(ctx context.Context, o options, r *report) error {
	cli, err := filepath.Abs(o.cli)
	if err != nil {
		return err
	}
	python, err := reference.Python(ctx)
	if err != nil {
		return err
	}
	ours := program{"evenkeel", []string{cli, "validate", "--format", "json"}}
	theirs := program{"cfn-lint", []string{filepath.Join(filepath.Dir(python), "cfn-lint"), "--regions", "us-east-1", "--format", "json"}}
	lex := lexProgram(ctx, o, r)
	sizes := []int{1}
	for _, n := range []int{100, len(r.corpus.files)} {
		if n > sizes[len(sizes)-1] && n <= len(r.corpus.files) {
			sizes = append(sizes, n)
		}
	}
	for _, n := range sizes {
		names := r.corpus.relative(r.corpus.sample(n))
		row := row{templates: n, bytes: sum(r.corpus.sample(n))}
		progress("whole processes on %d templates", n)
		if row.ours, row.theirs, err = alternate(ctx, o, r.corpus.dir, ours, theirs, names); err != nil {
			return err
		}
		if lex != nil {
			if row.lex, err = median(ctx, r.corpus.dir, *lex, names, o.runs); err != nil {
				r.lexMissing = err.Error()
			}
		}
		r.rows = append(r.rows, row)
	}
	return nil
}

type program struct {
	name string
	argv []string
}

// cost of a whole process: from start to exit, and of the processors.
type cost struct{ wall, cpu time.Duration }

// once runs a program on files and returns what the process cost. Findings
// make it exit with a code, which is no failure; saying nothing is.
func (p program) once(ctx context.Context, dir string, names []string) (cost, error) {
	cmd := exec.CommandContext(ctx, p.argv[0], slices.Concat(p.argv[1:], names)...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		return cost{}, fmt.Errorf("%s: %w", p.name, err)
	}
	if out.Len() == 0 {
		return cost{}, fmt.Errorf("%s says nothing: %w: %.300s", p.name, cmp.Or(err, errors.New("exit status 0")), errs.String())
	}
	return cost{took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

// alternate runs two programs in turns, so that both see the same machine. The
// slow one runs fewer times when it takes minutes.
func alternate(ctx context.Context, o options, dir string, ours, theirs program, names []string) (a, b cost, err error) {
	if _, err := ours.once(ctx, dir, names); err != nil { // warms the file cache
		return a, b, err
	}
	var fast, slow []cost
	var spent time.Duration
	for i := range o.runs {
		for range 3 {
			took, err := ours.once(ctx, dir, names)
			if err != nil {
				return a, b, err
			}
			fast = append(fast, took)
		}
		if i > 0 && spent > time.Minute {
			continue
		}
		took, err := theirs.once(ctx, dir, names)
		if err != nil {
			return a, b, err
		}
		spent += took.wall
		slow = append(slow, took)
	}
	return middle(fast), middle(slow), nil
}

func median(ctx context.Context, dir string, p program, names []string, runs int) (cost, error) {
	var all []cost
	for range runs {
		took, err := p.once(ctx, dir, names)
		if err != nil {
			return cost{}, err
		}
		all = append(all, took)
	}
	return middle(all), nil
}

// middle is the median of each kind of cost.
func middle(all []cost) cost {
	var m cost
	slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(a.cpu, b.cpu) })
	m.cpu = all[len(all)/2].cpu
	slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(a.wall, b.wall) })
	m.wall = all[len(all)/2].wall
	return m
}
