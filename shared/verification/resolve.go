package verification

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Outputs are the outputs of stacks, by the stack's name in evenkeel.yaml; ""
// is the stack that the checks are about.
type Outputs map[string]map[string]string

// expander replaces references and remembers the first that is not known.
type expander struct {
	outputs Outputs
	problem string
}

func (e *expander) text(text string) string {
	expanded, unknown, ok := pipeline.Expand(text, func(stack, output string) (string, bool) {
		value, known := e.outputs[stack][output]
		return value, known
	})
	if !ok && e.problem == "" {
		e.problem = fmt.Sprintf("there is no output %s", shorten(unknown, maxWhy))
	}
	return expanded
}

// payload replaces references in the texts of a JSON value: a value of an
// output cannot break out of its text.
func (e *expander) payload(payload json.RawMessage) []byte {
	if len(payload) == 0 {
		return nil
	}
	document, err := decodeJSON(payload)
	if err != nil {
		e.problem = "the payload is not JSON"
		return nil
	}
	data, err := json.Marshal(e.walk(document))
	if err != nil {
		e.problem = "the payload is not JSON"
	}
	return data
}

func (e *expander) walk(v any) any {
	switch v := v.(type) {
	case string:
		return e.text(v)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			v[name] = e.walk(v[name])
		}
	case []any:
		for i := range v {
			v[i] = e.walk(v[i])
		}
	}
	return v
}
