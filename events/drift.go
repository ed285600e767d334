package events

// StackRef is a deployed stack that is watched.
type StackRef struct {
	StackID    string `json:"stackId"` // ARN
	StackName  string `json:"stackName"`
	Account    string `json:"account"`
	Region     string `json:"region"`
	Repository string `json:"repository,omitempty"`
	Stage      string `json:"stage,omitempty"`
	RunID      string `json:"runId,omitempty"` // the run that deployed it last
}

// Coverage says how much of a stack a scan could look at. A status without it
// misleads: a stack with no supported resource reads IN_SYNC.
type Coverage struct {
	Checked     int `json:"checked"`
	Unsupported int `json:"unsupported"` // NOT_CHECKED: the type has no drift support
	Unknown     int `json:"unknown"`     // the read failed
	Nested      int `json:"nested"`      // nested stacks, not followed by CloudFormation
}

// PropertyDifference is one drifted property.
type PropertyDifference struct {
	Path     string `json:"path"`     // JSON pointer into the properties
	Type     string `json:"type"`     // ADD, REMOVE, NOT_EQUAL
	Expected string `json:"expected"` // empty for ADD
	Actual   string `json:"actual"`   // empty for REMOVE
}

// DriftedResource is a resource that is not as its template says.
type DriftedResource struct {
	LogicalID    string               `json:"logicalId"`
	PhysicalID   string               `json:"physicalId"`
	ResourceType string               `json:"resourceType"`
	Status       string               `json:"status"` // MODIFIED, DELETED
	Differences  []PropertyDifference `json:"differences"`
}

// DriftScanned says what a scan of one stack found, drift or none.
type DriftScanned struct {
	StackRef
	ScanID      string            `json:"scanId"`
	DetectionID string            `json:"detectionId"`
	Status      string            `json:"status"` // IN_SYNC, DRIFTED, UNKNOWN
	Coverage    Coverage          `json:"coverage"`
	Resources   []DriftedResource `json:"resources"`
	Reason      string            `json:"reason,omitempty"` // why it is UNKNOWN, or what explains or limits the status
}

// Source implements Data.
func (DriftScanned) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftScanned) DetailType() string { return "DriftScanned.v1" }

// DriftDetected says that a stack is not as its template says.
type DriftDetected struct {
	StackRef
	ScanID    string            `json:"scanId"`
	Coverage  Coverage          `json:"coverage"`
	Resources []DriftedResource `json:"resources"`
}

// Source implements Data.
func (DriftDetected) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftDetected) DetailType() string { return "DriftDetected.v1" }

// DriftReverted says that drift was brought back and a second scan agreed.
type DriftReverted struct {
	StackRef
	ScanID      string            `json:"scanId"`
	ChangeSetID string            `json:"changeSetId"`
	Resources   []DriftedResource `json:"resources"` // what had drifted
	RequestedBy string            `json:"requestedBy"`
}

// Source implements Data.
func (DriftReverted) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftReverted) DetailType() string { return "DriftReverted.v1" }

// DriftRevertRefused says why a revert was not executed, or failed.
type DriftRevertRefused struct {
	StackRef
	ScanID  string   `json:"scanId"`
	Reasons []string `json:"reasons"`
}

// Source implements Data.
func (DriftRevertRefused) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftRevertRefused) DetailType() string { return "DriftRevertRefused.v1" }
