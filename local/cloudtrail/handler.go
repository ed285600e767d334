package cloudtrail

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// CloudFormation is who calls on behalf of a requester when a handler works.
const CloudFormation = "cloudformation.amazonaws.com"

// handler is how the handler of a resource type sets properties.
type handler struct {
	service, name string              // endpoint prefix; parameter that names the resource
	call          func(string) string // action that sets a property; "" for none
	set           func(parameters map[string]any, property string, value any)
	each          bool // one call for each property, else one for all
}

// handlers are those of the types that the local cloud changes most. AWS's
// records have their calls beside the request, made with its requester's
// permissions; the local simulator has no services that could be called.
// Source: Cloud Control API user guide, "Specifying credentials for Cloud
// Control API"; provider schemas, handlers.update.permissions.
var handlers = map[string]handler{
	"AWS::SQS::Queue":      {service: "sqs", name: "queueUrl", call: tagged("SetQueueAttributes", "TagQueue"), set: in("attributes")},
	"AWS::SNS::Topic":      {service: "sns", name: "topicArn", call: tagged("SetTopicAttributes", "TagResource"), set: attribute, each: true},
	"AWS::DynamoDB::Table": {service: "dynamodb", name: "tableName", call: tagged("UpdateTable", "TagResource"), set: plainly},
	"AWS::Lambda::Function": {service: "lambda", name: "functionName", set: plainly,
		call: named("UpdateFunctionConfiguration20150331v2", map[string]string{"Code": "UpdateFunctionCode20150331v2", "Tags": "TagResource20170331v2"})},
	"AWS::S3::Bucket": {service: "s3", name: "bucketName", set: asIs, each: true, call: named("", map[string]string{
		"VersioningConfiguration": "PutBucketVersioning", "BucketEncryption": "PutBucketEncryption", "LifecycleConfiguration": "PutBucketLifecycle",
		"PublicAccessBlockConfiguration": "PutBucketPublicAccessBlock", "LoggingConfiguration": "PutBucketLogging", "Tags": "PutBucketTagging",
	})},
	"AWS::IAM::Role": {service: "iam", name: "roleName", set: plainly, each: true, call: named("UpdateRole", map[string]string{
		"Policies": "PutRolePolicy", "ManagedPolicyArns": "AttachRolePolicy", "AssumeRolePolicyDocument": "UpdateAssumeRolePolicy", "Tags": "TagRole",
	})},
	"AWS::Logs::LogGroup":    {service: "logs", name: "logGroupName", set: plainly, each: true, call: named("", map[string]string{"RetentionInDays": "PutRetentionPolicy", "Tags": "TagResource"})},
	"AWS::SSM::Parameter":    {service: "ssm", name: "name", call: named("PutParameter", nil), set: plainly},
	"AWS::CloudWatch::Alarm": {service: "monitoring", name: "alarmName", call: tagged("PutMetricAlarm", "TagResource"), set: plainly},
}

func named(usual string, others map[string]string) func(string) string {
	return func(property string) string {
		if call, ok := others[property]; ok {
			return call
		}
		return usual
	}
}

func tagged(usual, tags string) func(string) string {
	return named(usual, map[string]string{"Tags": tags})
}

func plainly(parameters map[string]any, property string, value any) {
	parameters[lowerFirst(property)] = value
}

func asIs(parameters map[string]any, property string, value any) { parameters[property] = value }

func attribute(parameters map[string]any, property string, value any) {
	parameters["attributeName"], parameters["attributeValue"] = property, fmt.Sprint(value)
}

// in puts attributes into a map.
func in(name string) func(map[string]any, string, any) {
	return func(parameters map[string]any, property string, value any) {
		inner, _ := parameters[name].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			parameters[name] = inner
		}
		inner[property] = fmt.Sprint(value)
	}
}

// Handled returns the calls that a handler makes for an UpdateResource of Cloud
// Control, in the order of the properties; none for other calls, those that
// failed, and types without a handler here. They have no ID yet.
func Handled(c Call) []Call {
	kind, _ := c.JSON["TypeName"].(string)
	id, _ := c.JSON["Identifier"].(string)
	document, _ := c.JSON["PatchDocument"].(string)
	h, known := handlers[kind]
	var patch []struct {
		Path  string
		Value any
	}
	if c.Service != "cloudcontrolapi" || c.Action != "UpdateResource" || c.Status >= 300 || !known ||
		json.Unmarshal([]byte(document), &patch) != nil || strings.Contains(string(c.Response), `"FAILED"`) {
		return nil
	}
	values := map[string]any{}
	var properties []string
	for _, p := range patch {
		property, below, _ := strings.Cut(strings.TrimPrefix(p.Path, "/"), "/")
		if values[property] = p.Value; below != "" {
			values[property] = map[string]any{}
		}
		properties = append(properties, property)
	}
	slices.Sort(properties)
	var calls []Call
	for _, property := range slices.Compact(properties) {
		action := h.call(property)
		if action == "" {
			continue
		}
		i := slices.IndexFunc(calls, func(made Call) bool { return made.Action == action && !h.each })
		if i < 0 {
			made := c
			made.ID, made.Service, made.Action, made.InvokedBy, made.Form, made.Response = "", h.service, action, CloudFormation, nil, nil
			made.JSON = map[string]any{h.name: id}
			calls = append(calls, made)
			i = len(calls) - 1
		}
		h.set(calls[i].JSON, property, values[property])
	}
	return calls
}
