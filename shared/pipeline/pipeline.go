// Package pipeline reads evenkeel.yaml: which stacks a repository has and
// through which stages they go. Decoding is strict; every fault is reported
// with its file, line and column, all at once.
package pipeline

import (
	"fmt"
	"strings"
)

// FileName is where the pipeline stands in a repository.
const FileName = "evenkeel.yaml"

// When a plan of a stage waits for a person.
const (
	ApprovalAlways = "always"  // every plan that changes something
	ApprovalOnRisk = "on-risk" // every plan that is not rated safe
	ApprovalNever  = "never"
)

// Pipeline is a decoded evenkeel.yaml.
type Pipeline struct {
	Name   string  // optional prefix of the CloudFormation stack names
	Stacks []Stack // in the order of the file
	Stages []Stage // in the order of the file, without their stacks

	Validation Validation
	Build      *Build // nil when nothing is built
}

// Stage is an environment that the stacks are deployed to.
type Stage struct {
	Name     string  `json:"name"`
	Branch   string  `json:"branch"`           // the branch that it follows, or a glob of branches
	Account  string  `json:"account"`          // 12 digits
	Region   string  `json:"region"`           // us-east-1
	Approval string  `json:"approval"`         // one of the Approval constants
	Role     string  `json:"role,omitempty"`   // name of the role to assume there; "" is the installation's own
	FailOn   string  `json:"failOn,omitempty"` // one of the FailOn constants; "" is FailOnError
	Stacks   []Stack `json:"stacks"`           // filled by For: in dependency order

	ApprovalTimeout string `json:"approvalTimeout,omitempty"` // 30m, 24h, 7d; see ApprovalTime
	SelfApproval    string `json:"selfApproval,omitempty"`    // one of the SelfApproval constants; "" is SelfForbidden

	Verify                []Check  `json:"verify,omitempty"`                // once all stacks are deployed
	OnVerificationFailure string   `json:"onVerificationFailure,omitempty"` // one of the OnFailure constants; filled by For
	Windows               []Window `json:"windows,omitempty"`               // when it takes deployments; none means always
	Freezes               []Freeze `json:"freezes,omitempty"`               // when it takes none

	parameters map[string]map[string]Parameter // stack → parameter, over the stack's own
	positions  map[string]Position             // of the stack names in parameters
	at         Position

	artifacts   map[string]string   // stack → artifact, over the stack's own
	artifactsAt map[string]Position // of the stack names in artifacts

	rollback rollbackKeys

	rollouts   map[string]*Rollout // stack → rollout, in place of the stack's own
	rolloutsAt map[string]Position // of the stack names in rollouts
}

// Stack is a template and what it is deployed with.
type Stack struct {
	Name         string               `json:"name"`               // key in evenkeel.yaml
	StackName    string               `json:"stackName"`          // name in CloudFormation; filled by For
	Template     string               `json:"template"`           // path in the repository; of an artifact, once it is resolved, path in the archive
	Artifact     string               `json:"artifact,omitempty"` // id of the stack in the cloud assembly, in place of a template
	DependsOn    []string             `json:"dependsOn,omitempty"`
	Parameters   map[string]Parameter `json:"parameters,omitempty"`
	Capabilities []string             `json:"capabilities,omitempty"`
	Tags         map[string]string    `json:"tags,omitempty"`
	Protect      []string             `json:"protect,omitempty"` // logical ids
	Verify       []Check              `json:"verify,omitempty"`  // after its deployment
	Rollback     Rollback             `json:"rollback,omitzero"` // filled by For
	Rollout      *Rollout             `json:"rollout,omitempty"` // filled by For; nil when what is deployed is in use at once

	at      Position
	depends []Position // of each dependsOn item

	rollback rollbackKeys
}

// At returns where the stack stands in evenkeel.yaml. It is zero for a stack
// that travelled as JSON.
func (s Stack) At() Position { return s.at }

// At returns where the stage stands in evenkeel.yaml. It is zero for a stage
// that travelled as JSON.
func (s Stage) At() Position { return s.at }

// Position is a place in a file, from 1.
type Position struct{ Line, Column int }

