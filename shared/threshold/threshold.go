// Package threshold reads conditions on one number, such as "< 1" or
// ">= 0.5 and < 2", as an analysis of evenkeel.yaml holds them.
package threshold

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxText is the most bytes of a condition.
const MaxText = 200

// Condition is a parsed condition; the zero value holds for no number.
//
//	condition  = conjunction { "or" conjunction }
//	conjunction = comparison { "and" comparison }
//	comparison = ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) number
type Condition struct {
	either [][]comparison // one of these, of which each
	text   string
}

type comparison struct {
	operator string
	bound    float64
}

// SyntaxError is a text that is no condition.
type SyntaxError struct {
	Text    string
	Column  int // in characters, from 1
	Message string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("column %d of %q: %s", e.Column, e.Text, e.Message)
}

// operators in the order in which they are looked for: the longer first.
var operators = [...]string{"<=", ">=", "==", "!=", "<", ">"}

// Parse reads a condition. Every error is a *SyntaxError.
func Parse(text string) (Condition, error) {
	if len(text) > MaxText {
		return Condition{}, &SyntaxError{text[:MaxText] + "…", 1, fmt.Sprintf("a condition has at most %d characters", MaxText)}
	}
	p := parser{text: text}
	c := Condition{text: strings.Join(strings.Fields(text), " ")}
	for {
		conjunction, err := p.conjunction()
		if err != nil {
			return Condition{}, err
		}
		c.either = append(c.either, conjunction)
		switch word := p.word(); {
		case word == "or":
			p.at += len(word)
		case p.at == len(text):
			return c, nil
		default:
			return Condition{}, p.fail("expected \"and\", \"or\" or the end")
		}
	}
}

// Holds reports whether a number meets the condition. What is no number, or
// infinite, meets none.
func (c Condition) Holds(value float64) bool {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return false
	}
	for _, conjunction := range c.either {
		met := true
		for _, comparison := range conjunction {
			met = met && comparison.holds(value)
		}
		if met {
			return true
		}
	}
	return false
}

// String returns the condition as it was written, blanks made single.
func (c Condition) String() string { return c.text }

// Bounds lists the numbers that the condition compares with, as they are
// written, for a drawing.
func (c Condition) Bounds() []float64 {
	var bounds []float64
	for _, conjunction := range c.either {
		for _, comparison := range conjunction {
			bounds = append(bounds, comparison.bound)
		}
	}
	return bounds
}

// IsZero reports whether there is no condition.
func (c Condition) IsZero() bool { return len(c.either) == 0 }

func (c comparison) holds(value float64) bool {
	switch c.operator {
	case "<":
		return value < c.bound
	case "<=":
		return value <= c.bound
	case ">":
		return value > c.bound
	case ">=":
		return value >= c.bound
	case "==":
		return value == c.bound
	default:
		return value != c.bound
	}
}

type parser struct {
	text string
	at   int
}

func (p *parser) conjunction() ([]comparison, error) {
	var conjunction []comparison
	for {
		comparison, err := p.comparison()
		if err != nil {
			return nil, err
		}
		conjunction = append(conjunction, comparison)
		word := p.word()
		if word != "and" {
			return conjunction, nil
		}
		p.at += len(word)
	}
}

func (p *parser) comparison() (comparison, error) {
	p.blanks()
	for _, operator := range operators {
		if strings.HasPrefix(p.text[p.at:], operator) {
			p.at += len(operator)
			bound, err := p.number()
			return comparison{operator, bound}, err
		}
	}
	return comparison{}, p.fail("expected a comparison such as \"< 1\": one of <, <=, >, >=, ==, != and a number")
}

func (p *parser) number() (float64, error) {
	p.blanks()
	end := p.at
	for end < len(p.text) && strings.IndexByte("+-.0123456789eE", p.text[end]) >= 0 {
		end++
	}
	number := p.text[p.at:end]
	if number == "" {
		return 0, p.fail("expected a number, without a unit")
	}
	bound, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(bound, 0) {
		return 0, p.fail(fmt.Sprintf("%q is not a number", number))
	}
	p.at = end
	return bound, nil
}

// word looks at the next word, "" if there is none.
func (p *parser) word() string {
	p.blanks()
	end := p.at
	for end < len(p.text) && 'a' <= p.text[end] && p.text[end] <= 'z' {
		end++
	}
	return p.text[p.at:end]
}

func (p *parser) blanks() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
}

func (p *parser) fail(message string) error {
	return &SyntaxError{p.text, len([]rune(p.text[:p.at])) + 1, message}
}
