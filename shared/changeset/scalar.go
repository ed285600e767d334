package changeset

import "strconv"

// Scalar is a value as CloudFormation writes it in a change set, where every
// number and boolean is text; "" for what is no scalar.
func Scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
