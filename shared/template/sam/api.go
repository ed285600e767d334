package sam

import (
	"slices"
	"strconv"
	"strings"
)

var apiProperties = []prop{
	{name: managed, ok: isBool}, {name: "Name", ok: stringOrMap}, {name: "StageName", required: true, ok: stringOrMap},
	{name: "Tags", ok: isMap}, {name: "PropagateTags", ok: isBool}, {name: "DefinitionBody", ok: isMap},
	{name: "DefinitionUri", ok: stringOrMap}, {name: "MergeDefinitions", ok: isBool, literal: true},
	{name: "CacheClusterEnabled", ok: isBool}, {name: "CacheClusterSize", ok: isString}, {name: "Variables", ok: isMap},
	{name: "EndpointConfiguration", ok: stringOrMap}, {name: "MethodSettings", ok: isList}, {name: "BinaryMediaTypes", ok: isList},
	{name: "MinimumCompressionSize", ok: isInt}, {name: "Cors", ok: stringOrMap}, {name: "Auth", ok: isMap},
	{name: "GatewayResponses", ok: isMap}, {name: "AccessLogSetting", ok: isMap}, {name: "CanarySetting", ok: isMap},
	{name: "TracingEnabled", ok: isBool}, {name: "OpenApiVersion", ok: isString}, {name: "Models", ok: isMap},
	{name: "Domain", ok: isMap}, {name: "FailOnWarnings", ok: isBool}, {name: "Description", ok: isString},
	{name: "Mode", ok: isString}, {name: "DisableExecuteApiEndpoint", ok: isBool}, {name: "ApiKeySourceType", ok: isString},
	{name: "AlwaysDeploy", ok: isBool, literal: true}, {name: "Policy", ok: stringOrMap}, {name: "SecurityPolicy", ok: isString},
	{name: "EndpointAccessMode", ok: isString},
}

// api is a REST API while it is translated.
type api struct {
	*translator
	*macro
	inherited *node // attributes for what is made besides the API
	body      *node
	domain    *node
	auth      *node
}

func (t *translator) restAPI(id string, n *node) []*resource {
	m := t.macro(id, "AWS::ApiGateway::RestApi", n, apiProperties)
	a := &api{translator: t, macro: m, inherited: t.passthrough(m.attrs), body: m.p("DefinitionBody")}
	if types := m.p("BinaryMediaTypes"); types != nil {
		t.set(m.props, "BinaryMediaTypes", t.resolve(types))
	}
	a.domain = t.resolveOptional(m.p("Domain"))
	a.auth = t.resolveOptional(m.p("Auth"))
	rest := a.rest()
	domain := a.domainResources(rest)
	deployment := t.resource(id+"Deployment", "AWS::ApiGateway::Deployment", a.inherited, "RestApiId", t.ref(id))
	if !truthy(m.p("OpenApiVersion")) {
		t.set(deployment.props, "StageName", "Stage")
	}
	stage := a.stage(deployment, rest)
	made := []*resource{rest, deployment, stage}
	made = append(made, a.authorizerPermissions()...)
	made = append(made, domain...)
	made = append(made, a.usagePlan(stage)...)
	t.propagateTags(made, m.p("Tags"), m.p("PropagateTags"))
	return made
}

func (t *translator) resolveOptional(n *node) *node {
	if n == nil {
		return nil
	}
	return t.resolve(n)
}

func (a *api) rest() *resource {
	a.checkDefinition()
	r := a.translator.resource(a.id, a.typ, a.attrs)
	r.dependsOn = a.dependsOn
	a.set(r.props, "BinaryMediaTypes", a.p("BinaryMediaTypes"))
	a.set(r.props, "MinimumCompressionSize", a.p("MinimumCompressionSize"))
	a.endpoint(r)
	a.addCORS()
	a.addAuth()
	a.addResponses()
	if types := a.p("BinaryMediaTypes"); truthy(types) && truthy(a.body) {
		d := a.open(a.body, false)
		d.setBinaryTypes(types)
		a.body = d.close()
	}
	a.addModels()
	if v := a.p("DisableExecuteApiEndpoint"); v != nil {
		a.needsBody("DisableExecuteApiEndpoint")
		d := a.open(a.body, false)
		d.disableEndpoint(v)
		a.body = d.close()
	}
	if uri := a.p("DefinitionUri"); truthy(uri) {
		a.set(r.props, "BodyS3Location", a.s3Location(a.id, uri, "DefinitionUri", [3]string{"Bucket", "Key", "Version"}))
	} else if truthy(a.body) {
		a.postprocess(a.body)
		a.set(r.props, "Body", a.body)
	}
	for _, k := range []string{"FailOnWarnings", "Name", "Description", "Mode", "ApiKeySourceType", "Policy", "SecurityPolicy", "EndpointAccessMode"} {
		if v := a.p(k); truthy(v) {
			a.set(r.props, k, v)
		}
	}
	return r
}

