package sam

import "slices"

// deployment is how a new version of a function takes over (CodeDeploy).
type deployment struct {
	function  string
	enabled   bool
	typ       *node
	hooks     *node
	alarms    *node
	role      *node
	triggers  *node
	condition *node
	tags      *node
}

const (
	deployApplication = "ServerlessDeploymentApplication"
	deployRole        = "CodeDeployServiceRole"
	deployCondition   = "ServerlessCodeDeployCondition"
)

// deploymentPreference reads DeploymentPreference and connects the alias with it.
func (f *function) deploymentPreference() {
	p := f.p("DeploymentPreference")
	if !truthy(p) {
		return
	}
	for _, k := range []string{"Enabled", "Type"} {
		if v := p.Get(k); v != nil {
			f.set(p, k, f.resolveMap(f.resolve(v)))
		}
	}
	passthrough := f.passthroughCondition(p)
	f.set(p, "PassthroughCondition", passthrough)
	d := &deployment{function: f.id, enabled: true}
	if e := p.Entry("Enabled"); e != nil {
		d.enabled = truthy(e.Value) && e.Value.Str() != "false" && e.Value.Str() != "False"
	}
	f.deployments = append(f.deployments, d)
	if !d.enabled {
		return
	}
	d.typ, d.hooks, d.alarms, d.role, d.triggers = p.Get("Type"), p.Get("Hooks"), p.Get("Alarms"), p.Get("Role"), p.Get("TriggerConfigurations")
	if d.typ == nil {
		fail(f.id, "DeploymentPreference needs Type")
	}
	if d.hooks != nil {
		expectMap(d.hooks, f.id, "DeploymentPreference.Hooks")
	}
	if passthrough {
		d.condition = get(f.attrs, "Condition")
	}
	if truthy(f.p("PropagateTags")) && truthy(f.p("Tags")) {
		d.tags = f.p("Tags")
	}
	if f.alias == nil {
		fail(f.id, "DeploymentPreference needs AutoPublishAlias")
	}
	f.set(f.alias.attrs, "UpdatePolicy", f.obj("CodeDeployLambdaAliasUpdate", f.obj("ApplicationName", f.ref(deployApplication),
		"DeploymentGroupName", f.ref(f.id+"DeploymentGroup"),
		"BeforeAllowTrafficHook", get(d.hooks, "PreTraffic"), "AfterAllowTrafficHook", get(d.hooks, "PostTraffic"))))
}

func (f *function) passthroughCondition(p *node) bool {
	v := p.Get("PassthroughCondition")
	if v == nil {
		return false
	}
	v = f.resolveMap(f.resolve(v))
	switch {
	case isBool(v):
		return v.True
	case v.Str() == "true" || v.Str() == "True" || isInt(v) && v.Float == 1:
		return true
	case v.Str() == "false" || v.Str() == "False" || isInt(v) && v.Float == 0:
		return false
	}
	fail(f.id, "PassthroughCondition must be a boolean")
	return false
}

// deploy makes the CodeDeploy application, its role and a group per function.
func (t *translator) deploy() {
	enabled := slices.DeleteFunc(slices.Clone(t.deployments), func(d *deployment) bool { return !d.enabled })
	if len(enabled) == 0 {
		return
	}
	t.atResource(enabled[0].function)
	condition := t.deployConditions(enabled)
	var tags *node
	ownRoles := true
	for _, d := range enabled {
		ownRoles = ownRoles && truthy(d.role)
		if d.tags != nil {
			if tags == nil {
				tags = t.obj()
			}
			t.merge(tags, d.tags)
		}
	}
	list := func() *node {
		if tags == nil {
			return nil
		}
		return t.tagList(tags)
	}
	attrs := t.obj("Condition", condition)
	made := []*resource{t.resource(deployApplication, "AWS::CodeDeploy::Application", attrs, "ComputePlatform", "Lambda", "Tags", list())}
	if !ownRoles {
		policy := "service-role/AWSCodeDeployRoleForLambda"
		if t.partition == "aws-iso" || t.partition == "aws-iso-b" {
			policy += "Limited"
		}
		made = append(made, t.resource(deployRole, "AWS::IAM::Role", attrs, "AssumeRolePolicyDocument", t.assumeRole("codedeploy.amazonaws.com"),
			"ManagedPolicyArns", t.list(t.managedPolicy(policy)), "Tags", list()))
	}
	for _, d := range enabled {
		t.atResource(d.function)
		t.try(d.function, func() { made = append(made, t.deploymentGroup(d)) })
	}
	for _, r := range made {
		t.set(t.out, r.id, t.node(r))
	}
}

