package attribution_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func sample(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, event []byte) attribution.Write {
	t.Helper()
	w, skip, err := attribution.Parse(event)
	if err != nil || skip != "" {
		t.Fatalf("skipped %q, %v", skip, err)
	}
	return w
}

// call is a record of a call that a user made.
func call(source, name, parameters string) []byte {
	return fmt.Appendf(nil, `{"eventSource": %q, "eventName": %q, "requestParameters": %s, "eventTime": "2026-03-02T10:00:00Z", "eventID": "e-1",
		"awsRegion": "us-east-1", "recipientAccountId": "222222222222", "readOnly": false,
		"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::222222222222:user/dana"}}`, source, name, parameters)
}

func TestParseSamples(t *testing.T) {
	if w, want := parse(t, sample(t, "testdata/queue.json")), (attribution.Write{
		Account: "222222222222", Region: "us-east-1", EventID: "11111111-1111-4111-8111-000000000001", Time: time.Date(2026, 3, 2, 10, 11, 12, 0, time.UTC),
		EventSource: "sqs.amazonaws.com", EventName: "SetQueueAttributes", Kind: "AssumedRole",
		Principal: "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Operator_0123456789abcdef/dana@example.com",
		Issuer:    "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operator_0123456789abcdef", Session: "dana@example.com",
		SourceIP: "198.51.100.7", UserAgent: "aws-cli/2.30.0 md/prompt#off exec-env/CloudShell", MFA: true,
		Resources:  []string{"https://sqs.us-east-1.amazonaws.com/222222222222/shop-Jobs-1ABC"},
		Properties: []string{"/KmsMasterKeyId", "/VisibilityTimeout"},
	}); !reflect.DeepEqual(w, want) {
		t.Errorf("got  %+v\nwant %+v", w, want)
	}
	bucket := parse(t, sample(t, "testdata/bucket.json"))
	if !slices.Equal(bucket.Resources, []string{"arn:aws:s3:::shop-assets", "shop-assets"}) || !slices.Equal(bucket.Properties, []string{"/VersioningConfiguration"}) || bucket.MFA {
		t.Errorf("bucket %+v", bucket)
	}
	function := parse(t, sample(t, "testdata/function.json"))
	if function.EventName != "UpdateFunctionConfiguration" || !maps.Equal(function.Tags, map[string]string{"ticket": "INC-4711"}) ||
		!slices.Equal(function.Properties, []string{"/environment", "/memorySize", "/vpcConfig/securityGroupIds", "/vpcConfig/subnetIds"}) {
		t.Errorf("function %+v", function)
	}
}

