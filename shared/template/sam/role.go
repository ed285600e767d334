package sam

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// role is what an execution role is made of.
type role struct {
	id       string // of the resource that gets the role
	attrs    *node
	trust    *node
	managed  []*node // managed policies
	inline   []*node
	policies *node // property Policies
	path     *node
	boundary *node
	tags     *node
}

func (t *translator) managedPolicy(name string) *node {
	return t.str("arn:" + t.partition + ":iam::aws:policy/" + name)
}

// assumeRole lets a service assume a role.
func (t *translator) assumeRole(service string) *node {
	return t.obj("Version", "2012-10-17", "Statement", t.list(
		t.obj("Action", []string{"sts:AssumeRole"}, "Effect", "Allow", "Principal", t.obj("Service", []string{service}))))
}

// allow is an inline policy with one statement.
func (t *translator) allow(name, action string, on any) *node {
	return t.obj("PolicyName", name, "PolicyDocument", t.obj("Statement", t.list(
		t.obj("Action", action, "Effect", "Allow", "Resource", t.orNull(t.value(on))))))
}

func (t *translator) role(r role) *resource {
	out := t.resource(r.id+"Role", "AWS::IAM::Role", r.attrs, "AssumeRolePolicyDocument", r.trust)
	for i, p := range t.policyEntries(r.policies) {
		switch kind := t.policyKind(p); kind {
		case statementPolicy:
			r.inline = append(r.inline, t.inlinePolicy(out.id+"Policy"+t.int(i).Text, p))
		case managedPolicy:
			if arn := t.policyARN(p); !contains(r.managed, arn) {
				r.managed = append(r.managed, arn)
			}
		default:
			fail(r.id, "policy %d is not valid", i)
		}
	}
	t.set(out.props, "ManagedPolicyArns", append([]*node{}, r.managed...))
	if len(r.inline) > 0 {
		t.set(out.props, "Policies", r.inline)
	}
	t.set(out.props, "Path", r.path)
	t.set(out.props, "PermissionsBoundary", r.boundary)
	t.set(out.props, "Tags", r.tags)
	return out
}

func (t *translator) inlinePolicy(name string, p *node) *node {
	wrap := func(n *node) *node { return t.obj("PolicyName", name, "PolicyDocument", n) }
	if isIf(p) {
		return t.mapBranches(p, wrap)
	}
	return wrap(p)
}

// mapBranches replaces both values of Fn::If except AWS::NoValue.
func (t *translator) mapBranches(p *node, f func(*node) *node) *node {
	args := p.Get("Fn::If")
	for i := 1; i <= 2; i++ {
		if !isNoValue(args.Items[i]) {
			args.Items[i] = f(args.Items[i])
		}
	}
	return p
}

func (t *translator) policyARN(p *node) *node {
	convert := func(n *node) *node {
		if n.IsString() {
			return t.str(managedPolicyARN(t.partition, n.Text))
		}
		return n
	}
	if isIf(p) {
		return t.mapBranches(p, convert)
	}
	return convert(p)
}

func (t *translator) policyEntries(policies *node) []*node {
	switch {
	case !truthy(policies):
		return nil
	case policies.IsList():
		return policies.Items
	}
	return []*node{policies}
}

type policyKind int

const (
	unknownPolicy policyKind = iota
	managedPolicy
	statementPolicy
	templatePolicy
)

func (t *translator) policyKind(p *node) policyKind {
	e, one := single(p)
	switch {
	case p.IsString():
		return managedPolicy
	case isIf(p):
		return t.branchKind(p.Get("Fn::If"))
	case isIntrinsic(p):
		return managedPolicy
	case p.IsMap() && p.Entry("Statement") != nil:
		return statementPolicy
	case one && sharedLibrary().templates[e.Key] != nil:
		return templatePolicy
	}
	return unknownPolicy
}

func (t *translator) branchKind(args *node) policyKind {
	if !args.IsList() || len(args.Items) != 3 {
		crash("Fn::If takes three values")
	}
	then, otherwise := t.policyKind(args.Items[1]), t.policyKind(args.Items[2])
	switch {
	case then == otherwise || isNoValue(args.Items[2]):
		return then
	case isNoValue(args.Items[1]):
		return otherwise
	}
	crash("Fn::If with policies of different kinds")
	return unknownPolicy
}

// expandPolicyTemplates replaces SAM's policy templates by policies.
func (t *translator) expandPolicyTemplates(id string, n *node) {
	props := n.Get("Properties")
	entries := t.policyEntries(props.Get("Policies"))
	if len(entries) == 0 {
		return
	}
	out := t.list()
	for _, p := range entries {
		if t.policyKind(p) == templatePolicy {
			if isIf(p) {
				args := p.Get("Fn::If")
				branches := []*node{args.Items[0], args.Items[1], args.Items[2]}
				for i := 1; i <= 2; i++ {
					if !isNoValue(branches[i]) {
						branches[i] = t.policyTemplate(id, branches[i])
					}
				}
				p = t.obj("Fn::If", branches)
			} else {
				p = t.policyTemplate(id, p)
			}
		}
		out.Items = append(out.Items, p)
	}
	t.set(props, "Policies", out)
}

