package sam

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// implicit is one of the two kinds of APIs that events of functions make
// without naming them.
type implicit struct {
	event, api string // type of the event and of the SAM resource
	reference  string // property of the event that names the API
	id         string // of the API that is made
	body       *node
	stage      string
	valid      func(*node) bool
	http       bool // the route $default may be left out

	conditions map[string]*pathConditions // by API
	deletion   []*node
	replace    []*node
}

// pathConditions are the conditions of the resources behind an API's routes,
// by path and method; "" is a resource without one.
type pathConditions struct {
	byPath map[string]map[string]string
}

func restEvents(t *translator) *implicit {
	return &implicit{event: "Api", api: "AWS::Serverless::Api", reference: "RestApiId", id: "ServerlessRestApi",
		body: t.emptySwagger(), stage: "Prod", valid: t.validSwagger, conditions: map[string]*pathConditions{}}
}

func httpEvents(t *translator) *implicit {
	return &implicit{event: "HttpApi", api: "AWS::Serverless::HttpApi", reference: "ApiId", id: "ServerlessHttpApi",
		body: t.emptyOpenAPI(), valid: t.validOpenAPI, http: true, conditions: map[string]*pathConditions{}}
}

// implicitAPI adds the API that events without a reference mean, and every
// event's path to the definition of its API.
func (t *translator) implicitAPI(im *implicit) {
	existing := t.lookup(t.resources, im.id)
	props := t.obj("DefinitionBody", im.body, managed, true)
	if im.stage != "" {
		t.set(props, "StageName", im.stage)
	}
	t.set(t.resources, im.id, t.obj("Type", im.api, "Properties", props))
	t.owned[im.id] = true
	failed := false
	for _, e := range slices.Clone(t.resources.Entries) {
		typ := e.Value.Get("Type").Str()
		if typ != "AWS::Serverless::Function" && typ != "AWS::Serverless::StateMachine" {
			continue
		}
		t.at(e.Value)
		failed = !t.try(e.Key, func() { t.implicitEvents(im, e.Value) }) || failed
	}
	if failed {
		crash("events of %s APIs are not valid", im.event)
	}
	t.implicitAttributes(im)
	t.pathConditions(im)
	if api := t.lookup(t.resources, im.id); len(dig(api, "Properties", "DefinitionBody", "paths").Entries) == 0 {
		if existing == nil {
			t.del(t.resources, im.id)
		} else {
			t.set(t.resources, im.id, existing)
		}
	}
}

func (t *translator) implicitEvents(im *implicit, resource *node) {
	events := dig(resource, "Properties", "Events")
	if !events.IsMap() {
		return
	}
	names := newOrdered(nil) // the order in which paths come into the definition
	for _, e := range events.Entries {
		if e.Value.IsMap() && e.Value.Get("Type").Str() == im.event {
			names.add(e.Key)
		}
	}
	for _, name := range names.keys() {
		t.implicitEvent(im, resource, name, events.Get(name))
	}
}

func (t *translator) implicitEvent(im *implicit, resource *node, id string, event *node) {
	props := event.Get("Properties")
	if props == nil && im.http {
		props = t.obj()
	}
	if !im.http && !truthy(props) {
		return
	}
	expectMap(props, id, "Properties")
	t.set(event, "Properties", props)
	if props.Entry(im.reference) == nil {
		t.implicitTags(im, resource)
		t.set(props, im.reference, t.ref(im.id))
	}
	if im.http && missing(props, "Path") && missing(props, "Method") {
		t.set(props, "Path", "$default")
		t.set(props, "Method", anyMethod)
	}
	api, ok := refID(props.Get(im.reference))
	path, method := props.Get("Path"), props.Get("Method")
	if !ok || !path.IsString() || !method.IsString() {
		fail(id, "%s, Path and Method must be strings", im.reference)
	}
	im.note(api, path.Text, method.Text, resource)
	t.addPath(im, id, api, path.Text, method.Text)
	if props.Entry("RouteSettings") != nil && im.http {
		t.routeSettings(id, api, props, resource.Get("Condition"))
	}
}

// missing reports whether a property is absent or empty.
func missing(n *node, key string) bool {
	v := n.Entry(key)
	return v == nil || !truthy(v.Value)
}

// note records what the attributes of the implicit API depend on.
func (im *implicit) note(api, path, method string, resource *node) {
	c := im.conditions[api]
	if c == nil {
		c = &pathConditions{map[string]map[string]string{}}
		im.conditions[api] = c
	}
	if c.byPath[path] == nil {
		c.byPath[path] = map[string]string{}
	}
	condition := resource.Get("Condition")
	if !isNull(condition) && !condition.IsString() {
		crash("the condition of a resource is its name, a text")
	}
	c.byPath[path][method] = condition.Str()
	if api == im.id {
		im.deletion = append(im.deletion, resource.Get("DeletionPolicy"))
		im.replace = append(im.replace, resource.Get("UpdateReplacePolicy"))
	}
}

// implicitTags gives the tags of a function that propagates them to the API.
func (t *translator) implicitTags(im *implicit, resource *node) {
	section := dig(t.root, "Globals", strings.TrimPrefix(resource.Get("Type").Str(), "AWS::Serverless::"))
	first := func(key string) *node {
		if v := dig(resource, "Properties", key); truthy(v) {
			return v
		}
		return get(section, key)
	}
	tags := first("Tags")
	if !truthy(tags) || !truthy(first("PropagateTags")) {
		return
	}
	props := t.lookup(t.resources, im.id).Get("Properties")
	if props.Get("Tags") == nil {
		t.set(props, "Tags", t.obj())
	}
	t.merge(props.Get("Tags"), expectMap(tags, "", "Tags"))
	t.set(props, "PropagateTags", true)
}

