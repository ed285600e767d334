package validation

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
)

var templateRules = []Rule{
	{ID: "E1001", Severity: Error, Title: "The template has the sections of a template", Link: guide + "template-anatomy.html", Check: checkSections},
	{ID: "E1003", Severity: Error, Title: "The description is at most 1,024 bytes long", Link: guide + "cloudformation-limits.html", Check: checkDescriptionSize},
	{ID: "E1004", Severity: Error, Title: "The description is a string", Link: guide + "template-description-structure.html", Check: checkDescription},
	{ID: "E1005", Severity: Error, Title: "Transform is a name or a list of names", Link: guide + "transform-section-structure.html", Check: checkTransform},
	{ID: "EK0003", Severity: Error, Title: "No value is null", Link: guide + "template-formats.html", Check: checkNulls},
}

// checkNulls: CloudFormation refuses null values anywhere as it reads the
// template ("[/Outputs] 'null' values are not allowed in templates").
func checkNulls(c *Template) {
	var walk func(n *template.Node, p path)
	walk = func(n *template.Node, p path) {
		if n.Kind == template.Null {
			c.reportf(p, "null values are not allowed in templates")
			// The key's position helps less than that of the value.
			f := &c.findings[len(c.findings)-1]
			f.Line, f.Column = n.Line, n.Column
			return
		}
		n.Each(func(name string, child *template.Node) { walk(child, append(p, name)) })
	}
	walk(c.Root, nil)
}

var sections = []string{
	"AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Outputs", "Parameters", "Resources", "Rules", "Transform",
}

func checkSections(c *Template) {
	for _, e := range c.Root.Entries {
		known := slices.Contains(sections, e.Key) || template.Expands(e.Key) ||
			e.Key == "Globals" && c.hasTransform(serverless) || e.Key == "Hooks" && c.hasTransform("AWS::CodeDeployBlueGreen")
		if !known && !c.opaque() {
			c.reportf(path{e.Key}, "%q is not a section of a template", e.Key)
		}
	}
	if v := c.Root.Get("AWSTemplateFormatVersion"); v != nil && v.Text != "2010-09-09" {
		c.reportf(path{"AWSTemplateFormatVersion"}, "the only version of the template format is 2010-09-09")
	}
	for _, name := range []string{"Conditions", "Rules"} {
		if n := c.Root.Get(name); n != nil && !n.IsMap() {
			c.reportf(path{name}, "%s is an object", name)
		}
	}
	if c.Root.Get("Resources") == nil && !c.Loops {
		c.reportf(nil, "a template needs the section Resources")
	}
}

func checkDescription(c *Template) {
	if d := c.Root.Get("Description"); d != nil && !d.IsString() {
		c.reportf(path{"Description"}, "Description is a string, not of type %s", d.Kind)
	}
}

func checkDescriptionSize(c *Template) {
	const limit = 1024 // bytes (user guide, "CloudFormation quotas")
	if n := len(c.Description); n > limit {
		c.reportf(path{"Description"}, "the description has %d bytes, at most %d are allowed", n, limit)
	}
}

func checkTransform(c *Template) {
	n := c.Root.Get("Transform")
	switch {
	case n == nil || n.IsString():
	case n.IsMap() && !n.Get("Name").IsString():
		c.reportf(path{"Transform", "Name"}, "the Name of a macro is a string")
	case n.IsMap():
	case !n.IsList():
		c.reportf(path{"Transform"}, "Transform is the name of a macro or a list of them")
	default:
		for i, item := range n.Items {
			if !item.IsString() && !item.IsMap() {
				c.reportf(path{"Transform", digits(i)}, "a transform is the name of a macro, or its name and parameters")
			}
		}
	}
}
