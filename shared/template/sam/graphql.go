package sam

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

var graphQLProperties = []prop{{name: "Name"}, {name: "Tags", ok: isMap, literal: true}, {name: "XrayEnabled", ok: boolLike, literal: true},
	{name: "Auth", required: true, ok: isMap, literal: true}, {name: "SchemaInline", ok: isString, literal: true},
	{name: "SchemaUri", ok: isString, literal: true}, {name: "Logging", ok: boolOrMap, literal: true},
	{name: "DataSources", ok: isMap, literal: true}, {name: "Functions", ok: isMap, literal: true}, {name: "Resolvers", ok: isMap, literal: true},
	{name: "ApiKeys", ok: isMap, literal: true}, {name: "DomainName", ok: isMap, literal: true}, {name: "Cache", ok: isMap, literal: true},
	{name: "Visibility"}, {name: "OwnerContact"}, {name: "IntrospectionConfig"}, {name: "QueryDepthLimit"}, {name: "ResolverCountLimit"}}

// boolLike reports whether a value is a boolean or is read as one.
func boolLike(n *node) bool {
	switch {
	case isBool(n):
		return true
	case n.Kind == template.Number:
		return n.Float == 0 || n.Float == 1
	}
	return slices.Contains([]string{"0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes"}, strings.ToLower(n.Str()))
}

// graph is a GraphQL API while it is translated.
type graph struct {
	*translator
	*macro
	made      []*resource
	sources   map[string]*node // name of a data source
	functions map[string]*node // id of a function
	none      *resource
}

func (t *translator) graphQL(id string, n *node) []*resource {
	n = t.withoutUnknown(n)
	g := &graph{translator: t, macro: t.macro(id, "AWS::AppSync::GraphQLApi", n, graphQLProperties),
		sources: map[string]*node{}, functions: map[string]*node{}}
	api := g.add("", g.typ, "Name", truthyOr(g.props, "Name", t.str(id)))
	schema := g.schema()
	g.configure(api)
	g.apiKeys()
	g.cache()
	g.dataSources()
	g.domain()
	g.functionConfigurations()
	g.resolvers(schema.id)
	if g.none != nil {
		g.made = append(g.made, g.none)
	}
	return g.made
}

// withoutUnknown leaves out the properties that the type does not have: the
// transform ignores them.
func (t *translator) withoutUnknown(n *node) *node {
	props := n.Get("Properties")
	if !props.IsMap() {
		return n
	}
	n, props = copyMap(n), copyMap(props)
	props.Entries = slices.DeleteFunc(props.Entries, func(e template.Entry) bool {
		return !slices.ContainsFunc(graphQLProperties, func(p prop) bool { return p.name == e.Key })
	})
	t.set(n, "Properties", props)
	return n
}

// add makes a resource whose logical id begins with that of the API.
func (g *graph) add(suffix, typ string, props ...any) *resource {
	r := g.newResource(suffix, typ, props...)
	g.made = append(g.made, r)
	return r
}

func (g *graph) newResource(suffix, typ string, props ...any) *resource {
	r := g.translator.resource(g.id+suffix, typ, g.attrs, props...)
	r.dependsOn = g.dependsOn
	return r
}

func (g *graph) apiID() *node { return g.getAtt(g.id, "ApiId") }

// object checks the keys of a property; those after required are optional.
func (g *graph) object(n *node, what string, required, optional string) *node {
	expectMap(n, g.id, what)
	need := strings.Fields(required)
	knownKeys(g.id, n, what, append(need, strings.Fields(optional)...)...)
	for _, k := range need {
		if n.Get(k) == nil {
			fail(g.id, "%s needs %s", what, k)
		}
	}
	return n
}

func (g *graph) schema() *resource {
	inline, uri := g.p("SchemaInline"), g.p("SchemaUri")
	if truthy(inline) == truthy(uri) {
		fail(g.id, "either SchemaInline or SchemaUri is required")
	}
	return g.add("Schema", "AWS::AppSync::GraphQLSchema", "ApiId", g.apiID(), "Definition", inline, "DefinitionS3Location", uri)
}

func (g *graph) configure(api *resource) {
	for _, k := range []string{"Visibility", "OwnerContact", "IntrospectionConfig", "QueryDepthLimit", "ResolverCountLimit"} {
		if v := g.p(k); truthy(v) {
			g.set(api.props, k, v)
		}
	}
	g.set(api.props, "XrayEnabled", g.p("XrayEnabled"))
	lambdas := g.auth(api)
	tags := g.obj()
	g.merge(tags, g.p("Tags"))
	g.set(tags, "graphqlapi:createdBy", "SAM")
	g.set(api.props, "Tags", g.tagList(tags))
	for i, arn := range lambdas {
		g.connectTo("ToLambdaAuthConnector"+g.int(i+1).Text, "AWS::Lambda::Function", arn, g.list("Write"),
			"Type", "AWS::AppSync::GraphQLApi", "Arn", g.ref(g.id), "ResourceId", g.apiID())
	}
	g.logging(api)
}

// connectTo adds what a connector to a resource stands for.
func (g *graph) connectTo(suffix, typ string, arn, permissions *node, source ...any) {
	n := g.obj("Type", "AWS::Serverless::Connector", "Properties", g.obj("Source", g.obj(source...),
		"Destination", g.obj("Type", typ, "Arn", arn), "Permissions", permissions))
	g.made = append(g.made, g.connector(g.id+suffix, n)...)
}

