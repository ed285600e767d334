package main

import (
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// comparable ids: those that cfn-lint has. Our own rules have no counterpart.
var shared = regexp.MustCompile(`^[EWI]\d{4}$`)

// key is what must be equal on both sides.
type key struct{ file, rule, path string }

// disagreement is a finding of one side only.
type disagreement struct {
	Corpus string `json:"corpus"`
	File   string `json:"file"`
	Rule   string `json:"rule"`
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Ours   bool   `json:"ours"` // we report it, cfn-lint does not
	// Near is the path at which the other side reports the same rule in the same
	// file without a counterpart: probably the same finding at another place.
	Near    string `json:"near,omitempty"`
	Message string `json:"message,omitempty"`
}

// score counts the findings of one rule.
type score struct {
	Rule   string         `json:"rule"`
	TP     int            `json:"tp"`
	FP     int            `json:"fp"`
	FN     int            `json:"fn"`
	Differ []disagreement `json:"disagreements,omitempty"`
}

func (s *score) recall() (float64, bool)    { return ratio(s.TP, s.FN) }
func (s *score) precision() (float64, bool) { return ratio(s.TP, s.FP) }

func ratio(good, bad int) (float64, bool) {
	if good+bad == 0 {
		return 1, false
	}
	return float64(good) / float64(good+bad), true
}

// failure is a template on which one side gave up.
type failure struct {
	Corpus string `json:"corpus"`
	File   string `json:"file"`
	Ours   bool   `json:"ours"`
	Reason string `json:"reason"`
}

// comparison accumulates corpora.
type comparison struct {
	Templates int
	Rules     map[string]*score
	Failures  []failure
	// Lines are the agreed findings whose line differs, by rule; Line is ours.
	Lines   map[string][]disagreement
	Seconds float64 // ours, in process, all templates
	Slowest float64
	Slow    string
}

func (c *comparison) score(rule string) *score {
	if c.Rules == nil {
		c.Rules = map[string]*score{}
	}
	s := c.Rules[rule]
	if s == nil {
		s = &score{Rule: rule}
		c.Rules[rule] = s
	}
	return s
}

// add compares the two sides on one corpus.
func (c *comparison) add(corpus corpus, theirs, ours map[string]answer) {
	for _, file := range corpus.files {
		t, o := theirs[file], ours[file]
		switch {
		case !t.answered:
			continue // the reference file is still being written
		case t.Error != "":
			c.Failures = append(c.Failures, failure{corpus.name, file, false, t.Error})
			continue
		}
		c.Templates++
		c.Seconds += o.Seconds
		if o.Seconds > c.Slowest {
			c.Slowest, c.Slow = o.Seconds, corpus.name+"/"+file
		}
		if o.Incomplete {
			c.Failures = append(c.Failures, failure{corpus.name, file, true, "analysis incomplete"})
		}
		if o.Error != "" {
			c.Failures = append(c.Failures, failure{corpus.name, file, true, o.Error})
		}
		c.compare(corpus.name, file, t.Findings, o.Findings)
	}
}

func (c *comparison) compare(corpus, file string, theirs, ours []finding) {
	left, right := byKey(file, theirs), byKey(file, ours)
	var missing, extra []disagreement
	for k, f := range left {
		s := c.score(k.rule)
		if g, ok := right[k]; ok {
			s.TP++
			if g.line != f.line {
				c.otherLine(disagreement{Corpus: corpus, File: file, Rule: k.rule, Path: k.path, Line: g.line, Near: strconv.Itoa(f.line)})
			}
			continue
		}
		s.FN++
		missing = append(missing, disagreement{Corpus: corpus, File: file, Rule: k.rule, Path: k.path, Line: f.line, Message: f.message})
	}
	for k, f := range right {
		if _, ok := left[k]; !ok {
			c.score(k.rule).FP++
			extra = append(extra, disagreement{Corpus: corpus, File: file, Rule: k.rule, Path: k.path, Line: f.line, Ours: true, Message: f.message})
		}
	}
	order := func(a, b disagreement) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path)) }
	slices.SortFunc(missing, order)
	slices.SortFunc(extra, order)
	pair(missing, extra)
	for _, d := range slices.Concat(missing, extra) {
		s := c.score(d.Rule)
		s.Differ = append(s.Differ, d)
	}
}

