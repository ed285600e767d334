package sam

// topic subscribes a function to a topic, through a queue if it says so.
func (f *function) topic(m *macro) []*resource {
	subscription := m.p("SqsSubscription")
	switch {
	case !truthy(subscription):
		return []*resource{f.permission(m.id, "", "sns.amazonaws.com", "SourceArn", m.p("Topic")),
			f.subscribe(m, "lambda", f.arn(f.target()))}
	case isBool(subscription):
		q := f.translator.resource(m.id+"Queue", "AWS::SQS::Queue", f.inherited())
		if fifo := f.fifo(m.p("Topic")); truthy(fifo) {
			f.set(q.props, "FifoQueue", fifo)
		}
		made := f.mapQueue(m, f.getAtt(q.id, "Arn"), nil)
		return append(made, q, f.topicPolicy(m, "", f.getAtt(q.id, "Arn"), f.ref(q.id)), f.subscribe(m, "sqs", f.getAtt(q.id, "Arn")))
	}
	queue, url := subscription.Get("QueueArn"), subscription.Get("QueueUrl")
	if !truthy(queue) || !truthy(url) {
		fail(m.relative, "SqsSubscription needs QueueArn and QueueUrl")
	}
	made := f.mapQueue(m, queue, subscription.Get("BatchSize"))
	policy := subscription.Get("QueuePolicyLogicalId")
	return append(made, f.topicPolicy(m, policy.Str(), queue, url), f.subscribe(m, "sqs", queue))
}

// fifo is the property FifoTopic of a topic of the template.
func (f *function) fifo(topic *node) *node {
	r := f.lookup(f.resources, logicalID(topic))
	return f.resolveOptional(f.clone(r.Get("Properties").Get("FifoTopic")))
}

func (f *function) subscribe(m *macro, protocol string, endpoint *node) *resource {
	return f.translator.resource(m.id, "AWS::SNS::Subscription", f.inherited(), "Protocol", protocol, "Endpoint", endpoint,
		"TopicArn", m.p("Topic"), "Region", m.p("Region"), "FilterPolicy", m.p("FilterPolicy"),
		"FilterPolicyScope", m.p("FilterPolicyScope"), "RedrivePolicy", m.p("RedrivePolicy"))
}

func (f *function) topicPolicy(m *macro, id string, queue, url *node) *resource {
	if id == "" {
		id = m.id + "QueuePolicy"
	}
	statement := f.obj("Action", "sqs:SendMessage", "Effect", "Allow", "Principal", "*", "Resource", queue,
		"Condition", f.obj("ArnEquals", f.obj("aws:SourceArn", m.p("Topic"))))
	return f.translator.resource(id, "AWS::SQS::QueuePolicy", f.inherited(), "Queues", f.list(url),
		"PolicyDocument", f.obj("Version", "2012-10-17", "Statement", f.list(statement)))
}

// mapQueue makes the function read a queue.
func (f *function) mapQueue(m *macro, queue, batch *node) []*resource {
	if !truthy(batch) {
		batch = f.int(10)
	}
	e := &macro{resource: f.translator.resource(m.id+"EventSourceMapping", "SQS", nil, "Queue", queue, "BatchSize", batch, "Enabled", true), relative: m.relative}
	return f.pull(e, f.role)
}
