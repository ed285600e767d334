package pipeline

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxStackName is the most characters of a CloudFormation stack name.
// Source: CloudFormation API reference, CreateChangeSet, StackName.
const maxStackName = 128

// The limits of one file. The repository's owner writes it, but the validation
// function reads it for all repositories: nothing in it may take the memory of
// the function, or more room than a workflow has.
const (
	maxFile    = 256 << 10 // bytes
	maxStacks  = 300
	maxStages  = 100
	maxFaults  = 100
	maxNames   = 20        // named in one message
	maxCarried = 128 << 10 // bytes of one branch's stages; they travel through the workflow, which takes 256 KB

	// maxDeployed is how many stacks, over its stages, one branch may have: each
	// takes about 75 events of an execution's history, which ends at 25,000.
	// Source: Step Functions developer guide, "Service quotas": input or result
	// data size of a task, and execution history size.
	maxDeployed = 300
)

// bounded refuses a pipeline that is beyond the limits, before anything is
// computed over it.
func (d *decoder) bounded(p *Pipeline, size int) bool {
	switch {
	case len(p.Stacks) > maxStacks:
		d.fault(p.Stacks[maxStacks].at, "there are "+strconv.Itoa(len(p.Stacks))+" stacks; the limit is "+strconv.Itoa(maxStacks))
		return false
	case len(p.Stages) > maxStages:
		d.fault(p.Stages[maxStages].at, "there are "+strconv.Itoa(len(p.Stages))+" stages; the limit is "+strconv.Itoa(maxStages))
		return false
	}
	before := len(d.faults)
	encoded, err := json.Marshal(p.Stacks)
	if err != nil {
		d.fault(Position{}, "cannot be encoded: "+err.Error())
		return false
	}
	// Each stage carries all stacks, its own parameters over theirs, and its alarms
	// with each of them; the file itself is no less than all those parameters.
	told := map[string]bool{} // a glob stands in several groups
	for _, group := range together(p.Stages) {
		carried, deployed := size, 0
		for _, stage := range group {
			if told[stage.Name] {
				break
			}
			n := len(d.faults)
			if deployed += len(p.Stacks); deployed > maxDeployed && deployed-len(p.Stacks) <= maxDeployed {
				d.fault(stage.at, "the stages of the branch "+stage.Branch+" have more than "+strconv.Itoa(maxDeployed)+" stacks together from here on, which is more than one run can deploy")
			}
			carries := len(encoded) + len(p.Stacks)*stage.rollback.size() + stage.rolloutSize()
			if carried += carries; carried > maxCarried && carried-carries <= maxCarried {
				d.fault(stage.at, "the stages of the branch "+stage.Branch+" are too large together from here on: every stage carries every stack, and a run carries at most "+
					strconv.Itoa(maxCarried>>10)+" KiB; use fewer stages, stacks or parameters in one file")
			}
			told[stage.Name] = len(d.faults) > n
		}
	}
	return len(d.faults) == before
}

// check finds what single values cannot show: names that refer to nothing,
// cycles and duplicates.
func (d *decoder) check(p *Pipeline, size int, exists func(string) bool) {
	if !d.bounded(p, size) {
		return
	}
	d.checkArtifacts(p, exists)
	ancestors := d.graph(p)
	for _, stack := range p.Stacks {
		if stack.Template != "" && !exists(stack.Template) {
			d.fault(stack.at, "the template "+strconv.Quote(stack.Template)+" of stack "+stack.Name+" is not in the repository")
		}
		d.references(stack.Parameters, stack.Name, p, ancestors)
	}
	d.verifications(p, ancestors)
	d.rollouts(p, ancestors)
	d.checkAlarms(p)
	seen := map[string]bool{}
	for _, stage := range p.Stages {
		if stage.Name != "" && seen[stage.Name] {
			d.fault(stage.at, "a second stage "+strconv.Quote(stage.Name))
		}
		seen[stage.Name] = true
		for _, name := range slices.Sorted(maps.Keys(stage.parameters)) {
			if !p.has(name) {
				d.fault(stage.positions[name], "the stage sets parameters of "+strconv.Quote(name)+", which is no stack; stacks are "+p.stackNames())
				continue
			}
			d.references(stage.parameters[name], name, p, ancestors)
		}
		for _, stack := range p.Stacks {
			if name := p.stackName(stack.Name, stage.Name); len(name) > maxStackName {
				d.fault(stage.at, "the stack name "+name+" is longer than 128 characters")
			}
		}
	}
}

