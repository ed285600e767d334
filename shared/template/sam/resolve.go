package sam

import (
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// subVariable finds the variables of Fn::Sub that SAM looks at.
var subVariable = regexp.MustCompile(`\$\{([A-Za-z0-9.]+|AWS::[A-Z][A-Za-z]*)\}`)

// maxSteps bounds how many values one translation resolves.
const maxSteps = 500_000

const maxDepth = 500

// resolve puts the values of parameters in the place of Ref and of variables
// in Fn::Sub. It changes n and returns what takes its place.
func (t *translator) resolve(n *node) *node { return t.resolveAt(n, 0) }

func (t *translator) resolveAt(n *node, depth int) *node {
	if t.steps++; t.steps > maxSteps || depth > maxDepth {
		panic(failure{message: "the values of parameters refer to each other", final: true})
	}
	if n == nil {
		return nil
	}
	if e, ok := single(n); ok {
		switch e.Key {
		case "Ref":
			n = t.parameter(e.Value.Str(), n)
		case "Fn::Sub":
			n.Entries[0].Value = t.substitute(e.Value)
		}
	}
	for i := range n.Entries {
		n.Entries[i].Value = t.resolveAt(n.Entries[i].Value, depth+1)
	}
	for i := range n.Items {
		n.Items[i] = t.resolveAt(n.Items[i], depth+1)
	}
	return n
}

// parameter is the value of a parameter, n if it has none.
func (t *translator) parameter(name string, n *node) *node {
	v, ok := t.params[name]
	if !ok || strings.HasPrefix(v.Str(), "{{IntrinsicFunction:") {
		return n
	}
	return v
}

func (t *translator) substitute(n *node) *node {
	switch {
	case n.IsString():
		return t.substituteText(n)
	case n.IsList() && len(n.Items) > 0 && n.Items[0].IsString():
		n.Items[0] = t.substituteText(n.Items[0])
	}
	return n
}

func (t *translator) substituteText(n *node) *node {
	text := replaceVariables(n.Text, func(whole, name string) string {
		v := t.parameter(name, nil)
		if v == nil {
			return whole
		}
		if !v.IsString() {
			crash("Fn::Sub takes strings only, parameter %s is none", name)
		}
		return v.Text
	})
	if text == n.Text {
		return n
	}
	c := *n
	c.Text = text
	return &c
}

// replaceVariables replaces the variables in the text of Fn::Sub.
func replaceVariables(text string, value func(whole, name string) string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return subVariable.ReplaceAllStringFunc(text, func(whole string) string { return value(whole, whole[2:len(whole)-1]) })
}

// resolveMap resolves Fn::FindInMap from the template's mappings.
func (t *translator) resolveMap(n *node) *node {
	if n == nil {
		return nil
	}
	if e, ok := single(n); ok && e.Key == "Fn::FindInMap" {
		if !e.Value.IsList() || len(e.Value.Items) != 3 {
			crash("Fn::FindInMap takes three values")
		}
		if v := t.findInMap(e.Value.Items); v != nil {
			n = v
		}
	}
	for i := range n.Entries {
		n.Entries[i].Value = t.resolveMap(n.Entries[i].Value)
	}
	for i := range n.Items {
		n.Items[i] = t.resolveMap(n.Items[i])
	}
	return n
}

func (t *translator) findInMap(args []*node) *node {
	n := t.root.Get("Mappings")
	for _, a := range args {
		a = t.resolveMap(a)
		if !a.IsString() || n != nil && !n.IsMap() {
			return nil
		}
		n = n.Get(a.Text)
	}
	return t.clone(n)
}

// refer notes what references such as MyFunction.Alias mean.
func (t *translator) refer(id, typ string, made []*resource) {
	for name, generated := range referable(typ) {
		for _, r := range slices.Backward(made) {
			if r.typ == generated {
				if t.references[id] == nil {
					t.references[id] = map[string]string{}
				}
				t.references[id][name] = r.id
				break
			}
		}
	}
}

// referable are the names by which templates refer to generated resources
// (SAM specification, "Referencing generated resources").
func referable(typ string) map[string]string {
	switch typ {
	case "AWS::Serverless::Function":
		return map[string]string{"Alias": "AWS::Lambda::Alias", "Version": "AWS::Lambda::Version",
			"DestinationTopic": "AWS::SNS::Topic", "DestinationQueue": "AWS::SQS::Queue"}
	case "AWS::Serverless::Api":
		return map[string]string{"Stage": "AWS::ApiGateway::Stage", "Deployment": "AWS::ApiGateway::Deployment",
			"DomainName": "AWS::ApiGateway::DomainName", "DomainNameV2": "AWS::ApiGateway::DomainNameV2",
			"UsagePlan": "AWS::ApiGateway::UsagePlan", "UsagePlanKey": "AWS::ApiGateway::UsagePlanKey", "ApiKey": "AWS::ApiGateway::ApiKey"}
	case "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi":
		return map[string]string{"Stage": "AWS::ApiGatewayV2::Stage", "DomainName": "AWS::ApiGatewayV2::DomainName"}
	}
	return nil
}

// finish puts the result together and rewrites references.
func (t *translator) finish() *node {
	out := copyMap(t.root)
	t.del(out, "Transform")
	if transforms := t.source.Get("Transform"); transforms.IsList() && len(transforms.Items) > 1 {
		rest := *transforms
		rest.Items = slices.DeleteFunc(slices.Clone(transforms.Items), func(n *node) bool { return n.Str() == Name })
		out.Entries = append(out.Entries, template.Entry{Key: "Transform", Line: rest.Line, Column: rest.Column, Value: &rest})
	}
	t.out.Entries = slices.DeleteFunc(t.out.Entries, func(e template.Entry) bool { return e.Value == nil })
	t.set(out, "Resources", t.out)
	if len(t.renamed) > 0 {
		out = t.rewrite(out, t.renameReference)
	}
	if len(t.references) > 0 {
		out = t.rewrite(out, t.expandReference)
	}
	return out
}

// rewrite applies f to each map and returns a tree that shares what f left alone.
func (t *translator) rewrite(n *node, f func(*node) *node) *node {
	if n == nil {
		return nil
	}
	if n.Kind == template.Map {
		n = f(n)
	}
	var c *node
	change := func() *node {
		if c == nil {
			copied := *n
			copied.Entries, copied.Items = slices.Clone(n.Entries), slices.Clone(n.Items)
			c = &copied
		}
		return c
	}
	for i := range n.Entries {
		if v := t.rewrite(n.Entries[i].Value, f); v != n.Entries[i].Value {
			change().Entries[i].Value = v
		}
	}
	for i := range n.Items {
		if v := t.rewrite(n.Items[i], f); v != n.Items[i] {
			change().Items[i] = v
		}
	}
	if c != nil {
		return c
	}
	return n
}

// renameReference follows a resource whose logical id the translation changed.
func (t *translator) renameReference(n *node) *node {
	if d := n.Get("DependsOn"); d != nil {
		n = t.renameDependencies(n, d)
	}
	return t.rereference(n, func(id string, rest []string) ([]string, bool) {
		for _, r := range t.renamed {
			if r[0] == id {
				return append([]string{r[1]}, rest...), true
			}
		}
		return nil, false
	})
}

func (t *translator) renameDependencies(n, depends *node) *node {
	rename := func(s *node) *node {
		for _, r := range t.renamed {
			if s.Str() == r[0] {
				c := *s
				c.Text = r[1]
				return &c
			}
		}
		return s
	}
	changed := rename(depends)
	if depends.IsList() {
		l := *depends
		l.Items = make([]*node, len(depends.Items))
		for i, item := range depends.Items {
			l.Items[i] = rename(item)
		}
		changed = &l
	}
	n = copyMap(n)
	n.Entry("DependsOn").Value = changed
	return n
}

// expandReference replaces references such as MyFunction.Alias.
func (t *translator) expandReference(n *node) *node {
	return t.rereference(n, func(id string, rest []string) ([]string, bool) {
		if len(rest) == 0 {
			return nil, false
		}
		to, ok := t.references[id][rest[0]]
		return append([]string{to}, rest[1:]...), ok
	})
}

// rereference applies change to the parts of a reference.
func (t *translator) rereference(n *node, change func(id string, rest []string) ([]string, bool)) *node {
	e, ok := single(n)
	if !ok {
		return n
	}
	arg := e.Value
	switch {
	case e.Key == "Ref" && arg.IsString():
		id, attribute, dotted := strings.Cut(arg.Text, ".")
		rest := []string{attribute}
		if !dotted {
			rest = nil
		}
		if to, ok := change(id, rest); ok && len(to) == 1 {
			return withArgument(n, text(arg, to[0]))
		}
	case e.Key == "Fn::GetAtt":
		return t.rereferenceGetAtt(n, arg, change)
	case e.Key == "Fn::Sub" && arg.IsString():
		if s := rereferenceText(arg.Text, change); s != arg.Text {
			return withArgument(n, text(arg, s))
		}
	case e.Key == "Fn::Sub" && arg.IsList() && len(arg.Items) > 0 && arg.Items[0].IsString():
		if s := rereferenceText(arg.Items[0].Text, change); s != arg.Items[0].Text {
			l := *arg
			l.Items = slices.Clone(arg.Items)
			l.Items[0] = text(arg.Items[0], s)
			return withArgument(n, &l)
		}
	}
	return n
}

func (t *translator) rereferenceGetAtt(n, arg *node, change func(id string, rest []string) ([]string, bool)) *node {
	if n.Short {
		arg = t.getAttList(arg)
	}
	if !listOfStrings(arg) || len(arg.Items) < 2 {
		return n
	}
	parts := strings.Split(strings.Join(arg.Strings(), "."), ".")
	to, ok := change(parts[0], parts[1:])
	if !ok {
		return n
	}
	l := &node{Kind: template.List, Line: arg.Line, Column: arg.Column}
	for _, p := range to {
		l.Items = append(l.Items, text(arg, p))
	}
	return withArgument(n, l)
}

func rereferenceText(s string, change func(id string, rest []string) ([]string, bool)) string {
	return replaceVariables(s, func(whole, name string) string {
		parts := strings.Split(name, ".")
		if to, ok := change(parts[0], parts[1:]); ok {
			return "${" + strings.Join(to, ".") + "}"
		}
		return whole
	})
}

func withArgument(n, arg *node) *node {
	c := copyMap(n)
	c.Entries[0].Value = arg
	return c
}

func text(at *node, s string) *node {
	return &node{Kind: template.String, Text: s, Line: at.Line, Column: at.Column}
}
