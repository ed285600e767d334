package drift

import (
	"regexp"
	"strings"
)

// incomparable remembers two values that may be the same, which only somebody
// else can say: CloudFormation resolves a dynamic reference when it deploys, and
// KMS knows which key has an alias.
// Source: CloudFormation user guide, "Get values stored in other services using
// dynamic references"; KMS developer guide, "Key identifiers (KeyId)".
func (c *comparer) incomparable(p place, want, have any) bool {
	given, isText := want.(string)
	if !isText || have == nil {
		return false
	}
	if p.shape != nil && !p.prose && c.completed(given, have) {
		c.unresolved = append(c.unresolved, Unresolved{Path: pointer(p.path), Reason: "the service may have completed this document"})
		return true
	}
	reason := ""
	read, _ := have.(string)
	switch {
	case strings.Contains(given, "{{resolve:"):
		reason = "a dynamic reference is resolved when the stack is deployed"
	case (p.shape == nil || p.reference) && (isAlias(given) && isKey(read) || isKey(given) && isAlias(read)) && !c.foreign(read, given):
		reason = "which key an alias names is not known"
	case p.shape != nil && endsWith(last(p.shape.path), "Version") && isSymbolic(given) && read != "":
		reason = "which version " + given + " names is not known"
	default:
		return false
	}
	c.unresolved = append(c.unresolved, Unresolved{Path: pointer(p.path), Reason: reason})
	return true
}

// completed reports a JSON document in a text that only has more constants than
// is declared: the service wrote its defaults of choices into it.
func (c *comparer) completed(given string, have any) bool {
	kept, isText := have.(string)
	if !isText {
		return false
	}
	was, ok := parseDocument(given)
	is, both := parseDocument(kept)
	if !ok || !both || isPolicy(is) {
		return false
	}
	n := normaliser{}
	return key(n.form(place{}, was)) == key(n.form(place{}, withoutConstants(was, is)))
}

// withoutConstants is the document without the constants that the other one
// does not have.
func withoutConstants(other, v any) any {
	switch v := v.(type) {
	case map[string]any:
		declared, _ := other.(map[string]any)
		out := make(map[string]any, len(v))
		for name, inner := range v {
			text, isText := inner.(string)
			if _, ok := declared[name]; ok || !isText || !isConstant(text) {
				out[name] = withoutConstants(declared[name], inner)
			}
		}
		return out
	case []any:
		declared, _ := other.([]any)
		if len(declared) != len(v) {
			return v
		}
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = withoutConstants(declared[i], inner)
		}
		return out
	}
	return v
}

// isSymbolic reports the name of a version that is worked out when it is used.
// Source: ECS developer guide, "Fargate platform versions"; EC2 API reference,
// LaunchTemplateSpecification.
func isSymbolic(version string) bool {
	return strings.EqualFold(version, "LATEST") || version == "$Latest" || version == "$Default"
}

func isAlias(s string) bool {
	return strings.HasPrefix(s, "alias/") || strings.HasPrefix(s, "arn:") && strings.Contains(s, ":kms:") && strings.Contains(s, ":alias/")
}

var keyID = regexp.MustCompile(`^(?:arn:[^:]+:kms:[^:]*:[0-9]*:key/)?(?:mrk-[0-9a-z]{32}|[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12})$`)

func isKey(s string) bool { return keyID.MatchString(s) }