func (a *api) checkDefinition() {
	uri := truthy(a.p("DefinitionUri"))
	if uri && truthy(a.body) {
		fail(a.id, "DefinitionUri and DefinitionBody exclude each other")
	}
	if uri && truthy(a.p("MergeDefinitions")) {
		fail(a.id, "MergeDefinitions needs DefinitionBody")
	}
	if v := a.p("OpenApiVersion"); truthy(v) {
		s := a.text(v)
		if len(s) == 0 || s[0] != '2' && s[0] != '3' || !versionParts(s[1:], 1) {
			fail(a.id, "OpenApiVersion must be a version such as 3.0.1")
		}
	}
}

func (a *api) needsBody(property string) {
	if !truthy(a.body) {
		fail(a.id, "%s needs DefinitionBody", property)
	}
}

// endpoint sets the endpoint types; partitions without edge locations get a
// regional endpoint.
func (a *api) endpoint(r *resource) {
	v := a.p("EndpointConfiguration")
	if !truthy(v) {
		if a.partition != "aws-us-gov" && a.partition != "aws-cn" && a.partition != "aws-eusc" && !strings.HasPrefix(a.partition, "aws-iso") {
			return
		}
		v = a.str("REGIONAL")
	}
	typ := v
	if v.IsMap() && truthy(v.Get("Type")) {
		typ = v.Get("Type")
	}
	endpoint := a.obj("Types", a.list(typ))
	if typ != v {
		both := v.Entry("VPCEndpointIds") != nil && v.Entry("VpcEndpointIds") != nil
		if both {
			fail(a.id, "VPCEndpointIds and VpcEndpointIds exclude each other")
		}
		ids := v.Get("VPCEndpointIds")
		if !truthy(ids) {
			ids = v.Get("VpcEndpointIds")
		}
		a.set(endpoint, "VpcEndpointIds", ids)
		a.set(endpoint, "IpAddressType", v.Get("IpAddressType"))
	}
	a.set(r.props, "EndpointConfiguration", endpoint)
	a.set(r.props, "Parameters", a.obj("endpointConfigurationTypes", typ))
}

func (a *api) addCORS() {
	v := a.p("Cors")
	if !truthy(v) {
		return
	}
	a.needsBody("Cors")
	c := cors{origin: a.str("'*'")}
	switch {
	case v.IsString() || isIntrinsic(v):
		c.origin = v
	case v.IsMap():
		a.known(v, "Cors", "AllowMethods", "AllowHeaders", "AllowOrigin", "MaxAge", "AllowCredentials")
		if o := v.Entry("AllowOrigin"); o != nil {
			c.origin = o.Value
		}
		c.headers, c.methods, c.maxAge = v.Get("AllowHeaders"), v.Get("AllowMethods"), get(v, "MaxAge")
		c.credentials = isTrue(v.Get("AllowCredentials"))
	default:
		fail(a.id, "Cors must be a string or a map")
	}
	if !a.validSwagger(a.body) {
		fail(a.id, "Cors needs a valid DefinitionBody")
	}
	if c.credentials && c.origin.Str() == "'*'" {
		fail(a.id, "Cors with AllowCredentials needs AllowOrigin")
	}
	d := a.open(a.body, false)
	seen := map[string]bool{}
	for _, path := range a.keys(d.paths) {
		normal := path
		if path != "/" {
			normal = strings.TrimRight(path, "/")
		}
		if !seen[normal] {
			seen[normal] = true
			d.addCORS(path, c)
		}
	}
	a.body = d.close()
}

// known fails if a map has a key that is not listed.
func (a *api) known(n *node, what string, keys ...string) {
	knownKeys(a.id, n, what, keys...)
}

func knownKeys(id string, n *node, what string, keys ...string) {
	for _, e := range n.Entries {
		if !slices.Contains(keys, e.Key) {
			fail(id, "%s does not take %s", what, e.Key)
		}
	}
}

func (a *api) addResponses() {
	v := a.p("GatewayResponses")
	if !truthy(v) {
		return
	}
	a.needsBody("GatewayResponses")
	for _, e := range v.Entries {
		if isIntrinsic(e.Value) || !e.Value.IsMap() {
			fail(a.id, "GatewayResponses.%s must be an object", e.Key)
		}
		a.known(e.Value, "GatewayResponses."+e.Key, "ResponseParameters", "ResponseTemplates", "StatusCode")
	}
	if !a.validSwagger(a.body) {
		fail(a.id, "GatewayResponses needs a valid DefinitionBody")
	}
	d := a.open(a.body, false)
	for _, k := range a.keys(v) {
		d.set(d.responses, k, a.gatewayResponse(v.Get(k)))
	}
	a.body = d.close()
}