// TestParseSubjects: what each call changed, and which of its properties.
// Shapes follow the API references and recorded events.
func TestParseSubjects(t *testing.T) {
	tests := []struct {
		source, name, parameters string
		resources, properties    string
	}{
		{"sns", "SetTopicAttributes", `{"topicArn": "arn:aws:sns:us-east-1:222222222222:news", "attributeName": "DisplayName", "attributeValue": "x"}`,
			"arn:aws:sns:us-east-1:222222222222:news", "/DisplayName /attributeValue"},
		{"s3", "DeleteBucketEncryption", `{"bucketName": "b", "encryption": ""}`, "b", "/BucketEncryption"},
		{"s3", "PutBucketTagging", `{"bucketName": "b", "tagging": ""}`, "b", "/Tags"},
		{"iam", "PutRolePolicy", `{"roleName": "shop-Api", "policyName": "write", "policyDocument": "{}"}`, "shop-Api write", "/Policies /PolicyDocument"},
		{"iam", "AttachRolePolicy", `{"roleName": "shop-Api", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}`,
			"arn:aws:iam::aws:policy/AdministratorAccess shop-Api", "/Groups /ManagedPolicyArns /Roles /Users"},
		{"dynamodb", "UpdateTable", `{"tableName": "orders", "provisionedThroughput": {"readCapacityUnits": 5, "writeCapacityUnits": 5}, "globalSecondaryIndexUpdates": [{}]}`,
			"orders", "/GlobalSecondaryIndexes /provisionedThroughput/readCapacityUnits /provisionedThroughput/writeCapacityUnits"},
		{"dynamodb", "TagResource", `{"resourceArn": "arn:aws:dynamodb:us-east-1:222222222222:table/orders", "tags": [{"key": "a", "value": "b"}]}`,
			"arn:aws:dynamodb:us-east-1:222222222222:table/orders", "/Tags"},
		{"ec2", "ModifySecurityGroupRules", `{"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1", "SecurityGroupRule": {"SecurityGroupRuleId": "sgr-1", "SecurityGroupRule": {"CidrIpv4": "0.0.0.0/0"}}}}`,
			"sg-1 sgr-1", "/CidrIp /CidrIpv6 /Description /SecurityGroupEgress /SecurityGroupIngress"},
		{"ec2", "CreateTags", `{"resourcesSet": {"items": [{"resourceId": "sg-1"}, {"resourceId": "vpc-1"}]}, "tagSet": {"items": [{"key": "a", "value": "b"}]}}`, "sg-1 vpc-1", "/Tags"},
		{"logs", "DeleteRetentionPolicy", `{"logGroupName": "/aws/lambda/shop"}`, "/aws/lambda/shop", "/RetentionInDays"},
		{"states", "UpdateStateMachine", `{"stateMachineArn": "arn:aws:states:us-east-1:222222222222:stateMachine:run", "definition": "{}"}`,
			"arn:aws:states:us-east-1:222222222222:stateMachine:run", "/DefinitionString"},
		{"rds", "ModifyDBInstance", `{"dBInstanceIdentifier": "db-1", "masterUserPassword": "****", "backupRetentionPeriod": 0}`,
			"db-1", "/backupRetentionPeriod /dBInstanceIdentifier /masterUserPassword"},
		{"braket", "UpdateThing", `{"thing": {"thingArn": "arn:aws:braket:us-east-1:222222222222:thing/x", "size": 1}, "clientToken": "t"}`,
			"arn:aws:braket:us-east-1:222222222222:thing/x", "/clientToken /thing/size /thing/thingArn"},
		{"cloudcontrolapi", "UpdateResource", `{"typeName": "AWS::SQS::Queue", "identifier": "https://q/x", "patchDocument": "[{\"op\":\"replace\",\"path\":\"/VisibilityTimeout\",\"value\":1}]"}`,
			"https://q/x", "/VisibilityTimeout"},
	}
	for _, tt := range tests {
		t.Run(tt.source+" "+tt.name, func(t *testing.T) {
			w := parse(t, call(tt.source+".amazonaws.com", tt.name, tt.parameters))
			if got := strings.Join(w.Resources, " "); got != tt.resources {
				t.Errorf("resources %s, want %s", got, tt.resources)
			}
			if got := strings.Join(w.Properties, " "); got != tt.properties {
				t.Errorf("properties %s, want %s", got, tt.properties)
			}
			if w.Opaque {
				t.Error("opaque")
			}
		})
	}
}