func (t *translator) addPath(im *implicit, event, api, path, method string) {
	resource := t.ownResource(api)
	if resource == nil || im.event == "Api" && resource.Get("Type").Str() == "AWS::Serverless::HttpApi" {
		fail(event, "%s must refer to a resource of type %s in the template", im.reference, im.api)
	}
	props := resource.Get("Properties")
	if !im.valid(props.Get("DefinitionBody")) || !truthy(props.Get(managed)) {
		return
	}
	d := t.open(props.Get("DefinitionBody"), im.http)
	d.addPath(path, method)
	t.set(props, "DefinitionBody", d.close())
}

// routeSettings moves the settings of an event's route to its API.
func (t *translator) routeSettings(event, api string, props, condition *node) {
	method, path := props.Get("Method").Str(), props.Get("Path").Str()
	route := strings.ToUpper(method) + " " + path
	if method == anyMethod {
		route = path
	}
	settings := props.Get("RouteSettings")
	if truthy(condition) {
		settings = t.conditional(condition, settings, nil)
	}
	expectMap(settings, event, "RouteSettings")
	resource := t.ownResource(api)
	apiProps := t.properties(resource)
	all := apiProps.Get("RouteSettings")
	if all == nil {
		all = t.obj()
	}
	expectMap(all, api, "RouteSettings")
	if all.Get(route) == nil {
		t.set(all, route, t.obj())
	}
	t.merge(expectMap(all.Get(route), api, "RouteSettings"), settings)
	t.set(apiProps, "RouteSettings", all)
}

// implicitAttributes gives the implicit API the condition and the policies of
// the resources behind it.
func (t *translator) implicitAttributes(im *implicit) {
	api := t.lookup(t.resources, im.id)
	if c := im.conditions[im.id]; c != nil {
		names, all := c.all()
		switch {
		case all && len(names) == 1:
			t.set(api, "Condition", names[0])
		case all && len(names) > 1:
			t.set(api, "Condition", im.id+"Condition")
			t.combineConditions(im.id+"Condition", names)
		}
	}
	t.set(api, "DeletionPolicy", t.strongest(im.deletion, "Retain", "Delete"))
	t.set(api, "UpdateReplacePolicy", t.strongest(im.replace, "Retain", "Snapshot", "Delete"))
}

// strongest returns the first policy that one of the nodes has.
func (t *translator) strongest(nodes []*node, policies ...string) *node {
	for _, p := range policies {
		if slices.ContainsFunc(nodes, func(n *node) bool { return n.Str() == p }) {
			return t.str(p)
		}
	}
	return nil
}

// all lists the conditions of all paths, and reports whether each method has one.
func (c *pathConditions) all() (names []string, all bool) {
	return conditionNames(slices.Collect(maps.Values(c.byPath))...)
}

// conditionNames lists the conditions of methods, and reports whether each has one.
func conditionNames(conditions ...map[string]string) (names []string, all bool) {
	all = true
	for _, methods := range conditions {
		for _, name := range methods {
			all = all && name != ""
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, all && len(names) > 0
}

// pathConditions makes the paths conditional whose functions all are.
func (t *translator) pathConditions(im *implicit) {
	for _, e := range t.resources.Entries {
		if e.Value.Get("Type").Str() != im.api || !truthy(dig(e.Value, "Properties", managed)) {
			continue
		}
		props := e.Value.Get("Properties")
		if !im.valid(props.Get("DefinitionBody")) {
			crash("DefinitionBody of %s is not valid", e.Key)
		}
		d := t.open(props.Get("DefinitionBody"), im.http)
		for _, path := range t.keys(d.paths) {
			t.pathCondition(im, e.Key, path, d)
		}
		t.set(props, "DefinitionBody", d.close())
	}
}

func (t *translator) pathCondition(im *implicit, api, path string, d *definition) {
	c := im.conditions[api]
	if c == nil || c.byPath[path] == nil {
		crash("path %s of %s belongs to no event", path, api)
	}
	names, all := conditionNames(c.byPath[path])
	if !all {
		return
	}
	name := names[0]
	if len(names) > 1 {
		name = api + strings.NewReplacer("/", "SLASH", "{", "OB", "}", "CB").Replace(path) + "PathCondition"
		t.combineConditions(name, names)
	}
	t.set(d.paths, path, t.conditional(name, d.lookup(d.paths, path), nil))
}

// combineConditions adds the condition that holds if one of the names does.
// Fn::Or takes ten, so that more need intermediate conditions.
func (t *translator) combineConditions(name string, names []string) {
	if t.conditions == nil {
		t.conditions = t.obj()
		t.set(t.root, "Conditions", t.conditions)
	}
	const most = 10
	extra := (len(names) - 2) / (most - 1)
	for len(names) > 1 {
		next := name
		if extra > 0 {
			next = name + strconv.Itoa(extra)
			extra--
		}
		n := min(most, len(names))
		or := t.list()
		for _, c := range names[:n] {
			or.Items = append(or.Items, t.obj("Condition", c))
		}
		t.set(t.conditions, next, t.obj("Fn::Or", or))
		names = append(slices.Clone(names[n:]), next)
	}
}
