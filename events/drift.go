package events

import "time"

// StackRef is a deployed stack that is watched.
type StackRef struct {
	StackID    string `json:"stackId"` // ARN
	StackName  string `json:"stackName"`
	Account    string `json:"account"`
	Region     string `json:"region"`
	Repository string `json:"repository,omitempty"`
	Stage      string `json:"stage,omitempty"`
	Parent     string `json:"parent,omitempty"` // ARN of the stack that this one is nested in
	RunID      string `json:"runId,omitempty"`  // the run that deployed it last
}

// Coverage says how much of a stack a scan could look at. A status without it
// misleads: a stack with no supported resource reads IN_SYNC. Checked,
// Unsupported, Unknown and Nested add up to the resources of the stack.
type Coverage struct {
	Checked     int `json:"checked"`              // by at least one engine
	Unsupported int `json:"unsupported"`          // no engine can check the type
	Unknown     int `json:"unknown"`              // the read failed
	Nested      int `json:"nested"`               // nested stacks; each that was followed has a report of its own
	Live        int `json:"live,omitempty"`       // of Checked, by Cloud Control
	Unresolved  int `json:"unresolved,omitempty"` // properties whose expected value could not be worked out, of checked resources
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
	Status       string               `json:"status"` // MODIFIED, DELETED; IN_SYNC if only Undeclared changed
	Differences  []PropertyDifference `json:"differences"`

	// Engine is which engine found it: cloudformation, live, or both.
	Engine string `json:"engine,omitempty"`
	// Disagreement says in one sentence where the engines do not say the same.
	Disagreement string `json:"disagreement,omitempty"`
	// Undeclared are properties that the template does not set and that changed
	// since the stack was deployed last. They are no drift to CloudFormation.
	Undeclared []PropertyDifference `json:"undeclared,omitempty"`
	Severity   string               `json:"severity,omitempty"` // low, medium, high, critical
	// Response is what the policy does about it: ignore, notify, open, revert.
	Response    string       `json:"response,omitempty"`
	Why         string       `json:"why,omitempty"` // of Response: the rule, exception or baseline that decided
	Attribution *Attribution `json:"attribution,omitempty"`
	// Expected are the differences that the healer of security groups made: they
	// are no news, and no revert brings them back.
	Expected []ExpectedDrift `json:"expected,omitempty"`
}

// ExpectedDrift is a difference that a heal made.
type ExpectedDrift struct {
	Path   string `json:"path,omitempty"` // of the difference; "" for the whole resource
	HealID string `json:"healId"`
	Why    string `json:"why"` // for a person, with where to fix it
}

// Attribution says who made a change, as CloudTrail recorded it.
type Attribution struct {
	Class     string    `json:"class"`     // ownDeployment, otherStack, serviceManaged, healer, breakGlass, person, unknown
	Principal string    `json:"principal"` // ARN; "" when nobody was found
	Session   string    `json:"session,omitempty"`
	SourceIP  string    `json:"sourceIp,omitempty"`
	UserAgent string    `json:"userAgent,omitempty"`
	EventName string    `json:"eventName,omitempty"`
	EventID   string    `json:"eventId,omitempty"`
	Time      time.Time `json:"time,omitzero"`
	// From is where it was found: ledger (kept as it arrived) or lookup
	// (CloudTrail LookupEvents).
	From string `json:"from,omitempty"`
	// Exact says that the call names the property that drifted; else it is the
	// last call that changed the resource.
	Exact bool   `json:"exact,omitempty"`
	Why   string `json:"why,omitempty"` // of Class, one sentence
}

// DriftResolved says that a stack that had drifted is as its template says
// again, or that all that is left of its drift is ignored or accepted.
type DriftResolved struct {
	StackRef
	ScanID    string            `json:"scanId"`
	Coverage  Coverage          `json:"coverage"`
	Resources []DriftedResource `json:"resources"` // that had drifted
}

