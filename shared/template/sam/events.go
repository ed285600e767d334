package sam

import (
	"regexp"
)

// link is an event of a function or state machine, and what it is connected with.
type link struct {
	name     string
	node     *node
	m        *macro
	api      string // logical id of the API
	apiProps *node
	stage    string
	other    string // logical id of the bucket or user pool
}

// links reads the events of a resource.
func (t *translator) links(id string, events *node, properties func(string) []prop) []link {
	if !truthy(events) {
		return nil
	}
	var out []link
	for _, e := range expectMap(events, id, "Events").Entries {
		if !e.Value.IsMap() {
			fail(e.Key, "an event must be an object")
		}
		typ := e.Value.Get("Type").Str()
		p := properties(typ)
		if p == nil {
			fail(e.Key, "event source %q is unknown", typ)
		}
		l := link{name: e.Key, node: e.Value, m: t.macro(id+e.Key, typ, e.Value, p)}
		l.m.relative = e.Key
		t.connect(&l)
		out = append(out, l)
	}
	return out
}

// connect finds the resource of the template that an event belongs to.
func (t *translator) connect(l *link) {
	switch l.m.typ {
	case "Api":
		t.connectREST(l)
	case "HttpApi":
		l.api, _ = refID(l.m.p("ApiId"))
		api := t.ownResource(l.api)
		if api == nil {
			fail(l.name, "ApiId must refer to an API of the template")
		}
		l.apiProps = t.properties(api)
	case "S3":
		l.other = t.connectOther(l.m.p("Bucket"), l.name, "S3 bucket")
	case "Cognito":
		l.other = t.connectOther(l.m.p("UserPool"), l.name, "user pool")
	}
}

func (t *translator) connectREST(l *link) {
	id, ok := refID(l.m.p("RestApiId"))
	if !ok {
		fail(l.name, "RestApiId must refer to an API of the template")
	}
	api := t.ownResource(id)
	if api == nil {
		fail(l.name, "RestApiId must refer to an API of the template")
	}
	l.api, l.apiProps, l.stage = id, expectMap(t.properties(api), id, "Properties"), "Stage"
	if s := l.apiProps.Get("StageName"); s.IsString() {
		if s.Text == "" {
			fail(id, "StageName must not be empty")
		}
		l.stage = s.Text
	}
}

func (t *translator) connectOther(reference *node, event, what string) string {
	id := reference.Get("Ref").Str()
	if !reference.IsMap() || t.lookup(t.resources, id) == nil {
		fail(event, "the event must refer to a %s of the template", what)
	}
	return id
}

var (
	scheduleProperties = []prop{{name: "Schedule", required: true, ok: isString}, {name: "RuleName", ok: isString}, {name: "Input", ok: isString},
		{name: "Enabled", ok: isBool}, {name: "State", ok: isString}, {name: "Name", ok: isString}, {name: "Description", ok: isString},
		{name: "DeadLetterConfig", ok: isMap}, {name: "RetryPolicy", ok: isMap}}
	ruleProperties = []prop{{name: "EventBusName", ok: isString}, {name: "RuleName", ok: isString}, {name: "Pattern", ok: isMap},
		{name: "DeadLetterConfig", ok: isMap}, {name: "RetryPolicy", ok: isMap}, {name: "Input", ok: isString}, {name: "InputPath", ok: isString},
		{name: "Target", ok: isMap}, {name: "Enabled", ok: isBool}, {name: "State", ok: isString}, {name: "InputTransformer", ok: isMap}}
	apiEventProperties = []prop{{name: "Path", required: true, ok: isString}, {name: "Method", required: true, ok: isString},
		{name: "RestApiId", required: true, ok: isString}, {name: "Stage", ok: isString}, {name: "Auth", ok: isMap},
		{name: "RequestModel", ok: isMap}, {name: "RequestParameters", ok: isList}, {name: "TimeoutInMillis", ok: isInt},
		{name: "ResponseTransferMode", ok: isString}}
	httpEventProperties = []prop{{name: "Path", ok: isString}, {name: "Method", ok: isString}, {name: "ApiId", ok: isString},
		{name: "Stage", ok: isString}, {name: "Auth", ok: isMap}, {name: "TimeoutInMillis", ok: isInt}, {name: "RouteSettings", ok: isMap},
		{name: "PayloadFormatVersion", ok: isString}}
	snsProperties = []prop{{name: "Topic", required: true, ok: isString}, {name: "Region", ok: isString}, {name: "FilterPolicy"},
		{name: "FilterPolicyScope"}, {name: "SqsSubscription", ok: boolOrMap}, {name: "RedrivePolicy", ok: isMap}}
	s3Properties = []prop{{name: "Bucket", required: true, ok: isString}, {name: "Events", required: true, ok: stringOrStrings, literal: true},
		{name: "Filter", ok: mapOfStrings}}
	cognitoProperties = []prop{{name: "UserPool", required: true, ok: isString}, {name: "Trigger", required: true, ok: stringOrStrings, literal: true}}
	logsProperties    = []prop{{name: "LogGroupName", required: true, ok: isString}, {name: "FilterPattern", required: true, ok: isString}}
	iotProperties     = []prop{{name: "Sql", required: true, ok: isString}, {name: "AwsIotSqlVersion", ok: isString}}
	alexaProperties   = []prop{{name: "SkillId", ok: isString}}
)

