package validation

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

const outputGuide = guide + "outputs-section-structure.html"

var outputRules = []Rule{
	{ID: "E6001", Severity: Error, Title: "Outputs are configured properly", Link: outputGuide, Check: both(checkOutputs, named("Outputs"))},
	{ID: "E6002", Severity: Error, Title: "Outputs have a value", Link: outputGuide, Check: checkOutputValues},
	{ID: "E6003", Severity: Error, Title: "The properties of outputs have the right type", Link: outputGuide, Check: checkOutputTypes},
	{ID: "E6010", Severity: Error, Title: "At most 200 outputs", Link: guide + "cloudformation-limits.html", Check: limited("Outputs", 200)},
	{ID: "E6011", Severity: Error, Title: "Output names are at most 255 characters long", Link: guide + "cloudformation-limits.html", Check: shortNames("Outputs")},
	{ID: "E6101", Severity: Error, Title: "Output values are strings", Link: outputGuide, Check: both(checkOutputStrings, defectsOf("E6101"))},
	{ID: "E6102", Severity: Error, Title: "Export names are strings", Link: outputGuide, Check: checkExports},
}

var outputKeys = []string{"Condition", "Description", "Export", "Value"}

func checkOutputs(c *Template) {
	for name, o := range c.Outputs.All() {
		for _, e := range o.Node.Entries {
			if !slices.Contains(outputKeys, e.Key) && !template.Expands(e.Key) {
				c.reportf(path{"Outputs", name, e.Key}, "%q is not a property of an output", e.Key)
			}
		}
	}
}

func checkOutputValues(c *Template) {
	for name, o := range c.Outputs.All() {
		if o.Node.IsMap() && o.Value == nil && o.Node.Get("Fn::Transform") == nil {
			c.reportf(path{"Outputs", name}, "the output %s has no Value", name)
		}
	}
}

func checkOutputTypes(c *Template) {
	if n := c.Root.Get("Outputs"); n != nil && !n.IsMap() {
		c.reportf(path{"Outputs"}, "Outputs is an object")
	}
	for name, o := range c.Outputs.All() {
		if !o.Node.IsMap() {
			c.reportf(path{"Outputs", name}, "an output is an object with at least a Value")
		}
		for _, key := range []string{"Condition", "Description"} {
			if n := o.Node.Get(key); n != nil && (n.IsMap() || n.IsList()) {
				c.reportf(path{"Outputs", name, key}, "%s is a string", key)
			}
		}
	}
}

func checkOutputStrings(c *Template) {
	for name, o := range c.Outputs.All() {
		if o.Value != nil {
			c.wantString(path{"Outputs", name, "Value"}, o.Value)
		}
	}
}

func checkExports(c *Template) {
	for name, o := range c.Outputs.All() {
		if o.Export != nil {
			c.wantString(path{"Outputs", name, "Export", "Name"}, o.Export)
		}
	}
}

// wantString reports values that cannot become a string. Both branches of
// Fn::If count.
func (c *Template) wantString(p path, n *template.Node) {
	switch wrap(n).Kind() {
	case schema.MapValue, schema.ListValue:
		if !wrap(n).Open() {
			c.reportf(p, "the value is of type %s, expected string", n.Kind)
		}
	case schema.Choice:
		_, arg, _ := n.Call()
		for i := 1; i <= 2; i++ {
			c.wantString(p.with("Fn::If", digits(i)), arg.Items[i])
		}
	case schema.Opaque:
		if kind := c.result(n); kind == schema.ListValue || kind == schema.MapValue {
			fn, _, _ := n.Call()
			c.reportf(p, "%s gives %s here, expected a string", fn, kindWords(kind))
		}
	}
}

func kindWords(k schema.ValueKind) string {
	if k == schema.ListValue {
		return "an array"
	}
	return "an object"
}

// result is the kind of value that a call certainly gives, Opaque if unknown.
func (c *Template) result(n *template.Node) schema.ValueKind {
	fn, arg, _ := n.Call()
	switch fn {
	case "Fn::Split", "Fn::Cidr", "Fn::GetAZs":
		return schema.ListValue
	case "Fn::Sub", "Fn::Join", "Fn::Base64", "Fn::ImportValue", "Fn::ToJsonString":
		return schema.StringValue
	case "Ref":
		if p, ok := c.Parameters.Get(arg.Str()); ok && p.IsList() {
			return schema.ListValue
		}
	case "Fn::GetAtt":
		return c.attributeKind(arg)
	}
	return schema.Opaque
}

func (c *Template) attributeKind(arg *template.Node) schema.ValueKind {
	id, attribute, ok := arg.GetAtt()
	r, exists := c.Resources.Get(id)
	if !ok || !exists {
		return schema.Opaque
	}
	typ, ok := schema.Load(r.Type)
	if !ok {
		return schema.Opaque
	}
	s, ok := typ.Property(schema.Pointer(splitAttribute(attribute)...))
	switch {
	case !ok || len(s.Types) != 1:
	case s.Types[0] == "array":
		return schema.ListValue
	case s.Types[0] == "object":
		return schema.MapValue
	}
	return schema.Opaque
}
