package deployment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// fits refuses a template that cannot be rolled out, before anything is made. A
// template that cannot be read here is CloudFormation's to
// refuse.
func fits(stack pipeline.Stack, from *made) error {
	if stack.Rollout == nil {
		return nil
	}
	t, err := template.Parse(stack.Template, from.template)
	if err != nil {
		return nil //nolint:nilerr // CloudFormation says what is wrong with it
	}
	problems := Misfits(t, stack, from.parameters)
	if len(problems) == 0 {
		return nil
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", stack.Template, p.Line, p.Column, p.Message)
	}
	return fault.Invalid("%s", strings.Join(lines[:min(len(lines), maxListed)], "; "))
}

// passing are types that hold something, but nothing that users miss when it is
// in two places: what is on the way, a copy, a log, or a setting that the
// template itself gives.
var passing = []string{
	"AWS::EC2::Instance", "AWS::EMR::Cluster", "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup", "AWS::ElastiCache::ServerlessCache",
	"AWS::KMS::Key", "AWS::KMS::ReplicaKey", "AWS::KinesisFirehose::DeliveryStream", "AWS::Logs::LogGroup", "AWS::SQS::Queue", "AWS::SSM::Parameter",
	"AWS::SecretsManager::Secret",
}

// Misfits lists what keeps a stack from being rolled out, in the order of its
// template: names that both sides would have, data that they would share out
// between them, outputs that the rollout reads and the template does not have.
// parameters are those that the stack is given, with ${side} where they differ.
func Misfits(t *template.Template, stack pipeline.Stack, parameters map[string]string) []rollout.Collision {
	if stack.Rollout == nil {
		return nil
	}
	list := rollout.Collisions(t, *stack.Rollout, parameters)
	if stack.Sides() {
		for id, resource := range t.Resources.All() {
			if loss, ok := schema.Holds(resource.Type); ok && loss.Kind == schema.Data && !slices.Contains(passing, resource.Type) {
				list = append(list, rollout.Collision{Name: id, Line: resource.Line, Column: resource.Column, Message: fmt.Sprintf(
					"%s (%s) holds %s: each side of the stack %s would have some of its own. Put it into a stack that %s depends on", id, resource.Type, loss.What, stack.Name, stack.Name)})
			}
		}
	}
	outputs := map[string]bool{}
	for name := range t.Outputs.All() {
		outputs[name] = true
	}
	for _, name := range stack.Rollout.OwnOutputs() {
		if !outputs[name] && len(t.Transforms) == 0 && !t.Loops { // else a macro may make it
			list = append(list, rollout.Collision{Name: name, Line: 1, Column: 1, Message: "the rollout of the stack " + stack.Name + " reads the output " + name + ", which the template does not have"})
		}
	}
	if name := stack.Rollout.SideParameter; name != "" && !declares(t, name) {
		list = append(list, rollout.Collision{Name: name, Line: 1, Column: 1, Message: "the sideParameter " + name + " of the rollout of the stack " + stack.Name + " is no parameter of the template"})
	}
	slices.SortStableFunc(list, func(a, b rollout.Collision) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return list
}

func declares(t *template.Template, parameter string) bool {
	for name := range t.Parameters.All() {
		if name == parameter {
			return true
		}
	}
	return false
}
