package sam

import (
	"regexp"
	"strings"
)

var httpAPIProperties = []prop{{name: managed, ok: isBool}, {name: "Name"}, {name: "StageName", ok: stringOrMap}, {name: "Tags", ok: isMap},
	{name: "PropagateTags", ok: isBool}, {name: "DefinitionBody", ok: isMap}, {name: "DefinitionUri", ok: stringOrMap},
	{name: "StageVariables", ok: isMap}, {name: "CorsConfiguration", ok: boolOrMap}, {name: "AccessLogSettings", ok: isMap},
	{name: "DefaultRouteSettings", ok: isMap}, {name: "Auth", ok: isMap}, {name: "RouteSettings", ok: isMap}, {name: "Domain", ok: isMap},
	{name: "FailOnWarnings", ok: isBool}, {name: "Description", ok: isString}, {name: "DisableExecuteApiEndpoint", ok: isBool}}

// httpAPI is an HTTP API while it is translated.
type httpAPI struct {
	*translator
	*macro
	body, tags *node
	domain     *node
}

func (t *translator) httpAPI(id string, n *node) []*resource {
	m := t.macro(id, "AWS::ApiGatewayV2::Api", n, httpAPIProperties)
	h := &httpAPI{translator: t, macro: m, body: m.p("DefinitionBody"), tags: m.p("Tags")}
	hadBody := h.body != nil
	if c := m.p("CorsConfiguration"); c != nil {
		t.set(m.props, "CorsConfiguration", t.resolve(c))
	}
	h.domain = t.resolveOptional(m.p("Domain"))
	api := h.construct()
	made := []*resource{api}
	domain := t.domainV2(id, h.domain, api, t.passthrough(m.attrs), "httpapi:createdBy", t.recordGroups)
	made = append(made, h.authorizerPermissions()...)
	made = append(made, domain...)
	made = append(made, h.stage())
	if hadBody {
		t.propagateTags(made, m.p("Tags"), t.bool(true))
	}
	return made
}

func (h *httpAPI) construct() *resource {
	r := h.translator.resource(h.id, h.typ, h.attrs)
	r.dependsOn = h.dependsOn
	uri := h.p("DefinitionUri")
	if truthy(uri) && truthy(h.body) {
		fail(h.id, "DefinitionUri and DefinitionBody exclude each other")
	}
	h.addCORS()
	h.addAuth()
	h.addTags()
	if v := h.p("FailOnWarnings"); truthy(v) {
		h.set(r.props, "FailOnWarnings", v)
	}
	if v := h.p("DisableExecuteApiEndpoint"); v != nil {
		h.edit("DisableExecuteApiEndpoint", func(d *definition) { d.disableEndpoint(v) })
	}
	h.addInfo("title", h.p("Name"))
	h.addInfo("description", h.p("Description"))
	if truthy(h.p("FailOnWarnings")) && truthy(h.body) {
		if paths := h.body.Get("paths"); paths.Entry("$default") != nil {
			h.set(paths, "/$default", paths.Get("$default"))
			h.del(paths, "$default")
		}
	}
	switch {
	case truthy(uri):
		h.set(r.props, "BodyS3Location", h.s3Location(h.id, uri, "DefinitionUri", [3]string{"Bucket", "Key", "Version"}))
	case truthy(h.body):
		h.set(r.props, "Body", h.body)
	default:
		fail(h.id, "DefinitionUri, DefinitionBody or an event of type HttpApi is required")
	}
	return r
}

// edit changes the definition, which must be there and valid.
func (h *httpAPI) edit(property string, f func(*definition)) {
	if !truthy(h.body) || !h.validOpenAPI(h.body) {
		fail(h.id, "%s needs a valid DefinitionBody", property)
	}
	d := h.open(h.body, true)
	f(d)
	h.body = d.close()
}

func (h *httpAPI) addCORS() {
	c := h.p("CorsConfiguration")
	if !truthy(c) {
		return
	}
	h.edit("CorsConfiguration", func(d *definition) {
		const key = "x-amazon-apigateway-cors"
		config := d.doc.Get(key)
		if config == nil {
			config = h.obj()
		}
		expectMap(config, "", key)
		switch {
		case isBool(c):
			h.set(config, "allowOrigins", []string{"*"})
		case isIntrinsic(c):
			h.merge(config, h.lowerKeys(c))
		default:
			h.corsMap(config, c)
		}
		h.set(d.doc, key, config)
	})
}

