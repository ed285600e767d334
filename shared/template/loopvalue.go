package template

import (
	"slices"
	"strings"
)

// operand is a value in a loop's collection or in Fn::FindInMap: a scalar, Ref,
// Fn::FindInMap or Fn::If.
type operand interface {
	// value resolves the operand. With onlyParams, nothing but identifiers of
	// loops is looked up.
	value(x *expander, params []binding, onlyParams bool) (*Node, error)
}

func newOperand(n *Node) (operand, error) {
	switch n.Kind {
	case String, Number, Bool:
		if n.IsDate() {
			break
		}
		return scalarOperand{n}, nil
	case Map:
		if len(n.Entries) != 1 {
			return nil, faultAt(n, "expected an object with one key")
		}
		arg := n.Entries[0].Value
		switch n.Entries[0].Key {
		case "Ref":
			return newRefOperand(arg)
		case "Fn::FindInMap":
			return newMapOperand(arg)
		case "Fn::If":
			if arg.Kind != List || len(arg.Items) != 3 {
				return nil, faultAt(arg, "Fn::If takes a list of three values")
			}
			if _, err := newOperand(arg.Items[0]); err != nil {
				return nil, err
			}
			return ifOperand{arg}, nil
		}
	}
	return nil, faultAt(n, "expected a text, Ref, Fn::FindInMap or Fn::If")
}

type scalarOperand struct{ n *Node }

func (o scalarOperand) value(*expander, []binding, bool) (*Node, error) {
	if o.n.Text == "" || o.n.Kind == Bool && !o.n.True || o.n.Kind == Number && o.n.Float == 0 {
		return nil, faultAt(o.n, "an empty value has no meaning here")
	}
	return o.n, nil
}

type ifOperand struct{ n *Node }

func (o ifOperand) value(*expander, []binding, bool) (*Node, error) {
	return nil, unresolvedAt(o.n, "Fn::If")
}

type refOperand struct {
	name operand
	n    *Node
}

func newRefOperand(arg *Node) (operand, error) {
	if arg.Kind != String && arg.Kind != Map {
		return nil, faultAt(arg, "Ref takes a string")
	}
	name, err := newOperand(arg)
	return refOperand{name, arg}, err
}

func (o refOperand) value(x *expander, params []binding, onlyParams bool) (*Node, error) {
	name, err := o.name.value(x, params, false)
	if err != nil {
		return nil, err
	}
	if name.Kind != String {
		return nil, unresolvedAt(o.n, "Ref")
	}
	if v, ok := lookup(params, name.Text); ok {
		return v, nil
	}
	if onlyParams {
		return nil, unresolvedAt(o.n, "Ref "+excerpt(name.Text))
	}
	if v, ok := x.pseudo(o.n, name.Text); ok {
		return v, nil
	}
	return x.parameter(o.n, name.Text)
}

// pseudo gives the pseudo parameters the values that cfn-lint gives them. The
// account is known only if a mapping names it.
func (x *expander) pseudo(at *Node, name string) (*Node, bool) {
	text := func(s string) (*Node, bool) {
		return &Node{Kind: String, Text: s, Line: at.Line, Column: at.Column}, true
	}
	partition := "aws"
	switch {
	case x.region == "us-gov-east-1" || x.region == "us-gov-west-1":
		partition = "aws-us-gov"
	case x.inChina():
		partition = "aws-cn"
	}
	switch name {
	case "AWS::Region":
		return text(x.region)
	case "AWS::AccountId":
		return x.account, x.account != nil
	case "AWS::NotificationARNs":
		arn, _ := text("arn:" + partition + ":sns:" + x.region + ":123456789012:notification")
		return &Node{Kind: List, Items: []*Node{arn}, Line: at.Line, Column: at.Column}, true
	case "AWS::NoValue":
		return &Node{Kind: Null, Line: at.Line, Column: at.Column}, true
	case "AWS::Partition":
		return text(partition)
	case "AWS::StackId":
		return text("arn:" + partition + ":cloudformation:" + x.region + ":123456789012:stack/teststack/51af3dc0-da77-11e4-872e-1234567db123")
	case "AWS::StackName":
		return text("teststack")
	case "AWS::URLSuffix":
		if x.inChina() {
			return text("amazonaws.com.cn")
		}
		return text("amazonaws.com")
	}
	return nil, false
}

