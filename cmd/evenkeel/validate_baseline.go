package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/baseline"
)

// baselineFile is used where it exists and nothing else is named.
const baselineFile = ".evenkeel-baseline.json"

// knownFindings is a baseline and the folder that its file names are relative to.
type knownFindings struct {
	baseline *baseline.Baseline
	folder   string
}

// readBaseline reads the baseline that the command line names, or evenkeel.yaml,
// or the one in the current folder. The one that is to be written is not read.
func (c *checkRun) readBaseline(f *validateFlags) error {
	name := cmp.Or(f.baseline, c.pipeline.Baseline)
	if f.writeBaseline != "" || name == "none" {
		return nil
	}
	data, err := os.ReadFile(cmp.Or(name, baselineFile))
	switch {
	case errors.Is(err, fs.ErrNotExist) && name == "":
		return nil
	case err != nil:
		return err
	}
	name = cmp.Or(name, baselineFile)
	b, err := baseline.Decode(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.known = &knownFindings{b, filepath.Dir(name)}
	return nil
}

// applyBaseline takes the known findings out of the result.
func (c *checkRun) applyBaseline() error {
	if c.known == nil {
		return nil
	}
	names, err := c.relative(c.known.folder)
	if err != nil {
		return err
	}
	back := make(map[string]string, len(names))
	for name, relative := range names {
		back[relative] = name
	}
	rename(&c.result, names)
	result, fixed := c.result.Known(c.known.baseline, func(file string) []byte { return c.texts[back[file]] },
		func(file string) bool { _, ok := back[file]; return ok })
	rename(&result, back)
	for i, e := range fixed {
		fixed[i].File = back[e.File]
	}
	c.result = result
	for _, e := range fixed {
		if !slices.Contains(c.fixed, e) { // a repository may have named the same baseline
			c.fixed = append(c.fixed, e)
		}
	}
	return nil
}

// writeBaseline writes all findings, whether an older baseline knows them or not.
func (c *checkRun) writeBaseline(name string) error {
	names, err := c.relative(filepath.Dir(name))
	if err != nil {
		return err
	}
	back := make(map[string]string, len(names))
	for name, relative := range names {
		back[relative] = name
	}
	rename(&c.result, names)
	b := c.result.NewBaseline(func(file string) []byte { return c.texts[back[file]] })
	data, err := b.Encode()
	if err != nil {
		return err
	}
	c.app.progress("%s in %s", count(b.Len(), "finding"), name)
	return os.WriteFile(name, data, 0o644)
}

// relative maps the names of all files that were checked to those seen from a
// folder, so that a baseline holds wherever validate is started.
func (c *checkRun) relative(folder string) (map[string]string, error) {
	base, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	add := func(name string) error {
		if name == standardInput {
			names[name] = name
			return nil
		}
		full, err := filepath.Abs(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		seen, err := filepath.Rel(base, full)
		names[name] = filepath.ToSlash(seen)
		return err
	}
	for name := range c.texts {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	for _, f := range c.result.Findings { // of files that are not there
		if err := add(f.File); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func rename(r *validation.Result, names map[string]string) {
	for _, list := range [][]validation.Finding{r.Findings, r.Suppressed} {
		for i, f := range list {
			if name, ok := names[f.File]; ok {
				list[i].File = name
			}
		}
	}
}
