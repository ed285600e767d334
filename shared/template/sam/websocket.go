package sam

import "strings"

var webSocketProperties = []prop{{name: "ApiKeySelectionExpression", ok: isString}, {name: "AccessLogSettings", ok: isMap}, {name: "Auth", ok: isMap},
	{name: "DefaultRouteSettings", ok: isMap}, {name: "Description", ok: isString}, {name: "DisableExecuteApiEndpoint", ok: isBool},
	{name: "Domain", ok: isMap}, {name: "DisableSchemaValidation", ok: isBool}, {name: "FailOnWarnings", ok: isBool},
	{name: "IpAddressType", ok: isString}, {name: "Name", ok: isString}, {name: "PropagateTags", ok: isBool},
	{name: "Routes", required: true, ok: isMap}, {name: "RouteSettings", ok: isMap}, {name: "RouteSelectionExpression", required: true, ok: isString},
	{name: "StageName", ok: stringOrMap}, {name: "StageVariables", ok: isMap}, {name: "Tags", ok: isMap}}

// webSocket is a WebSocket API while it is translated. What it makes inherits
// no attributes of the SAM resource.
type webSocket struct {
	*translator
	*macro
	auth   *node
	stage  *node
	routes []string
}

const webSocketTag = "websocketapi:createdBy"

func (t *translator) webSocketAPI(id string, n *node) []*resource {
	w := &webSocket{translator: t, macro: t.macro(id, "AWS::ApiGatewayV2::Api", n, webSocketProperties)}
	w.auth = t.resolveOptional(w.p("Auth"))
	domain := t.resolveOptional(w.p("Domain"))
	routes := t.resolve(w.p("Routes"))
	if !truthy(routes) || !routes.IsMap() {
		fail(id, "Routes must have at least one route")
	}
	if truthy(domain.Get("MutualTlsAuthentication")) {
		fail(id, "WebSocket APIs do not take MutualTlsAuthentication")
	}
	if ip := w.p("IpAddressType"); ip != nil && !isIntrinsic(ip) && ip.Str() != "ipv4" && ip.Str() != "dualstack" {
		fail(id, "IpAddressType must be ipv4 or dualstack")
	}
	w.stage = w.p("StageName")
	if w.stage == nil {
		w.stage = t.str("default")
	}
	api := w.construct(routes)
	custom := t.domainV2(id, domain, api, nil, webSocketTag, map[string]*resource{})
	made := []*resource{api}
	var authorizer *resource
	for _, k := range t.keys(routes) {
		resources, z := w.route(k, expectMap(routes.Get(k), id, "Routes."+k))
		made = append(made, resources...)
		if z != nil {
			authorizer = z
		}
	}
	made = append(made, custom...)
	made = append(made, w.newStage())
	if authorizer != nil {
		made = append(made, authorizer)
		if fn := w.auth.Get("AuthArn"); truthy(fn) && !truthy(w.auth.Get("InvokeRole")) && w.auth.Get("AuthType").Str() == "CUSTOM" {
			made = append(made, t.authorizerPermission(id+"AuthorizerPermission", "${AWS::Partition}", id, fn, nil))
		}
	}
	t.propagateTags(made, w.p("Tags"), w.p("PropagateTags"))
	return made
}

func (w *webSocket) construct(routes *node) *resource {
	if truthy(w.auth) && routes.Entry("$connect") == nil {
		fail(w.id, "Auth needs a route $connect")
	}
	tags := w.p("Tags")
	if !truthy(tags) {
		tags = w.obj()
		w.set(w.props, "Tags", tags)
	}
	w.set(tags, webSocketTag, "SAM")
	r := w.translator.resource(w.id, w.typ, nil, "Name", w.p("Name"), "Tags", tags, "ProtocolType", "WEBSOCKET")
	r.dependsOn = w.dependsOn
	for _, k := range []string{"ApiKeySelectionExpression", "Description", "DisableExecuteApiEndpoint", "DisableSchemaValidation", "IpAddressType", "RouteSelectionExpression"} {
		w.set(r.props, k, w.p(k))
	}
	if w.p("Name") == nil {
		w.set(r.props, "Name", w.id)
	}
	return r
}

func (w *webSocket) baseID(key string) string {
	if key == "$connect" || key == "$disconnect" || key == "$default" {
		key = key[1:]
	} else if !alnum(key) {
		fail(w.id, "route %s must be alphanumeric", key)
	}
	return w.id + strings.ToUpper(key[:1]) + strings.ToLower(key[1:])
}

