package drift

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// Kind says what the properties belong to: two values are compared as AWS
// understands them for this type in this account and region.
type Kind struct {
	Type    string // resource type
	Account string
	Region  string
}

// normaliser brings property values to a form in which equal text means equal
// to AWS. Everything it knows comes from the provider schema of the type;
// without a schema it only evens out what holds for every type.
type normaliser struct {
	kind Kind
	typ  *schema.Type // nil if the type has no published schema
}

func newNormaliser(kind Kind) *normaliser {
	typ, ok := schema.Load(kind.Type)
	if !ok {
		return &normaliser{kind: kind}
	}
	return &normaliser{kind: kind, typ: typ}
}

// place is a position in the properties: its path and, if known, its schema.
type place struct {
	path []string
	node *schema.Schema
}

func (n *normaliser) root() place {
	if n.typ == nil {
		return place{}
	}
	return place{node: n.typ.Root}
}

// at returns the place of a path.
func (n *normaliser) at(path ...string) place {
	p := n.root()
	for _, name := range path {
		p = p.step(name)
	}
	return p
}

func (p place) step(name string) place {
	next := place{path: append(slices.Clip(p.path), name)}
	if p.node != nil {
		next.node, _ = p.node.Step(name)
	}
	return next
}

// unordered reports a list whose order has no meaning.
// Source: resource type definition schema, "insertionOrder".
func (p place) unordered() bool { return p.node != nil && !p.node.Ordered }

// only reports a place whose schema allows nothing but these types.
func (p place) only(types ...string) bool {
	return p.node != nil && len(p.node.Types) > 0 && !slices.ContainsFunc(p.node.Types, func(t string) bool {
		return !slices.Contains(types, t)
	})
}

// value returns the normal form of v: strings for every scalar, sorted lists
// where order has no meaning, and nil for what does not count: null, tags of
// AWS itself, values equal to the schema's default, and properties that a
// read never returns or that only the service sets.
func (n *normaliser) value(p place, v any) any {
	if n.uncounted(p.path) {
		return nil
	}
	out := n.form(p, v)
	if out != nil && p.node != nil && p.node.HasDefault && key(out) == key(n.form(p, p.node.Default)) {
		return nil
	}
	return out
}

// uncounted reports a path that cannot be compared: write-only properties are
// never returned, and what the service sets inside a declared object is never
// in a template. A read-only property at the top counts if a template has it:
// some schemas list properties there that can be set.
// Source: resource type definition schema, "writeOnlyProperties", "readOnlyProperties".
func (n *normaliser) uncounted(path []string) bool {
	if n.typ == nil || len(path) == 0 {
		return false
	}
	return schema.Covers(n.typ.WriteOnly, path...) || len(path) > 1 && schema.Covers(n.typ.ReadOnly, path...)
}

func (n *normaliser) form(p place, v any) any {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return n.text(p, v)
	case []any:
		return n.list(p, v)
	case map[string]any:
		if isPolicy(v) {
			return n.policy(v)
		}
		return n.object(p, v)
	default:
		return nil
	}
}

// text is the form of a string. A document in a string is the same as the
// document itself where the schema allows both, and a policy always is.
func (n *normaliser) text(p place, s string) any {
	if document, ok := parseDocument(s); ok && (isPolicy(document) || p.mayBeDocument()) {
		return n.form(p, document)
	}
	switch {
	case p.only("number", "integer"):
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	case p.only("boolean"), p.node != nil && len(p.node.EnumCaseInsensitive) > 0:
		return strings.ToLower(s)
	}
	return s
}

func (p place) mayBeDocument() bool {
	return p.node == nil || p.node.Format == "json" || p.node.Allows("object") || p.node.Allows("array")
}

// names reports that one text is an ARN in the stack's own account and region
// and the other is what it ends in: many services take either form and return
// the other. Two different ARNs are never the same.
func (n *normaliser) names(a, b string) bool {
	return n.namedBy(a, b) || n.namedBy(b, a)
}

func (n *normaliser) namedBy(arn, name string) bool {
	parts := strings.SplitN(arn, ":", 6) // arn:partition:service:region:account:resource
	if name == "" || len(parts) < 6 || parts[0] != "arn" {
		return false
	}
	if (parts[3] != "" && parts[3] != n.kind.Region) || (parts[4] != "" && parts[4] != n.kind.Account) {
		return false
	}
	resource := parts[5]
	return name == resource || name == resource[strings.LastIndexAny(resource, ":/")+1:]
}

func (n *normaliser) list(p place, items []any) any {
	out := make([]any, 0, len(items))
	tags := true
	for i, item := range items {
		tags = tags && isTag(item)
		if isAWSTag(item) {
			continue
		}
		if v := n.value(p.step(strconv.Itoa(i)), item); v != nil {
			out = append(out, v)
		}
	}
	if p.unordered() || tags {
		sortValues(out)
		if p.node != nil && p.node.UniqueItems {
			out = slices.CompactFunc(out, func(a, b any) bool { return key(a) == key(b) })
		}
	}
	return out
}

func (n *normaliser) object(p place, m map[string]any) any {
	out := make(map[string]any, len(m))
	tagMap := n.typ != nil && n.typ.Tagging.TagProperty != "" && n.typ.Tagging.TagProperty == schema.Pointer(p.path...)
	for name, v := range m {
		if tagMap && strings.HasPrefix(name, awsTagPrefix) {
			continue
		}
		v = n.value(p.step(name), v)
		// CloudFormation treats an empty list like none.
		if l, isList := v.([]any); v == nil || isList && len(l) == 0 {
			continue
		}
		out[name] = v
	}
	return out
}

// awsTagPrefix marks tags that AWS sets; nobody else can.
// Source: Tagging AWS resources user guide, "Tag naming limits and requirements".
const awsTagPrefix = "aws:"

func isTag(v any) bool {
	m, ok := v.(map[string]any)
	if !ok || len(m) > 3 {
		return false
	}
	_, hasKey := m["Key"].(string)
	_, hasValue := m["Value"]
	return hasKey && hasValue
}

func isAWSTag(v any) bool {
	if !isTag(v) {
		return false
	}
	name, _ := v.(map[string]any)["Key"].(string)
	return strings.HasPrefix(name, awsTagPrefix)
}

// parseDocument reads a JSON object or list out of a string.
func parseDocument(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if s == "" || (s[0] != '{' && s[0] != '[') {
		return nil, false
	}
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return nil, false
	}
	return v, true
}

// key is a text that is the same for the same value.
func key(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v) // sorts the keys of maps
	if err != nil {
		return ""
	}
	return string(b)
}

func sortValues(values []any) {
	slices.SortStableFunc(values, func(a, b any) int { return strings.Compare(key(a), key(b)) })
}
