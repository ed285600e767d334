package rules

import (
	"regexp"
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

var sub = &check.Call{Keyword: js.FnSub, Gives: js.String, Argument: arguments("sub"), Resolved: "W1031", Right: func(_ *check.Validator, arg *template.Node) bool {
	return plain(arg)
}}

var stringSchema = js.OfType(js.String)

func callSub(v *check.Validator, s *js.Schema, n *template.Node) {
	found := v.Collect(func() { sub.Check(v, s, n) })
	if len(found) > 0 {
		v.Add(found...)
		return
	}
	text, given := n.Entries[0].Value, (*template.Node)(nil)
	if text.Kind == template.List {
		text, given = text.Items[0], text.Items[1]
	}
	if text.Kind != template.String || given != nil && !given.IsMap() {
		callFault(v, js.FnSub, "%s is no text for Fn::Sub", check.Excerpt(text))
		return
	}
	names := check.SubParameters(text.Text)
	found = v.Collect(func() { checkVariables(v, names, given) })
	if len(found) > 0 {
		v.Add(found...)
		return
	}
	if len(names) == 0 && !v.Serverless {
		v.Fault("the text has no variable, so that Fn::Sub is not needed").AtKey("Fn::Sub").By("W1020")
	}
	if strings.HasPrefix(text.Text, "{{resolve:secretsmanager:") || strings.HasPrefix(text.Text, `\"{{resolve:secretsmanager:`) {
		v.Below(check.Key("Fn::Sub"), func() { secretForARN(v, text.Text, true) })
	}
}

// checkVariables checks each variable of a text as the Ref or Fn::GetAtt that it
// stands for. A variable that the call itself gives a value is none.
func checkVariables(v *check.Validator, names []string, given *template.Node) {
	v.Scoped(func() {
		v.Strict = true
		v.CallRules(false)
		for _, name := range names {
			call := "Ref"
			if strings.Contains(name, ".") {
				call = "Fn::GetAtt"
			} else if gives(given, name) {
				continue
			}
			arg := check.Text(name, nil)
			at := v.Path().With(check.Key("Fn::Sub"))
			found := v.Collect(func() {
				v.Below(check.Key("Fn::Sub"), func() { v.Walk(check.CallNode(call, arg, nil), stringSchema) })
			})
			for i := range found {
				found[i].Path = at
				found[i].Keyword = js.FnSub
			}
			v.Add(found...)
		}
	})
}

// gives reports whether the variables of a call hold the name, other than as the
// Ref of itself.
func gives(given *template.Node, name string) bool {
	value := given.Get(name)
	if value == nil {
		return false
	}
	k, arg := check.Function(value)
	return k != js.FnRef || arg.Str() != name
}

// neededRules is the rule for texts that look as if Fn::Sub were meant.
func neededRules() []check.Rule {
	return []check.Rule{{
		ID: "E1029", Severity: check.Error, Title: "A variable stands outside Fn::Sub", Link: guide + "intrinsic-function-reference-sub.html",
		Description: "A text with ${Name} of a parameter, resource or attribute is not substituted unless it is in Fn::Sub.",
		Template:    subNeeded,
	}}
}

var bareVariable = regexp.MustCompile(`\$\{[A-Za-z0-9_:.]+\}`)

func subNeeded(t *check.Template, report check.Report) {
	if noReferences(t) != "" {
		return // E0002 says so
	}
	w := needed{t: t}
	w.walk(t.Root, make(check.Path, 0, roomy))
	if globals := t.Root.Get("Globals"); globals != nil {
		w.walk(globals, nil)
	}
	if w.lost != nil {
		report("E0002", nil, "the substitutions of %s cannot be found", w.lost)
		return
	}
	for _, b := range w.found {
		report("", b.at, "%s is not substituted, as it does not stand in Fn::Sub", b.variable)
	}
}

// needed looks for variables outside Fn::Sub.
type needed struct {
	excludes *js.Regexp // what the user leaves out, once asked for
	t        *check.Template
	found    []bare
	inSub    bool
	lost     check.Path // of a definition whose substitutions cannot be found
}

// bare is a variable outside Fn::Sub.
type bare struct {
	at       check.Path
	variable string
}

func (w *needed) walk(n *template.Node, at check.Path) {
	switch n.Kind {
	case template.Map:
		for i := range n.Entries {
			e, outer := &n.Entries[i], w.inSub
			w.inSub = outer || e.Key == "Fn::Sub"
			w.walk(e.Value, append(at, check.Key(e.Key)))
			w.inSub = outer
		}
	case template.List:
		for i, item := range n.Items {
			w.walk(item, append(at, check.Index(i)))
		}
	case template.String:
		if strings.Contains(n.Text, "${") {
			w.text(n.Text, at)
		}
	}
}

func (w *needed) text(text string, at check.Path) {
	if len(at) == 0 || w.inSub && !hasKey(at, "DefinitionString") && !hasKey(at, "Definition") {
		return
	}
	for _, variable := range bareVariable.FindAllString(text, -1) {
		name := variable[2 : len(variable)-1]
		if w.substituted(name, at) || w.inSub || at[len(at)-1].Key == "TemplateBody" || w.excluded(variable) {
			continue
		}
		if hasKey(at, "DefinitionString") || w.known(name) {
			w.found = append(w.found, bare{at.With(), variable})
		}
	}
}

// excluded reports whether the user's setting names the variable.
func (w *needed) excluded(variable string) bool {
	if w.excludes == nil {
		pattern := w.t.Options.Configure["E1029"]["custom_excludes"]
		if pattern == "" {
			return false
		}
		w.excludes = js.NewRegexp("^(?:" + pattern + ")") // compiled once: the template may set it
	}
	return w.excludes.Match(variable)
}

func (w *needed) known(name string) bool {
	if check.IsPseudoParameter(name) || w.t.Parameters[name] != nil || w.t.Resources[name] != nil {
		return true
	}
	id, attribute, ok := strings.Cut(name, ".")
	r := w.t.Resources[id]
	if !ok || r == nil {
		return false
	}
	_, ok = attributesIn(w.t, r, w.t.Options.Regions[0]).schema(attribute)
	return ok
}

// substituted reports whether the definition of a state machine gets the name
// from DefinitionSubstitutions.
func (w *needed) substituted(name string, at check.Path) bool {
	for _, key := range [...]string{"DefinitionString", "Definition"} {
		for i, step := range at {
			if step.Key != key {
				continue
			}
			n := w.t.Root
			for _, s := range at[:i] {
				n = n.Get(s.Key)
			}
			given := n.Get("DefinitionSubstitutions")
			if !n.IsMap() || given != nil && !given.IsMap() {
				w.lost = at[:i+1].With()
				return true
			}
			value := given.Get(name)
			if value != nil && !(value.Kind == template.String && value.Text == "") {
				return true
			}
			break
		}
	}
	return false
}

func hasKey(at check.Path, key string) bool {
	for _, s := range at {
		if s.Key == key {
			return true
		}
	}
	return false
}