func (w *webSocket) route(key string, n *node) (made []*resource, authorizer *resource) {
	base := w.baseID(key)
	function := n.Get("FunctionArn")
	if n.Entry("FunctionArn") == nil {
		fail(w.id, "route %s needs FunctionArn", key)
	}
	r := w.translator.resource(base+"Route", "AWS::ApiGatewayV2::Route", nil, "RouteKey", key, "ApiId", w.ref(w.id),
		"Target", w.obj("Fn::Join", w.list("/", w.list("integrations", w.ref(base+"Integration")))))
	for _, k := range []string{"ApiKeyRequired", "ModelSelectionExpression", "OperationName", "RequestModels", "RouteResponseSelectionExpression"} {
		w.set(r.props, k, get(n, k))
	}
	if p := n.Get("RequestParameters"); truthy(p) {
		if key != "$connect" {
			fail(w.id, "RequestParameters are for the route $connect only")
		}
		w.set(r.props, "RequestParameters", p)
	}
	authorizer = w.authorize(key, r)
	w.routes = append(w.routes, r.id)
	integration := w.translator.resource(base+"Integration", "AWS::ApiGatewayV2::Integration", nil, "ApiId", w.ref(w.id), "IntegrationType", "AWS_PROXY",
		"IntegrationUri", w.sub("arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${FunctionArn}/invocations", "FunctionArn", function),
		"TimeoutInMillis", get(n, "IntegrationTimeout"))
	source := "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${" + w.id + ".ApiId}/"
	arn := w.sub(source + w.stage.Str() + "/" + key)
	if !w.stage.IsString() {
		arn = w.sub(source+"${__StageName__}/"+key, "__StageName__", w.stage)
	}
	permission := w.translator.resource(base+"Permission", "AWS::Lambda::Permission", nil, "Action", "lambda:InvokeFunction",
		"FunctionName", function, "Principal", "apigateway.amazonaws.com", "SourceArn", arn)
	return []*resource{r, integration, permission}, authorizer
}

// authorize sets who may connect.
func (w *webSocket) authorize(key string, route *resource) *resource {
	if !truthy(w.auth) {
		return nil
	}
	typ := w.auth.Get("AuthType").Str()
	switch strings.ToUpper(typ) {
	case "CUSTOM":
		if !truthy(w.auth.Get("AuthArn")) {
			fail(w.id, "AuthType CUSTOM needs AuthArn")
		}
	case "AWS_IAM", "NONE":
		if len(w.auth.Entries) > 1 {
			fail(w.id, "AuthType %s takes nothing else", typ)
		}
	default:
		fail(w.id, "AuthType must be AWS_IAM, CUSTOM or NONE")
	}
	if key != "$connect" {
		return nil
	}
	if typ != "CUSTOM" {
		if typ != "AWS_IAM" {
			typ = "NONE"
		}
		w.set(route.props, "AuthorizationType", typ)
		return nil
	}
	id := w.id + "ConnectAuthorizer"
	w.set(route.props, "AuthorizationType", "CUSTOM")
	w.set(route.props, "AuthorizerId", w.ref(id))
	return w.translator.resource(id, "AWS::ApiGatewayV2::Authorizer", nil, "ApiId", w.ref(w.id), "AuthorizerType", "REQUEST",
		"AuthorizerCredentialsArn", get(w.auth, "InvokeRole"),
		"AuthorizerUri", w.sub("arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${AuthArn}/invocations", "AuthArn", w.auth.Get("AuthArn")),
		"IdentitySource", get(w.auth, "IdentitySource"), "Name", truthyOr(w.auth, "Name", w.str(id)))
}

func (w *webSocket) newStage() *resource {
	name := w.stage.Str()
	if name == "$default" {
		fail(w.id, "the stage of a WebSocket API cannot be $default")
	}
	id := w.id + name + "Stage"
	if name == "default" {
		id = w.id + "DefaultStage"
	}
	s := w.translator.resource(id, "AWS::ApiGatewayV2::Stage", nil, "ApiId", w.ref(w.id), "StageName", w.stage,
		"StageVariables", w.p("StageVariables"), "AccessLogSettings", w.p("AccessLogSettings"),
		"DefaultRouteSettings", w.p("DefaultRouteSettings"), "Tags", w.obj(webSocketTag, "SAM"), "AutoDeploy", true, "RouteSettings", w.p("RouteSettings"))
	if truthy(w.p("RouteSettings")) {
		s.dependsOn = w.value(w.routes)
	}
	return s
}
