package check

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

func jsonText(n *template.Node) (string, error) {
	b, err := json.Marshal(n.Value())
	return string(b), err
}

var account = regexp.MustCompile(`^[0-9]{12}$`)

// lookup is one resolution of Fn::FindInMap.
type lookup struct {
	v          *Validator
	state      state // before the name of the mapping was resolved
	arg        *template.Node
	yield      Yield
	hasDefault bool
	found      bool
	misses     []Fault // reported only if nothing was found
}

func resolveFindInMap(v *Validator, arg *template.Node, yield Yield) bool {
	if arg.Kind != template.List || len(arg.Items) != 3 && len(arg.Items) != 4 {
		return true
	}
	l := &lookup{v: v, state: v.state, arg: arg, yield: yield}
	if len(arg.Items) == 4 {
		if d := arg.Items[3].Get("DefaultValue"); d != nil {
			l.hasDefault = true
			if !l.defaults(d) {
				return false
			}
		}
	}
	if !l.hasDefault && len(v.Mappings) == 0 {
		if v.OpenMappings {
			return true
		}
		f := Fault{Path: Path{Index(0)}, Message: "the template has no mappings", node: arg.Items[0]}
		if !yield(nil, &f) {
			return false
		}
	}
	if l.pseudo(0) != "" {
		return true
	}
	if !v.Resolve(arg.Items[0], l.mapping) {
		return false
	}
	if l.found {
		return true
	}
	for i := range l.misses {
		if !yield(nil, &l.misses[i]) {
			return false
		}
	}
	return true
}

func (l *lookup) defaults(d *template.Node) bool {
	return l.v.Resolve(d, func(value *template.Node, fault *Fault) bool {
		old := l.v.valuePath
		l.v.valuePath = Path{Index(4), Key("DefaultValue")}
		ok := l.yield(value, nil)
		l.v.valuePath = old
		return ok
	})
}

// pseudo returns the pseudo parameter that an argument refers to, "" if none.
func (l *lookup) pseudo(i int) string {
	if k, name := Function(l.arg.Items[i]); k == js.FnRef && name.Kind == template.String && IsPseudoParameter(name.Text) {
		return name.Text
	}
	return ""
}

func (l *lookup) miss(i int, format string, value *template.Node) {
	if !l.hasDefault {
		l.misses = append(l.misses, Fault{Path: Path{Index(i)}, Message: Excerpt(value) + format, node: value})
	}
}

func (l *lookup) mapping(name *template.Node, fault *Fault) bool {
	if fault != nil || name.Kind != template.String {
		return true
	}
	m := l.v.Mappings[name.Text]
	if m == nil {
		if !l.v.OpenMappings {
			l.miss(0, " is not one of the mappings of this template", name)
		}
		return true
	}
	if m.Get("Fn::Transform") != nil || l.pseudo(2) != "" {
		return true
	}
	old := l.v.state
	defer func() { l.v.state = old }()
	l.v.state = l.state
	if p := l.pseudo(1); p != "" {
		return l.byPseudo(p, name.Text, m)
	}
	return l.v.Resolve(l.arg.Items[1], func(top *template.Node, fault *Fault) bool {
		return fault != nil || l.topLevel(name.Text, m, top)
	})
}

func (l *lookup) topLevel(name string, m, top *template.Node) bool {
	key, ok := keyText(top)
	if !ok {
		return true
	}
	row := m.Get(key)
	if row == nil {
		l.miss(1, " is not a top-level key of the mapping "+name, top)
		return true
	}
	if key == "" || row.Get("Fn::Transform") != nil {
		return true
	}
	old := l.v.noPseudo
	l.v.noPseudo = true
	goOn := l.v.Resolve(l.arg.Items[2], func(second *template.Node, fault *Fault) bool {
		if fault != nil {
			return true
		}
		return l.secondLevel(name, key, row, second)
	})
	l.v.noPseudo = old
	return goOn
}

func (l *lookup) secondLevel(name, key string, row, second *template.Node) bool {
	text, ok := keyText(second)
	if !ok {
		return true
	}
	value := row.Get(text)
	if value == nil || value.Kind == template.Map || value.Kind == template.Null {
		l.miss(2, " is not a second-level key of the mapping "+name+" and the key "+key, second)
		return true
	}
	l.found = true
	return l.give(value, name, key, text)
}

func (l *lookup) give(value *template.Node, names ...string) bool {
	old := l.v.valuePath
	l.v.valuePath = append(Path{Key("Mappings")}, Keys(names...)...)
	ok := l.yield(value, nil)
	l.v.valuePath = old
	return ok
}

// keyText is the text of a key: a string, or a number that has no fraction.
func keyText(n *template.Node) (string, bool) {
	switch {
	case n.Kind == template.String:
		return n.Text, true
	case n.Kind == template.Number && typeOf(n).Has(js.Integer):
		return NumberText(n), true
	}
	return "", false
}

// byPseudo looks a mapping up by an account or region that is not known: every
// key that could be one counts.
func (l *lookup) byPseudo(name, mapping string, m *template.Node) bool {
	if l.arg.Items[2].Kind != template.String {
		return true
	}
	second, top, found := l.arg.Items[2].Text, false, false
	for _, e := range m.Entries {
		if name == "AWS::AccountId" && !account.MatchString(e.Key) || name == "AWS::Region" && !slices.Contains(schema.Regions(), e.Key) {
			continue
		}
		if e.Key == "Fn::Transform" {
			continue
		}
		top = true
		value := e.Value.Get(second)
		if value == nil || value.Kind == template.Map || value.Kind == template.Null {
			continue
		}
		found = true
		if !l.give(value, mapping, e.Key, second) {
			return false
		}
	}
	f := Fault{Path: Path{Index(1)}, Message: "the mapping " + mapping + " has no top-level key for " + name, node: l.arg.Items[1]}
	if top {
		f = Fault{Path: Path{Index(2)}, Message: Excerpt(l.arg.Items[2]) + " is not a second-level key of the mapping " + mapping, node: l.arg.Items[2]}
	}
	return top && found || l.yield(nil, &f)
}
