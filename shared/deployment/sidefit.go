package deployment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// fits refuses a template that cannot be there twice, before anything is made:
// with names that both sides would have, or with data that they would share out
// between them. A template that cannot be read here is CloudFormation's to
// refuse.
func fits(stack pipeline.Stack, text []byte) error {
	if stack.Rollout == nil {
		return nil
	}
	t, err := template.Parse(stack.Template, text)
	if err != nil {
		return nil
	}
	problems := Misfits(t, stack)
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

// Misfit is a place of a template that keeps its stack from being rolled out.
type Misfit struct {
	Line, Column int
	Message      string
}

// Misfits lists what keeps a stack with a rollout from being there twice, in the
// order of the template.
func Misfits(t *template.Template, stack pipeline.Stack) []Misfit {
	if !stack.Sides() {
		return nil
	}
	var list []Misfit
	for id, resource := range t.Resources.All() {
		if loss, ok := schema.Holds(resource.Type); ok && loss.Kind == schema.Data && !slices.Contains(passing, resource.Type) {
			list = append(list, Misfit{resource.Line, resource.Column, fmt.Sprintf("%s (%s) holds %s: each side of the stack %s would have some of its own. Put it into a stack that %s depends on", id, resource.Type, loss.What, stack.Name, stack.Name)})
		}
	}
	return list
}
