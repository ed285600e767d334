package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Side stands for the name of the side at hand in the texts of a rollout, and
// in the parameters and checks of a stack that has one.
const Side = "${side}"

// Endpoint stands in the texts of an analysis for what the router knows the side
// at hand by: the value of its record, its target group, its version.
const Endpoint = "${endpoint}"

// At returns where the rollout stands in evenkeel.yaml. It is zero for one that
// travelled as JSON.
func (r Rollout) At() Position { return r.at }

// At returns where the metric stands in evenkeel.yaml. It is zero for one that
// travelled as JSON.
func (m Metric) At() Position { return m.at }

// Kind names what the metric looks at: cloudwatch, alarm or http.
func (m Metric) Kind() string {
	switch {
	case m.CloudWatch != nil:
		return "cloudwatch"
	case m.Alarm != nil:
		return "alarm"
	case m.HTTP != nil:
		return "http"
	default:
		return ""
	}
}

// Kind names what moves the traffic: route53, alb or lambdaAlias.
func (r Router) Kind() string {
	switch {
	case r.Route53 != nil:
		return "route53"
	case r.ALB != nil:
		return "alb"
	case r.LambdaAlias != nil:
		return "lambdaAlias"
	default:
		return ""
	}
}

// Sides reports whether the stack is two stacks in CloudFormation, one a side.
func (s Stack) Sides() bool { return s.Rollout != nil && s.Rollout.Router.LambdaAlias == nil }

// SideName is the name in CloudFormation of a stack's side.
func SideName(stackName, side string) string { return stackName + "-" + side }

// OfSide is the stack as one of its sides: with the side's name in
// CloudFormation, in its parameters and in its checks.
func (s Stack) OfSide(side string) (Stack, error) {
	if !s.Sides() || side == "" {
		return s, nil
	}
	s.StackName = SideName(s.StackName, side)
	replace := func(text string) (string, error) { return strings.ReplaceAll(text, Side, side), nil }
	parameters := make(map[string]Parameter, len(s.Parameters)+1)
	for name, parameter := range s.Parameters {
		parameter.Value = strings.ReplaceAll(parameter.Value, Side, side)
		parameters[name] = parameter
	}
	if name := s.Rollout.SideParameter; name != "" {
		parameters[name] = Parameter{Value: side}
	}
	s.Parameters = parameters
	var err error
	s.Verify, err = rewritten(s.Verify, replace)
	return s, err
}

// For is the rollout for one side: with that side's name and outputs in its
// texts. The error names an output that the side does not have.
func (r Rollout) For(side string, outputs map[string]string) (Rollout, error) {
	return r.Expand(func(stack, output string) (string, bool) {
		value, ok := outputs[output]
		return value, ok && stack == ""
	}, side)
}

// Expand replaces the references in the rollout's texts by what value returns
// for them; stack is "" for the stack's own outputs. With a side, its name takes
// the place of ${side}. The error names a reference that value does not know.
func (r Rollout) Expand(value func(stack, output string) (string, bool), side string) (Rollout, error) {
	return rewritten(r, func(text string) (string, error) {
		if side != "" {
			text = strings.ReplaceAll(text, Side, side)
		}
		expanded, unknown, ok := Expand(text, value)
		if !ok {
			return "", fmt.Errorf("%s: the rollout reads the output %s, which does not exist", FileName, unknown)
		}
		return expanded, nil
	})
}

