package risk

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// powerful are managed policies that give every right, or lead to it.
// Source: IAM user guide, "AWS managed policies for job functions".
var powerful = []string{"AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "AWSOrganizationsFullAccess", "AWSLambda_FullAccess"}

// holders rates who holds which policies: managed policies, permissions
// boundaries, users and roles that a policy is attached to, access keys.
func (a *assessor) holders(s *subject) {
	if !strings.HasPrefix(s.Type, "AWS::IAM::") && s.Type != "AWS::SSO::PermissionSet" {
		return
	}
	for _, property := range []string{"ManagedPolicyArns", "ManagedPolicies"} {
		for _, arn := range newItems(s, property) {
			name := arn[strings.LastIndex(arn, "/")+1:]
			switch {
			case slices.Contains(powerful, name):
				a.add("iam-administrator", s, "/Properties/"+property, "gets the managed policy "+name)
			case strings.HasSuffix(name, "FullAccess"), !s.added(), unknown(arn):
				a.add("iam-managed-policy", s, "/Properties/"+property, "gets the managed policy "+shownPolicy(arn))
			}
		}
	}
	for _, property := range []string{"Roles", "Users", "Groups"} {
		if s.Type != "AWS::IAM::Policy" && s.Type != "AWS::IAM::ManagedPolicy" && s.Type != "AWS::IAM::UserToGroupAddition" || s.added() && s.Type != "AWS::IAM::UserToGroupAddition" {
			continue
		}
		for range newItems(s, property) {
			a.add("iam-widened", s, "/Properties/"+property, "has a new holder in "+property)
		}
	}
	if s.added() && s.Type == "AWS::IAM::AccessKey" {
		a.add("iam-widened", s, "", "is an access key that does not expire")
	}
	a.boundary(s)
}

func shownPolicy(arn string) string {
	if unknown(arn) {
		return "that is known only after the deployment"
	}
	return arn
}

// newItems lists the values of a list that were not in it before.
func newItems(s *subject, property string) []string {
	if !s.touches(property) {
		return nil
	}
	var before, after []string
	for _, v := range valuesAt(s.before.properties, []string{property, "*"}) {
		before = append(before, changeset.Scalar(v))
	}
	for _, v := range valuesAt(s.after.properties, []string{property, "*"}) {
		if text := changeset.Scalar(v); unknown(v) || !slices.Contains(before, text) {
			after = append(after, text)
		}
	}
	return after
}

func (a *assessor) boundary(s *subject) {
	const property = "PermissionsBoundary"
	before, after := s.before.properties[property], s.after.properties[property]
	switch {
	case !s.touches(property):
	case s.hides(property):
		a.add("iam-boundary-removed", s, "/Properties/"+property, "changes its permissions boundary in a way that is not shown")
	case present(before) && !present(after):
		a.add("iam-boundary-removed", s, "/Properties/"+property, "loses its permissions boundary")
	case present(before) && key(before) != key(after):
		a.add("iam-boundary-changed", s, "/Properties/"+property, "gets another permissions boundary")
	}
}

// grantees rates types that name a principal without a policy document.
// Source: CloudFormation template reference, AWS::Lambda::Permission,
// AWS::Lambda::LayerVersionPermission, AWS::Events::EventBusPolicy.
func (a *assessor) grantees(s *subject) {
	limits, ok := map[string][]string{
		"AWS::Lambda::Permission":             {"SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken"},
		"AWS::Lambda::LayerVersionPermission": {"OrganizationId"},
		"AWS::Events::EventBusPolicy":         {"Condition"},
	}[s.Type]
	if !ok {
		return
	}
	before, after := changeset.Scalar(s.before.properties["Principal"]), changeset.Scalar(s.after.properties["Principal"])
	limited := func(p side) bool {
		return slices.ContainsFunc(limits, func(name string) bool { return present(p.properties[name]) })
	}
	narrower := limited(s.before) && !limited(s.after)
	if after == "" || after == before && !narrower {
		return
	}
	c := &comparison{assessor: a, subject: s}
	service := strings.HasSuffix(after, ".amazonaws.com")
	switch {
	case after == "*" && !limited(s.after):
		a.add("public-policy", s, "/Properties/Principal", "lets everybody in")
	case after == "*":
		a.add("public-policy-conditional", s, "/Properties/Principal", "lets everybody in under a condition")
	case service && limited(s.after):
	case !service && !unknown(after) && c.foreign(accountPrincipal(after)):
		a.add("iam-trust-foreign", s, "/Properties/Principal", "lets "+after+" of another account in")
	case narrower:
		a.add("iam-condition-dropped", s, "/Properties/Principal", "lets "+shownName(after)+" in from any source")
	default:
		a.add("iam-new-principal", s, "/Properties/Principal", "lets "+shownName(after)+" in")
	}
}