func (x *expander) inChina() bool { return x.region == "cn-north-1" || x.region == "cn-northwest-1" }

// parameter resolves a parameter by its default or first allowed value. A list
// without either has two items.
func (x *expander) parameter(at *Node, name string) (*Node, error) {
	p := x.root.Get("Parameters").Get(name)
	if name == "AWS::AccountId" || p == nil || falsy(p) {
		return nil, unresolvedAt(at, "Ref "+excerpt(name))
	}
	typ := "String"
	if t := p.Get("Type"); t != nil {
		if t.Kind != String {
			return nil, faultAt(t, "the type of parameter %s is not a string", name)
		}
		typ = t.Text
	}
	if p.Kind != Map {
		return nil, faultAt(p, "parameter %s is not an object", name)
	}
	if strings.HasPrefix(typ, "AWS::SSM::Parameter") {
		return nil, unresolvedAt(at, "Ref "+excerpt(name))
	}
	list := strings.Contains(typ, "List")
	given := p.Get("Default")
	if given == nil || falsy(given) {
		given = nil
		if allowed := p.Get("AllowedValues"); allowed != nil && allowed.Kind == List && len(allowed.Items) > 0 {
			given = allowed.Items[0]
		}
	}
	switch {
	case given != nil && !list:
		return given, nil
	case given != nil && given.Kind != String:
		return nil, faultAt(given, "the value of list parameter %s is not a string", name)
	case given != nil:
		return splitList(given), nil
	case list:
		return selections(at, name), nil
	}
	return nil, unresolvedAt(at, "Ref "+excerpt(name))
}

// falsy reports what Python takes for false.
func falsy(n *Node) bool {
	switch n.Kind {
	case Null:
		return true
	case Bool:
		return !n.True
	case Number:
		return n.Float == 0
	case String:
		return n.Text == ""
	case List:
		return len(n.Items) == 0
	}
	return len(n.Entries) == 0
}

func splitList(n *Node) *Node {
	list := &Node{Kind: List, Line: n.Line, Column: n.Column}
	for part := range strings.SplitSeq(n.Text, ",") {
		list.Items = append(list.Items, &Node{Kind: String, Text: strings.TrimSpace(part), Line: n.Line, Column: n.Column})
	}
	return list
}

// selections are the first two items of a list parameter: {Fn::Select: [0, {Ref: name}]}.
func selections(at *Node, name string) *Node {
	node := func(n Node) *Node {
		n.Line, n.Column = at.Line, at.Column
		for i := range n.Entries {
			n.Entries[i].Line, n.Entries[i].Column = at.Line, at.Column
		}
		return &n
	}
	list := node(Node{Kind: List})
	for _, index := range []string{"0", "1"} {
		ref := node(Node{Kind: Map, Entries: []Entry{{Key: "Ref", Value: node(Node{Kind: String, Text: name})}}})
		i := node(Node{Kind: Number, Form: FormInteger, Text: index, Float: float64(index[0] - '0')})
		args := node(Node{Kind: List, Items: []*Node{i, ref}})
		list.Items = append(list.Items, node(Node{Kind: Map, Entries: []Entry{{Key: "Fn::Select", Value: args}}}))
	}
	return list
}

// mapOperand is Fn::FindInMap: [map, first key, second key, {DefaultValue: …}].
type mapOperand struct {
	n        *Node
	names    [3]operand
	fallback []operand // the default's values
	isList   bool      // the default is a list
	has      bool      // there is a default
}

