package schema

import (
	"slices"
	"strconv"
	"strings"
)

func (c *checker) object(s *Schema, v Value) {
	for i := range v.Len() {
		name, value := v.Entry(i)
		if value.Kind() != Absent {
			c.property(s, name, value)
		}
	}
	c.counts(s, v)
	if v.Open() {
		return // more properties may appear
	}
	for _, name := range s.Required {
		if p := c.presence(v, name); p != present {
			c.add("required", v, "the property %q is required", name)
		}
	}
	c.groups(s, v)
}

func (c *checker) presence(v Value, name string) presence {
	value, ok := v.Get(name)
	return presenceOf(value, ok)
}

func (c *checker) property(s *Schema, name string, value Value) {
	known := false
	if p, ok := s.Properties[name]; ok {
		known = true
		c.at(name, p, value)
	}
	for _, p := range s.PatternProperties {
		if p.Pattern.Match(name) {
			known = true
			c.at(name, p.Schema, value)
		}
	}
	switch {
	case known:
	case s.Additional != nil:
		c.at(name, s.Additional, value)
	case s.Closed:
		c.path = append(c.path, name)
		c.add("additionalProperties", value, "the property %q is not allowed here%s", name, suggestion(name, s.Properties))
		c.path = c.path[:len(c.path)-1]
	}
}

// suggestion names the property that was most likely meant.
func suggestion(name string, known map[string]*Schema) string {
	lower := strings.ToLower(name)
	best, distance := "", 3
	for _, candidate := range sortedKeys(known) {
		if d := editDistance(lower, strings.ToLower(candidate), distance); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return `, did you mean "` + best + `"?`
}

// editDistance is Levenshtein's distance, or at least limit.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit || len(a) > 100 {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (c *checker) counts(s *Schema, v Value) {
	if s.MinProperties == nil && s.MaxProperties == nil {
		return
	}
	least, most := 0, 0
	for i := range v.Len() {
		_, value := v.Entry(i)
		switch presenceOf(value, true) {
		case present:
			least++
			most++
		case possible:
			most++
		}
	}
	if s.MinProperties != nil && most < *s.MinProperties && !v.Open() {
		c.add("minProperties", v, "has %d properties, at least %d are needed", most, *s.MinProperties)
	}
	if s.MaxProperties != nil && least > *s.MaxProperties {
		c.add("maxProperties", v, "has %d properties, at most %d are allowed", least, *s.MaxProperties)
	}
}

// groups checks the keywords that relate properties to each other. Where a
// property may or may not be there, they stay silent.
func (c *checker) groups(s *Schema, v Value) {
	if len(s.RequiredXor) > 0 {
		c.exactlyOne(v, s.RequiredXor)
	}
	if len(s.RequiredOr) > 0 {
		if _, most := c.howMany(v, s.RequiredOr); most == 0 {
			c.add("requiredOr", v, "at least one of %s is required", strings.Join(s.RequiredOr, ", "))
		}
	}
	for _, name := range sortedKeys(s.DependentRequired) {
		if c.presence(v, name) != present {
			continue
		}
		for _, other := range s.DependentRequired[name] {
			if c.presence(v, other) == missing {
				c.add("dependentRequired", v, "%q needs the property %q", name, other)
			}
		}
	}
	for _, name := range sortedKeys(s.DependentExcluded) {
		if c.presence(v, name) != present {
			continue
		}
		for _, other := range s.DependentExcluded[name] {
			if c.presence(v, other) == present {
				value, _ := v.Get(other)
				c.path = append(c.path, other)
				c.add("dependentExcluded", value, "the property %q cannot be used with %q", other, name)
				c.path = c.path[:len(c.path)-1]
			}
		}
	}
}

// exactlyOne reports the object that has none of the properties, or each of
// them if it has more than one.
func (c *checker) exactlyOne(v Value, names []string) {
	least, most := c.howMany(v, names)
	if most == 0 {
		c.add("requiredXor", v, "exactly one of %s is required", strings.Join(names, ", "))
	}
	if least <= 1 {
		return
	}
	for _, name := range names {
		if value, ok := v.Get(name); ok && presenceOf(value, true) == present {
			c.path = append(c.path, name)
			c.add("requiredXor", value, "only one of %s is allowed", strings.Join(names, ", "))
			c.path = c.path[:len(c.path)-1]
		}
	}
}

func (c *checker) howMany(v Value, names []string) (least, most int) {
	for _, name := range names {
		switch c.presence(v, name) {
		case present:
			least++
			most++
		case possible:
			most++
		}
	}
	return least, most
}

