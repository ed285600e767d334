package metrics

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// value is a scalar, or a time series when points is not nil.
type value struct {
	scalar float64
	points map[int64]float64 // by the begin of the period, in seconds
}

// scope is what an expression is evaluated in.
type scope struct {
	series     map[string]map[int64]float64
	start, end int64 // of the request, in seconds
	period     int64
}

// evaluate computes an expression whose result is a time series.
// Source: CloudWatch user guide, "Using math expressions with CloudWatch
// metrics".
func (s scope) evaluate(text string) (points map[int64]float64, err error) {
	p := &parser{text: text, scope: s}
	defer func() {
		// The parser gives up by panicking with its own error type.
		if fault := recover(); fault != nil {
			said, ok := fault.(syntax)
			if !ok {
				panic(fault)
			}
			points, err = nil, said
		}
	}()
	p.next()
	result := p.either()
	if p.token != "" {
		p.fail("unexpected " + strconv.Quote(p.token))
	}
	if result.points == nil {
		p.fail("the result is a number, not a time series")
	}
	return result.points, nil
}

// syntax says why an expression cannot be evaluated.
type syntax string

func (s syntax) Error() string { return string(s) }

// parser evaluates while it reads; METRICS, SEARCH, SELECT and most functions
// are not known to it.
type parser struct {
	text  string // what is left
	token string // the current one; "" at the end
	scope scope
}

func (p *parser) fail(why string) {
	panic(syntax("Error in expression: " + why))
}

// operators are the tokens that are not words or numbers, the longer first.
var operators = []string{"<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", ","}

