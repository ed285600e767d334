package check

import (
	"strings"
	"unicode/utf8"
)

// SubParameters returns the names in the variables of a text of Fn::Sub, in
// order: what stands in ${…}, without spaces around it, unless it begins with "!".
func SubParameters(text string) []string {
	var names []string
	for {
		start := strings.Index(text, "${")
		if start < 0 {
			return names
		}
		rest := strings.TrimLeft(text[start+2:], spaces)
		name, after, ok := parameterName(rest)
		if !ok {
			if strings.IndexByte(rest, '}') < 0 {
				return names // nothing is closed any more
			}
			text = text[start+2:]
			continue
		}
		names = append(names, name)
		text = after
	}
}

// spaces are the characters that do not count around the name of a variable.
const spaces = " \t\n\r\f\v"

// parameterName reads a name up to the brace that closes it. The first
// character can be any but "!", the name stands on one line.
func parameterName(text string) (name, after string, ok bool) {
	if text == "" || text[0] == '!' {
		return "", "", false
	}
	_, first := utf8.DecodeRuneInString(text)
	end := strings.IndexByte(text[first:], '}')
	if end < 0 {
		return "", "", false
	}
	end += first
	name = strings.TrimRight(text[:end], spaces)
	return name, text[end+1:], !strings.Contains(name, "\n")
}

// nextVariable returns where the first variable of a text begins and where its
// brace closes, -1 if there is none.
func nextVariable(text string) (start, end int) {
	for from := 0; ; {
		i := strings.Index(text[from:], "${")
		if i < 0 {
			return -1, -1
		}
		start = from + i
		inner := text[start+2:]
		from = start + 2
		if inner == "" || inner[0] == '!' {
			continue
		}
		_, first := utf8.DecodeRuneInString(inner)
		close := strings.IndexByte(inner[first:], '}')
		if close < 0 {
			return -1, -1
		}
		if strings.Contains(inner[first:first+close], "\n") {
			continue
		}
		return start, start + 2 + first + close
	}
}
