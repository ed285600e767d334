package sam

import (
	"slices"
	"strings"
)

// pullCommon are the properties of all sources that Lambda reads by itself.
var pullCommon = []prop{
	{name: "BatchSize", ok: isInt}, {name: "StartingPosition"}, {name: "StartingPositionTimestamp"}, {name: "Enabled", ok: isBool},
	{name: "MaximumBatchingWindowInSeconds", ok: isInt}, {name: "MaximumRetryAttempts", ok: isInt},
	{name: "BisectBatchOnFunctionError", ok: isBool}, {name: "MaximumRecordAgeInSeconds", ok: isInt}, {name: "DestinationConfig", ok: isMap},
	{name: "ParallelizationFactor", ok: isInt}, {name: "Topics", ok: isList}, {name: "Queues", ok: isList},
	{name: "SourceAccessConfigurations", ok: isList}, {name: "SecretsManagerKmsKeyId", ok: isString},
	{name: "TumblingWindowInSeconds", ok: isInt}, {name: "FunctionResponseTypes", ok: isList}, {name: "KafkaBootstrapServers", ok: isList},
	{name: "FilterCriteria", ok: isMap}, {name: "KmsKeyArn"}, {name: "ConsumerGroupId", ok: isString}, {name: "ScalingConfig", ok: isMap},
	{name: "ProvisionedPollerConfig", ok: isMap}, {name: "SchemaRegistryConfig", ok: isMap}, {name: "MetricsConfig", ok: isMap},
	{name: "LoggingConfig", ok: isMap},
}

func pullProperties(typ string) []prop {
	switch typ {
	case "Kinesis", "DynamoDB", "MSK":
		return append([]prop{{name: "Stream", required: true}, {name: "StartingPosition", required: true}}, pullCommon...)
	case "SQS":
		return append([]prop{{name: "Queue", required: true}}, pullCommon...)
	case "MQ":
		return append([]prop{{name: "Broker", required: true}, {name: "DynamicPolicyName", ok: isBool, literal: true}}, pullCommon...)
	case "DocumentDB":
		return append([]prop{{name: "Cluster", required: true}, {name: "DatabaseName", required: true}, {name: "CollectionName"}, {name: "FullDocument"}}, pullCommon...)
	case "SelfManagedKafka":
		return pullCommon
	}
	return nil
}

// pull makes the event source mapping, and gives the role what it needs to read.
func (f *function) pull(m *macro, role *resource) []*resource {
	r := f.translator.resource(m.id, "AWS::Lambda::EventSourceMapping", f.inherited(), "FunctionName", f.ref(f.target().id))
	for _, k := range []string{"Stream", "Queue", "Broker", "Cluster"} {
		f.set(r.props, "EventSourceArn", m.p(k))
	}
	for _, k := range []string{"StartingPosition", "StartingPositionTimestamp", "BatchSize", "Enabled", "MaximumBatchingWindowInSeconds",
		"MaximumRetryAttempts", "BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "ParallelizationFactor", "Topics", "Queues",
		"SourceAccessConfigurations", "TumblingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria", "KmsKeyArn", "ScalingConfig",
		"ProvisionedPollerConfig", "MetricsConfig", "LoggingConfig"} {
		f.set(r.props, k, m.p(k))
	}
	if c := m.p("FilterCriteria"); truthy(c) && !isIntrinsic(c) && (len(c.Entries) != 1 || c.Entry("Filters") == nil) {
		fail(m.relative, "FilterCriteria takes Filters only")
	}
	f.kafka(m, r)
	failed := f.failureDestination(m, r)
	if m.typ == "DocumentDB" {
		f.set(r.props, "DocumentDBEventSourceConfig", f.obj("DatabaseName", m.p("DatabaseName"),
			"CollectionName", truthyOr(m.props, "CollectionName", nil), "FullDocument", truthyOr(m.props, "FullDocument", nil)))
	}
	f.grant(role, m, failed)
	return []*resource{r}
}

// kafka sets what concerns Kafka only.
func (f *function) kafka(m *macro, r *resource) {
	if servers := m.p("KafkaBootstrapServers"); truthy(servers) {
		f.set(r.props, "SelfManagedEventSource", f.obj("Endpoints", f.obj("KafkaBootstrapServers", servers)))
	}
	key := map[string]string{"MSK": "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafka": "SelfManagedKafkaEventSourceConfig"}[m.typ]
	config := f.obj()
	if group := m.p("ConsumerGroupId"); truthy(group) {
		if key == "" {
			fail(m.id, "ConsumerGroupId is for Kafka only")
		}
		f.set(config, "ConsumerGroupId", group)
	}
	if registry := m.p("SchemaRegistryConfig"); truthy(registry) && key != "" {
		f.set(config, "SchemaRegistryConfig", registry)
	}
	if truthy(config) {
		f.set(r.props, key, config)
	}
}

