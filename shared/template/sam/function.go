package sam

import (
	"regexp"
	"slices"
	"strings"
)

var functionProperties = []prop{
	{name: "FunctionName", ok: stringOrMap}, {name: "Handler"}, {name: "Runtime"}, {name: "CodeUri"}, {name: "ImageUri"},
	{name: "PackageType"}, {name: "InlineCode"}, {name: "DeadLetterQueue", ok: isMap}, {name: "Description"}, {name: "MemorySize"},
	{name: "Timeout"}, {name: "VpcConfig"}, {name: "Role", ok: isString}, {name: "AssumeRolePolicyDocument", ok: isMap},
	{name: "Policies", ok: func(n *node) bool { return stringOrMap(n) || stringsOrMaps(n) }}, {name: "RolePath"},
	{name: "PermissionsBoundary", ok: isString}, {name: "Environment", ok: mapOfMaps}, {name: "Events", ok: mapOfMaps},
	{name: "Tags", ok: isMap}, {name: "PropagateTags", ok: isBool}, {name: "Tracing", ok: stringOrMap}, {name: "KmsKeyArn"},
	{name: "DeploymentPreference", ok: isMap}, {name: "ReservedConcurrentExecutions"}, {name: "Layers", ok: stringsOrMaps},
	{name: "EventInvokeConfig", ok: isMap}, {name: "EphemeralStorage"}, {name: "AutoPublishAlias", ok: isString},
	{name: "AutoPublishCodeSha256", ok: isString}, {name: "AutoPublishAliasAllProperties", ok: isBool, literal: true},
	{name: "VersionDescription"}, {name: "ProvisionedConcurrencyConfig"}, {name: "FileSystemConfigs"}, {name: "ImageConfig"},
	{name: "CodeSigningConfigArn"}, {name: "Architectures"}, {name: "SnapStart", ok: isMap}, {name: "FunctionUrlConfig", ok: isMap},
	{name: "RuntimeManagementConfig"}, {name: "LoggingConfig"}, {name: "RecursiveLoop"}, {name: "SourceKMSKeyArn"},
	{name: "CapacityProviderConfig", ok: isMap}, {name: "FunctionScalingConfig", ok: isMap},
	{name: "VersionDeletionPolicy", ok: func(n *node) bool { return n.Str() == "Delete" || n.Str() == "Retain" }},
	{name: "PublishToLatestPublished"}, {name: "TenancyConfig"}, {name: "DurableConfig", ok: isMap},
}

// function is a function while it is translated.
type function struct {
	*translator
	*macro
	lambda, version, alias *resource
	role                   *resource
	aliasName              string
	links                  []link
}

// target is what events call: the alias if there is one.
func (f *function) target() *resource {
	if f.alias != nil {
		return f.alias
	}
	return f.lambda
}

func (t *translator) function(id string, n *node) []*resource {
	t.expandPolicyTemplates(id, n)
	f := &function{translator: t, macro: t.macro(id, "AWS::Lambda::Function", n, functionProperties)}
	f.links = t.links(id, f.p("Events"), functionEvents)
	t.noteFunctionName(n)
	f.checkCombinations()
	f.lambda = f.construct()
	made := []*resource{f.lambda}
	if truthy(f.p("ProvisionedConcurrencyConfig")) && !truthy(f.p("AutoPublishAlias")) {
		fail(id, "ProvisionedConcurrencyConfig needs AutoPublishAlias")
	}
	if truthy(f.p("AutoPublishAlias")) {
		made = append(made, f.publish()...)
	}
	made = append(made, f.functionURL()...)
	f.deploymentPreference()
	invoke, policies := f.eventInvokeConfig()
	made = append(made, invoke...)
	f.role = f.executionRole(policies)
	if f.attachRole() {
		made = append(made, f.role)
	}
	for _, e := range f.sortedEvents() {
		made = append(made, f.eventResources(e)...)
	}
	t.propagateTags(made, f.p("Tags"), f.p("PropagateTags"))
	return made
}

// noteFunctionName keeps the names of functions behind a REST API: the API's
// deployment depends on them.
func (t *translator) noteFunctionName(n *node) {
	props := n.Get("Properties")
	events := props.Get("Events")
	if events == nil {
		return
	}
	for _, e := range events.Entries {
		api := dig(e.Value, "Properties", "RestApiId")
		id, ok := refID(api)
		if e.Value.Get("Type").Str() != "Api" || !truthy(api) || !ok {
			continue
		}
		if name := t.resolveOptional(t.clone(props.Get("FunctionName"))); truthy(name) {
			t.apiFunctions[id] += t.text(name)
		}
	}
}