func TestParseOpaque(t *testing.T) {
	for name, event := range map[string][]byte{
		"Cloud Control hides the patch":    call("cloudcontrolapi.amazonaws.com", "UpdateResource", `{"typeName": "AWS::SQS::Queue", "identifier": "q", "patchDocument": "HIDDEN_DUE_TO_SECURITY_REASONS"}`),
		"the request was left out":         call("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", `null`),
		"a patch that cannot be read":      call("cloudcontrolapi.amazonaws.com", "UpdateResource", `{"typeName": "AWS::SQS::Queue", "identifier": "q", "patchDocument": "["}`),
		"a patch whose paths are no paths": call("cloudcontrolapi.amazonaws.com", "UpdateResource", `{"typeName": "AWS::SQS::Queue", "identifier": "q", "patchDocument": "[{\"path\":\"/ hunter2\"}]"}`),
	} {
		if w := parse(t, event); !w.Opaque {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

func TestParseSkips(t *testing.T) {
	with := func(change string) []byte {
		event := call("sqs.amazonaws.com", "SetQueueAttributes", `{"queueUrl": "q"}`)
		return slices.Concat(event[:len(event)-1], []byte(", "+change+"}"))
	}
	tests := map[string][]byte{
		"not a CloudTrail record":            []byte(`{"source": "aws.health", "detail-type": "AWS Health Event", "detail": {}}`),
		"the call only reads":                with(`"readOnly": true`),
		"a dry run changes nothing":          with(`"errorCode": "Client.DryRunOperation"`),
		"the call failed with AccessDenied":  with(`"errorCode": "AccessDenied"`),
		"a data event":                       with(`"managementEvent": false`),
		"the call only reads ":               []byte(`{"eventSource": "ec2.amazonaws.com", "eventName": "DescribeSecurityGroups"}`),
		"a dry run changes nothing by asked": call("ec2.amazonaws.com", "CreateVpc", `{"dryRun": true}`),
	}
	for want, event := range tests {
		want = strings.TrimSuffix(strings.TrimSuffix(want, " "), " by asked")
		if _, skip, err := attribution.Parse(event); err != nil || !strings.HasPrefix(skip, want) {
			t.Errorf("skipped %q, %v, want %q", skip, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, event := range []string{``, `null`, `[1]`, `{} {}`, `{"eventSource": "sqs.amazonaws.com", "eventName": "SetQueueAttributes"}`,
		`{"detail": {"eventSource": "sqs.amazonaws.com", "eventName": "SetQueueAttributes", "eventTime": "yesterday", "eventID": "e", "awsRegion": "us-east-1", "recipientAccountId": "222222222222"}}`,
		`{"x": "` + strings.Repeat("x", 1<<20) + `"}`} {
		if _, _, err := attribution.Parse([]byte(event)); fault.Kind(err) != fault.InvalidError {
			t.Errorf("%.80s: %v, want an Invalid error", event, err)
		}
	}
}

// canary stands for a secret wherever a request may carry one.
const canary = "hunter2canary"

// TestParseKeepsNoSecret: values of a request are not kept, wherever they stand.
func TestParseKeepsNoSecret(t *testing.T) {
	secretive := map[string]string{
		"rds":            `{"dBInstanceIdentifier": "db-1", "masterUserPassword": "` + canary + `"}`,
		"lambda":         `{"functionName": "f", "environment": {"variables": {"DB_PASSWORD": "` + canary + `"}}}`,
		"ssm":            `{"name": "/p", "value": "` + canary + `"}`,
		"secretsmanager": `{"secretId": "s", "secretString": "` + canary + `"}`,
		"sqs":            `{"queueUrl": "q", "attributes": {"Policy": "` + canary + `"}}`,
		"sns":            `{"topicArn": "t", "attributeName": "Policy", "attributeValue": "` + canary + `"}`,
		"unheard":        `{"thingId": "x", "authTokenId": {"secretName": "y"}, "password": "` + canary + `", "deep": {"list": [{"value": "` + canary + `"}]}, "apiKey": "` + canary + `", "callbackUrl": "https://x/` + canary + `"}`,
		"cloudcontrolapi": `{"typeName": "AWS::SSM::Parameter", "identifier": "/p", "desiredState": "{\"Value\":\"` + canary + `\"}", ` +
			`"patchDocument": "[{\"path\":\"/Value\",\"value\":\"` + canary + `\"}]"}`,
	}
	for source, parameters := range secretive {
		event := call(source+".amazonaws.com", "UpdateThing", parameters)
		w := parse(t, event)
		kept, err := json.Marshal(w)
		if err != nil || strings.Contains(string(kept), canary) || strings.Contains(strings.Join(w.Keys(), " "), canary) {
			t.Errorf("%s: kept %s, %v", source, kept, err)
		}
	}
	agent := []byte(strings.Replace(string(call("sqs.amazonaws.com", "SetQueueAttributes", `{"queueUrl": "q"}`)), `"readOnly"`, `"userAgent": "curl token=`+canary+`", "readOnly"`, 1))
	if w := parse(t, agent); strings.Contains(w.UserAgent, canary) || w.UserAgent == "" {
		t.Errorf("user agent %q", w.UserAgent)
	}
}

// FuzzParse: nothing panics, and what is kept has bounds whatever comes.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/queue.json", "testdata/bucket.json", "testdata/function.json", "../../testdata/events/cloudtrail-modify-rules-array.json",
		"../../testdata/events/cloudtrail-cloudformation-no-group-id.json", "../../testdata/events/cloudtrail-request-omitted.json"} {
		f.Add(sample(f, path))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		w, skip, err := attribution.Parse(event)
		if err != nil || skip != "" {
			if err != nil && len(err.Error()) > 1024 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if !reflect.DeepEqual(w, attribution.Write{}) {
				t.Errorf("a Write beside %q, %v", skip, err)
			}
			return
		}
		kept, err := json.Marshal(w)
		if err != nil || len(kept) > 64<<10 {
			t.Fatalf("%d bytes, %v", len(kept), err)
		}
		var again attribution.Write
		if err := json.Unmarshal(kept, &again); err != nil || !reflect.DeepEqual(w, again) {
			t.Errorf("kept and read again: %+v, %v, was %+v", again, err, w)
		}
		if keys := w.Keys(); len(keys) > 64 || !slices.IsSorted(keys) || !slices.IsSorted(w.Resources) || !slices.IsSorted(w.Properties) {
			t.Errorf("%d keys; sorted: keys, resources, properties: %v, %v, %v", len(keys), slices.IsSorted(keys), slices.IsSorted(w.Resources), slices.IsSorted(w.Properties))
		}
	})
}
