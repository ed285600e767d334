// Package rules holds the rules of the validator, one file a family. A rule is
// a value of check.Rule; its id is that of cfn-lint's rule whose findings it
// reproduces. To add one, put it in the family's file, and a fixture that fires
// it beside the others (CONTRIBUTING says where).
package rules

//go:generate go run ../internal/docs ../../../docs/rules.md

import (
	"sync"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// families returns the rules of every file.
func families() [][]check.Rule {
	return [][]check.Rule{
		rootRules(), baseRules(), parameterRules(), outputRules(), mappingRules(), conditionRules(), assertionRules(), metadataRules(),
		unusedRules(), dependencyRules(),
		functionRules(), refRules(), sourceRules(), neededRules(), relationRules(), dynamicRules(), formatRules(), shapeRules(),
		resourceRules(),
		propertyRules(),
		lifecycleRules(),
		practiceRules(),
		identifierRules(),
		serviceSchemaRules(),
		documentRules(),
		storageRules(),
		iamRules(),
		lambdaRules(),
		rdsRules(),
		pipelineRules(), networkRules(), containerRules(), computeRules(), serviceRules(),
		beyondRules(),
	}
}

// Registry returns the rules, indexed once for the process.
var Registry = sync.OnceValue(func() *check.Registry { return check.NewRegistry(families()...) })

// Run checks a template with every rule.
func Run(t *check.Template) check.Result {
	return Registry().Run(t, schema.Other("template/configuration"))
}

const (
	guide    = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	cfnLint  = "https://github.com/aws-cloudformation/cfn-lint/blob/v1.51.0/docs/rules.md"
	services = "https://docs.aws.amazon.com/"
)

// extension is the schema of a rule that checks by one of the extension schemas.
func extension(name string) func(string) *jsonschema.Schema {
	return func(string) *jsonschema.Schema { return schema.Extension(name) }
}

// regionalExtension is the same for a schema that differs by region.
func regionalExtension(name string) func(string) *jsonschema.Schema {
	return func(region string) *jsonschema.Schema { return schema.RegionalExtension(name, region) }
}

// other is the same for one of the other schemas.
func other(name string) func(string) *jsonschema.Schema {
	return func(string) *jsonschema.Schema { return schema.Other(name) }
}
