package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ReadOnlyKeyword is the keyword of a Violation that no schema keyword names: a
// property that only the service may set is given.
const ReadOnlyKeyword = "readOnly"

// Violation is one way in which a value breaks a schema.
type Violation struct {
	Keyword string   // "type", "enum", "required", "additionalProperties", "readOnly"…
	Path    []string // names and list indexes from the properties of the resource
	Message string
	Value   Value // what is wrong; of "required" and its like, the object that lacks something
}

// Pointer writes the path as in the schema: "/properties/A/0/B".
func (v Violation) Pointer() string { return Pointer(v.Path...) }

// Error implements error: path and message.
func (v Violation) Error() string {
	if len(v.Path) == 0 {
		return v.Message
	}
	return strings.Join(v.Path, "/") + ": " + v.Message
}

// maxSteps bounds the work of one check. The largest real resources take some
// ten thousand steps.
const maxSteps = 500_000

// Check tests the properties of a resource, given as plain JSON values, against
// the schema of its type. Values of other Go types count as unknown and pass.
// Numbers and booleans may be written as strings and the other way round, as
// CloudFormation converts them. The violations are in the order of the sorted
// property names.
func Check(t *Type, model map[string]any) []Violation {
	if model == nil {
		model = map[string]any{}
	}
	v, _ := t.CheckValue(Plain(model))
	return v
}

// maxViolations bounds what one check reports.
const maxViolations = 1000

// CheckValue tests a value as Check does. complete is false if the value was
// too large to be tested within bounds.
func (t *Type) CheckValue(v Value) (violations []Violation, complete bool) {
	violations, _, complete = t.run(&checker{typ: t, budget: maxSteps}, v)
	return violations, complete
}

// CheckWithin is CheckValue with a budget of steps, one for each pair of a
// value and a schema that it meets. It returns the steps used. It also checks
// the formats of identifiers (keyword "format:AWS::EC2::VPC.Id" and so on),
// which a model with identifiers of an emulator need not have.
func (t *Type) CheckWithin(v Value, budget int) (violations []Violation, steps int, complete bool) {
	return t.run(&checker{typ: t, budget: min(budget, maxSteps), formats: true}, v)
}

func (t *Type) run(c *checker, v Value) (violations []Violation, steps int, complete bool) {
	c.check(t.Root, v)
	c.readOnly(v)
	return c.found, c.steps, c.steps <= c.budget
}

// checker walks value and schema together. unsure is set when a violation might
// exist, depending on something unknown.
type checker struct {
	typ    *Type
	path   []string
	found  []Violation
	steps  int
	budget int
	// formats says whether formats of identifiers are checked.
	formats bool
	depth   int
	unsure  bool
}

func (c *checker) add(keyword string, v Value, format string, args ...any) {
	if len(c.found) >= maxViolations {
		c.steps = c.budget + 1
		return
	}
	c.found = append(c.found, Violation{Keyword: keyword, Path: slices.Clone(c.path), Message: fmt.Sprintf(format, args...), Value: v})
}

func (c *checker) at(name string, s *Schema, v Value) {
	c.path = append(c.path, name)
	c.check(s, v)
	c.path = c.path[:len(c.path)-1]
}

func (c *checker) check(s *Schema, v Value) {
	// A provider schema may refer to itself without going into the value.
	const maxDepth = 300
	if c.steps++; c.steps > c.budget || c.depth > maxDepth {
		c.unsure = true
		return
	}
	c.depth++
	defer func() { c.depth-- }()
	switch v.Kind() {
	case Opaque:
		c.unsure = true
		return
	case Absent:
		return
	case Choice:
		for _, b := range v.Branches() {
			c.check(s, b)
		}
		return
	}
	c.kind(s, v)
	switch v.Kind() {
	case StringValue, NumberValue, BoolValue:
		c.scalar(s, v)
	case ListValue:
		c.list(s, v)
	case MapValue:
		c.object(s, v)
	}
	c.combined(s, v)
}

