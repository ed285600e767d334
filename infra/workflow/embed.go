package workflow

import _ "embed" // the definitions below

// The workflows by name; evenkeel-<name> is the state machine.
const (
	Pipeline  = "pipeline"
	Drift     = "drift"
	Driftscan = "driftscan"
	Review    = "review"
	Rollout   = "rollout"
)

//go:embed pipeline.asl.json
var pipeline string

//go:embed drift.asl.json
var drift string

//go:embed driftscan.asl.json
var driftscan string

//go:embed review.asl.json
var review string

//go:embed rollout.asl.json
var rollout string

// Definitions returns the text of every workflow by its name.
func Definitions() map[string]string {
	return map[string]string{Pipeline: pipeline, Drift: drift, Driftscan: driftscan, Review: review, Rollout: rollout}
}
