package jsonschema

import (
	"regexp"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds one match of the backtracking engine. A value that takes
// longer counts as matching: a slow pattern must not become a false finding.
const matchTimeout = 20 * time.Millisecond

// Regexp is a regular expression of a schema, matched anywhere in a text (JSON
// Schema draft 7, section 6.3.3). Most compile in Go's linear-time engine, the
// rest run in a backtracking engine under a time limit. Compilation waits until
// the first match.
type Regexp struct {
	source string

	once   sync.Once
	linear *regexp.Regexp
	back   *regexp2.Regexp
}

// NewRegexp returns the expression of a source text. A source that no engine
// understands matches everything.
func NewRegexp(source string) *Regexp { return &Regexp{source: source} }

// String returns the source text.
func (p *Regexp) String() string { return p.source }

// Valid reports whether an engine understands the expression.
func (p *Regexp) Valid() bool {
	p.once.Do(p.compile)
	return p.source == ".*" || p.linear != nil || p.back != nil
}

// Match reports whether the expression matches anywhere in the value.
func (p *Regexp) Match(value string) bool {
	if p.source == ".*" {
		return true
	}
	p.once.Do(p.compile)
	switch {
	case p.linear != nil:
		return p.linear.MatchString(value)
	case p.back != nil:
		ok, err := p.back.MatchString(value)
		return ok || err != nil
	}
	return true
}

func (p *Regexp) compile() {
	var err error
	if p.linear, err = regexp.Compile(p.source); err == nil {
		return
	}
	for _, options := range []regexp2.RegexOptions{regexp2.ECMAScript, regexp2.ECMAScript | regexp2.Unicode, regexp2.None} {
		if p.back, err = regexp2.Compile(p.source, options); err == nil {
			p.back.MatchTimeout = matchTimeout
			return
		}
	}
	p.back = nil
}
