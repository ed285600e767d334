package sam

import (
	"slices"
	"strconv"
	"strings"
)

// authorizer is an authorizer of a REST API.
type authorizer struct {
	name, payload     string
	iam               bool
	userPool          *node
	function          *node
	identity          *node
	role              *node
	scopes            *node
	withoutPermission *node
}

// authorizers reads Auth.Authorizers; withDefault adds the one for IAM if it
// is the default.
func (a *api) authorizers(withDefault bool) []*authorizer {
	var out []*authorizer
	if withDefault && a.auth.Get("DefaultAuthorizer").Str() == "AWS_IAM" {
		out = append(out, &authorizer{name: "AWS_IAM", iam: true, scopes: a.list()})
	}
	config := a.auth.Get("Authorizers")
	if !truthy(config) {
		return out
	}
	for _, k := range a.keys(expectMap(config, a.id, "Auth.Authorizers")) {
		n := a.newAuthorizer(k, expectMap(config.Get(k), a.id, "Auth.Authorizers."+k))
		if i := slices.IndexFunc(out, func(o *authorizer) bool { return o.name == k }); i >= 0 {
			out[i] = n
		} else {
			out = append(out, n)
		}
	}
	return out
}

func (a *api) newAuthorizer(name string, n *node) *authorizer {
	z := &authorizer{name: name, payload: n.Get("FunctionPayloadType").Str(), userPool: n.Get("UserPoolArn"), function: n.Get("FunctionArn"),
		identity: n.Get("Identity"), role: n.Get("FunctionInvokeRole"), scopes: get(n, "AuthorizationScopes"),
		withoutPermission: get(n, "DisableFunctionDefaultPermissions")}
	payload := get(n, "FunctionPayloadType")
	if payload != nil && z.payload != "TOKEN" && z.payload != "REQUEST" {
		fail(a.id, "authorizer %s: FunctionPayloadType must be TOKEN or REQUEST", name)
	}
	if z.payload == "" {
		z.payload = "TOKEN"
	}
	if z.payload == "REQUEST" && a.lacksIdentity(z.identity) {
		fail(a.id, "authorizer %s needs an Identity source", name)
	}
	if z.scopes == nil {
		z.scopes = a.list()
	}
	if !z.scopes.IsList() || z.withoutPermission != nil && !isBool(z.withoutPermission) {
		fail(a.id, "authorizer %s: AuthorizationScopes must be a list, DisableFunctionDefaultPermissions a boolean", name)
	}
	return z
}

func (a *api) lacksIdentity(identity *node) bool {
	if !truthy(identity) {
		return true
	}
	expectMap(identity, a.id, "Identity")
	lacks := !truthy(identity.Get("Headers")) && !truthy(identity.Get("QueryStrings")) &&
		!truthy(identity.Get("StageVariables")) && !truthy(identity.Get("Context"))
	ttl := get(identity, "ReauthorizeEvery")
	if ttl == nil {
		return lacks
	}
	seconds := ttl.Float
	if ttl.IsString() {
		i, err := strconv.Atoi(strings.TrimSpace(ttl.Text))
		if err != nil {
			return lacks
		}
		seconds = float64(i)
	}
	if ttl.IsMap() || ttl.IsList() {
		return lacks
	}
	return lacks && (seconds >= 1 || isTrue(ttl))
}

func (z *authorizer) kind() string {
	switch {
	case z.iam:
		return "awsSigv4"
	case truthy(z.userPool):
		return "cognito_user_pools"
	}
	return "custom"
}

// swagger is the security definition of an authorizer.
func (a *api) authorizerSwagger(z *authorizer) *node {
	if truthy(z.identity) {
		expectMap(z.identity, a.id, "Identity")
	}
	header := a.str("Authorization")
	if h := z.identity.Get("Header"); truthy(h) {
		header = h
	}
	kind := z.kind()
	if kind == "custom" && z.payload == "REQUEST" {
		header = a.str("Unused")
	}
	out := a.ordered("type", "apiKey", "name", header, "in", "header", "x-amazon-apigateway-authtype", kind)
	var definition *node
	switch kind {
	case "cognito_user_pools":
		pools := z.userPool
		if !pools.IsList() {
			pools = a.list(pools)
		}
		definition = a.ordered("type", kind, "providerARNs", pools)
	case "custom":
		definition = a.lambdaAuthorizer(z)
	default:
		return out
	}
	a.set(out, authorizerKey, definition)
	if kind != "custom" || z.payload == "TOKEN" {
		if e := z.identity.Get("ValidationExpression"); truthy(e) {
			a.set(definition, "identityValidationExpression", e)
		}
	}
	return out
}

