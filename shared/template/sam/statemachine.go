package sam

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

var stateMachineProperties = []prop{{name: "Definition", ok: isMap}, {name: "DefinitionUri", ok: stringOrMap}, {name: "Logging", ok: isMap},
	{name: "Role", ok: isString}, {name: "RolePath"}, {name: "DefinitionSubstitutions", ok: isMap}, {name: "Events", ok: mapOfMaps},
	{name: "Name", ok: isString}, {name: "Type", ok: isString}, {name: "Tags", ok: isMap}, {name: "PropagateTags", ok: isBool},
	{name: "Policies", ok: func(n *node) bool { return n.IsString() || stringsOrMaps(n) }}, {name: "Tracing", ok: isMap},
	{name: "PermissionsBoundary", ok: isString}, {name: "AutoPublishAlias"}, {name: "DeploymentPreference"},
	{name: "UseAliasAsEventTarget", ok: isBool, literal: true}}

// machine is a state machine while it is translated.
type machine struct {
	*translator
	*macro
	states, alias *resource
}

func (t *translator) stateMachine(id string, n *node) []*resource {
	t.expandPolicyTemplates(id, n)
	s := &machine{translator: t, macro: t.macro(id, "AWS::StepFunctions::StateMachine", n, stateMachineProperties)}
	links := t.links(id, s.p("Events"), machineEvents)
	s.states = t.resource(id, s.typ, s.attrs)
	s.states.dependsOn = s.dependsOn
	made := []*resource{s.states}
	s.definition()
	if r := s.executionRole(); r != nil {
		made = append(made, r)
	}
	for from, to := range map[string]string{"Name": "StateMachineName", "Type": "StateMachineType", "Logging": "LoggingConfiguration", "Tracing": "TracingConfiguration"} {
		t.set(s.states.props, to, s.p(from))
	}
	t.set(s.states.props, "Tags", s.tags())
	made = append(made, s.publish()...)
	for _, l := range links {
		made = append(made, s.eventResources(l)...)
	}
	t.propagateTags(made, s.p("Tags"), s.p("PropagateTags"))
	return made
}

func (s *machine) tags() *node {
	l := s.list(s.obj("Key", "stateMachine:createdBy", "Value", "SAM"))
	l.Items = append(l.Items, s.tagList(s.p("Tags")).Items...)
	return l
}

func (s *machine) definition() {
	substitutions := s.p("DefinitionSubstitutions")
	if truthy(substitutions) {
		s.set(s.states.props, "DefinitionSubstitutions", substitutions)
	}
	def, uri := s.p("Definition"), s.p("DefinitionUri")
	switch {
	case truthy(def) && truthy(uri), !truthy(def) && !truthy(uri):
		fail(s.id, "either Definition or DefinitionUri is required")
	case truthy(uri):
		s.set(s.states.props, "DefinitionS3Location", s.s3Location(s.id, uri, "DefinitionUri", [3]string{"Bucket", "Key", "Version"}))
		return
	}
	def = s.clone(def)
	found := s.obj()
	s.extract(def, found)
	if len(found.Entries) > 0 {
		if truthy(substitutions) {
			s.merge(substitutions, found)
		} else {
			s.set(s.states.props, "DefinitionSubstitutions", found)
		}
	}
	j := jsonWriter{itemSep: ",", keySep: ": ", indent: "    ", sorted: true}
	j.write(def, 0)
	s.set(s.states.props, "DefinitionString", s.obj("Fn::Join", s.list("\n", strings.Split(j.String(), "\n"))))
}

var dynamicReference = regexp.MustCompile(`^\{\{resolve:([a-z-]+):(.+)\}\}`)

