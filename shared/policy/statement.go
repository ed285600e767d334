package policy

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// identityPolicies are where identities have policies.
var identityPolicies = map[string][]string{
	"AWS::IAM::Policy":              at("PolicyDocument"),
	"AWS::IAM::ManagedPolicy":       at("PolicyDocument"),
	"AWS::IAM::Role":                at("Policies/*/PolicyDocument"),
	"AWS::IAM::User":                at("Policies/*/PolicyDocument"),
	"AWS::IAM::Group":               at("Policies/*/PolicyDocument"),
	"AWS::IAM::RolePolicy":          at("PolicyDocument"),
	"AWS::IAM::UserPolicy":          at("PolicyDocument"),
	"AWS::IAM::GroupPolicy":         at("PolicyDocument"),
	"AWS::SSO::PermissionSet":       at("InlinePolicy"),
	"AWS::Serverless::Function":     at("Policies/*"),
	"AWS::Serverless::StateMachine": at("Policies/*"),
}

// resourcePolicies are where resources have policies that name who may act.
var resourcePolicies = map[string][]string{
	"AWS::S3::BucketPolicy":               at("PolicyDocument"),
	"AWS::S3::AccessPoint":                at("Policy"),
	"AWS::SQS::QueuePolicy":               at("PolicyDocument"),
	"AWS::SQS::QueueInlinePolicy":         at("PolicyDocument"),
	"AWS::SNS::TopicPolicy":               at("PolicyDocument"),
	"AWS::SNS::TopicInlinePolicy":         at("PolicyDocument"),
	"AWS::KMS::Key":                       at("KeyPolicy"),
	"AWS::SecretsManager::ResourcePolicy": at("ResourcePolicy"),
	"AWS::ECR::Repository":                at("RepositoryPolicyText"),
	"AWS::Backup::BackupVault":            at("AccessPolicy"),
	"AWS::EFS::FileSystem":                at("FileSystemPolicy"),
	"AWS::OpenSearchService::Domain":      at("AccessPolicies"),
	"AWS::Elasticsearch::Domain":          at("AccessPolicies"),
	"AWS::Glacier::Vault":                 at("AccessPolicy"),
}

// typesOf lists the types of a table.
func typesOf(tables ...map[string][]string) []string {
	var types []string
	for _, table := range tables {
		types = append(types, sortedKeys(table)...)
	}
	return types
}

// statements visits every statement of the policies that the table knows.
func (r *Resource) statements(table map[string][]string, visit func(s Value)) {
	r.At(table[r.Type], func(document Value) bool {
		if document = document.document(); document.Known() {
			document.Each(keysStatement, func(s Value) {
				if s.Known() {
					visit(s)
				}
			})
		}
		return true
	})
}

// maxDocument limits the text of a policy that is read, in bytes. IAM allows no
// more than 10,240 characters (IAM user guide, "IAM and AWS STS quotas").
const maxDocument = 32 << 10

// document reads a policy that is written as JSON text. Findings in it are
// where the text is.
func (v Value) document() Value {
	text, ok := v.Text()
	if !ok || len(text) > maxDocument || !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return v
	}
	root, err := template.ParseNode("", []byte(text))
	if err != nil {
		return v.as(unknown)
	}
	v.node, v.fixed = root, true
	return v
}

// allows reports whether the statement is known to allow.
func (v Value) allows() bool {
	return v.Any(keysEffect, func(effect Value) bool { return effect.Is("Allow") })
}

// everything reports whether the statement is for all resources. A partial
// name such as arn:…:* of a bucket is not everything.
func (v Value) everything() bool {
	found := false
	v.Each(keysResource, func(item Value) {
		text, _ := item.Pattern()
		found = found || text == "*" || text == "arn:aws:*:*:*:*" || text == "arn:"+hole+":*:*:*:*"
	})
	return found
}

// actions visits the actions that the statement names, in small letters.
func (v Value) actions(visit func(item Value, action string)) {
	v.Each(keysAction, func(item Value) {
		if text, ok := item.Text(); ok {
			visit(item, strings.ToLower(text))
		}
	})
}

// covers reports whether an action of a policy, in which * stands for any text
// and ? for one character, gives the single action.
func covers(pattern, action string) bool {
	star, mark := -1, 0 // the last *, and what it has taken so far
	p, a := 0, 0
	for a < len(action) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, a
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == action[a]):
			p, a = p+1, a+1
		case star >= 0:
			mark++
			p, a = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// anyone visits the principals of the statement that stand for everybody.
func (v Value) anyone(visit func(principal Value)) {
	v.At(keysPrincipal, func(principal Value) bool {
		if principal.Is("*") {
			visit(principal)
		}
		if principal.Known() {
			principal.Each(keysAWS, func(item Value) {
				if item.Is("*") {
					visit(item)
				}
			})
		}
		return true
	})
}