// failureDestination sets DestinationConfig and returns the policy that it needs.
func (f *function) failureDestination(m *macro, r *resource) *node {
	config := m.p("DestinationConfig")
	if !truthy(config) {
		return nil
	}
	failed := expectMap(get(config, "OnFailure"), m.id, "DestinationConfig.OnFailure")
	typ, to := failed.Get("Type"), get(failed, "Destination")
	var policy *node
	if truthy(typ) {
		f.del(failed, "Type")
		switch typ.Str() {
		case "SQS":
			policy = f.allow(m.id+"SQSPolicy", "sqs:SendMessage", to)
		case "SNS":
			policy = f.allow(m.id+"SNSPolicy", "sns:publish", to)
		case "S3":
			policy = f.bucketPolicy(m.id, to)
		case "Kafka":
		default:
			fail(m.id, "Type of OnFailure must be SQS, SNS, S3 or Kafka")
		}
	}
	f.set(r.props, "DestinationConfig", config)
	return policy
}

func (t *translator) bucketPolicy(id string, bucket *node) *node {
	p := t.allow(id+"S3Policy", "s3:PutObject", t.obj("Fn::Join", t.list("/", t.list(t.orNull(bucket), "*"))))
	statements := p.Get("PolicyDocument").Get("Statement")
	statements.Items = append(statements.Items, t.obj("Action", "s3:ListBucket", "Effect", "Allow", "Resource", t.orNull(bucket)))
	return p
}

// grant adds the policies of a source to the execution role.
func (f *function) grant(role *resource, m *macro, failed *node) {
	if arn := pullPolicy(m.typ); arn != "" {
		l := role.props.Get("ManagedPolicyArns")
		if n := f.managedPolicy(arn); !contains(l.Items, n) {
			l.Items = append(l.Items, n)
		}
	}
	for _, p := range []*node{f.pullStatements(m), failed} {
		if p == nil {
			continue
		}
		l := role.props.Get("Policies")
		if l == nil {
			l = f.list()
			f.set(role.props, "Policies", l)
		}
		known := slices.ContainsFunc(l.Items, func(o *node) bool { return equal(o.Get("PolicyDocument"), p.Get("PolicyDocument")) })
		if !known {
			l.Items = append(l.Items, p)
		}
	}
}

func pullPolicy(typ string) string {
	switch typ {
	case "Kinesis", "DynamoDB", "MSK":
		return "service-role/AWSLambda" + typ + "ExecutionRole"
	case "SQS":
		return "service-role/AWSLambdaSQSQueueExecutionRole"
	}
	return ""
}

// pullStatements is the inline policy that a source needs.
func (f *function) pullStatements(m *macro) *node {
	policy := func(name string, statements []*node, versioned bool) *node {
		doc := f.obj("Statement", statements)
		if versioned {
			f.set(doc, "Version", "2012-10-17")
		}
		return f.obj("PolicyName", name, "PolicyDocument", doc)
	}
	switch m.typ {
	case "MSK":
		if s := f.mskStatements(m); len(s) > 0 {
			return policy("MSKExecutionRolePolicy", s, false)
		}
	case "MQ":
		name := "SamAutoGeneratedAMQPolicy"
		if truthy(m.p("DynamicPolicyName")) {
			name = m.id + "AMQPolicy"
		}
		s := []*node{f.secret(f.accessURI(m, "BASIC_AUTH", "VIRTUAL_HOST")), f.statement([]string{"mq:DescribeBroker"}, m.p("Broker"))}
		return policy(name, append(s, f.decrypt(m, "kms:Decrypt")...), false)
	case "DocumentDB":
		s := []*node{f.secret(f.accessURI(m, "BASIC_AUTH")),
			f.statement([]string{"rds:DescribeDBClusterParameters"}, f.sub("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:cluster-pg:*")),
			f.statement([]string{"rds:DescribeDBSubnetGroups"}, f.sub("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:subgrp:*")),
			f.statement([]string{"rds:DescribeDBClusters"}, m.p("Cluster")), f.networkStatement()}
		return policy("SamAutoGeneratedDocumentDBPolicy", append(s, f.decrypt(m, []string{"kms:Decrypt"})...), false)
	case "SelfManagedKafka":
		return policy("SelfManagedKafkaExecutionRolePolicy", f.kafkaStatements(m), true)
	}
	return nil
}

func (f *function) statement(action any, on *node) *node {
	return f.obj("Action", action, "Effect", "Allow", "Resource", on)
}

func (f *function) secret(uri *node) *node {
	return f.statement([]string{"secretsmanager:GetSecretValue"}, uri)
}

func (f *function) networkStatement() *node {
	return f.statement([]string{"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface",
		"ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"}, f.str("*"))
}

// decrypt lets the role use the key of its secrets.
func (f *function) decrypt(m *macro, action any) []*node {
	key := m.p("SecretsManagerKmsKeyId")
	if !truthy(key) {
		return nil
	}
	if !key.IsString() {
		fail(m.relative, "SecretsManagerKmsKeyId must be a string")
	}
	return []*node{f.statement(action, f.sub("arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/"+key.Text))}
}

