package risk

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// permissions rates what becomes possible for somebody.
func (a *assessor) permissions(s *subject) {
	for _, name := range documents {
		if s.hides(name) && !s.hides(anyProperty) || s.hides(anyProperty) && strings.HasPrefix(s.Type, "AWS::IAM::") {
			a.add("iam-unknown", s, "/Properties/"+name, "changes a policy in a way that is not shown")
			return
		}
	}
	var before, after []statement
	complete := true
	if s.mayHavePolicies() {
		before, _ = statements(s.changing(s.before))
		after, complete = statements(s.changing(s.after))
	}
	if !complete && (s.touched != nil || key(s.before.properties) != key(s.after.properties)) {
		a.add("iam-unknown", s, "/Properties", "has a policy that is known only after the deployment")
	}
	c := &comparison{assessor: a, subject: s, before: before, after: after}
	c.grants = s.grants()
	for _, st := range after {
		if st.allow && !c.same(st, before) {
			c.allows(st)
		}
	}
	for _, st := range before {
		if !st.allow && !c.same(st, after) {
			c.denied(st)
		}
	}
	if !s.removed() {
		a.holders(s)
		a.grantees(s)
	}
}

// mayHavePolicies is false if what the change set shows of the resource has
// neither a statement nor a value that could have one.
func (s *subject) mayHavePolicies() bool {
	for _, p := range []struct {
		side    side
		context string
	}{{s.before, s.Before}, {s.after, s.After}} {
		if p.side.exists && (!p.side.fromContext || mentionsStatement(p.context) || strings.Contains(p.context, template.KnownAfterApply)) {
			return true
		}
	}
	return false
}

// grants reports whether the policies of the subject add to the rights of
// somebody who is there already, or open something that is. A resource that is
// new with its policies does not, and neither does a policy of its own for what
// is new with it.
func (s *subject) grants() bool {
	return !s.added() || strings.HasSuffix(s.Type, "Policy") && !s.attachesToNew()
}

// attachments are the properties by which policies name what they are for.
var attachments = []string{"Roles", "Users", "Groups", "RoleName", "UserName", "GroupName", "Bucket", "Queues", "Queue", "Topics", "TopicArn", "SecretId"}

// attachesToNew reports whether everything that a policy is attached to is new
// with this template.
func (s *subject) attachesToNew() bool {
	for _, property := range attachments {
		if s.after.properties[property] == nil && (s.after.resource == nil || s.after.resource.Properties.Get(property) == nil) {
			continue
		}
		if names, ok := s.refers(property); !ok || !s.fresh(names) {
			return false
		}
	}
	return s.after.whole
}

// comparison is that of one resource's policies before and after.
type comparison struct {
	*assessor
	subject       *subject
	before, after []statement
	grants        bool
}

func (c *comparison) same(st statement, list []statement) bool {
	return !unknown(st.key) && slices.ContainsFunc(list, func(other statement) bool { return other.key == st.key })
}

// allows rates a statement that was not there before.
func (c *comparison) allows(st statement) {
	if st.kind != identityPolicy {
		c.opens(st)
	}
	found := map[string]string{}
	for _, action := range st.actions {
		for _, resource := range st.resources {
			code, text := c.widens(st, action, resource)
			if code != "" && slices.Contains(st.principals, "*") {
				code, text = "public-policy", "allows "+action+" on "+resource+" to everybody"
				if st.condition != "" {
					code, text = "public-policy-conditional", text+" under a condition"
				}
			}
			if _, seen := found[code]; !seen && code != "" {
				found[code] = text
			}
		}
	}
	for _, code := range sortedKeys(found) {
		c.add(code, c.subject, st.path, found[code])
	}
}

