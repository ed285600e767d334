package schema

import "github.com/evenkeel/evenkeel/shared/schema/jsonschema"

// Pattern is a regular expression of the published schemas.
type Pattern = jsonschema.Regexp

// NewPattern returns the pattern of a source text. A source that no engine
// understands matches everything.
func NewPattern(source string) *Pattern { return jsonschema.NewRegexp(source) }
