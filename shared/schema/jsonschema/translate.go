package jsonschema

import "strings"

// translate turns the source of a Python expression into Go's syntax
// (https://pypi.org/project/regex, "Unicode", and regexp/syntax). With full, the
// result has Python's meaning for every text: \w, \d and \s are Unicode's, $
// matches before a line feed at the end. Otherwise it is the shorter expression
// that means the same for a text of ASCII without a line feed at the end.
func translate(source string, full bool) string {
	t := translator{classes: plainClasses, end: `\z`, hex: true}
	if full {
		t.classes, t.end = fullClasses, `(?:\n?\z)`
	}
	return t.translate(source)
}

// translateBack turns the source into the syntax of regexp2, which has Python's
// meaning of $, \w, \d and \s.
func translateBack(source string) string {
	return (&translator{classes: backClasses, end: "$"}).translate(source)
}

type translator struct {
	classes map[string]string // escape → the inside of a bracket expression
	end     string            // what stands for $
	hex     bool              // \uFFFF is written \x{FFFF}
	out     strings.Builder
}

func (t *translator) translate(source string) string {
	inClass := false
	for i := 0; i < len(source); {
		if source[i] == '\\' {
			i += t.escape(source[i:], inClass)
			continue
		}
		switch c := source[i]; {
		case inClass && c == ']':
			inClass = false
		case inClass && strings.HasPrefix(source[i:], "[:"):
			if end := strings.Index(source[i:], ":]"); end > 0 {
				t.out.WriteString(source[i : i+end+2])
				i += end + 2
				continue
			}
			t.out.WriteByte('\\')
		case inClass && c == '[':
			t.out.WriteByte('\\') // no nested sets: a bracket stands for itself
		case c == '[':
			i += t.openClass(source[i:])
			inClass = true
			continue
		case !inClass && c == '$':
			t.out.WriteString(t.end)
			i++
			continue
		}
		t.out.WriteByte(source[i])
		i++
	}
	return t.out.String()
}

// openClass copies the beginning of a bracket expression, in which a closing
// bracket stands for itself, and returns its length.
func (t *translator) openClass(s string) int {
	n := 1
	if strings.HasPrefix(s[n:], "^") {
		n++
	}
	t.out.WriteString(s[:n])
	if strings.HasPrefix(s[n:], "]") {
		t.out.WriteString(`\]`)
		n++
	}
	return n
}

// escape writes the escape at the beginning of s and returns its length.
func (t *translator) escape(s string, inClass bool) int {
	if len(s) < 2 {
		t.out.WriteString(s)
		return len(s)
	}
	name := s[:2]
	if end := strings.IndexByte(s, '}'); (s[1] == 'p' || s[1] == 'P') && strings.HasPrefix(s[2:], "{") && end > 0 {
		name = s[:end+1]
	}
	if inside, ok := t.classes[name]; ok {
		if !inClass {
			inside = "[" + inside + "]"
		}
		t.out.WriteString(inside)
		return len(name)
	}
	switch {
	case name == `\Z`:
		t.out.WriteString(`\z`)
	case name == `\u` && len(s) >= 6 && t.hex:
		t.out.WriteString(`\x{` + s[2:6] + "}")
		return 6
	case !t.hex && name == `\_`:
		t.out.WriteByte('_')
	default:
		t.out.WriteString(name)
	}
	return len(name)
}

// never is a character that no ASCII text has: the inside of a class that is
// empty for them.
const never = `\x{10FFFF}`

// plainClasses are the classes among the ASCII characters.
var plainClasses = map[string]string{
	`\d`: `0-9`, `\D`: `\x00-/:-\x7f`, `\w`: `0-9A-Za-z_`, `\W`: "\\x00-/:-@\\[-^`{-\\x7f",
	`\s`: `\t-\r `, `\S`: `\x00-\x08\x0e-\x1f!-\x7f`,
	`\p{L}`: `A-Za-z`, `\p{N}`: `0-9`, `\p{Nd}`: `0-9`, `\p{Z}`: ` `, `\p{Zs}`: ` `, `\p{M}`: never,
	`\p{P}`: `!-#%-*,-/:;?@\[-\]_{}`, `\p{S}`: "$+<=>^`|~", `\p{C}`: `\x00-\x1f\x7f`, `\P{C}`: ` -~`,
	`\p{Graph}`: `!-~`, `\p{Print}`: ` -~`, `\p{ASCII}`: `\x00-\x7f`,
}

// fullClasses are the classes among all characters, where Go has another.
var fullClasses = map[string]string{
	`\d`: `\p{Nd}`, `\D`: `\P{Nd}`, `\w`: `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}`,
	`\s`: `\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`,
	`\S`: `\x00-\x08\x0e-\x1f!-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}` +
		`\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}`,
	`\p{Graph}`: `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}`, `\p{Print}`: `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs}`,
	`\p{ASCII}`: `\x00-\x7f`,
}

// backClasses are those that regexp2 does not know.
var backClasses = map[string]string{
	`\p{Graph}`: `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}`, `\p{Print}`: `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs}`,
	`\p{ASCII}`: `\x00-\x7f`,
}
