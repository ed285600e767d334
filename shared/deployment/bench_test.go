package deployment

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// large is a change set of n resources as CloudFormation shows one, with both
// contexts and details, and its templates: functions with their roles and log
// groups, queues, tables, buckets with policies, security groups, alarms.
func large(tb testing.TB, n int) (set ChangeSet, before, after []byte) {
	tb.Helper()
	old, next := map[string]any{}, map[string]any{}
	set = ChangeSet{ID: "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/c/1", StackID: "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/1", Status: "CREATE_COMPLETE"}
	for i := range n {
		kind := kinds[i%len(kinds)]
		id := fmt.Sprintf("%s%03d", kind.name, i)
		was, is := kind.properties(i, 1), kind.properties(i, 2)
		old[id] = map[string]any{"Type": kind.typ, "Properties": was}
		next[id] = map[string]any{"Type": kind.typ, "Properties": is, "DeletionPolicy": "Retain"}
		c := Change{Action: "Modify", LogicalID: id, PhysicalID: id, Type: kind.typ, Replacement: "False", Scope: []string{"Properties"}, Before: encode(tb, was), After: encode(tb, is)}
		c.Details = append(c.Details, Detail{
			Attribute: "Properties", Name: kind.changes, Path: "/Properties/" + kind.changes, ChangeType: "Modify",
			Before: text(tb, was[kind.changes]), After: text(tb, is[kind.changes]), Recreation: kind.recreation, Evaluation: "Static", Source: "DirectModification",
		})
		if kind.recreation == "Always" {
			c.Replacement, c.PolicyAction = "True", "ReplaceAndDelete"
		}
		set.Changes = append(set.Changes, c)
	}
	return set, marshal(tb, map[string]any{"Resources": old}), marshal(tb, map[string]any{"Resources": next})
}

func encode(tb testing.TB, properties map[string]any) string {
	return string(marshal(tb, map[string]any{"Properties": properties}))
}

func text(tb testing.TB, v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(marshal(tb, v))
}

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

