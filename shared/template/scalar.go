package template

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// scalarTag is the type that YAML 1.1 gives a node.
type scalarTag uint8

const (
	tagStr scalarTag = iota
	tagNull
	tagBool
	tagInt
	tagFloat
	tagTime
	tagBinary
	tagMerge // "<<"
	tagValue // "=", which PyYAML has a type but no value for
	tagMap
	tagSeq
	tagSet
	tagPairs
)

// implicitTag is the type of a plain scalar by YAML 1.1 as PyYAML's resolver
// has it: numbers with exponents need a point and a sign, times are
// sexagesimal numbers, y and n are strings.
func implicitTag(s string) scalarTag {
	if s == "" {
		return tagNull
	}
	switch c := s[0]; c {
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '+', '.':
		return numberTag(s)
	case '!', '&', '*':
		// Plain text cannot begin so, but text with the tag "!" can.
		if len(s) == 1 {
			return tagValue
		}
	case '~', '<', '=', 'n', 'N', 'y', 'Y', 't', 'T', 'f', 'F', 'o', 'O':
		if len(s) <= len("false") {
			return wordTag(s)
		}
	}
	return tagStr
}

func wordTag(s string) scalarTag {
	switch s {
	case "~", "null", "Null", "NULL":
		return tagNull
	case "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE",
		"on", "On", "ON", "off", "Off", "OFF":
		return tagBool
	case "<<":
		return tagMerge
	case "=":
		return tagValue
	}
	return tagStr
}

func numberTag(s string) scalarTag {
	if isInt(s) {
		return tagInt
	}
	if isFloat(s) {
		return tagFloat
	}
	if len(s) >= len("2000-1-1") && isTimestamp(s, true) {
		return tagTime
	}
	return tagStr
}

// span is the length of the beginning of s that consists of digits below base
// and underscores.
func span(s string, base int) int {
	for i := range len(s) {
		if d := hexDigit(s[i]); s[i] != '_' && (d < 0 || d >= base) {
			return i
		}
	}
	return len(s)
}

func unsigned(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

func isInt(s string) bool {
	s = unsigned(s)
	switch {
	case s == "" || s[0] == '_' || hexDigit(s[0]) < 0 || s[0] > '9':
		return false
	case s == "0":
		return true
	case s[0] == '0' && len(s) > 2 && s[1] == 'b':
		return span(s[2:], 2) == len(s)-2
	case s[0] == '0' && len(s) > 2 && s[1] == 'x':
		return span(s[2:], 16) == len(s)-2
	case s[0] == '0':
		return span(s, 8) == len(s)
	}
	n := span(s, 10)
	return n == len(s) || sixties(s[n:]) == len(s)-n
}

// sixties is the length of ":59:59…" at the beginning of s.
func sixties(s string) int {
	n := 0
	for n < len(s) && s[n] == ':' {
		rest := s[n+1:]
		switch {
		case len(rest) > 1 && rest[0] <= '5' && rest[0] >= '0' && rest[1] >= '0' && rest[1] <= '9':
			n += 3
		case len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9':
			n += 2
		default:
			return n
		}
	}
	return n
}

func isFloat(s string) bool {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return true
	}
	signed := s != unsigned(s)
	s = unsigned(s)
	switch s {
	case "":
		return false
	case ".inf", ".Inf", ".INF":
		return true
	}
	if s[0] == '.' {
		digits := s[1:]
		n := span(digits, 10)
		return !signed && n > 0 && digits[0] != '_' && isExponent(digits[n:])
	}
	if s[0] < '0' || s[0] > '9' {
		return false
	}
	n := span(s, 10)
	if m := sixties(s[n:]); m > 0 {
		s = s[n+m:]
		return s != "" && s[0] == '.' && span(s[1:], 10) == len(s)-1
	}
	s = s[n:]
	return s != "" && s[0] == '.' && isExponent(s[1+span(s[1:], 10):])
}

