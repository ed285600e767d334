package template

import "strings"

// SubPart is a piece of the text of Fn::Sub: a literal, or a variable if Name
// is set.
type SubPart struct {
	Literal string
	Name    string
}

// SubParts splits the text of Fn::Sub. "${!Name}" is the literal "${Name}"
// (user guide, Fn::Sub). Blanks around a name are dropped; a "${" that nothing
// closes is literal.
func SubParts(text string) []SubPart {
	var parts []SubPart
	for text != "" {
		begin := strings.Index(text, "${")
		end := -1
		if begin >= 0 {
			end = strings.IndexByte(text[begin:], '}')
		}
		if end < 0 {
			return append(parts, SubPart{Literal: text})
		}
		if begin > 0 {
			parts = append(parts, SubPart{Literal: text[:begin]})
		}
		name := text[begin+2 : begin+end]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			parts = append(parts, SubPart{Literal: "${" + literal + "}"})
		} else {
			parts = append(parts, SubPart{Name: strings.TrimSpace(name), Literal: text[begin : begin+end+1]})
		}
		text = text[begin+end+1:]
	}
	return parts
}