func newMapOperand(arg *Node) (operand, error) {
	if arg.Kind != List || len(arg.Items) != 3 && len(arg.Items) != 4 {
		return nil, faultAt(arg, "Fn::FindInMap takes a list of 3 or 4 values")
	}
	o := &mapOperand{n: arg}
	var err error
	for i := range o.names {
		if o.names[i], err = newOperand(arg.Items[i]); err != nil {
			return nil, err
		}
	}
	if len(arg.Items) == 4 {
		err = o.setDefault(arg.Items[3])
	}
	return o, err
}

func (o *mapOperand) setDefault(n *Node) error {
	v := n.Get("DefaultValue")
	if v == nil || len(n.Entries) != 1 {
		return faultAt(n, "the fourth value of Fn::FindInMap is an object with the key DefaultValue")
	}
	o.has, o.isList = true, v.Kind == List
	items := []*Node{v}
	if o.isList {
		items = v.Items
	}
	for _, item := range items {
		op, err := newOperand(item)
		if err != nil {
			return err
		}
		o.fallback = append(o.fallback, op)
	}
	return nil
}

func (o *mapOperand) value(x *expander, params []binding, onlyParams bool) (*Node, error) {
	return o.find(x, params, onlyParams, true)
}

// find looks the value up. Where a name is not known, it takes a mapping that
// has the other names: see mapLookup.
func (o *mapOperand) find(x *expander, params []binding, onlyParams, useDefault bool) (*Node, error) {
	l := &mapLookup{x: x, params: params, onlyParams: onlyParams, names: o.names}
	if err := l.chooseMapping(); err != nil {
		return nil, err
	}
	if l.mapping != nil && !falsy(l.mapping) {
		if err := l.chooseFirstKey(); err != nil {
			return nil, err
		}
		v, err := l.at(o.n)
		if err == nil || !isUnresolved(err) {
			return v, err
		}
		if !o.has || !useDefault {
			if v, err := l.anyList(); v != nil || err != nil {
				return v, err
			}
		}
	}
	if o.has && useDefault {
		return o.defaultValue(x, params, onlyParams)
	}
	return nil, unresolvedAt(o.n, "Fn::FindInMap")
}

func (o *mapOperand) defaultValue(x *expander, params []binding, onlyParams bool) (*Node, error) {
	var items []*Node
	for _, op := range o.fallback {
		v, err := op.value(x, params, onlyParams)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if !o.isList {
		return items[0], nil
	}
	return &Node{Kind: List, Items: items, Line: o.n.Line, Column: o.n.Column}, nil
}

// mapped resolves Fn::FindInMap in the template to a list or scalar of the
// mapping; if it cannot, it walks the arguments.
func (x *expander) mapped(v *Node, params []binding) (value, whole *Node, err error) {
	if op, err := newMapOperand(v); err == nil {
		found, err := op.(*mapOperand).find(x, params, true, false)
		if err == nil && found.Kind != Map && found.Kind != Null && !found.IsDate() {
			return nil, found, nil
		}
	}
	switch {
	case v.Kind == List:
		v, err = x.list(v, params)
		return v, nil, err
	case (v.Kind == Map || v.Kind == String) && falsy(v):
		return v, nil, nil
	}
	return nil, nil, faultAt(v, "Fn::FindInMap takes a list")
}

// keyed looks a value up in a map by a name; date keys and the like have none.
func keyed(m *Node, name *Node) (*Node, error) {
	if name.Kind == List || name.Kind == Map {
		return nil, faultAt(name, "a name in Fn::FindInMap is a string")
	}
	if m.Kind != Map {
		return nil, faultAt(m, "expected an object in Mappings")
	}
	want := Entry{Key: name.Text}
	if name.Kind != String || name.Form != FormNone {
		want.KeyNode = name
	}
	i := slices.IndexFunc(m.Entries, func(e Entry) bool { return sameKey(&e, &want) })
	if i < 0 {
		return nil, nil
	}
	return m.Entries[i].Value, nil
}
