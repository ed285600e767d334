package attribution_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

var stack = events.StackRef{
	StackID: "arn:aws:cloudformation:us-east-1:222222222222:stack/shop/1", StackName: "shop", Account: "222222222222", Region: "us-east-1",
}

const queueURL = "https://sqs.us-east-1.amazonaws.com/222222222222/shop-Jobs-1ABC"

func drifted(kind, id string, paths ...string) events.DriftedResource {
	r := events.DriftedResource{LogicalID: "R", ResourceType: kind, PhysicalID: id, Status: "MODIFIED"}
	for _, path := range paths {
		r.Differences = append(r.Differences, events.PropertyDifference{Path: path, Type: "NOT_EQUAL"})
	}
	return r
}

var queue = drifted("AWS::SQS::Queue", queueURL, "/VisibilityTimeout")

func minute(m int) time.Time { return time.Date(2026, 3, 2, 10, m, 0, 0, time.UTC) }

const (
	userDana  = "arn:aws:iam::222222222222:user/dana"
	execution = "arn:aws:sts::222222222222:assumed-role/evenkeel-execution/AWSCloudFormation"
)

// write is a call that dana made to the queue.
func write(id string, m int, change ...func(*attribution.Write)) attribution.Write {
	w := attribution.Write{
		Account: "222222222222", Region: "us-east-1", EventID: id, Time: minute(m), EventSource: "sqs.amazonaws.com", EventName: "SetQueueAttributes",
		Kind: "IAMUser", Principal: userDana, SourceIP: "198.51.100.7", UserAgent: "aws-cli", Resources: []string{queueURL}, Properties: []string{"/VisibilityTimeout"},
	}
	for _, c := range change {
		c(&w)
	}
	return w
}

func sets(properties ...string) func(*attribution.Write) {
	return func(w *attribution.Write) { w.Properties = properties }
}

func by(principal, invokedBy string) func(*attribution.Write) {
	return func(w *attribution.Write) { w.Kind, w.Principal, w.InvokedBy = "AssumedRole", principal, invokedBy }
}

func control(w *attribution.Write) {
	w.EventSource, w.EventName, w.Types, w.Properties, w.Opaque = "cloudcontrolapi.amazonaws.com", "UpdateResource", []string{"AWS::SQS::Queue"}, nil, true
}

var ownDeployment = by(execution, "cloudformation.amazonaws.com")

