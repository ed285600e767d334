package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// quietFor is how long the files must be quiet before they are checked again: an
// editor writes a file in several steps.
const quietFor = 100 * time.Millisecond

// watch checks, and checks again whenever a file changes, until the context
// ends. It prints all findings once and then what is new and what is gone.
func (a *app) watch(ctx context.Context, c *checkRun) error {
	if slices.Contains(c.paths, "-") {
		return errors.New("standard input cannot be watched")
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Close() }()
	if err := errors.Join(c.check(), a.write(c), c.observe(watcher)); err != nil {
		return err
	}
	a.progress("watching; Ctrl-C ends it")
	timer := time.NewTimer(quietFor)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-watcher.Errors:
			return err
		case event := <-watcher.Events:
			if event.Op != fsnotify.Chmod {
				timer.Reset(quietFor)
			}
		case <-timer.C:
			before := c.result.Findings
			if err := c.check(); err != nil {
				a.progress("%v", err) // a file that is being renamed is there again in a moment
				continue
			}
			a.changes(before, c)
			if err := c.observe(watcher); err != nil {
				return err
			}
		}
	}
}

// observe watches the folders of everything that is checked. Folders and not
// files: editors replace files, and new ones come.
func (c *checkRun) observe(watcher *fsnotify.Watcher) error {
	folders := map[string]bool{}
	for name := range c.texts {
		folders[filepath.Dir(filepath.FromSlash(name))] = true
	}
	for _, path := range c.paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			err := walk(path, func(name string, _ fs.DirEntry) error {
				folders[filepath.Dir(name)] = true
				return nil
			})
			if err != nil {
				return err
			}
			folders[path] = true
		}
	}
	watched := watcher.WatchList()
	for folder := range folders {
		if !slices.Contains(watched, folder) {
			if err := watcher.Add(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// changes prints the findings that were not there before, and those that were.
func (a *app) changes(before []validation.Finding, c *checkRun) {
	gone, fresh := difference(before, c.result.Findings), difference(c.result.Findings, before)
	for _, f := range gone {
		a.change(a.green("-"), f)
	}
	for _, f := range fresh {
		a.change(a.red("+"), f)
	}
	if len(gone)+len(fresh) > 0 {
		fmt.Fprintf(a.out, "%s %s\n", a.now().Format(time.TimeOnly), c.report().Summary())
	}
}

func (a *app) change(sign string, f validation.Finding) {
	fmt.Fprintf(a.out, "%s %s:%d:%d: %s %s: %s\n", sign, printable(f.File), f.Line, f.Column, a.severity(string(f.Severity)), f.Rule, printable(f.Message))
}

// difference returns the findings of a that b has not. Lines do not count: they
// move when something is inserted above.
func difference(a, b []validation.Finding) []validation.Finding {
	type key struct{ file, rule, path, message string }
	known := map[key]int{}
	for _, f := range b {
		known[key{f.File, f.Rule, f.Path, f.Message}]++
	}
	var only []validation.Finding
	for _, f := range a {
		k := key{f.File, f.Rule, f.Path, f.Message}
		if known[k] > 0 {
			known[k]--
			continue
		}
		only = append(only, f)
	}
	return only
}
