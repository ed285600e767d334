// Package verification decides whether a deployment works: it makes the checks
// of evenkeel.yaml, evaluates what was seen and keeps every attempt.
package verification

import (
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Observation is what one attempt of a check saw. At most one of the parts of
// a kind is set, and none when the call had no answer.
type Observation struct {
	Took time.Duration
	// Failed says why the thing that is checked gave no answer: a refused
	// connection, a time-out.
	Failed string
	// Unknown says why the check itself could not be made: no permission, an
	// unreadable secret, an output that the stack does not have. It says
	// nothing about the deployment.
	Unknown string

	HTTP     *Response
	Function *Invocation
	Alarms   []Alarm
	Build    *Build
}

// Response is an answer over HTTP, its body bounded.
type Response struct {
	Status    int
	Headers   map[string]string // canonical names; several values are joined by ", "
	Body      []byte
	Truncated bool          // there was more body
	Latency   time.Duration // until the body was read
}

// Invocation is the answer of a Lambda function.
type Invocation struct {
	FunctionError string // "" when the function returned
	Payload       []byte
	Truncated     bool
}

// States of an alarm. Source: CloudWatch API reference, MetricAlarm,
// StateValue. AlarmMissing is ours: there is no alarm of the name.
const (
	AlarmOK      = "OK"
	AlarmALARM   = "ALARM"
	AlarmNoData  = "INSUFFICIENT_DATA"
	AlarmMissing = "missing"
)

// Alarm is an alarm and its state.
type Alarm struct {
	Name      string
	ARN       string // "" when it is missing
	Composite bool
	State     string // one of the constants
	Reason    string
}

// Statuses of a build. Source: CodeBuild API reference, Build, buildStatus.
const (
	BuildInProgress = "IN_PROGRESS"
	BuildSucceeded  = "SUCCEEDED"
	BuildFault      = "FAULT"
)

// Build is a run of a CodeBuild project.
type Build struct {
	ID     string // ARN
	Status string // SUCCEEDED, FAILED, FAULT, TIMED_OUT, IN_PROGRESS, STOPPED
	Phase  string // the one it is in, or the one that failed
	Reason string // what the failed phase says
	Logs   string // where a person reads on
}

// Outcomes of an attempt.
const (
	Passed  = "passed"
	Failed  = "failed"
	Pending = "pending" // nothing that could be judged was seen yet
)

// Result is one attempt of a check. All are kept.
type Result struct {
	Check   string            `json:"check"`
	Kind    string            `json:"kind"`
	Attempt int               `json:"attempt"` // from 1
	Time    time.Time         `json:"time"`    // when it began
	Took    pipeline.Duration `json:"took"`
	Outcome string            `json:"outcome"` // passed, failed, pending
	Why     string            `json:"why"`     // one sentence
	Seen    string            `json:"seen,omitempty"`
	Build   string            `json:"build,omitempty"`   // ARN of the check's build
	Running bool              `json:"running,omitempty"` // the build has not ended
}
