package check

import (
	"math"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// typeOf is the JSON type of a node, with Integer added to a whole number.
func typeOf(n *template.Node) jsonschema.TypeSet {
	switch n.Kind {
	case template.Map:
		return jsonschema.Object
	case template.List:
		return jsonschema.Array
	case template.String:
		if n.IsDate() {
			return jsonschema.Date
		}
		return jsonschema.String
	case template.Bool:
		return jsonschema.Boolean
	case template.Number:
		if n.Float == math.Trunc(n.Float) {
			return jsonschema.Number | jsonschema.Integer
		}
		return jsonschema.Number
	}
	return jsonschema.Null
}

func isAny(n *template.Node, types jsonschema.TypeSet) bool { return n != nil && typeOf(n).Has(types) }

// IsType reports whether the node is strictly of one of the types.
func IsType(n *template.Node, types jsonschema.TypeSet) bool { return isAny(n, types) }

// converts reports whether CloudFormation takes the node for one of the types,
// converting between strings, numbers and booleans.
func converts(n *template.Node, types jsonschema.TypeSet) bool {
	strict := types & (jsonschema.Object | jsonschema.Array | jsonschema.Null)
	have := typeOf(n)
	switch {
	case have == jsonschema.Null:
		return types.Has(jsonschema.Null)
	case have.Has(strict):
		return true
	case have.Has(jsonschema.Object | jsonschema.Array):
		return false
	case types.Has(jsonschema.String):
		return true
	case types.Has(jsonschema.Number) && have != jsonschema.Boolean && isNumber(n):
		return true
	case types.Has(jsonschema.Integer) && have != jsonschema.Boolean && isInteger(n):
		return true
	case types.Has(jsonschema.Boolean):
		return have == jsonschema.Boolean || have == jsonschema.String && isBooleanText(n.Text)
	}
	return false
}

func isNumber(n *template.Node) bool {
	if n.Kind == template.Number {
		return true
	}
	_, ok := ParseNumber(n.Text)
	return ok
}

// isInteger accepts every number, since a fraction is cut off, and texts of
// whole numbers.
func isInteger(n *template.Node) bool {
	if n.Kind == template.Number {
		return true
	}
	text := strings.TrimSpace(n.Text)
	digits := strings.TrimLeft(text, "+-")
	if digits == "" || len(text)-len(digits) > 1 {
		return false
	}
	for i, c := range digits {
		if (c < '0' || c > '9') && (c != '_' || i == 0 || i == len(digits)-1) {
			return false
		}
	}
	return true
}

// ParseNumber reads a number as CloudFormation does when a text stands where a
// number is wanted.
func ParseNumber(text string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	if strings.ContainsAny(text, "xXpP") { // Go reads hexadecimal floats
		return 0, false
	}
	return f, true
}

// number is the value of a number or of a text that reads as one.
func number(n *template.Node) (float64, bool) {
	switch n.Kind {
	case template.Number:
		return n.Float, true
	case template.String:
		return ParseNumber(n.Text)
	}
	return 0, false
}

func isBooleanText(s string) bool {
	switch s {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return true
	}
	return false
}

// ScalarText is the text of a string, number or boolean as the service sees it.
func ScalarText(n *template.Node) (string, bool) {
	switch n.Kind {
	case template.String:
		return n.Text, true
	case template.Number:
		return NumberText(n), true
	case template.Bool:
		if n.True {
			return "True", true
		}
		return "False", true
	}
	return "", false
}

// NumberText is the text that a number becomes, whatever form it is written in.
func NumberText(n *template.Node) string {
	if isPlainDecimal(n.Text) {
		return n.Text
	}
	return n.Decimal()
}

// isPlainDecimal reports whether a number is written as it would be printed.
func isPlainDecimal(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] == '0' && len(text) > 1 {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// Equal compares two values as cfn-lint does: a text equals the number that it
// spells, and as soon as one side is a boolean or spells one, every text but
// "true" counts as false.
func Equal(a, b *template.Node) bool {
	if boolOrText(a) && boolOrText(b) && (spellsBool(a) || spellsBool(b)) {
		return truth(a) == truth(b)
	}
	if a.Kind == template.String || b.Kind == template.String {
		x, okx := ScalarText(a)
		y, oky := ScalarText(b)
		return okx && oky && x == y
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case template.Number:
		return a.Float == b.Float
	case template.Bool:
		return a.True == b.True
	case template.List:
		return equalLists(a, b)
	case template.Map:
		return equalMaps(a, b)
	}
	return true
}

func boolOrText(n *template.Node) bool { return n.Kind == template.Bool || n.Kind == template.String }

func spellsBool(n *template.Node) bool {
	return n.Kind == template.Bool || len(n.Text) == 4 && strings.EqualFold(n.Text, "true") || len(n.Text) == 5 && strings.EqualFold(n.Text, "false")
}

func truth(n *template.Node) bool {
	if n.Kind == template.Bool {
		return n.True
	}
	return strings.EqualFold(n.Text, "true")
}

func equalLists(a, b *template.Node) bool {
	if len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !Equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

func equalMaps(a, b *template.Node) bool {
	if len(a.Entries) != len(b.Entries) {
		return false
	}
	for _, e := range a.Entries {
		other := b.Get(e.Key)
		if other == nil || !Equal(e.Value, other) {
			return false
		}
	}
	return true
}

// Text makes a string node at the position of another.
func Text(text string, at *template.Node) *template.Node {
	n := &template.Node{Kind: template.String, Text: text}
	if at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	return n
}

// CallNode makes the call of a function at the position of another node.
func CallNode(function string, argument, at *template.Node) *template.Node {
	n := &template.Node{Kind: template.Map, Entries: []template.Entry{{Key: function, Value: argument}}}
	if at != nil {
		n.Line, n.Column = at.Line, at.Column
		n.Entries[0].Line, n.Entries[0].Column = at.Line, at.Column
	}
	return n
}

// Function returns the function that a node calls, None if it is no call.
func Function(n *template.Node) (jsonschema.Keyword, *template.Node) {
	if n == nil || n.Kind != template.Map || len(n.Entries) != 1 {
		return jsonschema.None, nil
	}
	k := jsonschema.Function(n.Entries[0].Key)
	if k == jsonschema.FnForEach || k > jsonschema.Condition && k != jsonschema.FnContains {
		return jsonschema.None, nil
	}
	return k, n.Entries[0].Value
}
