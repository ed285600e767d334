package sam

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Name is the transform as templates name it.
const Name = "AWS::Serverless-2016-10-31"

// Options are what the translation depends on besides the template.
type Options struct {
	// Region decides the partition in generated ARNs, managed policies and
	// endpoint types. "" is us-east-1.
	Region string
	// Now is asked for APIs with AlwaysDeploy, whose deployment gets a new
	// logical id each time. nil is the Unix epoch.
	Now func() time.Time
}

// Problem says why a template cannot be translated.
type Problem struct {
	LogicalID    string // of the resource or event, "" if none can be named
	Line, Column int    // of the resource, else of the template
	// Path is where findings about it belong. It is empty: a translation that
	// fails is a fault of the template as a whole (rule E0001 of cfn-lint).
	Path    []string
	Message string
}

// Needed reports whether the template asks for the transform.
func Needed(root *template.Node) bool {
	return slices.Contains(root.Get("Transform").Strings(), Name)
}

// Translate returns the template that CloudFormation sees after the transform,
// or the reasons why there is none; then nothing else can be said about the
// template. root is not changed, and the result shares nodes with it, which
// must not be changed either. Only Resources, Conditions and references are
// rewritten; Globals and Transform go, except that the names of further
// transforms stay.
func Translate(root *template.Node, opts Options) (*template.Node, []Problem) {
	t := newTranslator(root, opts)
	var out *node
	t.try("", func() { out = t.translate() })
	if len(t.problems) > 0 {
		return nil, t.problems
	}
	return out, nil
}

// translator is the state of one translation.
type translator struct {
	build
	region, partition string
	now               func() time.Time

	source     *node // as given
	root       *node // our copy of the top level
	resources  *node // the SAM template's resources, being changed
	out        *node // the translated resources
	params     map[string]*node
	conditions *node // our copy, nil if there is no such section
	owned      map[string]bool
	problems   []Problem
	steps      int

	deployments  []*deployment
	references   map[string]map[string]string // "Api" → "Stage" → generated id
	renamed      [][2]string
	apiFunctions map[string]string // names of the functions of an API
	usage        sharedUsage
	recordGroups map[string]*resource
	checked      map[*node]bool // definitions whose paths are known to be maps
}

func newTranslator(root *template.Node, opts Options) *translator {
	t := &translator{source: root, region: opts.Region, now: opts.Now, owned: map[string]bool{}, params: map[string]*node{},
		references: map[string]map[string]string{}, apiFunctions: map[string]string{}, recordGroups: map[string]*resource{}, checked: map[*node]bool{}}
	if t.region == "" {
		t.region = "us-east-1"
	}
	if t.now == nil {
		t.now = func() time.Time { return time.Unix(0, 0) }
	}
	t.partition = partition(t.region)
	t.root = copyMap(root)
	return t
}

