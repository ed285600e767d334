package drift

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/drift/transform"
)

// transformed reports that the schema's transform turns what is expected into
// what was read, or that this could not be worked out, which is remembered.
// CloudFormation applies the transform to the template's value alone, and only
// where the two values differ; a list of alternatives and regular expressions
// in the result are used by many published schemas and documented nowhere.
// Source: CloudFormation CLI user guide, "Preventing false drift detection
// results for resource types".
func (c *comparer) transformed(p place, want, have any) bool {
	if p.shape == nil || p.transform == nil || want == nil {
		return false
	}
	if c.coerced == nil {
		c.coerced = coerce(c.at(), c.expected)
	}
	contexts := []any{c.coerced}
	if p.around != nil && len(p.path) > 1 {
		contexts = []any{coerce(c.at(p.path[:len(p.path)-1]...), p.around), c.coerced}
	}
	forms, err := p.transform.Forms(contexts...)
	for _, form := range forms {
		if c.has(p, want, have, form) {
			return true
		}
		// An expression may also give the resource with the property in it.
		if inner, ok := lookup(form, p.path); ok && c.has(p, want, have, inner) {
			return true
		}
	}
	if err != nil && have != nil && !p.blocks(want, have) {
		c.unresolved = append(c.unresolved, Unresolved{Path: pointer(p.path), Reason: err.Error()})
		return true
	}
	return false
}

// blocks reports two address blocks: their normal forms say all there is.
func (p place) blocks(want, have any) bool {
	_, one := netip.ParsePrefix(scalar(want))
	_, other := netip.ParsePrefix(scalar(have))
	return p.network && one == nil && other == nil
}

// has reports that what was read has a form that the transform gave. Null is
// for a property that is not there.
func (c *comparer) has(p place, want, have, form any) bool {
	if form == nil || have == nil {
		return form == nil && have == nil
	}
	if c.same(p, c.value(p, form), c.value(p, have)) {
		return true
	}
	pattern, isPattern := form.(string)
	text, isText := have.(string)
	if !isPattern || !isText || !transform.Matches(pattern, text) || c.foreign(text, scalar(want)) {
		return false
	}
	given := scalar(want)
	switch {
	case pattern == given+".*": // a version, of which as much as is given must be the same
		return strings.HasPrefix(text, given+".")
	case !strings.Contains(pattern, given):
		// A pattern without the value in it says what values look like. Two that
		// both look like this are two.
		return !transform.Matches(pattern, given)
	default:
		return true
	}
}

// foreign reports an ARN in an account or a region that is neither the stack's
// nor named by the template: a pattern takes any, a name means one's own.
func (c *comparer) foreign(text, want string) bool {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return false
	}
	for i, own := range map[int]string{3: c.kind.Region, 4: c.kind.Account} {
		if parts[i] != "" && own != "" && parts[i] != own && !strings.Contains(want, parts[i]) {
			return true
		}
	}
	return false
}

// coerce returns the value with texts in place of numbers and booleans made
// what the schema says they are: templates may give either, expressions take
// one.
func coerce(p place, v any) any {
	if p.depth > maxLevels {
		return v
	}
	switch v := v.(type) {
	case string:
		switch {
		case p.only("number", "integer"):
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return f
			}
		case p.only("boolean"):
			if b, err := strconv.ParseBool(v); err == nil {
				return b
			}
		}
	case float64, bool:
		if p.only("string") {
			return scalar(v)
		}
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = coerce(p.inner(strconv.Itoa(i)), item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = coerce(p.inner(name), item)
		}
		return out
	}
	return v
}
