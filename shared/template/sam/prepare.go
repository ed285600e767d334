package sam

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// What cfn-lint does to a template before the translation (its
// template/transforms/_sam.py): local paths, which the transform does not
// take, become an object in S3, and parameters that name aliases get a value.

const languageExtensions = "AWS::LanguageExtensions"

const somewhere = "s3://bucket/value"

// parameters collects the values that references to parameters resolve to.
func (t *translator) parameters() {
	if p := t.root.Get("Parameters"); p.IsMap() {
		for _, e := range p.Entries {
			if d := e.Value.Get("Default"); d != nil {
				t.params[e.Key] = d
			}
		}
	}
	t.at(t.root)
	t.params["AWS::Region"] = t.str(t.region)
	t.params["AWS::Partition"] = t.str(t.partition)
}

func (t *translator) prepare() {
	if slices.Contains(t.root.Get("Transform").Strings(), languageExtensions) {
		t.inlineParameters()
	}
	if g := t.root.Entry("Globals"); g != nil {
		if !g.Value.IsMap() {
			crash("Globals must be a map")
		}
		if f := g.Value.Entry("Function"); f != nil && !f.Value.IsMap() {
			crash("Globals.Function must be a map")
		}
		t.aliasParameter(dig(g.Value, "Function", "AutoPublishAlias"))
	}
	for _, e := range t.resources.Entries {
		props := e.Value.Get("Properties")
		if !props.IsMap() {
			continue
		}
		t.at(e.Value)
		t.localPaths(e.Value.Get("Type").Str(), props)
	}
}

func (t *translator) localPaths(typ string, props *node) {
	switch typ {
	case "AWS::Serverless::Function":
		code := "CodeUri"
		if props.Get("PackageType").Str() == "Image" {
			code = "ImageUri"
		}
		t.toS3(props, code)
		t.aliasParameter(props.Get("AutoPublishAlias"))
		if props.Get("AutoPublishCodeSha256").IsMap() {
			t.set(props, "AutoPublishCodeSha256", "fakesha")
		}
	case "AWS::Serverless::LayerVersion":
		if truthy(props.Get("ContentUri")) {
			t.toS3(props, "ContentUri")
		}
	case "AWS::Serverless::Application":
		if l := props.Get("Location"); l.IsMap() && truthy(l) {
			t.set(props, "Location", somewhere)
		}
	case "AWS::Serverless::Api":
		if slices.ContainsFunc([]string{"DefinitionBody", "Auth", "Cors", "DisableExecuteApiEndpoint"},
			func(k string) bool { return props.Entry(k) != nil }) {
			t.set(props, "DefinitionBody", "")
		} else {
			t.toS3(props, "DefinitionUri")
		}
	case "AWS::Serverless::StateMachine":
		if truthy(props.Get("DefinitionUri")) {
			t.toS3(props, "DefinitionUri")
		}
	}
}

// toS3 replaces a path or a function call; objects with bucket and key stay.
func (t *translator) toS3(props *node, key string) {
	v := props.Get(key)
	if v.IsMap() && !lintFunction(v) || strings.HasPrefix(v.Str(), "s3://") {
		return
	}
	t.set(props, key, somewhere)
}

// lintFunction reports whether cfn-lint takes n for a function call.
func lintFunction(n *node) bool {
	e, ok := single(n)
	if !ok {
		return false
	}
	switch e.Key {
	case "Fn::Base64", "Fn::Cidr", "Fn::Contains", "Fn::FindInMap", "Fn::GetAtt", "Fn::GetAZs", "Fn::GetStackOutput", "Fn::If",
		"Fn::ImportValue", "Fn::Join", "Fn::Length", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString", "Fn::Transform",
		"Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or", "Ref", "Condition":
		return true
	}
	return false
}

// aliasParameter gives a parameter that names an alias a value.
func (t *translator) aliasParameter(alias *node) {
	e, ok := single(alias)
	if !ok || e.Key != "Ref" {
		return
	}
	p := t.root.Get("Parameters")
	if p == nil {
		crash("AutoPublishAlias refers to %s, but there are no parameters", e.Value.Str())
	}
	if p.Entry(e.Value.Str()) != nil {
		t.at(e.Value)
		t.params[e.Value.Str()] = t.str("Alias")
	}
}

