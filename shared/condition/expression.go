package condition

import "github.com/evenkeel/evenkeel/shared/template"

// operator is the kind of a condition expression.
type operator uint8

const (
	opEquals operator = iota
	opAnd
	opOr
	opNot
	opName
)

// expression is a parsed condition: Fn::Equals, Fn::And, Fn::Or, Fn::Not or a
// reference to another condition.
type expression struct {
	op       operator
	name     string // of opName
	equal    *equal // of opEquals
	operands []*expression
	listed   bool // an Fn::Equals inside compares a list
}

// parse reads a condition expression, nil if it has no valid shape. The number
// of operands of Fn::And and Fn::Or is not checked.
func (s *Set) parse(n *template.Node) *expression {
	if !n.IsMap() || len(n.Entries) != 1 {
		return nil
	}
	arg := n.Entries[0].Value
	switch n.Entries[0].Key {
	case "Condition":
		if !arg.IsString() {
			return nil
		}
		return &expression{op: opName, name: arg.Text}
	case "Fn::Equals":
		if !arg.IsList() || len(arg.Items) != 2 {
			return nil
		}
		e := s.equal(arg)
		return &expression{op: opEquals, equal: e, listed: arg.Items[0].IsList() || arg.Items[1].IsList()}
	case "Fn::And":
		return s.parseList(opAnd, arg)
	case "Fn::Or":
		return s.parseList(opOr, arg)
	case "Fn::Not":
		if !arg.IsList() || len(arg.Items) != 1 {
			return nil
		}
		return s.parseList(opNot, arg)
	}
	return nil
}

func (s *Set) parseList(op operator, arg *template.Node) *expression {
	if !arg.IsList() {
		return nil
	}
	e := &expression{op: op, operands: make([]*expression, 0, len(arg.Items))}
	for _, item := range arg.Items {
		operand := s.parse(item)
		if operand == nil {
			return nil
		}
		e.listed = e.listed || operand.listed
		e.operands = append(e.operands, operand)
	}
	return e
}

// visit calls f for the expression and all in it, in the order of the text.
func (e *expression) visit(f func(*expression)) {
	f(e)
	for _, o := range e.operands {
		o.visit(f)
	}
}

// literal compiles the expression; leaf gives the literal of a comparison or a
// named condition.
func (e *expression) literal(t *theory, leaf func(*expression) literal) literal {
	if e.op == opEquals || e.op == opName {
		return leaf(e)
	}
	operands := make([]literal, len(e.operands))
	for i, o := range e.operands {
		operands[i] = o.literal(t, leaf)
	}
	switch e.op {
	case opAnd:
		return t.all(operands)
	case opOr:
		return t.some(operands)
	}
	return operands[0].not()
}
