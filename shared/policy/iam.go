package policy

import (
	"slices"
	"strings"
)

var identityTypes = typesOf(identityPolicies)

var iamRules = []Rule{
	{
		ID: "EK1007", Severity: High, Title: "No policy allows every action on every resource",
		Types: identityTypes,
		FSBP:  []string{"IAM.1"}, ControlTower: []string{"CT.IAM.PR.1", "CT.IAM.PR.2"}, Others: []string{"CKV_AWS_62", "CKV_AWS_63", "AwsSolutions-IAM5"},
		Rationale: "Whoever holds such a policy, or takes over what holds it, owns the account. Full use of IAM, STS, Organizations, Lambda or KMS leads to the same.",
		Fix:       "Name the actions and the resources that are needed.",
		Link:      hub + "iam-controls.html#iam-1",
		Check:     checkEveryAction,
	},
	{
		ID: "EK1022", Severity: Medium, Title: "No policy allows all actions of a service on every resource",
		Types: identityTypes,
		FSBP:  []string{"IAM.21"}, ControlTower: []string{"CT.IAM.PR.3", "CT.IAM.PR.5"}, Others: []string{"AwsSolutions-IAM5"},
		Rationale: "service:* includes deletion and changes of access rights, and every action that the service will ever have.",
		Fix:       "Name the actions, or the resources.",
		Link:      hub + "iam-controls.html#iam-21",
		Check:     checkEveryActionOfService,
	},
	{
		ID: "EK1023", Severity: Medium, Title: "Statements that allow name their actions",
		Types:        append(slices.Clone(identityTypes), typesOf(resourcePolicies)...),
		ControlTower: []string{"CT.IAM.PR.3", "CT.IAM.PR.5"},
		Rationale:    "Allow with NotAction allows everything else, also actions that do not exist yet.",
		Fix:          "List the allowed actions in Action.",
		Link:         aws + "IAM/latest/UserGuide/reference_policies_elements_notaction.html",
		Check:        checkNotAction,
	},
	{
		ID: "EK1024", Severity: High, Title: "iam:PassRole is limited to roles or services",
		Types:     identityTypes,
		Rationale: "Whoever may pass any role to a service may run code with the rights of any role.",
		Fix:       "Name the roles in Resource, or the service in a condition on iam:PassedToService.",
		Link:      aws + "IAM/latest/UserGuide/id_roles_use_passrole.html",
		Check:     checkPassRole,
	},
	{
		ID: "EK1026", Severity: High, Title: "Statements that allow do not use NotPrincipal",
		Types:     typesOf(resourcePolicies, trustPolicies),
		Rationale: "Allow with NotPrincipal lets in everybody else, also anonymous callers.",
		Fix:       "Name the principals in Principal.",
		Link:      aws + "IAM/latest/UserGuide/reference_policies_elements_notprincipal.html",
		Check:     checkNotPrincipal,
	},
	{
		ID: "EK1027", Severity: Low, Title: "Users have their rights by groups or roles",
		Types: []string{"AWS::IAM::User", "AWS::IAM::Policy", "AWS::IAM::UserPolicy", "AWS::IAM::ManagedPolicy"},
		FSBP:  []string{"IAM.2"}, ControlTower: []string{"CT.IAM.PR.4"}, Others: []string{"CKV_AWS_40"},
		Rationale: "Rights that hang on single users are forgotten when the person changes roles.",
		Fix:       "Attach the policy to a group, or use IAM Identity Center.",
		Link:      hub + "iam-controls.html#iam-2",
		Check:     checkUserPolicies,
	},
	{
		ID: "EK1028", Severity: Medium, Title: "No access keys are made by templates",
		Types:     []string{"AWS::IAM::AccessKey"},
		Rationale: "Access keys do not expire, and a stack's outputs or state show the secret to many.",
		Fix:       "Use a role: for AWS services, for workloads elsewhere IAM Roles Anywhere, for pipelines OIDC.",
		Link:      aws + "IAM/latest/UserGuide/best-practices.html",
		Check:     func(r *Resource) { r.Report("an access key that does not expire is made") },
	},
	{
		ID: "EK1029", Severity: Medium, Title: "AdministratorAccess is not attached",
		Types:     []string{"AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::SSO::PermissionSet"},
		Others:    []string{"CKV_AWS_274"},
		Rationale: "The managed policy allows every action on every resource.",
		Fix:       "Attach a policy with the rights that are needed; add a permissions boundary.",
		Link:      hub + "iam-controls.html#iam-1",
		Check:     checkAdministrator,
	},
	{
		ID: "EK1030", Severity: Medium, Title: "No policy allows decryption with every KMS key",
		Types:     identityTypes,
		FSBP:      []string{"KMS.1", "KMS.2"},
		Rationale: "The right to decrypt with any key makes every key of the account one key.",
		Fix:       "Name the keys in Resource.",
		Link:      hub + "kms-controls.html#kms-1",
		Check:     checkDecryptAll,
	},
}