func (a *api) lambdaAuthorizer(z *authorizer) *node {
	d := a.ordered("type", strings.ToLower(z.payload), "authorizerUri", a.authorizerURI(z.function))
	a.set(d, "authorizerResultTtlInSeconds", get(z.identity, "ReauthorizeEvery"))
	if truthy(z.role) && z.role.Str() != "NONE" {
		a.set(d, "authorizerCredentials", z.role)
	}
	if z.payload == "REQUEST" {
		if s := a.identitySource(z); s != "" {
			a.set(d, "identitySource", s)
		}
	}
	return d
}

func (t *translator) authorizerURI(function *node) *node {
	return t.sub("arn:"+t.partition+":apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
		"__FunctionArn__", t.orNull(function))
}

func (a *api) identitySource(z *authorizer) string {
	var out []string
	for _, p := range [...][2]string{{"Headers", "method.request.header."}, {"QueryStrings", "method.request.querystring."},
		{"StageVariables", "stageVariables."}, {"Context", "context."}} {
		values := z.identity.Get(p[0])
		if !truthy(values) {
			continue
		}
		if !listOfStrings(values) {
			fail(a.id, "Identity.%s must be a list of strings", p[0])
		}
		for _, v := range values.Items {
			out = append(out, p[1]+v.Text)
		}
	}
	return strings.Join(out, ", ")
}

// flag is a boolean property that is true if absent.
func flag(n *node, key string) bool {
	e := n.Entry(key)
	return e == nil || truthy(e.Value)
}

func (a *api) addAuth() {
	if !truthy(a.auth) {
		return
	}
	a.needsBody("Auth")
	a.known(a.auth, "Auth", "Authorizers", "DefaultAuthorizer", "InvokeRole", "AddDefaultAuthorizerToCorsPreflight",
		"AddApiKeyRequiredToCorsPreflight", "ApiKeyRequired", "ResourcePolicy", "UsagePlan")
	if !a.validSwagger(a.body) {
		fail(a.id, "Auth needs a valid DefinitionBody")
	}
	d := a.open(a.body, false)
	if all := a.authorizers(true); len(all) > 0 {
		for _, z := range all {
			d.set(d.security, z.name, a.authorizerSwagger(z))
		}
		a.defaultAuthorizer(d, all)
	}
	if truthy(a.auth.Get("ApiKeyRequired")) {
		d.addAPIKeySecurity()
		for _, path := range a.keys(d.paths) {
			d.requireAPIKey(path, flag(a.auth, "AddApiKeyRequiredToCorsPreflight"))
		}
	}
	if policy := a.auth.Get("ResourcePolicy"); truthy(policy) {
		expectMap(policy, a.id, "Auth.ResourcePolicy")
		for _, path := range a.keys(d.paths) {
			d.resourcePolicy(policy, path, a.p("StageName"))
		}
		if s := policy.Get("CustomStatements"); truthy(s) {
			d.customStatements(s)
		}
	}
	a.body = d.close()
	a.postprocess(a.body)
}

func (a *api) defaultAuthorizer(d *definition, all []*authorizer) {
	name := a.auth.Get("DefaultAuthorizer")
	if !truthy(name) {
		return
	}
	var names []string
	scopes := a.list()
	for _, z := range all {
		names = append(names, z.name)
		if z.name == name.Str() {
			scopes = z.scopes
		}
	}
	if !name.IsString() || !slices.Contains(names, name.Text) {
		fail(a.id, "DefaultAuthorizer must be one of Authorizers")
	}
	for _, path := range a.keys(d.paths) {
		d.defaultAuthorizer(path, name.Text, names, scopes, flag(a.auth, "AddDefaultAuthorizerToCorsPreflight"))
	}
}

// authorizerPermissions let API Gateway call the functions of authorizers.
func (a *api) authorizerPermissions() []*resource {
	if !truthy(a.auth) {
		return nil
	}
	var out []*resource
	for _, z := range a.authorizers(false) {
		if truthy(z.function) && !truthy(z.withoutPermission) {
			out = append(out, a.authorizerPermission(a.id+z.name+"AuthorizerPermission", a.partition, a.id, z.function, a.inherited))
		}
	}
	return out
}

func (t *translator) authorizerPermission(id, partition, api string, function, attrs *node) *resource {
	return t.resource(id, "AWS::Lambda::Permission", attrs,
		"Action", "lambda:InvokeFunction", "FunctionName", function, "Principal", "apigateway.amazonaws.com",
		"SourceArn", t.sub("arn:"+partition+":execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*", "__ApiId__", t.ref(api)))
}

// sharedUsage is the usage plan that several APIs share.
type sharedUsage struct {
	dependsOn, stages, keys []*node
	deletion, replace       *node
	conditions              []string
	unconditional           bool
}