// widens says how an action on a resource was not allowed before.
func (c *comparison) widens(st statement, action, resource string) (code, text string) {
	what := action + " on " + resource
	conditioned := false
	for _, b := range c.before {
		if !b.allow || b.kind != st.kind || !b.reaches(action, resource) {
			continue
		}
		if !b.includes(st.principals) {
			continue
		}
		if b.condition == "" || b.condition == st.condition {
			return "", ""
		}
		conditioned = true
	}
	switch {
	case conditioned && st.condition == "":
		return "iam-condition-dropped", "allows " + what + " without the condition of before"
	case conditioned:
		return "iam-condition-dropped", "allows " + what + " under another condition"
	case st.kind != identityPolicy && (!c.grants || len(c.before) == 0):
		return "", "" // opens says who
	case st.kind == identityPolicy && administers(action, resource) && st.condition == "":
		return "iam-administrator", "allows " + what
	case st.kind == identityPolicy && wildcard(action, resource):
		return "iam-wildcard", "allows " + what
	case !c.grants:
		return "", ""
	}
	return "iam-widened", "allows " + what + ", which it did not before"
}

// decisive are services whose full use gives every other right.
var decisive = []string{"iam:*", "sts:*", "organizations:*", "lambda:*", "kms:*"}

// administers reports full rights: every action, or those that lead to them, on
// every resource.
func administers(action, resource string) bool {
	all := resource == "*" || resource == "arn:aws:*:*:*:*"
	return all && (strings.Trim(action, "*:") == "" || slices.Contains(decisive, action))
}

// wildcard reports an action or a resource that stands for more than one. The
// resource * of an action that knows no resources is none.
func wildcard(action, resource string) bool {
	service, name, _ := strings.Cut(action, ":")
	if strings.ContainsAny(name, "*?") || action == "*" {
		return true
	}
	if resource != "*" {
		return false
	}
	known, ok := schema.IAM(service)
	if !ok {
		return true
	}
	entry, ok := known.Actions[name]
	return !ok || len(entry.Resources) > 0
}

// opens rates who a statement of a resource or trust policy lets in.
func (c *comparison) opens(st statement) {
	for _, who := range st.principals {
		if slices.ContainsFunc(c.before, func(b statement) bool {
			return b.allow && !b.negated && b.kind == st.kind && anyCovers(b.principals, who) && (b.condition == "" || b.condition == st.condition)
		}) {
			continue
		}
		kind, name, _ := strings.Cut(who, ":")
		switch {
		case who == "*" && st.condition == "":
			c.add("public-policy", c.subject, st.path, "allows "+some(st.actions)+" to everybody")
		case who == "*":
			c.add("public-policy-conditional", c.subject, st.path, "allows "+some(st.actions)+" to everybody under a condition")
		case kind == "AWS" && !unknown(name) && c.foreign(name) && st.condition == "":
			c.add("iam-trust-foreign", c.subject, st.path, "lets "+name+" of another account "+verb(st))
		case c.expected(st, kind, name):
		default:
			c.add("iam-new-principal", c.subject, st.path, "lets "+shownName(name)+" "+verb(st))
		}
	}
}

// expected reports a principal that comes with what is new: a service, or the
// own account, in the policy of a new resource; a service that is held to one
// source in a policy of its own.
func (c *comparison) expected(st statement, kind, name string) bool {
	if !c.subject.added() {
		return false
	}
	if kind == "Service" {
		return !c.grants || st.condition != ""
	}
	return kind == "AWS" && !c.grants && !unknown(name) && !c.foreign(name)
}

// foreign reports a principal of another account, or of one that cannot be
// told.
func (c *comparison) foreign(name string) bool {
	account := accountOf(name)
	if account == "" {
		account = name
	}
	return account != c.subject.account || account == ""
}

func verb(st statement) string {
	if st.kind == trustPolicy {
		return "take the role"
	}
	return "use " + some(st.actions)
}

func shownName(name string) string {
	if unknown(name) {
		return "a principal that is known only after the deployment"
	}
	return name
}

func some(actions []string) string {
	const shown = 3
	if len(actions) > shown {
		return strings.Join(actions[:shown], ", ") + ", …"
	}
	return strings.Join(actions, ", ")
}

// denied rates a statement that denied and is gone or covers less.
func (c *comparison) denied(st statement) {
	for _, action := range st.actions {
		for _, resource := range st.resources {
			if !slices.ContainsFunc(c.after, func(after statement) bool {
				return !after.allow && after.kind == st.kind && after.reaches(action, resource) && after.includes(st.principals) &&
					(after.condition == "" || after.condition == st.condition)
			}) {
				c.add("iam-deny-removed", c.subject, st.path, "no longer denies "+action+" on "+resource+" as before")
				return
			}
		}
	}
}
