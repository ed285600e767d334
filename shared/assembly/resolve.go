package assembly

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Problem is what stands against deploying a stack of evenkeel.yaml from the
// assembly.
type Problem struct {
	Stage, Stack string // Stack is "" when it is about the stage
	Message      string
}

// maxResolved is the most bytes of the resolved stages: they travel through
// the workflow, whose states take 256 KB.
const maxResolved = 128 << 10

// Resolve gives each stack with an artifact what the assembly says of it: the
// template, the name in CloudFormation (which wins, because the templates of
// an app may refer to it), and below what evenkeel.yaml says, parameters,
// tags and dependencies. Stages come back with their stacks in order.
func (a *Assembly) Resolve(stages []pipeline.Stage, partition func(region string) string) ([]pipeline.Stage, []Problem) {
	resolved := make([]pipeline.Stage, len(stages))
	var problems []Problem
	taken := map[[3]string]string{} // account, region, stack name → where
	for i, stage := range stages {
		found := map[string]Stack{} // by name in evenkeel.yaml
		stage.Stacks = slices.Clone(stage.Stacks)
		for j, stack := range stage.Stacks {
			if stack.Artifact != "" {
				s, err := a.Find(stack.Artifact)
				if err == nil {
					s, err = s.In(stage.Account, stage.Region, partition(stage.Region))
				}
				if err != nil {
					problems = append(problems, Problem{stage.Name, stack.Name, err.Error()})
					continue
				}
				found[stack.Name] = s
				stage.Stacks[j] = with(stack, s)
			}
			key := [3]string{stage.Account, stage.Region, stage.Stacks[j].StackName}
			if at, twice := taken[key]; twice {
				problems = append(problems, Problem{stage.Name, stack.Name, fmt.Sprintf("the stack %s in %s, %s, is deployed by %s as well; give each stage a stack of its own, such as artifact: Shop-${stage}", key[2], key[0], key[1], at)})
			}
			taken[key] = stage.Name + "/" + stack.Name
		}
		problems = append(problems, depend(&stage, found)...)
		ordered, cycle := order(stage.Stacks)
		if cycle != "" {
			problems = append(problems, Problem{stage.Name, "", "with the dependencies of the cloud assembly the stacks depend on each other in a cycle: " + cycle})
		}
		stage.Stacks = ordered
		resolved[i] = stage
	}
	if data, err := json.Marshal(resolved); err != nil || len(data) > maxResolved {
		problems = append(problems, Problem{Message: fmt.Sprintf("the stacks with the parameters and tags of the cloud assembly have more than %d KiB; use fewer", maxResolved>>10)})
	}
	return resolved, problems
}

func with(stack pipeline.Stack, s Stack) pipeline.Stack {
	stack.StackName, stack.Template, stack.Artifact = s.StackName, s.Template, s.Path
	parameters := map[string]pipeline.Parameter{}
	for name, value := range s.Parameters {
		parameters[name] = pipeline.Parameter{Value: value}
	}
	for name, value := range stack.Parameters {
		parameters[name] = value
	}
	tags := map[string]string{}
	for name, value := range s.Tags {
		tags[name] = value
	}
	for name, value := range stack.Tags {
		tags[name] = value
	}
	stack.Parameters, stack.Tags = parameters, tags
	return stack
}

// depend adds the dependencies between the artifacts of a stage.
func depend(stage *pipeline.Stage, found map[string]Stack) []Problem {
	named := map[string]string{} // path → name in evenkeel.yaml
	for name, s := range found {
		named[s.Path] = name
	}
	var problems []Problem
	for j, stack := range stage.Stacks {
		depends := slices.Clone(stack.DependsOn)
		for _, on := range found[stack.Name].DependsOn {
			name, ok := named[on]
			if !ok {
				problems = append(problems, Problem{stage.Name, stack.Name, fmt.Sprintf("the stack %s of the cloud assembly depends on %s, which no stack of this stage deploys; add a stack with artifact: %s", found[stack.Name].Path, on, on)})
				continue
			}
			depends = append(depends, name)
		}
		slices.Sort(depends)
		stage.Stacks[j].DependsOn = slices.Compact(depends)
	}
	return problems
}

// order puts stacks after what they depend on and keeps their order otherwise.
func order(stacks []pipeline.Stack) (ordered []pipeline.Stack, cycle string) {
	placed := map[string]bool{}
	for len(ordered) < len(stacks) {
		i := slices.IndexFunc(stacks, func(s pipeline.Stack) bool {
			return !placed[s.Name] && !slices.ContainsFunc(s.DependsOn, func(on string) bool { return !placed[on] })
		})
		if i < 0 {
			var left []string
			for _, s := range stacks {
				if !placed[s.Name] {
					left = append(left, s.Name)
					ordered = append(ordered, s)
				}
			}
			return ordered, strings.Join(left, ", ")
		}
		placed[stacks[i].Name] = true
		ordered = append(ordered, stacks[i])
	}
	return ordered, ""
}
