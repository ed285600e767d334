package sam

import (
	"slices"
	"strings"
)

// globalProperties are the properties that each section of Globals takes (SAM
// specification, "Globals section of the template").
func globalProperties(section string) ([]string, bool) {
	list := ""
	switch section {
	case "Function":
		list = "Handler Runtime CodeUri DeadLetterQueue Description MemorySize Timeout VpcConfig Environment Tags PropagateTags " +
			"Tracing KmsKeyArn AutoPublishAlias AutoPublishAliasAllProperties Layers DeploymentPreference RolePath PermissionsBoundary " +
			"ReservedConcurrentExecutions ProvisionedConcurrencyConfig AssumeRolePolicyDocument EventInvokeConfig FileSystemConfigs " +
			"CodeSigningConfigArn Architectures SnapStart EphemeralStorage FunctionUrlConfig RuntimeManagementConfig LoggingConfig " +
			"RecursiveLoop SourceKMSKeyArn TenancyConfig DurableConfig CapacityProviderConfig FunctionScalingConfig " +
			"PublishToLatestPublished VersionDeletionPolicy"
	case "Api":
		list = "Auth Name DefinitionUri CacheClusterEnabled CacheClusterSize MergeDefinitions Variables EndpointConfiguration " +
			"MethodSettings BinaryMediaTypes MinimumCompressionSize Cors GatewayResponses AccessLogSetting CanarySetting TracingEnabled " +
			"OpenApiVersion Domain AlwaysDeploy PropagateTags SecurityPolicy EndpointAccessMode"
	case "HttpApi":
		list = "Auth AccessLogSettings StageVariables Tags CorsConfiguration DefaultRouteSettings Domain RouteSettings FailOnWarnings PropagateTags"
	case "WebSocketApi":
		list = "AccessLogSettings ApiKeySelectionExpression DefaultRouteSettings DisableExecuteApiEndpoint DisableSchemaValidation Domain " +
			"FailOnWarnings IpAddressType PropagateTags RouteSelectionExpression RouteSettings StageVariables Tags"
	case "CapacityProvider":
		list = "VpcConfig OperatorRole Tags InstanceRequirements ScalingConfig KmsKeyArn PropagateTags"
	case "SimpleTable":
		list = "SSESpecification"
	case "StateMachine":
		list = "PropagateTags"
	case "LayerVersion":
		list = "PublishLambdaVersion"
	default:
		return nil, false
	}
	return strings.Fields(list), true
}

func (t *translator) mergeGlobals() {
	globals := t.root.Get("Globals")
	if t.root.Entry("Globals") != nil {
		t.checkGlobals(globals)
	}
	for i := range t.resources.Entries {
		e := &t.resources.Entries[i]
		if !resourceType(e.Value) {
			continue
		}
		t.at(e.Value)
		props := t.properties(e.Value)
		section := globals.Get(strings.TrimPrefix(e.Value.Get("Type").Str(), "AWS::Serverless::"))
		if section != nil {
			section = t.ignoreGlobals(e.Key, section, e.Value.Get("IgnoreGlobals"))
			t.set(e.Value, "Properties", t.mergeValues(section, props))
		}
	}
	t.del(t.root, "Globals")
	t.openAPIVersions()
}

func (t *translator) checkGlobals(globals *node) {
	if !globals.IsMap() {
		fail("Globals", "Globals must be a map")
	}
	for _, section := range globals.Entries {
		supported, ok := globalProperties(section.Key)
		if !ok {
			fail("Globals", "section %s is not supported", section.Key)
		}
		if !section.Value.IsMap() {
			fail("Globals", "section %s must be a map", section.Key)
		}
		for _, p := range section.Value.Entries {
			if !slices.Contains(supported, p.Key) {
				fail("Globals", "section %s does not take %s", section.Key, p.Key)
			}
		}
	}
}

// ignoreGlobals leaves out the properties that a resource does not want.
func (t *translator) ignoreGlobals(id string, section, ignore *node) *node {
	switch {
	case !truthy(ignore):
		return section
	case ignore.Str() == "*":
		return t.obj()
	case !ignore.IsList():
		fail(id, "IgnoreGlobals must be \"*\" or a list of properties")
	}
	section = t.clone(section)
	for _, item := range ignore.Items {
		if section.Entry(item.Str()) == nil {
			fail(id, "IgnoreGlobals names %s, which Globals does not have", item.Str())
		}
		t.del(section, item.Str())
	}
	return section
}

// mergeValues merges a value of Globals with a resource's own: maps key by
// key, lists one after the other, and of anything else the resource's own.
func (t *translator) mergeValues(global, local *node) *node {
	switch {
	case global.IsMap() && local.IsMap() && !isIntrinsic(global) && !isIntrinsic(local):
		t.spend(len(global.Entries))
		merged := copyMap(global)
		for _, k := range t.keys(local) {
			v := local.Get(k)
			if e := global.Entry(k); e != nil {
				v = t.mergeValues(e.Value, v)
			}
			t.set(merged, k, v)
			if l := local.Entry(k); l != nil {
				e := merged.Entry(k)
				e.Line, e.Column = l.Line, l.Column
			}
		}
		merged.Line, merged.Column = local.Line, local.Column
		return merged
	case global.IsList() && local.IsList():
		t.spend(len(global.Items) + len(local.Items))
		merged := *local
		merged.Items = slices.Concat(global.Items, local.Items)
		return &merged
	}
	return local
}

// openAPIVersions marks the definitions that SAM writes with the version that
// the API asks for.
func (t *translator) openAPIVersions() {
	for _, e := range t.resources.Entries {
		if e.Value.Get("Type").Str() != "AWS::Serverless::Api" {
			continue
		}
		props := e.Value.Get("Properties")
		version := props.Get("OpenApiVersion")
		if version == nil || props.Entry(managed) == nil || !openAPI3(t.text(version)) {
			continue
		}
		if !version.IsString() {
			t.set(props, "OpenApiVersion", t.text(version))
		}
		if body := props.Get("DefinitionBody"); body.IsMap() {
			t.set(body, "openapi", props.Get("OpenApiVersion"))
			t.del(body, "swagger")
		}
	}
}

// openAPI3 reports whether s is a version of OpenAPI 3, such as 3.0.1.
func openAPI3(s string) bool {
	rest, ok := strings.CutPrefix(s, "3")
	return ok && versionParts(rest, 1)
}

// versionParts reports whether s is at least min and at most two times a point
// and a digit.
func versionParts(s string, least int) bool {
	s = strings.TrimSuffix(s, "\n")
	n := 0
	for len(s) >= 2 && s[0] == '.' && s[1] >= '0' && s[1] <= '9' {
		s = s[2:]
		n++
	}
	return s == "" && n >= least && n <= 2
}
