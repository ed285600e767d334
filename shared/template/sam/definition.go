package sam

import (
	"slices"
	"strings"
)

const (
	integrationKey = "x-amazon-apigateway-integration"
	anyMethod      = "x-amazon-apigateway-any-method"
	policyKey      = "x-amazon-apigateway-policy"
	authorizerKey  = "x-amazon-apigateway-authorizer"
)

// definition is the Swagger (REST) or OpenAPI (HTTP) definition of an API
// while it is written.
type definition struct {
	*translator
	http       bool
	doc, paths *node
	security   *node // securityDefinitions, components.securitySchemes
	responses  *node // gateway responses
	policy     *node // resource policy
	models     *node
	tags, info *node
}

func (t *translator) validSwagger(n *node) bool {
	if !n.IsMap() || !n.Get("paths").IsMap() {
		return false
	}
	return truthy(n.Get("swagger")) || t.openAPIText(n)
}

func (t *translator) validOpenAPI(n *node) bool {
	return n.IsMap() && n.Get("paths").IsMap() && t.openAPIText(n)
}

func (t *translator) openAPIText(n *node) bool {
	v := n.Get("openapi")
	return truthy(v) && openAPI3(t.text(v))
}

// open starts to change a definition, which close ends.
func (t *translator) open(doc *node, http bool) *definition {
	d := &definition{translator: t, http: http, doc: doc}
	if valid := t.validSwagger; http && !t.validOpenAPI(doc) || !http && !valid(doc) {
		crash("the definition of the API is not valid")
	}
	d.copied()
	d.paths = doc.Get("paths")
	or := func(n *node) *node {
		if truthy(n) {
			return n
		}
		return t.ordered()
	}
	if http {
		d.security = or(t.within(t.within(doc, "components"), "securitySchemes"))
		if d.tags = get(doc, "tags"); !truthy(d.tags) {
			d.tags = t.list()
		}
		d.info = or(t.within(doc, "info"))
		return d
	}
	d.security = or(doc.Get("securityDefinitions"))
	d.responses = or(doc.Get("x-amazon-apigateway-gateway-responses"))
	d.policy = or(doc.Get(policyKey))
	d.models = doc.Get("definitions")
	if !t.checked[doc] { // what is added later is valid
		t.checked[doc] = true
		for _, e := range d.paths.Entries {
			for _, item := range contents(e.Value) {
				pathItem(item, e.Key)
			}
		}
	}
	return d
}

// copied notes a copy of the whole definition.
func (d *definition) copied() {
	if o := d.orders[d.doc]; o != nil && o.copies != nil {
		*o.copies++
		d.copies = o.copies
	}
}

// within is get that fails if n is something else than a map.
func (t *translator) within(n *node, key string) *node {
	if isNull(n) {
		return nil
	}
	return get(expectMap(n, "", "the parent of "+key), key)
}

// close writes the parts back and returns the definition.
func (d *definition) close() *node {
	defer func() { d.translator.copies = nil }()
	d.set(d.doc, "paths", d.paths)
	if d.http {
		if truthy(d.tags) {
			d.set(d.doc, "tags", d.tags)
		}
		if truthy(d.security) {
			if !truthy(d.doc.Get("components")) {
				d.set(d.doc, "components", d.obj())
			}
			d.set(d.doc.Get("components"), "securitySchemes", d.security)
		}
		if truthy(d.info) {
			d.set(d.doc, "info", d.info)
		}
		return d.doc
	}
	if truthy(d.security) {
		d.set(d.doc, "securityDefinitions", d.security)
	}
	if truthy(d.responses) {
		d.set(d.doc, "x-amazon-apigateway-gateway-responses", d.responses)
	}
	if truthy(d.models) {
		d.set(d.doc, "definitions", d.models)
	}
	d.copied()
	return d.doc
}

// contents returns the values of a conditional, or the value itself.
func contents(n *node) []*node {
	if !n.IsMap() || n.Entry("Fn::If") == nil {
		return []*node{n}
	}
	args := n.Get("Fn::If")
	if !args.IsList() {
		crash("Fn::If must have a list")
	}
	var out []*node
	for i, item := range args.Items {
		if i > 0 && !isNoValue(item) {
			out = append(out, item)
		}
	}
	return out
}

func pathItem(n *node, path string) *node { return expectMap(n, "", "path "+path) }

func methodName(s string) string {
	s = strings.ToLower(s)
	if s == "any" {
		return anyMethod
	}
	return s
}

func (d *definition) addPath(path, method string) {
	item := d.lookup(d.paths, path)
	if item == nil {
		item = d.ordered()
		d.set(d.paths, path, item)
	}
	for _, i := range contents(expectMap(item, "", "path "+path)) {
		expectMap(i, "", "path "+path)
		if i.Entry(methodName(method)) == nil {
			d.set(i, methodName(method), d.ordered())
		}
	}
}

// hasIntegration reports whether a method of a path is served already.
func (d *definition) hasIntegration(path, method string) bool {
	item := d.lookup(d.paths, path)
	if item == nil {
		return false
	}
	for _, i := range contents(item) {
		m := i.Get(methodName(method))
		if !m.IsMap() || !slices.ContainsFunc(contents(m), func(c *node) bool {
			return truthy(expectMap(c, "", "method "+method).Get(integrationKey))
		}) {
			return false
		}
	}
	return true
}

