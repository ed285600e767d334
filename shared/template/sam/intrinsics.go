package sam

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

func (b *build) ref(id string) *node { return b.obj("Ref", id) }

func (b *build) getAtt(id, attribute string) *node {
	return b.obj("Fn::GetAtt", b.list(id, attribute))
}

// sub makes Fn::Sub with pairs of variables and values.
func (b *build) sub(text string, variables ...any) *node {
	if len(variables) == 0 {
		return b.obj("Fn::Sub", text)
	}
	return b.obj("Fn::Sub", b.list(text, b.obj(variables...)))
}

func (b *build) noValue() *node { return b.ref("AWS::NoValue") }

func (b *build) conditional(condition, then, otherwise any) *node {
	if v := b.value(otherwise); v == nil {
		otherwise = b.noValue()
	}
	return b.obj("Fn::If", b.list(condition, then, otherwise))
}

// single returns the only entry of a map.
func single(n *node) (template.Entry, bool) {
	if n == nil || n.Kind != template.Map || len(n.Entries) != 1 {
		return template.Entry{}, false
	}
	return n.Entries[0], true
}

// intrinsic returns name and argument of a function call; Condition counts.
func intrinsic(n *node) (string, *node, bool) {
	e, ok := single(n)
	if !ok || e.Key != "Ref" && e.Key != "Condition" && !strings.HasPrefix(e.Key, "Fn::") {
		return "", nil, false
	}
	return e.Key, e.Value, true
}

func isIntrinsic(n *node) bool { _, _, ok := intrinsic(n); return ok }

func isIf(n *node) bool { name, _, _ := intrinsic(n); return name == "Fn::If" }

func isNoValue(n *node) bool {
	name, arg, _ := intrinsic(n)
	return name == "Ref" && arg.Str() == "AWS::NoValue"
}

// refID returns the logical id in {Ref: id} and other strings as they are.
func refID(n *node) (string, bool) {
	if n != nil && n.Kind == template.Map {
		n = n.Get("Ref")
	}
	if n.IsString() {
		return n.Text, true
	}
	return "", false
}

// logicalID returns the resource that Ref or Fn::GetAtt names, "" if none.
func logicalID(n *node) string {
	name, arg, _ := intrinsic(n)
	switch {
	case name == "Ref" && arg.IsString():
		return arg.Text
	case name != "Fn::GetAtt":
		return ""
	case arg.IsString():
		if parts := strings.Split(arg.Text, "."); len(parts) == 2 {
			return parts[0]
		}
	case arg.IsList() && len(arg.Items) == 2:
		return arg.Items[0].Str()
	}
	return ""
}

// getAttList splits the text of !GetAtt at its first point, as YAML readers of
// CloudFormation do.
func (b *build) getAttList(n *node) *node {
	if n.Kind != template.String {
		return n
	}
	id, attribute, found := strings.Cut(n.Text, ".")
	l := &node{Kind: template.List, Line: n.Line, Column: n.Column}
	parts := []string{id, attribute}
	if !found {
		parts = parts[:1]
	}
	for _, p := range parts {
		l.Items = append(l.Items, &node{Kind: template.String, Text: p, Line: n.Line, Column: n.Column})
	}
	return l
}
