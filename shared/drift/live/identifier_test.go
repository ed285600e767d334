package live_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Cloud Control API user guide, "Identifying resources": "Primary identifiers
// can be specified as a string or JSON; secondary identifiers must be specified
// as JSON"; values of a compound one are joined by "|".
func TestIdentifier(t *testing.T) {
	tests := []struct {
		typ, physical string
		properties    map[string]any // by path
		want          string
		exact         bool
	}{
		{"AWS::SQS::Queue", "https://sqs/jobs", nil, "https://sqs/jobs", true},
		{"AWS::SNS::Topic", "arn:aws:sns:us-east-1:222222222222:news", nil, "arn:aws:sns:us-east-1:222222222222:news", true},
		{"AWS::SNS::Topic", "news", nil, "news", false},
		{"AWS::IAM::Role", "worker", nil, "worker", true},
		{"AWS::Events::Rule", "nightly", nil, "arn:aws:events:us-east-1:222222222222:rule/nightly", true},
		{"AWS::Events::Rule", "bus|nightly", nil, "arn:aws:events:us-east-1:222222222222:rule/bus/nightly", true},
		{"AWS::Events::Rule", "arn:aws:events:us-east-1:222222222222:rule/nightly", nil, "arn:aws:events:us-east-1:222222222222:rule/nightly", true},
		{"AWS::Lambda::Permission", "id-1", map[string]any{"FunctionName": "worker"}, "worker|id-1", true},
		{"AWS::Lambda::Permission", "id-1", map[string]any{"FunctionName": "arn:aws:lambda:us-east-1:222222222222:function:worker"}, "arn:aws:lambda:us-east-1:222222222222:function:worker|id-1", false},
		{"AWS::Lambda::Permission", "worker|id-1", nil, "worker|id-1", true},
		{"AWS::IAM::RolePolicy", "write", map[string]any{"PolicyName": "write", "RoleName": "worker"}, "write|worker", true},
		{"AWS::ApiGateway::Method", "m-1", map[string]any{"RestApiId": "a", "ResourceId": "r", "HttpMethod": "GET"}, "a|r|GET", true},
		{"AWS::ApiGateway::Method", "m-1", map[string]any{"HttpMethod": "GET"}, "", false},
		// What is set and not known is no physical id: "m-1|r|GET" would not be found, and the method called deleted.
		{"AWS::ApiGateway::Method", "m-1", map[string]any{"RestApiId": template.Unknown, "ResourceId": "r", "HttpMethod": "GET"}, "", false},
		{"AWS::ApiGateway::Method", "a|r|GET", map[string]any{"RestApiId": template.Unknown, "ResourceId": "r", "HttpMethod": "GET"}, "a|r|GET", true},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.physical, func(t *testing.T) {
			typ, ok := schema.Load(tt.typ)
			if !ok {
				t.Fatal("no schema")
			}
			got, exact := live.Identifier(shop, typ, tt.physical, func(path []string) (any, bool) {
				v, ok := tt.properties[strings.Join(path, "/")]
				return v, ok
			})
			if got != tt.want || exact != tt.exact {
				t.Errorf("got %q, %v, want %q, %v", got, exact, tt.want, tt.exact)
			}
		})
	}
}

// Every type with an identifier gets one from its physical id and properties,
// with as many parts as the identifier has.
func TestIdentifierOfEveryType(t *testing.T) {
	for _, name := range schema.Types() {
		typ, _ := schema.Load(name)
		n := len(typ.PrimaryIdentifier)
		if n < 2 {
			continue
		}
		asked := 0
		got, _ := live.Identifier(shop, typ, "physical", func([]string) (any, bool) { asked++; return "v", asked < n })
		if strings.Count(got, "|") != n-1 || strings.Count(got, "physical") != 1 {
			t.Errorf("%s: %q has not %d parts, one of them the physical id", name, got, n)
		}
	}
}
