package simulator

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema"
)

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func load(t testing.TB, name string) *schema.Type {
	t.Helper()
	typ, ok := schema.Load(name)
	if !ok {
		t.Fatalf("no schema of %s", name)
	}
	return typ
}

// CFN-51.
func TestDriftBetween(t *testing.T) {
	for name, test := range map[string]struct{ typ, expected, actual, want string }{
		"same":                         {"AWS::SQS::Queue", `{"DelaySeconds":5}`, `{"DelaySeconds":5,"Arn":"x"}`, ""},
		"number against text":          {"AWS::SQS::Queue", `{"DelaySeconds":5}`, `{"DelaySeconds":"5"}`, ""},
		"removed":                      {"AWS::SQS::Queue", `{"DelaySeconds":5}`, `{}`, "/DelaySeconds REMOVE 5 null"},
		"empty list is none":           {"AWS::SQS::Queue", `{"Tags":[]}`, `{}`, ""},
		"policy as text":               {"AWS::SNS::TopicPolicy", `{"PolicyDocument":{"a":1}}`, `{"PolicyDocument":"{\"a\": 1}"}`, ""},
		"policy changed":               {"AWS::SNS::TopicPolicy", `{"PolicyDocument":{"a":1}}`, `{"PolicyDocument":"{\"a\": 2}"}`, "/PolicyDocument/a NOT_EQUAL 1 2"},
		"free-form key added":          {"AWS::Lambda::Function", `{"Environment":{"Variables":{"A":"1"}}}`, `{"Environment":{"Variables":{"A":"1","B":"2"}}}`, "/Environment/Variables/B ADD null 2"},
		"default of a nested property": {"AWS::S3::Bucket", `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true}}`, `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":false}}`, ""},
		"rule added":                   {"AWS::EC2::SecurityGroup", `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`, `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}]}`, `/SecurityGroupIngress/0 ADD null {"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}`},
		"aws tag":                      {"AWS::SQS::Queue", `{"Tags":[{"Key":"a","Value":"1"}]}`, `{"Tags":[{"Key":"aws:x","Value":"2"},{"Key":"a","Value":"1"}]}`, ""},
		"write-only":                   {"AWS::RDS::DBInstance", `{"MasterUserPassword":"secret"}`, `{}`, ""},
		"no schema":                    {"Custom::Thing", `{"A":[1,2]}`, `{"A":[1,3]}`, "/A/1 NOT_EQUAL 2 3"},
	} {
		var got []string
		typ, _ := schema.Load(test.typ)
		for _, d := range driftBetween(typ, object(t, test.expected), object(t, test.actual)) {
			got = append(got, strings.Join([]string{"/" + joinPath(d.path), string(d.kind), differenceText(d.expected), differenceText(d.actual)}, " "))
		}
		if text := strings.Join(got, "\n"); text != test.want {
			t.Errorf("%s: got %q, want %q", name, text, test.want)
		}
	}
}

