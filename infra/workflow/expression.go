package workflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Expression is the value of an "x.$" field: a path, or an intrinsic function
// with its arguments. A literal stands only inside an intrinsic.
type Expression struct {
	Path      string // "$.a", "$$.Task.Token"
	Function  string // "States.Format"
	Arguments []Expression
	Literal   any // string or float64, when Path and Function are ""
}

// intrinsics are the intrinsic functions that our workflows may use. Others
// exist; each one more must be interpreted too.
// Source: Amazon States Language, "Intrinsic Functions".
var intrinsics = []string{"States.Array", "States.ArrayLength", "States.Format", "States.JsonToString", "States.MathAdd", "States.StringToJson"}

// ParseExpression parses the value of an "x.$" field.
func ParseExpression(text string) (Expression, error) {
	p := &expressionParser{rest: text}
	e, err := p.expression()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q follows the end", p.rest)
	}
	if err == nil && e.Path == "" && e.Function == "" {
		err = fmt.Errorf("a literal is not a path")
	}
	if err != nil {
		return Expression{}, fmt.Errorf("%q: %w", text, err)
	}
	return e, nil
}

type expressionParser struct{ rest string }

func (p *expressionParser) expression() (Expression, error) {
	p.rest = strings.TrimLeft(p.rest, " ")
	switch {
	case strings.HasPrefix(p.rest, "$"):
		end := pathEnd(p.rest)
		path := p.rest[:end]
		p.rest = p.rest[end:]
		_, _, err := ParsePath(path)
		return Expression{Path: path}, err
	case strings.HasPrefix(p.rest, "States."):
		return p.call()
	case strings.HasPrefix(p.rest, "'"):
		return p.text()
	default:
		end := strings.IndexAny(p.rest, ",) ")
		if end < 0 {
			end = len(p.rest)
		}
		number, err := strconv.ParseFloat(p.rest[:end], 64)
		if err != nil {
			return Expression{}, fmt.Errorf("%q is neither a path, an intrinsic function, text nor a number", p.rest)
		}
		p.rest = p.rest[end:]
		return Expression{Literal: number}, nil
	}
}

// pathEnd returns where a path at the beginning of text ends: at a comma,
// parenthesis or space that is not inside ['field'].
func pathEnd(text string) int {
	quoted := false
	for i := range len(text) {
		switch text[i] {
		case '\'':
			quoted = !quoted
		case ',', ')', ' ':
			if !quoted {
				return i
			}
		}
	}
	return len(text)
}

func (p *expressionParser) call() (Expression, error) {
	name, rest, ok := strings.Cut(p.rest, "(")
	if !ok || !slices.Contains(intrinsics, name) {
		return Expression{}, fmt.Errorf("%s is not one of %s", name, strings.Join(intrinsics, ", "))
	}
	e := Expression{Function: name}
	p.rest = rest
	for {
		argument, err := p.expression()
		if err != nil {
			return Expression{}, err
		}
		e.Arguments = append(e.Arguments, argument)
		p.rest = strings.TrimLeft(p.rest, " ")
		switch {
		case strings.HasPrefix(p.rest, ","):
			p.rest = p.rest[1:]
		case strings.HasPrefix(p.rest, ")"):
			p.rest = p.rest[1:]
			return e, nil
		default:
			return Expression{}, fmt.Errorf("%s( is not closed", name)
		}
	}
}

// text reads a quoted string; \' , \{ , \} and \\ stand for the character.
func (p *expressionParser) text() (Expression, error) {
	var out strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\' && i+1 < len(p.rest):
			i++
			if p.rest[i] == '{' || p.rest[i] == '}' { // kept for States.Format
				out.WriteByte('\\')
			}
			out.WriteByte(p.rest[i])
		case c == '\'':
			p.rest = p.rest[i+1:]
			return Expression{Literal: out.String()}, nil
		default:
			out.WriteByte(c)
		}
	}
	return Expression{}, fmt.Errorf("a quote is not closed")
}
