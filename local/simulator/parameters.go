package simulator

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/template"
)

// resolveParameters gives every parameter of the template its value: given,
// previous (UsePreviousValue) or default (CFN-23).
func resolveParameters(t *template.Template, given, previous []types.Parameter) ([]types.Parameter, error) {
	byKey := map[string]types.Parameter{}
	var unknown []string
	for _, g := range given {
		key := aws.ToString(g.ParameterKey)
		if !t.Parameters.Has(key) {
			unknown = append(unknown, key)
		}
		byKey[key] = g
	}
	if len(unknown) > 0 {
		return nil, validationError("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	before := map[string]*string{}
	for _, p := range previous {
		before[aws.ToString(p.ParameterKey)] = p.ParameterValue
	}
	var missing []string
	var resolved []types.Parameter
	for name, declared := range t.Parameters.All() {
		value := byKey[name].ParameterValue
		if aws.ToBool(byKey[name].UsePreviousValue) {
			value = before[name]
		}
		if value == nil && declared.Default != nil {
			value = aws.String(declared.DefaultText())
		}
		if value == nil {
			missing = append(missing, name)
			continue
		}
		if err := declared.Check(*value); err != nil && !unresolved(*value) {
			return nil, validationError("%v", err)
		}
		resolved = append(resolved, types.Parameter{ParameterKey: aws.String(name), ParameterValue: value})
	}
	if len(missing) > 0 {
		return nil, validationError("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return resolved, nil
}

// unresolved tells whether a parameter of a nested stack's change set depends
// on what the parent does not know yet (CFN-75).
func unresolved(value string) bool { return strings.Contains(value, template.KnownAfterApply) }

func isListType(name string) bool {
	return name == "CommaDelimitedList" || strings.HasPrefix(name, "List<")
}

func splitList(value string) []string {
	if value == "" {
		return nil
	}
	parts := strings.Split(value, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// bind turns a resolved parameter into the value that Ref gives: a list for
// list types, the stored parameter for SSM types.
func (p *prepared) bind(ctx context.Context, parameter *types.Parameter) error {
	name := aws.ToString(parameter.ParameterKey)
	declared, _ := p.template.Parameters.Get(name)
	value, kind := aws.ToString(parameter.ParameterValue), declared.Type
	if unresolved(value) {
		p.parameters[name] = template.Unknown
		return nil
	}
	if inner, ok := strings.CutPrefix(kind, "AWS::SSM::Parameter::Value<"); ok {
		stored, err := p.region.readParameter(ctx, value)
		if err != nil {
			return validationError("Unable to fetch parameters [%s] from parameter store for this account.", value)
		}
		parameter.ResolvedValue = &stored
		value, kind = stored, strings.TrimSuffix(inner, ">")
	}
	if !isListType(kind) {
		p.parameters[name] = value
		return nil
	}
	p.parameters[name] = texts(splitList(value))
	return nil
}

// readParameter reads a Parameter Store value: a simulated one first, then
// whatever the surroundings know.
func (r *region) readParameter(ctx context.Context, name string) (string, error) {
	if model, err := r.models.read(ctx, "AWS::SSM::Parameter", name); err == nil {
		return fmt.Sprint(model["Value"]), nil
	}
	if r.sim.opts.ReadParameter != nil {
		return r.sim.opts.ReadParameter(ctx, r.account, r.name, name)
	}
	return "", fmt.Errorf("parameter %s not found", name)
}

var dynamicReference = regexp.MustCompile(`\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}`)

// dynamic resolves {{resolve:ssm:…}} in every string. Secrets stay as they are:
// the simulator has none.
func (p *prepared) dynamic(ctx context.Context, value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			inner, err := p.dynamic(ctx, v[name])
			if err != nil {
				return nil, err
			}
			v[name] = inner
		}
	case []any:
		for i := range v {
			inner, err := p.dynamic(ctx, v[i])
			if err != nil {
				return nil, err
			}
			v[i] = inner
		}
	case string:
		return p.dynamicText(ctx, v)
	}
	return value, nil
}

func (p *prepared) dynamicText(ctx context.Context, text string) (string, error) {
	var failed error
	text = dynamicReference.ReplaceAllStringFunc(text, func(match string) string {
		parts := dynamicReference.FindStringSubmatch(match)
		if parts[1] != "ssm" {
			return match
		}
		name, _, _ := strings.Cut(parts[2], ":")
		value, err := p.region.readParameter(ctx, name)
		if err != nil {
			failed = fmt.Errorf("Parameters: [%s] cannot be found.", parts[1]+":"+name) //nolint:staticcheck // CloudFormation's own sentence
		}
		return value
	})
	return text, failed
}

// shown gives parameters as the API answers them: NoEcho values masked.
func shown(body string, parameters []types.Parameter) []types.Parameter {
	list := []types.Parameter{}
	t, err := template.Parse("template", []byte(body))
	for _, p := range parameters {
		if err == nil {
			if declared, ok := t.Parameters.Get(aws.ToString(p.ParameterKey)); ok && declared.NoEcho {
				p.ParameterValue = aws.String("****")
			}
		}
		list = append(list, p)
	}
	return list
}