// next reads a token.
func (p *parser) next() {
	p.text = strings.TrimLeft(p.text, " \t\n")
	if p.text == "" {
		p.token = ""
		return
	}
	length := strings.IndexFunc(p.text, func(r rune) bool {
		return r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if length < 0 {
		length = len(p.text)
	}
	if length == 0 {
		at := slices.IndexFunc(operators, func(operator string) bool { return strings.HasPrefix(p.text, operator) })
		if at < 0 {
			p.fail("unexpected " + strconv.Quote(p.text))
		}
		length = len(operators[at])
	}
	p.token, p.text = p.text[:length], p.text[length:]
}

// take reads the next token if the current one is one of them.
func (p *parser) take(tokens ...string) (string, bool) {
	token := p.token
	if token == "" || !slices.Contains(tokens, token) {
		return "", false
	}
	p.next()
	return token, true
}

func (p *parser) demand(token string) {
	if _, ok := p.take(token); !ok {
		p.fail(fmt.Sprintf("%q is missing", token))
	}
}

// left reads operands that are joined by operators of one precedence.
func (p *parser) left(operand func() value, operators ...string) value {
	result := operand()
	for {
		operator, ok := p.take(operators...)
		if !ok {
			return result
		}
		result = combine(operator, result, operand())
	}
}

func (p *parser) either() value { return p.left(p.both, "OR", "||") }
func (p *parser) both() value   { return p.left(p.comparison, "AND", "&&") }
func (p *parser) comparison() value {
	return p.left(p.sum, "<", "<=", ">", ">=", "==", "!=")
}
func (p *parser) sum() value  { return p.left(p.term, "+", "-") }
func (p *parser) term() value { return p.left(p.power, "*", "/") }

func (p *parser) power() value {
	base := p.unary()
	if _, ok := p.take("^"); ok {
		return combine("^", base, p.power())
	}
	return base
}

func (p *parser) unary() value {
	if _, ok := p.take("-"); ok {
		return combine("*", value{scalar: -1}, p.unary())
	}
	if _, ok := p.take("("); ok {
		inner := p.either()
		p.demand(")")
		return inner
	}
	word := p.token
	if word == "" || slices.Contains(operators, word) {
		p.fail("a value is missing")
	}
	p.next()
	if number, err := strconv.ParseFloat(word, 64); err == nil && word[0] <= '9' {
		return value{scalar: number}
	}
	if p.token == "(" {
		return p.call(word)
	}
	if series, ok := p.scope.series[word]; ok {
		return value{points: series}
	}
	p.fail("there is no metric with the id " + word)
	panic("unreachable")
}

func (p *parser) call(name string) value {
	p.demand("(")
	if name == "FILL" {
		return p.fill()
	}
	arguments := []value{p.either()}
	for {
		if _, ok := p.take(","); !ok {
			break
		}
		arguments = append(arguments, p.either())
	}
	p.demand(")")
	each, known := map[string]func(float64) float64{"ABS": math.Abs, "CEIL": math.Ceil, "FLOOR": math.Floor}[name]
	switch {
	case known && len(arguments) == 1:
		return apply(arguments[0], each)
	case name == "IF" && len(arguments) == 3:
		return choose(arguments[0], arguments[1], arguments[2])
	}
	p.fail(fmt.Sprintf("the function %s with %d arguments is not known here", name, len(arguments)))
	panic("unreachable")
}

// fill gives a series a value in every period of the request.
func (p *parser) fill() value {
	series := p.either()
	p.demand(",")
	repeat := p.token == "REPEAT"
	var filler value
	if repeat {
		p.next()
	} else {
		filler = p.either()
	}
	p.demand(")")
	if series.points == nil || filler.points != nil {
		p.fail("FILL takes a time series, and a number or REPEAT")
	}
	filled := maps.Clone(series.points)
	last, ok := filler.scalar, !repeat
	for at := p.scope.start; at < p.scope.end; at += p.scope.period {
		if point, known := series.points[at]; known {
			if repeat {
				last, ok = point, true
			}
		} else if ok {
			filled[at] = last
		}
	}
	return value{points: filled}
}

// apply maps a value.
func apply(v value, f func(float64) float64) value {
	if v.points == nil {
		return value{scalar: f(v.scalar)}
	}
	mapped := map[int64]float64{}
	for at, point := range v.points {
		mapped[at] = f(point)
	}
	return value{points: mapped}
}

// at is the value at a time. One that is missing is 0.
func (v value) at(time int64) float64 {
	if v.points == nil {
		return v.scalar
	}
	return v.points[time]
}

// times are those at which one of the values has a point.
func times(values ...value) map[int64]bool {
	all := map[int64]bool{}
	for _, v := range values {
		for at := range v.points {
			all[at] = true
		}
	}
	return all
}

// combine joins two values at each time at which one of them has a point. What
// is no number, such as a division by zero, is dropped.
func combine(operator string, a, b value) value {
	if a.points == nil && b.points == nil {
		return value{scalar: operate(operator, a.scalar, b.scalar)}
	}
	points := map[int64]float64{}
	for at := range times(a, b) {
		if result := operate(operator, a.at(at), b.at(at)); !math.IsNaN(result) && !math.IsInf(result, 0) {
			points[at] = result
		}
	}
	return value{points: points}
}

// choose is IF: at each time the one or the other, if that has a point.
func choose(condition, then, otherwise value) value {
	if condition.points == nil {
		if condition.scalar != 0 {
			return then
		}
		return otherwise
	}
	points := map[int64]float64{}
	for at := range condition.points {
		chosen := otherwise
		if condition.at(at) != 0 {
			chosen = then
		}
		if _, has := chosen.points[at]; has || chosen.points == nil {
			points[at] = chosen.at(at)
		}
	}
	return value{points: points}
}

func operate(operator string, a, b float64) float64 {
	truth := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	switch operator {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "^":
		return math.Pow(a, b)
	case "<":
		return truth(a < b)
	case "<=":
		return truth(a <= b)
	case ">":
		return truth(a > b)
	case ">=":
		return truth(a >= b)
	case "==":
		return truth(a == b)
	case "!=":
		return truth(a != b)
	case "AND", "&&":
		return truth(a != 0 && b != 0)
	default:
		return truth(a != 0 || b != 0)
	}
}