// Source implements Data.
func (DriftResolved) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftResolved) DetailType() string { return "DriftResolved.v1" }

// DriftAccepted says that a person accepted drift: what is live now is the
// baseline until it ends.
type DriftAccepted struct {
	StackRef
	LogicalID string    `json:"logicalId"`
	Path      string    `json:"path,omitempty"` // "" for the whole resource
	Actual    string    `json:"actual,omitempty"`
	By        string    `json:"by"`
	Reason    string    `json:"reason"`
	Until     time.Time `json:"until,omitzero"` // zero: until it changes again
	// Withdrawn says that By took an acceptance back: it is drift again.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Source implements Data.
func (DriftAccepted) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftAccepted) DetailType() string { return "DriftAccepted.v1" }

// DriftScanned says what a scan of one stack found, drift or none.
type DriftScanned struct {
	StackRef
	ScanID      string            `json:"scanId"`
	DetectionID string            `json:"detectionId"`
	Status      string            `json:"status"` // IN_SYNC, DRIFTED, UNKNOWN
	Coverage    Coverage          `json:"coverage"`
	Resources   []DriftedResource `json:"resources"`
	Reason      string            `json:"reason,omitempty"` // why it is UNKNOWN, or what explains or limits the status
	// Digest identifies what drifted, whole values included. A revert that names
	// it is refused when something else is found.
	Digest string `json:"digest,omitempty"`
	// Nested are nested stacks that are not in sync, as their own scans found
	// them, sorted, at most 50. They count for Status: what drifted in them is in
	// their own facts.
	Nested []NestedStack `json:"nested,omitempty"`
}

// NestedStack is a nested stack as its own scan found it.
type NestedStack struct {
	LogicalID string    `json:"logicalId"` // in its parent
	StackID   string    `json:"stackId"`   // ARN; "" when it was never created
	Status    string    `json:"status"`    // DRIFTED, UNKNOWN
	Reason    string    `json:"reason,omitempty"`
	Scanned   time.Time `json:"scanned,omitzero"` // zero when it never was
}

// Drifted returns the resources that are not as the template says, without
// those of which only what it does not set changed.
func (d DriftScanned) Drifted() []DriftedResource {
	var drifted []DriftedResource
	for _, r := range d.Resources {
		if r.Status != "IN_SYNC" {
			drifted = append(drifted, r)
		}
	}
	return drifted
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

// DriftDigest says once a day what drift is open, in all stacks that were
// scanned: neither ignored nor accepted.
type DriftDigest struct {
	Day        string              `json:"day"`        // 2026-01-02, UTC
	Resources  int                 `json:"resources"`  // whose drift is open
	Severities map[string]int      `json:"severities"` // of Resources; "unrated" when no policy rated them
	Regions    []DriftDigestRegion `json:"regions"`    // sorted by account and region; those without open drift too
	Stacks     []DriftDigestStack  `json:"stacks"`     // the most severe first, then the oldest
	More       int                 `json:"more"`       // stacks with open drift that Stacks has no room for
}

// DriftDigestRegion is what is open in one account and region.
type DriftDigestRegion struct {
	Account   string    `json:"account"`
	Region    string    `json:"region"`
	Stacks    int       `json:"stacks"`    // that were scanned
	Drifted   int       `json:"drifted"`   // of them, with open drift
	Resources int       `json:"resources"` // whose drift is open
	Since     time.Time `json:"since,omitzero"`
}

// DriftDigestStack is what is open in one stack.
type DriftDigestStack struct {
	StackRef
	Resources int       `json:"resources"`          // whose drift is open
	Severity  string    `json:"severity,omitempty"` // the highest of them
	Since     time.Time `json:"since"`              // when the oldest was first seen
	Scanned   time.Time `json:"scanned"`            // when the stack was last looked at
}

// Source implements Data.
func (DriftDigest) Source() string { return SourceDrift }

// DetailType implements Data.
func (DriftDigest) DetailType() string { return "DriftDigest.v1" }
