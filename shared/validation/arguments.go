package validation

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// The checks of functions that take positional arguments.

// takesString reports an argument that is neither a string nor a call that can
// give one.
func takesString(c *Template, f call) {
	_, _, isCall := f.arg.Call()
	switch {
	case f.arg.IsList(), f.arg.IsMap() && !isCall, f.arg.Kind == template.Null:
		c.defectf(f, f.path, "%s takes a string, not a value of type %s", f.name, f.arg.Kind)
	case isCall && f.name == "Fn::GetAZs":
		// Of functions, only Ref is supported (user guide, Fn::GetAZs).
		if fn, _, _ := f.arg.Call(); fn != "Ref" && !c.hasTransform(languageExtensions) {
			c.defectf(f, f.path, "Fn::GetAZs takes a region or a Ref to one")
		}
	}
}

func checkSelect(c *Template, f call) {
	if !c.takes(f, 2, 2) {
		return
	}
	index, list := f.arg.Items[0], f.arg.Items[1]
	i, err := strconv.Atoi(index.Text)
	scalar := index.IsString() || index.Kind == template.Number
	if scalar && (err != nil || i < 0) {
		c.defectf(f, f.path.with("0"), "the index %q is not a whole number from 0", index.Text)
	}
	switch {
	case list.IsList():
		if scalar && err == nil && i >= len(list.Items) {
			c.defectf(f, f.path.with("1"), "there is no item %d in a list of %d", i, len(list.Items))
		}
	case !list.IsMap():
		c.defectf(f, f.path.with("1"), "Fn::Select takes a list, not a value of type %s", list.Kind)
	default:
		c.givesList(f, list, "1")
	}
}

// givesList reports a call that cannot give a list.
func (c *Template) givesList(f call, n *template.Node, at string) {
	fn, arg, ok := n.Call()
	switch {
	case !ok:
		c.defectf(f, f.path.with(at), "%s takes a list here, not an object", f.name)
	case slices.Contains([]string{"Fn::Sub", "Fn::Join", "Fn::Base64", "Fn::ToJsonString"}, fn):
		c.defectf(f, f.path.with(at), "%s takes a list here, but %s gives a string", f.name, fn)
	case fn == "Ref":
		if p, ok := c.Parameters.Get(arg.Str()); ok && !p.IsList() && knownParameterType(p.Type) {
			c.defectf(f, f.path.with(at), "%s takes a list here, but the parameter %s is of type %s", f.name, p.Name, p.Type)
		}
	}
}

func checkSplit(c *Template, f call) {
	if !c.takes(f, 2, 2) {
		return
	}
	if !f.arg.Items[0].IsString() {
		c.defectf(f, f.path.with("0"), "the delimiter of Fn::Split is a string")
	}
	text := f.arg.Items[1]
	if _, _, isCall := text.Call(); text.IsList() || text.IsMap() && !isCall {
		c.defectf(f, f.path.with("1"), "Fn::Split takes a string, not a value of type %s", text.Kind)
	}
}

func checkJoin(c *Template, f call) {
	if !c.takes(f, 2, 2) {
		return
	}
	if d := f.arg.Items[0]; d.IsMap() || d.IsList() {
		c.defectf(f, f.path.with("0"), "the delimiter of Fn::Join is a string")
	}
	list := f.arg.Items[1]
	switch {
	case list.IsMap():
		c.givesList(f, list, "1")
	case !list.IsList():
		c.defectf(f, f.path.with("1"), "Fn::Join takes a list, not a value of type %s", list.Kind)
	}
	for i, item := range list.Items {
		if _, _, isCall := item.Call(); item.IsList() || item.IsMap() && !isCall {
			c.defectf(f, f.path.with("1", digits(i)), "an item to join is a string, not of type %s", item.Kind)
		}
	}
}

func checkCidr(c *Template, f call) {
	if !c.takes(f, 2, 3) {
		return
	}
	if n := f.arg.Items[0]; n.IsString() && !strings.Contains(n.Text, "{{") {
		if _, err := netip.ParsePrefix(n.Text); err != nil {
			c.defectf(f, f.path.with("0"), "%q is not a network", n.Text)
		}
	}
	for i, most := range []int{256, 128} {
		if i+1 >= len(f.arg.Items) {
			break
		}
		n := f.arg.Items[i+1]
		if n.IsMap() {
			continue
		}
		if v, err := strconv.Atoi(n.Text); err != nil || v < 1 || v > most {
			c.defectf(f, f.path.with(digits(i+1)), "%q is not a whole number from 1 to %d", n.Text, most)
		}
	}
}

func checkIf(c *Template, f call) {
	if !c.takes(f, 3, 3) {
		return
	}
	switch name := f.arg.Items[0]; {
	case !name.IsString():
		c.defectf(f, f.path.with("0"), "Fn::If takes the name of a condition")
	case !c.ConditionNodes.Has(name.Text) && !c.opaque():
		c.defectf(f, f.path.with("0"), "there is no condition %q", name.Text)
	}
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9_:.]+)\}`)

// checkSubNeeded finds "${Name}" outside Fn::Sub where Name would mean
// something. Keys that hold templates and definitions of their own are left out.
func checkSubNeeded(c *Template) {
	if c.opaque() || c.hasTransform(serverless) {
		return
	}
	for id, r := range c.Resources.All() {
		c.subNeeded(r.Node, path{"Resources", id}, r)
	}
	for name, o := range c.Outputs.All() {
		c.subNeeded(o.Node, path{"Outputs", name}, nil)
	}
}

func (c *Template) subNeeded(n *template.Node, p path, r *template.Resource) {
	if fn, _, ok := n.Call(); ok && fn == "Fn::Sub" {
		return
	}
	if n.IsString() && strings.Contains(n.Text, "${") && p[len(p)-1] != "TemplateBody" {
		for _, m := range variable.FindAllStringSubmatch(n.Text, -1) {
			if c.substitutable(m[1]) && !definitionSubstitution(r, p, m[1]) {
				c.reportf(p, "the variable ${%s} stands outside Fn::Sub and is not substituted", m[1])
			}
		}
	}
	n.Each(func(name string, child *template.Node) { c.subNeeded(child, append(p, name), r) })
}

func (c *Template) substitutable(name string) bool {
	id, attribute, dotted := strings.Cut(name, ".")
	if !dotted {
		return slices.Contains(pseudo, name) || c.Parameters.Has(name) || c.Resources.Has(name)
	}
	r, ok := c.Resources.Get(id)
	return ok && hasAttribute(r.Type, attribute)
}

// definitionSubstitution reports whether Step Functions replaces the variable
// itself (AWS::StepFunctions::StateMachine, DefinitionSubstitutions).
func definitionSubstitution(r *template.Resource, p path, name string) bool {
	if r == nil || !slices.Contains(p, "DefinitionString") && !slices.Contains(p, "Definition") {
		return false
	}
	return r.Properties.Get("DefinitionSubstitutions").Get(name) != nil
}
