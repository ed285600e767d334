package risk

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// The kinds of policies.
const (
	identityPolicy = "identity" // what its holder may do
	resourcePolicy = "resource" // who may use the resource
	trustPolicy    = "trust"    // who may take the role
)

// statement is one statement of a policy, ready to be compared.
type statement struct {
	kind       string
	allow      bool
	actions    []string // lower case; of NotAction "*"
	resources  []string // of NotResource "*"
	principals []string // "AWS:…", "Service:…"; of NotPrincipal and everybody "*"
	condition  string   // canonical JSON, "" for none
	key        string   // the same for the same statement
	negated    bool     // NotAction, NotResource or NotPrincipal: what it leaves out is not compared
	path       string   // "/Properties/PolicyDocument"
}

// The limits of what is read of one resource's policies. IAM allows 10,240
// characters in all inline policies of a role, KMS 32 KB.
// Source: IAM user guide, "IAM and AWS STS quotas".
const (
	maxStatements = 500
	maxElements   = 500
	maxDepth      = 12
)

// statements finds every policy document in the properties, whatever the type:
// an object, or text of one, with statements that have an effect. complete is
// false if there is more than the limits, or a document that is not known.
func statements(properties map[string]any) (found []statement, complete bool) {
	r := &reader{complete: true}
	for _, name := range sortedKeys(properties) {
		r.walk(properties[name], "/Properties/"+name, 0)
	}
	return r.found, r.complete
}

type reader struct {
	found    []statement
	complete bool
}

// documents are the names of the properties that hold policies.
var documents = []string{
	"PolicyDocument", "AssumeRolePolicyDocument", "Policies", "KeyPolicy", "ResourcePolicy", "RepositoryPolicyText", "AccessPolicies",
	"FileSystemPolicy", "AccessPolicy", "InlinePolicy", "Policy", "ResourcePolicyDocument", "PermissionsPolicyDocument",
}

func (r *reader) walk(v any, path string, depth int) {
	if depth > maxDepth {
		r.complete = false
		return
	}
	name := path[strings.LastIndex(path, "/")+1:]
	switch v := v.(type) {
	case string:
		if unknown(v) && slices.Contains(documents, name) {
			r.complete = false
		}
		if strings.HasPrefix(strings.TrimSpace(v), "{") && mentionsStatement(v) {
			if document, ok := document(v).(map[string]any); ok {
				r.walk(document, path, depth+1)
			} else if slices.Contains(documents, name) {
				r.complete = false
			}
		}
	case []any:
		for _, item := range v {
			r.walk(item, path, depth+1)
		}
	case map[string]any:
		if list, ok := v["Statement"]; ok {
			r.document(list, path)
			return
		}
		for _, key := range sortedKeys(v) {
			r.walk(v[key], path+"/"+key, depth+1)
		}
	}
}

// mentionsStatement reports whether JSON text may have a member Statement, also
// one that is written with escapes.
func mentionsStatement(text string) bool {
	return strings.Contains(text, "Statement") || strings.Contains(text, `\u`)
}

func (r *reader) document(list any, path string) {
	items, ok := list.([]any)
	if !ok {
		items = []any{list}
	}
	for _, item := range items {
		s, ok := item.(map[string]any)
		if !ok || len(r.found) >= maxStatements || unknown(s["Effect"]) {
			r.complete = false
			continue
		}
		if s["Effect"] == nil {
			continue
		}
		r.found = append(r.found, newStatement(s, path))
	}
}