func TestMatch(t *testing.T) {
	change := attribution.Change{Stack: stack, Resource: queue, From: minute(10), Until: minute(40)}
	tests := []struct {
		name   string
		writes []attribution.Write
		want   string // event id; "" for nobody
		exact  bool
		why    string // a part of it
	}{
		{"nobody", nil, "", false, ""},
		{"the last that sets the property", []attribution.Write{write("a", 20), write("b", 30), write("c", 25)}, "b", true, "an IAM user"},
		{"one that sets it before one that does not", []attribution.Write{write("a", 20), write("b", 30, sets("/Tags"))}, "a", true, ""},
		{"else the last one", []attribution.Write{write("a", 20, sets("/Tags")), write("b", 30, sets("/DelaySeconds"))}, "b", false, "other properties"},
		{"never one after the scan", []attribution.Write{write("a", 20), write("b", 45)}, "a", true, ""},
		{"only after the scan", []attribution.Write{write("b", 45)}, "", false, ""},
		{"clocks differ", []attribution.Write{write("b", 40, func(w *attribution.Write) { w.Time = w.Time.Add(30 * time.Second) })}, "b", true, ""},
		{"one since the deployment before an older one", []attribution.Write{write("a", 5), write("b", 11)}, "b", true, ""},
		{"an older one when nothing else fits", []attribution.Write{write("a", 5), write("b", 20, sets("/Tags"))}, "a", true, "older than the last deployment"},
		{"somebody before the deployment itself", []attribution.Write{write("a", 12), write("b", 13, ownDeployment)}, "a", true, ""},
		{"the deployment when nothing else fits", []attribution.Write{write("a", 12, sets("/Tags")), write("b", 13, ownDeployment)}, "b", true, "deployed"},
		{"a hidden call before a call that fits not", []attribution.Write{write("a", 20, control), write("b", 30, sets("/Tags"))}, "a", false, "its record does not say"},
		{"a later hidden call is told", []attribution.Write{write("a", 20), write("b", 30, control)}, "a", true, "a later UpdateResource by " + userDana},
		{"another resource", []attribution.Write{write("a", 20, func(w *attribution.Write) { w.Resources = []string{queueURL + "2"} })}, "", false, ""},
		{"another account", []attribution.Write{write("a", 20, func(w *attribution.Write) { w.Account = "333333333333" })}, "", false, ""},
		{"another region", []attribution.Write{write("a", 20, func(w *attribution.Write) { w.Region = "eu-west-1" })}, "", false, ""},
		{"another service", []attribution.Write{write("a", 20, func(w *attribution.Write) { w.EventSource = "sns.amazonaws.com" })}, "", false, ""},
		{"another type", []attribution.Write{write("a", 20, control, func(w *attribution.Write) { w.Types = []string{"AWS::SQS::QueuePolicy"} })}, "", false, ""},
		{"what a handler of Cloud Control did is whose who asked", []attribution.Write{write("ask", 20, control), write("do", 21, by(userDana, "cloudformation.amazonaws.com"))},
			"ask", true, "whose handler called SetQueueAttributes"},
		{"a handler with a role that was passed", []attribution.Write{
			write("ask", 20, control, func(w *attribution.Write) { w.Passed = "arn:aws:iam::222222222222:role/control" }),
			write("do", 21, by("arn:aws:sts::222222222222:assumed-role/control/AWSCloudFormation", "cloudformation.amazonaws.com"), func(w *attribution.Write) { w.Issuer = "arn:aws:iam::222222222222:role/control" })},
			"ask", true, "an IAM user"},
		{"a handler of somebody else", []attribution.Write{write("ask", 20, control), write("do", 21, by("arn:aws:iam::222222222222:user/eve", "cloudformation.amazonaws.com"))}, "do", true, "not deployed"},
		{"a handler long after", []attribution.Write{write("ask", 11, control), write("do", 39, by(userDana, "cloudformation.amazonaws.com"))}, "do", true, "not deployed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := attribution.Default().Match(change, tt.writes)
			if got == nil {
				got = &events.Attribution{}
			}
			if got.EventID != tt.want || got.Exact != tt.exact || !strings.Contains(got.Why, tt.why) {
				t.Errorf("got %+v, want event %q, exact %v, why %q", got, tt.want, tt.exact, tt.why)
			}
		})
	}
}

