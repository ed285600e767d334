package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/validation/baseline"
)

// NewBaseline makes a baseline of the findings of a result, those that an
// older baseline knows among them. What is wrong with evenkeel.yaml is left
// out: without it there is nothing to deploy.
func (r Result) NewBaseline(source baseline.Source) *baseline.Baseline {
	all := slices.DeleteFunc(r.withKnown(), func(f Finding) bool { return strings.HasPrefix(f.Rule, "P") })
	return baseline.New(keys(all), source)
}

// withKnown returns the findings and those that a baseline has suppressed.
func (r Result) withKnown() []Finding {
	all := slices.Clone(r.Findings)
	for _, f := range r.Suppressed {
		if f.Suppression != nil && f.Suppression.By == ByBaseline {
			all = append(all, f)
		}
	}
	return all
}

// Known returns the result with the findings that a baseline has moved to the
// suppressed ones, and the entries of the baseline that are fixed. checked
// tells which files the result is about. Baselines may be applied one after
// the other.
func (r Result) Known(b *baseline.Baseline, source baseline.Source, checked func(file string) bool) (Result, []baseline.Entry) {
	all := r.withKnown()
	known, fixed := b.Apply(keys(all), source, checked)
	fresh, suppressed := []Finding{}, slices.Clone(r.Suppressed)
	for i, f := range all {
		switch {
		case f.Suppression != nil: // it is there already
		case known[i]:
			f.Suppression = &Suppression{By: ByBaseline}
			suppressed = append(suppressed, f)
		default:
			fresh = append(fresh, f)
		}
	}
	slices.SortFunc(suppressed, Compare)
	left := newResult(r.Files, fresh, r.Incomplete)
	left.Suppressed = suppressed
	return left, fixed
}

func keys(findings []Finding) []baseline.Finding {
	list := make([]baseline.Finding, len(findings))
	for i, f := range findings {
		list[i] = baseline.Finding{File: f.File, Rule: f.Rule, Path: f.Path, Line: f.Line}
	}
	return list
}

// applyBaseline applies the baseline that evenkeel.yaml names. One that is
// missing or cannot be read is a finding: it would let everything through or
// nothing.
func (c Checked) applyBaseline(tree source.Tree) Checked {
	if c.Pipeline == nil || c.Pipeline.Validation.Baseline == "" {
		return c
	}
	name := c.Pipeline.Validation.Baseline
	data, ok := tree.File(name)
	if !ok {
		c.Result = c.Add(pipelineFinding(RulePipelineMalformed, pipeline.Position{}, "the baseline "+name+" is not in the repository"))
		return c
	}
	b, err := baseline.Decode(data)
	if err != nil {
		c.Result = c.Add(pipelineFinding(RulePipelineMalformed, pipeline.Position{}, name+": "+err.Error()))
		return c
	}
	text := func(file string) []byte { data, _ := tree.File(file); return data }
	c.Result, c.Fixed = c.Known(b, text, func(string) bool { return true })
	return c
}
