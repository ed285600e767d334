package sam

var schedulerProperties = []prop{{name: "PermissionsBoundary", ok: isString}, {name: "ScheduleExpression", required: true, ok: isString},
	{name: "FlexibleTimeWindow", ok: isMap}, {name: "Name", ok: isString}, {name: "State", ok: isString}, {name: "Description", ok: isString},
	{name: "StartDate", ok: isString}, {name: "EndDate", ok: isString}, {name: "ScheduleExpressionTimezone", ok: isString},
	{name: "GroupName", ok: isString}, {name: "KmsKeyArn", ok: isString}, {name: "Input", ok: isString}, {name: "RoleArn", ok: isString},
	{name: "DeadLetterConfig", ok: isMap}, {name: "RetryPolicy", ok: isMap}, {name: "OmitName", ok: isBool, literal: true}}

// scheduler makes a schedule of EventBridge Scheduler for a function or state machine.
func (t *translator) scheduler(m *macro, target *resource, isFunction bool) []*resource {
	attrs := t.passthrough(target.attrs)
	r := t.resource(m.id, "AWS::Scheduler::Schedule", attrs, "ScheduleExpression", m.p("ScheduleExpression"), "FlexibleTimeWindow",
		truthyOr(m.props, "FlexibleTimeWindow", t.obj("Mode", "OFF")), "State", truthyOr(m.props, "State", nil))
	if truthy(m.p("OmitName")) {
		if truthy(m.p("Name")) {
			fail(m.id, "Name and OmitName exclude each other")
		}
	} else {
		t.set(r.props, "Name", truthyOr(m.props, "Name", t.str(m.id)))
	}
	for _, k := range []string{"Description", "StartDate", "EndDate", "ScheduleExpressionTimezone", "GroupName", "KmsKeyArn"} {
		t.set(r.props, k, m.p(k))
	}
	queue, made := t.deadLetters(m, nil, attrs)
	made = append([]*resource{r}, made...)
	role := m.p("RoleArn")
	if !truthy(role) {
		x := t.schedulerRole(m, target, isFunction, queue, attrs)
		made = append(made, x)
		role = t.getAtt(x.id, "Arn")
	}
	goal := t.obj("Arn", t.arn(target), "RoleArn", role, "Input", m.p("Input"))
	if m.p("DeadLetterConfig") != nil {
		t.set(goal, "DeadLetterConfig", t.obj("Arn", queue))
	}
	t.set(goal, "RetryPolicy", m.p("RetryPolicy"))
	t.set(r.props, "Target", goal)
	return made
}

func (t *translator) schedulerRole(m *macro, target *resource, isFunction bool, queue, attrs *node) *resource {
	policy := t.allow(m.id+"StartExecutionPolicy", "states:StartExecution", t.arn(target))
	if isFunction {
		policy = t.allow(m.id+"LambdaPolicy", "lambda:InvokeFunction", t.arn(target))
	}
	policies := t.list(policy)
	if truthy(queue) {
		policies.Items = append(policies.Items, t.allow(m.id+"SQSPolicy", "sqs:SendMessage", queue))
	}
	return t.resource(m.id+"Role", "AWS::IAM::Role", attrs, "AssumeRolePolicyDocument", t.assumeRole("scheduler.amazonaws.com"),
		"Policies", policies, "PermissionsBoundary", truthyOr(m.props, "PermissionsBoundary", nil))
}
