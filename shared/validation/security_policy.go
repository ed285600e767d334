package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// statement is one statement of a policy document in a template.
type statement struct {
	node *template.Node
	path path
	// principals is set in policies of resources, whose statements name who may act.
	principals bool
	typeName   string
}

func (s statement) allows() bool { return s.node.Get("Effect").Str() == "Allow" }

// identityPolicies lists where policies of identities are; "*" is every item.
var identityPolicies = map[string][]string{
	"AWS::IAM::Policy":        {"PolicyDocument"},
	"AWS::IAM::ManagedPolicy": {"PolicyDocument"},
	"AWS::IAM::Role":          {"Policies/*/PolicyDocument"},
	"AWS::IAM::User":          {"Policies/*/PolicyDocument"},
	"AWS::IAM::Group":         {"Policies/*/PolicyDocument"},
	"AWS::IAM::RolePolicy":    {"PolicyDocument"},
	"AWS::IAM::UserPolicy":    {"PolicyDocument"},
	"AWS::IAM::GroupPolicy":   {"PolicyDocument"},
}

// resourcePolicies lists where policies of resources are.
var resourcePolicies = map[string][]string{
	"AWS::S3::BucketPolicy":               {"PolicyDocument"},
	"AWS::SQS::QueuePolicy":               {"PolicyDocument"},
	"AWS::SNS::TopicPolicy":               {"PolicyDocument"},
	"AWS::KMS::Key":                       {"KeyPolicy"},
	"AWS::IAM::Role":                      {"AssumeRolePolicyDocument"},
	"AWS::SecretsManager::ResourcePolicy": {"ResourcePolicy"},
	"AWS::ECR::Repository":                {"RepositoryPolicyText"},
	"AWS::Backup::BackupVault":            {"AccessPolicy"},
}

// statements calls visit for every statement of every policy.
func (c *Template) statements(table map[string][]string, principals bool, visit func(statement)) {
	for id, r := range c.Resources.All() {
		for _, where := range table[r.Type] {
			c.documents(r.Properties, path{"Resources", id, "Properties"}, strings.Split(where, "/"), func(n *template.Node, p path) {
				c.items(n.Get("Statement"), p.with("Statement"), func(n *template.Node, p path) {
					visit(statement{n, p, principals, r.Type})
				})
			})
		}
	}
}

func (c *Template) documents(n *template.Node, p path, names []string, visit func(n *template.Node, p path)) {
	switch {
	case n == nil:
	case len(names) == 0:
		c.variants(n, p, visit)
	case names[0] == "*":
		c.items(n, p, func(n *template.Node, p path) { c.documents(n, p, names[1:], visit) })
	default:
		c.documents(n.Get(names[0]), p.with(names[0]), names[1:], visit)
	}
}

// checkWildcardActions reports statements that allow everything on everything.
func checkWildcardActions(c *Template) {
	c.statements(identityPolicies, false, func(s statement) {
		if !s.allows() || !slices.Contains(s.node.Get("Resource").Strings(), "*") || s.node.Get("Condition") != nil {
			return
		}
		for _, action := range s.node.Get("Action").Strings() {
			switch {
			case action == "*" || action == "*:*":
				c.reportf(s.path.with("Action"), "the statement allows every action on every resource")
			case strings.HasSuffix(action, ":*") && slices.Contains(dangerous, strings.TrimSuffix(action, ":*")):
				c.reportf(s.path.with("Action"), "%s on every resource lets its holder take any other right", action)
			}
		}
	})
}

// dangerous are services whose full use gives every other right.
var dangerous = []string{"iam", "sts", "organizations", "lambda", "kms"}

// checkOpenPolicies reports resources that anybody may use. A condition may
// narrow that and silences the rule; a statement that denies is no danger.
func checkOpenPolicies(c *Template) {
	c.statements(resourcePolicies, true, func(s statement) {
		principal := s.node.Get("Principal")
		if !s.allows() || s.node.Get("Condition") != nil || principal == nil {
			return
		}
		if principal.Str() == "*" || slices.Contains(principal.Get("AWS").Strings(), "*") {
			c.reportf(s.path.with("Principal"), "everybody is allowed to act: name the principals or add a condition")
		}
	})
}
