package simulator

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/template"
)

// nameOfIAM are the properties that make an IAM resource a named one.
// Source: user guide, "Acknowledging IAM resources in CloudFormation templates".
var nameOfIAM = map[string]string{
	"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::AccessKey": "", "AWS::IAM::Policy": "", "AWS::IAM::UserToGroupAddition": "",
}

// neededCapabilities gives what a template needs acknowledged, and why.
func neededCapabilities(t *template.Template) ([]types.Capability, string) {
	var reason []string
	capability := types.Capability("")
	for _, res := range t.Resources.All() {
		name, isIAM := nameOfIAM[res.Type]
		if !isIAM {
			continue
		}
		capability = orDefault(capability, types.CapabilityCapabilityIam)
		if name != "" && res.Properties.Get(name) != nil {
			capability = types.CapabilityCapabilityNamedIam
		}
		if !slices.Contains(reason, res.Type) {
			reason = append(reason, res.Type)
		}
	}
	if capability == "" {
		return []types.Capability{}, ""
	}
	return []types.Capability{capability}, "The following resource(s) require capabilities: [" + strings.Join(reason, ", ") + "]"
}

func checkCapabilities(t *template.Template, given []types.Capability) error {
	needed, _ := neededCapabilities(t)
	for _, capability := range needed {
		if slices.Contains(given, capability) || slices.Contains(given, types.CapabilityCapabilityNamedIam) {
			continue
		}
		return apiError(400, "InsufficientCapabilitiesException", "Requires capabilities : [%s]", capability)
	}
	return nil
}

func (r *region) getTemplate(_ context.Context, in *cfn.GetTemplateInput) (*cfn.GetTemplateOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if stage := in.TemplateStage; stage != "" && !slices.Contains(stage.Values(), stage) {
		return nil, validationError("1 validation error detected: Value '%s' at 'templateStage' failed to satisfy constraint: Member must satisfy enum value set: [Original, Processed]", stage)
	}
	out := &cfn.GetTemplateOutput{StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed}}
	if in.ChangeSetName != nil {
		_, cs, err := r.findChangeSet(*in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		out.TemplateBody = aws.String(cs.deployment.body)
		return out, nil
	}
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	// A stack in review has no template yet: the answer has no body (CFN-10).
	out.TemplateBody = optional(s.current.body)
	return out, nil
}

func (r *region) getTemplateSummary(ctx context.Context, in *cfn.GetTemplateSummaryInput) (*cfn.GetTemplateSummaryOutput, error) {
	body, err := r.templateBody(ctx, in.TemplateBody, in.TemplateURL, in.StackName != nil, aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	t, err := template.Parse("template", []byte(body))
	if err != nil {
		return nil, validationError("Template format error: %v", err)
	}
	out := &cfn.GetTemplateSummaryOutput{
		Parameters: []types.ParameterDeclaration{}, ResourceTypes: []string{}, DeclaredTransforms: nonNil(t.Transforms),
		Description: optional(t.Description), Version: optional(t.Root.Get("AWSTemplateFormatVersion").Str()),
		ResourceIdentifierSummaries: []types.ResourceIdentifierSummary{},
	}
	if metadata := t.Root.Get("Metadata"); metadata != nil {
		out.Metadata = aws.String(compactJSON(metadata.Value()))
	}
	for name, p := range t.Parameters.All() {
		out.Parameters = append(out.Parameters, types.ParameterDeclaration{
			ParameterKey: aws.String(name), ParameterType: optional(p.Type), NoEcho: aws.Bool(p.NoEcho), DefaultValue: defaultText(p),
			Description: optional(p.Node.Get("Description").Str()), ParameterConstraints: &types.ParameterConstraints{AllowedValues: p.AllowedValues},
		})
	}
	for _, res := range t.Resources.All() {
		if !slices.Contains(out.ResourceTypes, res.Type) {
			out.ResourceTypes = append(out.ResourceTypes, res.Type)
		}
	}
	needed, reason := neededCapabilities(t)
	out.Capabilities, out.CapabilitiesReason = needed, optional(reason)
	return out, nil
}

func defaultText(p *template.Parameter) *string {
	if p.Default == nil {
		return nil
	}
	return aws.String(p.DefaultText())
}

func (r *region) validateTemplate(ctx context.Context, in *cfn.ValidateTemplateInput) (*cfn.ValidateTemplateOutput, error) {
	body, err := r.templateBody(ctx, in.TemplateBody, in.TemplateURL, false, "")
	if err != nil {
		return nil, err
	}
	t, err := parseTemplate(body)
	if err != nil {
		return nil, err
	}
	if _, err := t.CreationOrder(); err != nil {
		return nil, validationError("%v", err)
	}
	out := &cfn.ValidateTemplateOutput{Parameters: []types.TemplateParameter{}, Description: optional(t.Description), DeclaredTransforms: nonNil(t.Transforms)}
	for name, p := range t.Parameters.All() {
		out.Parameters = append(out.Parameters, types.TemplateParameter{
			ParameterKey: aws.String(name), DefaultValue: defaultText(p), NoEcho: aws.Bool(p.NoEcho), Description: optional(p.Node.Get("Description").Str()),
		})
	}
	needed, reason := neededCapabilities(t)
	out.Capabilities, out.CapabilitiesReason = needed, optional(reason)
	return out, nil
}
