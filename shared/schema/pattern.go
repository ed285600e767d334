package schema

import (
	"regexp"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds one match of the backtracking engine. A value that takes
// longer counts as matching: a slow pattern must not become a false finding.
const matchTimeout = 20 * time.Millisecond

// Pattern is a regular expression of the published schemas. They are written in
// the dialect of ECMAScript (JSON Schema draft 7, section 6.3.3); most compile
// in Go's linear-time engine, the rest run in a backtracking engine under a
// time limit. Compilation waits until the first match.
type Pattern struct {
	source string

	once   sync.Once
	linear *regexp.Regexp
	back   *regexp2.Regexp
}

// NewPattern returns the pattern of a source text. A source that no engine
// understands matches everything.
func NewPattern(source string) *Pattern { return &Pattern{source: source} }

// String returns the source text.
func (p *Pattern) String() string { return p.source }

// Valid reports whether an engine understands the pattern.
func (p *Pattern) Valid() bool {
	p.once.Do(p.compile)
	return p.linear != nil || p.back != nil
}

// Match reports whether the pattern matches anywhere in the value.
func (p *Pattern) Match(value string) bool {
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

func (p *Pattern) compile() {
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
