package simulator

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/template"
)

// outputs evaluates the outputs of a deployed stack. The caller holds r.mu.
func (p *prepared) outputs(scope *template.Scope) ([]types.Output, error) {
	list := []types.Output{}
	for name, declared := range p.template.Outputs.All() {
		if !p.holds(declared.Condition) {
			continue
		}
		value, err := p.template.Evaluate(declared.Value, scope)
		if err != nil {
			return nil, err
		}
		text, ok := convert("string", value).(string)
		if !ok {
			return nil, fmt.Errorf("Template format error: Output %s is malformed. The Value field of every Outputs member must evaluate to a String.", name) //nolint:staticcheck,revive // CloudFormation's own sentence
		}
		output := types.Output{OutputKey: aws.String(name), OutputValue: aws.String(text), Description: optional(declared.Description)}
		if declared.Export != nil {
			export, err := p.template.Evaluate(declared.Export, scope)
			if err != nil {
				return nil, err
			}
			output.ExportName = aws.String(fmt.Sprint(export))
		}
		list = append(list, output)
	}
	return list, nil
}

// export finds an export of the region. The caller holds r.mu.
func (r *region) export(name string) (*stack, types.Output, bool) {
	for _, s := range r.stacks {
		if s.status == types.StackStatusDeleteComplete {
			continue
		}
		for _, output := range s.outputs {
			if aws.ToString(output.ExportName) == name {
				return s, output, true
			}
		}
	}
	return nil, types.Output{}, false
}

// exported serves Fn::ImportValue. The caller holds r.mu.
func (r *region) exported(name string) (any, error) {
	if _, output, ok := r.export(name); ok {
		return aws.ToString(output.OutputValue), nil
	}
	return nil, fmt.Errorf("No export named %s found.", name) //nolint:staticcheck,revive // CloudFormation's own sentence
}

// stackOutput serves Fn::GetStackOutput {StackName, OutputName} within the
// region (CFN-25). The caller holds r.mu.
func (r *region) stackOutput(argument any) (any, error) {
	m, _ := argument.(map[string]any)
	if other, ok := m["Region"]; ok && other != r.name {
		return nil, fmt.Errorf("Fn::GetStackOutput across regions is not simulated")
	}
	s := r.findStack(fmt.Sprint(m["StackName"]))
	if s == nil {
		return nil, fmt.Errorf("Stack with id %v does not exist", m["StackName"]) //nolint:staticcheck // CloudFormation's own sentence
	}
	for _, output := range s.outputs {
		if aws.ToString(output.OutputKey) == fmt.Sprint(m["OutputName"]) {
			return aws.ToString(output.OutputValue), nil
		}
	}
	return nil, fmt.Errorf("Output %v of stack %v does not exist", m["OutputName"], m["StackName"]) //nolint:staticcheck // CloudFormation's own sentence
}

// importers names the stacks that use an export, sorted by creation. The
// caller holds r.mu.
func (r *region) importers(export string) []string {
	names := []string{}
	for _, s := range r.stacks {
		if s.status != types.StackStatusDeleteComplete && s.imports(export) {
			names = append(names, s.name)
		}
	}
	return names
}

// imports tells whether the deployed template imports the export by a literal
// name or an expression that has this value.
func (s *stack) imports(export string) bool { return s.imported[export] }

func zones(region string) ([]string, error) {
	return []string{region + "a", region + "b", region + "c"}, nil
}
