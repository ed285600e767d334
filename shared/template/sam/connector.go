package sam

import (
	"regexp"
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
)

var connectorProperties = []prop{{name: "Source", required: true, ok: isMap},
	{name: "Destination", required: true, ok: func(n *node) bool { return n.IsMap() || eachItem(n, isMap) }},
	{name: "Permissions", required: true, ok: listOfStrings}}

// embeddedConnectors turns the attribute Connectors of resources into
// resources of their own.
func (t *translator) embeddedConnectors() {
	for _, e := range slices.Clone(t.resources.Entries) {
		connectors := e.Value.Get("Connectors")
		if e.Value.Entry("Connectors") == nil {
			continue
		}
		t.at(e.Value)
		t.try(e.Key, func() {
			for _, c := range expectMap(connectors, e.Key, "Connectors").Entries {
				t.embed(e.Key, c)
			}
		})
		t.del(t.ownResource(e.Key), "Connectors")
	}
}

func (t *translator) embed(source string, c template.Entry) {
	id := source + c.Key
	n := t.clone(expectMap(c.Value, id, "a connector"))
	props := expectMap(n.Get("Properties"), source, "Connectors."+c.Key+".Properties")
	from := t.obj("Id", source)
	if r := props.Get("SourceReference"); props.Entry("SourceReference") != nil {
		if expectMap(r, source, "SourceReference").Entry("Id") != nil {
			fail(id, "SourceReference does not take Id")
		}
		t.merge(from, r)
		t.del(props, "SourceReference")
	}
	t.set(props, "Source", from)
	if t.lookup(t.resources, id) != nil {
		fail(id, "the connector has the logical id of a resource")
	}
	m := t.macro(id, "AWS::Serverless::Connector", n, connectorProperties)
	t.set(t.resources, id, t.node(m.resource))
	e := t.entry(t.resources, id)
	e.Line, e.Column = c.Line, c.Column
}

func (t *translator) connector(id string, n *node) []*resource {
	m := t.macro(id, "AWS::Serverless::Connector", n, connectorProperties)
	var made []*resource
	destinations := t.asList(m.p("Destination"))
	for i, d := range destinations.Items {
		suffix := ""
		if m.p("Destination").IsList() {
			suffix = "Destination" + t.int(i).Text
		}
		c := &connection{translator: t, macro: m, suffix: suffix}
		c.destination = c.end(d, m.p("Source"))
		c.source = c.end(m.p("Source"), d)
		resources := c.connect()
		c.describe(resources)
		made = append(made, resources...)
	}
	if len(made) == 0 {
		fail(id, "Destination is empty")
	}
	t.dependOnAll(id, made)
	return made
}

// connection is a connector from one source to one destination.
type connection struct {
	*translator
	*macro
	source, destination end
	suffix              string
}

// end reads one end; other is the opposite one.
func (c *connection) end(n, other *node) end {
	more := slices.ContainsFunc(n.Entries, func(e template.Entry) bool { return e.Key != "Id" && e.Key != "Qualifier" })
	if (n.Entry("Id") != nil) == more {
		fail(c.id, "an end of a connector needs Id, or other properties without it")
	}
	id := n.Get("Id")
	if !truthy(id) {
		typ := n.Get("Type").Str()
		if typ == "" {
			fail(c.id, "an end of a connector without Id needs Type")
		}
		return end{typ: cfnType(typ), arn: get(n, "Arn"), role: get(n, "RoleName"), url: get(n, "QueueUrl"),
			resourceID: get(n, "ResourceId"), name: get(n, "Name"), detail: get(n, "Qualifier")}
	}
	r := c.lookup(c.out, id.Str())
	if !truthy(r) || r.Get("Type").Str() == "" {
		fail(c.id, "there is no resource %s", id.Str())
	}
	typ := r.Get("Type").Str()
	known := c.profile(sharedLibrary().resources.Get(typ), map[string]*node{"logicalId": id})
	outputs := known.Get("Outputs")
	e := end{id: id.Text, typ: typ, arn: outputs.Get("Arn"), url: outputs.Get("Url"), resourceID: outputs.Get("Id"),
		name: outputs.Get("Name"), detail: outputs.Get("Qualifier")}
	if q := n.Entry("Qualifier"); q != nil {
		e.detail = get(n, "Qualifier")
	}
	if role := logicalID(c.roleProperty(known, r.Get("Properties"), other)); role != "" {
		e.role = c.ref(role)
	}
	return e
}