// method lists the definitions of one method that have an integration.
func (d *definition) method(path, method string) []*node {
	var out []*node
	for _, item := range contents(d.lookup(d.paths, path)) {
		for _, m := range contents(pathItem(item, path).Get(methodName(method))) {
			if truthy(expectMap(m, "", "method "+method).Get(integrationKey)) {
				out = append(out, m)
			}
		}
	}
	return out
}

// named is a method of a path.
type named struct {
	name string
	node *node
}

// methods lists all methods of a path that have an integration.
func (d *definition) methods(path string) []named {
	var out []named
	for _, item := range contents(d.lookup(d.paths, path)) {
		for _, name := range d.keys(pathItem(item, path)) {
			if name == "parameters" || !d.http && (name == "summary" || name == "description") {
				continue
			}
			for _, m := range contents(item.Get(name)) {
				if truthy(expectMap(m, "", "method "+name).Get(integrationKey)) {
					out = append(out, named{methodName(name), m})
				}
			}
		}
	}
	return out
}

// lambdaRoute is how a function serves a method.
type lambdaRoute struct {
	path, method string
	uri          *node
	auth         *node // of the event
	apiAuth      *node
	condition    *node
	stream       bool
}

func (d *definition) addLambda(r lambdaRoute) {
	method := methodName(r.method)
	if d.hasIntegration(r.path, method) {
		if d.http {
			return
		}
		crash("%s of %s is served by more than one function", r.method, r.path)
	}
	d.addPath(r.path, method)
	uri := r.uri
	if truthy(r.condition) {
		uri = d.conditional(r.condition, uri, nil)
	}
	for _, item := range contents(d.lookup(d.paths, r.path)) {
		if isNull(pathItem(item, r.path).Get(method)) {
			d.set(item, method, d.ordered())
		}
		m := expectMap(item.Get(method), "", "method "+method)
		integration := d.ordered()
		d.set(m, integrationKey, integration)
		d.set(integration, "type", "aws_proxy")
		d.set(integration, "httpMethod", "POST")
		if d.http {
			d.set(integration, "payloadFormatVersion", "2.0")
		}
		d.set(integration, "uri", uri)
		if r.stream {
			d.set(integration, "responseTransferMode", "STREAM")
		}
		if !d.http {
			d.set(integration, "credentials", d.credentials(r))
		}
		if d.http && r.path == "$default" && method == anyMethod {
			d.set(m, "isDefaultRoute", true)
		}
		if m.Entry("responses") == nil {
			d.set(m, "responses", d.ordered())
		}
		if truthy(r.condition) {
			d.set(item, method, d.conditional(r.condition, m, nil))
		}
	}
}

// credentials is the role by which API Gateway calls a function under IAM.
func (d *definition) credentials(r lambdaRoute) *node {
	iam := r.auth.Get("Authorizer").Str() == "AWS_IAM" ||
		r.apiAuth.Get("DefaultAuthorizer").Str() == "AWS_IAM" && !truthy(r.auth)
	if !iam {
		return nil
	}
	role := func(auth *node) *node {
		if e := auth.Entry("InvokeRole"); e != nil && !truthy(e.Value) {
			return d.str("NONE")
		}
		return auth.Get("InvokeRole")
	}
	invoke := role(r.auth)
	if !truthy(invoke) {
		invoke = role(r.apiAuth)
	}
	switch {
	case invoke.Str() == "NONE":
		return nil
	case !truthy(invoke) || invoke.Str() == "CALLER_CREDENTIALS":
		return d.str("arn:" + d.partition + ":iam::*:user/*")
	}
	return invoke
}

// existingSecurity are the security requirements of a method.
func existingSecurity(m *node) []*node {
	s := m.Get("security")
	if s != nil && !s.IsList() {
		crash("security of a method must be a list")
	}
	if s == nil {
		return nil
	}
	return s.Items
}

func (d *definition) setSecurity(m *node, security []*node) {
	d.set(m, "security", security)
	if !d.http && security[0].Get("AWS_IAM") != nil {
		d.addIAMSecurity()
	}
}

func (d *definition) addIAMSecurity() {
	if d.security.Entry("AWS_IAM") == nil {
		d.set(d.security, "AWS_IAM", d.ordered("x-amazon-apigateway-authtype", "awsSigv4", "type", "apiKey",
			"name", "Authorization", "in", "header"))
	}
}

// addModel adds a path parameter, model and so on to a list of a method.
func (d *definition) appendTo(m *node, key string, item *node) {
	l := m.Get(key)
	if l == nil {
		l = d.list()
		d.set(m, key, l)
	}
	if !l.IsList() {
		crash("%s of a method must be a list", key)
	}
	l.Items = append(l.Items, item)
}

// find returns the item of a list whose "name" is given.
func find(list *node, name string) *node {
	for _, i := range list.Items {
		if i.Get("name").Str() == name {
			return i
		}
	}
	return nil
}
