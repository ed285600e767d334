package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// maxInput bounds what is read from standard input, in bytes: 16 times what
// CloudFormation takes.
const maxInput = 16 << 20

// standardInput is the file name in findings about it.
const standardInput = "stdin"

// input is what the paths of a run lead to.
type input struct {
	files        map[string][]byte    // templates, by name
	repositories []string             // folders with an evenkeel.yaml
	assemblies   []*template.Assembly // CDK cloud assemblies
	findings     []validation.Finding // about the paths themselves
}

// collect reads what is to be checked.
func (c *checkRun) collect() (*input, error) {
	in := &input{files: map[string][]byte{}}
	for _, path := range c.paths {
		if err := c.add(in, path); err != nil {
			return nil, err
		}
	}
	for name, data := range in.files {
		if c.templatesOnly && !validation.LooksLikeTemplate(data) {
			delete(in.files, name)
		}
		if slices.ContainsFunc(c.ignored, func(glob string) bool { return validation.MatchPath(filepath.ToSlash(filepath.Clean(glob)), name) }) {
			delete(in.files, name)
		}
	}
	return in, nil
}

func (c *checkRun) add(in *input, path string) error {
	if path == "-" {
		if c.stdin == nil {
			data, err := io.ReadAll(io.LimitReader(c.app.in, maxInput))
			if err != nil {
				return err
			}
			c.stdin = data
		}
		in.files[standardInput] = c.stdin
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.glob(in, path)
	case err != nil:
		return err
	case filepath.Base(path) == pipeline.FileName:
		in.repositories = append(in.repositories, filepath.Dir(path))
		return nil
	case info.IsDir():
		return c.folder(in, path)
	case filepath.Base(path) == manifestFile && isAssembly(filepath.Dir(path)):
		return in.addAssembly(filepath.Dir(path))
	}
	return in.read(path)
}

func (c *checkRun) folder(in *input, path string) error {
	if _, err := os.Stat(filepath.Join(path, pipeline.FileName)); err == nil {
		in.repositories = append(in.repositories, path)
		return nil
	}
	if isAssembly(path) {
		return in.addAssembly(path)
	}
	return gather(path, in.files)
}

// glob adds the files that a pattern matches. That it matches none is a
// finding and not an error, as cfn-lint has it: a build that renames a folder
// must not go green.
func (c *checkRun) glob(in *input, pattern string) error {
	names, err := expand(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := in.read(name); err != nil {
			return err
		}
	}
	if len(names) == 0 && !c.options.IgnoreBadTemplate && !c.options.Defaults.IgnoreBadTemplate {
		in.findings = append(in.findings, validation.Finding{
			File: filepath.ToSlash(pattern), Line: 1, Column: 1, Rule: configRule.ID, Severity: configRule.Severity, Message: "there is no such file, and the pattern matches none",
		})
	}
	return nil
}

func (in *input) read(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	in.files[filepath.ToSlash(filepath.Clean(path))] = data
	return nil
}

// readRegular reads a file that a template or a folder leads to. Nobody named it,
// so that it may be anything: a device or a pipe need not end.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > maxInput:
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", name, info.Size(), maxInput)
	}
	return os.ReadFile(name)
}

// expand returns the files that a pattern matches, sorted. As in cfn-lint and
// in shells, * and ** leave out names that begin with a dot.
func expand(pattern string) ([]string, error) {
	slashed := filepath.ToSlash(filepath.Clean(pattern))
	base, rest := ".", slashed
	if filepath.IsAbs(pattern) {
		base = "/"
	}
	for !strings.ContainsAny(base, "*?[") {
		part, after, more := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if !more || strings.ContainsAny(part, "*?[") {
			break
		}
		base, rest = filepath.Join(base, part), after
	}
	if !strings.ContainsAny(slashed, "*?[") {
		return nil, nil
	}
	var names []string
	deep := strings.Contains(rest, "**")
	depth := strings.Count(strings.TrimPrefix(rest, "/"), "/")
	err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == base:
			return fs.SkipAll
		case err != nil:
			return err
		case path == base:
			return nil
		}
		name, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		hidden := strings.HasPrefix(entry.Name(), ".") && !strings.Contains(rest, "/.") && !strings.HasPrefix(rest, ".")
		if entry.IsDir() {
			if hidden || !deep && strings.Count(name, "/") >= depth {
				return fs.SkipDir
			}
			return nil
		}
		if !hidden && validation.MatchPath(strings.TrimPrefix(rest, "/"), name) {
			names = append(names, path)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// gather reads every file below folder that looks like a template.
func gather(folder string, into map[string][]byte) error {
	return walk(folder, func(path string, _ fs.DirEntry) error {
		if !validation.IsTemplateName(path) || !readable(path) {
			return nil
		}
		data, err := readRegular(path)
		if err == nil && validation.LooksLikeTemplate(data) {
			into[filepath.ToSlash(filepath.Clean(path))] = data
		}
		return err
	})
}

// readable reports whether what a folder holds is a file, or a link to one, and
// could be a template by its size.
func readable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() <= maxInput
}

// readTree reads a folder as a push of it would arrive: symbolic links as
// text. Only what could be a template, by its name or because evenkeel.yaml
// mentions it, and policies are kept.
func readTree(folder string) (source.Tree, error) {
	stacks, err := os.ReadFile(filepath.Join(folder, pipeline.FileName))
	if err != nil {
		return nil, err
	}
	var files []source.File
	err = walk(folder, func(path string, entry fs.DirEntry) error {
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		f := source.File{Path: filepath.ToSlash(name), Symlink: entry.Type()&fs.ModeSymlink != 0}
		switch {
		case f.Symlink:
			target, err := os.Readlink(path)
			f.Data, files = []byte(target), append(files, f)
			return err
		case !entry.Type().IsRegular():
			return nil
		case !validation.IsTemplateName(path) && !strings.HasSuffix(path, ".rego") && !bytes.Contains(stacks, []byte(entry.Name())):
			return nil
		}
		f.Data, err = os.ReadFile(path)
		files = append(files, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	tree, err := source.NewTree(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return tree, nil
}

// walk visits the files below folder, without hidden folders and what a
// package manager or a synthesis puts there.
func walk(folder string, visit func(path string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return visit(path, entry)
		case path != folder && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "cdk.out"):
			return fs.SkipDir
		}
		return nil
	})
}
