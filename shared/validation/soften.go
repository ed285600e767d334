package validation

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// newer reports whether a finding only says that a type or property is unknown,
// and a newer source than the schemas knows it. Such a finding is a note: the
// validator must not hold up what CloudFormation has learnt since.
func newer(t *check.Template, f check.Finding) bool {
	if len(f.Path) < 3 || f.Path[0].Key != "Resources" {
		return false
	}
	r := t.Resources[f.Path[1].Key]
	if r == nil {
		return false
	}
	switch {
	case f.Rule == "E3006" && f.Path[2].Key == "Type":
		return !strings.HasPrefix(r.Written, "AWS::Serverless::") && schema.Fresh(r.Written) // those need the transform
	case f.Rule == "E3002" && f.Path[2].Key == "Properties" && len(f.Path) > 3:
		return schema.FreshProperty(r.Type, pointer(f.Path[3:]))
	}
	return false
}

// pointer is the pointer into a schema of a path below Properties: items are
// "*", and the branches of Fn::If are no steps.
func pointer(path check.Path) string {
	var b strings.Builder
	b.WriteString("/properties")
	for i := 0; i < len(path); i++ {
		switch {
		case path[i].Key == "Fn::If":
			i++ // and the index of the branch
		case path[i].List:
			b.WriteString("/*")
		default:
			b.WriteString("/" + path[i].Key)
		}
	}
	return b.String()
}