func (h *httpAPI) corsMap(config, c *node) {
	knownKeys(h.id, c, "CorsConfiguration", "AllowMethods", "AllowHeaders", "AllowOrigins", "MaxAge", "ExposeHeaders", "AllowCredentials")
	origins := c.Get("AllowOrigins")
	if isTrue(c.Get("AllowCredentials")) && origins.IsList() && len(origins.Items) == 1 && origins.Items[0].Str() == "*" {
		fail(h.id, "AllowCredentials excludes the origin *")
	}
	if truthy(origins) && isIntrinsic(origins) {
		h.merge(config, h.lowerKeys(origins))
		return
	}
	for from, to := range map[string]string{"AllowOrigins": "allowOrigins", "AllowHeaders": "allowHeaders",
		"AllowMethods": "allowMethods", "ExposeHeaders": "exposeHeaders"} {
		if v := c.Get(from); truthy(v) {
			h.set(config, to, v)
		}
	}
	h.set(config, "maxAge", get(c, "MaxAge"))
	if v := c.Get("AllowCredentials"); isTrue(v) {
		h.set(config, "allowCredentials", v)
	}
}

// lowerKeys writes the names of the CORS settings as API Gateway does.
func (h *httpAPI) lowerKeys(n *node) *node {
	names := strings.NewReplacer("AllowOrigins", "allowOrigins", "AllowHeaders", "allowHeaders", "AllowMethods", "allowMethods",
		"ExposeHeaders", "exposeHeaders", "MaxAge", "maxAge", "AllowCredentials", "allowCredentials")
	c := *n
	c.Text = n.Text
	if n.IsString() {
		c.Text = names.Replace(n.Text)
	}
	c.Entries, c.Items = nil, nil
	for _, e := range n.Entries {
		e.Key, e.Value = names.Replace(e.Key), h.lowerKeys(e.Value)
		c.Entries = append(c.Entries, e)
	}
	for _, i := range n.Items {
		c.Items = append(c.Items, h.lowerKeys(i))
	}
	return &c
}

func (h *httpAPI) addTags() {
	if !truthy(h.body) || !h.validOpenAPI(h.body) {
		if truthy(h.tags) {
			fail(h.id, "Tags needs a valid DefinitionBody")
		}
		return
	}
	if !truthy(h.tags) {
		h.tags = h.obj()
		h.set(h.props, "Tags", h.tags)
	}
	h.set(h.tags, "httpapi:createdBy", "SAM")
	h.edit("Tags", func(d *definition) {
		if !d.tags.IsList() {
			crash("tags must be a list")
		}
		for _, k := range h.keys(h.tags) {
			if tag := find(d.tags, k); tag != nil {
				h.set(tag, "x-amazon-apigateway-tag-value", h.tags.Get(k))
				continue
			}
			d.tags.Items = append(d.tags.Items, h.obj("name", k, "x-amazon-apigateway-tag-value", h.tags.Get(k)))
		}
	})
}

// addInfo sets the title or the description of the definition.
func (h *httpAPI) addInfo(key string, v *node) {
	if !truthy(v) {
		return
	}
	h.edit("Name or Description", func(d *definition) {
		existing := get(h.within(d.doc, "info"), key)
		if key == "title" && !equal(existing, h.ref("AWS::StackName")) || key == "description" && truthy(existing) {
			fail(h.id, "the definition has a %s of its own", key)
		}
		h.set(d.info, key, v)
	})
}

// httpAuthorizer is an authorizer of an HTTP API.
type httpAuthorizer struct {
	name   string
	n      *node // nil for IAM
	scopes *node
}

func (h *httpAPI) authorizers() []httpAuthorizer {
	auth := h.p("Auth")
	var out []httpAuthorizer
	if isTrue(auth.Get("EnableIamAuthorizer")) {
		out = append(out, httpAuthorizer{name: "AWS_IAM"})
	}
	config := auth.Get("Authorizers")
	if !truthy(config) {
		return out
	}
	for _, k := range h.keys(expectMap(config, h.id, "Auth.Authorizers")) {
		n := expectMap(config.Get(k), h.id, "Auth.Authorizers."+k)
		h.checkAuthorizer(k, n)
		z := httpAuthorizer{name: k, n: n, scopes: get(n, "AuthorizationScopes")}
		if len(out) > 0 && out[0].name == k {
			out[0] = z
			continue
		}
		out = append(out, z)
	}
	return out
}