// references checks that outputs come from an ancestor: only that is certain
// to be deployed before.
func (d *decoder) references(parameters map[string]Parameter, stack string, p *Pipeline, ancestors map[string]map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		parameter := parameters[name]
		from, _, ok := parameter.OutputOf()
		switch {
		case !ok || ancestors[stack][from]:
		case !p.has(from):
			d.fault(parameter.at, "parameter "+name+" reads an output of "+strconv.Quote(from)+", which is no stack; stacks are "+p.stackNames())
		case from == stack:
			d.fault(parameter.at, "parameter "+name+" reads an output of its own stack")
		default:
			d.fault(parameter.at, "parameter "+name+" reads an output of "+from+", which "+stack+" does not depend on; add it to dependsOn")
		}
	}
}

// graph checks dependsOn and returns the ancestors of each stack. Edges on a
// cycle are reported once, at the stack of the cycle that stands first.
func (d *decoder) graph(p *Pipeline) map[string]map[string]bool {
	depends := map[string][]string{}
	for _, stack := range p.Stacks {
		for i, name := range stack.DependsOn {
			if !p.has(name) {
				d.fault(stack.depends[i], "stack "+stack.Name+" depends on "+strconv.Quote(name)+", which is no stack; stacks are "+p.stackNames())
				continue
			}
			depends[stack.Name] = append(depends[stack.Name], name)
		}
	}
	ancestors := map[string]map[string]bool{}
	for _, stack := range p.Stacks {
		ancestors[stack.Name] = reachable(stack.Name, depends)
	}
	reported := map[string]bool{}
	for _, stack := range p.Stacks {
		if !ancestors[stack.Name][stack.Name] || reported[stack.Name] {
			continue
		}
		cycle := pathTo(stack.Name, stack.Name, depends)
		for _, name := range cycle {
			reported[name] = true
		}
		d.fault(stack.at, "the stacks depend on each other in a cycle: "+strings.Join(cycle, " → "))
	}
	return ancestors
}

// reachable returns every stack that can be reached over at least one edge.
func reachable(from string, depends map[string][]string) map[string]bool {
	seen := map[string]bool{}
	next := slices.Clone(depends[from])
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if !seen[name] {
			seen[name] = true
			next = append(next, depends[name]...)
		}
	}
	return seen
}

// pathTo returns a shortest path of at least one edge, both ends included.
func pathTo(from, to string, depends map[string][]string) []string {
	queue := [][]string{{from}}
	seen := map[string]bool{}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		for _, name := range depends[path[len(path)-1]] {
			longer := append(slices.Clone(path), name)
			if name == to {
				return longer
			}
			if !seen[name] {
				seen[name] = true
				queue = append(queue, longer)
			}
		}
	}
	return nil
}

func (p *Pipeline) has(name string) bool { return p.index(name) >= 0 }

func (p *Pipeline) index(name string) int {
	return slices.IndexFunc(p.Stacks, func(s Stack) bool { return s.Name == name })
}

func (p *Pipeline) stackNames() string {
	list := make([]string, 0, min(len(p.Stacks), maxNames)+1)
	for _, stack := range p.Stacks {
		if len(list) == maxNames {
			list = append(list, "…")
			break
		}
		list = append(list, stack.Name)
	}
	return strings.Join(list, ", ")
}
