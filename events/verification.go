package events

import "time"

// VerificationResult is one attempt of a check.
type VerificationResult struct {
	Check        string    `json:"check"`
	Kind         string    `json:"kind"` // http, lambda, alarm, build
	Attempt      int       `json:"attempt"`
	Time         time.Time `json:"time"`
	Milliseconds int64     `json:"milliseconds"`
	Outcome      string    `json:"outcome"` // passed, failed, pending
	Why          string    `json:"why"`
	Build        string    `json:"build,omitempty"` // ARN
}

// StackVerified says that every check of a stack, or of a whole stage, passed.
type StackVerified struct {
	Run
	Target
	Results  []VerificationResult `json:"results"`
	Document string               `json:"document"` // S3 key of all that was seen
}

// Source implements Data.
func (StackVerified) Source() string { return SourceDeployment }

// DetailType implements Data.
func (StackVerified) DetailType() string { return "StackVerified.v1" }

// VerificationFailed says that a stack, or a whole stage, was deployed but does
// not work, or that this could not be found out.
type VerificationFailed struct {
	Run
	Target
	Reason       string               `json:"reason"`
	Inconclusive bool                 `json:"inconclusive"` // no check found it wrong: the checks could not be made
	Reaction     string               `json:"reaction"`     // stop, rollback
	Results      []VerificationResult `json:"results"`
	Document     string               `json:"document"` // S3 key of all that was seen
}

// Source implements Data.
func (VerificationFailed) Source() string { return SourceDeployment }

// DetailType implements Data.
func (VerificationFailed) DetailType() string { return "VerificationFailed.v1" }