// policyTemplate fills a policy template, {Name: {Parameter: value}}.
func (t *translator) policyTemplate(id string, p *node) *node {
	e, _ := single(p)
	def := sharedLibrary().templates[e.Key]
	if def == nil || !e.Value.IsMap() {
		fail(id, "policy template %s needs its parameters", e.Key)
	}
	for _, name := range def.parameters {
		if e.Value.Entry(name) == nil {
			fail(id, "policy template %s needs the parameter %s", e.Key, name)
		}
	}
	return t.fill(def.definition, func(name string) *node {
		if v := e.Value.Entry(name); v != nil && def.has(name) {
			return t.resolvedArgument(v.Value)
		}
		return nil
	})
}

// resolvedArgument is the value of a parameter of a policy template.
func (t *translator) resolvedArgument(n *node) *node {
	if strings.HasPrefix(n.Str(), "{{IntrinsicFunction:") {
		return nil
	}
	return n
}

// fill copies a definition and puts values in the place of Ref.
func (t *translator) fill(n *node, value func(string) *node) *node {
	if e, ok := single(n); ok && e.Key == "Ref" {
		if v := value(e.Value.Str()); v != nil {
			return v
		}
	}
	c := *n
	c.Line, c.Column = t.line, t.column
	c.Entries, c.Items = nil, nil
	for _, e := range n.Entries {
		c.Entries = append(c.Entries, template.Entry{Key: e.Key, Line: t.line, Column: t.column, Value: t.fill(e.Value, value)})
	}
	for _, i := range n.Items {
		c.Items = append(c.Items, t.fill(i, value))
	}
	return &c
}

// executionRole is the role that a function gets unless it brings its own.
func (f *function) executionRole(more []*node) *resource {
	r := role{id: f.id, attrs: f.passthrough(f.attrs), trust: f.p("AssumeRolePolicyDocument"), policies: f.p("Policies"),
		path: f.p("RolePath"), boundary: f.p("PermissionsBoundary"), tags: f.samTags(f.id, f.p("Tags"), nil)}
	if r.trust == nil {
		r.trust = f.assumeRole("lambda.amazonaws.com")
	}
	basic := "service-role/AWSLambdaBasicExecutionRole"
	if truthy(f.p("DurableConfig")) {
		basic = "service-role/AWSLambdaBasicDurableExecutionRolePolicy"
	}
	r.managed = append(r.managed, f.managedPolicy(basic))
	if f.tracing() {
		r.managed = append(r.managed, f.managedPolicy(f.xrayPolicy()))
	}
	if truthy(f.p("VpcConfig")) {
		r.managed = append(r.managed, f.managedPolicy("service-role/AWSLambdaVPCAccessExecutionRole"))
	}
	if q := f.p("DeadLetterQueue"); truthy(q) {
		action := map[string]string{"SQS": "sqs:SendMessage", "SNS": "sns:Publish"}[q.Get("Type").Str()]
		r.inline = append(r.inline, f.obj("PolicyName", "DeadLetterQueuePolicy", "PolicyDocument", f.obj("Version", "2012-10-17",
			"Statement", f.list(f.obj("Action", action, "Resource", q.Get("TargetArn"), "Effect", "Allow")))))
	}
	r.inline = append(r.inline, more...)
	return f.translator.role(r)
}

func (t *translator) xrayPolicy() string {
	if t.partition == "aws" {
		return "AWSXrayWriteOnlyAccess"
	}
	return "AWSXRayDaemonWriteAccess"
}

// attachRole sets the role of a function and reports whether the generated one
// is used.
func (f *function) attachRole() bool {
	given := f.lambda.props.Get("Role")
	arn := f.getAtt(f.role.id, "Arn")
	switch {
	case isNull(given):
		f.set(f.lambda.props, "Role", arn)
		return true
	case !isIf(given):
		return false
	}
	args := f.resolve(given).Get("Fn::If")
	if !args.IsList() || len(args.Items) != 3 {
		fail(f.id, "Fn::If takes three values")
	}
	condition, then, otherwise := args.Items[0], args.Items[1], args.Items[2]
	switch {
	case isNoValue(then) && isNoValue(otherwise):
		f.set(f.lambda.props, "Role", arn)
	case isNoValue(then):
		f.set(f.lambda.props, "Role", f.conditional(condition, arn, otherwise))
		f.set(f.role.attrs, "Condition", condition)
	case isNoValue(otherwise):
		f.set(f.lambda.props, "Role", f.conditional(condition, then, arn))
		not := "NOT" + f.text(condition)
		f.set(f.role.attrs, "Condition", not)
		f.addCondition(not, f.obj("Fn::Not", f.list(f.obj("Condition", condition))))
	default:
		return false
	}
	return true
}

// addCondition adds a condition to the template.
func (t *translator) addCondition(name string, n *node) {
	if t.conditions == nil {
		crash("the template has no section Conditions")
	}
	t.set(t.conditions, name, n)
}