// TestMatchTells: everything that a person asks of it is in the answer.
func TestMatchTells(t *testing.T) {
	got := attribution.Default().Match(attribution.Change{Stack: stack, Resource: queue}, []attribution.Write{parse(t, sample(t, "testdata/queue.json"))})
	want := events.Attribution{
		Class: attribution.ClassPerson, Principal: "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Operator_0123456789abcdef/dana@example.com", Session: "dana@example.com",
		SourceIP: "198.51.100.7", UserAgent: "aws-cli/2.30.0 md/prompt#off exec-env/CloudShell", EventName: "SetQueueAttributes",
		EventID: "11111111-1111-4111-8111-000000000001", Time: time.Date(2026, 3, 2, 10, 11, 12, 0, time.UTC), Exact: true, Why: "the user dana@example.com of Identity Center",
	}
	if got == nil || *got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestMatchResources: the records of a service and the physical ids that
// CloudFormation gives its resources, and the property paths of both.
func TestMatchResources(t *testing.T) {
	role := drifted("AWS::IAM::Role", "shop-Api", "/ManagedPolicyArns/1")
	gone := func(kind, id string) events.DriftedResource {
		r := drifted(kind, id)
		r.Status = "DELETED"
		return r
	}
	tests := []struct {
		name       string
		resource   events.DriftedResource
		source     string
		call       string
		parameters string
		exact      bool
	}{
		{"a topic by its ARN", drifted("AWS::SNS::Topic", "arn:aws:sns:us-east-1:222222222222:news", "/DisplayName"), "sns", "SetTopicAttributes",
			`{"topicArn": "arn:aws:sns:us-east-1:222222222222:news", "attributeName": "DisplayName"}`, true},
		{"another attribute of it", drifted("AWS::SNS::Topic", "arn:aws:sns:us-east-1:222222222222:news", "/KmsMasterKeyId"), "sns", "SetTopicAttributes",
			`{"topicArn": "arn:aws:sns:us-east-1:222222222222:news", "attributeName": "DisplayName"}`, false},
		{"a table by its name", drifted("AWS::DynamoDB::Table", "orders", "/ProvisionedThroughput/ReadCapacityUnits"), "dynamodb", "UpdateTable",
			`{"tableName": "orders", "provisionedThroughput": {"readCapacityUnits": 5}}`, true},
		{"a table by its ARN", drifted("AWS::DynamoDB::Table", "orders", "/Tags/0/Value"), "dynamodb", "TagResource",
			`{"resourceArn": "arn:aws:dynamodb:us-east-1:222222222222:table/orders", "tags": []}`, true},
		{"a group", drifted("AWS::EC2::SecurityGroup", "sg-1", "/SecurityGroupIngress/2"), "ec2", "AuthorizeSecurityGroupIngress", `{"groupId": "sg-1", "ipPermissions": {}}`, true},
		{"a role in another region's record", role, "iam", "AttachRolePolicy", `{"roleName": "shop-Api", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}`, true},
		{"a policy of a role, by both", drifted("AWS::IAM::RolePolicy", "write|shop-Api", "/PolicyDocument/Statement/0/Action"), "iam", "PutRolePolicy",
			`{"roleName": "shop-Api", "policyName": "write", "policyDocument": "{}"}`, true},
		{"a function by its ARN", drifted("AWS::Lambda::Function", "shop-api", "/MemorySize"), "lambda", "UpdateFunctionConfiguration20150331v2",
			`{"functionName": "arn:aws:lambda:us-east-1:222222222222:function:shop-api", "memorySize": 512}`, true},
		{"a secret by its name", drifted("AWS::SecretsManager::Secret", "arn:aws:secretsmanager:us-east-1:222222222222:secret:prod/db-AbCdEf", "/Description"), "secretsmanager", "UpdateSecret",
			`{"secretId": "prod/db", "description": "x"}`, true},
		{"a parameter", drifted("AWS::SSM::Parameter", "/shop/size", "/Value"), "ssm", "PutParameter", `{"name": "/shop/size", "value": "HIDDEN_DUE_TO_SECURITY_REASONS"}`, true},
		{"a log group by its ARN", drifted("AWS::Logs::LogGroup", "/aws/lambda/shop", "/RetentionInDays"), "logs", "PutRetentionPolicy",
			`{"logGroupIdentifier": "arn:aws:logs:us-east-1:222222222222:log-group:/aws/lambda/shop:*", "retentionInDays": 1}`, true},
		{"an alarm", drifted("AWS::CloudWatch::Alarm", "high", "/Threshold"), "monitoring", "PutMetricAlarm", `{"alarmName": "high", "threshold": 5}`, true},
		{"a listener", drifted("AWS::ElasticLoadBalancingV2::Listener", "arn:aws:elasticloadbalancing:us-east-1:222222222222:listener/app/a/1/2", "/Port"), "elasticloadbalancing", "ModifyListener",
			`{"listenerArn": "arn:aws:elasticloadbalancing:us-east-1:222222222222:listener/app/a/1/2", "port": 81}`, true},
		{"a service that has no row", drifted("AWS::RDS::DBInstance", "db-1", "/BackupRetentionPeriod"), "rds", "ModifyDBInstance", `{"dBInstanceIdentifier": "db-1", "backupRetentionPeriod": 0}`, true},
		{"a record of a zone, as DNS writes it", drifted("AWS::Route53::RecordSet", "api.example.com", "/Weight"), "route53", "ChangeResourceRecordSets",
			`{"hostedZoneId": "Z1", "changeBatch": {"changes": [{"action": "UPSERT", "resourceRecordSet": {"name": "api.example.com.", "weight": 10}}]}}`, true},
		{"a service of a cluster", drifted("AWS::ECS::Service", "arn:aws:ecs:us-east-1:222222222222:service/main/web", "/DesiredCount"), "ecs", "UpdateService",
			`{"cluster": "main", "service": "web", "desiredCount": 0}`, true},
		{"a property that CloudFormation does not name", drifted("AWS::SQS::Queue", queueURL, ""), "sqs", "SetQueueAttributes", `{"queueUrl": "` + queueURL + `", "attributes": {"DelaySeconds": "1"}}`, false},
		{"a queue that is gone", gone("AWS::SQS::Queue", queueURL), "sqs", "DeleteQueue", `{"queueUrl": "` + queueURL + `"}`, true},
		{"a role that is gone, and its policy", gone("AWS::IAM::Role", "shop-Api"), "iam", "DeleteRolePolicy", `{"roleName": "shop-Api", "policyName": "x"}`, false},
		{"a role that is gone", gone("AWS::IAM::Role", "shop-Api"), "iam", "DeleteRole", `{"roleName": "shop-Api"}`, true},
		{"by Cloud Control", gone("AWS::SNS::Topic", "arn:aws:sns:us-east-1:222222222222:news"), "cloudcontrolapi", "DeleteResource",
			`{"typeName": "AWS::SNS::Topic", "identifier": "arn:aws:sns:us-east-1:222222222222:news"}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at := stack
			if tt.source == "iam" || tt.source == "route53" {
				at.Region = "eu-west-1"
			}
			w := parse(t, call(tt.source+".amazonaws.com", tt.call, tt.parameters))
			got := attribution.Default().Match(attribution.Change{Stack: at, Resource: tt.resource}, []attribution.Write{w})
			if got == nil || got.Exact != tt.exact {
				t.Errorf("got %+v of %+v, want exact %v", got, w, tt.exact)
			}
		})
	}
}

// TestMatchByFurtherNames: what no call names by its physical id is found by
// what it belongs to, and what else belongs to that is not taken for it.
func TestMatchByFurtherNames(t *testing.T) {
	put := parse(t, call("iam.amazonaws.com", "PutRolePolicy", `{"roleName": "shop-Api", "policyName": "write", "policyDocument": "{}"}`))
	policy := parse(t, call("sqs.amazonaws.com", "SetQueueAttributes", `{"queueUrl": "`+queueURL+`", "attributes": {"Policy": "{}"}}`))
	tests := []struct {
		name     string
		write    attribution.Write
		resource events.DriftedResource
		names    []string
		want     bool
	}{
		{"an inline policy", put, drifted("AWS::IAM::Policy", "shop-Poli-1ABC", "/PolicyDocument"), []string{"write|shop-Api"}, true},
		{"without its names", put, drifted("AWS::IAM::Policy", "shop-Poli-1ABC", "/PolicyDocument"), nil, false},
		{"another policy of the role", put, drifted("AWS::IAM::Policy", "shop-Poli-1ABC", "/PolicyDocument"), []string{"read|shop-Api"}, false},
		{"the same policy of another role", put, drifted("AWS::IAM::Policy", "shop-Poli-1ABC", "/PolicyDocument"), []string{"write|shop-Web"}, false},
		{"of several roles", put, drifted("AWS::IAM::Policy", "shop-Poli-1ABC", "/PolicyDocument"), []string{"write|shop-Api", "write|shop-Web"}, true},
		{"another policy by its id", put, drifted("AWS::IAM::RolePolicy", "read|shop-Api", "/PolicyDocument"), nil, false},
		{"the policy of a queue", policy, drifted("AWS::SQS::QueuePolicy", "shop-Queu-1ABC", "/PolicyDocument/Statement/0"), []string{queueURL}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := attribution.Default().Match(attribution.Change{Stack: stack, Resource: tt.resource, Names: tt.names}, []attribution.Write{tt.write})
			if (got != nil && got.Exact) != tt.want || (got != nil) != tt.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestMatchEC2Samples(t *testing.T) {
	for _, name := range []string{"modify-rules-array", "nested-ipv4", "revoke", "cloudformation-no-group-id"} {
		w := parse(t, sample(t, "../../testdata/events/cloudtrail-"+name+".json"))
		at := stack
		at.Account, at.Region = w.Account, w.Region
		var group string
		for _, r := range w.Resources {
			if strings.HasPrefix(r, "sg-") {
				group = r
			}
		}
		got := attribution.Default().Match(attribution.Change{Stack: at, Resource: drifted("AWS::EC2::SecurityGroup", group, "/SecurityGroupIngress/0/CidrIp")}, []attribution.Write{w})
		if got == nil || !got.Exact {
			t.Errorf("%s: %+v of %+v", name, got, w)
		}
	}
	if w := parse(t, sample(t, "../../testdata/events/cloudtrail-request-omitted.json")); !w.Opaque || len(w.Keys()) != 0 {
		t.Errorf("a record without a request names no group: %+v", w)
	}
}

func TestClassify(t *testing.T) {
	session := func(role, name string) func(*attribution.Write) {
		return func(w *attribution.Write) {
			w.Kind, w.Session = "AssumedRole", name
			w.Principal, w.Issuer = "arn:aws:sts::222222222222:assumed-role/"+role+"/"+name, "arn:aws:iam::222222222222:role/"+role
		}
	}
	invoked := func(service string) func(*attribution.Write) {
		return func(w *attribution.Write) { w.InvokedBy = service }
	}
	tests := []struct {
		name   string
		change []func(*attribution.Write)
		want   string
	}{
		{"a user", nil, attribution.ClassPerson},
		{"the root user", []func(*attribution.Write){func(w *attribution.Write) { w.Kind, w.Principal = "Root", "arn:aws:iam::222222222222:root" }}, attribution.ClassPerson},
		{"a session of a role", []func(*attribution.Write){session("admin", "dana")}, attribution.ClassPerson},
		{"an instance", []func(*attribution.Write){session("web", "i-0123456789abcdef0")}, attribution.ClassUnknown},
		{"nobody", []func(*attribution.Write){func(w *attribution.Write) { w.Kind, w.Principal = "", "" }}, attribution.ClassUnknown},
		{"CloudFormation for the stack", []func(*attribution.Write){session("evenkeel-execution", "AWSCloudFormation"), invoked("cloudformation.amazonaws.com")}, attribution.ClassOwnDeployment},
		{"with the role of a stage", []func(*attribution.Write){session("evenkeel-deploy-shop", "evenkeel"), invoked("cloudformation.amazonaws.com")}, attribution.ClassOwnDeployment},
		{"a service says so by its address alone", []func(*attribution.Write){session("evenkeel-execution", "x"), func(w *attribution.Write) { w.SourceIP = "cloudformation.amazonaws.com" }}, attribution.ClassOwnDeployment},
		{"Evenkeel itself", []func(*attribution.Write){session("evenkeel-rollout", "evenkeel")}, attribution.ClassOwnDeployment},
		{"CloudFormation for another stack", []func(*attribution.Write){session("cdk-hnb659fds-cfn-exec-role", "AWSCloudFormation"), invoked("cloudformation.amazonaws.com")}, attribution.ClassOtherStack},
		{"CloudFormation for a person", []func(*attribution.Write){invoked("cloudformation.amazonaws.com")}, attribution.ClassOtherStack},
		{"a user agent is anybody's", []func(*attribution.Write){func(w *attribution.Write) { w.UserAgent = "cloudformation.amazonaws.com" }}, attribution.ClassPerson},
		{"our role's name in another account", []func(*attribution.Write){session("evenkeel-heal", "x"), func(w *attribution.Write) {
			w.Principal, w.Issuer = strings.ReplaceAll(w.Principal, "222222222222", "999999999999"), strings.ReplaceAll(w.Issuer, "222222222222", "999999999999")
		}}, attribution.ClassPerson},
		{"the healer", []func(*attribution.Write){session("evenkeel-heal", "evenkeel")}, attribution.ClassHealer},
		{"a service-linked role", []func(*attribution.Write){session("AWSServiceRoleForAutoScaling", "AutoScaling"), func(w *attribution.Write) {
			w.Issuer = "arn:aws:iam::222222222222:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
		}}, attribution.ClassServiceManaged},
		{"on behalf of a person", []func(*attribution.Write){session("admin", "dana"), invoked("autoscaling.amazonaws.com")}, attribution.ClassServiceManaged},
		{"a service alone", []func(*attribution.Write){func(w *attribution.Write) {
			w.Kind, w.Principal, w.InvokedBy = "AWSService", "rds.amazonaws.com", "rds.amazonaws.com"
		}}, attribution.ClassServiceManaged},
		{"a break-glass role", []func(*attribution.Write){session("Ops-BreakGlass", "dana")}, attribution.ClassBreakGlass},
		{"a ticket", []func(*attribution.Write){session("admin", "dana"), func(w *attribution.Write) { w.Tags = map[string]string{"Ticket": "INC-4711"} }}, attribution.ClassBreakGlass},
		{"another tag", []func(*attribution.Write){session("admin", "dana"), func(w *attribution.Write) { w.Tags = map[string]string{"team": "ops"} }}, attribution.ClassPerson},
		{"a session that calls itself an emergency", []func(*attribution.Write){session("admin", "ticket=INC-1")}, attribution.ClassPerson},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if class, why := attribution.Default().Classify(stack, write("a", 1, tt.change...)); class != tt.want || why == "" {
				t.Errorf("class %s (%s), want %s", class, why, tt.want)
			}
		})
	}
	custom := attribution.Classifier{Session: []string{"ticket=*", "[", "INC-*"}}
	if class, _ := custom.Classify(stack, write("a", 1, session("admin", "ticket=INC-1"))); class != attribution.ClassBreakGlass {
		t.Errorf("a configured session is %s", class)
	}
	if class, why := attribution.Default().Classify(stack, parse(t, sample(t, "testdata/function.json"))); class != attribution.ClassBreakGlass {
		t.Errorf("the sample is %s: %s", class, why)
	}
}

// FuzzMatch makes writes of bytes, two for each: kind and minute. Whatever they
// are, the answer is one of them, was made before the drift was seen, does not
// depend on their order, and is no worse than the best kind there is.
func FuzzMatch(f *testing.F) {
	f.Add([]byte{0, 20, 1, 30, 2, 12, 3, 50})
	f.Add([]byte{3, 20, 4, 21, 2, 45})
	f.Fuzz(func(t *testing.T, data []byte) {
		change := attribution.Change{Stack: stack, Resource: queue, From: minute(10), Until: minute(40)}
		var writes []attribution.Write
		person, anybody := false, false
		for i := 0; i+1 < len(data) && i < 40; i += 2 {
			kinds := [][]func(*attribution.Write){nil, {sets("/Tags")}, {ownDeployment}, {control}, {by(userDana, "cloudformation.amazonaws.com")}}
			kind, m := int(data[i])%len(kinds), int(data[i+1])%60
			writes = append(writes, write(strings.Repeat("x", i+1), m, kinds[kind]...))
			if m <= 41 {
				anybody, person = true, person || kind == 0 || kind == 4
			}
		}
		got := attribution.Default().Match(change, writes)
		if (got != nil) != anybody {
			t.Fatalf("%+v of %+v", got, writes)
		}
		if got == nil {
			return
		}
		i := slices.IndexFunc(writes, func(w attribution.Write) bool { return w.EventID == got.EventID })
		if i < 0 || !writes[i].Time.Equal(got.Time) || got.Time.After(minute(41)) || got.Class == "" || got.Why == "" {
			t.Errorf("%+v of %+v", got, writes)
		}
		if person && (!got.Exact || got.Class == attribution.ClassOwnDeployment) {
			t.Errorf("somebody set the property, and the answer is %+v", got)
		}
		slices.Reverse(writes)
		if again := attribution.Default().Match(change, writes); *again != *got {
			t.Errorf("in another order %+v, was %+v", again, got)
		}
	})
}