func (h *httpAPI) checkAuthorizer(name string, n *node) {
	if n.Entry("OpenIdConnectUrl") != nil {
		fail(h.id, "authorizer %s: OpenIdConnectUrl is not supported", name)
	}
	if s := get(n, "AuthorizationScopes"); s != nil && !s.IsList() {
		fail(h.id, "authorizer %s: AuthorizationScopes must be a list", name)
	}
	jwt := truthy(n.Get("JwtConfiguration"))
	excluded := []string{"AuthorizationScopes", "IdentitySource"}
	needed := []string{"FunctionArn", "AuthorizerPayloadFormatVersion"}
	if jwt {
		excluded = []string{"FunctionArn", "FunctionInvokeRole", "Identity", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses", "EnableFunctionDefaultPermissions"}
		needed = []string{"IdentitySource"}
		expectMap(n.Get("JwtConfiguration"), h.id, "JwtConfiguration")
	}
	for _, k := range excluded {
		if get(n, k) != nil {
			fail(h.id, "authorizer %s does not take %s", name, k)
		}
	}
	for _, k := range needed {
		if !truthy(n.Get(k)) {
			fail(h.id, "authorizer %s needs %s", name, k)
		}
	}
	if p := get(n, "EnableFunctionDefaultPermissions"); p != nil && !isBool(p) {
		fail(h.id, "authorizer %s: EnableFunctionDefaultPermissions must be a boolean", name)
	}
}

func (h *httpAPI) authorizerOpenAPI(z httpAuthorizer) *node {
	if z.n == nil {
		return h.obj("type", "apiKey", "name", "Authorization", "in", "header", "x-amazon-apigateway-authtype", "awsSigv4")
	}
	if jwt := z.n.Get("JwtConfiguration"); truthy(jwt) {
		lower := h.obj()
		for _, k := range h.keys(jwt) {
			h.set(lower, strings.ToLower(k), jwt.Get(k))
		}
		return h.obj("type", "oauth2", authorizerKey, h.obj("jwtConfiguration", lower, "identitySource", z.n.Get("IdentitySource"), "type", "jwt"))
	}
	a := h.obj("type", "request", "authorizerUri", h.authorizerURI(z.n.Get("FunctionArn")))
	if role := z.n.Get("FunctionInvokeRole"); truthy(role) && role.Str() != "NONE" {
		h.set(a, "authorizerCredentials", role)
	}
	if identity := z.n.Get("Identity"); truthy(identity) {
		expectMap(identity, h.id, "Identity")
		h.set(a, "authorizerResultTtlInSeconds", get(identity, "ReauthorizeEvery"))
		h.set(a, "identitySource", h.identitySource(identity))
	}
	h.set(a, "authorizerPayloadFormatVersion", z.n.Get("AuthorizerPayloadFormatVersion"))
	if v := z.n.Get("EnableSimpleResponses"); truthy(v) {
		h.set(a, "enableSimpleResponses", v)
	}
	return h.obj("type", "apiKey", "name", "Unused", "in", "header", authorizerKey, a)
}

func (h *httpAPI) identitySource(identity *node) *node {
	l := h.list()
	for _, p := range [...][2]string{{"$request.header.", "Headers"}, {"$request.querystring.", "QueryStrings"},
		{"$stageVariables.", "StageVariables"}, {"$context.", "Context"}} {
		values := identity.Get(p[1])
		if !truthy(values) {
			continue
		}
		if !listOfStrings(values) {
			fail(h.id, "Identity.%s must be a list of strings", p[1])
		}
		for _, v := range values.Items {
			l.Items = append(l.Items, h.str(p[0]+v.Text))
		}
	}
	return l
}

func (h *httpAPI) addAuth() {
	auth := h.p("Auth")
	if !truthy(auth) {
		return
	}
	knownKeys(h.id, auth, "Auth", "Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer")
	h.edit("Auth", func(d *definition) {
		all := h.authorizers()
		for _, z := range all {
			h.set(d.security, z.name, h.authorizerOpenAPI(z))
		}
		name := auth.Get("DefaultAuthorizer")
		if !truthy(name) || isNoValue(name) {
			return
		}
		for _, z := range all {
			if name.IsString() && z.name == name.Text {
				h.defaultAuthorizer(d, z)
				return
			}
		}
		fail(h.id, "DefaultAuthorizer must be one of Authorizers")
	})
}

func (h *httpAPI) defaultAuthorizer(d *definition, z httpAuthorizer) {
	scopes := z.scopes
	if scopes == nil {
		scopes = h.list()
	}
	for _, path := range h.keys(d.paths) {
		h.checkMethods(path, d.lookup(d.paths, path))
		for _, m := range d.methods(path) {
			if m.name != "options" && !truthy(m.node.Get("security")) {
				h.set(m.node, "security", h.list(h.obj(z.name, scopes)))
			}
		}
	}
}

// checkMethods fails for methods that are not named as OpenAPI names them.
func (h *httpAPI) checkMethods(path string, item *node) {
	for _, i := range contents(item) {
		for _, e := range pathItem(i, path).Entries {
			if i.Entry(methodName(e.Key)) == nil {
				fail(h.id, "path %s has the method %s, which must be %s", path, e.Key, methodName(e.Key))
			}
		}
	}
}

func (h *httpAPI) authorizerPermissions() []*resource {
	if !truthy(h.p("Auth")) {
		return nil
	}
	var out []*resource
	for _, z := range h.authorizers() {
		if fn := z.n.Get("FunctionArn"); truthy(fn) && truthy(z.n.Get("EnableFunctionDefaultPermissions")) {
			out = append(out, h.authorizerPermission(h.id+z.name+"AuthorizerPermission", "${AWS::Partition}", h.id, fn, h.passthrough(h.attrs)))
		}
	}
	return out
}

func (h *httpAPI) stage() *resource {
	name := truthyOr(h.props, "StageName", h.str("$default"))
	id := h.id + "Stage" + hashID(name.Str())
	switch {
	case alnum(name.Str()):
		id = h.id + name.Text + "Stage"
	case name.Str() == "$default":
		id = h.id + "ApiGatewayDefaultStage"
	}
	return h.translator.resource(id, "AWS::ApiGatewayV2::Stage", h.passthrough(h.attrs), "ApiId", h.ref(h.id), "StageName", name,
		"StageVariables", h.p("StageVariables"), "AccessLogSettings", h.p("AccessLogSettings"),
		"DefaultRouteSettings", h.p("DefaultRouteSettings"), "Tags", h.p("Tags"), "AutoDeploy", true, "RouteSettings", h.p("RouteSettings"))
}

var basePath = regexp.MustCompile(`^[0-9a-zA-Z/\-_]*$`)

// domainV2 makes the custom domain of an HTTP or WebSocket API.
func (t *translator) domainV2(id string, config *node, api *resource, attrs *node, tag string, groups map[string]*resource) []*resource {
	if config == nil {
		return nil
	}
	name, certificate := get(config, "DomainName"), get(config, "CertificateArn")
	if name == nil || certificate == nil {
		fail(id, "Domain needs DomainName and CertificateArn")
	}
	d := &domainOf{translator: t, api: id, config: config, inherited: attrs, target: "ApiGatewayDomainNameV2" + hashID(hashData(name)), endpoint: "REGIONAL", groups: groups}
	t.set(config, "ApiDomainName", d.target)
	if e := get(config, "EndpointConfiguration"); e != nil && e.Str() != "REGIONAL" {
		fail(id, "EndpointConfiguration of a domain must be REGIONAL")
	}
	t.set(config, "EndpointConfiguration", "REGIONAL")
	domain := t.resource(d.target, "AWS::ApiGatewayV2::DomainName", attrs, "DomainName", name, "Tags", t.obj(tag, "SAM"),
		"DomainNameConfigurations", t.list(t.obj("CertificateArn", certificate, "EndpointType", "REGIONAL",
			"OwnershipVerificationCertificateArn", truthyOr(config, "OwnershipVerificationCertificateArn", nil),
			"SecurityPolicy", truthyOr(config, "SecurityPolicy", nil))))
	if tls := config.Get("MutualTlsAuthentication"); truthy(tls) {
		t.set(domain.props, "MutualTlsAuthentication", d.mutualTLS(tls))
	}
	made := append([]*resource{domain}, d.apiMappings(api)...)
	return append(made, d.records("", false)...)
}

func (d *domainOf) apiMappings(api *resource) []*resource {
	mapping := func(id string, key *node) *resource {
		return d.resource(id, "AWS::ApiGatewayV2::ApiMapping", d.inherited, "DomainName", d.ref(d.target), "ApiId", d.ref(api.id),
			"Stage", d.ref(api.id+".Stage"), "ApiMappingKey", key)
	}
	paths := d.config.Get("BasePath")
	if !truthy(paths) || !paths.IsString() && !paths.IsList() {
		return []*resource{mapping(d.api+"ApiMapping", nil)}
	}
	var out []*resource
	for _, p := range d.asList(paths).Items {
		if !p.IsString() || !basePath.MatchString(p.Text) {
			fail(d.api, "Domain.BasePath is not valid")
		}
		plain := strings.NewReplacer("-", "", "_", "", "/", "").Replace(p.Text)
		out = append(out, mapping(d.api+plain+"ApiMapping", d.str(strings.Trim(p.Text, "/"))))
	}
	return out
}