func partition(region string) string {
	for _, p := range [...][2]string{{"cn-", "aws-cn"}, {"us-isof", "aws-iso-f"}, {"us-isob", "aws-iso-b"}, {"us-iso-", "aws-iso"},
		{"us-gov", "aws-us-gov"}, {"eu-isoe", "aws-iso-e"}, {"eusc-", "aws-eusc"}} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

func (t *translator) translate() *node {
	t.own()
	t.parameters()
	t.prepare()
	t.shape()
	t.defaultBodies()
	t.implicitAPI(restEvents(t))
	t.implicitAPI(httpEvents(t))
	t.mergeGlobals()
	t.embeddedConnectors()
	t.out = copyMap(t.resources)
	t.disown()
	for _, id := range t.order() {
		t.try(id, func() { t.resourceFor(id) })
	}
	t.deploy()
	if len(t.problems) > 0 {
		return nil
	}
	return t.finish()
}

// own copies the parts of the template that the translation changes.
func (t *translator) own() {
	resources := t.root.Get("Resources")
	if !resources.IsMap() || len(resources.Entries) == 0 {
		crash("Resources must be a map with at least one resource")
	}
	t.resources = copyMap(resources)
	for i := range t.resources.Entries {
		e := &t.resources.Entries[i]
		if !e.Value.IsMap() {
			fail(e.Key, "a resource must be an object")
		}
		if strings.HasPrefix(e.Value.Get("Type").Str(), "AWS::Serverless::") || e.Value.Get("Connectors") != nil {
			t.ownResource(e.Key)
		}
	}
	t.set(t.root, "Resources", t.resources)
	for _, section := range []string{"Globals", "Conditions", "Parameters"} {
		if n := t.root.Get(section); n != nil {
			t.set(t.root, section, t.clone(n))
		}
	}
	t.conditions = get(t.root, "Conditions")
	if m := t.root.Get("Mappings"); m != nil && !m.IsMap() {
		crash("Mappings must be a map")
	}
}

// ownResource returns our own copy of a resource, nil if there is none.
func (t *translator) ownResource(id string) *node {
	e := t.entry(t.resources, id)
	if e == nil {
		return nil
	}
	if !t.owned[id] {
		t.owned[id] = true
		e.Value = t.clone(e.Value)
	}
	return e.Value
}

// disown makes later changes of resources that are not SAM's to copies: they
// concern the template that is read, not the result.
func (t *translator) disown() {
	for _, e := range t.resources.Entries {
		if rank(e.Value.Get("Type").Str()) < 0 {
			delete(t.owned, e.Key)
		}
	}
}

// order lists the SAM resources as they are translated: functions and state
// machines add routes to the APIs, connectors look at what the others became.
func (t *translator) order() []string {
	groups := make([][]string, 5)
	for _, e := range t.resources.Entries {
		if r := rank(e.Value.Get("Type").Str()); r >= 0 {
			groups[r] = append(groups[r], e.Key)
		}
	}
	return slices.Concat(groups...)
}

// rank is the place of a type in the order of translation, -1 for other types.
func rank(typ string) int {
	switch typ {
	case "AWS::Serverless::Function":
		return 0
	case "AWS::Serverless::StateMachine":
		return 1
	case "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi":
		return 2
	case "AWS::Serverless::SimpleTable", "AWS::Serverless::Application", "AWS::Serverless::LayerVersion",
		"AWS::Serverless::GraphQLApi", "AWS::Serverless::CapacityProvider":
		return 3
	case "AWS::Serverless::Connector":
		return 4
	}
	return -1
}

// resourceFor replaces a SAM resource by what it stands for.
func (t *translator) resourceFor(id string) {
	e := t.entry(t.resources, id)
	n := e.Value
	t.line, t.column = e.Line, e.Column
	var made []*resource
	newID := id
	switch n.Get("Type").Str() {
	case "AWS::Serverless::Function":
		made = t.function(id, n)
	case "AWS::Serverless::StateMachine":
		made = t.stateMachine(id, n)
	case "AWS::Serverless::Api":
		made = t.restAPI(id, n)
	case "AWS::Serverless::HttpApi":
		made = t.httpAPI(id, n)
	case "AWS::Serverless::WebSocketApi":
		made = t.webSocketAPI(id, n)
	case "AWS::Serverless::SimpleTable":
		made = t.simpleTable(id, n)
	case "AWS::Serverless::Application":
		made = t.application(id, n)
	case "AWS::Serverless::LayerVersion":
		made = t.layer(id, n)
		newID = made[0].id
	case "AWS::Serverless::GraphQLApi":
		made = t.graphQL(id, n)
	case "AWS::Serverless::CapacityProvider":
		made = t.capacityProvider(id, n)
	case "AWS::Serverless::Connector":
		made = t.connector(id, n)
	}
	t.refer(newID, n.Get("Type").Str(), made)
	if newID != id {
		t.renamed = append(t.renamed, [2]string{id, newID})
	}
	t.entry(t.out, id).Value = nil
	t.put(id, n.Get("Metadata"), made)
}

// put adds what was made for a resource to the result.
func (t *translator) put(id string, metadata *node, made []*resource) {
	for _, r := range made {
		if existing := t.lookup(t.resources, r.id); existing != nil && !replaces(r.typ, existing.Get("Type").Str()) {
			t.problem(id, failure{id: id, message: "the generated resource " + r.id + " has the logical id of another one"})
			continue
		}
		n := t.node(r)
		if truthy(metadata) && !truthy(t.lookup(t.out, r.id)) {
			t.set(n, "Metadata", metadata)
		}
		t.set(t.out, r.id, n)
		if e := t.entry(t.resources, r.id); e != nil {
			o := t.entry(t.out, r.id)
			o.Line, o.Column = e.Line, e.Column
		} else {
			o := t.entry(t.out, r.id)
			o.Line, o.Column = t.line, t.column
		}
	}
}

// replaces reports whether a generated type may take the place of a type of the template.
func replaces(generated, existing string) bool {
	switch generated {
	case "AWS::Lambda::Function":
		return existing == "AWS::Serverless::Function"
	case "AWS::Lambda::LayerVersion":
		return existing == "AWS::Serverless::LayerVersion"
	case "AWS::Lambda::CapacityProvider":
		return existing == "AWS::Serverless::CapacityProvider"
	case "AWS::ApiGateway::RestApi":
		return existing == "AWS::Serverless::Api"
	case "AWS::ApiGatewayV2::Api":
		return existing == "AWS::Serverless::HttpApi" || existing == "AWS::Serverless::WebSocketApi"
	case "AWS::DynamoDB::Table":
		return existing == "AWS::Serverless::SimpleTable"
	case "AWS::CloudFormation::Stack":
		return existing == "AWS::Serverless::Application"
	case "AWS::StepFunctions::StateMachine":
		return existing == "AWS::Serverless::StateMachine"
	case "AWS::AppSync::GraphQLApi":
		return existing == "AWS::Serverless::GraphQLApi"
	case "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::Cognito::UserPool", "AWS::ApiGateway::DomainName",
		"AWS::ApiGateway::BasePathMapping", "AWS::ApiGateway::DomainNameV2", "AWS::ApiGateway::BasePathMappingV2":
		return existing == generated
	}
	return false
}
