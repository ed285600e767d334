package sam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// failure is how code below a resource gives it up; recovered in try.
type failure struct {
	id      string // of the resource, or of the event
	message string
	final   bool // nothing more is translated
}

func fail(id, format string, args ...any) {
	panic(failure{id: id, message: fmt.Sprintf(format, args...)})
}

// crash gives up for a value of a shape that the translator cannot take at all.
func crash(format string, args ...any) { fail("", format, args...) }

// try runs f and notes its failure. Other panics are not caught.
func (t *translator) try(id string, f func()) (ok bool) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case failure:
			if v.id == "" {
				v.id = id
			}
			if v.final && id != "" {
				panic(v) // up to Translate, which notes it
			}
			t.problem(id, v)
			ok = false
		default:
			panic(v)
		}
	}()
	f()
	return true
}

// maxProblems is how many problems are told. Each ends the translation of a
// resource, so that a template has as many as resources.
const maxProblems = 500

func (t *translator) problem(id string, v failure) {
	if len(t.problems) >= maxProblems {
		return
	}
	if id == "" {
		id = v.id
	}
	p := Problem{LogicalID: v.id, Line: t.root.Line, Column: t.root.Column, Message: v.message}
	if e := t.source.Get("Resources").Entry(id); e != nil {
		p.Line, p.Column = e.Line, e.Column
	} else if e := t.entry(t.resources, id); e != nil {
		p.Line, p.Column = e.Line, e.Column
	}
	t.problems = append(t.problems, p)
}

// resource is a resource that the translation makes.
type resource struct {
	id, typ   string
	dependsOn *node
	attrs     *node // DeletionPolicy, Condition …
	props     *node
}

func (t *translator) resource(id, typ string, attrs *node, props ...any) *resource {
	if !alphanumeric(id) {
		fail(id, "logical id %q is not alphanumeric", id)
	}
	r := &resource{id: id, typ: typ, attrs: t.obj(), props: t.obj(props...)}
	if attrs != nil {
		r.attrs.Entries = slices.Clone(attrs.Entries)
	}
	return r
}

