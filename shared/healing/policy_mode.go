package healing

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// WithMode returns the policy document with another mode, and everything else
// as it is written, comments too. An empty document gets only the mode. A
// document that is no policy is an Invalid error.
func WithMode(document string, mode Mode) (string, error) {
	if strings.TrimSpace(document) == "" {
		return `{"mode":"` + string(mode) + `"}`, nil
	}
	before, err := DecodePolicy([]byte(document))
	if err != nil {
		return "", err
	}
	root := (&decoder{}).parse([]byte(document))
	lines := strings.SplitAfter(document, "\n")
	if root.Style&yaml.FlowStyle != 0 { // { … }: after the brace
		insert(lines, root.Line, root.Column+1, 0, `"mode": "`+string(mode)+`"`+separator(root))
	} else {
		insert(lines, root.Line, root.Column, 0, "mode: "+string(mode)+"\n"+strings.Repeat(" ", root.Column-1))
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key, value := root.Content[i], root.Content[i+1]; key.Value == "mode" {
			lines = strings.SplitAfter(document, "\n")
			length := len(value.Value)
			if value.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
				length += 2
			}
			insert(lines, value.Line, value.Column, length, `"`+string(mode)+`"`)
		}
	}
	changed := strings.Join(lines, "")
	after, err := DecodePolicy([]byte(changed))
	before.Mode = mode
	if err != nil || !reflect.DeepEqual(before, after) {
		return "", fault.Invalid("the mode cannot be changed in the document as it is written; write %q by hand", "mode: "+string(mode))
	}
	return changed, nil
}

func separator(root *yaml.Node) string {
	if len(root.Content) == 0 {
		return ""
	}
	return ", "
}

// insert replaces length bytes at the column of a line, both counted from one.
// Columns count characters. A value that is written over several lines leaves
// what is no policy.
func insert(lines []string, line, column, length int, text string) {
	r := []rune(lines[line-1])
	from := min(column-1, len(r))
	lines[line-1] = string(r[:from]) + text + string(r[min(from+length, len(r)):])
}
