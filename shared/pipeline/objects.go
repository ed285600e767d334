package pipeline

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

func (d *decoder) pipeline(root *yaml.Node) *Pipeline {
	p := &Pipeline{}
	top := d.object(root, "the file", topKeys)
	if e, ok := top["version"]; ok {
		if value, isText := d.scalar(e.value, "version"); isText && value != "1" {
			d.fault(position(e.value), "version "+strconv.Quote(value)+" is not known; this Evenkeel reads version 1")
		}
	}
	if e, ok := top["name"]; ok {
		p.Name = d.matching(e.value, "name", namePattern, "a name (a letter, then letters, digits and hyphens, at most 32)")
	}
	if e, ok := top["stacks"]; ok {
		for _, s := range d.entries(e.value, "stacks") {
			p.Stacks = append(p.Stacks, d.stack(s))
		}
		if len(p.Stacks) == 0 && e.value.Kind == yaml.MappingNode {
			d.fault(e.at, "stacks names no stack")
		}
	}
	if e, ok := top["stages"]; ok {
		p.Stages = d.stages(e)
	}
	if e, ok := top["build"]; ok {
		p.Build = d.build(e)
	}
	if e, ok := top["validation"]; ok {
		p.Validation = d.validation(e.value)
	}
	return p
}

func (d *decoder) name(at Position, what, value string) {
	if !namePattern.matches(value) {
		d.fault(at, what+" "+strconv.Quote(value)+" is not a name (a letter, then letters, digits and hyphens, at most 32)")
	}
}

func (d *decoder) stack(e entry) Stack {
	d.name(e.at, "the stack name", e.name)
	what := "stack " + e.name
	stack := Stack{Name: e.name, at: e.at}
	keys := d.object(e.value, what, stackKeys)
	if k, ok := keys["template"]; ok {
		stack.Template = d.templatePath(k.value, "template")
	}
	if k, ok := keys["artifact"]; ok {
		stack.Artifact = d.artifact(k)
	} else if _, ok := keys["template"]; !ok && yamldoc.Kind(e.value) == "a mapping" {
		d.fault(position(e.value), what+" lacks the key \"template\", or \"artifact\"")
	}
	if k, ok := keys["dependsOn"]; ok {
		for _, item := range d.items(k.value, "dependsOn") {
			stack.DependsOn = append(stack.DependsOn, item.Value)
			stack.depends = append(stack.depends, position(item))
		}
	}
	if k, ok := keys["parameters"]; ok {
		stack.Parameters = d.parameters(k.value, "the parameters of "+what)
	}
	if k, ok := keys["capabilities"]; ok {
		for _, item := range d.items(k.value, "capabilities") {
			stack.Capabilities = append(stack.Capabilities, d.oneOf(item, "the capability", capabilities))
		}
	}
	if k, ok := keys["tags"]; ok {
		stack.Tags = map[string]string{}
		for _, tag := range d.entries(k.value, "the tags of "+what) {
			stack.Tags[tag.name], _ = d.scalar(tag.value, "tag "+tag.name)
		}
	}
	if k, ok := keys["protect"]; ok {
		for _, item := range d.items(k.value, "protect") {
			stack.Protect = append(stack.Protect, d.matching(item, "the logical id", logicalPattern, "letters and digits"))
		}
	}
	if k, ok := keys["verify"]; ok {
		stack.Verify = d.checks(k.value, what)
	}
	if k, ok := keys["rollout"]; ok {
		stack.Rollout = d.rollout(k.value, what)
	}
	stack.rollback = d.rollback(keys, what)
	return stack
}

func (d *decoder) stages(e entry) []Stage {
	if e.value.Kind != yaml.SequenceNode {
		d.fault(position(e.value), "stages must be a list, not "+yamldoc.Kind(e.value))
		return nil
	}
	if len(e.value.Content) == 0 {
		d.fault(e.at, "stages names no stage")
	}
	var stages []Stage
	for _, item := range e.value.Content {
		stages = append(stages, d.stage(item))
	}
	return stages
}

