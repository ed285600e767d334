package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/condition"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// pipelineRules are about AWS::CodePipeline::Pipeline.
func pipelineRules() []check.Rule {
	const (
		action = "Resources/AWS::CodePipeline::Pipeline/Properties/Stages/*/Actions/*"
		link   = services + "codepipeline/latest/userguide/reference-pipeline-structure.html"
	)
	return []check.Rule{
		{ID: "E3700", Severity: check.Error, Title: "Source actions belong in the first stage, and nothing else does",
			Description: "A pipeline begins with its sources and has them nowhere else. Move the action.",
			Link:        link,
			Places:      []string{action + "/ActionTypeId/Category"}, Check: stageCategory},
		{ID: "E3701", Severity: check.Error, Title: "An artifact is used before an action makes it, or made twice",
			Description: "An artifact has one action that makes it, before those that use it. Correct the names or the order.",
			Link:        link,
			Places:      []string{action + "/InputArtifacts/*/Name", action + "/OutputArtifacts/*/Name"}, Check: artifactName},
		{ID: "E3702", Severity: check.Error, Title: "The action takes or makes another number of artifacts",
			Description: "Each kind of action has a least and a largest number of input and output artifacts. Add or remove artifacts.",
			Link:        link,
			Places:      []string{action}, Check: artifactCount},
		{ID: "E3703", Severity: check.Error, Title: "The configuration of an action does not fit its artifacts or role",
			Description: "Some settings of an action depend on its artifacts, or on the role of the pipeline. Set or remove what the finding names.",
			Link:        link,
			Places:      []string{action}, Check: actionConfiguration},
	}
}

func stageCategory(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsString() {
		return
	}
	first, known := firstStage(v.Path())
	switch later := []string{"Build", "Approval", "Deploy", "Test", "Invoke", "Compute"}; {
	case !known:
	case first && n.Text != "Source":
		v.Fault("the first stage has Source actions only, not %s", check.Excerpt(n))
	case !first && !slices.Contains(later, n.Text):
		v.Fault("an action of a later stage is one of %s, not %s", strings.Join(later, ", "), check.Excerpt(n))
	}
}

// firstStage reports whether a path goes through the first item of Stages. The
// number after Fn::If is a branch, not an item.
func firstStage(p check.Path) (first, known bool) {
	i := slices.IndexFunc(p, func(s check.Step) bool { return s.Key == "Stages" })
	for ; i >= 0 && i < len(p); i++ {
		switch {
		case p[i].Key == "Fn::If":
			i++
		case p[i].List:
			return p[i].Index == 0, true
		}
	}
	return false, false
}

// artifact is a name that an action gave to what it makes, and when.
type artifact struct {
	name   string
	action string // its path
	when   condition.Scenario
}

func artifactName(v *check.Validator, n *template.Node, _ *js.Schema) {
	at := v.Path()
	if !n.IsString() || len(at) < 2 {
		return
	}
	made := check.Memory(v, "E3701", func() map[string][]artifact { return map[string][]artifact{} })
	pipeline := at[1].Key
	output, action := false, ""
	for i, step := range at {
		if step.Key == "OutputArtifacts" || step.Key == "InputArtifacts" {
			output, action = step.Key == "OutputArtifacts", at[:i].String()
		}
	}
	before := slices.ContainsFunc(made[pipeline], func(a artifact) bool {
		// An action takes its inputs before it makes its outputs.
		if a.name != n.Text || a.action == action && !output {
			return false
		}
		_, together := v.Conditions.EvolveAll(a.when...)
		return together
	})
	switch {
	case output && before:
		v.Fault("another action already makes the artifact %s", n.Text)
	case output:
		made[pipeline] = append(made[pipeline], artifact{n.Text, action, v.Conditions.Scenario()})
	case !before:
		v.Fault("no action before this one makes the artifact %s", n.Text)
	}
}

