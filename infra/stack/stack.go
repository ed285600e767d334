package stack

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/evenkeel/evenkeel/infra/settings"
)

// newStack makes a stack without a fixed account or region, so that its
// template is the same wherever it is deployed.
func newStack(scope constructs.Construct, name, description string, s settings.Settings) awscdk.Stack {
	protect, rule := true, false
	return awscdk.NewStack(scope, text(name), &awscdk.StackProps{
		StackName: text(name), Description: text(description), TerminationProtection: &protect,
		Tags: &map[string]*string{"evenkeel:environment": text(s.Environment)},
		// The template carries no parameter for the version of the bootstrap stack: it must
		// be deployable by anything that speaks CloudFormation, as StackSets and `evenkeel up` do.
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{GenerateBootstrapVersionRule: &rule}),
	})
}

func text(s string) *string { return &s }

func number(n float64) *float64 { return &n }

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