func (f *function) checkCombinations() {
	both := func(a, b string) {
		if f.p(a) != nil && f.p(b) != nil {
			fail(f.id, "%s and %s exclude each other", a, b)
		}
	}
	both("CapacityProviderConfig", "ProvisionedConcurrencyConfig")
	both("CapacityProviderConfig", "VpcConfig")
	for _, n := range [...][2]string{{"FunctionScalingConfig", "CapacityProviderConfig"}, {"VersionDeletionPolicy", "AutoPublishAlias"}} {
		if f.p(n[0]) != nil && f.p(n[1]) == nil {
			fail(f.id, "%s needs %s", n[0], n[1])
		}
	}
	if q := f.p("DeadLetterQueue"); truthy(q) {
		typ := q.Get("Type").Str()
		if typ != "SQS" && typ != "SNS" || !truthy(q.Get("TargetArn")) {
			fail(f.id, "DeadLetterQueue needs Type (SQS or SNS) and TargetArn")
		}
	}
	f.checkTenancy()
}

// tracing reports whether X-Ray tracing is on.
func (f *function) tracing() bool {
	v := f.p("Tracing")
	if v == nil {
		return false
	}
	resolved := f.resolve(v)
	return truthy(v) && resolved.Str() != "Disabled"
}

func (f *function) construct() *resource {
	r := f.translator.resource(f.id, f.typ, f.attrs)
	r.dependsOn = f.dependsOn
	for _, k := range []string{"Handler", "Runtime", "Description", "MemorySize", "Timeout", "VpcConfig", "Role", "Environment", "KmsKeyArn",
		"ReservedConcurrentExecutions", "Layers", "FileSystemConfigs", "ImageConfig", "PackageType", "Architectures", "SnapStart",
		"EphemeralStorage", "CodeSigningConfigArn", "RuntimeManagementConfig", "LoggingConfig", "TenancyConfig", "RecursiveLoop",
		"DurableConfig", "PublishToLatestPublished"} {
		f.copyProperty(r, k, f.p(k))
	}
	for _, k := range []string{"FunctionName", "FunctionScalingConfig"} {
		if v := f.p(k); truthy(v) {
			f.copyProperty(r, k, v)
		}
	}
	f.set(r.props, "Code", f.codeObject())
	f.set(r.props, "Tags", f.samTags(f.id, f.p("Tags"), nil))
	if f.tracing() {
		f.set(r.props, "TracingConfig", f.obj("Mode", f.p("Tracing")))
	}
	if q := f.p("DeadLetterQueue"); truthy(q) {
		f.set(r.props, "DeadLetterConfig", f.obj("TargetArn", q.Get("TargetArn")))
	}
	if c := f.p("CapacityProviderConfig"); truthy(c) {
		f.set(r.props, "CapacityProviderConfig", f.capacityConfig(c))
	}
	f.checkPackage(r)
	return r
}

// copyProperty takes a property over with the position of its key.
func (m *macro) position(r *resource, key string) {
	if from, to := m.props.Entry(key), r.props.Entry(key); from != nil && to != nil {
		to.Line, to.Column = from.Line, from.Column
	}
}

func (f *function) copyProperty(r *resource, key string, v *node) {
	f.set(r.props, key, v)
	f.position(r, key)
}

func (f *function) codeObject() *node {
	var code *node
	switch typ := f.p("PackageType"); {
	case typ == nil || !truthy(typ) || typ.Str() == "Zip":
		switch {
		case f.p("InlineCode") != nil:
			code = f.obj("ZipFile", f.p("InlineCode"))
		case f.p("CodeUri") != nil:
			code = f.code(f.id, f.p("CodeUri"), "CodeUri")
		default:
			fail(f.id, "InlineCode or CodeUri is required")
		}
		if v := f.p("SourceKMSKeyArn"); truthy(v) {
			f.set(code, "SourceKMSKeyArn", v)
		}
	case typ.Str() == "Image":
		if !truthy(f.p("ImageUri")) {
			fail(f.id, "ImageUri is required")
		}
		code = f.obj("ImageUri", f.p("ImageUri"))
	default:
		fail(f.id, "PackageType must be Zip or Image")
	}
	return code
}

func (f *function) checkPackage(r *resource) {
	if f.p("PackageType").Str() != "Image" {
		if !truthy(f.p("Runtime")) || !truthy(f.p("Handler")) {
			fail(f.id, "Runtime and Handler are required")
		}
		if truthy(f.p("ImageConfig")) {
			fail(f.id, "ImageConfig needs PackageType Image")
		}
		return
	}
	for _, k := range []string{"Handler", "Runtime", "Layers"} {
		if truthy(r.props.Get(k)) {
			fail(f.id, "%s does not go with PackageType Image", k)
		}
	}
}

func (f *function) capacityConfig(c *node) *node {
	arn := c.Get("Arn")
	if isNull(arn) || arn.IsList() {
		fail(f.id, "CapacityProviderConfig needs Arn")
	}
	knownKeys(f.id, c, "CapacityProviderConfig", "Arn", "PerExecutionEnvironmentMaxConcurrency", "ExecutionEnvironmentMemoryGiBPerVCpu")
	if !arn.IsMap() {
		arn = f.str(f.text(arn))
	}
	return f.obj("LambdaManagedInstancesCapacityProviderConfig", f.obj("CapacityProviderArn", arn,
		"PerExecutionEnvironmentMaxConcurrency", get(c, "PerExecutionEnvironmentMaxConcurrency"),
		"ExecutionEnvironmentMemoryGiBPerVCpu", get(c, "ExecutionEnvironmentMemoryGiBPerVCpu")))
}