// OwnOutputs lists the outputs of the stack itself that the rollout names,
// sorted.
func (r Rollout) OwnOutputs() []string {
	found := map[string]bool{}
	for _, reference := range referencesIn(r) {
		if stack, output := splitReference(reference); stack == "" {
			found[output] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// rewritten is a value with all of its texts replaced, as they are in its JSON
// form; the names of members stay.
func rewritten[T any](value T, replace func(string) (string, error)) (T, error) {
	var out T
	data, err := json.Marshal(value)
	if err != nil {
		return out, fmt.Errorf("encode a part of %s: %w", FileName, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return out, fmt.Errorf("read a part of %s: %w", FileName, err)
	}
	if tree, err = replaced(tree, replace); err != nil {
		return out, err
	}
	if data, err = json.Marshal(tree); err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		return out, fmt.Errorf("read a part of %s: %w", FileName, err)
	}
	return out, nil
}

func replaced(tree any, replace func(string) (string, error)) (any, error) {
	var err error
	switch node := tree.(type) {
	case string:
		return replace(node)
	case []any:
		for i := range node {
			if node[i], err = replaced(node[i], replace); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range node {
			if node[name], err = replaced(node[name], replace); err != nil {
				return nil, err
			}
		}
	}
	return tree, nil
}

// rollouts checks what rollouts say about other stacks and names.
func (d *decoder) rollouts(p *Pipeline, ancestors map[string]map[string]bool) {
	for _, stack := range p.Stacks {
		d.rolloutOf(p, stack, stack.Rollout, stack.Parameters, ancestors)
	}
	for _, stage := range p.Stages {
		for _, name := range slices.Sorted(maps.Keys(stage.rollouts)) {
			i := p.index(name)
			if i < 0 {
				d.fault(stage.rolloutsAt[name], "the stage sets the rollout of "+strconv.Quote(name)+", which is no stack; stacks are "+p.stackNames())
				continue
			}
			d.rolloutOf(p, p.Stacks[i], stage.rollouts[name], merged(p.Stacks[i].Parameters, stage.parameters[name]), ancestors)
		}
		for _, stack := range p.Stacks {
			if r := stage.rolloutOf(stack); r != nil && r.SideParameter != "" {
				if set, ok := stage.parameters[stack.Name][r.SideParameter]; ok {
					d.fault(set.at, "the parameter "+r.SideParameter+" is told the side by the rollout; do not set it as well")
				}
			}
		}
	}
	d.sideNames(p)
}

func (d *decoder) rolloutOf(p *Pipeline, stack Stack, r *Rollout, parameters map[string]Parameter, ancestors map[string]map[string]bool) {
	if r == nil {
		return
	}
	for _, ref := range r.outputs {
		switch {
		case ref.stack == "" || ancestors[stack.Name][ref.stack]:
		case ref.stack == stack.Name:
			d.fault(ref.at, "the rollout reads an output of its own stack: write ${output."+ref.output+"}, which is that of the side at hand")
		case !p.has(ref.stack):
			d.fault(ref.at, "the rollout reads an output of "+strconv.Quote(ref.stack)+", which is no stack; stacks are "+p.stackNames())
		default:
			d.fault(ref.at, "the rollout reads an output of "+ref.stack+", which "+stack.Name+" does not depend on; add it to dependsOn")
		}
	}
	d.publicName(stack, r)
	if set, ok := stack.Parameters[r.SideParameter]; ok && r.SideParameter != "" && parameters[r.SideParameter] == set {
		d.fault(set.at, "the parameter "+r.SideParameter+" is told the side by the rollout; do not set it as well")
	}
	if data, err := json.Marshal(r); err != nil || len(data) > maxRollout {
		d.fault(r.at, "the rollout has "+strconv.Itoa(len(data)>>10)+" KiB; the limit is "+strconv.Itoa(maxRollout>>10)+": use fewer or shorter metrics")
	}
}

// publicName refuses checks of the new side that ask the name which everybody
// asks: before the first step, the live side would answer for it.
func (d *decoder) publicName(stack Stack, r *Rollout) {
	if r.Router.Route53 == nil || r.Router.Route53.Name == "" || strings.Contains(r.Router.Route53.Name, "${") {
		return
	}
	name := strings.TrimSuffix(r.Router.Route53.Name, ".")
	asked := func(at Position, h *HTTPCheck) {
		if h != nil && strings.Contains(strings.ToLower(h.URL), strings.ToLower(name)) && !d.told(at) {
			d.fault(at, "the URL asks "+name+", whose traffic the rollout moves: the other side may answer. Ask the new side itself, such as https://${output.Host}/")
		}
	}
	for _, c := range stack.Verify {
		asked(c.at, c.HTTP)
	}
	for _, m := range r.Analysis.Metrics {
		asked(m.at, m.HTTP)
	}
}

// told reports whether there is a fault at the place already: a stack's checks
// are looked at for each of its rollouts.
func (d *decoder) told(at Position) bool {
	return slices.ContainsFunc(d.faults, func(f Fault) bool { return f.Line == at.Line && f.Column == at.Column })
}

// sideNames refuses stacks whose sides are named as another stack is.
func (d *decoder) sideNames(p *Pipeline) {
	taken := map[[3]string]string{}
	for _, stage := range p.Stages {
		for _, stack := range p.Stacks {
			taken[[3]string{stage.Account, stage.Region, p.stackName(stack.Name, stage.Name)}] = stack.Name + " in " + stage.Name
		}
	}
	for _, stage := range p.Stages {
		for _, stack := range p.Stacks {
			r := stage.rolloutOf(stack)
			if r == nil || r.Strategy == StrategyDirect || r.Router.LambdaAlias != nil {
				continue
			}
			for _, side := range []string{"blue", "green"} {
				name := SideName(p.stackName(stack.Name, stage.Name), side)
				if other, ok := taken[[3]string{stage.Account, stage.Region, name}]; ok {
					d.fault(r.at, "the side "+side+" of "+stack.Name+" in "+stage.Name+" would be the stack "+name+", which is "+other+"; rename one of them")
				}
				if len(name) > maxStackName {
					d.fault(stage.at, "the stack name "+name+" of a side is longer than "+strconv.Itoa(maxStackName)+" characters")
				}
			}
		}
	}
}

// rolloutOf is the stack's rollout in the stage; nil when there is none.
func (s Stage) rolloutOf(stack Stack) *Rollout {
	if r, ok := s.rollouts[stack.Name]; ok {
		return r
	}
	return stack.Rollout
}

// inUse is the rollout as a release carries it: none for direct.
func (r *Rollout) inUse() *Rollout {
	if r == nil || r.Strategy == StrategyDirect {
		return nil
	}
	return r
}

// rolloutSize is about how many bytes the stage's own rollouts take.
func (s Stage) rolloutSize() int {
	size := 0
	for _, r := range s.rollouts {
		if data, err := json.Marshal(r); err == nil {
			size += len(data)
		}
	}
	return size
}
