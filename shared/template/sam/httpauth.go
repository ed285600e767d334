package sam

import (
	"strings"
)

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