// extract moves function calls and dynamic references out of a definition:
// what stays is a text, into which CloudFormation puts their values.
func (s *machine) extract(n, found *node) {
	substitute := func(v *node) *node {
		if !isIntrinsic(v) && !(dynamicReference.MatchString(v.Str()) && strings.HasSuffix(strings.TrimSuffix(v.Str(), "\n"), "}}")) {
			s.extract(v, found)
			return v
		}
		name := "definition_substitution_" + strconv.Itoa(len(found.Entries)+1)
		s.set(found, name, v)
		return s.str("${" + name + "}")
	}
	if n.Kind == template.Map {
		for _, e := range sortedKeys(n) {
			n.Entry(e.Key).Value = substitute(e.Value)
		}
	}
	for i := range n.Items {
		n.Items[i] = substitute(n.Items[i])
	}
}

func (s *machine) executionRole() *resource {
	given, policies := s.p("Role"), s.p("Policies")
	if truthy(given) {
		if truthy(policies) {
			fail(s.id, "Role and Policies exclude each other")
		}
		s.set(s.states.props, "RoleArn", given)
		return nil
	}
	all := s.list()
	all.Items = append(all.Items, s.policyEntries(policies)...)
	if isTrue(s.p("Tracing").Get("Enabled")) {
		all.Items = append(all.Items, s.str(s.xrayPolicy()))
	}
	r := s.translator.role(role{id: s.id, attrs: s.passthrough(s.attrs), trust: s.assumeRole("states.amazonaws.com"), policies: all,
		path: s.p("RolePath"), boundary: s.p("PermissionsBoundary"), tags: s.tags()})
	s.set(s.states.props, "RoleArn", s.getAtt(r.id, "Arn"))
	return r
}

// publish makes the version and the alias of a state machine.
func (s *machine) publish() []*resource {
	alias, preference := s.p("AutoPublishAlias"), s.p("DeploymentPreference")
	if !truthy(alias) {
		if truthy(s.p("UseAliasAsEventTarget")) || truthy(preference) {
			fail(s.id, "UseAliasAsEventTarget and DeploymentPreference need AutoPublishAlias")
		}
		return nil
	}
	attrs := s.passthrough(s.attrs)
	for _, k := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		if attrs.Get(k) == nil {
			s.set(attrs, k, "Retain")
		}
	}
	v := s.translator.resource(s.id+"Version", "AWS::StepFunctions::StateMachineVersion", attrs, "StateMachineArn", s.ref(s.id),
		"StateMachineRevisionId", s.getAtt(s.id, "StateMachineRevisionId"))
	if !truthy(preference) {
		preference = s.obj("Type", "ALL_AT_ONCE")
	}
	s.set(expectMap(preference, s.id, "DeploymentPreference"), "StateMachineVersionArn", s.ref(v.id))
	s.alias = s.translator.resource(s.id+"Alias"+s.text(alias), "AWS::StepFunctions::StateMachineAlias", s.passthrough(s.attrs),
		"Name", alias, "DeploymentPreference", preference)
	return []*resource{v, s.alias}
}

var (
	machineScheduleProperties = append([]prop{{name: "Target", ok: isMap, literal: true}, {name: "RoleArn", ok: isString, literal: true}},
		slices.DeleteFunc(slices.Clone(scheduleProperties), func(p prop) bool { return p.name == "RuleName" })...)
	machineRuleProperties = []prop{{name: "EventBusName", ok: isString}, {name: "RuleName", ok: isString}, {name: "Pattern", ok: isMap},
		{name: "Input", ok: isString}, {name: "InputPath", ok: isString}, {name: "DeadLetterConfig", ok: isMap}, {name: "RetryPolicy", ok: isMap},
		{name: "State", ok: isString}, {name: "Target", ok: isMap, literal: true}, {name: "InputTransformer", ok: isMap}}
	machineAPIProperties = []prop{{name: "Path", required: true, ok: isString}, {name: "Method", required: true, ok: isString},
		{name: "RestApiId", required: true, ok: isString}, {name: "Stage", ok: isString}, {name: "Auth", ok: isMap},
		{name: "UnescapeMappingTemplate", ok: isBool, literal: true}}
)