// isExponent reports whether s is empty or an exponent with its sign.
func isExponent(s string) bool {
	if s == "" {
		return true
	}
	if len(s) < 3 || s[0] != 'e' && s[0] != 'E' || s[1] != '-' && s[1] != '+' {
		return false
	}
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// resolve makes the node of a plain scalar. It is nil, and the error set, if
// the text has the form of a type but no value of it.
func (p *yamlParser) resolve(start mark, text string) (*Node, scalarTag) {
	tag := implicitTag(text)
	n, ok := p.construct(tag, start, text)
	if !ok {
		p.fail(start, "%q is not a valid number or date", excerpt(text))
		return nil, tag
	}
	return n, tag
}

// construct makes the node of a type from its text.
func (a *slab) construct(tag scalarTag, start mark, text string) (*Node, bool) {
	n := a.node(String, start)
	n.Text = text
	ok := true
	switch tag {
	case tagNull:
		n.Kind, n.Text = Null, ""
	case tagBool:
		n.Kind = Bool
		n.True, ok = boolValue(text)
	case tagInt:
		n.Kind, n.Form = Number, FormInteger
		n.Float, ok = intValue(text)
	case tagFloat:
		n.Kind = Number
		n.Float, ok = floatValue(text)
	case tagTime:
		n.Form, ok = timeForm(text)
	case tagBinary:
		n.Form = FormBinary
		n.Text, ok = decodeBinary(text)
	}
	return n, ok
}

func boolValue(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "yes", "true", "on":
		return true, true
	case "no", "false", "off":
		return false, true
	}
	return false, false
}

// maxIntDigits is how many decimal digits Python reads by default. Here it holds
// for every base, to keep the work small.
const maxIntDigits = 4300

func intValue(text string) (float64, bool) {
	if len(text) < 16 && text != "" && text[0] > '0' && text[0] <= '9' {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return float64(i), true
		}
	}
	b, ok := bigValue(text)
	if !ok {
		return 0, false
	}
	f, _ := new(big.Float).SetInt(b).Float64()
	return f, true
}

// bigValue is the value of a whole number of YAML 1.1.
func bigValue(text string) (*big.Int, bool) {
	s := strings.ReplaceAll(strings.TrimSpace(text), "_", "")
	digits := unsigned(s)
	base := 10
	switch {
	case digits == "" || unsigned(digits) != digits || len(digits) > maxIntDigits:
		return nil, false
	case digits == "0":
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case digits[0] == '0':
		base = 8
	case strings.Contains(digits, ":"):
		return sexagesimal(digits, s[0] == '-')
	}
	if unsigned(digits) != digits {
		return nil, false
	}
	b, ok := new(big.Int).SetString(digits, base)
	if ok && s[0] == '-' {
		b.Neg(b)
	}
	return b, ok
}

func sexagesimal(digits string, negative bool) (*big.Int, bool) {
	b := new(big.Int)
	for part := range strings.SplitSeq(digits, ":") {
		v, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return nil, false
		}
		b.Mul(b, big.NewInt(60)).Add(b, new(big.Int).SetUint64(v))
	}
	if negative {
		b.Neg(b)
	}
	return b, true
}

func floatValue(text string) (float64, bool) {
	s := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), "_", ""))
	if s == "" {
		return 0, false
	}
	sign := 1.0
	if s[0] == '-' {
		sign = -1
	}
	s = unsigned(s)
	switch {
	case s == ".inf":
		return sign * math.Inf(1), true
	case s == ".nan":
		return math.NaN(), true
	case strings.Contains(s, ":"):
		total := 0.0
		for part := range strings.SplitSeq(s, ":") {
			f, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return 0, false
			}
			total = total*60 + f
		}
		return sign * total, true
	case strings.ContainsAny(s, "xp"):
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return sign * f, true
}

// IsInteger reports whether n is a whole number that is also written as one.
func (n *Node) IsInteger() bool { return n != nil && n.Kind == Number && n.Form == FormInteger }

// IsDate reports whether n is a date without quotes, which YAML 1.1 does not
// read as a string.
func (n *Node) IsDate() bool { return n != nil && (n.Form == FormDate || n.Form == FormTime) }

// Decimal returns the decimal digits of a whole number whatever base it is
// written in, and the shortest exact form of any other number.
func (n *Node) Decimal() string {
	if n.IsInteger() {
		if b, ok := bigValue(n.Text); ok {
			return b.String()
		}
	}
	return FormatNumber(n.Float)
}
