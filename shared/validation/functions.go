package validation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

const functionGuide = guide + "intrinsic-function-reference"

var functionRules = []Rule{
	{ID: "E1010", Severity: Error, Title: "Fn::GetAtt names a resource and one of its attributes", Link: functionGuide + "-getatt.html", Check: each("Fn::GetAtt", checkGetAtt)},
	{ID: "E1011", Severity: Error, Title: "Fn::FindInMap names a mapping and its keys", Link: functionGuide + "-findinmap.html", Check: each("Fn::FindInMap", checkFindInMap)},
	{ID: "E1015", Severity: Error, Title: "Fn::GetAZs takes a region", Link: functionGuide + "-getavailabilityzones.html", Check: each("Fn::GetAZs", takesString)},
	{ID: "E1016", Severity: Error, Title: "Fn::ImportValue takes the name of an export", Link: functionGuide + "-importvalue.html", Check: each("Fn::ImportValue", takesString)},
	{ID: "E1017", Severity: Error, Title: "Fn::Select takes an index and a list", Link: functionGuide + "-select.html", Check: each("Fn::Select", checkSelect)},
	{ID: "E1018", Severity: Error, Title: "Fn::Split takes a delimiter and a string", Link: functionGuide + "-split.html", Check: each("Fn::Split", checkSplit)},
	{ID: "E1019", Severity: Error, Title: "The variables of Fn::Sub exist", Link: functionGuide + "-sub.html", Check: each("Fn::Sub", checkSub)},
	{ID: "E1020", Severity: Error, Title: "Ref names a parameter or a resource", Link: functionGuide + "-ref.html", Check: each("Ref", checkRef)},
	{ID: "E1021", Severity: Error, Title: "Fn::Base64 takes a string", Link: functionGuide + "-base64.html", Check: each("Fn::Base64", takesString)},
	{ID: "E1022", Severity: Error, Title: "Fn::Join takes a delimiter and a list", Link: functionGuide + "-join.html", Check: each("Fn::Join", checkJoin)},
	{ID: "E1024", Severity: Error, Title: "Fn::Cidr takes a network, a count and a size", Link: functionGuide + "-cidr.html", Check: each("Fn::Cidr", checkCidr)},
	{ID: "E1028", Severity: Error, Title: "Fn::If takes a condition and two values", Link: conditionGuide, Check: each("Fn::If", checkIf)},
	{ID: "E1029", Severity: Error, Title: "Variables are substituted by Fn::Sub only", Link: functionGuide + "-sub.html", Check: checkSubNeeded},
	{ID: "W1020", Severity: Warning, Title: "Fn::Sub has a variable to substitute", Link: functionGuide + "-sub.html", Check: each("Fn::Sub", checkSubUnneeded)},
}

// each makes a check of every call of one function.
func each(name string, check func(c *Template, f call)) func(*Template) {
	return func(c *Template) {
		for _, f := range c.functions() {
			if f.name == name {
				check(c, f)
			}
		}
	}
}

// pseudo lists the pseudo parameters (user guide, "Pseudo parameters reference").
var pseudo = []string{
	"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
}

// refers reports whether Ref may name something in a section. Conditions and
// Rules see no resources, for they are decided before any exists.
func (c *Template) refers(name, section string) bool {
	if slices.Contains(pseudo, name) || c.Parameters.Has(name) || c.opaque() || c.generated(name) {
		return true
	}
	return section != "Conditions" && section != "Rules" && c.Resources.Has(name)
}

func checkRef(c *Template, f call) {
	switch {
	case f.arg.IsMap() && c.hasTransform(languageExtensions):
	case !f.arg.IsString():
		c.reportf(f.path, "Ref takes the name of a parameter or resource")
	case !c.refers(f.arg.Text, f.section()):
		c.reportf(f.path, "%q is neither a parameter nor a resource of this template", f.arg.Text)
	}
}

func checkGetAtt(c *Template, f call) {
	id, attribute, ok := f.arg.GetAtt()
	if !ok {
		if f.arg.IsList() && len(f.arg.Items) == 2 && (f.arg.Items[0].IsString() || c.hasTransform(languageExtensions)) {
			return // the attribute comes from a function
		}
		c.reportf(f.path, "Fn::GetAtt takes a logical id and an attribute name")
		return
	}
	c.checkAttribute(f.path, id, attribute, f.section())
}

// checkAttribute reports a resource that does not exist or lacks the attribute.
func (c *Template) checkAttribute(p path, id, attribute, section string) {
	if c.opaque() || c.generated(id) {
		return
	}
	r, ok := c.Resources.Get(id)
	if !ok || section == "Conditions" || section == "Rules" {
		c.reportf(p, "%q is not a resource of this template", id)
		return
	}
	if !hasAttribute(r.Type, attribute) {
		c.reportf(p, "%s has no attribute %q", r.Type, attribute)
	}
}