var kinds = []struct {
	name, typ, changes, recreation string
	properties                     func(i, version int) map[string]any
}{
	{"Function", "AWS::Lambda::Function", "MemorySize", "Never", func(i, v int) map[string]any {
		return map[string]any{"FunctionName": fmt.Sprint("f", i), "Runtime": "python3.13", "Handler": "main.run", "MemorySize": fmt.Sprint(128 * v), "Role": "arn:aws:iam::111111111111:role/r", "Environment": map[string]any{"Variables": map[string]any{"TABLE": "orders", "DB_PASSWORD": "{{resolve:secretsmanager:db}}"}}}
	}},
	{"Role", "AWS::IAM::Role", "Policies", "Never", func(i, v int) map[string]any {
		actions := []any{"dynamodb:GetItem", "dynamodb:Query", "s3:GetObject"}
		if v == 2 {
			actions = append(actions, "s3:PutObject")
		}
		return map[string]any{
			"AssumeRolePolicyDocument": policyDocument([]any{"sts:AssumeRole"}, nil, map[string]any{"Service": "lambda.amazonaws.com"}),
			"Policies":                 []any{map[string]any{"PolicyName": "p", "PolicyDocument": policyDocument(actions, []any{"arn:aws:s3:::a/*", fmt.Sprintf("arn:aws:dynamodb:eu-west-1:111111111111:table/t%d", i)}, nil)}},
		}
	}},
	{"Logs", "AWS::Logs::LogGroup", "RetentionInDays", "Never", func(i, v int) map[string]any {
		return map[string]any{"LogGroupName": fmt.Sprint("/shop/", i), "RetentionInDays": fmt.Sprint(30 * v)}
	}},
	{"Queue", "AWS::SQS::Queue", "VisibilityTimeout", "Never", func(i, v int) map[string]any {
		return map[string]any{"QueueName": fmt.Sprint("q", i), "VisibilityTimeout": fmt.Sprint(30 * v), "KmsMasterKeyId": "alias/shop"}
	}},
	{"Table", "AWS::DynamoDB::Table", "TableName", "Always", func(i, v int) map[string]any {
		return map[string]any{"TableName": fmt.Sprintf("t%d-%d", i, v), "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": []any{map[string]any{"AttributeName": "id", "AttributeType": "S"}}, "KeySchema": []any{map[string]any{"AttributeName": "id", "KeyType": "HASH"}}}
	}},
	{"Bucket", "AWS::S3::Bucket", "Tags", "Never", func(i, v int) map[string]any {
		return map[string]any{"BucketName": fmt.Sprint("b", i), "Tags": []any{map[string]any{"Key": "release", "Value": fmt.Sprint(v)}}, "PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": "true", "BlockPublicPolicy": "true", "IgnorePublicAcls": "true", "RestrictPublicBuckets": "true"}}
	}},
	{"Policy", "AWS::S3::BucketPolicy", "PolicyDocument", "Never", func(i, v int) map[string]any {
		return map[string]any{"Bucket": fmt.Sprint("b", i), "PolicyDocument": policyDocument([]any{"s3:GetObject"}, []any{fmt.Sprintf("arn:aws:s3:::b%d/v%d/*", i, v)}, map[string]any{"AWS": "arn:aws:iam::111111111111:role/r"})}
	}},
	{"Group", "AWS::EC2::SecurityGroup", "SecurityGroupIngress", "Never", func(i, v int) map[string]any {
		var rules []any
		for n := range 5 * v {
			rules = append(rules, map[string]any{"IpProtocol": "tcp", "FromPort": fmt.Sprint(8000 + n), "ToPort": fmt.Sprint(8000 + n), "CidrIp": fmt.Sprintf("10.%d.0.0/16", n)})
		}
		return map[string]any{"GroupDescription": "g", "VpcId": "vpc-1", "SecurityGroupIngress": rules}
	}},
	{"Alarm", "AWS::CloudWatch::Alarm", "Threshold", "Never", func(_, v int) map[string]any {
		return map[string]any{"MetricName": "Errors", "Namespace": "AWS/Lambda", "Threshold": fmt.Sprint(v), "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": "1"}
	}},
	{"Parameter", "AWS::SSM::Parameter", "Value", "Never", func(i, v int) map[string]any {
		return map[string]any{"Name": fmt.Sprint("/shop/", i), "Type": "String", "Value": fmt.Sprint("release ", v)}
	}},
}

func policyDocument(actions, resources []any, principal map[string]any) map[string]any {
	statement := map[string]any{"Effect": "Allow", "Action": actions}
	if resources != nil {
		statement["Resource"] = resources
	}
	if principal != nil {
		statement["Principal"] = principal
	}
	return map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}
}

// BenchmarkPlanOf500Resources rates a change set of 500 resources with its
// templates, and renders it as text, Markdown and JSON. Issue 4 asks for less
// than 50 ms. Parsing the two templates is measured beside it.
func BenchmarkPlanOf500Resources(b *testing.B) {
	set, old, next := large(b, 500)
	parse := func() risk.Templates {
		var t risk.Templates
		var err, err2 error
		t.Before, err = template.Parse("before", old)
		t.After, err2 = template.Parse("after", next)
		if err != nil || err2 != nil {
			b.Fatal(err, err2)
		}
		return t
	}
	schemas := risk.Published("eu-west-1")
	templates := parse()
	b.Run("risk", func(b *testing.B) {
		for b.Loop() {
			risk.Assess(set, templates, schemas, risk.Policy{})
		}
	})
	plan := func(templates risk.Templates) int {
		rated := risk.Assess(set, templates, schemas, risk.Policy{})
		document := Document{Rows: rows(set, schemas), Risk: rated.Level, Reasons: rated.Reasons}
		data, err := json.Marshal(document)
		if err != nil {
			b.Fatal(err)
		}
		return len(document.Text()) + len(document.Markdown(MaxMarkdown)) + len(data)
	}
	b.Run("risk-and-rendering", func(b *testing.B) {
		for b.Loop() {
			plan(templates)
		}
	})
	b.Run("with-parsing-templates", func(b *testing.B) {
		for b.Loop() {
			plan(parse())
		}
	})
}
