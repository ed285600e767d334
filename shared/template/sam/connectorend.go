package sam

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// end is one end of a connector.
type end struct {
	id, typ                                  string
	arn, role, url, resourceID, name, detail *node
}

func cfnType(typ string) string {
	switch typ {
	case "AWS::Serverless::Function":
		return "AWS::Lambda::Function"
	case "AWS::Serverless::StateMachine":
		return "AWS::StepFunctions::StateMachine"
	case "AWS::Serverless::Api":
		return "AWS::ApiGateway::RestApi"
	case "AWS::Serverless::HttpApi":
		return "AWS::ApiGatewayV2::Api"
	case "AWS::Serverless::SimpleTable":
		return "AWS::DynamoDB::Table"
	}
	return typ
}

func (c *connection) roleProperty(known, props, other *node) *node {
	property := dig(known, "Inputs", "Role")
	if property.IsString() {
		return get(props, property.Text)
	}
	if property == nil {
		return nil
	}
	for _, target := range c.asItems(props.Get("Targets")) { // of a rule
		arn := get(target, "Arn")
		id := logicalID(arn)
		if id != "" && id == other.Get("Id").Str() || truthy(other.Get("Arn")) && equal(arn, other.Get("Arn")) {
			return get(target, "RoleArn")
		}
	}
	return nil
}

// profile fills a connector profile: %{Name} stands for a value. It returns
// nil for nil.
func (t *translator) profile(n *node, values map[string]*node) *node {
	if n == nil {
		return nil
	}
	if n.IsString() {
		return t.profileText(n, values)
	}
	c := *n
	c.Line, c.Column = t.line, t.column
	c.Entries, c.Items = nil, nil
	for _, e := range n.Entries {
		c.Entries = append(c.Entries, template.Entry{Key: e.Key, Line: t.line, Column: t.column, Value: t.profile(e.Value, values)})
	}
	for _, i := range n.Items {
		c.Items = append(c.Items, t.profile(i, values))
	}
	return &c
}

func (t *translator) profileText(n *node, values map[string]*node) *node {
	used := t.obj()
	for _, m := range profilePattern.FindAllStringSubmatch(n.Text, -1) {
		v, known := values[m[1]]
		switch {
		case !known:
			continue
		case v == nil:
			fail("", "the connector needs %s", m[1])
		case m[0] == n.Text:
			return v
		}
		t.set(used, strings.ReplaceAll(m[1], ".", ""), v)
	}
	text := profilePattern.ReplaceAllStringFunc(n.Text, func(s string) string {
		return "${" + strings.ReplaceAll(s[2:len(s)-1], ".", "") + "}"
	})
	switch {
	case !subPattern.MatchString(text):
		return t.str(text)
	case len(used.Entries) > 0:
		return t.obj("Fn::Sub", t.list(text, used))
	}
	return t.obj("Fn::Sub", text)
}

func (c *connection) asItems(n *node) []*node {
	if n == nil {
		return nil
	}
	return n.Items
}
