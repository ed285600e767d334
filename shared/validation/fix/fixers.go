package fix

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// candidate is a finding that may be fixed.
type candidate struct {
	*state
	place
	region string
}

// fixers propose changes, by rule; several are alternatives, the best first.
//
// What is not here is not certain: an unused parameter may be set by somebody,
// a variable outside of Fn::Sub may be meant as it stands, a missing property
// has many values.
var fixers = map[string]func(*candidate) []change{
	"W1020": unneededSub,
	"W3005": redundantDependsOn,
	"E3012": strictType,
	"E3030": spelledValue,
	"E3035": spelledValue,
	"E3036": spelledValue,
	"E3006": spelledType,
	"E2002": spelledParameterType,
	"E3001": spelledKey,
	"E3002": spelledKey,
	"E2001": spelledKey,
	"E1001": spelledKey,
	"E6001": spelledKey,
}

// unneededSub takes Fn::Sub away from a text without variables.
func unneededSub(c *candidate) []change {
	if len(c.path) == 0 || c.path[len(c.path)-1] != "Fn::Sub" {
		return nil
	}
	at, arg := c.parent(), c.node()
	call := at.node()
	if !arg.IsString() || strings.Contains(arg.Text, "${") {
		return nil
	}
	with := func(*template.Node) *template.Node { return &template.Node{Kind: template.String, Text: arg.Text} }
	if !call.Short {
		return c.long(at, with)
	}
	from, to, ok := c.text.span(call)
	written := string(c.text.data[from:to])
	rest, isTag := strings.CutPrefix(written, "!Sub")
	if !ok || !isTag || rest == "" || !isSpace(rest[0]) {
		return nil
	}
	rest = strings.TrimLeft(rest, " \t")
	changes := []change{{edits: []edit{{from: from, to: to - len(rest)}}, path: at.path, with: with}}
	if rest == arg.Text { // without the tag it may read as a number
		changes = append(changes, change{edits: []edit{{from: from, to: to, with: quote(arg.Text)}}, path: at.path, with: with})
	}
	return changes
}

// long replaces {"Fn::Sub": text} by the text. In block style the text moves
// to the key's line when nothing but white space is between.
func (c *candidate) long(at place, with func(*template.Node) *template.Node) []change {
	from, _, ok := c.text.span(at.node())
	argFrom, argTo, okArg := c.text.span(c.node())
	_, to, okCall := c.text.span(at.node())
	if !ok || !okArg || !okCall || c.text.comment(from, argFrom) {
		return nil
	}
	if c.text.data[from] == '{' {
		if c.text.comment(argTo, to) {
			return nil
		}
		return []change{{edits: []edit{{from, argFrom, ""}, {argTo, to, ""}}, path: at.path, with: with}}
	}
	cut := edit{from: from, to: argFrom}
	if e := at.entry(); e != nil {
		if _, end, ok := c.text.key(e); ok && c.text.data[end] == ':' && c.text.blank(end+1, from) {
			cut = edit{from: end + 1, to: argFrom, with: " "}
		}
	}
	return []change{{edits: []edit{cut}, path: at.path, with: with}}
}

// redundantDependsOn takes a resource out of DependsOn that a reference names
// anyway: CloudFormation orders the two by the reference. A reference in one
// branch of Fn::If is not enough: the other may be taken.
func redundantDependsOn(c *candidate) []change {
	n := len(c.path)
	if n < 3 || !refers(c.nodes[2].Get("Properties"), c.node().Str()) {
		return nil
	}
	switch {
	case n == 3 && c.path[2] == "DependsOn" && c.node().IsString():
		return c.withoutEntry()
	case n != 4 || c.path[2] != "DependsOn":
		return nil
	}
	list := c.parent()
	if len(list.node().Items) == 1 {
		whole := *c
		whole.place = list
		return whole.withoutEntry()
	}
	index, err := strconv.Atoi(c.path[3])
	from, to, ok := c.text.span(c.node())
	listFrom, _, okList := c.text.span(list.node())
	if err != nil || !ok || !okList {
		return nil
	}
	cut, ok := c.text.removal(from, to, c.text.data[listFrom] == '[')
	if !ok {
		return nil
	}
	return []change{{edits: []edit{cut}, path: list.path, removed: strings.Join(list.path, "/"), with: func(n *template.Node) *template.Node {
		left := *n
		left.Items = slices.Delete(slices.Clone(n.Items), index, index+1)
		return &left
	}}}
}

// refers reports whether a value always refers to a resource.
func refers(n *template.Node, id string) bool {
	found := false
	n.Walk(func(n *template.Node) bool {
		name, arg, _ := n.Call()
		switch name {
		case "Fn::If":
			return false
		case "Ref":
			found = found || arg.Str() == id
		case "Fn::GetAtt":
			target, _, ok := arg.GetAtt()
			found = found || ok && target == id
		case "Fn::Sub":
			found = found || arg.IsString() && (strings.Contains(arg.Text, "${"+id+"}") || strings.Contains(arg.Text, "${"+id+"."))
		}
		return !found
	})
	return found
}

// withoutEntry takes the entry that the path ends in out of its map.
func (c *candidate) withoutEntry() []change {
	parent, e := c.parent(), c.entry()
	if e == nil || len(parent.node().Entries) < 2 {
		return nil
	}
	from, _, okKey := c.text.key(e)
	_, to, okValue := c.text.span(e.Value)
	mapFrom, _, okMap := c.text.span(parent.node())
	if !okKey || !okValue || !okMap {
		return nil
	}
	cut, ok := c.text.removal(from, to, c.text.data[mapFrom] == '{')
	if !ok {
		return nil
	}
	key := e.Key
	return []change{{edits: []edit{cut}, path: parent.path, with: func(n *template.Node) *template.Node {
		left := *n
		left.Entries = slices.DeleteFunc(slices.Clone(n.Entries), func(e template.Entry) bool { return e.Key == key })
		return &left
	}}}
}

// strictType writes a number or boolean in quotes as one without, and the
// other way round. It is the strict form of the rule that asks for that.
func strictType(c *candidate) []change {
	n := c.node()
	from, to, ok := c.text.span(n)
	if !ok {
		return nil
	}
	written := string(c.text.data[from:to])
	path := slices.Clone(c.path)
	switch n.Kind {
	case template.String:
		if unquoted(written) != n.Text {
			return nil
		}
		plain, err := template.ParseNode("value.json", []byte(n.Text))
		if err != nil || plain.Kind != template.Number && plain.Kind != template.Bool || plain.Text != n.Text && plain.Kind == template.Number {
			return nil
		}
		return []change{{edits: []edit{{from, to, n.Text}}, path: path, with: func(*template.Node) *template.Node { return plain }}}
	case template.Number, template.Bool:
		return []change{{edits: []edit{{from, to, quote(written)}}, path: path, with: func(*template.Node) *template.Node {
			return &template.Node{Kind: template.String, Text: written}
		}}}
	}
	return nil
}

// quote writes a text in double quotes, as JSON and YAML both read it.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text) + `"`
}
