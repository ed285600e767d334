package fake

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var _ deployment.Rollouts = (*DeploymentRollouts)(nil)

// DeploymentRollouts implements deployment.Rollouts.
type DeploymentRollouts struct {
	Faults Faults

	records map[string]rollout.Record // by key of the stack without a side
}

// Read implements deployment.Rollouts.
func (s *DeploymentRollouts) Read(_ context.Context, t events.Target) (rollout.Record, bool, error) {
	if err := s.Faults.at("Rollout.Read"); err != nil {
		return rollout.Record{}, false, err
	}
	record, ok := s.records[stackKey(t)]
	return record, ok, nil
}

// Write implements deployment.Rollouts. What is stored is what JSON keeps.
func (s *DeploymentRollouts) Write(_ context.Context, t events.Target, record rollout.Record) error {
	if err := s.Faults.at("Rollout.Write"); err != nil {
		return err
	}
	if s.records[stackKey(t)].Version != record.Version {
		return fault.Conflict("the record of %s was changed meanwhile", t.StackName)
	}
	data, err := json.Marshal(record)
	if err != nil {
		return fault.Permanent("%w", err)
	}
	var stored rollout.Record
	if err := json.Unmarshal(data, &stored); err != nil {
		return fault.Permanent("%w", err)
	}
	stored.Version = record.Version + 1
	if s.records == nil {
		s.records = map[string]rollout.Record{}
	}
	s.records[stackKey(t)] = stored
	return s.Faults.at("Rollout.Write done")
}