// hasAttribute reports whether Fn::GetAtt may know an attribute of a type: the
// read-only properties of its schema and the objects that hold them. Many types
// also return ordinary properties, which no schema says: these count too.
func hasAttribute(typeName, attribute string) bool {
	typ, ok := schema.Load(typeName)
	switch {
	case !ok, typ.Name == "AWS::CloudFormation::CustomResource", typ.Name == "Module":
		return true
	case strings.HasPrefix(attribute, "Outputs."):
		return typeName == "AWS::CloudFormation::Stack" || typeName == "AWS::ServiceCatalog::CloudFormationProvisionedProduct"
	}
	for _, known := range typ.Attributes() {
		if known == attribute || strings.HasPrefix(known, attribute+".") || strings.HasPrefix(attribute, known+".") {
			return true
		}
	}
	_, ok = typ.Property(schema.Pointer(splitAttribute(attribute)...))
	return ok
}

func splitAttribute(attribute string) []string { return strings.Split(attribute, ".") }

func checkSub(c *Template, f call) {
	text, own := f.arg, (*template.Node)(nil)
	if f.arg.IsList() && len(f.arg.Items) == 2 {
		text, own = f.arg.Items[0], f.arg.Items[1]
	}
	if !text.IsString() || own != nil && !own.IsMap() {
		c.reportf(f.path, "Fn::Sub takes a string, or a string and a map of its variables")
		return
	}
	for _, part := range template.SubParts(text.Text) {
		if part.Name == "" || own.Entry(part.Name) != nil {
			continue
		}
		id, attribute, dotted := strings.Cut(part.Name, ".")
		switch {
		case dotted && !strings.HasPrefix(part.Name, "AWS::"):
			c.checkAttribute(f.path, id, attribute, f.section())
		case !c.refers(part.Name, f.section()):
			c.reportf(f.path, "the variable %q is neither a parameter nor a resource of this template", part.Name)
		}
	}
}

func checkSubUnneeded(c *Template, f call) {
	if c.opaque() || !f.arg.IsString() || strings.Contains(f.arg.Text, "${") {
		return
	}
	c.reportf(f.path, "Fn::Sub is not needed: the text has no variable")
}

func checkFindInMap(c *Template, f call) {
	extended := c.hasTransform(languageExtensions)
	if !f.arg.IsList() || len(f.arg.Items) < 3 || len(f.arg.Items) > 3 && !extended || len(f.arg.Items) > 4 {
		c.reportf(f.path, "Fn::FindInMap takes a mapping and two keys")
		return
	}
	args := f.arg.Items
	if c.opaque() || !args[0].IsString() || len(args) == 4 {
		return
	}
	mapping, ok := c.Mappings.Get(args[0].Text)
	if !ok {
		c.reportf(f.path.with("0"), "there is no mapping %q", args[0].Text)
		return
	}
	c.checkMappingKeys(f, mapping, args)
}

func (c *Template) checkMappingKeys(f call, mapping *template.Node, args []*template.Node) {
	if !mapping.IsMap() || slices.ContainsFunc(mapping.Entries, func(e template.Entry) bool { return template.Expands(e.Key) }) {
		return
	}
	if args[1].IsString() && mapping.Get(args[1].Text) == nil {
		c.reportf(f.path.with("1"), "the mapping %s has no key %q", args[0].Text, args[1].Text)
		return
	}
	if !args[2].IsString() {
		return
	}
	for _, top := range mapping.Entries {
		// A first key that is not known here may be any of them.
		if (!args[1].IsString() || top.Key == args[1].Text) && top.Value.Get(args[2].Text) != nil {
			return
		}
	}
	c.reportf(f.path.with("2"), "the mapping %s has no second key %q here", args[0].Text, args[2].Text)
}

// between writes a range in words: "2 items", "2 to 10 items".
func between(least, most int, noun string) string {
	if least == most {
		if least != 1 {
			noun += "s"
		}
		return fmt.Sprintf("%d %s", least, noun)
	}
	return fmt.Sprintf("%d to %d %ss", least, most, noun)
}

// takes reports a call whose argument is not a list of a fitting length.
func (c *Template) takes(f call, least, most int) bool {
	if f.arg.IsList() && len(f.arg.Items) >= least && len(f.arg.Items) <= most {
		return true
	}
	c.reportf(f.path, "%s takes a list of %s", f.name, between(least, most, "item"))
	return false
}

func digits(i int) string { return strconv.Itoa(i) }