// combined checks the keywords that hold alternatives.
func (c *checker) combined(s *Schema, v Value) {
	for _, sub := range s.AllOf {
		c.check(sub, v)
	}
	if len(s.AnyOf) > 0 {
		if fits, unsure, why := c.alternatives(s.AnyOf, v); fits == 0 && unsure == 0 {
			c.add("anyOf", v, "fits none of the allowed forms%s", why)
		}
	}
	if len(s.OneOf) > 0 {
		switch fits, unsure, why := c.alternatives(s.OneOf, v); {
		case fits == 0 && unsure == 0:
			c.add("oneOf", v, "fits none of the allowed forms%s", why)
		case fits > 1:
			c.add("oneOf", v, "fits %d of the allowed forms, only one may apply%s", fits, forms(s.OneOf))
		}
	}
	if s.Not != nil {
		if ok, unsure := c.fits(s.Not, v); ok && !unsure {
			c.add("not", v, "has a form that is not allowed")
		}
	}
	if s.If != nil {
		ok, unsure := c.fits(s.If, v)
		switch {
		case unsure:
		case ok && s.Then != nil:
			c.check(s.Then, v)
		case !ok && s.Else != nil:
			c.check(s.Else, v)
		}
	}
}

// alternatives counts the schemas that the value fits, and those that it may
// fit. why says what is wrong, for the case that it fits none.
func (c *checker) alternatives(schemas []*Schema, v Value) (fits, unsure int, why string) {
	var nearest []Violation
	for _, s := range schemas {
		switch found, maybe := c.try(s, v); {
		case len(found) > 0:
			if nearest == nil || len(found) < len(nearest) {
				nearest = found
			}
		case maybe:
			unsure++
		default:
			fits++
		}
	}
	if fits > 0 || nearest == nil {
		return fits, unsure, ""
	}
	if why = forms(schemas); why == "" {
		why = "; in the nearest, " + nearest[0].Error()
	}
	return fits, unsure, why
}

func (c *checker) fits(s *Schema, v Value) (ok, unsure bool) {
	found, unsure := c.try(s, v)
	return len(found) == 0, unsure
}

// try checks a schema without reporting. unsure means that something unknown
// could decide otherwise.
func (c *checker) try(s *Schema, v Value) (found []Violation, unsure bool) {
	trial := &checker{typ: c.typ, budget: c.budget, formats: c.formats, path: slices.Clone(c.path), steps: c.steps, depth: c.depth}
	trial.check(s, v)
	c.steps = trial.steps
	return trial.found, trial.unsure || hasChoice(s, v)
}

// hasChoice reports whether a property that the schema asks for depends on a
// condition.
func hasChoice(s *Schema, v Value) bool {
	if v.Kind() != MapValue {
		return false
	}
	if v.Open() {
		return true
	}
	return slices.ContainsFunc(s.Required, func(name string) bool {
		value, ok := v.Get(name)
		return ok && value.Kind() == Choice
	})
}

// forms lists what alternatives require, when that is all they say.
func forms(schemas []*Schema) string {
	var parts []string
	for _, s := range schemas {
		if len(s.Required) == 0 || len(s.Properties) > 0 {
			return ""
		}
		parts = append(parts, strings.Join(s.Required, " with "))
	}
	return ": " + strings.Join(parts, "; or ")
}

// readOnly reports properties that only the service may set.
func (c *checker) readOnly(v Value) {
	for _, pointer := range c.typ.ReadOnly {
		c.readOnlyAt(v, Names(pointer))
	}
}

func (c *checker) readOnlyAt(v Value, names []string) {
	if v.Kind() == Choice {
		for _, b := range v.Branches() {
			c.readOnlyAt(b, names)
		}
		return
	}
	if len(names) == 0 {
		if v.Kind() != Absent {
			c.add(ReadOnlyKeyword, v, "the property %q is read-only", c.path[len(c.path)-1])
		}
		return
	}
	step := func(name string, next Value) {
		c.path = append(c.path, name)
		c.readOnlyAt(next, names[1:])
		c.path = c.path[:len(c.path)-1]
	}
	switch {
	case v.Kind() == ListValue && names[0] == "*":
		for i := range v.Len() {
			step(strconv.Itoa(i), v.Item(i))
		}
	case v.Kind() == MapValue:
		if next, ok := v.Get(names[0]); ok {
			step(names[0], next)
		}
	}
}
