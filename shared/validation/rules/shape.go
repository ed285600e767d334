package rules

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// shapeRules is the rule for templates that are so far off their form that rules
// for the whole template cannot be applied. Where cfn-lint's rules fail with an
// exception, so does it report E0002.
func shapeRules() []check.Rule {
	return []check.Rule{{
		ID: "E0002", Severity: check.Error, Title: "The template is too far off its form", Link: guide + "template-anatomy.html",
		Description: "A section or resource is not built so that all rules can be applied; what they would find is not known.",
		Template: func(t *check.Template, report check.Report) {
			for _, reason := range [...]func(*check.Template) string{noReferences, noParameters, noNames, noDefaults, noMappings, noConditions, noInstances, noAttributes, noIdentifiers, noRelations} {
				if why := reason(t); why != "" {
					report("", nil, "%s", why)
					return
				}
			}
		},
	}}
}

// noReferences says why names cannot be looked up.
func noReferences(t *check.Template) string {
	if p := t.Root.Get("Parameters"); p != nil && !p.IsMap() && !falsy(p) {
		return "Parameters is not an object"
	}
	resources := t.Root.Get("Resources")
	if resources == nil || falsy(resources) {
		return ""
	}
	if !resources.IsMap() {
		return "Resources is not an object"
	}
	for _, e := range resources.Entries {
		switch {
		case !e.Value.IsMap():
			return "the resource " + e.Key + " is not an object"
		case e.KeyNode != nil && e.Value.Get("Type").IsString():
			return "the name of the resource " + e.Key + " is not a text"
		}
	}
	return ""
}

// falsy reports whether a value counts as none.
func falsy(n *template.Node) bool {
	switch n.Kind {
	case template.Bool:
		return !n.True
	case template.Number:
		return n.Float == 0
	}
	return n.Text == "" && len(n.Entries) == 0 && len(n.Items) == 0
}

func noParameters(t *check.Template) string {
	if p := t.Root.Get("Parameters"); p != nil && !p.IsMap() {
		return "Parameters is not an object"
	}
	return ""
}

// noNames says why the use of parameters cannot be followed.
func noNames(t *check.Template) string {
	if !transformed(t) && hasEmpty(t.Before, "Fn::Sub") {
		return "an Fn::Sub is empty"
	}
	return ""
}

// noMappings says why the use of mappings cannot be followed.
func noMappings(t *check.Template) string {
	mappings := t.Root.Get("Mappings")
	if mappings == nil || falsy(mappings) || len(mappings.Entries) == 1 && mappings.Entries[0].Key == "Fn::Transform" {
		return ""
	}
	if !mappings.IsMap() {
		return "Mappings is not an object"
	}
	if hasEmpty(t.Before, "Fn::FindInMap") {
		return "an Fn::FindInMap is empty"
	}
	return ""
}

// hasEmpty reports whether a function is called with an empty list.
func hasEmpty(root *template.Node, function string) (found bool) {
	root.Walk(func(n *template.Node) bool {
		if n.Kind == template.Map && len(n.Entries) > 0 {
			arg := n.Get(function)
			found = found || arg.IsList() && len(arg.Items) == 0
		}
		return !found
	})
	return found
}

// noConditions says why the use of conditions cannot be followed.
func noConditions(t *check.Template) string {
	conditions := t.Root.Get("Conditions")
	if conditions == nil || falsy(conditions) {
		return ""
	}
	if !conditions.IsMap() {
		return "Conditions is not an object"
	}
	outputs := t.Root.Get("Outputs")
	if outputs != nil && !outputs.IsMap() {
		return "Outputs is not an object"
	}
	for _, e := range entriesOf(outputs) {
		if e.Value.Kind == template.Null || e.Value.Kind == template.Bool || e.Value.Kind == template.Number {
			return "the output " + e.Key + " is not an object"
		}
	}
	if hasEmpty(t.Before, "Fn::If") {
		return "an Fn::If is empty"
	}
	return ""
}

