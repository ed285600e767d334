package validation

import (
	"regexp"

	"github.com/evenkeel/evenkeel/shared/template"
)

const conditionGuide = guide + "intrinsic-function-reference-conditions.html"

var conditionRules = []Rule{
	{ID: "E8001", Severity: Error, Title: "Conditions are configured properly", Link: conditionGuide, Check: both(checkConditions, checkNamedConditions("E8001"))},
	{ID: "E8003", Severity: Error, Title: "Fn::Equals compares two values", Link: conditionGuide, Check: defectsOf("E8003")},
	{ID: "E8004", Severity: Error, Title: "Fn::And takes 2 to 10 conditions", Link: conditionGuide, Check: both(defectsOf("E8004"), checkNamedConditions("E8004"))},
	{ID: "E8005", Severity: Error, Title: "Fn::Not takes one condition", Link: conditionGuide, Check: both(defectsOf("E8005"), checkNamedConditions("E8005"))},
	{ID: "E8006", Severity: Error, Title: "Fn::Or takes 2 to 10 conditions", Link: conditionGuide, Check: both(defectsOf("E8006"), checkNamedConditions("E8006"))},

	{ID: "E3015", Severity: Error, Title: "The condition of a resource exists", Link: conditionGuide, Check: checkResourceConditions},
	{ID: "E6005", Severity: Error, Title: "The condition of an output exists", Link: conditionGuide, Check: checkOutputConditions},
	{ID: "W8001", Severity: Warning, Title: "Conditions are used", Link: conditionGuide, Check: checkUnusedConditions},
}

var conditionName = regexp.MustCompile(`^[a-zA-Z0-9&_]{1,255}$`)

// logic lists the functions of which a condition is made.
var logic = map[string]bool{"Condition": true, "Fn::Equals": true, "Fn::And": true, "Fn::Not": true, "Fn::Or": true}

func checkConditions(c *Template) {
	for name, n := range c.ConditionNodes.All() {
		at := path{"Conditions", name}
		if !conditionName.MatchString(name) {
			c.reportf(at, "the name %q is not alphanumeric", name)
		}
		if n.Kind != template.Bool && !isLogic(n) {
			c.reportf(at, "a condition is one of Fn::Equals, Fn::And, Fn::Or, Fn::Not, Condition")
		}
	}
}

func isLogic(n *template.Node) bool {
	return n.IsMap() && len(n.Entries) == 1 && (logic[n.Entries[0].Key] || template.Expands(n.Entries[0].Key))
}

// operator checks the number of operands, and that those of And, Or and Not are conditions.
func operator(least, most int) func(*Template, call) {
	return func(c *Template, f call) {
		if !f.arg.IsList() || len(f.arg.Items) < least || len(f.arg.Items) > most {
			c.defectf(f, f.path, "%s takes a list of %s", f.name, between(least, most, "item"))
			return
		}
		if f.name == "Fn::Equals" || f.section() == "Rules" {
			return
		}
		for i, item := range f.arg.Items {
			if !isLogic(item) && item.Kind != template.Bool {
				c.defectf(f, f.path.with(digits(i)), "an operand of %s is a condition", f.name)
			}
		}
	}
}

func both(first, second func(*Template)) func(*Template) {
	return func(c *Template) { first(c); second(c) }
}

func checkResourceConditions(c *Template) {
	for id, r := range c.Resources.All() {
		c.conditionExists(r.Node.Get("Condition"), path{"Resources", id, "Condition"})
	}
}

func checkOutputConditions(c *Template) {
	for name, o := range c.Outputs.All() {
		c.conditionExists(o.Node.Get("Condition"), path{"Outputs", name, "Condition"})
	}
}

func (c *Template) conditionExists(n *template.Node, p path) {
	if n.IsString() && !c.ConditionNodes.Has(n.Text) && !c.opaque() {
		c.reportf(p, "there is no condition %q", n.Text)
	}
}

// checkNamedConditions checks {Condition: name} within Conditions. The rule is
// that of the outermost operator around it.
func checkNamedConditions(rule string) func(*Template) {
	return func(c *Template) {
		c.namedConditions(func(n *template.Node, p path) {
			owner, ok := ruleOf[p[2]]
			if !ok {
				owner = "E8001"
			}
			if owner == rule {
				c.conditionExists(n, p)
			}
		})
	}
}

// namedConditions calls visit for each {Condition: name} within Conditions.
func (c *Template) namedConditions(visit func(n *template.Node, p path)) {
	var walk func(n *template.Node, p path)
	walk = func(n *template.Node, p path) {
		if n.IsMap() && len(n.Entries) == 1 && n.Entries[0].Key == "Condition" {
			visit(n.Entries[0].Value, p.with("Condition"))
		}
		n.Each(func(name string, child *template.Node) { walk(child, append(p, name)) })
	}
	for name, n := range c.ConditionNodes.All() {
		walk(n, path{"Conditions", name})
	}
}

func checkUnusedConditions(c *Template) {
	if c.opaque() || c.hasTransform(serverless) {
		return
	}
	used := map[string]bool{}
	for _, f := range c.functions() {
		if f.name == "Fn::If" && f.arg.IsList() && len(f.arg.Items) > 0 {
			used[f.arg.Items[0].Str()] = true
		}
	}
	c.namedConditions(func(n *template.Node, _ path) { used[n.Str()] = true })
	for _, r := range c.Resources.All() {
		used[r.Condition] = true
	}
	for _, o := range c.Outputs.All() {
		used[o.Condition] = true
	}
	for name := range c.ConditionNodes.All() {
		if !used[name] {
			c.reportf(path{"Conditions", name}, "the condition %s is not used", name)
		}
	}
}
