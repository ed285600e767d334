package risk

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"

	"github.com/evenkeel/evenkeel/shared/changeset"
)

// The ways in which a property raises the risk.
const (
	off     = "off"     // it was one of the values, and no longer is
	on      = "on"      // it becomes one of the values
	gone    = "gone"    // it was there, and no longer is
	appears = "appears" // it was not there
	changes = "changes" // it is another one, or gone
	less    = "less"    // a number gets smaller; none is more than any
)

// guard is one property that is watched. The table is in guards.go.
type guard struct {
	code   string
	types  []string
	path   string   // names joined by "/"; "*" is every item; "[Key=name]" is the item of a list
	when   string   // one of the constants above
	values []string // none: any
	added  bool     // also counts when the resource is new
	absent float64  // what none means for less, 0 for no limit
	text   string
}

// byType arranges the guards once.
var byType = func() map[string][]*guard {
	index := map[string][]*guard{}
	for i := range guardTable {
		for _, name := range guardTable[i].types {
			index[name] = append(index[name], &guardTable[i])
		}
	}
	return index
}()

// guards rates the switches of the resource.
func (a *assessor) guards(s *subject) {
	for _, g := range byType[s.Type] {
		if s.added() && !g.added {
			continue
		}
		names := strings.Split(g.path, "/")
		if !s.touches(names[0]) {
			continue
		}
		if s.hides(names[0]) {
			a.add(g.code, s, "/Properties/"+names[0], "changes "+names[0]+" in a way that is not shown; perhaps "+g.text)
			continue
		}
		before, after := valuesAt(s.before.properties, names), valuesAt(s.after.properties, names)
		if hit, unsure := g.broken(before, after); hit {
			text := g.text
			if unsure {
				text = "perhaps " + text + " (the value is known only after the deployment)"
			}
			a.add(g.code, s, "/Properties/"+g.path, text)
		}
	}
	if s.hides(anyProperty) || len(s.hidden) > 0 && len(byType[s.Type]) == 0 {
		a.add("values-unknown", s, "", "changes, and nothing shows how")
	}
}

// sensitive reports a type of which a new resource may open something.
func sensitive(typeName string) bool {
	return slices.ContainsFunc(byType[typeName], func(g *guard) bool { return g.added }) || typeName == securityGroup || typeName == securityGroupIngress ||
		strings.HasPrefix(typeName, "AWS::IAM::") || strings.HasSuffix(typeName, "Policy") || strings.HasSuffix(typeName, "Permission")
}

// broken compares the values of a property before and after. unsure says that
// only a value that is not known could do it: before, it counts as the good one,
// and after as the bad one.
func (g *guard) broken(before, after []any) (hit, unsure bool) {
	unsure = unknownAmong(before) || unknownAmong(after)
	was := func(v any) bool { return g.is(v) || unknown(v) }
	switch g.when {
	case off:
		return count(before, was) > 0 && count(after, g.is) < count(before, was), unsure
	case on:
		if count(after, g.is) > count(before, g.is) {
			return true, false
		}
		return unknownAmong(after) && count(before, g.is) == 0, true
	case gone:
		return count(before, present) > 0 && count(after, present) == 0, false
	case appears:
		return count(before, present) == 0 && count(after, present) > 0, unsure
	case changes:
		return count(before, present) > 0 && key(before) != key(after), unsure
	case less:
		return g.fewer(before, after), unsure
	}
	return false, false
}

// is reports one of the guard's values.
func (g *guard) is(v any) bool {
	if len(g.values) == 0 {
		return present(v)
	}
	text := changeset.Scalar(v)
	for _, value := range g.values {
		if strings.EqualFold(text, value) {
			return true
		}
	}
	return false
}

func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

func count(values []any, is func(any) bool) int {
	n := 0
	for _, v := range values {
		if is(v) {
			n++
		}
	}
	return n
}

func unknownAmong(values []any) bool { return count(values, unknown) > 0 }

// unknown reports a value that is known only after the deployment, as a whole
// or in a part.
func unknown(v any) bool {
	text, ok := v.(string)
	return ok && strings.Contains(text, template.KnownAfterApply)
}

// fewer reports that the least of some numbers gets smaller. None stands for
// the type's default, or for no limit. One that is not known may be smaller.
func (g *guard) fewer(before, after []any) bool {
	return unknownAmong(after) || unknownAmong(before) || g.least(after) < g.least(before)
}

func (g *guard) least(values []any) float64 {
	least := math.Inf(1)
	if len(values) == 0 && g.absent != 0 {
		return g.absent
	}
	for _, v := range values {
		if f, err := strconv.ParseFloat(changeset.Scalar(v), 64); err == nil {
			least = min(least, f)
		}
	}
	return least
}

// maxValues bounds what one path of a property may give.
const maxValues = 1000

// valuesAt lists what is at a path. A selector such as [Key=name] takes the
// items of a list whose member Key has the value.
func valuesAt(v any, path []string) []any {
	var found []any
	collect(v, path, &found)
	return found
}

func collect(v any, path []string, found *[]any) {
	if v == nil || len(*found) >= maxValues {
		return
	}
	if len(path) == 0 || unknown(v) {
		*found = append(*found, v)
		return
	}
	name := path[0]
	member, value, selects := strings.Cut(strings.Trim(name, "[]"), "=")
	switch v := v.(type) {
	case map[string]any:
		if name != "*" && !selects {
			collect(v[name], path[1:], found)
			return
		}
		for _, key := range sortedKeys(v) { // a list of which some items are known
			step(v[key], name, member, value, path, found)
		}
	case []any:
		for _, item := range v {
			step(item, name, member, value, path, found)
		}
	}
}

func step(item any, name, member, value string, path []string, found *[]any) {
	if name == "*" {
		collect(item, path[1:], found)
		return
	}
	if object, ok := item.(map[string]any); ok && changeset.Scalar(object[member]) == value {
		collect(object, path[1:], found)
	}
}