func functionEvents(typ string) []prop {
	switch typ {
	case "Schedule":
		return scheduleProperties
	case "ScheduleV2":
		return schedulerProperties
	case "CloudWatchEvent", "EventBridgeRule":
		return ruleProperties
	case "Api":
		return apiEventProperties
	case "HttpApi":
		return httpEventProperties
	case "SNS":
		return snsProperties
	case "S3":
		return s3Properties
	case "Cognito":
		return cognitoProperties
	case "CloudWatchLogs":
		return logsProperties
	case "IoTRule":
		return iotProperties
	case "AlexaSkill":
		return alexaProperties
	}
	return pullProperties(typ)
}

// eventResources makes what an event of a function stands for.
func (f *function) eventResources(l link) []*resource {
	switch l.m.typ {
	case "Schedule":
		return f.schedule(l.m)
	case "ScheduleV2":
		return f.scheduler(l.m, f.target(), true)
	case "CloudWatchEvent", "EventBridgeRule":
		return f.rule(l.m)
	case "Api":
		return f.restEvent(l)
	case "HttpApi":
		return f.httpEvent(l)
	case "SNS":
		return f.topic(l.m)
	case "S3":
		return f.bucket(l)
	case "Cognito":
		return f.userPool(l)
	case "CloudWatchLogs":
		return f.logs(l.m)
	case "IoTRule":
		return f.iotRule(l.m)
	case "AlexaSkill":
		return []*resource{f.permission(l.m.id, "", "alexa-appkit.amazon.com", "EventSourceToken", l.m.p("SkillId"))}
	}
	return f.pull(l.m, f.role)
}

// permission lets a service call the function.
func (f *function) permission(prefix, suffix, principal string, more ...any) *resource {
	id := prefix + "Permission"
	if alnum(suffix) {
		id += suffix
	} else {
		id += hashID(suffix)
	}
	r := f.translator.resource(id, "AWS::Lambda::Permission", f.inherited(), "Action", "lambda:InvokeFunction",
		"FunctionName", f.ref(f.target().id), "Principal", principal)
	for i := 0; i+1 < len(more); i += 2 {
		key, _ := more[i].(string)
		f.set(r.props, key, more[i+1])
	}
	return r
}

// inherited are the attributes that resources of events get from the function.
func (f *function) inherited() *node { return f.passthrough(f.target().attrs) }

// ruleState is the state of a rule from State and Enabled.
func (t *translator) ruleState(m *macro) *node {
	state, enabled := m.p("State"), m.p("Enabled")
	switch {
	case truthy(state) && enabled != nil:
		fail(m.relative, "State and Enabled exclude each other")
	case enabled != nil && truthy(enabled):
		return t.str("ENABLED")
	case enabled != nil:
		return t.str("DISABLED")
	case truthy(state):
		return state
	}
	return nil
}

// deadLetters checks DeadLetterConfig and makes the queue if it is to be made.
func (t *translator) deadLetters(m *macro, source, attrs *node) (queue *node, made []*resource) {
	c := m.p("DeadLetterConfig")
	if c == nil {
		return nil, nil
	}
	given, typ := c.Entry("Arn"), c.Entry("Type")
	if (given == nil) == (typ == nil) || typ != nil && typ.Value.Str() != "SQS" {
		fail(m.id, "DeadLetterConfig needs Arn or the Type SQS")
	}
	if given != nil && !isNull(given.Value) {
		return given.Value, nil
	}
	id := get(c, "QueueLogicalId")
	if id != nil && !id.IsString() {
		fail(m.id, "QueueLogicalId must be a string")
	}
	name := m.id + "Queue"
	if truthy(id) {
		name = id.Text
	}
	q := t.resource(name, "AWS::SQS::Queue", attrs)
	made = append(made, q)
	if source != nil {
		made = append(made, t.resource(m.id+"QueuePolicy", "AWS::SQS::QueuePolicy", attrs, "Queues", t.list(t.ref(q.id)),
			"PolicyDocument", t.obj("Version", "2012-10-17", "Statement", t.list(t.obj("Action", "sqs:SendMessage", "Effect", "Allow",
				"Principal", t.obj("Service", "events.amazonaws.com"), "Resource", t.getAtt(q.id, "Arn"),
				"Condition", t.obj("ArnEquals", t.obj("aws:SourceArn", source)))))))
	}
	return t.getAtt(q.id, "Arn"), made
}

