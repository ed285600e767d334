package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Collision is something in a template that its two sides cannot both have, or
// that is Evenkeel's to change.
type Collision struct {
	Name         string // of the resource or output
	Line, Column int    // from 1
	Message      string // what it is, and what to do
}

// scopes are the properties within whose value a name is unique, where they
// are not create-only and so not found in the schema. Names of anything else
// are unique within what its create-only properties say, and else within the
// account and region.
// Sources: the resource types in the CloudFormation template reference.
var scopes = map[string][]string{
	"AWS::EC2::SecurityGroup": {"VpcId"},
	"AWS::Events::Rule":       {"EventBusName"},
	"AWS::Route53::RecordSet": {"SetIdentifier", "Type"},
}

// unscoped are parts of the names of create-only properties that say where or
// with what a resource works, and not what it belongs to: the name of a target
// group is unique in the account and region, whatever its VPC.
var unscoped = []string{"Kms", "Role", "Encrypt", "Subnet", "Vpc", "VPC", "SecurityGroup", "Tags", "Config"}

// shared are types with names that several resources may have.
// Sources: Route 53 API reference, CreateHostedZone; EMR API reference,
// RunJobFlow; API Gateway API reference, CreateApiKey; Athena API reference,
// CreateNamedQuery.
var shared = map[string]bool{
	"AWS::Route53::HostedZone": true, "AWS::EMR::Cluster": true, "AWS::EMR::Step": true, "AWS::EMR::InstanceFleetConfig": true,
	"AWS::EMR::InstanceGroupConfig": true, "AWS::ApiGateway::ApiKey": true, "AWS::Athena::NamedQuery": true,
}

