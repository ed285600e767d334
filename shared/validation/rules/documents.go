package rules

import (
	"slices"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// documentRules are about documents in languages of their own: state machines
// and documents of Systems Manager.
func documentRules() []check.Rule {
	return []check.Rule{
		{ID: "E3051", Severity: check.Error, Title: "A Systems Manager document is wrong",
			Description: "Systems Manager documents have a schema of their own. Correct the part that is named.",
			Link:        services + "systems-manager/latest/userguide/documents-schemas-features.html",
			Places:      []string{"Resources/AWS::SSM::Document/Properties/Content"}, Check: ssmDocument},
		{ID: "E3601", Severity: check.Error, Title: "The definition of a state machine is wrong",
			Description: "A definition in Amazon States Language has a first state that exists, and states with the fields of their type. Correct the part that is named.",
			Link:        services + "step-functions/latest/dg/amazon-states-language-state-machine-structure.html",
			Places:      []string{"Resources/AWS::StepFunctions::StateMachine/Properties"}, AllMatches: true, Check: stateMachine},
	}
}

func ssmDocument(v *check.Validator, n *template.Node, _ *js.Schema) {
	v.Strict = true
	if n.Kind == template.String {
		content, err := template.ParseNode("content", []byte(n.Text))
		if err != nil {
			v.Fault("the content is neither YAML nor JSON: %v", err).By("E3051").Keyword = js.Type
			return
		}
		n = content
		v.Allow(0)
	}
	owned(v, "E3051", func() { v.Walk(n, schema.Other("ssm/document")) })
}

// owned runs a walk all of whose faults are the rule's, but for those of
// function calls and of other rules' places.
func owned(v *check.Validator, rule string, walk func()) {
	found := v.Collect(walk)
	for i := range found {
		if f := &found[i]; f.Keyword != js.CfnLint && (!f.Keyword.IsFunction() || f.Keyword == js.FnRef || f.Keyword == js.Condition) {
			f.Rule = rule
		}
	}
	v.Add(found...)
}

func stateMachine(v *check.Validator, n *template.Node, _ *js.Schema) {
	keys := []string{"Definition"}
	if !hasServerlessTransform(v.Template) {
		keys = append(keys, "DefinitionString")
	}
	var substitutions []string
	for _, e := range entriesOf(n.Get("DefinitionSubstitutions")) {
		substitutions = append(substitutions, e.Key)
	}
	for _, key := range keys {
		definition := n.Get(key)
		if k, _ := check.Function(definition); k != js.None || !filled(definition) {
			continue
		}
		m := machine{v: v, key: key, definition: definition, substitutions: substitutions}
		if definition.Kind == template.String {
			if m.definition = embedded(definition); m.definition == nil {
				return
			}
			m.text = true
		}
		v.Scoped(m.check)
	}
}

// machine is the check of one definition.
type machine struct {
	v             *check.Validator
	key           string
	definition    *template.Node
	substitutions []string
	text          bool // the definition is a text that holds JSON
}

func (m *machine) check() {
	if m.text {
		m.v.Allow(0)
	}
	at := m.v.Path().With(check.Key(m.key))
	m.v.ValuesAt(m.definition, []string{"QueryLanguage"}, func(language *template.Node) {
		s := schema.Other("step_functions/statemachine")
		switch {
		case language == nil || language.Str() == "JSONPath":
		case language.Str() != "JSONata":
			return
		case !m.text:
			s = jsonata()
		}
		m.v.Scoped(func() {
			m.v.SetPath(at, m.v.Place.Names()...)
			m.states(s)
			m.starts(m.definition, at)
		})
	})
}

func (m *machine) states(s *js.Schema) {
	found := m.v.Collect(func() { m.v.Walk(m.definition, s) })
	for _, f := range found {
		if n := f.Node(); n.IsString() {
			name := strings.TrimSpace(strings.NewReplacer("${", "", "}", "").Replace(n.Text))
			if slices.Contains(m.substitutions, name) {
				continue // DefinitionSubstitutions fills it in
			}
		}
		if f.Keyword != js.CfnLint && (!f.Keyword.IsFunction() || f.Keyword == js.FnRef || f.Keyword == js.Condition) {
			f.Rule = "E3601"
		}
		own(f.Context, "E3601")
		m.v.Add(f)
	}
}

// own gives the reasons for a fault, which no rule has claimed, to the rule.
func own(reasons []check.Fault, rule string) {
	for i := range reasons {
		if reasons[i].Rule == "" {
			reasons[i].Rule = rule
		}
		own(reasons[i].Context, rule)
	}
}

// starts checks that StartAt names a state, also in the machines inside.
// Source: https://states-language.net/spec.html#toplevelfields
func (m *machine) starts(definition *template.Node, at check.Path) {
	start, states := definition.Get("StartAt"), definition.Get("States")
	if !start.IsString() || !states.IsMap() {
		return
	}
	if states.Get(start.Text) == nil {
		m.v.Fault("StartAt names no state: %s", check.Excerpt(start)).By("E3601").Path = at.With(check.Key("StartAt"))
	}
	for _, e := range states.Entries {
		here := at.With(check.Key("States"), check.Key(e.Key))
		switch e.Value.Get("Type").Str() {
		case "Parallel":
			branches := e.Value.Get("Branches")
			if !branches.IsList() {
				continue
			}
			for i, branch := range branches.Items {
				m.starts(branch, here.With(check.Key("Branches"), check.Index(i)))
			}
		case "Map":
			for _, name := range []string{"ItemProcessor", "Iterator"} {
				if inner := e.Value.Get(name); inner.IsMap() {
					m.starts(inner, here.With(check.Key(name)))
				}
			}
		}
	}
}

// jsonata is the schema of a definition in the query language JSONata, which
// allows other fields in the states than JSONPath does.
// Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
var jsonata = sync.OnceValue(func() *js.Schema {
	document := schema.OtherDocument("step_functions/statemachine")
	document = with(document, parse(`{"allOf": [{"properties": {"QueryLanguage": {"const": "JSONata"}, "InputPath": false, "OutputPath": false,
		"Parameters": false, "ResultPath": false, "ResultSelector": false}}]}`), "definitions", "common")
	document = with(document, parse(`{"allOf": [{"properties": {"Choices": {"items": {"additionalProperties": false, "required": ["Condition", "Next"], "type": "object",
		"properties": {"Comment": {"type": "string"}, "Condition": {"type": "string"}, "Next": {"pattern": "^.{1,128}$", "type": "string"},
		"Assign": {"type": "object"}, "Output": {"type": ["string", "object"]}}}}}}]}`), "definitions", "choice")
	document = with(document, parse(`{"Seconds": {"maximum": 99999999, "minimum": 0, "type": ["number", "string"]}}`), "definitions", "wait", "properties")
	document = with(document, parse(`{"ItemsPath": false, "MaxConcurrencyPath": false}`), "definitions", "map", "properties")
	for _, state := range []string{"choice", "fail", "map", "parallel", "pass", "task", "wait"} {
		document = with(document, parse(`{"Arguments": {"type": ["string", "object"]}}`), "definitions", state, "properties")
	}
	s, err := js.Compile(document, "", nil)
	if err != nil {
		panic("rules: " + err.Error()) // made of the program's own data, and tested
	}
	return s
})

func parse(text string) *template.Node {
	n, err := template.ParseNode("schema.json", []byte(text))
	if err != nil {
		panic("rules: " + err.Error())
	}
	return n
}

// with returns the tree with the entries of another map in the map at names,
// which they are added to or take the place of others in.
func with(n, other *template.Node, names ...string) *template.Node {
	out := &template.Node{Kind: template.Map}
	if n != nil {
		out.Entries = slices.Clone(n.Entries)
	}
	set := func(key string, value *template.Node) {
		if e := out.Entry(key); e != nil {
			e.Value = value
			return
		}
		out.Entries = append(out.Entries, template.Entry{Key: key, Value: value})
	}
	if len(names) > 0 {
		set(names[0], with(n.Get(names[0]), other, names[1:]...))
		return out
	}
	for _, e := range other.Entries {
		set(e.Key, e.Value)
	}
	return out
}