func (c *checker) kind(s *Schema, v Value) {
	if len(s.Types) == 0 || slices.ContainsFunc(s.Types, func(t string) bool { return hasType(v, t) }) {
		return
	}
	c.add("type", v, "is %s, expected %s", kindName(v), strings.Join(s.Types, " or "))
}

func kindName(v Value) string {
	switch v.Kind() {
	case NullValue:
		return "null"
	case BoolValue:
		return "a boolean"
	case NumberValue:
		return "a number"
	case StringValue:
		return "a string"
	case ListValue:
		return "an array"
	}
	return "an object"
}

// hasType is CloudFormation's reading of types: a scalar of one type may be
// written as a scalar of another if its text fits.
func hasType(v Value, typ string) bool {
	kind := v.Kind()
	switch typ {
	case "object":
		return kind == MapValue
	case "array":
		return kind == ListValue
	case "null":
		return kind == NullValue
	case "string":
		return kind == StringValue || kind == NumberValue || kind == BoolValue
	case "boolean":
		return kind == BoolValue || kind == StringValue && slices.Contains([]string{"true", "True", "TRUE", "false", "False", "FALSE"}, v.Text())
	}
	f, ok := numeric(v)
	if !ok {
		return false
	}
	return typ == "number" || f == float64(int64(f))
}

// numeric is the number that a number or a string stands for.
func numeric(v Value) (float64, bool) {
	switch v.Kind() {
	case NumberValue:
		return v.Number(), true
	case StringValue:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.Text()), 64)
		return f, err == nil
	}
	return 0, false
}

func (c *checker) scalar(s *Schema, v Value) {
	text := v.Text()
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return scalarText(e) == text }) {
		c.add("enum", v, "%q is not one of %s", text, enumText(s.Enum))
	}
	if len(s.EnumCaseInsensitive) > 0 && !slices.ContainsFunc(s.EnumCaseInsensitive, func(e string) bool { return strings.EqualFold(e, text) }) {
		c.add("enumCaseInsensitive", v, "%q is not one of %s", text, strings.Join(s.EnumCaseInsensitive, ", "))
	}
	if s.HasConst && scalarText(s.Const) != text {
		c.add("const", v, "%q is not %q", text, scalarText(s.Const))
	}
	if v.Kind() == StringValue {
		c.text(s, v, text)
	}
	if f, ok := numeric(v); ok && v.Kind() != BoolValue {
		c.number(s, v, f)
	}
}

func (c *checker) text(s *Schema, v Value, text string) {
	if s.Pattern != nil && !s.Pattern.Match(text) {
		c.add("pattern", v, "%q does not match the pattern %s", text, s.Pattern)
	}
	if re := formats[s.Format]; c.formats && re != nil && !re.Match(text) {
		c.add("format:"+s.Format, v, "%q is not in the form %s", text, re)
	}
	if s.MinLength == nil && s.MaxLength == nil {
		return
	}
	switch n := len([]rune(text)); {
	case s.MinLength != nil && n < *s.MinLength:
		c.add("minLength", v, "has %d characters, at least %d are needed", n, *s.MinLength)
	case s.MaxLength != nil && n > *s.MaxLength:
		c.add("maxLength", v, "has %d characters, at most %d are allowed", n, *s.MaxLength)
	}
}

// formats are the forms of identifiers that services give out (EC2 user guide,
// "Resource IDs"; IAM user guide, "IAM identifiers").
var formats = map[string]*Pattern{
	"AWS::EC2::SecurityGroup.Id": NewPattern(`^sg-([a-fA-F0-9]{8}|[a-fA-F0-9]{17})$`),
	"AWS::EC2::VPC.Id":           NewPattern(`^vpc-([a-fA-F0-9]{8}|[a-fA-F0-9]{17})$`),
	"AWS::EC2::Subnet.Id":        NewPattern(`^subnet-([a-fA-F0-9]{8}|[a-fA-F0-9]{17})$`),
	"AWS::EC2::Image.Id":         NewPattern(`^ami-([0-9a-z]{8}|[0-9a-z]{17})$`),
	"AWS::IAM::Role.Arn":         NewPattern(`^arn:aws[a-zA-Z-]*:iam::\d{12}:role/.+$`),
}