// usagePlan makes the usage plan, API key and their connection.
func (a *api) usagePlan(stage *resource) []*resource {
	plan := get(a.auth, "UsagePlan")
	if plan == nil {
		return nil
	}
	a.known(expectMap(plan, a.id, "UsagePlan"), "UsagePlan", "CreateUsagePlan", "Description", "Quota", "Tags", "Throttle", "UsagePlanName")
	var made []*resource
	switch plan.Get("CreateUsagePlan").Str() {
	case "NONE":
		return nil
	case "PER_API":
		made = a.ownPlan(stage)
	case "SHARED":
		made = a.sharedPlan(stage)
	default:
		fail(a.id, "CreateUsagePlan must be SHARED, PER_API or NONE")
	}
	for _, k := range []string{"UsagePlanName", "Description", "Quota", "Tags", "Throttle"} {
		if v := plan.Get(k); truthy(v) {
			a.set(made[0].props, k, v)
		}
	}
	return made
}

func (a *api) ownPlan(stage *resource) []*resource {
	stages := a.list(a.obj("ApiId", a.ref(a.id), "Stage", a.ref(stage.id)))
	keys := a.list(a.obj("RestApiId", a.ref(a.id), "StageName", a.ref(stage.id)))
	attrs := func() *node { return a.inherited }
	return a.plan(a.id+"UsagePlan", a.id+"ApiKey", a.id+"UsagePlanKey", a.list(a.id), stages, keys, attrs)
}

func (a *api) plan(plan, key, link string, dependsOn, stages, keys *node, attrs func() *node) []*resource {
	p := a.translator.resource(plan, "AWS::ApiGateway::UsagePlan", attrs(), "ApiStages", stages)
	p.dependsOn = dependsOn
	k := a.translator.resource(key, "AWS::ApiGateway::ApiKey", attrs(), "Enabled", true, "StageKeys", keys)
	k.dependsOn = a.list(plan)
	l := a.translator.resource(link, "AWS::ApiGateway::UsagePlanKey", attrs(), "KeyId", a.ref(key), "KeyType", "API_KEY", "UsagePlanId", a.ref(plan))
	l.dependsOn = a.list(key)
	return []*resource{p, k, l}
}

func (a *api) sharedPlan(stage *resource) []*resource {
	u := &a.usage
	add := func(list *[]*node, n *node) *node {
		if !contains(*list, n) {
			*list = append(*list, n)
		}
		return a.value(slices.Clone(*list))
	}
	dependsOn := add(&u.dependsOn, a.str(a.id))
	stages := add(&u.stages, a.obj("ApiId", a.ref(a.id), "Stage", a.ref(stage.id)))
	keys := add(&u.keys, a.obj("RestApiId", a.ref(a.id), "StageName", a.ref(stage.id)))
	return a.plan("ServerlessUsagePlan", "ServerlessApiKey", "ServerlessUsagePlanKey", dependsOn, stages, keys, a.sharedAttributes)
}

const sharedCondition = "SharedUsagePlanCondition"

// sharedAttributes combines the attributes of the APIs that share the plan.
func (a *api) sharedAttributes() *node {
	u := &a.usage
	if d := a.inherited.Get("DeletionPolicy"); truthy(d) && (u.deletion == nil || d.Str() == "Retain") {
		u.deletion = d
	}
	if r := a.inherited.Get("UpdateReplacePolicy"); truthy(r) &&
		(u.replace == nil || r.Str() == "Retain" || r.Str() == "Snapshot" && u.replace.Str() == "Delete") {
		u.replace = r
	}
	a.shareCondition(get(a.inherited, "Condition"))
	attrs := a.obj("DeletionPolicy", u.deletion, "UpdateReplacePolicy", u.replace)
	if len(u.conditions) > 0 && !u.unconditional {
		a.set(attrs, "Condition", sharedCondition)
	}
	return attrs
}

func (a *api) shareCondition(condition *node) {
	u := &a.usage
	switch {
	case u.unconditional:
	case condition == nil:
		u.unconditional = true
		a.del(a.conditions, sharedCondition)
	case truthy(condition) && !slices.Contains(u.conditions, condition.Str()):
		if a.conditions == nil {
			fail(a.id, "a Condition needs the section Conditions")
		}
		u.conditions = append(u.conditions, condition.Str())
		if len(u.conditions) == 1 {
			a.set(a.conditions, sharedCondition, condition)
			return
		}
		or := a.list()
		for _, c := range u.conditions {
			or.Items = append(or.Items, a.obj("Condition", c))
		}
		a.set(a.conditions, sharedCondition, a.obj("Fn::Or", or))
	}
}
