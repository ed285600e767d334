package simulator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// prepared is a deployment whose template is parsed and whose parameters and
// conditions are known: everything but the resources themselves.
type prepared struct {
	region     *region
	deployment *deployment
	template   *template.Template
	parameters map[string]any
	pseudo     map[string]any
	conditions map[string]bool
	order      []string // logical ids whose condition holds, dependencies first
	imported   map[string]bool
	// blind makes Fn::GetStackOutput unknown, a known fault of drift-aware
	// change sets (CFN-37).
	blind bool
}

// prepare checks and parses a deployment of the stack and resolves its
// parameters. Errors are ValidationErrors, as all of these are found before an
// operation starts. The caller does not hold r.mu: parameters may be read from
// elsewhere.
func (r *region) prepare(ctx context.Context, stackName, stackID string, d *deployment, given, previous []types.Parameter) (*prepared, error) {
	t, err := parseTemplate(d.body)
	if err != nil {
		return nil, err
	}
	if err := checkCapabilities(t, d.capabilities); err != nil {
		return nil, err
	}
	for i, tag := range d.tags {
		if tag.Key == nil || tag.Value == nil {
			return nil, validationError("1 validation error detected: Value null at 'tags.%d.member' failed to satisfy constraint: Member must not be null", i+1)
		}
	}
	if d.parameters, err = resolveParameters(t, given, previous); err != nil {
		return nil, err
	}
	p := &prepared{region: r, deployment: d, template: t, parameters: map[string]any{}, imported: map[string]bool{}}
	p.pseudo = map[string]any{
		"AWS::AccountId": r.account, "AWS::Region": r.name, "AWS::Partition": partition(r.name), "AWS::URLSuffix": urlSuffix(r.name),
		"AWS::StackName": stackName, "AWS::StackId": stackID, "AWS::NotificationARNs": texts(d.notifications),
	}
	for i := range d.parameters {
		if err := p.bind(ctx, &d.parameters[i]); err != nil {
			return nil, err
		}
	}
	if p.conditions, err = p.evaluateConditions(); err != nil {
		return nil, validationError("Template format error: %v", err)
	}
	order, err := t.CreationOrder()
	if err != nil {
		return nil, validationError("%v", err)
	}
	for _, id := range order {
		if res, _ := t.Resources.Get(id); p.holds(res.Condition) {
			p.order = append(p.order, id)
		}
	}
	return p, nil
}

func (p *prepared) evaluateConditions() (map[string]bool, error) {
	p.region.mu.Lock()
	defer p.region.mu.Unlock()
	return p.template.Conditions(p.scope(nil))
}

