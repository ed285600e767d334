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

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/validation"
)

func newValidateCommand(a *app) *cobra.Command {
	format, strict := "text", false
	cmd := &cobra.Command{
		Use:   "validate [path...]",
		Short: "Check local templates as a push would be checked",
		Long: `Check files and folders without any AWS call. A folder with an evenkeel.yaml is checked as a
repository: evenkeel.yaml, the template of every stack, and templates/. In any other folder every
file that looks like a template is checked. Without a path, the current folder is checked.

Exit code 1 when there is an error, 2 when a path cannot be read.`,
		Example: `  evenkeel validate
  evenkeel validate templates/network.yaml --strict
  evenkeel validate --format sarif > evenkeel.sarif`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return a.validate(args, format, strict)
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text, json or sarif")
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return cmd
}

func (a *app) validate(paths []string, format string, strict bool) error {
	if a.json {
		format = "json"
	}
	if !slices.Contains(validation.Formats(), format) {
		return usageError("%q is no format; the formats are %s", format, strings.Join(validation.Formats(), ", "))
	}
	result, err := check(paths)
	if err != nil {
		return err
	}
	if format == string(validation.Text) {
		a.findings(a.out, result)
	} else if err := result.Render(a.out, validation.Format(format)); err != nil {
		return err
	}
	if !result.Valid() || strict && result.Warnings > 0 {
		return failed("validation found errors")
	}
	return nil
}

// check validates every path and puts the results together. Findings name
// files as they can be opened from here.
func check(paths []string) (validation.Result, error) {
	var results []validation.Result
	loose := map[string][]byte{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return validation.Result{}, usageError("%w", err)
		}
		folder := path
		if filepath.Base(path) == pipeline.FileName {
			folder = filepath.Dir(path)
		}
		_, missing := os.Stat(filepath.Join(folder, pipeline.FileName))
		switch {
		case missing == nil:
			result, err := checkRepository(folder)
			if err != nil {
				return validation.Result{}, err
			}
			results = append(results, result)
		case info.IsDir():
			if err := gather(path, loose); err != nil {
				return validation.Result{}, err
			}
		default:
			data, err := os.ReadFile(path)
			if err != nil {
				return validation.Result{}, usageError("%w", err)
			}
			loose[filepath.ToSlash(filepath.Clean(path))] = data
		}
	}
	if len(loose) > 0 {
		results = append(results, validation.Offline{}.Validate(loose))
	}
	return validation.Join(results...), nil
}

func checkRepository(folder string) (validation.Result, error) {
	tree, err := readTree(folder)
	if err != nil {
		return validation.Result{}, err
	}
	checked := validation.Source(tree, validation.Offline{})
	for i, f := range checked.Findings {
		checked.Findings[i].File = filepath.ToSlash(filepath.Join(folder, f.File))
	}
	return checked.Result, nil
}

// gather reads every file below folder that looks like a template.
func gather(folder string, into map[string][]byte) error {
	return walk(folder, func(path string, _ fs.DirEntry) error {
		if !validation.IsTemplateName(path) {
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil && validation.LooksLikeTemplate(data) {
			into[filepath.ToSlash(filepath.Clean(path))] = data
		}
		return err
	})
}

// readTree reads a folder as a push of it would arrive: symbolic links as
// text. Only what could be a template, by its name or because evenkeel.yaml
// mentions it, is kept.
func readTree(folder string) (source.Tree, error) {
	stacks, err := os.ReadFile(filepath.Join(folder, pipeline.FileName))
	if err != nil {
		return nil, usageError("%w", err)
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
		case !validation.IsTemplateName(path) && !bytes.Contains(stacks, []byte(entry.Name())):
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
		return nil, usageError("%s: %w", folder, err)
	}
	return tree, nil
}

// walk visits the files below folder, without hidden folders and what a
// package manager or a synthesis puts there.
func walk(folder string, visit func(path string, entry fs.DirEntry) error) error {
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
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
	var coded *codedError
	if err != nil && !errors.As(err, &coded) {
		return usageError("%w", err)
	}
	return err
}

// findings is the text format in colour: one line a finding, in the form that
// editors jump to, and a summary.
func (a *app) findings(w io.Writer, r validation.Result) {
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s:%d:%d: %s %s: %s\n", f.File, f.Line, f.Column, a.severity(string(f.Severity)), f.Rule, printable(f.Message))
	}
	for _, file := range r.Incomplete {
		fmt.Fprintf(w, "%s: too large to be analysed completely\n", file)
	}
	fmt.Fprintf(w, "%s checked: %s, %s\n", count(r.Files, "template"), count(r.Errors, "error"), count(r.Warnings, "warning"))
}
