package policy

import "strings"

// trustPolicies are where roles say who may take them.
var trustPolicies = map[string][]string{"AWS::IAM::Role": at("AssumeRolePolicyDocument")}

var trustRules = []Rule{
	{
		ID: "EK1008", Severity: Critical, Title: "No resource policy allows everybody",
		Types: append(typesOf(resourcePolicies), "AWS::Events::EventBusPolicy"),
		FSBP:  []string{"S3.2", "S3.3", "SNS.4", "SQS.3", "KMS.5"}, Others: []string{"CKV_AWS_32", "CKV_AWS_33", "AwsSolutions-ECR1", "AwsSolutions-EVB1"},
		Rationale: "A statement for the principal * without a condition is for the whole internet.",
		Fix:       "Name the accounts, roles or services in Principal, or add a condition such as aws:PrincipalOrgID.",
		Link:      hub + "s3-controls.html#s3-2",
		Check:     checkOpenPolicy,
	},
	{
		ID: "EK1025", Severity: Critical, Title: "Roles name who may take them",
		Types:  []string{"AWS::IAM::Role"},
		Others: []string{"CKV_AWS_60"}, Rationale: "A trust policy for the principal * lets every AWS account in the world take the role.",
		Fix:   "Name the accounts, roles or services in Principal.",
		Link:  aws + "IAM/latest/UserGuide/id_roles_create_for-user.html",
		Check: checkOpenTrust,
	},
	{
		ID: "EK1031", Severity: Critical, Title: "Roles for GitHub Actions name the repository",
		Types:     []string{"AWS::IAM::Role"},
		Others:    []string{"CKV_AWS_358"},
		Rationale: "GitHub signs tokens for every repository. Without a condition on the subject any workflow on GitHub can take the role.",
		Fix:       "Add a condition on token.actions.githubusercontent.com:sub with the organisation and repository.",
		Link:      aws + "IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
		Check:     checkGitHubTrust,
	},
}

func checkOpenPolicy(r *Resource) {
	if r.Type == "AWS::Events::EventBusPolicy" {
		if !r.Has("Condition") {
			not("Principal", "every AWS account may send events", "*")(r)
		}
		r.Each(keysStatement, reportAnyone)
		return
	}
	r.statements(resourcePolicies, func(s Value) {
		if !r.private() {
			reportAnyone(s)
		}
	})
}

// private reports whether the network decides who reaches the resource, so that
// a policy for everybody is usual: domains in a VPC.
func (r *Resource) private() bool { return r.Has("VPCOptions", "SubnetIds") }

func reportAnyone(s Value) {
	if s.Known() && s.allows() && !s.Has("Condition") {
		s.anyone(func(principal Value) { principal.Report("everybody is allowed to act") })
	}
}

func checkOpenTrust(r *Resource) {
	r.statements(trustPolicies, func(s Value) {
		if s.allows() && !s.Has("Condition") {
			s.anyone(func(principal Value) { principal.Report("every AWS account may take the role") })
		}
	})
}

const gitHubIssuer = "token.actions.githubusercontent.com"

func checkGitHubTrust(r *Resource) {
	r.statements(trustPolicies, func(s Value) {
		if !s.allows() {
			return
		}
		s.Each(keysPrincipalFederated, func(provider Value) {
			name, _ := provider.Pattern()
			if strings.HasSuffix(name, ":oidc-provider/"+gitHubIssuer) && !s.limitsSubject() {
				provider.Report("every workflow on GitHub may take the role")
			}
		})
	})
}

// limitsSubject reports whether a condition of the statement is, or could be,
// about the token's subject, and is not for every subject.
func (v Value) limitsSubject() bool {
	limited := false
	v.At(keysCondition, func(condition Value) bool {
		if !condition.Known() {
			limited = limited || !condition.Absent()
			return true
		}
		for i := range condition.node.Entries {
			operator := condition.node.Entries[i].Key
			if strings.HasPrefix(operator, "Fn::") {
				limited = true
				continue
			}
			condition.Each([]string{operator, gitHubIssuer + ":sub"}, func(subject Value) {
				limited = limited || !subject.Is("*", "repo:*")
			})
		}
		return true
	})
	return limited
}
