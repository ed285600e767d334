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
