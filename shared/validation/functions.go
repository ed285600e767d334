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

// functionRules report what is wrong with calls of intrinsic functions. A fault
// in a nested call belongs to the rule of the outermost function, as cfn-lint
// has it: see owner.
var functionRules = []Rule{
	{ID: "E1010", Severity: Error, Title: "Fn::GetAtt names a resource and one of its attributes", Link: functionGuide + "-getatt.html", Check: defectsOf("E1010")},
	{ID: "E1011", Severity: Error, Title: "Fn::FindInMap names a mapping and its keys", Link: functionGuide + "-findinmap.html", Check: defectsOf("E1011")},
	{ID: "E1015", Severity: Error, Title: "Fn::GetAZs takes a region", Link: functionGuide + "-getavailabilityzones.html", Check: defectsOf("E1015")},
	{ID: "E1016", Severity: Error, Title: "Fn::ImportValue takes the name of an export", Link: functionGuide + "-importvalue.html", Check: defectsOf("E1016")},
	{ID: "E1017", Severity: Error, Title: "Fn::Select takes an index and a list", Link: functionGuide + "-select.html", Check: defectsOf("E1017")},
	{ID: "E1018", Severity: Error, Title: "Fn::Split takes a delimiter and a string", Link: functionGuide + "-split.html", Check: defectsOf("E1018")},
	{ID: "E1019", Severity: Error, Title: "The variables of Fn::Sub exist", Link: functionGuide + "-sub.html", Check: defectsOf("E1019")},
	{ID: "E1020", Severity: Error, Title: "Ref names a parameter or a resource", Link: functionGuide + "-ref.html", Check: defectsOf("E1020")},
	{ID: "E1021", Severity: Error, Title: "Fn::Base64 takes a string", Link: functionGuide + "-base64.html", Check: defectsOf("E1021")},
	{ID: "E1022", Severity: Error, Title: "Fn::Join takes a delimiter and a list", Link: functionGuide + "-join.html", Check: defectsOf("E1022")},
	{ID: "E1024", Severity: Error, Title: "Fn::Cidr takes a network, a count and a size", Link: functionGuide + "-cidr.html", Check: defectsOf("E1024")},
	{ID: "E1028", Severity: Error, Title: "Fn::If takes a condition and two values", Link: conditionGuide, Check: defectsOf("E1028")},
	{ID: "E1029", Severity: Error, Title: "Variables are substituted by Fn::Sub only", Link: functionGuide + "-sub.html", Check: checkSubNeeded},
	{ID: "W1020", Severity: Warning, Title: "Fn::Sub has a variable to substitute", Link: functionGuide + "-sub.html", Check: checkSubUnneeded},
}

// ruleOf is the rule that owns the defects of a function.
var ruleOf = map[string]string{
	"Fn::And": "E8004", "Fn::Base64": "E1021", "Fn::Cidr": "E1024", "Fn::Equals": "E8003", "Fn::FindInMap": "E1011", "Fn::GetAZs": "E1015",
	"Fn::GetAtt": "E1010", "Fn::If": "E1028", "Fn::ImportValue": "E1016", "Fn::Join": "E1022", "Fn::Not": "E8005", "Fn::Or": "E8006",
	"Fn::Select": "E1017", "Fn::Split": "E1018", "Fn::Sub": "E1019", "Ref": "E1020",
}

var functionChecks = map[string]func(c *Template, f call){
	"Fn::And":         operator(2, 10),
	"Fn::Base64":      takesString,
	"Fn::Cidr":        checkCidr,
	"Fn::Equals":      operator(2, 2),
	"Fn::FindInMap":   checkFindInMap,
	"Fn::GetAZs":      takesString,
	"Fn::GetAtt":      checkGetAtt,
	"Fn::If":          checkIf,
	"Fn::ImportValue": takesString,
	"Fn::Join":        checkJoin,
	"Fn::Not":         operator(1, 1),
	"Fn::Or":          operator(2, 10),
	"Fn::Select":      checkSelect,
	"Fn::Split":       checkSplit,
	"Fn::Sub":         checkSub,
	"Ref":             checkRef,
}

// defect is something wrong with a call.
type defect struct {
	rule    string
	path    path
	message string
}

// defectf notes a defect of a call.
func (c *Template) defectf(f call, p path, format string, args ...any) {
	c.defects = append(c.defects, defect{f.owner(), p, fmt.Sprintf(format, args...)})
}

// owner is the rule that a fault of the call belongs to: that of the outermost
// function around it, but a bad Ref is always a bad Ref, and the value of an
// output has one rule for everything.
func (f call) owner() string {
	switch {
	case f.section() == "Outputs" && len(f.path) > 2 && f.path[2] == "Value":
		return "E6101"
	case f.name == "Ref" || f.outer == "":
		return ruleOf[f.name]
	}
	return ruleOf[f.outer]
}