// Collisions lists what two stacks of the same template, one blue and one
// green, would both want for themselves: physical names, other identifiers and
// exports that do not differ by side, and what a rollout of the router owns. It
// evaluates the template for both sides with the parameters that both get: a
// name made from the side parameter, the stack's name or id, or anything of
// another resource, is no collision. The list is sorted by position.
func Collisions(t *template.Template, r pipeline.Rollout, parameters map[string]string) []Collision {
	c := collector{t: t, r: r}
	for i, side := range []string{Blue, Green} {
		c.scopes[i] = sideScope(t, r, parameters, side)
		// A condition that cannot be evaluated is left out; what has it exists.
		c.conditions[i], _ = t.Conditions(c.scopes[i])
	}
	for id, resource := range t.Resources.All() {
		if !c.exists(0, resource.Condition) || !c.exists(1, resource.Condition) {
			continue
		}
		if r.Router.LambdaAlias != nil {
			c.versions(id, resource)
			continue
		}
		if !c.records(id, resource) {
			c.names(id, resource)
		}
	}
	if r.Router.LambdaAlias == nil {
		c.exports()
	}
	slices.SortStableFunc(c.found, func(a, b Collision) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return c.found
}

type collector struct {
	t          *template.Template
	r          pipeline.Rollout
	scopes     [2]*template.Scope
	conditions [2]map[string]bool
	found      []Collision
}

func (c *collector) add(name string, at *template.Node, format string, args ...any) {
	c.found = append(c.found, Collision{Name: name, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
}

// remedy says how a name becomes one of a side.
func (c *collector) remedy() string {
	if c.r.SideParameter != "" {
		return fmt.Sprintf("build it with !Ref %s or ${AWS::StackName}", c.r.SideParameter)
	}
	return "build it with ${AWS::StackName}, or leave it out"
}

// exists reports whether what has the condition may exist in a side.
func (c *collector) exists(side int, condition string) bool {
	holds, known := c.conditions[side][condition]
	return holds || !known
}

// same returns the value of a node if both sides have the same one.
func (c *collector) same(n *template.Node) (string, bool) {
	if n == nil {
		return "", false
	}
	var values [2]any
	for i := range values {
		v, err := c.t.Evaluate(n, c.scopes[i])
		if err != nil || template.IsUnknown(v) || v == nil {
			return "", false
		}
		values[i] = v
	}
	if !reflect.DeepEqual(values[0], values[1]) {
		return "", false
	}
	text := fmt.Sprint(values[0])
	return text, text != ""
}

// names reports the fixed identifier or name of a resource.
func (c *collector) names(id string, resource *template.Resource) {
	if where, value, property := c.identifier(resource); where != nil {
		c.add(id, where, "%s of %s is %q in both sides, and only one can have it: %s", property, resource.Type, value, c.remedy())
	}
}

// identifier finds the properties that identify a resource and are the same in
// both sides: all of its primary identifier, or the name that it is created
// with where the service makes the identifier.
func (c *collector) identifier(resource *template.Resource) (where *template.Node, value, property string) {
	identifier := schema.PrimaryIdentifier(resource.Type, schema.Primary)
	readOnly := schema.ReadOnly(resource.Type, schema.Primary)
	if len(identifier) == 0 {
		return nil, "", ""
	}
	var values, properties []string
	for _, pointer := range identifier {
		names := schema.Names(pointer)
		if schema.Covers(readOnly, names...) || len(names) != 1 {
			return c.created(resource)
		}
		node := resource.Properties.Get(names[0])
		if node == nil {
			return nil, "", "" // CloudFormation makes it
		}
		text, same := c.same(node)
		if !same {
			return nil, "", ""
		}
		if where == nil {
			where = node
		}
		values, properties = append(values, text), append(properties, names[0])
	}
	return where, strings.Join(values, "|"), strings.Join(properties, ", ")
}

// created finds the name that a resource is created with: the create-only
// property Name, or one such as TopicName of a Topic.
func (c *collector) created(resource *template.Resource) (where *template.Node, value, property string) {
	kind := resource.Type[strings.LastIndex(resource.Type, ":")+1:] + "Name"
	createOnly := schema.CreateOnly(resource.Type, schema.Primary)
	scope := slices.Clone(scopes[resource.Type])
	for _, pointer := range createOnly {
		names := schema.Names(pointer)
		switch {
		case len(names) != 1:
		case strings.HasSuffix(kind, names[0]) && strings.HasSuffix(names[0], "Name"):
			if node := resource.Properties.Get(names[0]); node != nil {
				where, property = node, names[0]
			}
		case !slices.ContainsFunc(unscoped, func(part string) bool { return strings.Contains(names[0], part) }):
			scope = append(scope, names[0])
		}
	}
	if where == nil || shared[resource.Type] {
		return nil, "", ""
	}
	value, same := c.same(where)
	if !same {
		return nil, "", ""
	}
	for _, name := range scope {
		if node := resource.Properties.Get(name); node != nil {
			if _, same := c.same(node); !same {
				return nil, "", ""
			}
		}
	}
	return where, value, property
}

// records reports record sets that the router's would stand beside, and
// whether there were any.
func (c *collector) records(id string, resource *template.Resource) (found bool) {
	if c.r.Router.Route53 == nil {
		return false
	}
	sets := []*template.Node{resource.Properties}
	switch resource.Type {
	case "AWS::Route53::RecordSet":
	case "AWS::Route53::RecordSetGroup":
		sets = nil
		if list := resource.Properties.Get("RecordSets"); list.IsList() {
			sets = list.Items
		}
	default:
		return false
	}
	for _, set := range sets {
		name := set.Get("Name")
		if name == nil {
			continue
		}
		for i := range c.scopes {
			v, err := c.t.Evaluate(name, c.scopes[i])
			if text, ok := v.(string); ok && err == nil && recordName(text) == recordName(c.r.Router.Route53.Name) {
				c.add(id, name, "%s is the name whose records the rollout makes and changes: take it out of the template", text)
				found = true
				break
			}
		}
	}
	return found
}

// recordName is how Route 53 compares names: without case and without the last
// dot (Route 53 developer guide, "DNS domain name format").
func recordName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// versions reports, for a stack with an alias that Evenkeel keeps, what would
// take its place or take the old version away.
func (c *collector) versions(id string, resource *template.Resource) {
	router := c.r.Router.LambdaAlias
	function := resource.Properties.Get("FunctionName")
	switch resource.Type {
	case "AWS::Lambda::Alias":
		name := resource.Properties.Get("Name")
		if text, same := c.same(name); same && text == router.Alias && c.mayBe(function, router.Function) {
			c.add(id, name, "the alias %s is the one that the rollout makes and changes: take it out of the template", text)
		}
	case "AWS::Lambda::Version":
		if !c.mayBe(function, router.Function) {
			return
		}
		var lacks []string
		if resource.DeletionPolicy != "Retain" {
			lacks = append(lacks, "DeletionPolicy: Retain")
		}
		if resource.UpdateReplacePolicy != "Retain" {
			lacks = append(lacks, "UpdateReplacePolicy: Retain")
		}
		if len(lacks) > 0 {
			c.found = append(c.found, Collision{Name: id, Line: resource.Line, Column: resource.Column, Message: fmt.Sprintf(
				"the next version would take this one away, and with it the way back: it needs %s", strings.Join(lacks, " and "))})
		}
	}
}

// mayBe reports whether a function that a resource names may be the router's:
// both lead to the same resource, or one of them cannot be followed.
func (c *collector) mayBe(function *template.Node, router string) bool {
	output, isOutput := strings.CutPrefix(router, "${output.")
	output, closed := strings.CutSuffix(output, "}")
	if !isOutput || !closed || strings.Contains(output, ".") {
		text, same := c.same(function)
		return !same || text == router
	}
	o, ok := c.t.Outputs.Get(output)
	if !ok || function == nil {
		return true
	}
	mine, yours := template.References(function), template.References(o.Value)
	if len(mine) != 1 || len(yours) != 1 {
		return true
	}
	return mine[0].Name == yours[0].Name
}

// exports reports names that a region has once.
// Source: CloudFormation user guide, "Get exported outputs": within a region,
// export names must be unique for each account.
func (c *collector) exports() {
	for name, output := range c.t.Outputs.All() {
		if output.Export == nil || !c.exists(0, output.Condition) || !c.exists(1, output.Condition) {
			continue
		}
		if text, same := c.same(output.Export); same {
			c.add(name, output.Export, "both sides would export %q, and only one can: %s", text, c.remedy())
		}
	}
}

// sideScope is what the template's functions see in a side. What is not known
// before the deployment is the same text in both where it is the same for both,
// and another one where it is of the side.
func sideScope(t *template.Template, r pipeline.Rollout, given map[string]string, side string) *template.Scope {
	parameters := map[string]any{}
	for name, p := range t.Parameters.All() {
		text, ok := given[name]
		switch {
		case name == r.SideParameter:
			text = side
		case ok:
			text = strings.ReplaceAll(text, pipeline.Side, side)
		case !ok && p.Default != nil:
			text = p.DefaultText()
		case !ok:
			text = "${" + name + "}"
		}
		parameters[name] = text
		if p.IsList() {
			var items []any
			for item := range strings.SplitSeq(text, ",") {
				items = append(items, strings.TrimSpace(item))
			}
			parameters[name] = items
		}
	}
	uuid := map[string]string{Blue: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb", Green: "99999999-9999-9999-9999-999999999999"}[side]
	pseudo := map[string]any{
		"AWS::StackName": "stack-" + side, "AWS::StackId": "arn:aws:cloudformation:region:account:stack/stack-" + side + "/" + uuid,
	}
	for _, name := range []string{"AWS::AccountId", "AWS::Region", "AWS::Partition", "AWS::URLSuffix"} {
		pseudo[name] = "${" + name + "}"
	}
	return &template.Scope{
		Parameters: parameters,
		Pseudo:     pseudo,
		Resource: func(logicalID, attribute string) (any, error) {
			return side + "." + logicalID + "." + attribute, nil
		},
		Import: func(export string) (any, error) { return "${import " + export + "}", nil },
		StackOutput: func(argument any) (any, error) {
			values, _ := argument.(map[string]any)
			text := "${output"
			for _, key := range slices.Sorted(maps.Keys(values)) {
				text += fmt.Sprintf(" %s %v", key, values[key])
			}
			return text + "}", nil
		},
	}
}
