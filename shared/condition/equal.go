package condition

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// operand is one side of an Fn::Equals.
type operand struct {
	node     *template.Node
	key      string // equal for equal values of equal type
	text     string // of a value without functions: what is compared
	function bool   // a map: its value is not known
	isRef    bool   // a call of Ref
	ref      string // the parameter of a Ref
}

// equal is one comparison. Two Fn::Equals with the same sides share it.
type equal struct {
	left, right operand // sorted, see sortsBefore
	typed       string  // identity with the types of scalars kept
	untyped     string  // identity with scalars as text
	static      Truth   // Unknown unless the sides are always, or never, equal
}

// nullKey is the key of null.
const nullKey = "z"

const regionParameter = "AWS::Region"

// equal reads the list of an Fn::Equals, which has two items.
func (s *Set) equal(list *template.Node) *equal {
	a, b := newOperand(list.Items[0]), newOperand(list.Items[1])
	if sortsBefore(&b, &a) {
		a, b = b, a
	}
	e := &equal{left: a, right: b, typed: pair(a.key, b.key), untyped: pair(a.textKey(), b.textKey())}
	switch {
	case !a.function && !b.function:
		e.static = truthOf(a.text == b.text)
	case a.function && b.function && a.key == b.key:
		e.static = Yes
	}
	return e
}

// pair joins two keys whatever their order.
func pair(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return strconv.Itoa(len(a)) + ":" + a + b
}

func newOperand(n *template.Node) operand {
	o := operand{node: n, key: string(appendKey(nil, n)), function: n.IsMap()}
	if !o.function {
		o.text = pythonText(n)
		return o
	}
	if len(n.Entries) == 1 && n.Entries[0].Key == "Ref" {
		o.isRef = true
		o.ref = n.Entries[0].Value.Str()
	}
	return o
}

func (o *operand) textKey() string {
	if o.function {
		return o.key
	}
	return "s" + o.text
}

// other returns the literal text that a function is compared with.
func (e *equal) other() (function *operand, text string, ok bool) {
	switch {
	case e.left.function && !e.right.function:
		return &e.left, e.right.text, true
	case e.right.function && !e.left.function:
		return &e.right, e.left.text, true
	}
	return nil, "", false
}

// region returns the region that AWS::Region is compared with.
func (e *equal) region() (string, bool) {
	if f, text, ok := e.other(); ok && f.ref == regionParameter {
		return text, true
	}
	return "", false
}

// functions returns the sides that are functions.
func (e *equal) functions() []*operand {
	var out []*operand
	for _, o := range []*operand{&e.left, &e.right} {
		if o.function {
			out = append(out, o)
		}
	}
	return out
}

// pythonText is the text of a value as cfn-lint compares it: True, 1.0, None.
func pythonText(n *template.Node) string {
	switch {
	case n == nil || n.Kind == template.Null:
		return "None"
	case n.Kind == template.Bool && n.True:
		return "True"
	case n.Kind == template.Bool:
		return "False"
	case n.Kind == template.Number:
		return numberText(n)
	case n.Kind == template.String:
		return n.Text
	}
	return string(appendKey(nil, n))
}

// numberText writes integers plainly and floats in the shortest form that
// keeps their value, with an exponent below 1e-4 and from 1e16.
func numberText(n *template.Node) string {
	if !strings.ContainsAny(n.Text, ".eEnN") || strings.HasPrefix(n.Text, "0x") {
		return strconv.FormatFloat(n.Float, 'f', -1, 64)
	}
	if n.Float != 0 && (n.Float < 1e-4 && n.Float > -1e-4 || n.Float >= 1e16 || n.Float <= -1e16) {
		return strconv.FormatFloat(n.Float, 'e', -1, 64)
	}
	text := strconv.FormatFloat(n.Float, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// appendKey writes a value so that equal values give equal keys: maps without
// regard to the order of their keys, booleans as the numbers 0 and 1.
func appendKey(b []byte, n *template.Node) []byte {
	if n == nil {
		return append(b, 'z')
	}
	switch n.Kind {
	case template.Bool:
		if n.True {
			return append(b, "n1;"...)
		}
		return append(b, "n0;"...)
	case template.Number:
		b = strconv.AppendFloat(append(b, 'n'), n.Float, 'g', -1, 64)
		return append(b, ';')
	case template.String:
		b = strconv.AppendInt(append(b, 's'), int64(len(n.Text)), 10)
		return append(append(b, ':'), n.Text...)
	case template.List:
		b = append(b, '[')
		for _, item := range n.Items {
			b = appendKey(b, item)
		}
		return append(b, ']')
	case template.Map:
		return appendMapKey(b, n)
	}
	return append(b, 'z')
}

func appendMapKey(b []byte, n *template.Node) []byte {
	order := make([]int, len(n.Entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return strings.Compare(n.Entries[i].Key, n.Entries[j].Key) })
	b = append(b, '{')
	for _, i := range order {
		b = strconv.AppendInt(b, int64(len(n.Entries[i].Key)), 10)
		b = append(append(b, ':'), n.Entries[i].Key...)
		b = appendKey(b, n.Entries[i].Value)
	}
	return append(b, '}')
}

// sortsBefore is the order in which cfn-lint keeps the sides of a comparison:
// texts before functions, functions by name, Refs by parameter. It is no strict
// order: two calls of one function other than Ref come before each other.
func sortsBefore(a, b *operand) bool {
	if !a.function || !b.function {
		return shown(a) <= shown(b)
	}
	an, bn := functionName(a.node), functionName(b.node)
	switch {
	case an == "" || bn == "":
		return an != "" && bn == ""
	case an == "Ref" && bn == "Ref" && a.ref != "" && b.ref != "":
		return a.ref <= b.ref
	}
	return an <= bn
}

// shown is the beginning of Python's text of a value: enough to sort it.
func shown(o *operand) string {
	if !o.function {
		return o.text
	}
	if len(o.node.Entries) == 0 {
		return "{}"
	}
	e := o.node.Entries[0]
	if !e.Value.IsString() {
		return "{'" + e.Key + "': "
	}
	return "{'" + e.Key + "': '" + e.Value.Text + "'}"
}

// functionName returns the function that a map calls, "" if it calls none.
func functionName(n *template.Node) string {
	if n.IsMap() && len(n.Entries) == 1 && isFunction(n.Entries[0].Key) {
		return n.Entries[0].Key
	}
	return ""
}

func isFunction(key string) bool {
	switch key {
	case "Ref", "Condition", "Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Contains", "Fn::Equals", "Fn::FindInMap",
		"Fn::GetAtt", "Fn::GetAZs", "Fn::GetStackOutput", "Fn::If", "Fn::ImportValue", "Fn::Join", "Fn::Length",
		"Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString", "Fn::Transform":
		return true
	}
	return false
}
