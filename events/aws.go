package events

// The AWS events that Evenkeel reads, by source and detail-type.
const (
	SourceCloudFormation = "aws.cloudformation"
	SourceCodeBuild      = "aws.codebuild"
	SourceCodeCommit     = "aws.codecommit"
	SourceEC2            = "aws.ec2"
	SourceStepFunctions  = "aws.states"

	BuildStateChange           = "CodeBuild Build State Change"
	StackStatusChange          = "CloudFormation Stack Status Change"
	DriftDetectionStatusChange = "CloudFormation Drift Detection Status Change"
	CloudTrailCall             = "AWS API Call via CloudTrail"
	RepositoryStateChange      = "CodeCommit Repository State Change"
	ExecutionStatusChange      = "Step Functions Execution Status Change"
	ScheduledEvent             = "Scheduled Event"
)

// StackStatusDetail is the detail of a StackStatusChange. There is no stack
// name, and ClientRequestToken is the one given to ExecuteChangeSet.
// Source: CloudFormation user guide, "Event pattern reference".
type StackStatusDetail struct {
	StackID            string        `json:"stack-id"` // ARN
	StatusDetails      StatusDetails `json:"status-details"`
	ClientRequestToken string        `json:"client-request-token"`
}

// StatusDetails is a CloudFormation status and its reason.
type StatusDetails struct {
	Status       string `json:"status"`
	StatusReason string `json:"status-reason"`
}

// DriftDetectionDetail is the detail of a DriftDetectionStatusChange. While
// the detection runs, StackDriftStatus is empty and the count is -1.
type DriftDetectionDetail struct {
	StackID          string `json:"stack-id"` // ARN
	DriftDetectionID string `json:"stack-drift-detection-id"`
	StatusDetails    struct {
		StackDriftStatus string `json:"stack-drift-status"`
		DetectionStatus  string `json:"detection-status"`
	} `json:"status-details"`
	DriftDetectionDetails struct {
		DriftedStackResourceCount int `json:"drifted-stack-resource-count"`
	} `json:"drift-detection-details"`
}

// BuildStateDetail is the detail of a BuildStateChange.
// Source: CodeBuild user guide, "Build notifications input format reference".
type BuildStateDetail struct {
	BuildStatus string `json:"build-status"` // IN_PROGRESS, SUCCEEDED, FAILED, STOPPED, TIMED_OUT, FAULT
	ProjectName string `json:"project-name"`
	BuildID     string `json:"build-id"` // ARN
	Information struct {
		Environment struct {
			Variables []BuildVariable `json:"environment-variables"`
		} `json:"environment"`
	} `json:"additional-information"`
}

// BuildVariable is an environment variable of a build, with the values that
// StartBuild gave.
type BuildVariable struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // PLAINTEXT, PARAMETER_STORE, SECRETS_MANAGER
	Value string `json:"value"`
}

// Variable returns the value of a plain variable of the build; "" when it has none.
func (d BuildStateDetail) Variable(name string) string {
	for _, v := range d.Information.Environment.Variables {
		if v.Name == name && v.Type == "PLAINTEXT" {
			return v.Value
		}
	}
	return ""
}

// RepositoryStateDetail is the detail of a RepositoryStateChange.
// Source: CodeCommit user guide, "Monitoring CodeCommit events".
type RepositoryStateDetail struct {
	Event             string `json:"event"` // referenceCreated, referenceUpdated, referenceDeleted
	RepositoryName    string `json:"repositoryName"`
	RepositoryID      string `json:"repositoryId"`
	ReferenceType     string `json:"referenceType"` // branch, tag
	ReferenceName     string `json:"referenceName"`
	ReferenceFullName string `json:"referenceFullName"`
	CommitID          string `json:"commitId"`
	OldCommitID       string `json:"oldCommitId"`
	CallerUserARN     string `json:"callerUserArn"`
}

// ExecutionStatusDetail is the detail of an ExecutionStatusChange.
// Source: Step Functions developer guide, "Automating Step Functions with EventBridge".
type ExecutionStatusDetail struct {
	ExecutionARN    string `json:"executionArn"`
	StateMachineARN string `json:"stateMachineArn"`
	Name            string `json:"name"`
	Status          string `json:"status"` // RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
	Input           string `json:"input"`
	Error           string `json:"error"`
	Cause           string `json:"cause"`
}
