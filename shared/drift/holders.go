package drift

import "slices"

// holders are the properties of types whose physical id no call names: by them
// a call names what the resource belongs to.
// Source: CloudFormation template reference, return values of these types.
var holders = map[string][]string{
	"AWS::EC2::SecurityGroupEgress":  {"GroupId"},
	"AWS::EC2::SecurityGroupIngress": {"GroupId"},
	"AWS::Lambda::Permission":        {"FunctionName"},
	"AWS::S3::BucketPolicy":          {"Bucket"},
	"AWS::SNS::TopicInlinePolicy":    {"TopicArn"},
	"AWS::SNS::TopicPolicy":          {"Topics"},
	"AWS::SQS::QueueInlinePolicy":    {"Queue"},
	"AWS::SQS::QueuePolicy":          {"Queues"},
}

// furtherNames are the names, beside the physical id, by which calls may name
// drifted resources, by logical id. The physical id of an inline policy is
// CloudFormation's own; calls name the policy and who has it, "policy|role".
func furtherNames(drifts []ResourceDrift) map[string][]string {
	names := map[string][]string{}
	for _, d := range drifts {
		if d.Status != StatusModified && d.Status != StatusDeleted {
			continue
		}
		var found []string
		for _, property := range holders[d.Type] {
			found = append(found, plainTexts(d.Expected[property])...)
		}
		if policy, ok := d.Expected["PolicyName"].(string); ok && d.Type == "AWS::IAM::Policy" {
			for _, property := range []string{"Groups", "Roles", "Users"} {
				for _, holder := range plainTexts(d.Expected[property]) {
					found = append(found, policy+"|"+holder)
				}
			}
		}
		if slices.Sort(found); len(found) > 0 {
			names[d.LogicalID] = found
		}
	}
	return names
}

// plainTexts are the texts of a property that is one or a list of them.
func plainTexts(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}
