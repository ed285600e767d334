package jsonschema

import (
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds one match of the backtracking engine. A value that takes
// longer counts as matching: a slow pattern must not become a false finding.
const matchTimeout = 50 * time.Millisecond

// Regexp is a regular expression of a schema, matched anywhere in a text (JSON
// Schema draft 7, section 6.3.3), with the meaning that Python's regex module
// gives it: cfn-lint judges the patterns with that. A flat sequence of
// characters and classes, which most are, is matched without any engine; most
// others compile in Go's linear-time engine, the rest run in a backtracking
// engine under a time limit. Compilation waits until the first match.
type Regexp struct {
	source string

	plainOnce, fullOnce sync.Once
	// plain matches texts of ASCII that do not end in a line feed, full all.
	plain, full engine
}

// engine is a compiled expression.
type engine interface{ match(text string) bool }

// NewRegexp returns the expression of a source text. A source that no engine
// understands matches everything.
func NewRegexp(source string) *Regexp { return &Regexp{source: source} }

// String returns the source text.
func (p *Regexp) String() string { return p.source }

// Valid reports whether an engine understands the expression.
func (p *Regexp) Valid() bool {
	return p.source == ".*" || p.compiled(false) != nil && p.compiled(true) != nil
}

// Match reports whether the expression matches anywhere in the value.
func (p *Regexp) Match(value string) bool {
	if p.source == ".*" {
		return true
	}
	e := p.compiled(!isPlain(value))
	return e == nil || e.match(value)
}

// MatchInTime is Match, and reports whether the match came to its end in time. For
// expressions that strangers write: a second one must not cost as much again.
func (p *Regexp) MatchInTime(value string) (matches, inTime bool) {
	if slow, ok := p.compiled(!isPlain(value)).(backtracking); ok {
		matches, err := slow.r.MatchString(value)
		return matches || err != nil, err == nil
	}
	return p.Match(value), true
}

func (p *Regexp) compiled(full bool) engine {
	if full {
		p.fullOnce.Do(func() { p.full = compileRegexp(p.source, true) })
		return p.full
	}
	p.plainOnce.Do(func() { p.plain = compileRegexp(p.source, false) })
	return p.plain
}

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return !strings.HasSuffix(text, "\n")
}

// compileRegexp returns nil if no engine understands the source.
func compileRegexp(source string, full bool) engine {
	translated := translate(source, full)
	if s := parseSequence(translated); s != nil {
		return s
	}
	if r, err := regexp.Compile(translated); err == nil {
		return linear{r}
	}
	for _, options := range []regexp2.RegexOptions{regexp2.None, regexp2.ECMAScript} {
		if r, err := regexp2.Compile(translateBack(source), options); err == nil {
			r.MatchTimeout = matchTimeout
			return backtracking{r}
		}
	}
	return nil
}

type linear struct{ r *regexp.Regexp }

func (e linear) match(text string) bool { return e.r.MatchString(text) }

type backtracking struct{ r *regexp2.Regexp }

func (e backtracking) match(text string) bool {
	ok, err := e.r.MatchString(text)
	return ok || err != nil
}
