package risk

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// loss rates what goes away with the change.
func (a *assessor) loss(s *subject) {
	what, stateful := a.holds(s.Type)
	verb, by := "", ""
	switch replaces, path := a.replaces(s); {
	case s.removed():
		verb, by = "is removed", "delete"
	case s.Action == changeset.Dynamic:
		verb, by = "changes in a way that is known only during the deployment", "dynamic"
	case replaces == changeset.Yes:
		verb, by = "is replaced"+because(path), "replace"
	case replaces == changeset.Perhaps:
		verb, by = "may be replaced"+because(path), "may-replace"
	case !known(s.Change):
		verb, by = "has the action "+quoted(s.Action)+" with replacement "+quoted(s.Replacement)+", which this version does not know", "unknown"
	default:
		return
	}
	if a.protects(s) {
		a.add("protected-resource", s, "", "is protected and "+verb)
	}
	kept := a.kept(s)
	switch {
	case !stateful && slices.Contains(releases, s.Type) && strings.HasSuffix(by, "replace"):
	case !stateful && by == "unknown":
		a.add("unknown-action", s, "", verb)
	case !stateful:
		a.add(by, s, "", verb)
	case kept == "" || by == "dynamic" || by == "unknown":
		a.add(by+"-stateful", s, "", verb+"; it holds "+what)
	case by == "delete":
		a.add("delete-stateful-kept", s, "", verb+"; "+kept)
	default:
		a.add("replace-stateful-kept", s, "", verb+"; "+kept)
	}
}

// releases are types that never change: a release is a new one, and nothing but
// the release before refers to the old one.
// Source: their pages in the CloudFormation template reference, on which every
// property asks for a replacement.
var releases = []string{
	"AWS::ApiGateway::Deployment", "AWS::AutoScaling::LaunchConfiguration", "AWS::ECS::TaskDefinition", "AWS::Lambda::LayerVersion", "AWS::Lambda::Version",
}

func quoted(text string) string { return `"` + text + `"` }

// known reports whether action and replacement are what the API's reference
// names, and name no loss.
// Source: CloudFormation API reference, ResourceChange.
func known(c changeset.Change) bool {
	switch c.Action {
	case changeset.Add, changeset.Import, changeset.SyncWithActual:
		return true
	case changeset.Modify:
		return c.Replacement == "False" || c.Replacement == "" && plainScope(c)
	}
	return false
}

// plainScope reports a modification of what never replaces: without values,
// CloudFormation gives no replacement for a change of attributes alone.
func plainScope(c changeset.Change) bool {
	return len(c.Scope) > 0 && !slices.ContainsFunc(c.Scope, func(scope string) bool { return scope == "Properties" || scope == "" })
}

func (a *assessor) holds(typeName string) (what string, ok bool) {
	if loss, ok := schema.Holds(typeName); ok {
		return loss.What, true
	}
	return "what the policy names stateful", slices.Contains(a.policy.Stateful, typeName)
}

// protects reports whether the policy names the resource. In a nested stack the
// whole path counts, and so does a name that protects the stack itself.
func (a *assessor) protects(s *subject) bool {
	return slices.ContainsFunc(a.policy.Protect, func(name string) bool {
		return name == s.id || strings.HasPrefix(s.id, name+"/")
	})
}

