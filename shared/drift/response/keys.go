package response

import "encoding/json"

// key is one allowed key of a mapping. The decoder and the JSON Schema are both
// driven by these tables, so they cannot disagree.
type key struct {
	name     string
	required bool
	about    string         // one sentence for the person who writes the document
	schema   map[string]any // JSON Schema of the value
}

var (
	textSchema = map[string]any{"type": "string", "minLength": 1}
	// untilSchema is a day, which counts to its end, or an instant.
	untilSchema = map[string]any{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$`}
)

func topKeys() []key {
	return []key{
		{"version", true, "The format of this document: 1.", map[string]any{"const": 1}},
		{"severities", false, "How severe a difference is; the first entry that fits decides, then the built-in ones.", map[string]any{"type": "array", "items": object(severityKeys())}},
		{"responses", false, "What is done, by class of who made the change, or default for every class.", responsesSchema()},
		{"ignore", false, "Exceptions, each until a time and for a reason.", map[string]any{"type": "array", "items": object(ignoreKeys())}},
	}
}

func severityKeys() []key {
	return []key{
		{"type", false, "Glob of the resource type; all without it.", textSchema},
		{"property", false, "Glob of the JSON pointer of the property, ** for any parts; all without it.", textSchema},
		{"severity", true, "How severe it is.", map[string]any{"enum": words(Severities())}},
		{"why", false, "What the report says about it.", textSchema},
	}
}

func ignoreKeys() []key {
	return []key{
		{"stack", false, "Glob of the stack's name in CloudFormation; all without it.", textSchema},
		{"type", false, "Glob of the resource type; all without it.", textSchema},
		{"logicalId", false, "Glob of the logical id; all without it.", textSchema},
		{"property", false, "Glob of the JSON pointer of the property, ** for any parts; all without it.", textSchema},
		{"deleted", false, "Whether it also hides that a resource was deleted.", map[string]any{"type": "boolean"}},
		{"until", true, "The last day that it counts, 2027-01-31, or an instant in RFC 3339.", untilSchema},
		{"reason", true, "Why the drift may stay.", textSchema},
	}
}

func responsesSchema() map[string]any {
	word := map[string]any{"enum": words(Responses())}
	row := map[string]any{}
	for _, s := range Severities() {
		row[string(s)] = word
	}
	cell := map[string]any{"anyOf": []any{word, map[string]any{"type": "object", "additionalProperties": false, "properties": row}}}
	classes := map[string]any{}
	for _, c := range classNames() {
		classes[c] = cell
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": classes}
}

func classNames() []string { return append([]string{everyClass}, Classes()...) }

func words[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// JSONSchema returns the JSON Schema of the policy document for editors, made
// from the tables that the decoder uses. docs/drift-policy.schema.json is this
// text.
func JSONSchema() ([]byte, error) {
	schema := object(topKeys())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Evenkeel drift policy"
	data, err := json.MarshalIndent(schema, "", "  ")
	return append(data, '\n'), err
}

func object(keys []key) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, k := range keys {
		described := map[string]any{"description": k.about}
		for name, v := range k.schema {
			described[name] = v
		}
		properties[k.name] = described
		if k.required {
			required = append(required, k.name)
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}
