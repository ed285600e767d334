package drift

import "strings"

// unread remembers a declared property that was not returned and cannot have
// been taken away, so that nothing is known of it: what a resource cannot be
// without or only a new resource changes, what the service returns as a part of
// another property, one of a few choices, of which there is always one, and
// passwords and the input of a call, which not every schema calls write-only.
// Source: resource type definition schema, "required", "createOnlyProperties"
// and "readOnlyProperties"; CloudFormation CLI user guide, "Resource type
// handler contract".
func (c *comparer) unread(p place, want any) bool {
	if p.shape == nil {
		return false
	}
	reason := ""
	switch {
	case p.required && len(p.path) == 1:
		reason = "it is required, and was not returned"
	case p.createOnly:
		reason = "it cannot be changed, and was not returned"
	case len(p.elsewhere) > 0:
		reason = "it is returned in " + pointer(p.elsewhere[0][:1]) + ", which was not returned"
	case endsWith(last(p.shape.path), "Password"):
		reason = "passwords are not returned"
	case p.only("object") && endsWith(last(p.shape.path), "Input"):
		reason = "it is the input of a call, and was not returned"
	case p.choice(want):
		reason = "it is one of several choices, and none was returned"
	default:
		return false
	}
	c.unresolved = append(c.unresolved, Unresolved{Path: pointer(p.path), Reason: reason})
	return true
}

// choice reports a constant, as services spell what one can choose from.
func (p place) choice(want any) bool {
	text, isText := want.(string)
	return isText && !p.prose && !p.pair && p.only("string") && isConstant(text) &&
		!endsWith(last(p.shape.path), "Name", "Id", "Description", "Prefix", "Key", "Text")
}

func isConstant(text string) bool {
	return len(text) > 2 && text[0] >= 'A' && text[0] <= 'Z' && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// foundAs looks for a declared property under another name: in another case, in
// the long form of a short name with the same value, or only in an object that
// the template does not set. key is its name in have, if it stands there.
func (c *comparer) foundAs(at place, name string, w any, want, have map[string]any) (key string, found bool) {
	for other, h := range have {
		if _, declared := want[other]; declared || empty(h) {
			continue
		}
		if strings.EqualFold(other, name) {
			return other, true
		}
		if isShort(name, other) && !isBoolean(w) && c.same(at, c.value(at, w), c.value(at, h)) {
			return "", true
		}
		if held, all := c.holds(at, name, w, h, 0); held && all {
			return "", true
		}
	}
	return "", false
}

func isBoolean(v any) bool { _, ok := v.(bool); return ok }

// isShort reports a name that has the letters of another in their order, as
// Gte has those of GreaterThanOrEqual.
func isShort(name, other string) bool {
	if len(name) >= len(other) || name == "" || name[0] != other[0] {
		return false
	}
	i := 0
	for j := 0; j < len(other) && i < len(name); j++ {
		if other[j]|0x20 == name[i]|0x20 {
			i++
		}
	}
	return i == len(name)
}

// holds reports a value that has properties of the name, and whether all of
// them are as declared.
func (c *comparer) holds(at place, name string, w, v any, depth int) (some, all bool) {
	all = true
	visit := func(v any) {
		s, a := c.holds(at, name, w, v, depth+1)
		some, all = some || s, all && a
	}
	if depth > 3 {
		return false, true
	}
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == name {
				some, all = true, all && c.same(at, c.value(at, w), c.value(at, inner))
				continue
			}
			visit(inner)
		}
	case []any:
		for _, inner := range v {
			visit(inner)
		}
	}
	return some, all
}