// decisive are services whose full use gives every other right.
var decisive = []string{"iam:*", "sts:*", "organizations:*", "lambda:*", "kms:*"}

func checkEveryAction(r *Resource) {
	r.statements(identityPolicies, func(s Value) {
		if !s.allows() || !s.everything() || s.Has("Condition") {
			return
		}
		s.actions(func(item Value, action string) {
			switch {
			case action == "*" || action == "*:*":
				item.Report("every action is allowed on every resource")
			case slices.Contains(decisive, action):
				item.Report("all of " + action + " on every resource lets its holder take any other right")
			}
		})
	})
}

func checkEveryActionOfService(r *Resource) {
	r.statements(identityPolicies, func(s Value) {
		if !s.allows() || !s.everything() || s.Has("Condition") {
			return
		}
		s.actions(func(item Value, action string) {
			if service, ok := strings.CutSuffix(action, ":*"); ok && service != "*" && !slices.Contains(decisive, action) {
				item.Report("every action of " + service + " is allowed on every resource")
			}
		})
	})
}

func checkNotAction(r *Resource) {
	visit := func(s Value) {
		if s.allows() {
			s.At(keysNotAction, func(v Value) bool {
				if !v.Absent() {
					v.Report("everything but the listed actions is allowed")
				}
				return true
			})
		}
	}
	if identityPolicies[r.Type] != nil {
		r.statements(identityPolicies, visit)
		return
	}
	r.statements(resourcePolicies, visit)
}

func checkPassRole(r *Resource) {
	r.statements(identityPolicies, func(s Value) {
		if !s.allows() || !s.everything() || s.Has("Condition") {
			return
		}
		s.actions(func(item Value, action string) {
			// iam:* and * are reported for more.
			if action != "*" && action != "iam:*" && action != "*:*" && covers(action, "iam:passrole") {
				item.Report("any role can be passed to any service")
			}
		})
	})
}

func checkNotPrincipal(r *Resource) {
	visit := func(s Value) {
		if s.allows() {
			s.At(keysNotPrincipal, func(v Value) bool {
				if !v.Absent() {
					v.Report("everybody but the named principals is allowed")
				}
				return true
			})
		}
	}
	r.statements(resourcePolicies, visit)
	r.statements(trustPolicies, visit)
}

func checkUserPolicies(r *Resource) {
	report := func(path string) {
		r.At(at(path), func(v Value) bool {
			if !v.Absent() && !v.Empty() {
				v.Report("the policy is attached to a single user")
			}
			return true
		})
	}
	switch r.Type {
	case "AWS::IAM::User":
		report("Policies")
		report("ManagedPolicyArns")
	case "AWS::IAM::UserPolicy":
		report("UserName")
	default:
		report("Users")
	}
}

func checkAdministrator(r *Resource) {
	visit := func(v Value) {
		if text, ok := v.Pattern(); ok && strings.HasSuffix(text, ":iam::aws:policy/AdministratorAccess") {
			v.Report("AdministratorAccess allows everything")
		}
	}
	r.Each(keysManagedPolicyArns, visit)
	r.Each(keysManagedPolicies, visit)
}

func checkDecryptAll(r *Resource) {
	r.statements(identityPolicies, func(s Value) {
		if !s.allows() || !s.everything() || s.Has("Condition") {
			return
		}
		s.actions(func(item Value, action string) {
			if action == "kms:decrypt" || action == "kms:reencryptfrom" || action == "kms:reencrypt*" || action == "kms:decrypt*" {
				item.Report("data of every KMS key can be decrypted")
			}
		})
	})
}