func (a *api) gatewayResponse(v *node) *node {
	params := v.Get("ResponseParameters")
	if truthy(params) {
		a.known(expectMap(params, a.id, "ResponseParameters"), "ResponseParameters", "Headers", "Paths", "QueryStrings")
	}
	prefixed := a.ordered()
	for _, p := range [...][2]string{{"Headers", "header."}, {"Paths", "path."}, {"QueryStrings", "querystring."}} {
		group := params.Get(p[0])
		if group == nil {
			continue
		}
		for _, k := range a.keys(expectMap(group, a.id, p[0])) {
			a.set(prefixed, "gatewayresponse."+p[1]+k, group.Get(k))
		}
	}
	templates := v.Get("ResponseTemplates")
	if !truthy(templates) {
		templates = a.ordered()
	}
	out := a.ordered("responseParameters", prefixed, "responseTemplates", templates)
	if code := get(v, "StatusCode"); truthy(code) {
		s := a.text(code)
		if _, err := strconv.ParseUint(s, 10, 16); err != nil || len(s) > 3 {
			fail(a.id, "StatusCode must be a number")
		}
		a.set(out, "statusCode", s)
	} else if code != nil && a.text(code) != "" {
		a.set(out, "statusCode", a.text(code))
	}
	return out
}

func (a *api) addModels() {
	v := a.p("Models")
	if !truthy(v) {
		return
	}
	a.needsBody("Models")
	if !a.validSwagger(a.body) || !eachEntry(v, isMap) {
		fail(a.id, "Models must be a map of schemas, and DefinitionBody valid")
	}
	d := a.open(a.body, false)
	d.addModels(v)
	a.body = d.close()
	a.postprocess(a.body)
}

// postprocess turns what is Swagger's into OpenAPI's if the API is OpenAPI 3.
func (a *api) postprocess(body *node) {
	if !isNull(body.Get("swagger")) {
		return
	}
	version := a.p("OpenApiVersion")
	if v := get(body, "openapi"); v != nil && version == nil {
		version = v
	}
	if !truthy(version) || !openAPI3(a.text(version)) {
		return
	}
	for _, move := range [...][2]string{{"securityDefinitions", "securitySchemes"}, {"definitions", "schemas"}} {
		v := body.Get(move[0])
		if !truthy(v) {
			continue
		}
		components := body.Get("components")
		if !truthy(components) {
			components = a.ordered()
		}
		a.set(components, move[1], v)
		a.set(body, "components", components)
		a.del(body, move[0])
	}
	paths := body.Get("paths")
	if !truthy(paths) {
		return
	}
	for _, path := range a.keys(expectMap(paths, "", "paths")) {
		if options := pathItem(paths.Get(path), path).Get("options"); truthy(options) {
			a.optionsSchemas(expectMap(options, "", "options"))
		}
	}
}

// optionsSchemas gives the headers of a CORS response the form of OpenAPI 3.
func (a *api) optionsSchemas(options *node) {
	a.del(options, "produces")
	a.del(options, "consumes")
	headers := a.within(a.within(a.within(options, "responses"), "200"), "headers")
	if !truthy(headers) {
		return
	}
	for _, k := range a.keys(expectMap(headers, "", "headers")) {
		a.set(headers, k, a.ordered("schema", headers.Get(k)))
	}
}

// stage makes the stage, and the deployment's logical id from the definition,
// so that a change of the definition is deployed.
func (a *api) stage(deployment, rest *resource) *resource {
	name := a.p("StageName")
	id := a.id + name.Str() + "Stage"
	if !alnum(name.Str()) {
		id = a.id + "Stage" + hashID(name.Str())
	}
	s := a.translator.resource(id, "AWS::ApiGateway::Stage", a.inherited, "RestApiId", a.ref(a.id), "StageName", name)
	for _, k := range []string{"CacheClusterEnabled", "CacheClusterSize", "Variables", "MethodSettings", "AccessLogSetting", "CanarySetting", "TracingEnabled"} {
		a.set(s.props, k, a.p(k))
	}
	definition := rest.props.Get("Body")
	if definition == nil {
		definition = rest.props.Get("BodyS3Location")
	}
	if truthy(definition) {
		data := a.deploymentData(definition)
		deployment.id += hashID(data)
		a.set(deployment.props, "Description", "RestApi deployment id: "+digest(data))
	}
	a.set(s.props, "DeploymentId", a.ref(deployment.id))
	if tags := a.p("Tags"); tags != nil {
		a.set(s.props, "Tags", a.tagList(tags))
	}
	return s
}

// deploymentData is what the id of a deployment depends on.
func (a *api) deploymentData(definition *node) string {
	if truthy(a.p("AlwaysDeploy")) {
		return strconv.FormatInt(a.now().Unix(), 10)
	}
	parts := []string{a.text(definition)}
	if v := a.p("OpenApiVersion"); truthy(v) {
		parts = append(parts, a.text(v))
	}
	if truthy(a.domain) {
		j := jsonWriter{itemSep: ", ", keySep: ": "}
		j.write(a.domain, 0)
		parts = append(parts, j.String())
	}
	if names := a.apiFunctions[a.id]; names != "" {
		parts = append(parts, names)
	}
	return strings.Join(parts, "||")
}
