package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// verdict is what somebody decided about a kind of disagreement. It applies to
// the disagreements of a rule that its other fields match.
type verdict struct {
	Rule string `yaml:"rule"`
	// Side is "missing" (cfn-lint alone reports it), "extra" (we alone) or empty
	// for both.
	Side string `yaml:"side"`
	File string `yaml:"file"` // a pattern for corpus/file, see path.Match; empty for all
	Path string `yaml:"path"` // a pattern for the path of keys, empty for all
	// Verdict is "theirs" (cfn-lint is wrong), "ours" (we are wrong, and it is
	// known) or "deliberate" (both can be defended).
	Verdict string `yaml:"verdict"`
	Reason  string `yaml:"reason"`
}

type verdicts []verdict

func readVerdicts(name string) (verdicts, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all verdicts
	if err := yaml.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, v := range all {
		if err := v.check(); err != nil {
			return nil, fmt.Errorf("%s: entry %d: %w", name, i+1, err)
		}
	}
	return all, nil
}

func (v verdict) check() error {
	switch {
	case !shared.MatchString(v.Rule):
		return fmt.Errorf("%q is no rule of cfn-lint", v.Rule)
	case v.Side != "" && v.Side != "missing" && v.Side != "extra":
		return fmt.Errorf("side is missing or extra, not %q", v.Side)
	case v.Verdict != "theirs" && v.Verdict != "ours" && v.Verdict != "deliberate":
		return fmt.Errorf("a verdict is theirs, ours or deliberate, not %q", v.Verdict)
	case v.Reason == "":
		return fmt.Errorf("%s has no reason", v.Rule)
	}
	for _, pattern := range []string{v.File, v.Path} {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%q: %w", pattern, err)
		}
	}
	return nil
}

// of returns the first verdict that applies, nil when nobody has decided.
func (all verdicts) of(d disagreement) *verdict {
	for i := range all {
		if all[i].applies(d) {
			return &all[i]
		}
	}
	return nil
}

func (v *verdict) applies(d disagreement) bool {
	if v.Rule != d.Rule || v.Side == "missing" && d.Ours || v.Side == "extra" && !d.Ours {
		return false
	}
	return matches(v.File, d.Corpus+"/"+d.File) && matches(v.Path, d.Path)
}

// matches a pattern of path.Match; "**" at its end stands for any rest.
func matches(pattern, name string) bool {
	head, open := strings.CutSuffix(pattern, "**")
	if pattern == "" || pattern == "**" {
		return true
	}
	for end := len(name); end >= 0; end-- {
		if ok, _ := path.Match(head, name[:end]); ok {
			return true
		}
		if !open {
			return false
		}
	}
	return false
}
