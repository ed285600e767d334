// Package events says what happened: the Go type of every fact that Evenkeel
// publishes, and of the AWS events that it reads. A fact is named in the past
// tense and versioned ("GitPushed.v1"); its detail is {metadata, data}. Unknown
// fields are allowed and old samples decode for ever.
package events

import "time"

// Metadata identifies a fact and links it to its run and to its cause.
type Metadata struct {
	ID            string    `json:"id"`            // unique; the idempotency key of consumers
	CorrelationID string    `json:"correlationId"` // the run, heal or scan that the fact belongs to
	CausationID   string    `json:"causationId"`   // id of the event that led to this one
	Time          time.Time `json:"time"`          // UTC
}

// Detail is the detail of one of our own events on the bus.
type Detail[T any] struct {
	Metadata Metadata `json:"metadata"`
	Data     T        `json:"data"`
}

// Data is implemented by every fact.
type Data interface {
	// Source is the EventBridge source, for example "evenkeel.deployment".
	Source() string
	// DetailType is the versioned name, for example "StackDeployed.v1".
	DetailType() string
}

// Fact is a fact on its way to the bus.
type Fact struct {
	Metadata Metadata
	Data     Data
}

// The sources of our facts, one for each domain.
const (
	SourceGit        = "evenkeel.source"
	SourcePipeline   = "evenkeel.pipeline"
	SourceBuild      = "evenkeel.build"
	SourceDeployment = "evenkeel.deployment"
	SourceDrift      = "evenkeel.drift"
	SourceHealing    = "evenkeel.healing"
)

// Envelope is an event as EventBridge delivers it to a target.
// Source: EventBridge user guide, "AWS service event metadata".
type Envelope[T any] struct {
	Version    string    `json:"version"`
	ID         string    `json:"id"`
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       time.Time `json:"time"`
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"`
	ReplayName string    `json:"replay-name,omitempty"` // set when an archive is replayed
	Detail     T         `json:"detail"`
}