var (
	subPattern     = regexp.MustCompile(`\$\{.+\}`)
	profilePattern = regexp.MustCompile(`%\{([A-Za-z.]+)\}`)
)

func (c *connection) connect() []*resource {
	profile := sharedLibrary().connectors.Get(c.source.typ).Get(c.destination.typ)
	if profile == nil {
		fail(c.id, "no connector goes from %s to %s", c.source.typ, c.destination.typ)
	}
	permissions := c.permissions(profile.Get("Properties"))
	values := map[string]*node{"Source.Arn": c.source.arn, "Destination.Arn": c.destination.arn,
		"Source.ResourceId": c.source.resourceID, "Destination.ResourceId": c.destination.resourceID,
		"Source.Name": c.source.name, "Destination.Name": c.destination.name,
		"Source.Qualifier": c.source.detail, "Destination.Qualifier": c.destination.detail}
	props := c.profile(profile.Get("Properties"), values)
	owner := c.destination
	if truthy(props.Get("SourcePolicy")) {
		owner = c.source
	}
	switch profile.Get("Type").Str() {
	case "AWS_IAM_ROLE_MANAGED_POLICY":
		return []*resource{c.rolePolicy(owner, props, permissions)}
	case "AWS_SQS_QUEUE_POLICY":
		return []*resource{c.resourcePolicy("QueuePolicy", "AWS::SQS::QueuePolicy", "Queues", owner.url, props, permissions)}
	case "AWS_SNS_TOPIC_POLICY":
		return []*resource{c.resourcePolicy("TopicPolicy", "AWS::SNS::TopicPolicy", "Topics", owner.arn, props, permissions)}
	}
	return c.lambdaPermissions(owner, props, permissions)
}

// permissions checks the property Permissions.
func (c *connection) permissions(profile *node) []string {
	given := slices.Clone(c.p("Permissions").Strings())
	slices.Sort(given)
	given = slices.Compact(given)
	if len(given) == 0 {
		fail(c.id, "Permissions is empty")
	}
	for _, p := range given {
		if profile.Get("AccessCategories").Get(p) == nil {
			fail(c.id, "a connector from %s to %s does not take the permission %s", c.source.typ, c.destination.typ, p)
		}
	}
	valid := profile.Get("ValidAccessCategories")
	if valid == nil {
		return given
	}
	for _, v := range valid.Items {
		names := slices.Clone(v.Strings())
		slices.Sort(names)
		if slices.Equal(names, given) {
			return given
		}
	}
	fail(c.id, "a connector from %s to %s does not take this combination of permissions", c.source.typ, c.destination.typ)
	return nil
}

func (c *connection) policyDocument(props *node, permissions []string) *node {
	l := c.list()
	for _, e := range props.Get("AccessCategories").Entries {
		if slices.Contains(permissions, e.Key) {
			l.Items = append(l.Items, e.Value.Get("Statement").Items...)
		}
	}
	return c.obj("Version", "2012-10-17", "Statement", l)
}

func (c *connection) made(name, typ string, props ...any) *resource {
	r := c.translator.resource(c.id+name+c.suffix, typ, c.attrs, props...)
	r.dependsOn = c.dependsOn
	return r
}

