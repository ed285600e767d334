package sam

// eventInvokeConfig makes what EventInvokeConfig asks for, and returns the
// policies that its destinations need.
func (f *function) eventInvokeConfig() (made []*resource, policies []*node) {
	config := f.p("EventInvokeConfig")
	if !truthy(config) {
		return nil, nil
	}
	resolved := f.resolve(config)
	id := f.id + "EventInvokeConfig"
	r := f.translator.resource(id, "AWS::Lambda::EventInvokeConfig", f.attrs, "FunctionName", f.ref(f.id), "Qualifier", "$LATEST")
	if f.alias != nil {
		r.dependsOn = f.list(f.alias.id)
		f.set(r.props, "Qualifier", f.aliasName)
	}
	destinations := f.obj()
	if input := resolved.Get("DestinationConfig"); truthy(input) {
		expectMap(input, f.id, "EventInvokeConfig.DestinationConfig")
		for _, k := range []string{"OnSuccess", "OnFailure"} {
			d := get(input, k)
			if d == nil {
				continue
			}
			expectMap(d, f.id, "EventInvokeConfig.DestinationConfig."+k)
			queue, to, policy := f.destination(d, k, id)
			f.set(destinations, k, f.obj("Destination", f.orNull(to)))
			f.set(dig(config, "DestinationConfig", k), "Destination", f.orNull(to))
			if queue != nil {
				made = append(made, queue)
			}
			policies = append(policies, policy)
		}
	}
	f.set(r.props, "DestinationConfig", destinations)
	f.set(r.props, "MaximumEventAgeInSeconds", get(resolved, "MaximumEventAgeInSeconds"))
	f.set(r.props, "MaximumRetryAttempts", get(resolved, "MaximumRetryAttempts"))
	return append(made, r), policies
}

// destination makes the queue or topic of a destination that names none.
func (f *function) destination(d *node, event, id string) (made *resource, to, policy *node) {
	typ := d.Get("Type").Str()
	switch typ {
	case "SQS", "SNS", "EventBridge", "Lambda", "S3Bucket":
	default:
		fail(f.id, "Type of a destination must be SQS, SNS, EventBridge, Lambda or S3Bucket")
	}
	given := get(d, "Destination")
	condition, other := f.destinationCondition(given, id)
	name := id + event
	if given != nil && condition == nil {
		return nil, given, f.destinationPolicy(typ, name, given)
	}
	combined := f.both(get(f.attrs, "Condition"), condition)
	switch typ {
	case "SQS":
		made = f.translator.resource(name+"Queue", "AWS::SQS::Queue", f.passthrough(f.attrs))
	case "SNS":
		made = f.translator.resource(name+"Topic", "AWS::SNS::Topic", f.passthrough(f.attrs))
	default:
		fail(f.id, "Destination is required unless Type is SQS or SNS")
	}
	if truthy(combined) {
		f.set(made.attrs, "Condition", combined)
	}
	to = f.arn(made)
	if truthy(condition) {
		to = f.conditional(condition, to, other)
	}
	return made, to, f.destinationPolicy(typ, name, to)
}

func (f *function) destinationPolicy(typ, name string, to *node) *node {
	switch typ {
	case "SQS":
		return f.allow(name+"SQSPolicy", "sqs:SendMessage", to)
	case "SNS":
		return f.allow(name+"SNSPolicy", "sns:publish", to)
	case "EventBridge":
		return f.allow(name+"EventBridgePolicy", "events:PutEvents", to)
	case "Lambda":
		return f.allow(name+"LambdaPolicy", "lambda:InvokeFunction", to)
	}
	return f.bucketPolicy(name, to)
}

// destinationCondition is the condition under which the destination of Fn::If
// is to be made, and the other value.
func (f *function) destinationCondition(n *node, id string) (condition, other *node) {
	if !isIf(n) {
		return nil, nil
	}
	args := n.Get("Fn::If")
	if !args.IsList() || len(args.Items) != 3 {
		fail(id, "Fn::If takes three values")
	}
	then, otherwise := isNoValue(args.Items[1]), isNoValue(args.Items[2])
	switch {
	case then == otherwise:
		return nil, nil
	case then:
		return args.Items[0], args.Items[2]
	}
	name := "NOT" + args.Items[0].Str()
	name += hashID(id)
	f.addCondition(name, f.obj("Fn::Not", f.list(f.obj("Condition", args.Items[0]))))
	return f.str(name), args.Items[1]
}

// both combines the condition of the function with that of a destination.
func (f *function) both(a, b *node) *node {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	name := a.Str() + "AND" + b.Str() + hashID(f.id)
	// The transform wraps the conditions twice.
	f.addCondition(name, f.obj("Fn::And", f.list(f.obj("Condition", f.obj("Condition", a)), f.obj("Condition", f.obj("Condition", b)))))
	return f.str(name)
}
