package events

import "time"

// Target is a stack in a stage.
type Target struct {
	Stage     string `json:"stage"`
	Stack     string `json:"stack"`     // name in evenkeel.yaml
	StackName string `json:"stackName"` // name in CloudFormation
	Account   string `json:"account"`
	Region    string `json:"region"`
	Role      string `json:"role,omitempty"` // the role that is assumed there, when the stage names one

	// Owner is the repository that the stack is deployed for; it goes with every
	// assumption of Role. A fact names it elsewhere.
	Owner string `json:"-"`
}

// Change is one row of a plan.
type Change struct {
	Action       string   `json:"action"` // Add, Modify, Remove, Import, Dynamic
	LogicalID    string   `json:"logicalId"`
	PhysicalID   string   `json:"physicalId,omitempty"`
	ResourceType string   `json:"resourceType"`
	Replacement  string   `json:"replacement,omitempty"` // True, False, Conditional
	PolicyAction string   `json:"policyAction,omitempty"`
	Properties   []string `json:"properties,omitempty"` // "/Properties/X: before → after", secrets redacted
}

// StackPlanned says what a change set would do.
type StackPlanned struct {
	Run
	Target
	ChangeSetID string   `json:"changeSetId"`
	Digest      string   `json:"digest"` // v1: and a SHA-256 of all that the plan was made from; an approval is bound to it
	Changes     []Change `json:"changes"`
	Empty       bool     `json:"empty"` // nothing to do
	Risk        string   `json:"risk"`  // safe, review, dangerous, blocked
	Reasons     []string `json:"reasons"`
}

// Source implements Data.
func (StackPlanned) Source() string { return SourceDeployment }

// DetailType implements Data.
func (StackPlanned) DetailType() string { return "StackPlanned.v1" }

// ApprovalRequested says that a run waits for a person.
type ApprovalRequested struct {
	Run
	Target
	ChangeSetID string    `json:"changeSetId"`
	Digest      string    `json:"digest"`
	Changes     []Change  `json:"changes"`
	Risk        string    `json:"risk"`
	Reasons     []string  `json:"reasons"`
	Expires     time.Time `json:"expires"`

	// Authors are the names of who the push is by; they may not approve it
	// unless SelfAllowed.
	Authors     []string `json:"authors,omitempty"`
	SelfAllowed bool     `json:"selfAllowed,omitempty"`
	Document    *Seen    `json:"document,omitempty"`
}

// Via is what a decision was made with, as the client itself says it. The
// network address as AWS saw it is in no fact: the client does not know it.
// CloudTrail has it, in its record of GetCallerIdentity, which the client calls
// just before it decides; and in that of UpdateItem where a trail logs data events
// of the state table.
// Source: CloudTrail user guide, "Understanding CloudTrail events".
type Via struct {
	Client  string `json:"client"`            // "evenkeel cli", or "policy"
	Version string `json:"version,omitempty"` // of the client
	Host    string `json:"host,omitempty"`    // name of the machine
	User    string `json:"user,omitempty"`    // of the operating system there
}

// Seen is a document that was shown to somebody.
type Seen struct {
	Key    string `json:"key"`    // in the bucket
	SHA256 string `json:"sha256"` // of its bytes, in hex
}

// Source implements Data.
func (ApprovalRequested) Source() string { return SourceDeployment }

// DetailType implements Data.
func (ApprovalRequested) DetailType() string { return "ApprovalRequested.v1" }

// ApprovalDecided says what the person decided, or that the stage's policy
// asked nobody: then By is "policy: on-risk".
type ApprovalDecided struct {
	Run
	Target
	Digest   string `json:"digest"`
	Approved bool   `json:"approved"`
	By       string `json:"by"` // caller ARN
	Comment  string `json:"comment,omitempty"`

	ChangeSetID string     `json:"changeSetId,omitempty"`
	Session     string     `json:"session,omitempty"` // name of the user or of the role's session in By
	At          *time.Time `json:"at,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`  // when the approval ends if it is not used
	Relation    string     `json:"relation,omitempty"` // to the authors of the push: separate, unmapped, self
	Risk        string     `json:"risk,omitempty"`
	Via         *Via       `json:"via,omitempty"`
	Seen        *Seen      `json:"seen,omitempty"`
}

// Source implements Data.
func (ApprovalDecided) Source() string { return SourceDeployment }

// DetailType implements Data.
func (ApprovalDecided) DetailType() string { return "ApprovalDecided.v1" }

// StageClosed says that a run waits until a stage takes deployments again.
type StageClosed struct {
	Run
	Stage  string    `json:"stage"`
	Reason string    `json:"reason"` // which windows or freeze, for a person
	Opens  time.Time `json:"opens"`
}

// Source implements Data.
func (StageClosed) Source() string { return SourceDeployment }

// DetailType implements Data.
func (StageClosed) DetailType() string { return "StageClosed.v1" }

// StackDeployed says that a stack is at the commit.
type StackDeployed struct {
	Run
	Target
	ChangeSetID string            `json:"changeSetId"`
	Unchanged   bool              `json:"unchanged"` // the plan was empty
	Outputs     map[string]string `json:"outputs,omitempty"`
}

// Source implements Data.
func (StackDeployed) Source() string { return SourceDeployment }

// DetailType implements Data.
func (StackDeployed) DetailType() string { return "StackDeployed.v1" }

// StackRolledBack says that CloudFormation returned a stack to its previous
// state, or tried to.
type StackRolledBack struct {
	Run
	Target
	Failure Failure `json:"failure"`
}

// Source implements Data.
func (StackRolledBack) Source() string { return SourceDeployment }

// DetailType implements Data.
func (StackRolledBack) DetailType() string { return "StackRolledBack.v1" }

// StackRecoveryRequested says that a person has a stack recovered that a failed
// operation left.
type StackRecoveryRequested struct {
	RunID string `json:"runId,omitempty"` // of the run that left it so
	Target
	StackID     string   `json:"stackId"`
	StackStatus string   `json:"stackStatus"`
	Operation   string   `json:"operation"` // rollback, continue, delete
	Skip        []string `json:"skip"`      // logical ids of the resources that are left as they are
	By          string   `json:"by"`        // caller ARN
}

// Source implements Data.
func (StackRecoveryRequested) Source() string { return SourceDeployment }

// DetailType implements Data.
func (StackRecoveryRequested) DetailType() string { return "StackRecoveryRequested.v1" }
