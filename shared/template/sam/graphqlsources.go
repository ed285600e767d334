package sam

import (
	"strings"
)

func (g *graph) dataSources() {
	all := g.p("DataSources")
	if all == nil {
		return
	}
	g.object(all, "DataSources", "", "DynamoDb Lambda")
	if tables := get(all, "DynamoDb"); tables != nil {
		for _, e := range expectMap(tables, g.id, "DataSources.DynamoDb").Entries {
			g.table(e.Key, e.Value)
		}
	}
	if functions := get(all, "Lambda"); functions != nil {
		for _, e := range expectMap(functions, g.id, "DataSources.Lambda").Entries {
			g.lambda(e.Key, e.Value)
		}
	}
}

func (g *graph) source(name, kind, typ string, n *node) *resource {
	r := g.add(name+kind+"DataSource", "AWS::AppSync::DataSource", "Name", truthyOr(n, "Name", g.str(name)), "Type", typ,
		"ApiId", g.apiID(), "Description", get(n, "Description"))
	g.sources[name] = g.getAtt(r.id, "Name")
	return r
}

func (g *graph) table(name string, n *node) {
	g.object(n, "DataSources.DynamoDb."+name, "TableName",
		"ServiceRoleArn TableArn Permissions Name Description Region DeltaSync UseCallerCredentials Versioned")
	r := g.source(name, "DynamoDB", "AMAZON_DYNAMODB", n)
	region := truthyOr(n, "Region", g.ref("AWS::Region"))
	config := g.obj("AwsRegion", region, "TableName", n.Get("TableName"),
		"UseCallerCredentials", truthyOr(n, "UseCallerCredentials", nil), "Versioned", truthyOr(n, "Versioned", nil))
	if d := get(n, "DeltaSync"); d != nil {
		g.set(config, "DeltaSyncConfig", g.object(d, "DeltaSync", "BaseTableTTL DeltaSyncTableName DeltaSyncTableTTL", ""))
	}
	g.set(r.props, "DynamoDBConfig", config)
	arn := truthyOr(n, "TableArn", g.sub("arn:${AWS::Partition}:dynamodb:${__Region__}:${AWS::AccountId}:table/${__TableName__}",
		"__TableName__", n.Get("TableName"), "__Region__", region))
	permissions := truthyOr(n, "Permissions", g.list("Read", "Write"))
	g.sourceRole(r, n, "ToTableConnector", "AWS::DynamoDB::Table", arn, permissions)
}

func (g *graph) lambda(name string, n *node) {
	g.object(n, "DataSources.Lambda."+name, "FunctionArn", "ServiceRoleArn Name Description")
	r := g.source(name, "Lambda", "AWS_LAMBDA", n)
	g.set(r.props, "LambdaConfig", g.obj("LambdaFunctionArn", n.Get("FunctionArn")))
	g.sourceRole(r, n, "ToLambdaConnector", "AWS::Lambda::Function", n.Get("FunctionArn"), g.list("Write"))
}

// sourceRole is the role by which AppSync uses a data source.
func (g *graph) sourceRole(r *resource, n *node, suffix, typ string, arn, permissions *node) {
	if role := n.Get("ServiceRoleArn"); truthy(role) {
		g.set(r.props, "ServiceRoleArn", role)
		return
	}
	short := strings.TrimPrefix(r.id, g.id)
	role := g.add(short+"Role", "AWS::IAM::Role", "AssumeRolePolicyDocument", g.assumeRole("appsync.amazonaws.com"))
	g.set(r.props, "ServiceRoleArn", g.getAtt(role.id, "Arn"))
	g.connectTo(short+suffix, typ, arn, permissions, "Type", "AWS::AppSync::DataSource", "Arn", g.getAtt(r.id, "DataSourceArn"), "RoleName", g.ref(role.id))
}

