package fake

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

var _ deployment.Templates = DeploymentTemplates{}

// DeploymentTemplates implements deployment.Templates.
type DeploymentTemplates struct{ cloud *DeploymentCloud }

// Templates is the cloud as deployment.Templates.
func (c *DeploymentCloud) Templates() DeploymentTemplates { return DeploymentTemplates{c} }

// Original implements deployment.Templates.
func (s DeploymentTemplates) Original(ctx context.Context, t events.Target, changeSetID string) ([]byte, error) {
	return s.Template(ctx, t, changeSetID)
}

// Template implements deployment.Templates.
func (s DeploymentTemplates) Template(_ context.Context, t events.Target, changeSetID string) ([]byte, error) {
	if err := s.cloud.fail("Template"); err != nil {
		return nil, err
	}
	if set := s.cloud.changeSets[changeSetID]; set != nil {
		return slices.Clone(set.template.text), nil
	}
	if stack := s.cloud.stacks[stackKey(t)]; stack != nil && changeSetID == "" {
		return slices.Clone(stack.template.text), nil
	}
	return nil, nil
}