var aliasName = regexp.MustCompile(`^[a-zA-Z0-9_-]+\n?$`)

// publish makes the version and the alias of a function.
func (f *function) publish() []*resource {
	name := f.resolve(f.p("AutoPublishAlias"))
	if !name.IsString() {
		fail(f.id, "AutoPublishAlias must be a string or refer to a parameter")
	}
	f.aliasName = name.Text
	sha := f.codeHash()
	f.version = f.newVersion(sha)
	digits := strings.Trim(name.Text, "0123456789") == ""
	if name.Text == "" || digits || !aliasName.MatchString(name.Text) {
		fail(f.id, "AutoPublishAlias %q is no name of an alias", name.Text)
	}
	plain := strings.NewReplacer("-", "D", "_", "U").Replace(name.Text)
	f.alias = f.translator.resource(f.id+"Alias"+plain, "AWS::Lambda::Alias", f.passthrough(f.attrs), "Name", name,
		"FunctionName", f.ref(f.id), "FunctionVersion", f.getAtt(f.version.id, "Version"))
	if p := f.p("ProvisionedConcurrencyConfig"); truthy(p) {
		f.set(f.alias.props, "ProvisionedConcurrencyConfig", p)
	}
	return []*resource{f.version, f.alias}
}

// codeHash is AutoPublishCodeSha256, which goes into the description too.
func (f *function) codeHash() string {
	v := f.p("AutoPublishCodeSha256")
	if !truthy(v) {
		return ""
	}
	v = f.resolve(v)
	if !v.IsString() {
		fail(f.id, "AutoPublishCodeSha256 must be a string")
	}
	description := f.resolveOptional(f.p("Description"))
	switch {
	case !truthy(description):
		f.set(f.lambda.props, "Description", v)
	case description.IsString():
		f.set(f.lambda.props, "Description", description.Text+" "+v.Text)
	default:
		f.set(f.lambda.props, "Description", f.obj("Fn::Join", f.list(" ", f.list(description, v))))
	}
	return v.Text
}

// newVersion makes a version whose logical id depends on the code, so that a
// change of the code publishes another version.
func (f *function) newVersion(sha string) *resource {
	code := f.resolve(f.lambda.props.Get("Code"))
	id := f.id + "Version"
	if sha != "" {
		id += sha[:min(10, len(sha))]
	} else {
		id += hashID(hashData(f.versionData(code)))
	}
	attrs := f.passthrough(f.attrs)
	if attrs.Get("DeletionPolicy") == nil {
		policy := f.p("VersionDeletionPolicy")
		if policy == nil && f.p("CapacityProviderConfig") != nil {
			policy = f.str("Delete")
		} else if policy == nil {
			policy = f.str("Retain")
		}
		f.set(attrs, "DeletionPolicy", policy)
	}
	v := f.translator.resource(id, "AWS::Lambda::Version", attrs, "FunctionName", f.ref(f.id), "Description", f.p("VersionDescription"))
	if f.p("CapacityProviderConfig") != nil {
		f.set(v.props, "FunctionScalingConfig", f.p("FunctionScalingConfig"))
	}
	return v
}

func (f *function) versionData(code *node) *node {
	if truthy(f.p("AutoPublishAliasAllProperties")) {
		return f.allVersionData()
	}
	data := copyMap(code)
	if env := f.p("Environment"); truthy(env) {
		f.merge(data, env)
	}
	if m := f.p("MemorySize"); truthy(m) {
		f.set(data, "MemorySize", m)
	}
	if s := f.p("SnapStart"); truthy(s) && s.Entry("ApplyOn") != nil && s.Get("ApplyOn").Str() != "None" {
		f.set(data, "SnapStart", s)
	}
	return data
}

func (f *function) allVersionData() *node {
	data := copyMap(withoutNulls(f.lambda.props))
	layers := f.p("Layers")
	if !layers.IsList() {
		return data
	}
	for _, l := range layers.Items {
		id := logicalID(l)
		if props := f.lookup(f.out, id).Get("Properties"); id != "" && truthy(props.Get("PublishLambdaVersion")) {
			f.set(data, id, props)
		}
	}
	return data
}

// sortedEvents orders events by path, or by name if they have none.
func (f *function) sortedEvents() []link {
	links := slices.Clone(f.links)
	key := func(l link) string {
		if p := l.node.Get("Properties").Entry("Path"); p != nil {
			return p.Value.Str()
		}
		return l.name
	}
	slices.SortStableFunc(links, func(a, b link) int { return strings.Compare(key(a), key(b)) })
	return links
}
