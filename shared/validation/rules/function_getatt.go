package rules

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

var getAtt = &check.Call{Keyword: js.FnGetAtt, Gives: js.AnyType, Argument: arguments("getatt"), Right: func(_ *check.Validator, arg *template.Node) bool {
	return plain(arg) || arg.Kind == template.List && len(arg.Items) == 2 && plain(arg.Items[0]) && plain(arg.Items[1])
}}

// attributeName is the argument of Fn::GetAtt in parts.
type attributeName struct {
	resource, attribute *template.Node // nil if missing
	at                  check.Step     // where the resource is named below Fn::GetAtt
}

// nowhere is the step to a part of a text: cfn-lint, whose paths these are, has
// no name for it.
var nowhere = check.Key("None")

func partsOf(arg *template.Node) attributeName {
	switch arg.Kind {
	case template.String:
		resource, attribute, ok := strings.Cut(arg.Text, ".")
		p := attributeName{resource: check.Text(resource, arg), at: nowhere}
		if ok {
			p.attribute = check.Text(attribute, arg)
		}
		return p
	case template.List:
		p := attributeName{at: check.Index(0)}
		if len(arg.Items) == 2 {
			p.resource, p.attribute = arg.Items[0], arg.Items[1]
		}
		return p
	}
	return attributeName{}
}

func callGetAtt(v *check.Validator, s *js.Schema, n *template.Node) {
	arg := n.Entries[0].Value
	if v.Unresolvable {
		// The formats can be compared although the value is not known.
		if found := v.Collect(func() { v.CallUnder("E1010", arg, s) }); len(found) > 0 {
			v.Add(found...)
			return
		}
		v.Unknown()
		return
	}
	if !getAtt.CheckCall(v, s, n) {
		return
	}
	found := v.Collect(func() { v.Scoped(func() { checkAttribute(v, s, arg) }) })
	v.Add(found...)
	if len(found) == 0 {
		v.CallUnder("E1010", arg, s)
	}
}

// checkAttribute checks that the resource and its attribute exist, and that the
// attribute's type is exactly one that is wanted.
func checkAttribute(v *check.Validator, s *js.Schema, arg *template.Node) {
	name := partsOf(arg)
	if name.resource == nil {
		callFault(v, js.FnGetAtt, "Fn::GetAtt names no resource")
		return
	}
	v.CallRules(false)
	v.Strict = false
	v.Resolve(name.resource, func(resource *template.Node, problem *check.Fault) bool {
		if problem != nil {
			return true
		}
		r := v.Visible(resource.Str())
		switch {
		case r == nil:
			unknownResource(v, resource, name.at)
		case name.attribute == nil:
			callFault(v, js.FnGetAtt, "Fn::GetAtt names no attribute of %s", r.LogicalID)
		default:
			v.EachSchema(r.Type, func(*js.Schema) { checkAttributeOf(v, s, r, name.attribute) })
		}
		return true
	})
}

// unknownResource reports a name that is no resource, by the rule that answers
// for enum here: the name can come from a parameter.
func unknownResource(v *check.Validator, name *template.Node, at check.Step) {
	names := &template.Node{Kind: template.List}
	for _, id := range v.LogicalIDs() {
		if v.Visible(id) != nil {
			names.Items = append(names.Items, check.Text(id, nil))
		}
	}
	s := mustCompile(&template.Node{Kind: template.Map, Entries: []template.Entry{{Key: "enum", Value: names}}})
	found := v.Collect(func() { v.Below(check.Key("Fn::GetAtt"), func() { v.Walk(name, s) }) })
	if len(found) == 0 {
		callFault(v, js.FnGetAtt, "%s is not a resource of this template", check.Excerpt(name))
		return
	}
	found[0].Keyword = js.FnGetAtt
	found[0].At(at)
	v.Add(found[0])
}

func checkAttributeOf(v *check.Validator, s *js.Schema, r *check.Resource, attribute *template.Node) {
	attributes := attributesOf(v, r)
	v.Resolve(attribute, func(name *template.Node, problem *check.Fault) bool {
		if problem != nil {
			return true
		}
		if name.Kind != template.String {
			callFault(v, js.FnGetAtt, "the attribute of %s is not a text", r.LogicalID)
			return false
		}
		gives, ok := attributes.types(name.Text)
		if !ok {
			callFault(v, js.FnGetAtt, "%s has no attribute %q", r.Type, name.Text).At(check.Key("Fn::GetAtt"), check.Index(1))
			return true
		}
		if r.Type == "AWS::DocDB::DBCluster" && name.Text == "Port" {
			gives = js.String // the property is an integer, the attribute a text
		}
		if gives != 0 && s.Types != 0 && !s.Types.Has(js.Boolean|js.Integer) && !s.Types.Has(gives) {
			callFault(v, js.FnGetAtt, "the attribute %s of %s is of type %s, and %s is wanted", name.Text, r.LogicalID,
				strings.Join(gives.Names(), " or "), strings.Join(s.Types.Names(), " or ")).AtKey("Fn::GetAtt")
		}
		return true
	})
}

// attributes are those of a type or, for a nested stack whose template is at
// hand, its outputs.
type attributes struct {
	ofType  *schema.Attributes
	outputs *template.Node
	nested  bool
}

// attributesOf returns the attributes of a resource in the first region of the walk.
func attributesOf(v *check.Validator, r *check.Resource) attributes {
	return attributesIn(v.Template, r, v.Regions[0])
}

func attributesIn(t *check.Template, r *check.Resource, region string) attributes {
	if r.Type == "AWS::CloudFormation::Stack" && t.Options.Nested != nil {
		if url := r.Node.Get("Properties").Get("TemplateURL"); url.IsString() && !isRemote(url.Text) {
			if root := t.Options.Nested(url.Text); root != nil {
				return attributes{outputs: root.Get("Outputs"), nested: true}
			}
		}
	}
	return attributes{ofType: schema.GetAtts(r.Type, region)}
}

func isRemote(url string) bool {
	return strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "s3://")
}

// schema returns the schema of an attribute, nil if the type does not say, and
// whether there is one of that name.
func (a attributes) schema(name string) (*js.Schema, bool) {
	if a.nested {
		output, ok := strings.CutPrefix(name, "Outputs.")
		return js.OfType(js.String), ok && a.outputs.Get(output) != nil
	}
	if a.ofType == nil {
		return nil, false
	}
	found, ok := a.ofType.Get(name)
	return found.Schema, ok
}

func (a attributes) types(name string) (js.TypeSet, bool) {
	s, ok := a.schema(name)
	if s == nil {
		return 0, ok
	}
	return s.Types, ok
}
