package rules

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// iamRules are about policy documents and ARNs.
func iamRules() []check.Rule {
	const identifiers = services + "IAM/latest/UserGuide/reference_identifiers.html"
	return []check.Rule{
		{ID: "E3050", Severity: check.Error, Title: "A role with a path cannot be named here by Ref",
			Description: "Ref gives the name of a role, and here a role is looked up without its path. Use Fn::GetAtt for the ARN.",
			Link:        resource("AWS::CodeBuild::Project"), Template: roleWithPath},
		policyRule("E3510", "An identity policy is wrong",
			"An identity policy has a version and statements with effect, actions and resources, and no principals. Correct the element that is named.", "iam/policy_identity",
			"Resources/AWS::IAM::Group/Properties/Policies/*/PolicyDocument",
			"Resources/AWS::IAM::ManagedPolicy/Properties/PolicyDocument",
			"Resources/AWS::IAM::Policy/Properties/PolicyDocument",
			"Resources/AWS::IAM::Role/Properties/Policies/*/PolicyDocument",
			"Resources/AWS::IAM::User/Properties/Policies/*/PolicyDocument",
			"Resources/AWS::SSO::PermissionSet/Properties/InlinePolicy",
			"Resources/AWS::IAM::UserPolicy/Properties/PolicyDocument",
			"Resources/AWS::IAM::RolePolicy/Properties/PolicyDocument",
			"Resources/AWS::IAM::GroupPolicy/Properties/PolicyDocument"),
		policyRule("E3512", "A resource policy is wrong",
			"A resource policy has a version and statements with effect, principals and actions. Correct the element that is named.", "iam/policy_resource",
			"Resources/AWS::KMS::Key/Properties/KeyPolicy",
			"Resources/AWS::OpenSearchService::Domain/Properties/AccessPolicies",
			"Resources/AWS::S3::BucketPolicy/Properties/PolicyDocument",
			"Resources/AWS::SNS::TopicPolicy/Properties/PolicyDocument",
			"Resources/AWS::SQS::QueuePolicy/Properties/PolicyDocument"),
		policyRule("E3513", "A repository policy is wrong",
			"The policy of a repository is a resource policy without resources. Correct the element that is named.", "iam/policy_resource_ecr",
			"Resources/AWS::ECR::Repository/Properties/RepositoryPolicyText"),
		policyRule("E3530", "A trust policy is wrong",
			"A trust policy is a resource policy with principals and actions of STS, and without resources. Correct the element that is named.", "iam/policy_trust",
			"Resources/AWS::IAM::Role/Properties/AssumeRolePolicyDocument"),
		{ID: "E3511", Severity: check.Error, Title: "The ARN of a role is malformed",
			Description: "The ARN of a role is arn:partition:iam::account:role/name. Correct it, or use Fn::GetAtt.",
			Link:        identifiers, Places: []string{
				"Resources/AWS::Backup::BackupSelection/Properties/BackupSelection/IamRoleArn",
				"Resources/AWS::Batch::ComputeEnvironment/Properties/ComputeResources/SpotIamFleetRole",
				"Resources/AWS::Batch::ComputeEnvironment/Properties/ServiceRole",
				"Resources/AWS::EC2::SpotFleet/Properties/SpotFleetRequestConfigData/IamFleetRole",
				"Resources/AWS::ECS::TaskDefinition/Properties/ExecutionRoleArn",
				"Resources/AWS::S3::Bucket/Properties/ReplicationConfiguration/Role",
			}, Check: matching("E3511", roleARN)},
		{ID: "E3514", Severity: check.Error, Title: "The ARN of a resource is malformed",
			Description: "The resource of a statement is an ARN or an asterisk. Write out the ARN.",
			Link:        identifiers,
			Places:      []string{"AWS::IAM::Policy/Properties/PolicyDocument/Statement/Resource"}, Check: policyResource},
		{ID: "I3510", Severity: check.Info, Title: "The resources of a statement do not fit its actions",
			Description: "The action works on resources of another type than those that the statement names, so that it allows nothing. Correct the ARN.",
			Link:        services + "service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
			Places:      []string{"AWS::IAM::Policy/Properties/PolicyDocument/Statement"}, Check: statementResources},
		{ID: "W2511", Severity: check.Warning, Title: "The version of a policy is the old one",
			Description: "Policies of the version 2008-10-17 know no variables and fewer conditions. Write 2012-10-17.",
			Link:        services + "IAM/latest/UserGuide/reference_policies_elements_version.html",
			Places:      []string{"AWS::IAM::Policy/Properties/PolicyDocument/Version"}, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.Str() == "2008-10-17" {
					v.Fault("the version 2008-10-17 lacks policy variables; use 2012-10-17").By("W2511")
				}
			}},
		{ID: "W3037", Severity: check.Warning, Title: "An action of a policy does not exist",
			Description: "IAM accepts actions that do not exist, and they allow nothing. Correct the spelling.",
			Link:        services + "service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
			Places:      []string{"AWS::IAM::Policy/Properties/PolicyDocument/Statement/Action"}, Check: policyActions},
	}
}

