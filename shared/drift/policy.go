package drift

import (
	"strings"
)

// isPolicy reports an IAM or resource policy document.
// Source: IAM user guide, "Grammar of the IAM JSON policy language".
func isPolicy(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	switch statement := m["Statement"].(type) {
	case map[string]any:
		return statement["Effect"] != nil
	case []any:
		if len(statement) == 0 {
			return false
		}
		first, ok := statement[0].(map[string]any)
		return ok && first["Effect"] != nil
	default:
		return false
	}
}

// oldest is the version of the policy language of a document that names none.
// Source: IAM user guide, "IAM JSON policy elements: Version".
const oldest = "2008-10-17"

// policy is the form of a policy document: the order of statements and of the
// values of an element has no meaning, nor has a repetition; one value is the
// same as a list of it, and actions are not case-sensitive.
// Source: IAM user guide, "IAM JSON policy elements reference".
func policy(m map[string]any) any {
	out := map[string]any{}
	for name, v := range m {
		switch {
		case name == "Statement":
			out[name] = statements(v)
		case name == "Version" && v == oldest:
		case v != nil && v != "":
			out[name] = plain(v)
		}
	}
	return out
}

func statements(v any) any {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	out := make([]any, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, statement(m))
		}
	}
	return distinct(out)
}

func statement(m map[string]any) any {
	out := map[string]any{}
	for name, v := range m {
		switch name {
		case "Action", "NotAction":
			out[name] = oneOrMany(v, strings.ToLower)
		case "Resource", "NotResource":
			out[name] = oneOrMany(v, nil)
		case "Principal", "NotPrincipal":
			out[name] = principals(v)
		case "Condition":
			out[name] = conditions(v)
		default:
			if v != nil && v != "" {
				out[name] = plain(v)
			}
		}
	}
	return out
}

// plain is the form of what has no other: its text.
func plain(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		return key(v)
	}
	return scalar(v)
}

// principals evens out that everybody is "*" or {"AWS": "*"}, and that an
// account is its number or the ARN of its root.
// Source: IAM user guide, "AWS JSON policy elements: Principal".
func principals(v any) any {
	if v == "*" {
		v = map[string]any{"AWS": "*"}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for kind, who := range m {
		fold := func(s string) string { return s }
		if kind == "AWS" {
			fold = account
		}
		out[kind] = oneOrMany(who, fold)
	}
	return out
}

func account(principal string) string {
	parts := strings.Split(principal, ":")
	if len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5] == "root" {
		return parts[4]
	}
	return principal
}

// conditions is operator → key → values. Values are texts whatever their JSON
// type, so true and "true" are the same. Keys are not case-sensitive.
func conditions(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return plain(v)
	}
	out := map[string]any{}
	for operator, keys := range m {
		byKey, ok := keys.(map[string]any)
		if !ok {
			out[operator] = plain(keys)
			continue
		}
		folded, fold := map[string]any{}, func(s string) string { return s }
		if strings.HasPrefix(operator, "Bool") || strings.HasPrefix(operator, "Null") {
			fold = strings.ToLower
		}
		for name, values := range byKey {
			folded[strings.ToLower(name)] = oneOrMany(values, fold)
		}
		out[operator] = folded
	}
	return out
}

// oneOrMany returns the values as a sorted list of distinct texts, each passed
// through fold unless that is nil.
func oneOrMany(v any, fold func(string) string) any {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	out := make([]any, 0, len(items))
	for _, item := range items {
		text := scalar(item)
		if fold != nil {
			text = fold(text)
		}
		out = append(out, text)
	}
	return distinct(out)
}
