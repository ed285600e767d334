package check

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Severity of a rule's findings.
type Severity uint8

// The severities.
const (
	Info Severity = iota
	Warning
	Error
)

// Func checks a value against one keyword of a schema, or checks the call of an
// intrinsic function, in which case s is what the value of the call must obey.
type Func func(v *Validator, s *jsonschema.Schema, n *template.Node)

// Rule is one check. Which of the fields are set says what calls it:
//
//   - Places and Check: the walk comes to a place ("Resources/AWS::S3::Bucket/Properties").
//   - Places and Schema: the same, and the value is checked against that schema;
//     the fault that explains best is reported, every one if AllMatches.
//   - Funcs: a keyword or function, when a Rule under way names this one in Sets.
//   - Template: the whole template, once.
type Rule struct {
	ID          string
	Severity    Severity
	Title       string // what is wrong, a few words
	Description string // a sentence or two
	Link        string // documentation

	Places []string
	// Parent is the rule that calls this one at its places; "" is the keyword cfnLint.
	// A place "*" stands for all.
	Parent string
	Check  func(v *Validator, n *template.Node, s *jsonschema.Schema)
	// Schema returns what to check against; regional rules give one for each region.
	Schema     func(region string) *jsonschema.Schema
	Regional   bool
	AllMatches bool

	// Sets says which rule answers for a keyword while this rule's walk goes on:
	// it gets the faults, and its Funcs take the keyword's place.
	Sets  map[jsonschema.Keyword]string
	Funcs map[jsonschema.Keyword]Func
	// Overrides take the place of keywords during this rule's walk.
	Overrides map[jsonschema.Keyword]Func

	// Format is the format that this rule checks by Matches.
	Format  string
	Matches func(v *Validator, text string) bool

	Template func(t *Template, report Report)
}

// Report reports a finding of a rule that looks at the whole template. The rule
// id "" is the rule itself.
type Report func(rule string, at Path, format string, args ...any)

// Registry is a set of rules, ready to be run. It is immutable and shared.
type Registry struct {
	rules   []*Rule // sorted by id
	byID    map[string]*Rule
	at      map[string][]*Rule
	under   map[string]map[string][]*Rule // place → parent → rules
	anyAt   map[string][]*Rule            // parent → rules at every place
	formats map[string][]*Rule
	wholes  []*Rule
	tables  map[*Rule]*[jsonschema.Count]Func // what a rule's Sets and Overrides change
	claims  map[*Rule]*[jsonschema.Count]string
	root    *Rule

	places   *Place // the root of all places
	standard *[jsonschema.Count]Func
	derived  tables
}

// tables are the tables of keywords that were made of others by a rule.
type tables struct {
	mu   sync.RWMutex
	made map[tableKey]*[jsonschema.Count]Func
}

// RootRule is the id of the rule that checks the base of a template and under
// which everything runs.
const RootRule = "E1001"

// NewRegistry indexes rules. It panics if two have one id, if one names an
// unknown rule in Sets or Parent, or if there is no root: rules are code.
func NewRegistry(families ...[]Rule) *Registry {
	r := &Registry{
		byID: map[string]*Rule{}, at: map[string][]*Rule{}, under: map[string]map[string][]*Rule{}, anyAt: map[string][]*Rule{},
		places: &Place{}, standard: standardKeywords(), derived: tables{made: map[tableKey]*[jsonschema.Count]Func{}},
		formats: map[string][]*Rule{}, tables: map[*Rule]*[jsonschema.Count]Func{}, claims: map[*Rule]*[jsonschema.Count]string{},
	}
	for _, family := range families {
		for i := range family {
			rule := &family[i]
			if r.byID[rule.ID] != nil {
				panic(fmt.Sprintf("check: two rules %s", rule.ID))
			}
			r.byID[rule.ID] = rule
			r.rules = append(r.rules, rule)
		}
	}
	slices.SortFunc(r.rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	for _, rule := range r.rules {
		r.index(rule)
	}
	if r.root = r.byID[RootRule]; r.root == nil {
		panic("check: no rule " + RootRule)
	}
	return r
}

func (r *Registry) index(rule *Rule) {
	for _, place := range rule.Places {
		switch {
		case rule.Parent == "":
			r.at[place] = append(r.at[place], rule)
		case place == "*":
			r.anyAt[rule.Parent] = append(r.anyAt[rule.Parent], rule)
		default:
			if r.under[place] == nil {
				r.under[place] = map[string][]*Rule{}
			}
			r.under[place][rule.Parent] = append(r.under[place][rule.Parent], rule)
		}
	}
	if rule.Format != "" {
		r.formats[rule.Format] = append(r.formats[rule.Format], rule)
	}
	if rule.Template != nil {
		r.wholes = append(r.wholes, rule)
	}
	var table [jsonschema.Count]Func
	var claims [jsonschema.Count]string
	for k, f := range rule.Overrides {
		table[k] = f
	}
	for k, id := range rule.Sets {
		claims[k] = id
		if child := r.byID[id]; child != nil && child.Funcs[k] != nil {
			table[k] = child.Funcs[k]
		}
	}
	r.tables[rule], r.claims[rule] = &table, &claims
}

// Rules returns the rules, sorted by id.
func (r *Registry) Rules() []*Rule { return r.rules }

// Rule returns a rule by its id, nil if there is none.
func (r *Registry) Rule(id string) *Rule { return r.byID[id] }

// Options bound and direct a run.
type Options struct {
	Regions []string  // default us-east-1
	Now     time.Time // what "today" is for deprecation dates; zero is never after anything
	Steps   int       // budget, default DefaultSteps
	// Configure are settings of rules by id and name, as cfn-lint's configure_rules.
	Configure map[string]map[string]string
	// Nested returns the parsed template of a nested stack by its path relative to
	// the template, nil if it is not at hand.
	Nested func(url string) *template.Node
}

// Configured reports whether a setting of a rule is switched on.
func (o Options) Configured(rule, name string) bool {
	return strings.EqualFold(o.Configure[rule][name], "true")
}
