package check

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Template is what rules know of the template under test.
type Template struct {
	File       string
	Root       *template.Node
	Before     *template.Node // the root before transforms; Root if there are none
	Size       int            // of the text in bytes, 0 if unknown
	Parameters map[string]*Parameter
	Resources  map[string]*Resource
	Mappings   map[string]*template.Node
	// OpenMappings is set if a transform adds to the mappings.
	OpenMappings bool
	Transforms   []string
	Serverless   bool           // the template was translated from AWS::Serverless
	Set          *condition.Set // the conditions
	Options      Options

	order []string // logical ids in the order of the text
}

// Parameter is a parameter with the values that it can have as far as they are known.
type Parameter struct {
	Name   string
	Type   string
	Node   *template.Node
	NoEcho bool

	values   []parameterValue
	defaults []parameterValue
}

type parameterValue struct {
	node *template.Node
	from Path // where the value stands: Parameters/Name/AllowedValues/0
}

// IsSSM reports whether the parameter names a Systems Manager parameter whose
// value only the service knows.
func (p *Parameter) IsSSM() bool { return strings.HasPrefix(p.Type, "AWS::SSM::Parameter::") }

// IsList reports whether the value is a list.
func (p *Parameter) IsList() bool {
	return p.Type == "CommaDelimitedList" || strings.HasPrefix(p.Type, "List<")
}

// Resource is a resource of the template.
type Resource struct {
	LogicalID string
	Type      string // Custom::X is AWS::CloudFormation::CustomResource
	Written   string // the type as written
	Condition string
	Node      *template.Node
}

// NewTemplate reads what rules need from the root of a template, which need not
// be valid: what has the wrong shape is left out.
func NewTemplate(file string, root *template.Node, options Options) *Template {
	if len(options.Regions) == 0 {
		options.Regions = []string{"us-east-1"}
	}
	if options.Steps == 0 {
		options.Steps = DefaultSteps
	}
	t := &Template{File: file, Root: root, Before: root, Options: options, Parameters: map[string]*Parameter{}, Resources: map[string]*Resource{}, Mappings: map[string]*template.Node{}}
	for _, e := range entries(root.Get("Parameters")) {
		if p := newParameter(e); p != nil {
			t.Parameters[e.Key] = p
		}
	}
	for _, e := range entries(root.Get("Resources")) {
		if typ := e.Value.Get("Type"); typ.IsString() {
			r := &Resource{LogicalID: e.Key, Type: typ.Text, Written: typ.Text, Condition: e.Value.Get("Condition").Str(), Node: e.Value}
			if strings.HasPrefix(r.Type, "Custom::") {
				r.Type = "AWS::CloudFormation::CustomResource"
			}
			t.Resources[e.Key] = r
			t.order = append(t.order, e.Key)
		}
	}
	for _, e := range entries(root.Get("Mappings")) {
		if e.Key == "Fn::Transform" {
			t.OpenMappings = true
			continue
		}
		t.Mappings[e.Key] = e.Value
	}
	t.Transforms = root.Get("Transform").Strings()
	t.Set = condition.New(root.Get("Conditions"), root.Get("Rules"), root.Get("Parameters"))
	t.sortComparisons()
	return t
}

// sortComparisons puts the values of each Fn::Equals of a condition in the order
// in which cfn-lint names them: paths go through that order.
func (t *Template) sortComparisons() {
	for i, e := range t.Root.Entries {
		if e.Key != "Conditions" {
			continue
		}
		if sorted := t.Set.Sorted(); sorted != nil && sorted != e.Value && e.Value == t.Root.Get(e.Key) {
			root := *t.Root
			root.Entries = slices.Clone(root.Entries)
			root.Entries[i].Value = sorted
			t.Root = &root
		}
	}
}

func entries(n *template.Node) []template.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

// HasTransform reports whether the template names the transform.
func (t *Template) HasTransform(name string) bool { return slices.Contains(t.Transforms, name) }

// CDK reports whether the AWS CDK made the template.
func (t *Template) CDK() bool {
	for _, r := range t.Resources {
		if r.Type == "AWS::CDK::Metadata" {
			return true
		}
	}
	return false
}