func newStatement(s map[string]any, path string) statement {
	out := statement{kind: identityPolicy, allow: !strings.EqualFold(changeset.Scalar(s["Effect"]), "Deny"), path: path}
	for _, name := range []string{"NotAction", "NotResource", "NotPrincipal"} {
		if _, ok := s[name]; ok {
			out.negated = true
		}
	}
	out.actions = elements(s, "Action", strings.ToLower)
	out.resources = elements(s, "Resource", nil)
	out.principals = principals(s)
	switch {
	case strings.Contains(path, "AssumeRolePolicyDocument"):
		out.kind = trustPolicy
	case len(out.principals) > 0:
		out.kind = resourcePolicy
	}
	if len(out.resources) == 0 {
		out.resources = []string{"*"}
	}
	if condition, ok := s["Condition"]; ok && present(condition) {
		out.condition = conditionKey(condition)
	}
	// Whatever the order of its elements, it is the same statement.
	out.key = key([]any{out.kind, out.allow, list(out.actions), list(out.resources), list(out.principals), out.condition, s["NotAction"], s["NotResource"], s["NotPrincipal"]})
	return out
}

func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

// elements are the values of an element, sorted; of its negation everything
// counts as named.
// Source: IAM user guide, "IAM JSON policy elements: NotAction".
func elements(s map[string]any, name string, fold func(string) string) []string {
	if _, not := s["Not"+name]; not {
		return []string{"*"}
	}
	var out []string
	for _, text := range texts(s[name]) {
		if fold != nil && !unknown(text) {
			text = fold(text)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxElements)]
}

// principals are who a statement is for. Everybody is "*"; an account is its
// number.
// Source: IAM user guide, "AWS JSON policy elements: Principal".
func principals(s map[string]any) []string {
	if _, not := s["NotPrincipal"]; not {
		return []string{"*"}
	}
	var out []string
	switch v := s["Principal"].(type) {
	case string:
		out = append(out, v)
	case map[string]any:
		for kind, who := range v {
			for _, name := range texts(who) {
				if name == "*" {
					out = append(out, "*")
					continue
				}
				out = append(out, kind+":"+accountPrincipal(name))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func accountPrincipal(name string) string {
	parts := strings.Split(name, ":")
	if len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5] == "root" {
		return parts[4]
	}
	return name
}

// conditionKey is the same for the same condition: keys are not case-sensitive,
// one value is a list of it, the order of values has no meaning.
// Source: IAM user guide, "IAM JSON policy elements: Condition".
func conditionKey(v any) string {
	operators, ok := v.(map[string]any)
	if !ok {
		return key(v)
	}
	out := map[string]any{}
	for operator, keys := range operators {
		byKey, ok := keys.(map[string]any)
		if !ok {
			out[operator] = plain(keys)
			continue
		}
		folded := map[string]any{}
		for name, values := range byKey {
			list := texts(values)
			slices.Sort(list)
			folded[strings.ToLower(name)] = list
		}
		out[operator] = folded
	}
	data, err := json.Marshal(out)
	if err != nil {
		return ""
	}
	return string(data)
}

// covers reports whether every text that the candidate matches is matched by
// the pattern too: * stands for any text, ? for one character. A wildcard of
// the candidate is covered by a * only, or by an equal one.
func covers(pattern, candidate string) bool {
	star, mark := -1, 0 // the last *, and what it has taken so far
	p, c := 0, 0
	for c < len(candidate) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, c
			p++
		case p < len(pattern) && (pattern[p] == candidate[c] || pattern[p] == '?' && candidate[c] != '*'):
			p, c = p+1, c+1
		case star >= 0:
			mark++
			p, c = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// anyCovers reports whether one of the patterns covers the candidate. A pattern
// that is not known covers nothing, not even what looks like it.
func anyCovers(patterns []string, candidate string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return !unknown(p) && covers(p, candidate) })
}

// reaches reports whether the statement is for the action on the resource. One
// that names what it is not for counts as for nothing, except by being the same.
func (b statement) reaches(action, resource string) bool {
	return !b.negated && anyCovers(b.actions, action) && anyCovers(b.resources, resource)
}

// includes reports whether everybody whom the other statement names is named.
func (b statement) includes(principals []string) bool {
	return !slices.ContainsFunc(principals, func(who string) bool { return !anyCovers(b.principals, who) })
}
