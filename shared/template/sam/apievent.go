package sam

import (
	"slices"
	"strings"
)

// restEvent connects a function with a REST API.
func (f *function) restEvent(l link) []*resource {
	m := l.m
	path, method := m.p("Path").Str(), strings.ToLower(m.p("Method").Str())
	if !m.p("Path").IsString() || !m.p("Method").IsString() {
		crash("Path and Method must be strings")
	}
	verb := strings.ToUpper(method)
	if method == "any" {
		verb = "*"
	}
	source := f.sub("arn:"+f.partition+":execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}/"+verb+starredPath(trimSlash(path)),
		"__ApiId__", m.p("RestApiId"), "__Stage__", "*")
	p := f.permission(m.id, l.stage, "apigateway.amazonaws.com", "SourceArn", source)
	e := &apiEvent{translator: f.translator, l: l, path: path, method: method}
	if truthy(l.apiProps.Get(managed)) || truthy(l.apiProps.Get("MergeDefinitions")) {
		f.integrate(e)
	}
	auth := m.p("Auth")
	if body := l.apiProps.Get("DefinitionBody"); truthy(body) && truthy(auth) && truthy(auth.Get("OverrideApiAuth")) {
		if !truthy(auth.Get("Authorizer")) && !truthy(auth.Get("ApiKeyRequired")) && !truthy(auth.Get("ResourcePolicy")) {
			fail(l.name, "OverrideApiAuth needs Authorizer, ApiKeyRequired or ResourcePolicy")
		}
		d := f.open(body, false)
		e.addAuth(d, auth)
		f.set(l.apiProps, "DefinitionBody", d.close())
	}
	return []*resource{p}
}

// trimSlash removes the slash at the end of a path, if that is not all of it.
func trimSlash(path string) string {
	if len(path) > 1 && !strings.Contains(path, "\n") {
		return strings.TrimSuffix(path, "/")
	}
	return path
}

// apiEvent is an event while it is written into an API's definition.
type apiEvent struct {
	*translator
	l            link
	path, method string
}

func (f *function) integrate(e *apiEvent) {
	body := e.l.apiProps.Get("DefinitionBody")
	if isNull(body) {
		return
	}
	merge := truthy(e.l.apiProps.Get("MergeDefinitions"))
	written := body
	if merge {
		written = f.emptySwagger()
	}
	m := e.l.m
	stream := m.p("ResponseTransferMode").Str() == "RESPONSE_STREAM"
	uri := f.integrationURI(f.partition, stream)
	d := f.open(written, false)
	if d.hasIntegration(e.path, e.method) {
		fail(e.l.name, "%s of %s is defined twice", e.method, e.path)
	}
	auth, apiAuth := f.obj(), f.obj()
	if a := m.p("Auth"); truthy(a) {
		auth = expectMap(a, e.l.name, "Auth")
	}
	if a := e.l.apiProps.Get("Auth"); truthy(a) {
		apiAuth = expectMap(a, e.l.api, "Auth")
	}
	d.addLambda(lambdaRoute{path: e.path, method: e.method, uri: uri, auth: auth, apiAuth: apiAuth,
		condition: f.condition(f.target()), stream: stream})
	if truthy(auth) {
		e.addAuth(d, auth)
	}
	if timeout := m.p("TimeoutInMillis"); truthy(timeout) {
		for _, n := range d.method(e.path, e.method) {
			f.set(n.Get(integrationKey), "timeoutInMillis", timeout)
		}
	}
	e.addModel(d, m.p("RequestModel"))
	e.addParameters(d, m.p("RequestParameters"))
	out := d.close()
	if merge {
		out = e.mergeDefinition(body, out)
	}
	f.set(e.l.apiProps, "DefinitionBody", out)
}

// integrationURI is the URI by which API Gateway calls the function.
func (f *function) integrationURI(partition string, stream bool) *node {
	version, invocation := "2015-03-31", "/invocations"
	if stream {
		version, invocation = "2021-11-15", "/response-streaming-invocations"
	}
	name := f.target().id
	if f.alias == nil {
		name += ".Arn"
	}
	text := "arn:" + partition + ":apigateway:${AWS::Region}:lambda:path/" + version + "/functions/${" + name + "}" + invocation
	return f.ordered("Fn::Sub", text)
}

// mergeDefinition puts the generated method into the user's definition.
func (e *apiEvent) mergeDefinition(body, generated *node) *node {
	out := e.copyOrdered(body)
	if o := e.orders[body]; o != nil {
		e.moveTo(generated, o.copies)
	}
	paths := expectMap(e.child(out, "paths"), e.l.api, "DefinitionBody.paths")
	own := dig(paths, e.path, e.method)
	made := dig(generated, "paths", e.path, methodName(e.method))
	merged := e.obj()
	if own != nil {
		e.merge(merged, expectMap(own, e.l.api, "DefinitionBody.paths"))
	}
	e.merge(merged, made)
	if paths.Entry(e.path) == nil {
		e.set(paths, e.path, e.obj())
	}
	e.set(expectMap(paths.Get(e.path), e.l.api, "DefinitionBody.paths"), e.method, merged)
	return out
}

