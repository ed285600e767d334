package drift

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
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
	top  *shape // nil if the type has no published schema
	// spelled keeps texts whose case has no meaning as the service spells them.
	spelled bool
}

func newNormaliser(kind Kind) *normaliser { return &normaliser{kind: kind, top: shapeOf(kind.Type)} }

// place is a position in the properties: its path, what the schema says of it,
// and the expected object around it.
type place struct {
	*shape
	path   []string
	depth  int // of the path, also where nothing asks for its names
	around map[string]any
}

// at returns the place of a path.
func (n *normaliser) at(path ...string) place {
	p := place{shape: n.top}
	for _, name := range path {
		p = p.step(name)
	}
	return p
}

func (p place) step(name string) place {
	return place{shape: p.shape.step(name), path: append(slices.Clip(p.path), name), depth: p.depth + 1, around: p.around}
}

// inner is step for a place whose path nobody names.
func (p place) inner(name string) place { return place{shape: p.shape.step(name), depth: p.depth + 1} }

// within is p with the expected object that is around what is stepped to.
func (p place) within(m map[string]any) place {
	p.around = m
	return p
}

// isUnordered reports a list whose order has no meaning: the schema says so, or
// calls it a set and says nothing of an order.
// Source: resource type definition schema, "insertionOrder" and "uniqueItems".
func (p place) isUnordered() bool { return p.shape != nil && p.unordered }

// uncounted reports a place that cannot be compared: write-only properties are
// never returned, and what the service sets inside a declared object is never
// in a template. A read-only property at the top counts if a template has it:
// some schemas list properties there that can be set.
// Source: resource type definition schema, "writeOnlyProperties", "readOnlyProperties".
func (p place) uncounted() bool {
	return p.shape != nil && (p.writeOnly || p.readOnly && p.depth > 1)
}

// value returns the normal form of v: strings for every scalar, sorted lists
// where order has no meaning, and nil for what does not count: null, tags of
// AWS itself, values equal to the schema's default, and properties that a
// read never returns or that only the service sets.
func (n *normaliser) value(p place, v any) any {
	if p.uncounted() {
		return nil
	}
	out := n.form(p, v)
	if out != nil && p.shape != nil && p.hasDefault && key(out) == key(n.form(p, p.fallback)) {
		return nil
	}
	return out
}

// maxLevels is how deep values are looked into. Below it they are compared as
// they are. No published schema that is not recursive goes as deep.
const maxLevels = 40

func (n *normaliser) form(p place, v any) any {
	if p.depth > maxLevels && v != nil {
		return key(v)
	}
	switch v := v.(type) {
	case string:
		return n.text(p, v)
	case []any:
		return n.list(p, v)
	case map[string]any:
		if isPolicy(v) {
			return policy(v)
		}
		return n.object(p, v)
	case nil:
		return nil
	case json.Number:
		return n.text(p, v.String())
	default:
		return scalar(v)
	}
}

// text is the form of a string. A document in a string is the same as the
// document itself where the schema allows both, and a policy always is.
func (n *normaliser) text(p place, s string) any {
	if document, ok := parseDocument(s); ok && (isPolicy(document) || p.shape == nil || p.document || !p.prose) {
		return n.form(p, document)
	}
	switch {
	case p.shape == nil:
	case p.only("number", "integer"):
		return number(s)
	case p.only("boolean"):
		return strings.ToLower(s)
	case p.moment:
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	case p.network:
		// EC2 stores the block that an address lies in.
		if block, err := netip.ParsePrefix(s); err == nil {
			return block.Masked().String()
		}
	case p.foldCase && !n.spelled:
		return strings.ToLower(s)
	}
	return s
}

// number writes a number in one way; anything else stays.
func number(s string) string {
	if len(s) > 40 || strings.ContainsAny(s, "/_xXpPbBoO") {
		return s
	}
	if e := strings.IndexAny(s, "eE"); e >= 0 && len(s)-e > 4 { // a number that is longer than any document
		return s
	}
	if s != "" && s[0] != '0' && strings.Trim(s, "0123456789") == "" {
		return s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func (n *normaliser) list(p place, items []any) any {
	out := make([]any, 0, len(items))
	tags := len(items) > 0
	for i, item := range items {
		tags = tags && isTag(item)
		if p.isAWSTag(item) {
			continue
		}
		if v := n.value(p.inner(strconv.Itoa(i)), item); v != nil {
			out = append(out, v)
		}
	}
	if p.isUnordered() || tags {
		out = distinct(out)
	}
	return out
}

func (n *normaliser) object(p place, m map[string]any) any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		if p.isAWSKey(name) || isIdle(m, name) {
			continue
		}
		v = n.value(p.inner(name), v)
		// An empty list or text is like none.
		if l, isList := v.([]any); v == nil || v == "" || isList && len(l) == 0 {
			continue
		}
		out[name] = v
	}
	return out
}

// awsTagPrefix marks tags that AWS sets; nobody else can.
// Source: Tagging AWS resources user guide, "Tag naming limits and requirements".
const awsTagPrefix = "aws:"

// isAWSKey reports the key of a map of tags that AWS sets.
func (p place) isAWSKey(name string) bool {
	return p.shape != nil && p.tags && strings.HasPrefix(name, awsTagPrefix)
}

// isIdle reports the port of a rule for every protocol, which has none: what is
// given there is not kept.
// Source: EC2 API reference, IpPermission, "IpProtocol".
func isIdle(m map[string]any, name string) bool {
	return (name == "FromPort" || name == "ToPort") && m["IpProtocol"] != nil && scalar(m["IpProtocol"]) == "-1"
}

func isTag(v any) bool {
	m, ok := v.(map[string]any)
	if !ok || len(m) > 3 {
		return false
	}
	_, hasKey := m["Key"].(string)
	_, hasValue := m["Value"]
	return hasKey && hasValue
}

func isTagList(items []any) bool {
	return len(items) > 0 && !slices.ContainsFunc(items, func(v any) bool { return !isTag(v) })
}

// isAWSTag reports an item of a list that is a tag of AWS. In the tags of a type
// the schema says so, elsewhere the look of it.
func (p place) isAWSTag(v any) bool {
	if !isTag(v) && (p.shape == nil || !p.tags) {
		return false
	}
	m, _ := v.(map[string]any)
	for _, property := range []string{"Key", "TagKey", "key"} {
		if name, ok := m[property].(string); ok {
			return strings.HasPrefix(name, awsTagPrefix)
		}
	}
	return false
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