// Parameter is the value of a template parameter, in exactly one of its forms.
type Parameter struct {
	Value          string `json:"value,omitempty"`          // as written
	Output         string `json:"output,omitempty"`         // "stack.OutputName" of an earlier stack
	ParameterStore string `json:"parameterStore,omitempty"` // name, or name:version
	Secret         string `json:"secret,omitempty"`         // Secrets Manager name or ARN, or name#jsonKey

	at Position
}

// OutputOf splits an output reference; ok is false when it is none.
func (p Parameter) OutputOf() (stack, output string, ok bool) {
	if p.Output == "" {
		return "", "", false
	}
	stack, output, ok = strings.Cut(p.Output, ".")
	return stack, output, ok
}

// Literal returns what CloudFormation is given for a parameter that is no
// output reference. A value kept in Parameter Store or Secrets Manager is
// never read here: CloudFormation resolves the dynamic reference itself.
// Source: CloudFormation user guide, "Get values stored in other services
// using dynamic references".
func (p Parameter) Literal() string {
	switch {
	case p.ParameterStore != "":
		return "{{resolve:ssm:" + p.ParameterStore + "}}"
	case p.Secret != "":
		id, key, _ := strings.Cut(p.Secret, "#")
		if key == "" {
			return "{{resolve:secretsmanager:" + id + "}}"
		}
		return "{{resolve:secretsmanager:" + id + ":SecretString:" + key + "}}"
	default:
		return p.Value
	}
}

// For returns the stages that follow the branch, in order, each with its
// stacks in dependency order. Stacks that do not depend on each other keep the
// order of the file.
func (p *Pipeline) For(branch string) []Stage {
	return p.filled(func(s Stage) bool { return s.Follows(branch) })
}

// Every returns all stages as For does.
func (p *Pipeline) Every() []Stage { return p.filled(func(Stage) bool { return true }) }

func (p *Pipeline) filled(wanted func(Stage) bool) []Stage {
	order := p.order()
	stages := []Stage{}
	for _, stage := range p.Stages {
		if !wanted(stage) {
			continue
		}
		stage.Stacks = make([]Stack, 0, len(order))
		for _, i := range order {
			stack := p.Stacks[i]
			stack.StackName = p.stackName(stack.Name, stage.Name)
			stack.Artifact = stage.artifactIn(stack)
			stack.Rollback = stack.rollback.over(stage.rollback)
			stack.Rollout = stage.rolloutOf(stack).inUse()
			stack.Parameters = merged(stack.Parameters, stage.parameters[stack.Name])
			stage.Stacks = append(stage.Stacks, stack)
		}
		stages = append(stages, stage)
	}
	verified(stages)
	return stages
}

func (p *Pipeline) stackName(stack, stage string) string {
	if p.Name == "" {
		return stack + "-" + stage
	}
	return p.Name + "-" + stack + "-" + stage
}

func merged(base, over map[string]Parameter) map[string]Parameter {
	all := make(map[string]Parameter, len(base)+len(over))
	for name, value := range base {
		all[name] = value
	}
	for name, value := range over {
		all[name] = value
	}
	return all
}

// order returns the indexes of the stacks in dependency order: repeatedly the
// first stack of the file whose dependencies are all placed. The graph has no
// cycle once Decode accepted it.
func (p *Pipeline) order() []int {
	placed := map[string]bool{}
	order := make([]int, 0, len(p.Stacks))
	for len(order) < len(p.Stacks) {
		before := len(order)
		for i, stack := range p.Stacks {
			if !placed[stack.Name] && allIn(placed, stack.DependsOn) {
				placed[stack.Name] = true
				order = append(order, i)
				break
			}
		}
		if len(order) == before {
			return order
		}
	}
	return order
}

func allIn(set map[string]bool, names []string) bool {
	for _, name := range names {
		if !set[name] {
			return false
		}
	}
	return true
}

// Fault is something wrong with evenkeel.yaml.
type Fault struct {
	File         string
	Line, Column int // from 1
	Message      string
}

// String returns "file:line:column: message".
func (f Fault) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Faults is everything wrong with one file, in the order of the file.
type Faults []Fault

// Error implements error, a fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}
