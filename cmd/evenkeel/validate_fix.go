package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/fix"
)

// fix corrects the files of the run, or shows how, and checks them again.
func (c *checkRun) fix(dry bool) error {
	fixed, files := 0, 0
	for _, name := range c.fixable() {
		known, options := name, c.fileOptions()
		if o, ok := c.owned[name]; ok { // its suppressions name it as its repository does
			known, options = o.name, o.options
		}
		result := fix.Apply(known, c.texts[name], options)
		if !result.Changed() {
			continue
		}
		fixed, files = fixed+len(result.Fixed), files+1
		if dry {
			fmt.Fprint(c.app.out, fix.Diff(name, c.texts[name], result.Data))
			continue
		}
		if written, err := c.overwrite(name, result.Data); err != nil {
			return err
		} else if written {
			c.app.progress("fixed %s: %s (%s)", name, count(len(result.Fixed), "finding"), strings.Join(ruleIDs(result.Fixed), ", "))
		}
	}
	if dry {
		c.app.progress("%s in %s can be fixed", count(fixed, "finding"), count(files, "file"))
		return nil
	}
	if files == 0 {
		return nil
	}
	return c.check()
}

// fixable lists the files with a finding that may be fixed, sorted.
func (c *checkRun) fixable() []string {
	rules, names := fix.Rules(), map[string]bool{}
	for _, f := range c.result.Findings {
		if slices.Contains(rules, f.Rule) && c.texts[f.File] != nil && !c.generated[f.File] {
			names[f.File] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// overwrite replaces the content of a file. Standard input has none, and what
// a symbolic link leads to is not the file that was named.
func (c *checkRun) overwrite(name string, data []byte) (written bool, err error) {
	if name == standardInput {
		c.app.progress("standard input is not a file that can be fixed: add --dry-run for the changes")
		return false, nil
	}
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		c.app.progress("%s is a symbolic link: it is left alone", name)
		return false, nil
	}
	return true, os.WriteFile(name, data, info.Mode().Perm())
}

func ruleIDs(findings []validation.Finding) []string {
	var ids []string
	for _, f := range findings {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
