package live

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Sources give the values that are not in a template. An error says in a
// sentence why the value is not known: it is unresolved then.
type Sources interface {
	// Ref is what Ref returns for a resource of the stack.
	Ref(logicalID string) (string, error)
	// Attribute is what Fn::GetAtt returns.
	Attribute(logicalID, name string) (any, error)
	// Export is what Fn::ImportValue returns.
	Export(name string) (any, error)
	// Output is what Fn::GetStackOutput returns for a stack of the same account
	// and region.
	Output(stack, name string) (any, error)
}

// Template is a deployed template whose parameters and conditions are known.
type Template struct {
	stack   events.StackRef
	parsed  *template.Template
	scope   *template.Scope
	sources Sources
	tags    map[string]string
	// referrers are the resources that refer to each resource, sorted.
	referrers map[string][]string
}

// Resolve reads a deployed template. A template that cannot be read is
// Permanent: CloudFormation deployed it.
func Resolve(stack events.StackRef, deployed Deployed, sources Sources) (*Template, error) {
	parsed, err := template.Parse(stack.StackName, deployed.Template)
	if err != nil {
		return nil, fault.Permanent("the deployed template of %s cannot be read: %w", stack.StackName, err)
	}
	t := &Template{stack: stack, parsed: parsed, sources: sources, tags: maps.Clone(deployed.Tags), referrers: references(parsed)}
	t.scope = t.listening(template.Scope{Parameters: parameters(parsed, deployed.Parameters), Pseudo: pseudo(stack, deployed)}, func(error) {})
	// A condition that cannot be evaluated makes its Fn::If unresolved later.
	if t.scope.Conditions, err = parsed.Conditions(t.scope); err != nil {
		t.scope.Conditions = nil
	}
	return t, nil
}

// listening is a scope that asks the sources; hear is told why a value is not
// known.
func (t *Template) listening(scope template.Scope, hear func(error)) *template.Scope {
	known := func(v any, err error) any {
		if err != nil {
			hear(err)
			return template.Unknown
		}
		return v
	}
	scope.Resource = func(logicalID, attribute string) (any, error) {
		if attribute == "" {
			return known(t.sources.Ref(logicalID)), nil
		}
		return known(t.sources.Attribute(logicalID, attribute)), nil
	}
	scope.Import = func(name string) (any, error) { return known(t.sources.Export(name)), nil }
	scope.StackOutput = func(argument any) (any, error) { return known(t.stackOutput(argument)), nil }
	return &scope
}

// Why says why a property of a resource, which the template sets, cannot be
// resolved, as far as the sources know: each reason once, sorted.
func (t *Template) Why(logicalID, property string) []string {
	r, ok := t.parsed.Resources.Get(logicalID)
	if !ok {
		return nil
	}
	node := r.Properties.Get(property)
	if node == nil {
		return nil
	}
	var reasons []string
	scope := t.listening(*t.scope, func(err error) { reasons = append(reasons, err.Error()) })
	_, _ = t.parsed.Evaluate(node, scope) // what else makes it fail is in the template itself
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// stackOutput resolves the argument of Fn::GetStackOutput. Another region or
// account is not looked into: the role that reads drift is for this one.
func (t *Template) stackOutput(argument any) (any, error) {
	m, _ := argument.(map[string]any)
	_, foreign := m["RoleArn"]
	if region, ok := m["Region"]; foreign || ok && region != t.stack.Region {
		return nil, errors.New("stacks of other accounts and regions are not looked into")
	}
	of, _ := m["StackName"].(string)
	name, _ := m["OutputName"].(string)
	if of == "" || name == "" {
		return nil, errors.New("the name of the stack or of its output is not known")
	}
	return t.sources.Output(of, name)
}

// parameters gives every parameter its typed value. CloudFormation masks those
// with NoEcho; they, and those without a value, are unknown.
// Source: CloudFormation API reference, Parameter (ParameterValue,
// ResolvedValue); user guide, "Parameters", NoEcho.
func parameters(t *template.Template, given []Parameter) map[string]any {
	values := map[string]any{}
	for name := range t.Parameters.All() {
		values[name] = template.Unknown
	}
	for _, g := range given {
		p, ok := t.Parameters.Get(g.Name)
		switch {
		case !ok || p.NoEcho:
		case p.IsSSM():
			if g.Resolved != "" {
				values[g.Name] = p.Typed(g.Resolved)
			}
		default:
			values[g.Name] = p.Typed(g.Value)
		}
	}
	return values
}

// Source: CloudFormation user guide, "Get AWS values using pseudo parameters".
func pseudo(stack events.StackRef, deployed Deployed) map[string]any {
	partition, suffix := "aws", "amazonaws.com"
	if parts := strings.SplitN(stack.StackID, ":", 3); len(parts) == 3 {
		partition = parts[1]
	}
	if partition == "aws-cn" {
		suffix = "amazonaws.com.cn"
	}
	arns := make([]any, len(deployed.NotificationARNs))
	for i, arn := range deployed.NotificationARNs {
		arns[i] = arn
	}
	return map[string]any{
		"AWS::AccountId": stack.Account, "AWS::Region": stack.Region, "AWS::Partition": partition, "AWS::URLSuffix": suffix,
		"AWS::StackName": stack.StackName, "AWS::StackId": stack.StackID, "AWS::NotificationARNs": arns,
	}
}

// Expected returns the properties that the template gives a resource, and
// whether it has the resource. Places that cannot be resolved hold
// template.Unknown.
func (t *Template) Expected(logicalID string) (map[string]any, bool) {
	r, ok := t.parsed.Resources.Get(logicalID)
	if !ok {
		return nil, false
	}
	properties := map[string]any{}
	if r.Properties == nil {
		return properties, true
	}
	for _, entry := range r.Properties.Entries {
		if v := t.evaluate(entry.Value); v != nil {
			properties[entry.Key] = v
		}
	}
	return properties, true
}

// Property returns one property of a resource, which may hold template.Unknown,
// and whether the template sets it.
func (t *Template) Property(logicalID string, path []string) (any, bool) {
	r, ok := t.parsed.Resources.Get(logicalID)
	if !ok || len(path) == 0 {
		return nil, false
	}
	node := r.Properties.Get(path[0])
	if node == nil {
		return nil, false
	}
	whole := t.evaluate(node)
	if v, ok := lookup(whole, path[1:]); ok {
		return v, v != nil
	}
	if template.IsUnknown(whole) { // which may have it
		return template.Unknown, true
	}
	return nil, false
}

// evaluate resolves a value; a function that fails is unresolved, as is a
// dynamic reference: what it stood for is not in the deployment.
// Source: CloudFormation user guide, "Get values stored in other services using
// dynamic references".
func (t *Template) evaluate(node *template.Node) any {
	v, err := t.parsed.Evaluate(node, t.scope)
	if err != nil {
		return template.Unknown
	}
	return withoutReferences(v)
}

func withoutReferences(v any) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "{{resolve:") {
			return template.Unknown
		}
	case []any:
		for i := range v {
			v[i] = withoutReferences(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = withoutReferences(v[name])
		}
	}
	return v
}

// references are the logical ids that refer to each resource, sorted.
func references(t *template.Template) map[string][]string {
	out := map[string][]string{}
	for id, r := range t.Resources.All() {
		for _, ref := range template.References(r.Properties) {
			if t.Resources.Has(ref.Name) && ref.Name != id && !slices.Contains(out[ref.Name], id) {
				out[ref.Name] = append(out[ref.Name], id)
			}
		}
	}
	for _, ids := range out {
		slices.Sort(ids)
	}
	return out
}
