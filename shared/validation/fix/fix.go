// Package fix corrects templates where what is meant is certain: the change
// cannot alter what a deployment does, or the template could not be deployed
// before and only one spelling is possible. It edits bytes, so that comments
// and formatting stay, and trusts no edit: the text is read and validated
// again, and a change that does anything but its own is taken back.
package fix

import (
	"cmp"
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// maxRounds bounds how often a file is validated again: a fix may uncover the
// next finding, and findings side by side are fixed one after the other.
const maxRounds = 25

// maxTries bounds the changes of one file that are tried one by one.
const maxTries = 200

// Result is what was done with a file.
type Result struct {
	File  string
	Data  []byte               // the text after all fixes
	Fixed []validation.Finding // in the order of the text before each round
}

// Changed reports whether anything was fixed.
func (r Result) Changed() bool { return len(r.Fixed) > 0 }

// Rules returns the ids of the rules whose findings may be fixed, sorted.
func Rules() []string {
	var ids []string
	for id := range fixers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Apply fixes what is certain in one template. A finding that is suppressed is
// left as it is.
func Apply(file string, data []byte, o validation.Options) Result {
	f := &fixing{file: file, options: o, refused: map[string]bool{}}
	result := Result{File: file, Data: data}
	for range maxRounds {
		next, fixed := f.round(result.Data)
		if len(fixed) == 0 {
			break
		}
		result.Data, result.Fixed = next, append(result.Fixed, fixed...)
	}
	return result
}

// fixing is the work on one file.
type fixing struct {
	file    string
	options validation.Options
	refused map[string]bool // changes that were tried and taken back
	tries   int
}

// state is a text with what is known about it.
type state struct {
	text     *text
	root     *template.Node
	findings []validation.Finding
}

func (f *fixing) read(data []byte) (*state, bool) {
	root, err := template.ParseNode(f.file, data)
	if err != nil {
		return nil, false
	}
	return &state{text: newText(data), root: root, findings: validation.ValidateWith(map[string][]byte{f.file: data}, f.options).Findings}, true
}

// round makes all changes that do not touch each other: together, or, when
// that is refused, one by one.
func (f *fixing) round(data []byte) ([]byte, []validation.Finding) {
	before, ok := f.read(data)
	if !ok {
		return nil, nil
	}
	proposals := f.proposals(before)
	chosen := apart(proposals)
	if len(chosen) == 0 {
		return nil, nil
	}
	if after, ok := f.try(before, chosen); ok {
		return after, findings(chosen)
	}
	// Alternatives for the same finding follow each other: the first that
	// holds wins.
	for _, p := range proposals {
		if f.tries++; f.tries > maxTries {
			return nil, nil
		}
		if after, ok := f.try(before, []change{p}); ok {
			return after, findings([]change{p})
		}
		f.refused[p.key()] = true
	}
	return nil, nil
}

func (f *fixing) proposals(s *state) []change {
	var all []change
	for _, finding := range s.findings {
		fixer, ok := fixers[finding.Rule]
		if !ok || finding.File != f.file {
			continue
		}
		place, ok := find(s.root, finding)
		if !ok {
			continue
		}
		for _, c := range fixer(&candidate{state: s, place: place, region: f.region(s)}) {
			c.finding = finding
			if !f.refused[c.key()] {
				all = append(all, c)
			}
		}
	}
	return all
}

func (f *fixing) region(s *state) string { return f.options.For(s.root).Regions[0] }

// apart chooses changes that do not touch, one a finding, the first first.
func apart(all []change) []change {
	var chosen []change
	for _, c := range all {
		if !slices.ContainsFunc(chosen, func(other change) bool { return other.touches(c) || validation.Compare(other.finding, c.finding) == 0 }) {
			chosen = append(chosen, c)
		}
	}
	slices.SortFunc(chosen, func(a, b change) int { return cmp.Compare(a.edits[0].from, b.edits[0].from) })
	return chosen
}

func findings(changes []change) []validation.Finding {
	var all []validation.Finding
	for _, c := range changes {
		all = append(all, c.finding)
	}
	return all
}

// try makes changes and checks them: the text reads as the template that the
// changes are meant to give, their findings are gone, and none is new.
func (f *fixing) try(before *state, changes []change) ([]byte, bool) {
	want := before.root
	var edits []edit
	for _, c := range changes {
		want = c.apply(want)
		edits = append(edits, c.edits...)
	}
	data := before.text.edit(edits)
	after, ok := f.read(data)
	if !ok || !equal(want, after.root) {
		return nil, false
	}
	left := map[finding]int{}
	for _, x := range before.findings {
		left[of(x)]++
	}
	for _, c := range changes {
		left[of(c.finding)]--
	}
	for _, x := range after.findings {
		k := of(x)
		if left[k]--; left[k] < 0 && !f.moved(k, changes, left) {
			return nil, false
		}
	}
	return data, true
}

// finding is what stays of a finding when lines move.
type finding struct{ rule, path, message string }

func of(f validation.Finding) finding { return finding{f.Rule, f.Path, f.Message} }

// moved reports whether a finding that seems new is an old one whose path
// changed because an item before it was taken out.
func (f *fixing) moved(k finding, changes []change, left map[finding]int) bool {
	for _, c := range changes {
		if !c.shifts(k.path) {
			continue
		}
		for old, n := range left {
			if n > 0 && old.rule == k.rule && old.message == k.message && c.shifts(old.path) {
				left[old]--
				left[k]++
				return true
			}
		}
	}
	return false
}