// artifactCounts says how many artifacts an action takes and makes, at least and
// at most, by owner, category and provider.
// Source: CodePipeline user guide, "Valid input and output artifacts".
var artifactCounts = map[[3]string][4]int{
	{"AWS", "Source", "S3"}:                    {0, 0, 1, 1},
	{"AWS", "Source", "CodeCommit"}:            {0, 0, 1, 1},
	{"AWS", "Source", "ECR"}:                   {0, 0, 1, 1},
	{"AWS", "Test", "CodeBuild"}:               {1, 5, 0, 5},
	{"AWS", "Test", "DeviceFarm"}:              {1, 1, 0, 0},
	{"AWS", "Build", "CodeBuild"}:              {1, 5, 0, 5},
	{"AWS", "Approval", "Manual"}:              {0, 0, 0, 0},
	{"AWS", "Deploy", "S3"}:                    {1, 1, 0, 0},
	{"AWS", "Deploy", "CloudFormation"}:        {0, 10, 0, 1},
	{"AWS", "Deploy", "CodeDeploy"}:            {1, 1, 0, 0},
	{"AWS", "Deploy", "ElasticBeanstalk"}:      {1, 1, 0, 0},
	{"AWS", "Deploy", "OpsWorks"}:              {1, 1, 0, 0},
	{"AWS", "Deploy", "ECS"}:                   {1, 1, 0, 0},
	{"AWS", "Deploy", "ServiceCatalog"}:        {1, 1, 0, 0},
	{"AWS", "Invoke", "Lambda"}:                {0, 5, 0, 5},
	{"ThirdParty", "Source", "GitHub"}:         {0, 0, 1, 1},
	{"ThirdParty", "Deploy", "AlexaSkillsKit"}: {0, 2, 0, 0},
	{"Custom", "Build", "Jenkins"}:             {0, 5, 0, 5},
	{"Custom", "Test", "Jenkins"}:              {0, 5, 0, 5},
}

// artifactSchemas are the same as schemas of an action.
var artifactSchemas = sync.OnceValue(func() map[[4]int]*js.Schema {
	all := map[[4]int]*js.Schema{}
	for _, c := range artifactCounts {
		if all[c] != nil {
			continue
		}
		var required []string
		for i, name := range []string{"InputArtifacts", "OutputArtifacts"} {
			if c[2*i] > 0 {
				required = append(required, `"`+name+`"`)
			}
		}
		all[c] = literal(fmt.Sprintf(`{"required":[%s],"properties":{
			"InputArtifacts":{"minItems":%d,"maxItems":%d},"OutputArtifacts":{"minItems":%d,"maxItems":%d}}}`,
			strings.Join(required, ","), c[0], c[1], c[2], c[3]))()
	}
	return all
})

func artifactCount(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsMap() {
		return
	}
	at, unusable := v.Path(), false
	// part visits a name in ActionTypeId; without a name there is nothing to count.
	part := func(kind *template.Node, name string, visit func(string)) {
		v.ValuesAt(kind, []string{name}, func(value *template.Node) {
			switch {
			case unusable:
			case value != nil && (value.IsMap() || value.IsList()):
				unusable = true
				v.Unusable("%s is not a plain text", name)
			default:
				visit(value.Str())
			}
		})
	}
	v.ValuesAt(n, []string{"ActionTypeId"}, func(kind *template.Node) {
		part(kind, "Owner", func(owner string) {
			if !hasArtifacts(owner, "") {
				return
			}
			part(kind, "Category", func(category string) {
				if !hasArtifacts(owner, category) {
					return
				}
				part(kind, "Provider", func(provider string) {
					if count, ok := artifactCounts[[3]string{owner, category, provider}]; ok {
						countArtifacts(v, n, at, count)
					}
				})
			})
		})
	})
}

// hasArtifacts reports whether something is known of an owner, in a category.
func hasArtifacts(owner, category string) bool {
	for key := range artifactCounts {
		if key[0] == owner && (category == "" || key[1] == category) {
			return true
		}
	}
	return false
}

func countArtifacts(v *check.Validator, action *template.Node, at check.Path, count [4]int) {
	found := v.Collect(func() {
		v.WithPath(at, func() { v.Walk(action, artifactSchemas()[count]) })
	})
	for i := range found {
		found[i].Rule = "E3702"
	}
	v.Add(found...)
}

var pipelineRole = literal(`{"format":"AWS::IAM::Role.Arn"}`)

func actionConfiguration(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsMap() {
		return
	}
	v.ValuesAt(n, []string{"Configuration", "TemplatePath"}, func(path *template.Node) {
		if !path.IsString() {
			return
		}
		known := false
		v.ValuesAt(n, []string{"InputArtifacts", "*", "Name"}, func(name *template.Node) {
			known = known || name.IsString() && strings.HasPrefix(path.Text, name.Text+"::")
		})
		if !known {
			v.Fault("%s is in none of the action's input artifacts", check.Excerpt(path))
		}
	})
	v.ValuesAt(n, []string{"Configuration", "RoleArn"}, func(role *template.Node) {
		if role == nil {
			return
		}
		found := v.Collect(func() { v.Walk(role, pipelineRole()) })
		for i := range found {
			found[i].Rule, found[i].Override = "E3703", slices.Clone(v.Path())
		}
		v.Add(found...)
	})
}