// addAuth writes what the event says about authorization.
func (e *apiEvent) addAuth(d *definition, auth *node) {
	apiAuth := e.resolveOptional(get(e.l.apiProps, "Auth"))
	e.checkAuthorizer(auth, apiAuth)
	scopes := auth.Get("AuthorizationScopes")
	if truthy(scopes) && (!scopes.IsList() || !truthy(auth.Get("Authorizer"))) {
		fail(e.l.name, "AuthorizationScopes must be a list and needs Authorizer")
	}
	key := get(auth, "ApiKeyRequired")
	if key != nil && !truthy(key) && !truthy(apiAuth.Get("ApiKeyRequired")) {
		fail(e.l.name, "ApiKeyRequired is false, but the API requires no key")
	}
	if truthy(auth.Get("Authorizer")) || key != nil {
		d.methodAuth(e.path, e.method, auth, e.l.apiProps.Get("Auth"))
	}
	if policy := auth.Get("ResourcePolicy"); truthy(policy) {
		d.resourcePolicy(expectMap(policy, e.l.name, "Auth.ResourcePolicy"), e.path, e.str(e.l.stage))
		if s := policy.Get("CustomStatements"); truthy(s) {
			d.customStatements(s)
		}
	}
}

func (e *apiEvent) checkAuthorizer(auth, apiAuth *node) {
	name := auth.Get("Authorizer")
	if !truthy(name) {
		return
	}
	all := apiAuth.Get("Authorizers")
	if truthy(all) {
		expectMap(all, e.l.api, "Auth.Authorizers")
	}
	switch {
	case name.Str() == "AWS_IAM":
	case name.Str() == "NONE":
		if !truthy(apiAuth.Get("DefaultAuthorizer")) {
			fail(e.l.name, "Authorizer NONE needs a DefaultAuthorizer of the API")
		}
	case !name.IsString() || !truthy(all) || !truthy(all.Get(name.Str())):
		fail(e.l.name, "Authorizer must be one of the API's Authorizers")
	}
}

func (e *apiEvent) addModel(d *definition, model *node) {
	if !truthy(model) || !truthy(expectMap(model, e.l.name, "RequestModel").Get("Model")) {
		return
	}
	models := e.l.apiProps.Get("Models")
	name := model.Get("Model")
	if !name.IsString() || !models.IsMap() || !truthy(models.Get(name.Text)) {
		fail(e.l.name, "RequestModel must name one of the API's Models")
	}
	d.requestModel(e.path, e.method, model)
	body, params := get(model, "ValidateBody"), get(model, "ValidateParameters")
	if body == nil && params == nil {
		return
	}
	if body != nil && !isBool(body) || params != nil && !isBool(params) {
		fail(e.l.name, "ValidateBody and ValidateParameters must be booleans")
	}
	d.requestValidator(e.path, e.method, isTrue(body), isTrue(params))
}

func (e *apiEvent) addParameters(d *definition, params *node) {
	if !truthy(params) {
		return
	}
	if !params.IsList() {
		fail(e.l.name, "RequestParameters must be a list")
	}
	var out []requestParameter
	for _, n := range params.Items {
		p := requestParameter{name: n.Str(), required: e.bool(false), caching: e.bool(false)}
		if n.IsMap() && len(n.Entries) > 0 {
			p.name = n.Entries[0].Key
			settings := expectMap(n.Entries[0].Value, e.l.name, "RequestParameters."+p.name)
			knownKeys(e.l.name, settings, "RequestParameters."+p.name, "Required", "Caching")
			if v := settings.Get("Required"); v != nil {
				p.required = v
			}
			if v := settings.Get("Caching"); v != nil {
				p.caching = v
			}
		}
		if !requestLocation.MatchString(p.name) {
			fail(e.l.name, "RequestParameters must be named method.request.[querystring|path|header].name")
		}
		out = append(out, p)
	}
	d.requestParameters(e.path, e.method, out)
}

// httpEvent connects a function with an HTTP API.
func (f *function) httpEvent(l link) []*resource {
	m := l.m
	if !m.p("Path").IsString() || !m.p("Method").IsString() {
		crash("Path and Method must be strings")
	}
	e := &apiEvent{translator: f.translator, l: l, path: m.p("Path").Text, method: strings.ToLower(m.p("Method").Text)}
	made := f.httpPermission(e)
	body := l.apiProps.Get("DefinitionBody")
	if isNull(body) {
		return made
	}
	d := f.open(body, true)
	if truthy(l.apiProps.Get(managed)) && d.hasIntegration(e.path, e.method) {
		fail(l.name, "%s of %s is defined twice", e.method, e.path)
	}
	d.addLambda(lambdaRoute{path: e.path, method: e.method, uri: f.integrationURI("${AWS::Partition}", false), condition: f.condition(f.target())})
	if auth := m.p("Auth"); truthy(auth) {
		e.addHTTPAuth(d, auth)
	}
	f.httpMethod(d, e)
	f.set(l.apiProps, "DefinitionBody", d.close())
	return made
}

