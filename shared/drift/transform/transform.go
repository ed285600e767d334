// Package transform evaluates the propertyTransform of provider schemas: an
// expression that turns the value in a template into the form in which the
// service returns it.
package transform

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	jsonata "github.com/blues/jsonata-go"
)

// separator stands between alternatives: the value is the same if one of them
// gives what was read. It is no operator of JSONata.
const separator = " $OR "

// The most that an expression may be given to work on. The expressions are
// part of the schemas and take time in proportion to their input; the values
// are anybody's.
const (
	maxDepth   = 64
	maxNodes   = 20_000
	maxText    = 256 << 10
	maxPattern = 4 << 10
)

// library guards the evaluator, whose built-in functions keep the value that
// they are called on in a variable of its package.
var library sync.Mutex

// Transform is a compiled propertyTransform.
type Transform struct{ alternatives []alternative }

type alternative struct {
	text string
	expr *jsonata.Expr // nil if it did not compile
	err  error
}

// Compile reads a propertyTransform. What the evaluator cannot read is reported
// by Problems and, if nothing else gives the value, by Forms.
func Compile(expression string) *Transform {
	t := &Transform{}
	for text := range strings.SplitSeq(expression, separator) {
		a := alternative{text: text}
		if a.expr, a.err = compile(text); a.err != nil {
			// In JSONata a regular expression may go over a line break.
			if again, err := compile(strings.ReplaceAll(text, "\n", `\n`)); err == nil {
				a.expr, a.err = again, nil
			}
		}
		t.alternatives = append(t.alternatives, a)
	}
	return t
}

func compile(text string) (expr *jsonata.Expr, err error) {
	library.Lock()
	defer library.Unlock()
	defer caught(&err)
	return jsonata.Compile(text)
}

// caught turns a panic of the evaluator into an error.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the evaluator panicked: %v", r)
	}
}

// Problem is an alternative that cannot be evaluated.
type Problem struct {
	Expression string
	Err        error
}

// Problems returns the alternatives that did not compile.
func (t *Transform) Problems() []Problem {
	var found []Problem
	for _, a := range t.alternatives {
		if a.err != nil {
			found = append(found, Problem{a.text, a.err})
		}
	}
	return found
}

// Len is the number of alternatives.
func (t *Transform) Len() int { return len(t.alternatives) }

// Forms returns the values that the expression gives, each alternative on each
// of the contexts: published expressions name properties from the resource or
// from the object around the property, some both ways. An alternative without a
// result (undefined in JSONata) gives nothing; nil is JSON's null. An error
// names what could not be evaluated; the forms that could are returned with it.
func (t *Transform) Forms(contexts ...any) (forms []any, err error) {
	for _, context := range contexts {
		if !bounded(context) {
			return nil, fmt.Errorf("the value is too large or too deep for a transform (%d bytes of text, %d values, %d levels)", maxText, maxNodes, maxDepth)
		}
	}
	var problems []error
	for _, a := range t.alternatives {
		found, problem := a.forms(contexts)
		if problem != nil && len(found) == 0 {
			problems = append(problems, fmt.Errorf("transform %s: %w", shorten(a.text), problem))
		}
		forms = append(forms, found...)
	}
	return forms, errors.Join(problems...)
}

func (a alternative) forms(contexts []any) (forms []any, problem error) {
	if a.err != nil {
		return nil, a.err
	}
	for _, context := range contexts {
		v, err := a.eval(context)
		switch {
		case errors.Is(err, jsonata.ErrUndefined):
		case err != nil:
			problem = err
		default:
			forms = append(forms, v)
		}
	}
	return forms, problem
}

func (a alternative) eval(context any) (v any, err error) {
	library.Lock()
	defer library.Unlock()
	defer caught(&err)
	if v, err = a.expr.Eval(context); err != nil {
		return nil, err
	}
	switch v.(type) {
	case nil, string, bool, float64:
		return v, nil
	}
	text, err := json.Marshal(v) // lists and numbers of the evaluator's own types
	if err != nil {
		return nil, err
	}
	var plain any
	err = json.Unmarshal(text, &plain)
	return plain, err
}

// Matches reports that a text which was read has the form: as published, many
// transforms give a regular expression, which must match the whole text.
func Matches(form, text string) bool {
	if form == text {
		return true
	}
	if len(form) > maxPattern || len(text) > maxPattern || !strings.ContainsAny(form, `[]{}()*+?^$\.|`) {
		return false
	}
	pattern, err := regexp.Compile(`^(?:` + form + `)$`)
	return err == nil && pattern.MatchString(text)
}

// bounded reports a value that is small enough to be given to an expression.
func bounded(v any) bool {
	nodes, text := 0, 0
	var walk func(v any, depth int) bool
	walk = func(v any, depth int) bool {
		if nodes++; nodes > maxNodes || depth > maxDepth {
			return false
		}
		switch v := v.(type) {
		case string:
			text += len(v)
		case []any:
			for _, item := range v {
				if !walk(item, depth+1) {
					return false
				}
			}
		case map[string]any:
			for name, item := range v {
				if text += len(name); !walk(item, depth+1) {
					return false
				}
			}
		}
		return text <= maxText
	}
	return walk(v, 0)
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
