//go:build !validator

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/healing/archive"
	"github.com/evenkeel/evenkeel/shared/healing/preview"
	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

// gcPercent is how much garbage may come up beside what is in use.
const gcPercent = 30

// recorded are the names of files in a folder that may hold records.
var recorded = []string{".json", ".jsonl", ".ndjson", ".gz"}

// healPlanArchive shows what the policy would have done to recorded events.
func (a *app) healPlanArchive(ctx context.Context, f *healPlanFlags, paths []string) error {
	policy, err := readHealPolicy(f.policy)
	if err != nil {
		return err
	}
	files, err := recordedFiles(paths)
	if err != nil {
		return err
	}
	// Nearly all that is read is garbage at once: collecting it twice as often
	// costs little, and keeps the heap of a long archive small.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	run := &archiveRun{app: a, files: files}
	defer func() { _ = run.sorter.Close() }() // temporary files; nothing is lost with them
	for i := range files {
		if err := run.read(ctx, i); err != nil {
			return err
		}
	}
	timeline := &preview.Timeline{Policy: policy}
	if err := run.replay(ctx, timeline); err != nil {
		return err
	}
	run.report.Files = len(files)
	run.report.Findings = timeline.Findings()
	for _, at := range timeline.State.Places() {
		run.report.Unknown = append(run.report.Unknown, timeline.State.Partial(at)...)
	}
	return a.healPlanReport(f, run.report)
}

// recordedFiles lists the files that are named, and those of the folders that
// are, sorted by folder.
func recordedFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if path == "-" {
			files = append(files, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, usageError("%w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		before := len(files)
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && slices.Contains(recorded, strings.ToLower(filepath.Ext(name))) {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			return nil, usageError("%w", err)
		}
		if len(files) == before {
			return nil, usageError("%s has no file that ends in %s", path, strings.Join(recorded, ", "))
		}
	}
	return files, nil
}

// archiveRun is one reading of an archive.
type archiveRun struct {
	app    *app
	files  []string
	sorter archive.Sorter
	report healPlan
	told   time.Time
	fault  error // of the disk: reading cannot go on
}

// read sorts the records of one file in. What cannot be read is reported.
func (r *archiveRun) read(ctx context.Context, file int) error {
	var in io.Reader = r.app.in
	if r.files[file] != "-" {
		opened, err := os.Open(r.files[file])
		if err != nil {
			r.problem(file, 0, err)
			return nil
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	archive.Read(&stoppable{ctx, in}, archive.Sink{
		Record: func(at archive.Position, record []byte) {
			r.report.Records++
			r.tell("%d records of %d files read", r.report.Records, file+1)
			e, err := archive.NewEntry(record)
			switch {
			case errors.Is(err, archive.ErrOther):
				r.report.Others++
			case errors.Is(err, archive.ErrFailed):
				r.report.Failed++
			case err != nil:
				r.problem(file, at, err)
			default:
				e.Source = packed(file, at)
				r.fault = errors.Join(r.fault, r.sorter.Add(e))
			}
		},
		Bad: func(at archive.Position, err error) { r.problem(file, at, err) },
	})
	return errors.Join(interrupted(ctx), r.fault)
}

// packed and unpacked keep where a record is from in an entry.
func packed(file int, at archive.Position) int64 { return int64(file)<<32 | int64(uint32(at)) } //nolint:gosec // the bits come back as they are

func unpacked(source int64) (file int, at archive.Position) {
	return int(source >> 32), archive.Position(int32(source)) //nolint:gosec // the bits of packed
}

// replay applies the records in the order in which they happened.
func (r *archiveRun) replay(ctx context.Context, timeline *preview.Timeline) error {
	applied := 0
	return r.sorter.Each(func(e archive.Entry) error {
		if err := interrupted(ctx); err != nil {
			return err
		}
		if applied++; applied == 1 {
			r.report.From = &e.Time
		}
		r.report.To = &e.Time
		r.tell("%d records applied", applied)
		change, err := timeline.Apply(ctx, e.Record)
		file, at := unpacked(e.Source)
		if err != nil {
			r.problem(file, at, err)
			return nil
		}
		for _, note := range change.Notes {
			r.note(file, at, note)
		}
		if change.Changed() {
			r.report.Changes++
		}
		return nil
	})
}

// maxProblems is how many faults are listed one by one.
const maxProblems = 100

func (r *archiveRun) problem(file int, at archive.Position, err error) {
	r.report.Faults++
	if len(r.report.Problems) < maxProblems {
		r.report.Problems = append(r.report.Problems, problem{r.files[file], at.String(), err.Error()})
	}
}

// note keeps what a record leaves unsaid.
func (r *archiveRun) note(file int, at archive.Position, text string) {
	if text == replay.AppliedBefore || strings.Contains(text, replay.SeenFirst) {
		return
	}
	r.report.Unsaid++
	if len(r.report.Notes) < maxProblems {
		r.report.Notes = append(r.report.Notes, problem{r.files[file], at.String(), text})
	}
}

// tell says once a second how far it is, to a person who waits at a terminal.
func (r *archiveRun) tell(format string, args ...any) {
	f, ok := r.app.err.(*os.File)
	if !ok || !isTerminal(f) {
		return
	}
	now := r.app.now()
	if r.told.IsZero() {
		r.told = now
	}
	if now.Sub(r.told) >= time.Second {
		r.told = now
		r.app.progress(format, args...)
	}
}

// stoppable is a reader that ends when the context does.
type stoppable struct {
	ctx context.Context //nolint:containedctx // it lives as long as one reading
	in  io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := interrupted(s.ctx); err != nil {
		return 0, err
	}
	return s.in.Read(p)
}