func (f *function) httpMethod(d *definition, e *apiEvent) {
	var names []string
	for _, v := range pathVariable.FindAllStringSubmatch(e.path, -1) {
		names = append(names, v[1])
	}
	for _, n := range d.method(e.path, e.method) {
		if timeout := e.l.m.p("TimeoutInMillis"); truthy(timeout) {
			f.set(n.Get(integrationKey), "timeoutInMillis", timeout)
		}
		for _, name := range names {
			if l := n.Get("parameters"); l.IsList() && find(l, name) != nil {
				p := find(l, name)
				f.set(p, "in", "path")
				f.set(p, "required", true)
				continue
			}
			d.appendTo(n, "parameters", f.obj("name", name, "in", "path", "required", true))
		}
		if v := e.l.m.p("PayloadFormatVersion"); truthy(v) {
			f.set(n.Get(integrationKey), "payloadFormatVersion", v)
		}
	}
}

// httpPermission lets the API call the function, unless its default route,
// which covers all paths, goes to the same function.
func (f *function) httpPermission(e *apiEvent) []*resource {
	path := trimSlash(e.path)
	body := e.l.apiProps.Get("DefinitionBody")
	if truthy(body) && !f.validOpenAPI(body) {
		fail(e.l.api, "DefinitionBody is not valid")
	}
	if path == "$default" {
		path = ""
	} else if truthy(body) && f.servesDefault(body) {
		return nil
	}
	path = starPath(path, false)
	method := strings.ToUpper(e.method)
	if e.method == "any" || e.method == anyMethod {
		method = "*"
	}
	called := "${__ApiId__}/${__Stage__}/" + method + path
	if e.method == "any" && path == "/$default" {
		called = "${__ApiId__}/${__Stage__}" + path
	}
	return []*resource{f.permission(e.l.m.id, "", "apigateway.amazonaws.com", "SourceArn",
		f.sub("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:"+called, "__ApiId__", e.l.m.p("ApiId"), "__Stage__", "*"))}
}

// servesDefault reports whether the default route of a definition calls the function.
func (f *function) servesDefault(body *node) bool {
	d := f.open(body, true)
	if !d.hasIntegration("$default", anyMethod) {
		return false
	}
	return !slices.ContainsFunc(d.method("$default", anyMethod), func(n *node) bool {
		uri := n.Get(integrationKey).Get("uri")
		if !uri.IsMap() {
			return true
		}
		return slices.ContainsFunc(contents(uri), func(u *node) bool { return calledFunction(u.Get("Fn::Sub").Str()) != f.target().id })
	})
}

// calledFunction is the first logical id before ".Arn" in the text of Fn::Sub.
func calledFunction(text string) string {
	for end := strings.Index(text, ".Arn"); end >= 0; {
		start := end
		for start > 0 && alphanumeric(text[start-1:start]) {
			start--
		}
		if start < end {
			return text[start:end]
		}
		next := strings.Index(text[end+1:], ".Arn")
		if next < 0 {
			break
		}
		end += 1 + next
	}
	return ""
}

func (e *apiEvent) addHTTPAuth(d *definition, auth *node) {
	apiAuth := e.l.apiProps.Get("Auth")
	if apiAuth != nil {
		expectMap(apiAuth, e.l.api, "Auth")
	}
	if !truthy(auth.Get("Authorizer")) {
		if !truthy(apiAuth.Get("DefaultAuthorizer")) {
			fail(e.l.name, "Auth needs an Authorizer, or the API a DefaultAuthorizer")
		}
		e.set(auth, "Authorizer", apiAuth.Get("DefaultAuthorizer"))
	}
	name := auth.Get("Authorizer")
	all := apiAuth.Get("Authorizers")
	switch {
	case name.Str() == "NONE":
		if !truthy(apiAuth.Get("DefaultAuthorizer")) {
			fail(e.l.name, "Authorizer NONE needs a DefaultAuthorizer of the API")
		}
	case name.Str() == "AWS_IAM" && isTrue(apiAuth.Get("EnableIamAuthorizer")):
	case !name.IsString() || !all.IsMap() || !truthy(all.Get(name.Str())):
		fail(e.l.name, "Authorizer must be one of the API's Authorizers")
	}
	scopes := auth.Get("AuthorizationScopes")
	if truthy(scopes) && !scopes.IsList() {
		fail(e.l.name, "AuthorizationScopes must be a list")
	}
	for _, m := range d.method(e.path, e.method) {
		granted := e.list()
		if name.Text != "NONE" && name.Text != "AWS_IAM" {
			if s := expectMap(all.Get(name.Text), "", "authorizer").Get("AuthorizationScopes"); truthy(s) {
				granted = s
			}
			if truthy(scopes) {
				granted = scopes
			}
		}
		e.set(m, "security", append(slices.Clone(existingSecurity(m)), e.obj(name.Text, granted)))
	}
}