// CFN-13.
func TestReplaces(t *testing.T) {
	for name, test := range map[string]struct {
		typ, before, after string
		want               bool
	}{
		"mutable":                     {"AWS::SQS::Queue", `{"DelaySeconds":1}`, `{"DelaySeconds":2}`, false},
		"create-only":                 {"AWS::SQS::Queue", `{"QueueName":"a"}`, `{"QueueName":"b"}`, true},
		"nested create-only":          {"AWS::EC2::VPCEndpoint", `{"DnsOptions":{"PrivateDnsPreference":"ALL_DOMAINS"}}`, `{"DnsOptions":{"PrivateDnsPreference":"VERIFIED_DOMAINS_ONLY"}}`, true},
		"beside a nested create-only": {"AWS::EC2::VPCEndpoint", `{"DnsOptions":{"DnsRecordIpType":"ipv4"}}`, `{"DnsOptions":{"DnsRecordIpType":"ipv6"}}`, false},
		"parent of one added":         {"AWS::EC2::VPCEndpoint", `{}`, `{"DnsOptions":{"PrivateDnsPreference":"ALL_DOMAINS"}}`, true},
		"parent without it added":     {"AWS::EC2::VPCEndpoint", `{}`, `{"DnsOptions":{"DnsRecordIpType":"ipv4"}}`, false},
		"conditional":                 {"AWS::Events::Rule", `{"EventBusName":"a"}`, `{"EventBusName":"b"}`, false},
	} {
		if got := replaces(load(t, test.typ), object(t, test.before), object(t, test.after)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// CFN-21, CFN-22.
func TestCheckProperties(t *testing.T) {
	for name, test := range map[string]struct{ typ, properties, want string }{
		"good":                   {"AWS::SQS::Queue", `{"DelaySeconds":"5","FifoQueue":"true"}`, ""},
		"unknown":                {"AWS::SQS::Queue", `{"Nope":1}`, "#: extraneous key [Nope] is not permitted"},
		"missing":                {"AWS::SSM::Parameter", `{"Type":"String"}`, "#: required key [Value] not found"},
		"missing inside":         {"AWS::SQS::Queue", `{"Tags":[{"Key":"a"}]}`, "#/Tags/0: required key [Value] not found"},
		"type":                   {"AWS::SQS::Queue", `{"DelaySeconds":{"a":1}}`, "#/DelaySeconds: expected type: Integer, found: JSONObject"},
		"fraction":               {"AWS::SQS::Queue", `{"DelaySeconds":1.5}`, "#/DelaySeconds: expected type: Integer, found: Number"},
		"enumeration":            {"AWS::S3::Bucket", `{"VersioningConfiguration":{"Status":"On"}}`, "#/VersioningConfiguration/Status: On is not a valid enum value"},
		"length":                 {"AWS::Lambda::Function", `{"Code":{},"Role":"arn:aws:iam::222222222222:role/r","Description":"` + strings.Repeat("x", 257) + `"}`, "#/Description: expected maxLength: 256, actual: 257"},
		"read-only":              {"AWS::SQS::Queue", `{"Arn":"x"}`, "#: extraneous key [Arn] is not permitted"},
		"number becomes text":    {"AWS::SSM::Parameter", `{"Type":"String","Value":5}`, ""},
		"no schema, no question": {"AWS::CDK::Metadata", `{"Analytics":1}`, ""},
	} {
		typ, _ := schema.Load(test.typ)
		properties := object(t, test.properties)
		if typ != nil {
			conform(typ.Root, properties)
		}
		var got []string
		for _, v := range checkProperties(typ, properties) {
			got = append(got, v.String())
		}
		if text := strings.Join(got, "\n"); text != test.want {
			t.Errorf("%s: got %q, want %q", name, text, test.want)
		}
	}
}

// RFC 6902, appendix A, in the parts that Cloud Control uses.
func TestApplyPatch(t *testing.T) {
	const model = `{"a":{"b":[1,2,3]},"c":"x","m/n":1}`
	for patch, want := range map[string]string{
		`[{"op":"add","path":"/d","value":[1]}]`:                        `{"a":{"b":[1,2,3]},"c":"x","d":[1],"m/n":1}`,
		`[{"op":"add","path":"/a/b/1","value":9}]`:                      `{"a":{"b":[1,9,2,3]},"c":"x","m/n":1}`,
		`[{"op":"add","path":"/a/b/-","value":9}]`:                      `{"a":{"b":[1,2,3,9]},"c":"x","m/n":1}`,
		`[{"op":"remove","path":"/a/b/0"},{"op":"remove","path":"/c"}]`: `{"a":{"b":[2,3]},"m/n":1}`,
		`[{"op":"replace","path":"/m~1n","value":2}]`:                   `{"a":{"b":[1,2,3]},"c":"x","m/n":2}`,
		`[{"op":"move","from":"/c","path":"/a/c"}]`:                     `{"a":{"b":[1,2,3],"c":"x"},"m/n":1}`,
		`[{"op":"copy","from":"/a/b","path":"/c"}]`:                     `{"a":{"b":[1,2,3]},"c":[1,2,3],"m/n":1}`,
		`[{"op":"test","path":"/c","value":"x"}]`:                       model,
		`[{"op":"test","path":"/c","value":"y"}]`:                       "the value differs",
		`[{"op":"replace","path":"/none","value":1}]`:                   "does not exist",
		`[{"op":"remove","path":"/a/b/7"}]`:                             "not an index",
		`[{"op":"add","path":"/c/x","value":1}]`:                        "not a container",
		`[{"op":"dance","path":"/c"}]`:                                  "unknown operation",
		`{}`:                                                            "not valid",
		`[{"op":"replace","path":"","value":1}]`:                        "cannot be changed",
	} {
		before := object(t, model)
		got, err := applyPatch(before, patch)
		if !reflect.DeepEqual(before, object(t, model)) {
			t.Errorf("%s changed its input", patch)
		}
		if err != nil {
			if strings.HasPrefix(want, "{") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", patch, err, want)
			}
			continue
		}
		if compactJSON(got) != want {
			t.Errorf("%s: %s, want %s", patch, compactJSON(got), want)
		}
	}
}

// CFN-33, CFN-34: every published type can be made, has an identifier and all
// its read-only properties of simple types, and does not drift from itself.
func TestEveryType(t *testing.T) {
	sim := New(Options{})
	defer sim.Close()
	r := sim.in("222222222222", "eu-west-1")
	for _, name := range schema.Types() {
		typ := load(t, name)
		if len(typ.PrimaryIdentifier) == 0 {
			continue
		}
		hint := nameHint{"stack", "Logical"}
		model := r.models.generate(typ, name, nameIt(typ, name, map[string]any{}, hint), hint)
		if id := identify(typ, model, hint); id == "" {
			t.Errorf("%s has no identifier", name)
		}
		if found := driftBetween(typ, model, model); len(found) > 0 {
			t.Errorf("%s drifts from itself: %v", name, found)
		}
		if found := leaves(model, clone(model)); len(found) > 0 {
			t.Errorf("%s differs from its copy: %v", name, found)
		}
	}
}

// CFN-34: Ref and Fn::GetAtt of well-known types.
func TestWellKnownIdentifiers(t *testing.T) {
	sim := New(Options{})
	defer sim.Close()
	r := sim.in("222222222222", "eu-west-1")
	for _, test := range []struct{ typ, properties, ref, attribute, value string }{
		{"AWS::S3::Bucket", `{"BucketName":"b"}`, "b", "Arn", "arn:aws:s3:::b"},
		{"AWS::SNS::Topic", `{"TopicName":"t"}`, "arn:aws:sns:eu-west-1:222222222222:t", "TopicName", "t"},
		{"AWS::SQS::Queue", `{"QueueName":"q"}`, "https://sqs.eu-west-1.amazonaws.com/222222222222/q", "Arn", "arn:aws:sqs:eu-west-1:222222222222:q"},
		{"AWS::DynamoDB::Table", `{"TableName":"t","KeySchema":[]}`, "t", "Arn", "arn:aws:dynamodb:eu-west-1:222222222222:table/t"},
		{"AWS::IAM::Role", `{"RoleName":"r","AssumeRolePolicyDocument":{}}`, "r", "Arn", "arn:aws:iam::222222222222:role/r"},
		{"AWS::Lambda::Function", `{"FunctionName":"f"}`, "f", "Arn", "arn:aws:lambda:eu-west-1:222222222222:function:f"},
		{"AWS::Events::Rule", `{"Name":"r"}`, "r", "Arn", "arn:aws:events:eu-west-1:222222222222:rule/r"},
		{"AWS::SSM::Parameter", `{"Name":"/p","Type":"String","Value":"v"}`, "/p", "Value", "v"},
		{"AWS::Logs::LogGroup", `{"LogGroupName":"/l"}`, "/l", "Arn", "arn:aws:logs:eu-west-1:222222222222:log-group:/l:*"},
		{"AWS::StepFunctions::StateMachine", `{"StateMachineName":"m","RoleArn":"x"}`, "arn:aws:states:eu-west-1:222222222222:stateMachine:m", "Name", "m"},
	} {
		typ := load(t, test.typ)
		identifier, model, err := r.models.create(t.Context(), test.typ, object(t, test.properties), nameHint{"s", "L"})
		if err != nil {
			t.Fatal(err)
		}
		res := &resource{typeName: test.typ, identifier: identifier, physicalID: physicalID(typ, test.typ, identifier, model), model: model}
		if res.physicalID != test.ref {
			t.Errorf("Ref of %s = %s, want %s", test.typ, res.physicalID, test.ref)
		}
		if got, err := res.attribute(test.attribute); err != nil || got != test.value {
			t.Errorf("%s.%s = %v %v, want %s", test.typ, test.attribute, got, err, test.value)
		}
		if _, err := res.attribute("Nonsense"); err == nil {
			t.Errorf("%s.Nonsense has a value", test.typ)
		}
	}
}

// FuzzPatch: a patch never panics and never changes its input.
func FuzzPatch(f *testing.F) {
	f.Add(`{"a":[1]}`, `[{"op":"add","path":"/a/0","value":2}]`)
	f.Add(`{"a":{"b":1}}`, `[{"op":"move","from":"/a","path":"/a/b"}]`)
	f.Fuzz(func(t *testing.T, model, patch string) {
		var before map[string]any
		if json.Unmarshal([]byte(model), &before) != nil {
			return
		}
		copied := clone(before)
		_, _ = applyPatch(before, patch)
		if !reflect.DeepEqual(before, copied) {
			t.Errorf("%s changed %s", patch, model)
		}
	})
}