// policyRule checks policy documents, which may also be texts that hold JSON.
func policyRule(id, title, description, document string, places ...string) check.Rule {
	const elements = services + "IAM/latest/UserGuide/reference_policies_elements.html"
	return check.Rule{ID: id, Severity: check.Error, Title: title, Description: description, Link: elements, Places: places, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
		if n.Kind == template.String {
			if n = embedded(n); n == nil {
				return
			}
			v.Allow(0)
		}
		inBucket := v.Place.NameAt(1) == "AWS::S3::BucketPolicy"
		found := v.Collect(func() { v.Claim(v.Registry.Rule(id), func() { v.Walk(n, schema.Other(document)) }) })
		for _, f := range found {
			// A bucket policy may have two statements of one Sid.
			if inBucket && f.Keyword == js.UniqueKeys && len(f.Path) > 0 && f.Path[len(f.Path)-1].Key == "Statement" {
				continue
			}
			v.Add(f)
		}
	}}
}

// embedded is the value of a text that holds JSON, nil if it does not.
func embedded(n *template.Node) *template.Node {
	if !json.Valid([]byte(n.Text)) {
		return nil
	}
	value, err := template.ParseNode("embedded.json", []byte(n.Text))
	if err != nil {
		return nil
	}
	return value
}

var (
	roleARN           = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+\n?$`)
	resourceARN       = regexp.MustCompile(`^(arn:aws[A-Za-z\-]*?:[^:]+:[^:]*(:(?:\d{12}|\*|aws)?:.+|)|\*)\n?$`)
	bucketResourceARN = regexp.MustCompile(`^arn:aws[A-Za-z\-]*?:[^:]+:[^:]*(:(?:\d{12}|\*|aws)?:.+|)\n?$`)
)

func matching(rule string, pattern *regexp.Regexp) func(*check.Validator, *template.Node, *js.Schema) {
	return func(v *check.Validator, n *template.Node, _ *js.Schema) {
		if n.Kind == template.String && !pattern.MatchString(n.Text) {
			v.Fault("%s does not match %s", check.Excerpt(n), pattern).By(rule)
		}
	}
}

func policyResource(v *check.Validator, n *template.Node, s *js.Schema) {
	if v.Place.Len() < 2 {
		return
	}
	pattern := resourceARN
	if v.Place.NameAt(1) == "AWS::S3::BucketPolicy" {
		pattern = bucketResourceARN
	}
	matching("E3514", pattern)(v, n, s)
}

// policyServices are the services that the policies of a resource are about.
var policyServices = map[string]string{"AWS::S3::BucketPolicy": "s3", "AWS::SQS::QueuePolicy": "sqs", "AWS::SNS::TopicPolicy": "sns"}

func list(n *template.Node) []*template.Node {
	if n.Kind == template.List {
		return n.Items
	}
	return []*template.Node{n}
}

func policyActions(v *check.Validator, n *template.Node, _ *js.Schema) {
	if hasServerlessTransform(v.Template) {
		return // the translator writes actions that no longer exist
	}
	for _, action := range list(n) {
		if action.Kind != template.String || action.Text == "*" {
			continue
		}
		prefix, name, ok := strings.Cut(strings.ToLower(action.Text), ":")
		if !ok {
			v.Fault("%s is no action: it is written service:action", check.Excerpt(action)).By("W3037")
			return
		}
		if only := policyServices[v.Place.NameAt(1)]; only != "" && only != prefix {
			v.Fault("this policy is about %s, not %s", only, prefix).By("W3037")
		}
		service, known := schema.IAM(prefix)
		switch {
		case !known:
			v.Fault("there is no service with the prefix %q", prefix).By("W3037")
		case !hasAction(service, name):
			v.Fault("%s has no action %q", prefix, name).By("W3037")
		}
	}
}

func hasAction(service *schema.IAMService, name string) bool {
	if name == "*" {
		return true
	}
	if !strings.ContainsAny(name, "*?") {
		_, ok := service.Actions[name]
		return ok
	}
	for action := range service.Actions {
		if wildcard(name, action) {
			return true
		}
	}
	return false
}

// wildcard matches a text against a pattern with * and ?.
func wildcard(pattern, text string) bool {
	star, mark, i := -1, 0, 0
	p := 0
	for i < len(text) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]) && pattern[p] != '*':
			p++
			i++
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case star >= 0:
			p = star + 1
			mark++
			i = mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func roleWithPath(t *check.Template, report check.Report) {
	for _, id := range t.LogicalIDs() {
		if t.Resources[id].Written != "AWS::CodeBuild::Project" {
			continue
		}
		eachBranch(t.Resources[id].Node.Get("Properties").Get("ServiceRole"), check.Keys("Resources", id, "Properties", "ServiceRole"), func(n *template.Node, at check.Path) {
			k, name := check.Function(n)
			if k != js.FnRef || t.Resources[name.Str()] == nil {
				return
			}
			path := t.Resources[name.Text].Node.Get("Properties").Get("Path")
			if path != nil && !empty(path) && path.Str() != "/" {
				report("", at.With(check.Key("Ref")), "Ref of a role with a path does not name it here; use Fn::GetAtt")
			}
		})
	}
}

// eachBranch visits a value, in each branch of an Fn::If.
func eachBranch(n *template.Node, at check.Path, visit func(*template.Node, check.Path)) {
	if n == nil {
		return
	}
	if k, arg := check.Function(n); k == js.FnIf && arg.IsList() && len(arg.Items) == 3 {
		for i := 1; i <= 2; i++ {
			eachBranch(arg.Items[i], at.With(check.Key("Fn::If"), check.Index(i)), visit)
		}
		return
	}
	visit(n, at)
}
