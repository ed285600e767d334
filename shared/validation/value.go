package validation

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// value shows a part of a template to package schema: function calls are
// opaque, Fn::If is a choice, AWS::NoValue is absent.
type value struct{ n *template.Node }

var _ schema.Value = value{}

func wrap(n *template.Node) value { return value{n} }

func (v value) Kind() schema.ValueKind {
	switch v.n.Kind {
	case template.Null:
		return schema.Opaque // reported on its own
	case template.Bool:
		return schema.BoolValue
	case template.Number:
		return schema.NumberValue
	case template.List:
		return schema.ListValue
	case template.String:
		if strings.Contains(v.n.Text, "{{") && strings.Contains(v.n.Text, "resolve:") {
			return schema.Opaque // a dynamic reference
		}
		return schema.StringValue
	}
	name, arg, ok := v.n.Call()
	switch {
	case !ok:
		return schema.MapValue
	case name == "Ref" && arg.Str() == "AWS::NoValue":
		return schema.Absent
	case name == "Fn::If" && arg.IsList() && len(arg.Items) == 3:
		return schema.Choice
	case name == "Fn::Transform":
		return schema.Opaque // a macro gives anything
	case strings.HasPrefix(name, "Fn::ForEach::"):
		return schema.MapValue // an open map without entries of its own
	case name != "Ref" && !intrinsic[name]:
		return schema.MapValue // a misspelt function is an ordinary object
	}
	return schema.Opaque
}

// intrinsic lists the functions that give a value in resources and outputs.
var intrinsic = map[string]bool{
	"Fn::And": true, "Fn::Base64": true, "Fn::Cidr": true, "Fn::Equals": true, "Fn::FindInMap": true, "Fn::GetAZs": true, "Fn::GetAtt": true,
	"Fn::GetStackOutput": true, "Fn::If": true, "Fn::ImportValue": true, "Fn::Join": true, "Fn::Length": true, "Fn::Not": true, "Fn::Or": true,
	"Fn::Select": true, "Fn::Split": true, "Fn::Sub": true, "Fn::ToJsonString": true,
}

func (v value) Bool() bool      { return v.n.True }
func (v value) Number() float64 { return v.n.Float }
func (v value) Text() string    { return v.n.Text }

func (v value) Len() int {
	if v.n.Kind == template.List {
		return len(v.n.Items)
	}
	return len(v.n.Entries)
}

func (v value) Item(i int) schema.Value { return wrap(v.n.Items[i]) }

// absent stands for an entry that a transform replaces.
var absent = wrap(&template.Node{Kind: template.Map, Entries: []template.Entry{
	{Key: "Ref", Value: &template.Node{Kind: template.String, Text: "AWS::NoValue"}},
}})

func (v value) Entry(i int) (string, schema.Value) {
	e := v.n.Entries[i]
	if template.Expands(e.Key) {
		return e.Key, absent
	}
	return e.Key, wrap(e.Value)
}

func (v value) Get(key string) (schema.Value, bool) {
	n := v.n.Get(key)
	return wrap(n), n != nil
}

func (v value) Open() bool {
	for _, e := range v.n.Entries {
		if template.Expands(e.Key) {
			return true
		}
	}
	return false
}

func (v value) Branches() []schema.Value {
	_, arg, _ := v.n.Call()
	return []schema.Value{wrap(arg.Items[1]), wrap(arg.Items[2])}
}
