package validation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/source"
)

// The rules about what CloudFormation itself says of a template.
const (
	RuleCloud      = "CFN0001" // it refuses the template
	RuleCapability = "CFN0002" // a stack lacks a capability that the template needs
)

// CloudRules returns these rules, sorted by id.
func CloudRules() []Rule {
	const link = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html"
	return []Rule{
		{ID: RuleCloud, Severity: Error, Title: "CloudFormation refuses the template",
			Description: "CloudFormation itself was asked to validate the template, and says no. The message is CloudFormation's.",
			Link:        link},
		{ID: RuleCapability, Severity: Error, Title: "A stack lacks a capability that its template needs",
			Description: "The template has resources that a deployment must acknowledge by a capability. Add it to the stack in evenkeel.yaml.",
			Link:        link},
	}
}

// Opinion is what CloudFormation says of a template that it accepts.
type Opinion struct {
	Capabilities []string // that a deployment must acknowledge
	Reason       string   // why, for a person
}

// RefusedError says that CloudFormation refuses a template; the text says why.
type RefusedError struct{ Reason string }

func (e RefusedError) Error() string { return e.Reason }

// Cloud asks CloudFormation about a template. The error is an RefusedError when
// it is the template's fault. key is where a template may be kept that is too
// large for the request.
type Cloud interface {
	ValidateTemplate(ctx context.Context, key string, template []byte) (Opinion, error)
}

// ask asks about the template of every stack, once for each. A template that
// the rules already found broken is not asked about.
func (s *Service) ask(ctx context.Context, tree source.Tree, checked Checked, r deployment.Release) ([]Finding, error) {
	if s.Cloud == nil || checked.Pipeline == nil {
		return nil, nil
	}
	opinions := map[string]Opinion{}
	var findings []Finding
	for _, stack := range checked.deployed(r.Branch) {
		at := stack.At()
		opinion, known := opinions[stack.Template]
		if !known {
			data, ok := tree.File(stack.Template)
			if !ok || broken(checked.Findings, stack.Template) {
				continue
			}
			var err error
			opinion, err = s.Cloud.ValidateTemplate(ctx, "templates/"+r.Repository+"/"+r.Commit+"/"+stack.Template, data)
			var refused RefusedError
			if errors.As(err, &refused) {
				findings = append(findings, Finding{File: stack.Template, Line: 1, Column: 1, Rule: RuleCloud, Severity: Error, Message: "CloudFormation refuses the template: " + refused.Reason})
			} else if err != nil {
				return nil, err
			}
			opinions[stack.Template] = opinion
		}
		for _, capability := range opinion.Capabilities {
			if !acknowledged(stack.Capabilities, capability) {
				findings = append(findings, pipelineFinding(RuleCapability, at, fmt.Sprintf("the stack %s needs the capability %s (%s): add it to its capabilities", stack.Name, capability, opinion.Reason)))
			}
		}
	}
	return findings, nil
}

// acknowledged reports whether the capabilities cover one: CAPABILITY_NAMED_IAM
// covers CAPABILITY_IAM.
// Source: CloudFormation API reference, CreateStack, Capabilities.
func acknowledged(have []string, capability string) bool {
	return slices.Contains(have, capability) || capability == "CAPABILITY_IAM" && slices.Contains(have, "CAPABILITY_NAMED_IAM")
}

func broken(findings []Finding, file string) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.File == file && strings.HasPrefix(f.Rule, "E0") })
}