// LogicalIDs returns the logical ids of the resources in the order of the text.
func (t *Template) LogicalIDs() []string { return t.order }

func newParameter(e template.Entry) *Parameter {
	if !e.Value.IsMap() || !e.Value.Get("Type").IsString() {
		return nil
	}
	p := &Parameter{Name: e.Key, Type: e.Value.Get("Type").Text, Node: e.Value}
	if p.IsSSM() {
		return p
	}
	at := Keys("Parameters", e.Key)
	if d := e.Value.Get("Default"); d != nil && (d.Kind != template.Null || p.IsList()) {
		p.defaults = []parameterValue{{p.value(d), at.With(Key("Default"))}}
	}
	p.values = p.allowed(e.Value.Get("AllowedValues"), at.With(Key("AllowedValues")))
	if len(p.values) == 0 {
		p.values = p.defaults
		for _, name := range [...]string{"MinValue", "MaxValue"} {
			if n := e.Value.Get(name); n != nil && n.Kind != template.Null {
				p.values = append(slices.Clip(p.values), parameterValue{Text(printed(n), n), at.With(Key(name))})
			}
		}
	}
	if no := e.Value.Get("NoEcho"); no != nil {
		p.NoEcho = no.Kind == template.Bool && no.True || no.Text == "true" || no.Text == "True" || no.Text == "TRUE"
	}
	return p
}

// allowed returns the values of AllowedValues. What is no list there is still
// taken apart, as cfn-lint does: a text into characters, a map into its keys.
func (p *Parameter) allowed(n *template.Node, at Path) []parameterValue {
	if n == nil {
		return nil
	}
	items := n.Items
	if n.Kind == template.String {
		for _, r := range n.Text {
			items = append(items, Text(string(r), n))
		}
	}
	for _, e := range n.Entries {
		items = append(items, Text(e.Key, n))
	}
	values := make([]parameterValue, len(items))
	for i, item := range items {
		values[i] = parameterValue{p.value(item), at.With(Index(i))}
	}
	return values
}

// value is what Ref gives for a text of Default or AllowedValues: the text, or
// its parts for a list type.
func (p *Parameter) value(n *template.Node) *template.Node {
	if !p.IsList() && n.Kind != template.List {
		return Text(printed(n), n)
	}
	list := &template.Node{Kind: template.List, Line: n.Line, Column: n.Column}
	switch {
	case !p.IsList():
		for _, item := range n.Items {
			list.Items = append(list.Items, Text(printed(item), item))
		}
	case n.Kind == template.String:
		for _, part := range strings.Split(n.Text, ",") {
			list.Items = append(list.Items, Text(strings.TrimSpace(part), n))
		}
	default:
		list.Items = []*template.Node{Text(printed(n), n)}
	}
	return list
}

// printed is a value as text. A map or list, which no parameter can have, is
// written as cfn-lint prints it, so that no pattern takes it for something else.
func printed(n *template.Node) string {
	if text, ok := ScalarText(n); ok {
		return text
	}
	quoted := func(n *template.Node) string {
		if n.Kind == template.String {
			return "'" + n.Text + "'"
		}
		return printed(n)
	}
	var parts []string
	switch n.Kind {
	case template.Map:
		for _, e := range n.Entries {
			parts = append(parts, "'"+e.Key+"': "+quoted(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case template.List:
		for _, item := range n.Items {
			parts = append(parts, quoted(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "None"
}

// pseudoParameters are the names that exist in every template.
var pseudoParameters = map[string]bool{
	"AWS::AccountId": true, "AWS::NoValue": true, "AWS::NotificationARNs": true, "AWS::Partition": true,
	"AWS::Region": true, "AWS::StackId": true, "AWS::StackName": true, "AWS::URLSuffix": true,
}

// IsPseudoParameter reports whether the name is a pseudo parameter.
func IsPseudoParameter(name string) bool {
	return strings.HasPrefix(name, "AWS::") && pseudoParameters[name]
}
