package sam

import "strings"

var simpleTableProperties = []prop{{name: "PointInTimeRecoverySpecification"}, {name: "PrimaryKey", ok: mapOfStrings},
	{name: "ProvisionedThroughput", ok: mapOfNumbers}, {name: "TableName", ok: stringOrMap}, {name: "Tags", ok: isMap},
	{name: "SSESpecification", ok: isMap}}

func (t *translator) simpleTable(id string, n *node) []*resource {
	m := t.macro(id, "AWS::DynamoDB::Table", n, simpleTableProperties)
	name, typ := t.str("id"), "S"
	if key := m.p("PrimaryKey"); truthy(key) {
		name = get(key, "Name")
		typ = map[string]string{"String": "S", "Number": "N", "Binary": "B"}[key.Get("Type").Str()]
		if name == nil || typ == "" {
			fail(id, "PrimaryKey needs Name and Type (String, Number or Binary)")
		}
	}
	r := t.resource(id, m.typ, m.attrs,
		"AttributeDefinitions", t.list(t.obj("AttributeName", name, "AttributeType", typ)),
		"KeySchema", t.list(t.obj("AttributeName", name, "KeyType", "HASH")))
	r.dependsOn = m.dependsOn
	for _, k := range []string{"PointInTimeRecoverySpecification", "ProvisionedThroughput", "SSESpecification", "TableName"} {
		if v := m.p(k); truthy(v) {
			t.set(r.props, k, v)
			m.position(r, k)
		}
	}
	if r.props.Get("ProvisionedThroughput") == nil {
		t.set(r.props, "BillingMode", "PAY_PER_REQUEST")
	}
	if tags := m.p("Tags"); truthy(tags) {
		t.set(r.props, "Tags", t.tagList(tags))
	}
	return []*resource{r}
}

var applicationProperties = []prop{{name: "Location", required: true, ok: stringOrMap}, {name: "TemplateUrl", ok: isString},
	{name: "Parameters", ok: isMap}, {name: "NotificationARNs", ok: stringsOrMaps}, {name: "Tags", ok: isMap}, {name: "TimeoutInMinutes", ok: isInt}}

// application makes a nested stack. Applications of the repository were
// replaced by an object in S3 before (see prepare).
func (t *translator) application(id string, n *node) []*resource {
	props := n.Get("Properties")
	location := props.Entry("Location")
	if location == nil || location.Value.IsMap() {
		fail(id, "Location must name a template or an application")
	}
	t.set(props, "TemplateUrl", location.Value)
	m := t.macro(id, "AWS::CloudFormation::Stack", n, applicationProperties)
	url := t.str("")
	if v := m.p("TemplateUrl"); truthy(v) {
		url = v
	}
	r := t.resource(id, m.typ, t.passthrough(m.attrs), "Parameters", m.p("Parameters"), "NotificationARNs", m.p("NotificationARNs"),
		"Tags", t.samTags(id, m.p("Tags"), nil), "TimeoutInMinutes", m.p("TimeoutInMinutes"), "TemplateURL", url)
	r.dependsOn = m.dependsOn
	return []*resource{r}
}

var layerProperties = []prop{{name: "LayerName", ok: stringOrMap}, {name: "Description", ok: isString}, {name: "PublishLambdaVersion", ok: isBool},
	{name: "ContentUri", required: true, ok: stringOrMap}, {name: "CompatibleArchitectures", ok: stringsOrMaps},
	{name: "CompatibleRuntimes", ok: stringsOrMaps}, {name: "LicenseInfo", ok: isString}, {name: "RetentionPolicy", ok: isString}}

// layer makes a layer version, whose logical id depends on its properties, so
// that a change makes another version.
func (t *translator) layer(id string, n *node) []*resource {
	m := t.macro(id, "AWS::Serverless::LayerVersion", n, layerProperties)
	for _, k := range []string{"LayerName", "LicenseInfo", "Description", "RetentionPolicy"} {
		v := m.p(k)
		if !truthy(v) {
			continue
		}
		if v = t.resolve(v); !v.IsString() && !v.IsMap() {
			fail(id, "%s must be a string", k)
		}
		t.set(m.props, k, v)
	}
	attrs := t.passthrough(m.attrs)
	if attrs.Get("DeletionPolicy") == nil {
		t.set(attrs, "DeletionPolicy", "Retain")
	}
	if policy := m.p("RetentionPolicy"); policy != nil {
		switch strings.ToLower(policy.Str()) {
		case "retain":
			t.set(attrs, "DeletionPolicy", "Retain")
		case "delete":
			t.set(attrs, "DeletionPolicy", "Delete")
		default:
			fail(id, "RetentionPolicy must be Retain or Delete")
		}
	}
	t.check(id, m.props, layerProperties)
	r := t.resource(id+hashID(t.layerData(m)), "AWS::Lambda::LayerVersion", attrs, "LayerName", truthyOr(m.props, "LayerName", t.str(id)))
	r.dependsOn = m.dependsOn
	t.set(r.props, "Content", t.code(r.id, m.p("ContentUri"), "ContentUri"))
	for _, k := range []string{"Description", "CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo"} {
		t.set(r.props, k, m.p(k))
		m.position(r, k)
	}
	if a := m.p("CompatibleArchitectures"); a.IsList() {
		for _, i := range a.Items {
			if !isIntrinsic(i) && i.Str() != "arm64" && i.Str() != "x86_64" {
				fail(id, "CompatibleArchitectures must be a list of arm64 and x86_64")
			}
		}
	}
	return []*resource{r}
}

