package sam

import (
	"slices"
	"strings"
)

// addStateMachine lets a method start executions of a state machine.
func (d *definition) addStateMachine(path, method string, role, templates, condition *node) {
	method = methodName(method)
	if d.hasIntegration(path, method) {
		crash("%s of %s is served already", method, path)
	}
	d.addPath(path, method)
	uri := d.sub("arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution")
	if truthy(condition) {
		uri = d.conditional(condition, uri, nil)
	}
	for _, item := range contents(d.lookup(d.paths, path)) {
		m := expectMap(pathItem(item, path).Get(method), "", "method "+method)
		integration := d.ordered()
		d.set(m, integrationKey, integration)
		d.set(integration, "type", "aws")
		d.set(integration, "httpMethod", "POST")
		d.set(integration, "uri", uri)
		d.set(integration, "responses", d.ordered("200", d.ordered("statusCode", "200"), "400", d.ordered("statusCode", "400")))
		d.set(integration, "credentials", role)
		if m.Entry("responses") == nil {
			d.set(m, "responses", d.ordered("200", d.ordered("description", "OK"), "400", d.ordered("description", "Bad Request")))
		}
		d.set(integration, "requestTemplates", templates)
		if truthy(condition) {
			d.set(item, method, d.conditional(condition, m, nil))
		}
	}
}

// cors is the property Cors of a REST API.
type cors struct {
	origin, headers, methods, maxAge *node
	credentials                      bool
}

// addCORS adds the method OPTIONS to a path.
func (d *definition) addCORS(path string, c cors) {
	for _, item := range contents(d.lookup(d.paths, path)) {
		if pathItem(item, path).Entry("options") != nil {
			continue
		}
		if !truthy(c.origin) {
			crash("Cors needs an origin")
		}
		if !truthy(c.methods) {
			c.methods = d.str("'" + d.allowedMethods(item) + "'")
		}
		d.set(item, "options", d.corsResponse(c))
	}
}

func (d *definition) allowedMethods(item *node) string {
	methods := append(d.keys(item), "options")
	if item.Entry(anyMethod) != nil {
		methods = []string{"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"}
	}
	for i := range methods {
		methods[i] = strings.ToUpper(methods[i])
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ",")
}

func (d *definition) corsResponse(c cors) *node {
	params, headers := d.ordered(), d.ordered()
	add := func(header, typ string, value any) {
		if v := d.value(value); v != nil {
			d.set(params, "method.response.header."+header, v)
			d.set(headers, header, d.obj("type", typ))
		}
	}
	add("Access-Control-Allow-Origin", "string", c.origin)
	if truthy(c.headers) {
		add("Access-Control-Allow-Headers", "string", c.headers)
	}
	add("Access-Control-Allow-Methods", "string", c.methods)
	add("Access-Control-Max-Age", "integer", c.maxAge)
	if c.credentials {
		add("Access-Control-Allow-Credentials", "string", "'true'")
	}
	return d.ordered("summary", "CORS support",
		"consumes", []string{"application/json"},
		"produces", []string{"application/json"},
		integrationKey, d.ordered("type", "mock",
			"requestTemplates", d.obj("application/json", "{\n  \"statusCode\" : 200\n}\n"),
			"responses", d.ordered("default", d.ordered("statusCode", "200", "responseParameters", params,
				"responseTemplates", d.obj("application/json", "{}\n")))),
		"responses", d.ordered("200", d.ordered("description", "Default response for CORS method", "headers", headers)))
}

// setBinaryTypes writes the media types, in which ~1 stands for a slash.
func (d *definition) setBinaryTypes(types *node) {
	d.set(d.doc, "x-amazon-apigateway-binary-media-types", d.unescape(types))
}

func (d *definition) unescape(n *node) *node {
	switch {
	case n.IsString():
		return d.mark(d.str(strings.ReplaceAll(n.Text, "~1", "/")))
	case n.IsList():
		l := d.list()
		for _, i := range n.Items {
			l.Items = append(l.Items, d.unescape(i))
		}
		return l
	case n.IsMap():
		m := d.mark(d.ordered())
		for _, k := range d.keys(n) {
			d.set(m, strings.ReplaceAll(k, "~1", "/"), d.unescape(n.Get(k)))
		}
		return m
	}
	return n
}

func (d *definition) disableEndpoint(value *node) {
	const key = "x-amazon-apigateway-endpoint-configuration"
	disable := func(n *node) {
		expectMap(n, "", "the definition")
		if n.Get(key) == nil {
			d.set(n, key, d.obj())
		}
		d.set(expectMap(n.Get(key), "", key), "disableExecuteApiEndpoint", value)
	}
	if !d.http && !d.openAPIText(d.doc) {
		disable(d.doc)
		return
	}
	servers := d.doc.Get("servers")
	if servers == nil {
		servers = d.list(d.ordered())
	}
	if !servers.IsList() {
		crash("servers must be a list")
	}
	for _, s := range servers.Items {
		disable(s)
	}
	d.set(d.doc, "servers", servers)
}

// defaultAuthorizer sets the authorizer of the methods of a path that have none.
func (d *definition) defaultAuthorizer(path, name string, names []string, scopes *node, preflight bool) {
	known := append(slices.Clone(names), "AWS_IAM")
	for _, m := range d.methods(path) {
		if !preflight && m.name == "options" {
			continue
		}
		var others, theirs []*node
		none := -1
		for _, s := range existingSecurity(m.node) {
			expectMap(s, "", "security")
			if slices.ContainsFunc(d.keys(s), func(k string) bool { return slices.Contains(known, k) }) {
				theirs = append(theirs, s)
				continue
			}
			if none < 0 && s.Entry("NONE") != nil {
				none = len(others)
			}
			others = append(others, s)
		}
		switch {
		case none >= 0:
			others = slices.Delete(others, none, none+1)
		case len(theirs) > 0:
			others = append(others, theirs...)
		default:
			others = append(others, d.ordered(name, scopes))
		}
		if len(others) > 0 {
			d.setSecurity(m.node, others)
		}
	}
}