func (d *decoder) stage(n *yaml.Node) Stage {
	stage := Stage{at: position(n)}
	keys := d.object(n, "the stage", stageKeys)
	if k, ok := keys["name"]; ok {
		stage.Name = d.matching(k.value, "name", namePattern, "a name (a letter, then letters, digits and hyphens, at most 32)")
	}
	if k, ok := keys["branch"]; ok {
		stage.Branch = d.branch(k.value)
	}
	if k, ok := keys["account"]; ok {
		stage.Account = d.matching(k.value, "account", accountPattern, "an account number of 12 digits")
	}
	if k, ok := keys["region"]; ok {
		stage.Region = d.matching(k.value, "region", regionPattern, "a region, such as us-east-1")
	}
	if k, ok := keys["approval"]; ok {
		stage.Approval = d.oneOf(k.value, "approval", approvals)
	}
	d.approvals(&stage, keys)
	if k, ok := keys["role"]; ok {
		stage.Role = d.role(k.value, stage.Account)
	}
	if k, ok := keys["windows"]; ok {
		stage.Windows = d.windows(k.value)
	}
	if k, ok := keys["freezes"]; ok {
		stage.Freezes = d.freezes(k.value)
	}
	if k, ok := keys["failOn"]; ok {
		stage.FailOn = d.oneOf(k.value, "failOn", failOns)
	}
	if k, ok := keys["parameters"]; ok {
		stage.parameters, stage.positions = map[string]map[string]Parameter{}, map[string]Position{}
		for _, s := range d.entries(k.value, "the parameters of stage "+stage.Name) {
			stage.positions[s.name] = s.at
			stage.parameters[s.name] = d.parameters(s.value, "the parameters of stack "+s.name)
		}
	}
	if k, ok := keys["verify"]; ok {
		stage.Verify = d.checks(k.value, "stage "+stage.Name)
	}
	if k, ok := keys["onVerificationFailure"]; ok {
		stage.OnVerificationFailure = d.oneOf(k.value, "onVerificationFailure", onFailures)
	}
	if k, ok := keys["rollout"]; ok {
		stage.rollouts, stage.rolloutsAt = map[string]*Rollout{}, map[string]Position{}
		for _, s := range d.entries(k.value, "the rollouts of stage "+stage.Name) {
			stage.rolloutsAt[s.name] = s.at
			stage.rollouts[s.name] = d.rollout(s.value, "stack "+s.name+" in stage "+stage.Name)
		}
	}
	if k, ok := keys["artifacts"]; ok {
		d.decodeArtifacts(&stage, k)
	}
	stage.rollback = d.rollback(keys, "stage "+stage.Name)
	return stage
}

func (d *decoder) parameters(n *yaml.Node, what string) map[string]Parameter {
	all := map[string]Parameter{}
	for _, e := range d.entries(n, what) {
		if !logicalPattern.matches(e.name) {
			d.fault(e.at, "the parameter name "+strconv.Quote(e.name)+" is not letters and digits")
		}
		all[e.name] = d.parameter(e)
	}
	return all
}

func (d *decoder) parameter(e entry) Parameter {
	p := Parameter{at: position(e.value)}
	what := "parameter " + e.name
	if e.value.Kind != yaml.MappingNode {
		if e.value.Kind == yaml.SequenceNode {
			d.fault(p.at, what+" is a list; write it as text with commas")
			return p
		}
		p.Value, _ = d.scalar(e.value, what)
		return p
	}
	keys := d.object(e.value, what, parameterKeys)
	if len(e.value.Content) != 2 {
		d.fault(p.at, what+" must have exactly one of the keys "+names(parameterKeys))
		return p
	}
	if k, ok := keys["output"]; ok {
		p.Output = d.matching(k.value, "output", outputPattern, "stack.OutputName")
	}
	if k, ok := keys["parameterStore"]; ok {
		p.ParameterStore = d.matching(k.value, "parameterStore", storePattern, "a parameter name, such as /shop/log-level")
	}
	if k, ok := keys["secret"]; ok {
		p.Secret = d.matching(k.value, "secret", secretPattern, "a secret name, such as shop/database#password")
	}
	return p
}