func defectsOf(rule string) func(*Template) {
	return func(c *Template) {
		for _, f := range c.functionDefects() {
			if f.rule == rule {
				c.reportf(f.path, "%s", f.message)
			}
		}
	}
}

func (c *Template) functionDefects() []defect {
	if !c.checkedCalls {
		c.checkedCalls = true
		for _, f := range c.functions() {
			if check, ok := functionChecks[f.name]; ok {
				check(c, f)
			}
		}
	}
	return c.defects
}

// pseudo lists the pseudo parameters (user guide, "Pseudo parameters reference").
var pseudo = []string{
	"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
}

// seesResources reports whether the call may name resources: conditions, rules
// and names of exports may not, for they are decided before any resource exists.
func (f call) seesResources() bool {
	switch f.section() {
	case "Conditions", "Rules":
		return false
	case "Outputs":
		return len(f.path) < 3 || f.path[2] != "Export"
	}
	return true
}

// refers reports whether the call may refer to a name.
func (c *Template) refers(name string, f call) bool {
	if slices.Contains(pseudo, name) || c.Parameters.Has(name) || c.opaque() || c.generated(name) {
		return true
	}
	return f.seesResources() && c.Resources.Has(name)
}

func checkRef(c *Template, f call) {
	switch {
	case f.arg.IsMap() && c.hasTransform(languageExtensions):
	case !f.arg.IsString():
		c.defectf(f, f.path, "Ref takes the name of a parameter or resource")
	case !c.refers(f.arg.Text, f):
		c.defectf(f, f.path, "%q is neither a parameter nor a resource of this template", f.arg.Text)
	}
}

func checkGetAtt(c *Template, f call) {
	id, attribute, ok := f.arg.GetAtt()
	if !ok {
		if f.arg.IsList() && len(f.arg.Items) == 2 && (f.arg.Items[0].IsString() || c.hasTransform(languageExtensions)) {
			return // the attribute comes from a function
		}
		c.defectf(f, f.path, "Fn::GetAtt takes a logical id and an attribute name")
		return
	}
	c.checkAttribute(f, id, attribute)
}

// checkAttribute reports a resource that does not exist or lacks the attribute.
func (c *Template) checkAttribute(f call, id, attribute string) {
	if c.opaque() || c.generated(id) {
		return
	}
	r, ok := c.Resources.Get(id)
	if !ok || !f.seesResources() {
		c.defectf(f, f.path, "%q is not a resource of this template", id)
		return
	}
	if !hasAttribute(r.Type, attribute) {
		c.defectf(f, f.path, "%s has no attribute %q", r.Type, attribute)
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
		c.defectf(f, f.path, "Fn::Sub takes a string, or a string and a map of its variables")
		return
	}
	for _, part := range template.SubParts(text.Text) {
		if part.Name == "" || own.Entry(part.Name) != nil {
			continue
		}
		id, attribute, dotted := strings.Cut(part.Name, ".")
		switch {
		case dotted && !strings.HasPrefix(part.Name, "AWS::"):
			c.checkAttribute(f, id, attribute)
		case !c.refers(part.Name, f):
			c.defectf(f, f.path, "the variable %q is neither a parameter nor a resource of this template", part.Name)
		}
	}
}

func checkSubUnneeded(c *Template) {
	if c.opaque() || c.hasTransform(serverless) {
		return
	}
	for _, f := range c.functions() {
		if f.name == "Fn::Sub" && f.arg.IsString() && !strings.Contains(f.arg.Text, "${") {
			c.reportf(f.path, "Fn::Sub is not needed: the text has no variable")
		}
	}
}

func checkFindInMap(c *Template, f call) {
	extended := c.hasTransform(languageExtensions)
	if !f.arg.IsList() || len(f.arg.Items) < 3 || len(f.arg.Items) > 3 && !extended || len(f.arg.Items) > 4 {
		c.defectf(f, f.path, "Fn::FindInMap takes a mapping and two keys")
		return
	}
	args := f.arg.Items
	if c.opaque() || !args[0].IsString() || len(args) == 4 {
		return
	}
	mapping, ok := c.Mappings.Get(args[0].Text)
	if !ok {
		c.defectf(f, f.path.with("0"), "there is no mapping %q", args[0].Text)
		return
	}
	c.checkMappingKeys(f, mapping, args)
}

func (c *Template) checkMappingKeys(f call, mapping *template.Node, args []*template.Node) {
	if !mapping.IsMap() || slices.ContainsFunc(mapping.Entries, func(e template.Entry) bool { return template.Expands(e.Key) }) {
		return
	}
	if args[1].IsString() && mapping.Get(args[1].Text) == nil {
		c.defectf(f, f.path.with("1"), "the mapping %s has no key %q", args[0].Text, args[1].Text)
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
	c.defectf(f, f.path.with("2"), "the mapping %s has no second key %q here", args[0].Text, args[2].Text)
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
	c.defectf(f, f.path, "%s takes a list of %s", f.name, between(least, most, "item"))
	return false
}

func digits(i int) string { return strconv.Itoa(i) }