// noInstances says why the generation of an instance type cannot be told.
func noInstances(t *check.Template) string {
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		part := ""
		switch r.Written {
		case "AWS::AutoScaling::LaunchConfiguration", "AWS::EC2::CapacityReservation", "AWS::EC2::Host", "AWS::EC2::Instance", "AWS::RDS::DBInstance",
			"AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::GlobalReplicationGroup", "AWS::ElastiCache::ReplicationGroup":
		case "AWS::EC2::EC2Fleet":
			part = "FleetLaunchTemplateOverridesRequest"
		case "AWS::EC2::LaunchTemplate":
			part = "LaunchTemplateData"
		case "AWS::EC2::SpotFleet":
			part = "SpotFleetLaunchSpecification"
		case "AWS::OpenSearchService::Domain":
			part = "ClusterConfig"
		case "AWS::Elasticsearch::Domain":
			part = "ElasticsearchClusterConfig"
		default:
			continue
		}
		properties := r.Node.Get("Properties")
		if properties != nil && !properties.IsMap() {
			return "the properties of " + id + " are not an object"
		}
		if inner := properties.Get(part); part != "" && inner != nil && !inner.IsMap() {
			return part + " of " + id + " is not an object"
		}
	}
	return ""
}

// noAttributes says why the keys of a table cannot be compared with its
// attributes.
func noAttributes(t *check.Template) string {
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		properties := r.Node.Get("Properties")
		if r.Written != "AWS::DynamoDB::Table" || !properties.IsMap() {
			continue
		}
		lists := [4][]*template.Node{}
		known := true
		for i, name := range [...]string{"AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"} {
			if n := properties.Get(name); n != nil {
				known = known && n.IsList()
				lists[i] = n.Items
			}
		}
		if known && !tableKeys(lists) {
			return "the keys or attributes of " + id + " are not objects"
		}
	}
	return ""
}

// tableKeys reports whether attributes and keys are objects, as far as they are
// looked at.
func tableKeys(lists [4][]*template.Node) bool {
	notMap := func(n *template.Node) bool { return !n.IsMap() }
	for _, attribute := range lists[0] {
		if !attribute.IsMap() {
			return false
		}
		if !attribute.Get("AttributeName").IsString() {
			return true
		}
	}
	if slices.ContainsFunc(lists[1], notMap) {
		return false
	}
	for _, index := range slices.Concat(lists[2], lists[3]) {
		keys := index.Get("KeySchema")
		if !index.IsMap() || keys.IsList() && slices.ContainsFunc(keys.Items, notMap) {
			return false
		}
	}
	return true
}

// noIdentifiers says why the identifiers of resources cannot be compared.
func noIdentifiers(t *check.Template) string {
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		c := r.Node.Get("Condition")
		if c == nil || !c.IsMap() && !c.IsList() || falsy(c) {
			continue
		}
		if len(identifierNames(r.Written, t.Options.Regions[0])) > 0 && len(t.Set.Objects(objectOf(r))) > 0 {
			return "the condition of " + id + " is not a text"
		}
	}
	return ""
}

func objectOf(r *check.Resource) *template.Node {
	if p := r.Node.Get("Properties"); p != nil {
		return p
	}
	return &template.Node{Kind: template.Map}
}

// noRelations says why it cannot be told whether a resource is there when it is
// used.
func noRelations(t *check.Template) string {
	resources := t.Root.Get("Resources")
	if !slices.ContainsFunc(entriesOf(resources), notResource) && !hasStrangeIf(t.Root) {
		return ""
	}
	why := ""
	w := relation{t: t}
	w.use = func(id string, at check.Path) {
		target := resources.Get(id)
		if why != "" || target == nil || falsy(target) {
			return
		}
		if notResource(template.Entry{Value: target}) {
			why = id + " is used and is not a resource"
		} else if ambiguous(t.Root, at) {
			why = "the condition of an Fn::If is not a text"
		}
	}
	if resources.IsMap() {
		w.each()
	}
	return why
}

func notResource(e template.Entry) bool {
	typ := e.Value.Get("Type")
	return !e.Value.IsMap() || typ != nil && !typ.IsString()
}

func hasStrangeIf(root *template.Node) (found bool) {
	root.Walk(func(n *template.Node) bool {
		found = found || n.Kind == template.Map && len(n.Entries) > 0 && strangeIf(n.Get("Fn::If"))
		return !found
	})
	return found
}

// strangeIf reports whether the condition of an Fn::If is a map or list.
func strangeIf(arg *template.Node) bool {
	return arg.IsList() && len(arg.Items) == 3 && (arg.Items[0].IsMap() || arg.Items[0].IsList())
}

// ambiguous reports whether a path goes through an Fn::If whose condition is a
// map or list.
func ambiguous(n *template.Node, at check.Path) bool {
	for _, step := range at {
		if step.List {
			if !n.IsList() || step.Index >= len(n.Items) {
				return false
			}
			n = n.Items[step.Index]
			continue
		}
		n = n.Get(step.Key)
		if step.Key == "Fn::If" && strangeIf(n) {
			return true
		}
	}
	return false
}