func (c *checker) number(s *Schema, v Value, f float64) {
	limit := func(keyword string, bound *float64, broken func(b float64) bool, words string) {
		if bound != nil && broken(*bound) {
			c.add(keyword, v, "%s is %s %s", v.Text(), words, strconv.FormatFloat(*bound, 'f', -1, 64))
		}
	}
	limit("minimum", s.Minimum, func(b float64) bool { return f < b }, "less than the minimum of")
	limit("maximum", s.Maximum, func(b float64) bool { return f > b }, "more than the maximum of")
	limit("exclusiveMinimum", s.ExclusiveMinimum, func(b float64) bool { return f <= b }, "not more than")
	limit("exclusiveMaximum", s.ExclusiveMaximum, func(b float64) bool { return f >= b }, "not less than")
	limit("multipleOf", s.MultipleOf, func(b float64) bool { q := f / b; return b != 0 && q != float64(int64(q)) }, "not a multiple of")
}

func (c *checker) list(s *Schema, v Value) {
	least, most := 0, 0
	for i := range v.Len() {
		switch presenceOf(v.Item(i), true) {
		case present:
			least++
			most++
		case possible:
			most++
		}
	}
	if s.MinItems != nil && most < *s.MinItems {
		c.add("minItems", v, "has %d items, at least %d are needed", most, *s.MinItems)
	}
	if s.MaxItems != nil && least > *s.MaxItems {
		c.add("maxItems", v, "has %d items, at most %d are allowed", least, *s.MaxItems)
	}
	if s.UniqueItems {
		c.unique(v)
	}
	for i := range v.Len() {
		switch {
		case i < len(s.PrefixItems):
			c.at(strconv.Itoa(i), s.PrefixItems[i], v.Item(i))
		case s.Items != nil:
			c.at(strconv.Itoa(i), s.Items, v.Item(i))
		}
	}
}

func (c *checker) unique(v Value) {
	seen := map[string]int{}
	for i := range v.Len() {
		text, ok := canonicalText(v.Item(i))
		if !ok {
			continue
		}
		if first, again := seen[text]; again {
			c.add("uniqueItems", v, "has the same item at %d and %d, the items must be unique", first, i)
			return
		}
		seen[text] = i
	}
}

// canonicalText writes a value that is fully known, so that equal values give
// equal texts.
func canonicalText(v Value) (string, bool) {
	switch v.Kind() {
	case Opaque, Choice, Absent:
		return "", false
	case ListValue:
		var b strings.Builder
		for i := range v.Len() {
			t, ok := canonicalText(v.Item(i))
			if !ok {
				return "", false
			}
			b.WriteString("," + t)
		}
		return "[" + b.String() + "]", true
	case MapValue:
		parts := make([]string, v.Len())
		for i := range parts {
			k, e := v.Entry(i)
			t, ok := canonicalText(e)
			if !ok {
				return "", false
			}
			parts[i] = strconv.Quote(k) + ":" + t
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}", true
	}
	return fmt.Sprintf("%d%q", v.Kind(), v.Text()), true
}

// scalarText is the text of an enum's or const's value.
func scalarText(v any) string { return Plain(v).Text() }

func enumText(values []any) string {
	const most = 12
	var parts []string
	for _, v := range values {
		if len(parts) == most {
			parts = append(parts, fmt.Sprintf("… (%d values)", len(values)))
			break
		}
		parts = append(parts, scalarText(v))
	}
	return strings.Join(parts, ", ")
}
