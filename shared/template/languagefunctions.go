package template

import "slices"

// The functions that a language extension resolves or looks into.

// entry walks the value of a key. v is nil if the entry goes; whole is what the
// map itself becomes, if a function in it is resolved.
func (x *expander) entry(e Entry, params []binding) (v, whole *Node, err error) {
	v = e.Value
	switch e.Key {
	case "Fn::ToJsonString":
		return v, nil, nil
	case "Fn::GetAtt":
		if v.Kind == List {
			v, err = x.walk(v, params)
		}
		return v, nil, err
	case "Fn::Sub":
		return x.sub(v, params)
	case "Fn::FindInMap":
		return x.mapped(v, params)
	case "Ref":
		return x.ref(v, params)
	case "Fn::If":
		v, err = x.branches(v, params)
		return v, nil, err
	}
	v, err = x.walk(v, params)
	if err == nil && v.Kind == Null {
		return nil, nil, nil
	}
	return v, nil, err
}

func (x *expander) ref(v *Node, params []binding) (value, whole *Node, err error) {
	switch v.Kind {
	case String:
		if bound, ok := lookup(params, v.Text); ok && !v.IsDate() {
			return nil, bound, nil
		}
	case Map:
		if v, err = x.walk(v, params); err != nil {
			return nil, nil, err
		}
		if bound, ok := lookup(params, v.Text); ok && v.Kind == String {
			return nil, bound, nil
		}
	}
	return v, nil, nil
}

// branches walks both sides of Fn::If; the name of the condition stays.
func (x *expander) branches(v *Node, params []binding) (*Node, error) {
	if v.Kind != List || len(v.Items) != 3 {
		return v, nil
	}
	out := v
	for i := 1; i < 3; i++ {
		side, err := x.walk(v.Items[i], params)
		if err != nil {
			return nil, err
		}
		if side == v.Items[i] {
			continue
		}
		if out == v {
			out = v.withItems(slices.Clone(v.Items))
		}
		out.Items[i] = side
	}
	return out, nil
}

// sub replaces identifiers in the text of Fn::Sub. If no variable is left, the
// function becomes the text.
func (x *expander) sub(v *Node, params []binding) (value, whole *Node, err error) {
	if v.Kind == String && !v.IsDate() {
		text, only, err := x.replaceNode(v, params)
		if err != nil || only {
			return nil, text, err
		}
		return text, nil, nil
	}
	if v.Kind != List {
		return v, nil, nil
	}
	if len(v.Items) == 0 || v.Items[0].Kind != String {
		return nil, nil, faultAt(v, "the first item of Fn::Sub is a string")
	}
	text, only, err := x.replaceNode(v.Items[0], params)
	if err != nil || only {
		return nil, text, err
	}
	out := v.withItems(slices.Clone(v.Items))
	out.Items[0] = text
	if len(v.Items) == 2 {
		if out.Items[1], err = x.walk(v.Items[1], params); err != nil {
			return nil, nil, err
		}
	}
	return out, nil, nil
}
