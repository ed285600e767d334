package format

// words are the strings that a document writes as one number: the keywords of
// schemas and the strings that schemas repeat most. Their order is part of the
// layout; new ones go to the end.
var words = [...]string{
	"$id", "$ref", "additionalProperties", "allOf", "anyOf", "const", "contains", "dependencies", "dependentExcluded",
	"dependentRequired", "enum", "enumCaseInsensitive", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "then", "else",
	"items", "maxItems", "maxLength", "maxProperties", "maxUniqueItems", "maximum", "minItems", "minLength", "minProperties",
	"minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties", "propertyNames",
	"required", "requiredOr", "requiredXor", "type", "uniqueItems", "uniqueKeys", "cfnLint", "cfnContext", "cfnGather",
	"dynamicValidation", "tagging", "lifecycle", "definitions", "$defs", "default", "insertionOrder", "arrayType",
	"typeName", "primaryIdentifier", "readOnlyProperties", "createOnlyProperties", "writeOnlyProperties",
	"conditionalCreateOnlyProperties", "deprecatedProperties", "additionalIdentifiers", "propertyTransform",
	"replacementStrategy", "taggable", "tagOnCreate", "tagUpdatable", "tagProperty", "cloudFormationSystemTags",
	"relationshipRef", "propertyPath", "status", "date",
	"string", "object", "array", "integer", "boolean", "number", "null",
	"Key", "Value", "Name", "Arn", "Id", "Type", "Tags", "Description", "/properties/Tags",
	"#/definitions/Tag", "Resources", "ARNFormats", "ConditionKeys", "Actions",
}

// Word returns the string of a word's number.
func Word(i int) string { return words[i] }

// Words returns how many words there are.
func Words() int { return len(words) }