func (g *graph) auth(api *resource) (lambdas []*node) {
	auth := g.object(g.p("Auth"), "Auth", "Type", "LambdaAuthorizer OpenIDConnect UserPool Additional")
	set := func(into, n *node, additional bool) {
		g.set(into, "AuthenticationType", n.Get("Type"))
		key, config := g.authorizer(n, additional)
		g.set(into, key, config)
		if key == "LambdaAuthorizerConfig" {
			lambdas = append(lambdas, config.Get("AuthorizerUri"))
		}
	}
	set(api.props, auth, false)
	more := get(auth, "Additional")
	if more == nil {
		return lambdas
	}
	if !more.IsList() {
		fail(g.id, "Auth.Additional must be a list")
	}
	providers := g.list()
	for _, n := range more.Items {
		p := g.obj()
		set(p, g.object(n, "Auth.Additional", "Type", "LambdaAuthorizer OpenIDConnect UserPool"), true)
		providers.Items = append(providers.Items, p)
	}
	if len(providers.Items) > 0 {
		g.set(api.props, "AdditionalAuthenticationProviders", providers)
	}
	return lambdas
}

// authorizer is the configuration of one way to authenticate.
func (g *graph) authorizer(n *node, additional bool) (key string, config *node) {
	given := 0
	for _, k := range []string{"LambdaAuthorizer", "OpenIDConnect", "UserPool"} {
		if get(n, k) != nil {
			given++
		}
	}
	if given > 1 {
		fail(g.id, "Auth takes one configuration")
	}
	part := func(name, required, optional string) *node {
		return copyMap(withoutNulls(g.object(get(n, name), "Auth."+name, required, optional)))
	}
	switch n.Get("Type").Str() {
	case "AWS_LAMBDA":
		return "LambdaAuthorizerConfig", part("LambdaAuthorizer", "AuthorizerUri", "AuthorizerResultTtlInSeconds IdentityValidationExpression")
	case "OPENID_CONNECT":
		return "OpenIDConnectConfig", part("OpenIDConnect", "", "AuthTTL ClientId IatTTL Issuer")
	case "AMAZON_COGNITO_USER_POOLS":
		c := part("UserPool", "UserPoolId", "AppIdClientRegex AwsRegion DefaultAction")
		if additional {
			g.del(c, "DefaultAction")
		}
		return "UserPoolConfig", c
	case "AWS_IAM", "API_KEY":
		return "", nil
	}
	fail(g.id, "Auth.Type is unknown")
	return "", nil
}

func (g *graph) logging(api *resource) {
	l := g.p("Logging")
	if isBool(l) && !l.True {
		return
	}
	config := g.obj("FieldLogLevel", "ALL")
	if l.IsMap() {
		g.object(l, "Logging", "", "CloudWatchLogsRoleArn ExcludeVerboseContent FieldLogLevel")
		if v := l.Get("ExcludeVerboseContent"); truthy(v) {
			g.set(config, "ExcludeVerboseContent", v)
		}
		if v := l.Get("FieldLogLevel"); truthy(v) {
			g.set(config, "FieldLogLevel", v)
		}
	}
	role := l.Get("CloudWatchLogsRoleArn")
	if !truthy(role) {
		r := g.add("CloudWatchRole", "AWS::IAM::Role", "AssumeRolePolicyDocument", g.assumeRole("appsync.amazonaws.com"),
			"ManagedPolicyArns", g.list(g.sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSAppSyncPushToCloudWatchLogs")))
		role = g.getAtt(r.id, "Arn")
	}
	g.set(config, "CloudWatchLogsRoleArn", role)
	g.set(api.props, "LogConfig", config)
}

func (g *graph) apiKeys() {
	keys := g.p("ApiKeys")
	if !truthy(keys) {
		return
	}
	for _, e := range keys.Entries {
		n := g.object(e.Value, "ApiKeys."+e.Key, "", "ApiKeyId Description ExpiresOn")
		g.add(e.Key, "AWS::AppSync::ApiKey", "ApiId", g.apiID(), "ApiKeyId", get(n, "ApiKeyId"), "Description", get(n, "Description"), "Expires", get(n, "ExpiresOn"))
	}
}

func (g *graph) cache() {
	n := g.p("Cache")
	if n == nil {
		return
	}
	g.object(n, "Cache", "ApiCachingBehavior Ttl Type", "AtRestEncryptionEnabled TransitEncryptionEnabled")
	r := g.add("ApiCache", "AWS::AppSync::ApiCache", "ApiId", g.apiID())
	for _, e := range n.Entries {
		g.set(r.props, e.Key, e.Value)
	}
}

func (g *graph) domain() {
	n := g.p("DomainName")
	if n == nil {
		return
	}
	g.object(n, "DomainName", "CertificateArn DomainName", "Description")
	r := g.add("DomainName", "AWS::AppSync::DomainName", "CertificateArn", n.Get("CertificateArn"), "DomainName", n.Get("DomainName"), "Description", get(n, "Description"))
	g.add("DomainNameApiAssociation", "AWS::AppSync::DomainNameApiAssociation", "ApiId", g.apiID(), "DomainName", g.ref(r.id))
}