func machineEvents(typ string) []prop {
	switch typ {
	case "Schedule":
		return machineScheduleProperties
	case "CloudWatchEvent", "EventBridgeRule":
		return machineRuleProperties
	case "Api":
		return machineAPIProperties
	case "ScheduleV2":
		return schedulerProperties
	}
	return nil
}

// target is what events start.
func (s *machine) target() *resource {
	if s.alias != nil && truthy(s.p("UseAliasAsEventTarget")) {
		return s.alias
	}
	return s.states
}

func (s *machine) eventResources(l link) []*resource {
	switch l.m.typ {
	case "ScheduleV2":
		return s.scheduler(l.m, s.target(), false)
	case "Api":
		return s.restEvent(l)
	}
	return s.rule(l.m)
}

// startRole lets a service start executions.
func (s *machine) startRole(m *macro, service string) *resource {
	id := m.id + "Role"
	r := s.translator.resource(id, "AWS::IAM::Role", s.passthrough(s.target().attrs), "AssumeRolePolicyDocument", s.assumeRole(service),
		"Policies", s.list(s.allow(id+"StartExecutionPolicy", "states:StartExecution", s.arn(s.target()))))
	if b := s.p("PermissionsBoundary"); truthy(b) {
		s.set(r.props, "PermissionsBoundary", b)
	}
	return r
}

func (s *machine) rule(m *macro) []*resource {
	attrs := s.passthrough(s.target().attrs)
	r := s.translator.resource(m.id, "AWS::Events::Rule", attrs, "State", s.ruleState(m))
	for from, to := range map[string]string{"Schedule": "ScheduleExpression", "Name": "Name", "Description": "Description",
		"EventBusName": "EventBusName", "Pattern": "EventPattern", "RuleName": "Name"} {
		s.set(r.props, to, m.p(from))
	}
	made := []*resource{r}
	role := m.p("RoleArn")
	if role == nil {
		x := s.startRole(m, "events.amazonaws.com")
		made = append(made, x)
		role = s.getAtt(x.id, "Arn")
	}
	queue, letters := s.deadLetters(m, s.getAtt(r.id, "Arn"), attrs)
	s.set(r.props, "Targets", s.list(s.ruleTarget(m, s.arn(s.target()), role, queue, "StepFunctionsTarget")))
	return append(made, letters...)
}

func (s *machine) restEvent(l link) []*resource {
	m := l.m
	if !m.p("Path").IsString() || !m.p("Method").IsString() {
		crash("Path and Method must be strings")
	}
	role := s.startRole(m, "apigateway.amazonaws.com")
	body := l.apiProps.Get("DefinitionBody")
	if !truthy(l.apiProps.Get(managed)) || isNull(body) {
		return []*resource{role}
	}
	e := &apiEvent{translator: s.translator, l: l, path: m.p("Path").Text, method: strings.ToLower(m.p("Method").Text)}
	d := s.open(body, false)
	if d.hasIntegration(e.path, e.method) {
		fail(l.name, "%s of %s is defined twice", e.method, e.path)
	}
	name := "${" + s.target().id + "}"
	request := `{"input": "$util.escapeJavaScript($input.json('$'))", "stateMachineArn": "` + name + `"}`
	if truthy(m.p("UnescapeMappingTemplate")) {
		request = `{"input": "$util.escapeJavaScript($input.json('$')).replaceAll("\\'","'")", "stateMachineArn": "` + name + `"}`
	}
	e.l.stage = "" // events of state machines have no stage in resource policies
	d.addStateMachine(e.path, e.method, s.getAtt(role.id, "Arn"), s.obj("application/json", s.sub(request)), s.condition(s.target()))
	if auth := m.p("Auth"); truthy(auth) {
		e.addAuth(d, auth)
	}
	s.set(l.apiProps, "DefinitionBody", d.close())
	return []*resource{role}
}