func (c *connection) rolePolicy(owner end, props *node, permissions []string) *resource {
	if !truthy(owner.role) {
		fail(c.id, "the connector needs an IAM role")
	}
	r := c.made("Policy", "AWS::IAM::ManagedPolicy", "PolicyDocument", c.policyDocument(props, permissions), "Roles", c.list(owner.role))
	switch by := props.Get("DependedBy").Str(); {
	case by == "DESTINATION_EVENT_SOURCE_MAPPING" && c.source.id != "" && c.destination.id != "":
		if ids := c.mappings(); len(ids) == 1 {
			c.addDependency(ids[0], r.id)
		}
	case by == "SOURCE" && c.source.id != "":
		c.addDependency(c.source.id, r.id)
	}
	return r
}

// mappings are the event source mappings between the two ends.
func (c *connection) mappings() []string {
	var out []string
	for _, e := range c.out.Entries {
		if e.Value.Get("Type").Str() != "AWS::Lambda::EventSourceMapping" {
			continue
		}
		props := e.Value.Get("Properties")
		if logicalID(props.Get("FunctionName")) == c.destination.id && logicalID(props.Get("EventSourceArn")) == c.source.id {
			out = append(out, e.Key)
		}
	}
	return out
}

// addDependency makes a translated resource depend on another one.
func (t *translator) addDependency(id, on string) {
	e := t.entry(t.out, id)
	if e == nil {
		return
	}
	l := t.list()
	if d := e.Value.Get("DependsOn"); d != nil {
		l.Items = append(l.Items, t.asList(d).Items...)
	}
	if !contains(l.Items, t.str(on)) {
		l.Items = append(l.Items, t.str(on))
	}
	e.Value = copyMap(e.Value)
	t.set(e.Value, "DependsOn", l)
}

func (c *connection) resourcePolicy(name, typ, key string, to, props *node, permissions []string) *resource {
	if !truthy(to) {
		fail(c.id, "the connector needs a queue or topic")
	}
	return c.made(name, typ, "PolicyDocument", c.policyDocument(props, permissions), key, c.list(to))
}

func (c *connection) lambdaPermissions(owner end, props *node, permissions []string) []*resource {
	if !truthy(owner.arn) {
		fail(c.id, "the connector needs a function")
	}
	var out []*resource
	for _, e := range props.Get("AccessCategories").Entries {
		if slices.Contains(permissions, e.Key) {
			out = append(out, c.made(e.Key+"LambdaPermission", "AWS::Lambda::Permission", "Action", e.Value.Get("Action"), "FunctionName", owner.arn,
				"Principal", e.Value.Get("Principal"), "SourceArn", e.Value.Get("SourceArn"), "SourceAccount", e.Value.Get("SourceAccount")))
		}
	}
	return out
}

// describe notes in Metadata what a resource was made for.
func (c *connection) describe(made []*resource) {
	original := func(e end) string {
		if typ := c.sourceType(e.id); typ != "" {
			return typ
		}
		return e.typ
	}
	for _, r := range made {
		metadata := c.obj()
		if e := r.attrs.Entry("Metadata"); e != nil {
			c.merge(metadata, expectMap(e.Value, c.id, "Metadata"))
		}
		c.set(metadata, "aws:sam:connectors", c.obj(c.id, c.obj("Source", c.obj("Type", original(c.source)),
			"Destination", c.obj("Type", original(c.destination)))))
		c.set(r.attrs, "Metadata", metadata)
	}
}

// sourceType is the type of a resource before the translation, "" if there is none.
func (c *connection) sourceType(id string) string {
	return c.translator.lookup(c.translator.resources, id).Get("Type").Str()
}

// dependOnAll replaces dependencies on a connector by what it stands for.
func (t *translator) dependOnAll(id string, made []*resource) {
	for i := range t.out.Entries {
		e := &t.out.Entries[i]
		d := e.Value.Get("DependsOn")
		if d == nil || !slices.Contains(d.Strings(), id) {
			continue
		}
		l := t.list()
		for _, item := range t.asList(d).Items {
			if item.Str() != id {
				l.Items = append(l.Items, item)
			}
		}
		for _, r := range made {
			if n := t.str(r.id); !contains(l.Items, n) {
				l.Items = append(l.Items, n)
			}
		}
		e.Value = copyMap(e.Value)
		t.set(e.Value, "DependsOn", l)
	}
}
