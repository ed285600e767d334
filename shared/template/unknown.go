package template

import "encoding/json"

// KnownAfterApply is how CloudFormation writes, in a change set, a value that
// only the deployment can give.
const KnownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

type unknown struct{}

func (unknown) String() string               { return KnownAfterApply }
func (unknown) MarshalJSON() ([]byte, error) { return json.Marshal(KnownAfterApply) }

type noValue struct{}

// Unknown is the value of something that is known only after deployment. A
// scalar made of an Unknown is Unknown; lists and maps keep it as an element.
// It marshals to KnownAfterApply.
var Unknown any = unknown{}

// none is AWS::NoValue. It never leaves Evaluate.
var none any = noValue{}

// IsUnknown reports whether v is Unknown or holds an Unknown.
func IsUnknown(v any) bool {
	switch v := v.(type) {
	case unknown:
		return true
	case []any:
		for _, e := range v {
			if IsUnknown(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if IsUnknown(e) {
				return true
			}
		}
	}
	return false
}