// replaces says whether the resource is replaced, and by which properties. What
// CloudFormation says is raised by the type's schema: a create-only property
// whose known values differ replaces, and one whose new value is not known may.
// It is never lowered.
func (a *assessor) replaces(s *subject) (changeset.Certainty, []string) {
	certainty := s.Replaces()
	var paths []string
	for _, d := range s.Details {
		if d.Recreates() {
			paths = append(paths, d.Where())
		}
	}
	if s.Action != changeset.Modify {
		return certainty, paths
	}
	createOnly := []string(nil)
	for i, d := range s.Details {
		path := propertyPath(d)
		if len(path) == 0 {
			continue
		}
		if i == 0 || createOnly == nil {
			createOnly = append([]string{}, a.schemas(s.Type)...)
		}
		if !schema.Covers(createOnly, path...) {
			continue
		}
		paths = append(paths, d.Where())
		decided := d.Evaluation != "Dynamic" && !d.Unknown() && d.Before != "" && d.After != "" && d.Before != d.After
		switch {
		case decided && s.Replacement != "False":
			certainty = changeset.Yes
		case d.Before != d.After || d.Before == "":
			certainty = max(certainty, changeset.Perhaps)
		}
	}
	slices.Sort(paths)
	return certainty, slices.Compact(paths)
}

// because names the properties that force a replacement.
func because(paths []string) string {
	const shown = 5
	if len(paths) == 0 {
		return ""
	}
	more := ""
	if len(paths) > shown {
		paths, more = paths[:shown], ", …"
	}
	return ", because " + strings.Join(paths, ", ") + more + " changes"
}

// kept says what stays of the old resource, "" for nothing. What the change set
// says counts; where it is silent, the template that CloudFormation would
// follow does: for a removal the deployed one, for a replacement both.
// Source: CloudFormation template reference, "DeletionPolicy attribute",
// "UpdateReplacePolicy attribute"; API reference, ResourceChange.
func (a *assessor) kept(s *subject) string {
	policy := s.PolicyAction
	if policy == "" {
		switch {
		case s.removed() && s.before.policies:
			policy = effective(s.before, s.Type, s.before.deletion)
		case s.Action == changeset.Modify && s.before.policies && s.after.policies && s.before.replace == s.after.replace:
			policy = s.after.replace
		}
	}
	switch {
	case strings.HasSuffix(policy, "Retain"), policy == retainExceptOnCreate:
		return "the old resource is retained"
	case strings.HasSuffix(policy, "Snapshot"):
		return "a snapshot is kept"
	}
	return ""
}

const retainExceptOnCreate = "RetainExceptOnCreate"

// effective is the DeletionPolicy that holds: the written one, or the default,
// which is Snapshot for database clusters, and for instances outside of one.
// Source: CloudFormation template reference, "DeletionPolicy attribute".
func effective(p side, typeName, policy string) string {
	switch {
	case policy != "" || !p.policies:
		return policy
	case typeName == "AWS::RDS::DBCluster":
		return "Snapshot"
	case typeName == "AWS::RDS::DBInstance" && p.whole && p.properties["DBClusterIdentifier"] == nil:
		return "Snapshot"
	}
	return "Delete"
}

// strength orders policies by what they keep. One that a function gives may be
// any.
func strength(policy string) int {
	switch policy {
	case "Retain", retainExceptOnCreate:
		return 2
	case "Snapshot":
		return 1
	}
	return 0
}

// policies rates what becomes of the resource's policies. Both templates are
// asked, or the details where there are none.
func (a *assessor) policies(s *subject) {
	if s.added() || s.removed() || !s.before.policies || !s.after.policies {
		return
	}
	what, stateful := a.holds(s.Type)
	if !stateful {
		return
	}
	before, after := effective(s.before, s.Type, s.before.deletion), effective(s.after, s.Type, s.after.deletion)
	if strength(after) < strength(before) {
		a.add("deletion-policy-weakened", s, "/DeletionPolicy", "no longer has the DeletionPolicy "+before+policyText(after)+"; it holds "+what)
	}
	if strength(s.after.replace) < strength(s.before.replace) {
		a.add("update-replace-policy-weakened", s, "/UpdateReplacePolicy", "no longer has the UpdateReplacePolicy "+s.before.replace+policyText(s.after.replace)+"; it holds "+what)
	}
}

func policyText(after string) string {
	switch after {
	case "", "Delete":
		return ""
	case unreadable:
		return ", but one that a function gives"
	}
	return ", but " + after
}