// requireAPIKey asks for a key in the methods of a path that do not refuse it.
func (d *definition) requireAPIKey(path string, preflight bool) {
	for _, m := range d.methods(path) {
		existing := existingSecurity(m.node)
		var others []*node
		refused := false
		for _, s := range existing {
			expectMap(s, "", "security")
			if s.Entry("api_key") == nil && s.Entry("api_key_false") == nil {
				others = append(others, s)
			}
			refused = refused || s.Entry("api_key_false") != nil
		}
		security := others
		if !refused && (preflight || m.name != "options") {
			security = append(slices.Clone(others), d.ordered("api_key", d.list()))
		}
		if !slices.EqualFunc(security, existing, equal) {
			d.set(m.node, "security", d.list())
			m.node.Get("security").Items = security
		}
	}
}

func (d *definition) addAPIKeySecurity() {
	if d.security.Entry("api_key") == nil {
		d.set(d.security, "api_key", d.ordered("type", "apiKey", "name", "x-api-key", "in", "header"))
	}
}

// methodAuth writes what the event of one method says about authorization.
func (d *definition) methodAuth(path, method string, auth, apiAuth *node) {
	if a := auth.Get("Authorizer"); truthy(a) {
		for _, m := range d.method(path, method) {
			scopes := d.methodScopes(a.Str(), auth, dig(apiAuth, "Authorizers"))
			d.setSecurity(m, append(slices.Clone(existingSecurity(m)), d.ordered(a.Str(), scopes)))
		}
	}
	required := get(auth, "ApiKeyRequired")
	if required == nil {
		return
	}
	for _, m := range d.method(path, method) {
		key := "api_key_false"
		if truthy(required) {
			key = "api_key"
			d.addAPIKeySecurity()
		}
		d.set(m, "security", append(slices.Clone(existingSecurity(m)), d.ordered(key, d.list())))
	}
}

func (d *definition) methodScopes(name string, auth, authorizers *node) *node {
	none := d.list()
	if name == "NONE" || !truthy(authorizers) {
		return none
	}
	authorizer := authorizers.Get(name)
	if authorizer == nil {
		return none
	}
	expectMap(authorizer, "", "authorizer "+name)
	if s := get(auth, "AuthorizationScopes"); s != nil {
		return s
	}
	if s := get(authorizer, "AuthorizationScopes"); s != nil {
		return s
	}
	return none
}

// requestValidator makes API Gateway check requests of a method.
func (d *definition) requestValidator(path, method string, body, params bool) {
	name := "no-validation"
	switch {
	case body && params:
		name = "body-and-params"
	case body:
		name = "body-only"
	case params:
		name = "params-only"
	}
	const key = "x-amazon-apigateway-request-validators"
	if !truthy(d.doc.Get(key)) {
		d.set(d.doc, key, d.ordered())
	}
	if all := d.doc.Get(key); !truthy(all.Get(name)) {
		d.set(all, name, d.ordered("validateRequestBody", body, "validateRequestParameters", params))
	}
	for _, m := range d.method(path, method) {
		d.set(m, "x-amazon-apigateway-request-validator", name)
	}
}

// requestModel names the model of a method's request.
func (d *definition) requestModel(path, method string, model *node) {
	name := strings.ToLower(model.Get("Model").Str())
	required := get(model, "Required")
	for _, m := range d.method(path, method) {
		if !isNull(d.doc.Get("swagger")) {
			d.appendTo(m, "parameters", d.ordered("in", "body", "name", name,
				"schema", d.obj("$ref", "#/definitions/"+name), "required", required))
			continue
		}
		if d.openAPIText(d.doc) {
			d.set(m, "requestBody", d.obj("content", d.obj("application/json",
				d.obj("schema", d.obj("$ref", "#/components/schemas/"+name))), "required", required))
		}
	}
}

// requestParameter is one entry of RequestParameters.
type requestParameter struct {
	name              string
	required, caching *node
}

func (d *definition) requestParameters(path, method string, params []requestParameter) {
	for _, m := range d.method(path, method) {
		if m.Get("parameters") == nil {
			d.set(m, "parameters", d.list())
		}
		for _, p := range params {
			location, name, _ := strings.Cut(strings.ReplaceAll(p.name, "method.request.", ""), ".")
			if location == "querystring" {
				location = "query"
			}
			d.appendTo(m, "parameters", d.ordered("in", location, "name", name, "required", p.required, "type", "string"))
			if truthy(p.caching) {
				d.appendTo(m.Get(integrationKey), "cacheKeyParameters", d.str(p.name))
			}
		}
	}
}

func (d *definition) addModels(models *node) {
	if !truthy(d.models) {
		d.models = d.ordered()
	}
	for _, name := range d.keys(models) {
		schema := models.Get(name)
		if !truthy(schema.Get("type")) {
			crash("model %s has no type", name)
		}
		d.set(d.models, strings.ToLower(name), schema)
	}
}

func (t *translator) asList(n *node) *node {
	if n.IsList() {
		return n
	}
	return t.list(n)
}