// inlineParameters puts the defaults of parameters in the place of references,
// as cfn-lint does for templates that use the language extensions too.
func (t *translator) inlineParameters() {
	values := map[string]*node{}
	if p := t.root.Get("Parameters"); p.IsMap() {
		for _, e := range p.Entries {
			if !e.Value.IsMap() {
				crash("parameter %s must be an object", e.Key)
			}
			typ, def := e.Value.Get("Type").Str(), e.Value.Get("Default")
			switch {
			case strings.HasPrefix(typ, "AWS::SSM::Parameter::") || !truthy(def):
			case typ == "CommaDelimitedList" && def.IsString():
				values[e.Key] = t.value(strings.Split(def.Text, ","))
			default:
				values[e.Key] = def
			}
		}
	}
	for i := range t.resources.Entries {
		e := &t.resources.Entries[i]
		t.ownResource(e.Key)
		e.Value = inline(e.Value, values)
	}
}

func inline(n *node, values map[string]*node) *node {
	if e, ok := single(n); ok && e.Key == "Ref" {
		if v := values[e.Value.Str()]; v != nil {
			return v
		}
	}
	for i := range n.Entries {
		n.Entries[i].Value = inline(n.Entries[i].Value, values)
	}
	for i := range n.Items {
		n.Items[i] = inline(n.Items[i], values)
	}
	return n
}

// shape checks what everything below relies on.
func (t *translator) shape() {
	for _, e := range t.resources.Entries {
		if !resourceType(e.Value) {
			continue
		}
		if p := e.Value.Entry("Properties"); p != nil && !p.Value.IsMap() {
			fail(e.Key, "Properties must be a map")
		}
	}
}

// resourceType reports whether a resource is of a type that the plugins of the
// translator see; connectors and GraphQL APIs are not.
func resourceType(n *node) bool {
	switch n.Get("Type").Str() {
	case "AWS::Serverless::Api", "AWS::Serverless::Function", "AWS::Serverless::SimpleTable", "AWS::Serverless::Application",
		"AWS::Serverless::LayerVersion", "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi",
		"AWS::Serverless::StateMachine", "AWS::Serverless::CapacityProvider":
		return true
	}
	return false
}

// properties returns the properties of a resource and makes them if missing.
func (t *translator) properties(n *node) *node {
	if p := n.Get("Properties"); p != nil {
		return p
	}
	p := t.obj()
	t.set(n, "Properties", p)
	return p
}

// defaultBodies gives APIs without a definition an empty one, which the events
// of functions then fill.
func (t *translator) defaultBodies() {
	for _, e := range t.resources.Entries {
		typ := e.Value.Get("Type").Str()
		if typ != "AWS::Serverless::Api" && typ != "AWS::Serverless::HttpApi" {
			continue
		}
		t.at(e.Value)
		props := t.properties(e.Value)
		if truthy(props.Get("DefinitionBody")) || truthy(props.Get("DefinitionUri")) {
			continue
		}
		if typ == "AWS::Serverless::Api" {
			t.set(props, "DefinitionBody", t.emptySwagger())
		} else {
			t.set(props, "DefinitionBody", t.emptyOpenAPI())
		}
		t.set(props, managed, true)
	}
}

// managed marks APIs whose definition SAM writes.
const managed = "__MANAGE_SWAGGER"

func (t *translator) emptySwagger() *node {
	t.copies = new(int)
	defer func() { t.copies = nil }()
	return t.ordered("swagger", "2.0", "info", t.ordered("version", "1.0", "title", t.ref("AWS::StackName")), "paths", t.ordered())
}

func (t *translator) emptyOpenAPI() *node {
	return t.obj("openapi", "3.0.1", "info", t.obj("version", "1.0", "title", t.ref("AWS::StackName")), "paths", t.obj())
}

// sortedKeys lists the keys of a map by name.
func sortedKeys(n *node) []template.Entry {
	entries := slices.Clone(n.Entries)
	slices.SortStableFunc(entries, func(a, b template.Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries
}
