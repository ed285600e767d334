package sam

import (
	"strings"
)

func (f *function) logs(m *macro) []*resource {
	group := m.p("LogGroupName")
	p := f.permission(m.id, "", "logs.amazonaws.com", "SourceArn",
		f.sub("arn:"+f.partition+":logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*", "__LogGroupName__", group))
	s := f.translator.resource(m.id, "AWS::Logs::SubscriptionFilter", f.inherited(), "LogGroupName", group,
		"FilterPattern", m.p("FilterPattern"), "DestinationArn", f.arn(f.target()))
	s.dependsOn = f.list(p.id)
	return []*resource{p, s}
}

func (f *function) iotRule(m *macro) []*resource {
	source := f.sub("arn:"+f.partition+":iot:${AWS::Region}:${AWS::AccountId}:rule/${RuleName}", "RuleName", f.ref(m.id))
	payload := f.obj("Sql", m.p("Sql"), "RuleDisabled", false,
		"Actions", f.list(f.obj("Lambda", f.obj("FunctionArn", f.arn(f.target())))))
	if v := m.p("AwsIotSqlVersion"); truthy(v) {
		f.set(payload, "AwsIotSqlVersion", v)
	}
	return []*resource{
		f.permission(m.id, "", "iot.amazonaws.com", "SourceArn", source, "SourceAccount", f.sub("${AWS::AccountId}")),
		f.translator.resource(m.id, "AWS::IoT::TopicRule", f.inherited(), "TopicRulePayload", payload)}
}

// existing reads a bucket or user pool of the template.
func (t *translator) existing(id, typ, known string, n *node) *resource {
	if n.Get("Type").Str() != typ {
		fail(id, "the resource must be of type %s", typ)
	}
	r := t.resource(id, typ, nil)
	r.dependsOn = n.Get("DependsOn")
	for _, a := range supportedAttributes {
		t.set(r.attrs, a, n.Get(a))
	}
	props := n.Get("Properties")
	for _, e := range props.Entries {
		if !strings.Contains(known, " "+e.Key+" ") {
			fail(id, "property %s of %s is not known to the transform", e.Key, typ)
		}
	}
	r.props = props
	return r
}

func (f *function) bucket(l link) []*resource {
	bucket := f.ownResource(l.other)
	p := f.permission(l.m.id, "", "s3.amazonaws.com", "SourceAccount", f.ref("AWS::AccountId"))
	props := expectMap(f.properties(bucket), l.other, "Properties")
	if c := f.condition(p); c != nil {
		f.conditionalDependency(props, l.other, p.id, c)
	} else {
		f.dependency(l, bucket, p.id)
	}
	f.notify(l, props)
	return []*resource{p, f.existing(l.other, "AWS::S3::Bucket", bucketProperties, bucket)}
}

func (f *function) dependency(l link, bucket *node, id string) {
	d := bucket.Get("DependsOn")
	if d == nil {
		d = f.list()
	}
	d = f.clone(f.asList(d))
	if !listOfStrings(d) {
		fail(l.m.id, "DependsOn must be a string or a list of strings")
	}
	if !contains(d.Items, f.str(id)) {
		d.Items = append(d.Items, f.str(id))
	}
	f.set(bucket, "DependsOn", d)
}

// conditionalDependency makes the bucket depend on a permission that may not
// exist: by a tag, since DependsOn takes no conditions.
func (f *function) conditionalDependency(props *node, bucket, permission string, condition *node) {
	tags := get(props, "Tags")
	if tags == nil {
		tags = f.list()
	}
	if !tags.IsList() {
		fail(bucket, "Tags must be a list")
	}
	l := *tags
	l.Items = append(append([]*node{}, tags.Items...), f.obj("Key", "sam:ConditionalDependsOn:"+permission,
		"Value", f.conditional(condition, f.ref(permission), "no dependency")))
	f.set(props, "Tags", &l)
}

// notify adds the function to the bucket's notifications.
func (f *function) notify(l link, props *node) {
	config := get(props, "NotificationConfiguration")
	if config == nil {
		config = f.obj()
		f.set(props, "NotificationConfiguration", config)
	}
	lambdas := get(expectMap(config, l.other, "NotificationConfiguration"), "LambdaConfigurations")
	if lambdas == nil {
		lambdas = f.list()
		f.set(config, "LambdaConfigurations", lambdas)
	}
	if !lambdas.IsList() {
		fail(l.other, "LambdaConfigurations must be a list")
	}
	for _, event := range f.asList(l.m.p("Events")).Items {
		n := f.obj("Function", f.arn(f.target()), "Filter", l.m.p("Filter"), "Event", event)
		if c := f.condition(f.target()); c != nil {
			n = f.conditional(c, n, nil)
		}
		if !contains(lambdas.Items, n) {
			lambdas.Items = append(lambdas.Items, n)
		}
	}
}

func (f *function) userPool(l link) []*resource {
	pool := f.ownResource(l.other)
	p := f.permission(f.target().id+"Cognito", "", "cognito-idp.amazonaws.com", "SourceArn", f.getAtt(l.other, "Arn"))
	props := get(pool, "Properties")
	if props == nil {
		props = f.obj()
		f.set(pool, "Properties", props)
	}
	config := get(expectMap(props, l.other, "Properties"), "LambdaConfig")
	if config == nil {
		config = f.obj()
		f.set(props, "LambdaConfig", config)
	}
	expectMap(config, l.other, "LambdaConfig")
	for _, trigger := range f.asList(l.m.p("Trigger")).Items {
		if config.Entry(trigger.Text) != nil {
			fail(l.name, "trigger %s is defined twice", trigger.Text)
		}
		f.set(config, trigger.Text, f.arn(f.target()))
	}
	return []*resource{p, f.existing(l.other, "AWS::Cognito::UserPool", userPoolProperties, pool)}
}