func (t *translator) layerData(m *macro) string {
	n := t.obj("Type", m.typ)
	if truthy(m.dependsOn) {
		t.set(n, "DependsOn", m.dependsOn)
	}
	t.set(n, "Condition", m.attrs.Get("Condition"))
	t.set(n, "UpdatePolicy", m.attrs.Get("UpdatePolicy"))
	t.set(n, "Properties", withoutNulls(m.props))
	return hashData(t.obj(m.id, n))
}

var capacityProviderProperties = []prop{{name: "CapacityProviderName", ok: stringOrMap}, {name: "VpcConfig", required: true, ok: isMap},
	{name: "OperatorRole", ok: stringOrMap}, {name: "Tags", ok: isMap}, {name: "PropagateTags", ok: isBool, literal: true},
	{name: "InstanceRequirements", ok: isMap}, {name: "ScalingConfig", ok: isMap}, {name: "KmsKeyArn", ok: stringOrMap}}

// capacityProvider makes a capacity provider and, unless given, its role.
func (t *translator) capacityProvider(id string, n *node) []*resource {
	m := t.macro(id, "AWS::Lambda::CapacityProvider", n, capacityProviderProperties)
	t.checkCapacity(m)
	sam := t.obj("Key", "lambda:createdBy", "Value", "SAM")
	var made []*resource
	role := m.p("OperatorRole")
	if !truthy(role) {
		x := t.role(operatorRole(id, t, m, sam))
		x.id = id + "OperatorRole"
		made = append(made, x)
		role = t.getAtt(x.id, "Arn")
	}
	vpc := m.p("VpcConfig")
	tags := t.tagList(m.p("Tags"))
	tags.Items = append(tags.Items, sam)
	r := t.resource(id, m.typ, m.attrs, "CapacityProviderName", truthyOr(m.props, "CapacityProviderName", nil),
		"VpcConfig", t.obj("SubnetIds", vpc.Get("SubnetIds"), "SecurityGroupIds", get(vpc, "SecurityGroupIds")),
		"PermissionsConfig", t.obj("CapacityProviderOperatorRoleArn", role), "Tags", tags, "KmsKeyArn", truthyOr(m.props, "KmsKeyArn", nil))
	r.dependsOn = m.dependsOn
	if q := m.p("InstanceRequirements"); truthy(q) {
		t.set(r.props, "InstanceRequirements", t.obj("Architectures", get(q, "Architectures"),
			"AllowedInstanceTypes", get(q, "AllowedTypes"), "ExcludedInstanceTypes", get(q, "ExcludedTypes")))
	}
	if s := m.p("ScalingConfig"); truthy(s) {
		scaling := t.obj("MaxVCpuCount", get(s, "MaxVCpuCount"), "ScalingMode", "Auto")
		if use := get(s, "AverageCPUUtilization"); use != nil {
			t.set(scaling, "ScalingMode", "Manual")
			t.set(scaling, "ScalingPolicies", t.list(t.obj("PredefinedMetricType", "LambdaCapacityProviderAverageCPUUtilization", "TargetValue", use)))
		}
		t.set(r.props, "CapacityProviderScalingConfig", scaling)
	}
	made = append(made, r)
	if truthy(m.p("PropagateTags")) && truthy(m.p("Tags")) {
		for _, x := range made {
			t.combineTags(x, m.p("Tags"))
		}
	}
	return made
}

func operatorRole(id string, t *translator, m *macro, tag *node) role {
	return role{id: id, attrs: t.passthrough(m.attrs), trust: t.assumeRole("lambda.amazonaws.com"), tags: t.list(tag),
		managed: []*node{t.managedPolicy("AWSLambdaManagedEC2ResourceOperator")}}
}

// combineTags adds tags to those of a resource; of the same key the last counts.
func (t *translator) combineTags(r *resource, tags *node) {
	all := t.obj()
	for _, l := range []*node{r.props.Get("Tags"), t.tagList(tags)} {
		for _, tag := range l.Items {
			t.set(all, t.text(tag.Get("Key")), tag.Get("Value"))
		}
	}
	t.set(r.props, "Tags", t.tagList(all))
}

func (t *translator) checkCapacity(m *macro) {
	vpc := m.p("VpcConfig")
	knownKeys(m.id, vpc, "VpcConfig", "SubnetIds", "SecurityGroupIds")
	if ids := vpc.Get("SubnetIds"); !ids.IsMap() && !eachItem(ids, func(n *node) bool { return !isNull(n) && !n.IsList() }) {
		fail(m.id, "VpcConfig needs SubnetIds")
	}
	if q := m.p("InstanceRequirements"); q != nil {
		knownKeys(m.id, q, "InstanceRequirements", "Architectures", "AllowedTypes", "ExcludedTypes")
		if get(q, "AllowedTypes") != nil && get(q, "ExcludedTypes") != nil {
			fail(m.id, "AllowedTypes and ExcludedTypes exclude each other")
		}
	}
	if s := m.p("ScalingConfig"); s != nil {
		knownKeys(m.id, s, "ScalingConfig", "MaxVCpuCount", "AverageCPUUtilization")
		for _, e := range s.Entries {
			if e.Value.IsString() && strings.Trim(e.Value.Text, "0123456789.") != "" {
				fail(m.id, "ScalingConfig.%s must be a number", e.Key)
			}
		}
	}
}
