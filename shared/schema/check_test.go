package schema_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/schema"
)

func model(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, typ, model string
		want             []string // "keyword path", in order
	}{
		{"good bucket", "AWS::S3::Bucket", `{"BucketName": "my-bucket", "VersioningConfiguration": {"Status": "Enabled"}}`, nil},
		{"empty bucket", "AWS::S3::Bucket", `{}`, nil},
		{"unknown property", "AWS::S3::Bucket", `{"BucketNam": "x"}`, []string{"additionalProperties BucketNam"}},
		{"nested unknown", "AWS::S3::Bucket", `{"VersioningConfiguration": {"Status": "Enabled", "X": 1}}`, []string{"additionalProperties VersioningConfiguration/X"}},
		{"missing", "AWS::EC2::SecurityGroup", `{}`, []string{"required "}},
		{"missing in an item", "AWS::S3::Bucket", `{"Tags": [{"Key": "a"}]}`, []string{"required Tags/0"}},
		{"enum", "AWS::S3::Bucket", `{"VersioningConfiguration": {"Status": "On"}}`, []string{"enum VersioningConfiguration/Status"}},
		{"wrong type", "AWS::S3::Bucket", `{"Tags": {"Key": "a"}}`, []string{"type Tags"}},
		{"object for string", "AWS::S3::Bucket", `{"BucketName": {"a": 1}}`, []string{"type BucketName"}},
		{"number as text", "AWS::SQS::Queue", `{"VisibilityTimeout": "30", "FifoQueue": "true"}`, nil},
		{"text for number", "AWS::SQS::Queue", `{"VisibilityTimeout": "soon"}`, []string{"type VisibilityTimeout"}},
		{"pattern", "AWS::EC2::SecurityGroup", `{"GroupDescription": "tab\there"}`, []string{"pattern GroupDescription"}},
		{"range", "AWS::Lambda::Function", `{"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::111111111111:role/r", "MemorySize": 64, "Timeout": 0}`, []string{"minimum MemorySize", "minimum Timeout"}},
		{"length", "AWS::EC2::SecurityGroup", `{"GroupDescription": "` + strings.Repeat("a", 300) + `"}`, []string{"maxLength GroupDescription"}},
		{"read-only", "AWS::SNS::Topic", `{"TopicArn": "arn:aws:sns:us-east-1:111111111111:t"}`, []string{"readOnly TopicArn"}},
		{"read-only in depth", "AWS::RDS::DBInstance", `{"Endpoint": {"Address": "a"}}`, []string{"readOnly Endpoint", "readOnly Endpoint/Address"}},
		{"xor", "AWS::EC2::SecurityGroup", `{"GroupDescription": "d", "SecurityGroupIngress": [{"IpProtocol": "tcp"}]}`, []string{"requiredXor SecurityGroupIngress/0"}},
		{"or", "AWS::EC2::Subnet", `{"VpcId": "vpc-1"}`, []string{"requiredOr "}},
		{"prefixItems", "AWS::DynamoDB::Table", `{"KeySchema": [{"AttributeName": "a", "KeyType": "RANGE"}]}`, []string{"oneOf KeySchema"}},
		{"if then", "AWS::DynamoDB::Table", `{"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
			"LocalSecondaryIndexes": [{"IndexName": "idx", "Projection": {}, "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}]}]}`,
			[]string{"minItems AttributeDefinitions", "minItems KeySchema"}},
		{"unique", "AWS::SNS::Topic", `{"DeliveryStatusLogging": [{"Protocol": "sqs"}, {"Protocol": "sqs"}]}`, []string{"uniqueItems DeliveryStatusLogging"}},
		{"custom resource", "Custom::Thing", `{"ServiceToken": "arn:aws:lambda:us-east-1:111111111111:function:f", "Anything": [1]}`, nil},
		{"module", "My::Own::Thing::MODULE", `{"Anything": 1}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			typ, ok := schema.Load(tt.typ)
			if !ok {
				t.Fatal("unknown type")
			}
			var got []string
			for _, v := range schema.Check(typ, model(t, tt.model)) {
				got = append(got, v.Keyword+" "+strings.Join(v.Path, "/"))
				if v.Message == "" || !strings.HasPrefix(v.Pointer(), "/properties/") {
					t.Errorf("%+v", v)
				}
			}
			if strings.Join(got, "; ") != strings.Join(tt.want, "; ") {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestUnknownValuesPass(t *testing.T) {
	queue, _ := schema.Load("AWS::SQS::Queue")
	m := map[string]any{"VisibilityTimeout": struct{}{}, "FifoQueue": struct{}{}}
	if got := schema.Check(queue, m); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestSuggestion(t *testing.T) {
	bucket, _ := schema.Load("AWS::S3::Bucket")
	got := schema.Check(bucket, map[string]any{"BuketName": "x"})
	if len(got) != 1 || !strings.Contains(got[0].Message, `did you mean "BucketName"?`) {
		t.Errorf("%v", got)
	}
}

// Java, Perl and ECMAScript differ; every published pattern must compile in one
// of the two engines, and none may run away.
func TestPatterns(t *testing.T) {
	seen := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				if s, ok := e.(string); ok && k == "pattern" {
					seen[s] = true
				}
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, name := range schema.Types() {
		typ, _ := schema.Load(name)
		walk(typ.Raw)
	}
	if len(seen) < 1500 {
		t.Fatalf("only %d patterns", len(seen))
	}
	broken := 0
	for s := range seen {
		p := schema.NewPattern(s)
		if !p.Valid() {
			broken++
			t.Logf("no engine takes %q", s)
		}
		begin := time.Now()
		p.Match(strings.Repeat("a", 300) + "!")
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%q takes %s", s, took)
		}
	}
	if broken > 0 {
		t.Errorf("%d patterns are understood by no engine", broken)
	}
}

func TestBacktrackingPattern(t *testing.T) {
	p := schema.NewPattern(`^(?!aws:)[a-z:]+$`)
	if p.Match("aws:x") || !p.Match("mine:x") {
		t.Error("lookahead")
	}
}

func BenchmarkCheck(b *testing.B) {
	typ, _ := schema.Load("AWS::S3::Bucket")
	m := model(b, `{"BucketName": "my-bucket", "VersioningConfiguration": {"Status": "Enabled"}, "Tags": [{"Key": "a", "Value": "b"}],
		"BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if got := schema.Check(typ, m); len(got) != 0 {
			b.Fatal(got)
		}
	}
}
