package drift_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func kind(typeName string) drift.Kind {
	return drift.Kind{Type: typeName, Account: "222222222222", Region: "us-east-1"}
}

// Each row is the same to AWS although the text differs.
func TestCompareSame(t *testing.T) {
	tests := []struct{ name, typ, expected, actual string }{
		{"number and its text", "AWS::SQS::Queue", `{"VisibilityTimeout":"60"}`, `{"VisibilityTimeout":60}`},
		{"number in another form", "AWS::SQS::Queue", `{"VisibilityTimeout":"60.0"}`, `{"VisibilityTimeout":60}`},
		{"boolean and its text", "AWS::SQS::Queue", `{"FifoQueue":"True"}`, `{"FifoQueue":true}`},
		{"an undeclared property", "AWS::SQS::Queue", `{"DelaySeconds":5}`, `{"DelaySeconds":5,"MaximumMessageSize":262144}`},
		{"tags in another order", "AWS::SQS::Queue",
			`{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`, `{"Tags":[{"Value":"2","Key":"b"},{"Key":"a","Value":"1"}]}`},
		{"tags of CloudFormation", "AWS::SQS::Queue",
			`{"Tags":[{"Key":"a","Value":"1"}]}`, `{"Tags":[{"Key":"aws:cloudformation:stack-name","Value":"s"},{"Key":"a","Value":"1"}]}`},
		{"tags of CloudFormation in a map", "AWS::SSM::Parameter",
			`{"Tags":{"a":"1"}}`, `{"Tags":{"a":"1","aws:cloudformation:stack-name":"s"}}`},
		{"no tags and an empty list", "AWS::SQS::Queue", `{"Tags":[]}`, `{}`},
		{"rules in another order", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"},{"IpProtocol":"tcp","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8"}]}`,
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":"80","ToPort":"80","CidrIp":"10.0.0.0/8"},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`},
		{"policy as text", "AWS::IAM::Role",
			`{"AssumeRolePolicyDocument":"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"}},\"Version\":\"2012-10-17\"}"}`,
			`{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com"]},"Action":["sts:assumerole"]}]}}`},
		{"statements in another order", "AWS::S3::BucketPolicy",
			`{"PolicyDocument":{"Statement":[{"Sid":"A","Effect":"Deny","Action":"s3:*","Resource":"*","Principal":"*"},{"Sid":"B","Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*","Principal":{"AWS":"333333333333"}}]}}`,
			`{"PolicyDocument":{"Statement":[{"Sid":"B","Effect":"Allow","Action":["s3:List*","s3:Get*"],"Resource":["*"],"Principal":{"AWS":"arn:aws:iam::333333333333:root"}},{"Sid":"A","Effect":"Deny","Action":"s3:*","Resource":"*","Principal":{"AWS":"*"}}]}}`},
		{"condition values", "AWS::S3::BucketPolicy",
			`{"PolicyDocument":{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Principal":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}}`,
			`{"PolicyDocument":{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Principal":"*","Condition":{"Bool":{"aws:securetransport":["false"]}}}]}}`},
		{"a write-only property", "AWS::RDS::DBInstance", `{"MasterUserPassword":"x"}`, `{}`},
		{"a name and its ARN", "AWS::Lambda::EventSourceMapping", `{"FunctionName":"f"}`, `{"FunctionName":"arn:aws:lambda:us-east-1:222222222222:function:f"}`},
		{"an alias and its ARN", "AWS::SQS::Queue", `{"KmsMasterKeyId":"arn:aws:kms:us-east-1:222222222222:alias/own"}`, `{"KmsMasterKeyId":"alias/own"}`},
		{"a default inside an object", "AWS::CloudFront::VpcOrigin",
			`{"VpcOriginEndpointConfig":{"Name":"o"}}`, `{"VpcOriginEndpointConfig":{"Name":"o","OriginProtocolPolicy":"match-viewer"}}`},
		{"an undeclared value inside an object", "AWS::CloudFront::VpcOrigin",
			`{"VpcOriginEndpointConfig":{"Name":"o"}}`, `{"VpcOriginEndpointConfig":{"Name":"o","OriginProtocolPolicy":"http-only"}}`},
		{"an undeclared value inside an item of a set", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"},{"IpProtocol":"6","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8"}]}`,
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8","Description":""},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8","Description":"x"}]}`},
		{"an item of a set declared twice", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":1,"ToPort":1},{"IpProtocol":"tcp","FromPort":1,"ToPort":1}]}`,
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":1,"ToPort":1}]}`},
		{"transform to a fixed form", "AWS::RDS::DBInstance", `{"DBInstanceIdentifier":"MyDb"}`, `{"DBInstanceIdentifier":"mydb"}`},
		{"transform to a pattern", "AWS::RDS::DBInstance", `{"EngineVersion":8.0}`, `{"EngineVersion":"8.0.35"}`},
		{"transform of a key", "AWS::EFS::FileSystem", `{"KmsKeyId":"alias/own"}`,
			`{"KmsKeyId":"arn:aws:kms:us-east-1:222222222222:key/22222222-2222-2222-2222-222222222222"}`},
		{"transform with alternatives", "AWS::ECS::Service", `{"TaskDefinition":"web"}`,
			`{"TaskDefinition":"arn:aws:ecs:us-east-1:222222222222:task-definition/web:3"}`},
		{"an address block with host bits", "AWS::EC2::Subnet", `{"CidrBlock":"10.0.7.9/20"}`, `{"CidrBlock":"10.0.0.0/20"}`},
		{"false that is not returned", "AWS::SQS::Queue", `{"FifoQueue":false,"Tags":[]}`, `{}`},
		{"a policy without a version", "AWS::SQS::QueuePolicy",
			`{"PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*","Principal":"*"}]}}`,
			`{"PolicyDocument":{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*","Principal":"*"}]}}`},
		{"a number that is kept as text", "AWS::SSM::Parameter", `{"Value":8.0}`, `{"Value":"8.0"}`},
		{"a boolean that is kept as text", "AWS::SSM::Parameter", `{"Value":true}`, `{"Value":"True"}`},
		{"attributes that are not declared", "AWS::ElasticLoadBalancingV2::LoadBalancer",
			`{"LoadBalancerAttributes":[{"Key":"a","Value":1}]}`, `{"LoadBalancerAttributes":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}`},
		{"a value that the schema does not know yet", "AWS::CloudFront::VpcOrigin",
			`{"VpcOriginEndpointConfig":{"Name":"o"}}`, `{"VpcOriginEndpointConfig":{"Name":"o","Invented":"x"}}`},
		{"a type without a schema", "Vendor::Own::Type", `{"Size":"5","Document":{"a":1}}`, `{"Size":5,"Document":"{ \"a\" : 1 }"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := drift.Compare(kind(tt.typ), object(t, tt.expected), object(t, tt.actual)); len(got) > 0 {
				t.Errorf("differences %+v", got)
			}
		})
	}
}

// Each row is real drift, and the smallest difference is named.
func TestCompareDifferent(t *testing.T) {
	type differences = []events.PropertyDifference
	tests := []struct {
		name, typ, expected, actual string
		want                        differences
	}{
		{"scalar", "AWS::SQS::Queue", `{"VisibilityTimeout":60}`, `{"VisibilityTimeout":30}`,
			differences{{Path: "/VisibilityTimeout", Type: "NOT_EQUAL", Expected: "60", Actual: "30"}}},
		{"gone", "AWS::SQS::Queue", `{"DelaySeconds":5}`, `{}`,
			differences{{Path: "/DelaySeconds", Type: "REMOVE", Expected: "5"}}},
		{"nested", "AWS::DynamoDB::Table",
			`{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}`, `{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":false}}`,
			differences{{Path: "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", Type: "NOT_EQUAL", Expected: "true", Actual: "false"}}},
		{"a tag more beside one of AWS", "AWS::SQS::Queue",
			`{"Tags":[{"Key":"a","Value":"1"}]}`, `{"Tags":[{"Key":"aws:x","Value":"s"},{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}`,
			differences{{Path: "/Tags/1", Type: "ADD", Actual: `{"Key":"b","Value":"2"}`}}},
		{"a rule more in front", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`,
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`,
			differences{{Path: "/SecurityGroupIngress/0", Type: "ADD", Actual: `{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}`}}},
		{"twice the same and once", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":1,"ToPort":1},{"IpProtocol":"udp","FromPort":2,"ToPort":2}]}`,
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":1,"ToPort":1}]}`,
			differences{{Path: "/SecurityGroupIngress/1", Type: "REMOVE", Expected: `{"FromPort":2,"IpProtocol":"udp","ToPort":2}`}}},
		{"a list whose order counts", "AWS::ElasticLoadBalancingV2::Listener",
			`{"DefaultActions":[{"Type":"redirect","Order":1}]}`, `{"DefaultActions":[{"Type":"forward","Order":1}]}`, nil},
		{"a declared value is another than the default", "AWS::CloudFront::VpcOrigin",
			`{"VpcOriginEndpointConfig":{"Name":"o","OriginProtocolPolicy":"match-viewer"}}`, `{"VpcOriginEndpointConfig":{"Name":"o","OriginProtocolPolicy":"http-only"}}`,
			differences{{Path: "/VpcOriginEndpointConfig/OriginProtocolPolicy", Type: "NOT_EQUAL", Expected: "match-viewer", Actual: "http-only"}}},
		{"a choice without content", "AWS::WAFv2::WebACL",
			`{"DefaultAction":{"Allow":{}}}`, `{"DefaultAction":{"Block":{}}}`,
			differences{{Path: "/DefaultAction/Allow", Type: "REMOVE", Expected: "{}"}}},
		{"a key more in a map", "AWS::Lambda::Function",
			`{"Environment":{"Variables":{"A":"1"}}}`, `{"Environment":{"Variables":{"A":"1","B":"2"}}}`,
			differences{{Path: "/Environment/Variables/B", Type: "ADD", Actual: "2"}}},
		{"a tag of another value", "AWS::SQS::Queue",
			`{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`, `{"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"3"}]}`,
			differences{{Path: "/Tags/0/Value", Type: "NOT_EQUAL", Expected: "1", Actual: "3"}}},
		{"a name where another type's ARN ends alike", "AWS::Lambda::EventSourceMapping",
			`{"FunctionName":"prod"}`, `{"FunctionName":"arn:aws:lambda:us-east-1:222222222222:function:f:prod"}`, nil},
		{"text that is no reference", "AWS::SSM::Parameter",
			`{"Value":"f"}`, `{"Value":"arn:aws:lambda:us-east-1:222222222222:function:f"}`, nil},
		{"the engine of another major version", "AWS::RDS::DBInstance",
			`{"EngineVersion":"8.0"}`, `{"EngineVersion":"5.7.44"}`, nil},
		{"another key than the one that is given as ARN", "AWS::EFS::FileSystem",
			`{"KmsKeyId":"arn:aws:kms:us-east-1:222222222222:key/11111111-1111-1111-1111-111111111111"}`,
			`{"KmsKeyId":"arn:aws:kms:us-east-1:222222222222:key/22222222-2222-2222-2222-222222222222"}`, nil},
		{"a property that the schema calls read-only and templates set", "AWS::SageMaker::Endpoint",
			`{"EndpointName":"a"}`, `{"EndpointName":"b"}`, nil},
		{"an ordered list that is shorter", "AWS::ElasticLoadBalancingV2::Listener",
			`{"DefaultActions":[{"Type":"authenticate-oidc"},{"Type":"forward"}]}`, `{"DefaultActions":[{"Type":"authenticate-oidc"}]}`,
			differences{{Path: "/DefaultActions/1", Type: "REMOVE", Expected: `{"Type":"forward"}`}}},
		{"a policy that allows more", "AWS::SQS::QueuePolicy",
			`{"PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*","Principal":{"AWS":"333333333333"}}]}}`,
			`{"PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*","Principal":"*"}]}}`, nil},
		{"an unlike text that reads as a number", "AWS::SSM::Parameter", `{"Value":"01"}`, `{"Value":"1"}`,
			differences{{Path: "/Value", Type: "NOT_EQUAL", Expected: "01", Actual: "1"}}},
		{"white space in a text", "AWS::SSM::Parameter", `{"Value":"{\"a\":1}"}`, `{"Value":"{\"a\": 1}"}`,
			differences{{Path: "/Value", Type: "NOT_EQUAL", Expected: `{"a":1}`, Actual: `{"a": 1}`}}},
		{"a name and the ARN in another account", "AWS::Lambda::EventSourceMapping",
			`{"FunctionName":"f"}`, `{"FunctionName":"arn:aws:lambda:us-east-1:333333333333:function:f"}`, nil},
		{"two ARNs that end alike", "AWS::Lambda::EventSourceMapping",
			`{"EventSourceArn":"arn:aws:sqs:us-east-1:222222222222:x"}`, `{"EventSourceArn":"arn:aws:kinesis:us-east-1:222222222222:x"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := drift.Compare(kind(tt.typ), object(t, tt.expected), object(t, tt.actual))
			if len(got) == 0 || tt.want != nil && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// What cannot be compared is neither drift nor the same.
func TestExamineUnresolved(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:222222222222:key/22222222-2222-2222-2222-222222222222"
	tests := []struct {
		name, typ, expected, actual string
		unresolved, different       []string
	}{
		{"a transform that cannot be evaluated", "AWS::Lambda::Url", `{"TargetFunctionArn":"f","AuthType":"NONE"}`,
			`{"TargetFunctionArn":"g","AuthType":"AWS_IAM"}`, []string{"/TargetFunctionArn"}, []string{"/AuthType"}},
		{"the same value needs no transform", "AWS::Lambda::Url", `{"TargetFunctionArn":"f"}`, `{"TargetFunctionArn":"f"}`, nil, nil},
		{"a transform of a value of the wrong type", "AWS::RDS::DBInstance", `{"DBInstanceIdentifier":["a"]}`, `{"DBInstanceIdentifier":"b"}`,
			[]string{"/DBInstanceIdentifier"}, nil},
		{"an alias and a key", "AWS::SQS::Queue", `{"KmsMasterKeyId":"alias/own"}`, `{"KmsMasterKeyId":"` + key + `"}`, []string{"/KmsMasterKeyId"}, nil},
		{"two aliases", "AWS::SQS::Queue", `{"KmsMasterKeyId":"alias/own"}`, `{"KmsMasterKeyId":"alias/other"}`, nil, []string{"/KmsMasterKeyId"}},
		{"an alias and a key elsewhere", "AWS::SQS::Queue", `{"KmsMasterKeyId":"alias/own"}`,
			`{"KmsMasterKeyId":"` + strings.Replace(key, "222222222222", "333333333333", 1) + `"}`, nil, []string{"/KmsMasterKeyId"}},
		{"a dynamic reference", "AWS::SSM::Parameter", `{"Value":"{{resolve:ssm:x}}"}`, `{"Value":"y"}`, []string{"/Value"}, nil},
		{"a dynamic reference to what is gone", "AWS::SNS::Topic", `{"DisplayName":"{{resolve:ssm:x}}"}`, `{}`, nil, []string{"/DisplayName"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := drift.Examine(kind(tt.typ), object(t, tt.expected), object(t, tt.actual))
			var unresolved, different []string
			for _, u := range got.Unresolved {
				if u.Reason == "" {
					t.Errorf("%s has no reason", u.Path)
				}
				unresolved = append(unresolved, u.Path)
			}
			for _, d := range got.Differences {
				different = append(different, d.Path)
			}
			if !reflect.DeepEqual(unresolved, tt.unresolved) || !reflect.DeepEqual(different, tt.different) {
				t.Errorf("unresolved %v, different %v, want %v and %v", unresolved, different, tt.unresolved, tt.different)
			}
		})
	}
}

// FuzzCompare states the invariants: a value does not differ from itself and
// declares all of itself; differences are sorted, and name places that are there.
func FuzzCompare(f *testing.F) {
	f.Add("AWS::SQS::Queue", `{"Tags":[{"Key":"a","Value":"1"}],"DelaySeconds":"5"}`, `{"DelaySeconds":5}`)
	f.Add("AWS::EC2::SecurityGroup", `{"SecurityGroupIngress":[{"CidrIp":"10.0.0.0/8"},{"CidrIp":"10.0.0.0/8"}]}`, `{"SecurityGroupIngress":[]}`)
	f.Add("AWS::IAM::Role", `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow"}]}}`, `{"AssumeRolePolicyDocument":"{}"}`)
	f.Add("AWS::RDS::DBInstance", `{"EngineVersion":"8.0","KmsKeyId":"alias/a"}`, `{"EngineVersion":"8.0.1","KmsKeyId":1}`)
	f.Add("No::Such::Type", `{"a":[null,[[]],{"b":{}}],"c":true}`, `{"a":null}`)
	f.Fuzz(func(t *testing.T, typ, a, b string) {
		var left, right map[string]any
		if json.Unmarshal([]byte(a), &left) != nil || json.Unmarshal([]byte(b), &right) != nil {
			return
		}
		if got := drift.Examine(kind(typ), left, left); len(got.Differences)+len(got.Unresolved) > 0 {
			t.Fatalf("%s differs from itself: %+v", a, got)
		}
		if got := drift.Undeclared(kind(typ), left, left); len(got) > 0 {
			t.Fatalf("%s does not declare %+v", a, got)
		}
		got := drift.Compare(kind(typ), left, right)
		for i, d := range got {
			if i > 0 && got[i-1].Path > d.Path {
				t.Errorf("%s stands after %s", d.Path, got[i-1].Path)
			}
			if d.Type != drift.DifferenceAdd && !there(left, d.Path) || d.Type == drift.DifferenceAdd && !there(right, d.Path) {
				t.Errorf("%s of %s is nowhere in %s and %s", d.Type, d.Path, a, b)
			}
		}
		for _, d := range drift.Undeclared(kind(typ), left, right) {
			if !there(right, d.Path) {
				t.Errorf("%s is not in %s", d.Path, b)
			}
		}
	})
}

// there reports a JSON pointer that leads somewhere.
func there(v any, pointer string) bool {
	for _, name := range strings.Split(pointer, "/")[1:] {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[name]
			if !ok {
				return false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at) {
				return false
			}
			v = at[i]
		default:
			return false
		}
	}
	return true
}

// What a resource looks like is up to whoever can change it: a comparison must
// not take for ever, nor fall over.
func TestCompareHostile(t *testing.T) {
	nested := func(open, end, inner string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	many := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	sets := func(salt string) string {
		return `{"Ec2TagSet":{"Ec2TagSetList":` + many(150, func(i int) string {
			return `{"Ec2TagGroup":` + many(40, func(j int) string { return fmt.Sprintf(`{"Key":"k%d%s%d","Value":"v","Type":"KEY_ONLY"}`, i, salt, j) }) + `}`
		}) + `}}`
	}
	tests := []struct{ name, typ, expected, actual string }{
		{"deep objects", "AWS::Events::Rule", `{"EventPattern":` + nested(`{"a":`, `}`, `1`, 9000) + `}`, `{"EventPattern":` + nested(`{"a":`, `}`, `2`, 9000) + `}`},
		{"deep lists", "No::Such::Type", `{"D":` + nested(`[`, `]`, `1`, 9000) + `}`, `{"D":` + nested(`[`, `]`, `2`, 9000) + `}`},
		{"deep in a recursive type", "AWS::WAFv2::WebACL", `{"Rules":[{"Statement":` + nested(`{"NotStatement":{"Statement":`, `}}`, `{}`, 2000) + `}]}`, `{"Rules":[{"Statement":` + nested(`{"NotStatement":{"Statement":`, `}}`, `{"X":1}`, 2000) + `}]}`},
		{"policies in policies", "AWS::IAM::ManagedPolicy", `{"PolicyDocument":` + nested(`{"Statement":[{"Effect":"Allow","X":`, `}]}`, `1`, 2500) + `}`, `{"PolicyDocument":` + nested(`{"Statement":[{"Effect":"Allow","X":`, `}]}`, `2`, 2500) + `}`},
		{"a large set", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":` + many(5000, func(i int) string { return fmt.Sprintf(`{"CidrIp":"10.0.0.0/8","FromPort":%d}`, i) }) + `}`,
			`{"SecurityGroupIngress":` + many(5000, func(i int) string { return fmt.Sprintf(`{"CidrIp":"11.0.0.0/8","FromPort":%d}`, i) }) + `}`},
		{"sets of sets", "AWS::CodeDeploy::DeploymentGroup", sets("a"), sets("b")},
		{"a long number", "AWS::SQS::Queue", `{"DelaySeconds":"1e999999999"}`, `{"DelaySeconds":"` + strings.Repeat("9", 100_000) + `"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expected, actual := object(t, tt.expected), object(t, tt.actual)
			started := time.Now()
			got := drift.Compare(kind(tt.typ), expected, actual)
			if took := time.Since(started); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			if len(got) == 0 {
				t.Error("no difference")
			}
			if got := drift.Compare(kind(tt.typ), actual, actual); len(got) > 0 {
				t.Errorf("differs from itself: %d differences", len(got))
			}
			drift.Undeclared(kind(tt.typ), expected, actual)
		})
	}
}