func (g *graph) functionConfigurations() {
	all := g.p("Functions")
	if !truthy(all) {
		return
	}
	for _, e := range all.Entries {
		n := g.object(e.Value, "Functions."+e.Key, "", "DataSource Runtime InlineCode CodeUri Description MaxBatchSize Name Id Sync")
		if id := n.Get("Id"); truthy(id) {
			if len(withoutNulls(n).Entries) != 1 {
				fail(g.id, "Functions.%s: Id excludes other properties", e.Key)
			}
			g.functions[e.Key] = id
			continue
		}
		inline, uri := n.Get("InlineCode"), n.Get("CodeUri")
		if truthy(inline) == truthy(uri) {
			fail(g.id, "Functions.%s needs either InlineCode or CodeUri", e.Key)
		}
		r := g.add(e.Key, "AWS::AppSync::FunctionConfiguration", "ApiId", g.apiID(), "Name", truthyOr(n, "Name", g.str(e.Key)),
			"Code", truthyOr(n, "InlineCode", nil), "CodeS3Location", truthyOr(n, "CodeUri", nil), "DataSourceName", g.sourceName(e.Key, n.Get("DataSource")),
			"MaxBatchSize", get(n, "MaxBatchSize"), "Description", get(n, "Description"), "Runtime", g.runtime(e.Key, n))
		if s := get(n, "Sync"); s != nil {
			g.set(r.props, "SyncConfig", withoutNulls(g.object(s, "Sync", "ConflictDetection", "ConflictHandler LambdaConflictHandlerConfig")))
		}
		g.functions[e.Key] = g.getAtt(r.id, "FunctionId")
	}
}

func (g *graph) runtime(name string, n *node) *node {
	r := get(n, "Runtime")
	if r == nil {
		fail(g.id, "%s needs Runtime", name)
	}
	g.object(r, "Runtime", "Name Version", "")
	return g.obj("Name", r.Get("Name"), "RuntimeVersion", r.Get("Version"))
}

func (g *graph) sourceName(function string, n *node) *node {
	switch {
	case !truthy(n):
		fail(g.id, "Functions.%s needs DataSource", function)
	case !n.IsString():
		return n
	case strings.EqualFold(n.Text, "none"):
		if g.none == nil {
			g.none = g.newResource("NoneDataSource", "AWS::AppSync::DataSource", "ApiId", g.apiID(), "Name", g.id+"NoneDataSource", "Type", "NONE")
		}
		return g.getAtt(g.none.id, "Name")
	case g.sources[n.Text] == nil:
		fail(g.id, "Functions.%s: there is no data source %s", function, n.Text)
	}
	return g.sources[n.Text]
}

// pipelineCode is the code that a resolver gets which only runs its functions.
const pipelineCode = "\nexport function request(ctx) {\n    return {};\n}\n\nexport function response(ctx) {\n    return ctx.prev.result;\n}\n"

func (g *graph) resolvers(schema string) {
	all := g.p("Resolvers")
	if !truthy(all) {
		return
	}
	for _, typ := range all.Entries {
		for _, e := range expectMap(typ.Value, g.id, "Resolvers."+typ.Key).Entries {
			g.resolver(schema, typ.Key, e.Key, e.Value)
		}
	}
}

func (g *graph) resolver(schema, typ, name string, n *node) {
	g.object(n, "Resolvers."+typ+"."+name, "", "FieldName Caching InlineCode CodeUri MaxBatchSize Pipeline Runtime Sync")
	inline, uri := n.Get("InlineCode"), n.Get("CodeUri")
	if truthy(inline) && truthy(uri) {
		fail(g.id, "resolver %s: InlineCode and CodeUri exclude each other", name)
	}
	r := g.add(typ+name, "AWS::AppSync::Resolver", "ApiId", g.apiID(), "Code", inline, "CodeS3Location", uri,
		"FieldName", truthyOr(n, "FieldName", g.str(name)), "TypeName", typ, "Kind", "PIPELINE")
	r.dependsOn = g.list(schema)
	if truthy(inline) || truthy(uri) {
		g.set(r.props, "Runtime", g.runtime(name, n))
	} else {
		g.set(r.props, "Code", pipelineCode)
		g.set(r.props, "Runtime", g.obj("Name", "APPSYNC_JS", "RuntimeVersion", "1.0.0"))
	}
	pipeline := n.Get("Pipeline")
	if !truthy(pipeline) {
		fail(g.id, "resolver %s needs Pipeline", name)
	}
	ids := g.list()
	for _, f := range pipeline.Items {
		if g.functions[f.Str()] == nil {
			fail(g.id, "resolver %s: there is no function %s", name, f.Str())
		}
		ids.Items = append(ids.Items, g.functions[f.Str()])
	}
	g.set(r.props, "PipelineConfig", g.obj("Functions", ids))
	if c := get(n, "Caching"); c != nil {
		g.set(r.props, "CachingConfig", withoutNulls(g.object(c, "Caching", "Ttl", "CachingKeys")))
	}
	if v := n.Get("MaxBatchSize"); truthy(v) {
		g.set(r.props, "MaxBatchSize", v)
	}
}