// accessURI is the URI of the one access configuration that is required.
func (f *function) accessURI(m *macro, required string, others ...string) *node {
	configs := m.p("SourceAccessConfigurations")
	if !truthy(configs) || !configs.IsList() {
		fail(m.relative, "SourceAccessConfigurations must be a list")
	}
	var uri *node
	for _, c := range configs.Items {
		typ := expectMap(c, m.relative, "SourceAccessConfigurations").Get("Type").Str()
		switch {
		case typ == required && (uri != nil || !truthy(c.Get("URI"))):
			fail(m.relative, "SourceAccessConfigurations needs one %s with a URI", required)
		case typ == required:
			uri = c.Get("URI")
		case !slices.Contains(others, typ):
			fail(m.relative, "SourceAccessConfigurations does not take the type %s", typ)
		}
	}
	if uri == nil {
		fail(m.relative, "SourceAccessConfigurations needs %s", required)
	}
	return uri
}

func (f *function) mskStatements(m *macro) []*node {
	out := f.registryStatements(m)
	if configs := m.p("SourceAccessConfigurations"); configs.IsList() {
		for _, c := range configs.Items {
			if c.Get("Type").Str() == "CLIENT_CERTIFICATE_TLS_AUTH" && truthy(c.Get("URI")) {
				out = append(out, f.secret(c.Get("URI")))
			}
		}
	}
	return out
}

func (f *function) kafkaStatements(m *macro) []*node {
	topics, configs := m.p("Topics"), m.p("SourceAccessConfigurations")
	if !truthy(m.p("KafkaBootstrapServers")) || !truthy(topics) || max(len(topics.Items), len(topics.Entries)) != 1 || !truthy(configs) || !configs.IsList() {
		fail(m.relative, "SelfManagedKafka needs KafkaBootstrapServers, one topic and SourceAccessConfigurations")
	}
	var auth, ca *node
	var subnet, group bool
	for _, c := range configs.Items {
		uri := expectMap(c, m.relative, "SourceAccessConfigurations").Get("URI")
		if !truthy(uri) || !uri.IsString() && !isIntrinsic(uri) {
			fail(m.relative, "SourceAccessConfigurations needs a URI")
		}
		switch typ := c.Get("Type").Str(); typ {
		case "VPC_SUBNET":
			subnet = true
		case "VPC_SECURITY_GROUP":
			group = true
		case "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH", "BASIC_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH":
			if auth != nil {
				fail(m.relative, "SourceAccessConfigurations takes one way to authenticate")
			}
			auth = uri
		case "SERVER_ROOT_CA_CERTIFICATE":
			ca = uri
		default:
			fail(m.relative, "SourceAccessConfigurations does not take the type %s", typ)
		}
	}
	if subnet != group {
		fail(m.relative, "VPC_SUBNET and VPC_SECURITY_GROUP go together")
	}
	var out []*node
	if auth != nil {
		out = append(out, f.secret(auth))
	}
	if ca != nil { // the transform grants the first secret again
		out = append(out, f.secret(f.orNull(auth)))
	}
	if subnet {
		out = append(out, f.networkStatement())
	}
	out = append(out, f.decrypt(m, []string{"kms:Decrypt"})...)
	return append(out, f.registryStatements(m)...)
}

// registryStatements let the role read a schema registry.
func (f *function) registryStatements(m *macro) []*node {
	c := m.p("SchemaRegistryConfig")
	if !truthy(c) {
		return nil
	}
	format := c.Get("EventRecordFormat").Str()
	if c.Entry("SchemaRegistryURI") == nil || format != "JSON" && format != "SOURCE" || !c.Get("SchemaValidationConfigs").IsList() {
		fail(m.relative, "SchemaRegistryConfig needs SchemaRegistryURI, EventRecordFormat (JSON or SOURCE) and SchemaValidationConfigs")
	}
	var out []*node
	if access := c.Get("AccessConfigs"); truthy(access) {
		if !eachItem(access, func(n *node) bool { return n.Entry("Type") != nil && n.Entry("URI") != nil }) {
			fail(m.relative, "AccessConfigs must be a list of objects with Type and URI")
		}
		for _, a := range access.Items {
			out = append(out, f.secret(a.Get("URI")))
		}
	}
	uri := c.Get("SchemaRegistryURI")
	arn := uri.Str()
	if uri.IsMap() {
		arn = f.resolve(copyMap(uri)).Get("Fn::Sub").Str()
	}
	parts := strings.Split(arn, ":")
	if !strings.HasPrefix(arn, "arn") || len(parts) < 6 {
		return out
	}
	if name, ok := strings.CutPrefix(parts[5], "registry/"); ok {
		out = append(out, f.statement([]string{"glue:GetRegistry"}, uri), f.statement([]string{"glue:GetSchemaVersion"},
			f.list(f.sub("arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:schema/"+name+"/*"))))
	}
	return out
}