func alphanumeric(s string) bool {
	for _, c := range s {
		if c > 'z' || (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c < 'a' {
			return false
		}
	}
	return s != ""
}

// alnum is str.isalnum for the names that occur here.
func alnum(s string) bool { return alphanumeric(s) }

// passthrough are the attributes that every generated resource inherits.
func (t *translator) passthrough(attrs *node) *node {
	out := t.obj()
	for _, k := range []string{"Condition", "DeletionPolicy", "UpdateReplacePolicy"} {
		t.set(out, k, attrs.Get(k))
	}
	return out
}

// arn refers to the ARN of a generated resource.
func (t *translator) arn(r *resource) *node {
	switch r.typ {
	case "AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::SNS::Topic",
		"AWS::StepFunctions::StateMachine", "AWS::StepFunctions::StateMachineAlias", "AWS::StepFunctions::StateMachineVersion":
		return t.ref(r.id)
	}
	return t.getAtt(r.id, "Arn")
}

func (t *translator) condition(r *resource) *node {
	if e := r.attrs.Entry("Condition"); e != nil {
		return e.Value
	}
	return nil
}

// node is the resource as it stands in the template.
func (t *translator) node(r *resource) *node {
	n := t.obj("Type", r.typ)
	if truthy(r.dependsOn) {
		t.set(n, "DependsOn", r.dependsOn)
	}
	for _, e := range r.attrs.Entries {
		t.set(n, e.Key, e.Value)
	}
	t.set(n, "Properties", withoutNulls(r.props))
	return n
}

func withoutNulls(n *node) *node {
	if !slices.ContainsFunc(n.Entries, func(e template.Entry) bool { return isNull(e.Value) }) {
		return n
	}
	c := copyMap(n)
	c.Entries = slices.DeleteFunc(c.Entries, func(e template.Entry) bool { return isNull(e.Value) })
	return c
}

// macro is a SAM resource or event while it is translated.
type macro struct {
	*resource
	relative string // name of an event in its resource
}

// p returns a property, nil if absent or null.
func (m *macro) p(name string) *node { return get(m.props, name) }

// supportedAttributes are the resource attributes that SAM reads.
var supportedAttributes = [...]string{"DeletionPolicy", "UpdatePolicy", "Condition", "UpdateReplacePolicy", "Metadata"}

// macro reads a resource or an event of the template.
func (t *translator) macro(id, typ string, n *node, properties []prop) *macro {
	if e := n.Entry("Properties"); e != nil && !e.Value.IsMap() {
		fail(id, "Properties must be an object")
	}
	m := &macro{resource: t.resource(id, typ, nil)}
	m.dependsOn = n.Get("DependsOn")
	for _, a := range supportedAttributes {
		t.set(m.attrs, a, n.Get(a))
	}
	if source := n.Get("Properties"); source != nil {
		m.props = copyMap(source)
	}
	t.check(id, m.props, properties)
	return m
}

// prop is one property of a SAM resource.
type prop struct {
	name     string
	required bool
	ok       func(*node) bool // nil takes everything
	literal  bool             // takes no function call in place of its type
}

func (t *translator) check(id string, props *node, properties []prop) {
	for _, e := range props.Entries {
		if !slices.ContainsFunc(properties, func(p prop) bool { return p.name == e.Key }) {
			fail(id, "property %s is not defined", e.Key)
		}
	}
	for _, p := range properties {
		v := get(props, p.name)
		switch _, call := single(v); {
		case v == nil && p.required:
			fail(id, "property %s is required", p.name)
		case v == nil || p.ok == nil || call && !p.literal:
		case !p.ok(v):
			fail(id, "property %s has the wrong type", p.name)
		}
	}
}

func isString(n *node) bool     { return n.IsString() }
func isMap(n *node) bool        { return n.IsMap() }
func isList(n *node) bool       { return n.IsList() }
func stringOrMap(n *node) bool  { return n.IsString() || n.IsMap() }
func boolOrMap(n *node) bool    { return isBool(n) || n.IsMap() }
func mapOfMaps(n *node) bool    { return eachEntry(n, isMap) }
func mapOfStrings(n *node) bool { return eachEntry(n, isString) }
func mapOfNumbers(n *node) bool {
	return eachEntry(n, func(v *node) bool { return isInt(v) || v.IsMap() })
}
func stringsOrMaps(n *node) bool { return eachItem(n, stringOrMap) }
func listOfStrings(n *node) bool { return eachItem(n, isString) }
func stringOrStrings(n *node) bool {
	return n.IsString() || listOfStrings(n)
}

func eachEntry(n *node, ok func(*node) bool) bool {
	return n.IsMap() && !slices.ContainsFunc(n.Entries, func(e template.Entry) bool { return !ok(e.Value) })
}

func eachItem(n *node, ok func(*node) bool) bool {
	return n.IsList() && !slices.ContainsFunc(n.Items, func(i *node) bool { return !ok(i) })
}

// tagList turns a map of tags into CloudFormation's list.
func (t *translator) tagList(tags *node) *node {
	l := t.list()
	if isNull(tags) {
		return l
	}
	if !tags.IsMap() {
		crash("tags must be a map")
	}
	for _, k := range t.keys(tags) {
		v := get(tags, k)
		if v == nil {
			v = t.str("")
		}
		l.Items = append(l.Items, t.obj("Key", k, "Value", v))
	}
	return l
}

// samTags are SAM's own tag, more tags, and the user's.
func (t *translator) samTags(id string, tags, more *node) *node {
	for _, reserved := range []string{"lambda:createdBy", "serverlessrepo:applicationId", "serverlessrepo:semanticVersion"} {
		if tags.Get(reserved) != nil {
			fail(id, "tag %s is reserved", reserved)
		}
	}
	l := t.list(t.obj("Key", "lambda:createdBy", "Value", "SAM"))
	l.Items = append(l.Items, t.tagList(more).Items...)
	l.Items = append(l.Items, t.tagList(tags).Items...)
	return l
}

// listTagged and mapTagged are the generated types that take tags, as list or map.
const (
	listTagged = "|AWS::IAM::Role|AWS::Lambda::Function|AWS::ApiGateway::RestApi|AWS::ApiGateway::Stage|" +
		"AWS::ApiGateway::DomainName|AWS::ApiGateway::DomainNameV2|AWS::ApiGateway::UsagePlan|AWS::ApiGateway::ApiKey|" +
		"AWS::ApiGateway::DomainNameAccessAssociation|AWS::SQS::Queue|AWS::SNS::Topic|AWS::IoT::TopicRule|" +
		"AWS::StepFunctions::StateMachine|AWS::S3::Bucket|AWS::Lambda::CapacityProvider|"
	mapTagged = "|AWS::ApiGatewayV2::Stage|AWS::ApiGatewayV2::DomainName|"
)

// propagateTags gives the tags of a SAM resource to all that is made for it.
func (t *translator) propagateTags(resources []*resource, tags, propagate *node) {
	if !truthy(tags) || !truthy(propagate) {
		return
	}
	for _, r := range resources {
		switch {
		case strings.Contains(listTagged, "|"+r.typ+"|"):
			t.set(r.props, "Tags", t.tagList(tags))
		case strings.Contains(mapTagged, "|"+r.typ+"|"),
			r.typ == "AWS::ApiGatewayV2::Api" && r.props.Get("ProtocolType") != nil:
			t.set(r.props, "Tags", tags)
		}
	}
}

// expectMap fails unless n is a map.
func expectMap(n *node, id, what string) *node {
	if !n.IsMap() {
		fail(id, "%s must be a map", what)
	}
	return n
}