func (c *comparison) otherLine(d disagreement) {
	if c.Lines == nil {
		c.Lines = map[string][]disagreement{}
	}
	c.Lines[d.Rule] = append(c.Lines[d.Rule], d)
}

// byKey indexes the findings that can be compared. A rule that says two things
// at one place counts once.
func byKey(file string, all []finding) map[key]finding {
	m := make(map[key]finding, len(all))
	for _, f := range all {
		if shared.MatchString(f.rule) {
			m[key{file, f.rule, normal(f.path)}] = f
		}
	}
	return m
}

// normal writes a path the one way: no slash at its ends.
func normal(path string) string { return strings.Trim(path, "/") }

// pair gives each missing finding the closest unmatched one of the other side.
func pair(missing, extra []disagreement) {
	taken := make([]bool, len(extra))
	for i := range missing {
		best, closest := -1, -1
		for j := range extra {
			if taken[j] || extra[j].Rule != missing[i].Rule {
				continue
			}
			if n := common(missing[i].Path, extra[j].Path); n > closest {
				best, closest = j, n
			}
		}
		if best >= 0 {
			taken[best] = true
			missing[i].Near, extra[best].Near = orRoot(extra[best].Path), orRoot(missing[i].Path)
		}
	}
}

func orRoot(path string) string { return cmp.Or(path, "(template)") }

// common is the length of the common beginning of two paths.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// average is the mean over the rules of one severity.
type average struct {
	Rules     int     `json:"rules"` // that cfn-lint reports at least once
	Recall    float64 `json:"recall"`
	Precision float64 `json:"precision"`
	TP        int     `json:"tp"`
	FP        int     `json:"fp"`
	FN        int     `json:"fn"`
	reported  int
}

// averages are the macro-averages of the rules that begin with a letter: each
// rule counts the same, however often it fires.
func (c *comparison) averages(letter byte) average {
	var a average
	for rule, s := range c.Rules {
		if rule[0] != letter {
			continue
		}
		a.TP, a.FP, a.FN = a.TP+s.TP, a.FP+s.FP, a.FN+s.FN
		if r, ok := s.recall(); ok {
			a.Rules++
			a.Recall += r
		}
		if p, ok := s.precision(); ok {
			a.reported++
			a.Precision += p
		}
	}
	a.Recall /= float64(max(1, a.Rules))
	a.Precision /= float64(max(1, a.reported))
	return a
}

// worst returns the rules, those that cost most first.
func (c *comparison) worst() []*score {
	var all []*score
	for _, s := range c.Rules {
		all = append(all, s)
	}
	loss := func(s *score) float64 {
		r, _ := s.recall()
		p, _ := s.precision()
		return 2 - r - p
	}
	slices.SortFunc(all, func(a, b *score) int {
		return cmp.Or(-cmp.Compare(loss(a), loss(b)), -cmp.Compare(a.FN+a.FP, b.FN+b.FP), cmp.Compare(a.Rule, b.Rule))
	})
	return all
}

// failed splits our failures: crashes, and templates that were not finished.
func (c *comparison) failed() (crashes, unfinished, theirs int) {
	for _, f := range c.Failures {
		switch {
		case !f.Ours:
			theirs++
		case strings.HasPrefix(f.Reason, "crash"):
			crashes++
		default:
			unfinished++
		}
	}
	return crashes, unfinished, theirs
}

func (c *comparison) writeJSON(path string) error {
	crashes, unfinished, _ := c.failed()
	data, err := json.MarshalIndent(map[string]any{
		"templates": c.Templates, "crashes": crashes, "unfinished": unfinished, "failures": c.Failures,
		"E": c.averages('E'), "W": c.averages('W'), "I": c.averages('I'), "rules": c.worst(),
	}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