// ruleTarget is what a rule calls.
func (t *translator) ruleTarget(m *macro, arn, role, queue *node, suffix string) *node {
	id := t.str(targetID(m.id, suffix))
	if own := m.p("Target").Entry("Id"); own != nil {
		id = own.Value
	}
	target := t.obj("Arn", arn, "Id", id, "RoleArn", role, "Input", m.p("Input"), "InputPath", m.p("InputPath"))
	if m.p("DeadLetterConfig") != nil {
		t.set(target, "DeadLetterConfig", t.obj("Arn", queue))
	}
	t.set(target, "RetryPolicy", m.p("RetryPolicy"))
	t.set(target, "InputTransformer", m.p("InputTransformer"))
	return target
}

// targetID is the id of a target, which EventBridge limits to 64 characters.
func targetID(id, suffix string) string {
	const longest = 64
	if len(id)+len(suffix) > longest {
		id = id[:max(0, min(len(id), longest-len(suffix)))]
	}
	return id + suffix
}

func (f *function) schedule(m *macro) []*resource {
	r := f.translator.resource(m.id, "AWS::Events::Rule", f.inherited(), "ScheduleExpression", m.p("Schedule"),
		"State", f.ruleState(m), "Name", m.p("Name"), "Description", m.p("Description"))
	source := f.getAtt(r.id, "Arn")
	queue, made := f.deadLetters(m, source, f.inherited())
	f.set(r.props, "Targets", f.list(f.ruleTarget(m, f.arn(f.target()), nil, queue, "LambdaTarget")))
	made = append([]*resource{r}, made...)
	return append(made, f.permission(m.id, "", "events.amazonaws.com", "SourceArn", source))
}

func (f *function) rule(m *macro) []*resource {
	r := f.translator.resource(m.id, "AWS::Events::Rule", f.inherited(), "EventBusName", m.p("EventBusName"),
		"EventPattern", m.p("Pattern"), "Name", m.p("RuleName"), "State", f.ruleState(m))
	source := f.getAtt(r.id, "Arn")
	queue, made := f.deadLetters(m, source, f.inherited())
	f.set(r.props, "Targets", f.list(f.ruleTarget(m, f.arn(f.target()), nil, queue, "LambdaTarget")))
	return append(made, r, f.permission(m.id, "", "events.amazonaws.com", "SourceArn", source))
}

// bucketProperties and userPoolProperties are what the translator knows of
// these types; anything else fails.
const (
	bucketProperties = " AccessControl AccelerateConfiguration AnalyticsConfigurations BucketEncryption BucketName CorsConfiguration " +
		"IntelligentTieringConfigurations InventoryConfigurations LifecycleConfiguration LoggingConfiguration MetricsConfigurations " +
		"NotificationConfiguration ObjectLockConfiguration ObjectLockEnabled OwnershipControls PublicAccessBlockConfiguration " +
		"ReplicationConfiguration Tags VersioningConfiguration WebsiteConfiguration "
	userPoolProperties = " AccountRecoverySetting AdminCreateUserConfig AliasAttributes AutoVerifiedAttributes DeletionProtection " +
		"DeviceConfiguration EmailAuthenticationMessage EmailAuthenticationSubject EmailConfiguration EmailVerificationMessage " +
		"EmailVerificationSubject EnabledMfas LambdaConfig MfaConfiguration Policies Schema SmsAuthenticationMessage SmsConfiguration " +
		"SmsVerificationMessage UserAttributeUpdateSettings UsernameAttributes UsernameConfiguration UserPoolAddOns UserPoolName " +
		"UserPoolTags UserPoolTier VerificationMessageTemplate WebAuthnRelyingPartyID WebAuthnUserVerification "
)

var (
	requestLocation = regexp.MustCompile(`^method\.request\.(querystring|path|header)\.`)
	pathVariable    = regexp.MustCompile(`\{(.*?)\}`)
)