// parseTemplate parses a template and refuses what CloudFormation refuses
// before anything else (CFN-20).
func parseTemplate(body string) (*template.Template, error) {
	if len(body) > maxTemplateBytes {
		return nil, validationError("Template may not exceed %d bytes in size.", maxTemplateBytes)
	}
	t, err := template.Parse("template", []byte(body))
	if err != nil {
		return nil, validationError("Template format error: %v", err)
	}
	if t.Resources.Len() == 0 {
		return nil, validationError("At least one Resources member must be defined.")
	}
	for _, macro := range t.Transforms {
		if macro != "AWS::LanguageExtensions" {
			return nil, validationError("Transform %s is not simulated. Expand it before deployment.", macro)
		}
	}
	for _, section := range []string{"Conditions", "Resources", "Outputs"} {
		if node := t.Root.Get(section); node != nil {
			for _, entry := range node.Entries {
				if strings.HasPrefix(entry.Key, "Fn::") {
					return nil, validationError("%s in %s is not simulated. Expand it before deployment.", entry.Key, section)
				}
			}
		}
	}
	var unknown []string
	for id, res := range t.Resources.All() {
		if res.Type == "" {
			return nil, validationError("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", id)
		}
		if !knownType(res.Type) && !slices.Contains(unknown, res.Type) {
			unknown = append(unknown, res.Type)
		}
		for _, dependency := range res.DependsOn {
			if !t.Resources.Has(dependency) {
				return nil, validationError("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", dependency)
			}
		}
	}
	if len(unknown) > 0 {
		return nil, validationError("Template format error: Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	}
	return t, checkReferences(t)
}

// maxTemplateBytes is the size limit of a template given by URL.
// Source: CloudFormation quotas.
const maxTemplateBytes = 1024 * 1024

func knownType(name string) bool {
	if name == "AWS::CDK::Metadata" || strings.HasPrefix(name, "Custom::") {
		return true
	}
	_, ok := schema.Load(name)
	return ok
}

// checkReferences finds names that neither a parameter, a resource nor a
// pseudo parameter has.
func checkReferences(t *template.Template) error {
	var missing []string
	for _, ref := range template.References(t.Root.Get("Resources")) {
		parameter := ref.Attribute == "" && t.Parameters.Has(ref.Name)
		if !parameter && !t.Resources.Has(ref.Name) && !strings.HasPrefix(ref.Name, "AWS::") {
			missing = append(missing, ref.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return validationError("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", strings.Join(slices.Compact(missing), ", "))
}

func (p *prepared) holds(condition string) bool {
	return condition == "" || p.conditions[condition]
}

// scope is what expressions see; resources resolve through the function. Use
// it under r.mu.
func (p *prepared) scope(resource func(logicalID, attribute string) (any, error)) *template.Scope {
	stackOutput := p.region.stackOutput
	if p.blind {
		stackOutput = nil
	}
	return &template.Scope{
		Parameters: p.parameters, Pseudo: p.pseudo, Resource: resource, Conditions: p.conditions,
		StackOutput: stackOutput, Zones: zones,
		Import: func(name string) (any, error) {
			p.imported[name] = true
			return p.region.exported(name)
		},
	}
}

// evaluate gives a resource's properties and other attributes. It takes r.mu,
// under which the resource function is called.
func (p *prepared) evaluate(ctx context.Context, id string, resource func(logicalID, attribute string) (any, error)) (map[string]any, resourceAttributes, error) {
	res, _ := p.template.Resources.Get(id)
	attributes := resourceAttributes{
		deletionPolicy: res.DeletionPolicy, updateReplacePolicy: res.UpdateReplacePolicy,
		description: res.Node.Get("Description").Str(),
	}
	value, metadata, err := p.values(res, resource)
	if err != nil {
		return nil, attributes, err
	}
	attributes.metadata = metadata
	if value, err = p.dynamic(ctx, value); err != nil {
		return nil, attributes, err
	}
	properties, _ := value.(map[string]any)
	if properties == nil {
		properties = map[string]any{}
	}
	if t, ok := schema.Load(res.Type); ok {
		conform(t.Root, properties)
		addStackTags(t, properties, p.deployment.tags)
	}
	return properties, attributes, nil
}

func (p *prepared) values(res *template.Resource, resource func(logicalID, attribute string) (any, error)) (properties, metadata any, err error) {
	p.region.mu.Lock()
	defer p.region.mu.Unlock()
	scope := p.scope(resource)
	if properties, err = p.template.Evaluate(res.Properties, scope); err != nil {
		return nil, nil, err
	}
	metadata, err = p.template.Evaluate(res.Metadata, scope)
	return properties, metadata, err
}

// addStackTags gives a taggable resource the stack's tags; its own win
// (CFN-24).
func addStackTags(t *schema.Type, properties map[string]any, tags []types.Tag) {
	if !t.Tagging.Taggable || !t.Tagging.OnCreate || t.Tagging.TagProperty == "" || len(tags) == 0 {
		return
	}
	path := pointerPath(t.Tagging.TagProperty)
	property, ok := t.Property(t.Tagging.TagProperty)
	if !ok || len(path) != 1 {
		return
	}
	switch current := properties[path[0]].(type) {
	case map[string]any:
		for _, tag := range tags {
			if _, own := current[*tag.Key]; !own {
				current[*tag.Key] = aws.ToString(tag.Value)
			}
		}
	case []any, nil:
		list, _ := current.([]any)
		if slices.Contains(property.Types, "object") {
			m := map[string]any{}
			for _, tag := range tags {
				m[*tag.Key] = aws.ToString(tag.Value)
			}
			properties[path[0]] = m
			return
		}
		if property.Items == nil || len(property.Items.Required) > 2 {
			return
		}
		properties[path[0]] = appendTags(list, tags)
	}
}

func appendTags(list []any, tags []types.Tag) []any {
	own := map[string]bool{}
	for _, element := range list {
		if tag, ok := element.(map[string]any); ok {
			own[fmt.Sprint(tag["Key"])] = true
		}
	}
	for _, tag := range tags {
		if !own[*tag.Key] {
			list = append(list, map[string]any{"Key": *tag.Key, "Value": aws.ToString(tag.Value)})
		}
	}
	return list
}

func texts(list []string) []any {
	values := []any{}
	for _, text := range list {
		values = append(values, text)
	}
	return values
}

// attribute gives Ref (attribute "") or Fn::GetAtt of a deployed resource.
func (res *resource) attribute(name string) (any, error) {
	if name == "" {
		return res.physicalID, nil
	}
	if value, ok := lookup(res.model, strings.Split(name, ".")); ok {
		return cloneAny(value), nil
	}
	if t, ok := schema.Load(res.typeName); !ok || strings.HasPrefix(res.typeName, "Custom::") || res.typeName == "AWS::CloudFormation::CustomResource" {
		return res.logicalID + "." + name, nil
	} else if _, known := t.Property(strings.ReplaceAll(name, ".", "/")); known {
		return "", nil
	}
	return nil, fmt.Errorf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", res.logicalID, name) //nolint:staticcheck // CloudFormation's own sentence
}

// isUnknown tells whether the value as a whole is known only after deployment.
func isUnknown(v any) bool { return v == template.Unknown }