// atResource makes further nodes at the place of a resource.
func (t *translator) atResource(id string) {
	if e := t.entry(t.resources, id); e != nil {
		t.line, t.column = e.Line, e.Column
	}
}

// deployConditions is the condition under which anything is deployed, nil if always.
func (t *translator) deployConditions(enabled []*deployment) *node {
	var names []string
	for _, d := range enabled {
		if !truthy(d.condition) {
			return nil
		}
		if !slices.Contains(names, d.condition.Str()) {
			names = append(names, d.condition.Str())
		}
	}
	if len(names) == 1 {
		return t.str(names[0])
	}
	slices.Sort(names)
	t.combineConditions(deployCondition, names)
	return t.str(deployCondition)
}

func (t *translator) deploymentGroup(d *deployment) *resource {
	role := d.role
	if !truthy(role) {
		role = t.getAtt(deployRole, "Arn")
	}
	attrs := t.obj()
	if truthy(d.condition) {
		t.set(attrs, "Condition", d.condition)
	}
	r := t.resource(d.function+"DeploymentGroup", "AWS::CodeDeploy::DeploymentGroup", attrs,
		"AlarmConfiguration", t.alarms(d),
		"ApplicationName", t.ref(deployApplication),
		"AutoRollbackConfiguration", t.obj("Enabled", true,
			"Events", []string{"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}),
		"DeploymentConfigName", t.deploymentConfig(t.clone(d.typ), ""),
		"DeploymentStyle", t.obj("DeploymentType", "BLUE_GREEN", "DeploymentOption", "WITH_TRAFFIC_CONTROL"),
		"ServiceRoleArn", role)
	if truthy(d.triggers) {
		t.set(r.props, "TriggerConfigurations", d.triggers)
	}
	if d.tags != nil {
		t.set(r.props, "Tags", t.tagList(d.tags))
	}
	return r
}

func (t *translator) alarms(d *deployment) *node {
	switch {
	case !truthy(d.alarms) || isNoValue(d.alarms):
		return nil
	case isIf(d.alarms):
		c := t.clone(d.alarms)
		args := c.Get("Fn::If")
		if !args.IsList() || len(args.Items) != 3 {
			fail(d.function, "Fn::If takes three values")
		}
		args.Items[1] = t.alarmList(d, args.Items[1])
		args.Items[2] = t.alarmList(d, args.Items[2])
		return c
	}
	return t.alarmList(d, d.alarms)
}

func (t *translator) alarmList(d *deployment, alarms *node) *node {
	if !alarms.IsList() {
		fail(d.function, "Alarms must be a list")
	}
	if len(alarms.Items) == 0 || isNoValue(alarms.Items[0]) {
		return t.obj()
	}
	l := t.list()
	for _, a := range alarms.Items {
		l.Items = append(l.Items, t.obj("Name", a))
	}
	return t.obj("Enabled", true, "Alarms", l)
}

// deploymentConfig turns the names of predefined configurations, such as
// Canary10Percent5Minutes, into those of CodeDeploy.
func (t *translator) deploymentConfig(n *node, function string) *node {
	switch {
	case n.IsList():
		for i := range n.Items {
			n.Items[i] = t.deploymentConfig(n.Items[i], "")
		}
	case isIntrinsic(n):
		n.Entries[0].Value = t.deploymentConfig(n.Entries[0].Value, n.Entries[0].Key)
	case n.IsString() && slices.Contains([]string{"Canary10Percent5Minutes", "Canary10Percent10Minutes", "Canary10Percent15Minutes",
		"Canary10Percent30Minutes", "Linear10PercentEvery1Minute", "Linear10PercentEvery2Minutes", "Linear10PercentEvery3Minutes",
		"Linear10PercentEvery10Minutes", "AllAtOnce"}, n.Text):
		s := t.sub("CodeDeployDefault.Lambda${ConfigName}", "ConfigName", n)
		if function == "Fn::Sub" {
			return s.Get("Fn::Sub")
		}
		return s
	}
	return n
}
