// Package sarif is the part of the OASIS Static Analysis Results Interchange
// Format 2.1.0 that the reports of this program write.
package sarif

// The limits of GitHub code scanning for one run: a larger file is refused.
// Source: GitHub documentation, "SARIF support for code scanning", "Validating
// your SARIF file".
const (
	MaxResults = 25000
	MaxTags    = 20
)

// Version and Schema say what a Log is.
const (
	Version = "2.1.0"
	Schema  = "https://json.schemastore.org/sarif-2.1.0.json"
)

// Log is a file of results.
type Log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []Run  `json:"runs"`
}

// Run is one run of one tool.
type Run struct {
	Tool        Tool                `json:"tool"`
	Invocations []Invocation        `json:"invocations"`
	BaseIDs     map[string]Artifact `json:"originalUriBaseIds,omitempty"`
	ColumnKind  string              `json:"columnKind"`
	Results     []Result            `json:"results"`
}

// Tool is what made a run.
type Tool struct {
	Driver Driver `json:"driver"`
}

// Driver is the program of a tool, with the rules that its results name.
type Driver struct {
	Name           string `json:"name"`
	Version        string `json:"version,omitempty"`
	InformationURI string `json:"informationUri"`
	Rules          []Rule `json:"rules"`
}

// Rule describes what results of its id have in common.
type Rule struct {
	ID               string     `json:"id"`
	ShortDescription Text       `json:"shortDescription"`
	FullDescription  Text       `json:"fullDescription"`
	Help             Text       `json:"help"`
	HelpURI          string     `json:"helpUri,omitempty"`
	Default          Level      `json:"defaultConfiguration"`
	Properties       Properties `json:"properties"`
}

// Level is how much a rule matters: error, warning or note.
type Level struct {
	Level string `json:"level"`
}

// Properties are what code scanning services know beyond the standard.
type Properties struct {
	Precision string   `json:"precision"`
	Severity  string   `json:"problem.severity,omitempty"`
	Security  string   `json:"security-severity,omitempty"`
	Tags      []string `json:"tags,omitempty"`
}

// Text is a message, plain and perhaps as Markdown.
type Text struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

// Result is one finding.
type Result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      Text              `json:"message"`
	Locations    []Location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Suppressions []Suppression     `json:"suppressions,omitempty"`
	Properties   *Properties       `json:"properties,omitempty"`
}

// Suppression says that a result is known, and why it may stay.
type Suppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification,omitempty"`
}

// Location is where a result is: in a file, in what is no file, or both.
type Location struct {
	Physical *Physical `json:"physicalLocation,omitempty"`
	Logical  []Logical `json:"logicalLocations,omitempty"`
}

// Logical is a place that is no position in a file.
type Logical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// Physical is a place in a file.
type Physical struct {
	Artifact Artifact `json:"artifactLocation"`
	Region   Region   `json:"region"`
}

// Artifact names a file by its URI.
type Artifact struct {
	URI         string `json:"uri,omitempty"`
	BaseID      string `json:"uriBaseId,omitempty"`
	Description *Text  `json:"description,omitempty"`
}

// Region is a part of a file, counted from 1.
type Region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

// Invocation is how a run went.
type Invocation struct {
	Successful    bool           `json:"executionSuccessful"`
	Notifications []Notification `json:"toolExecutionNotifications,omitempty"`
}

// Notification is something that a tool says about its run.
type Notification struct {
	Level   string `json:"level"`
	Message Text   `json:"message"`
}

// Notify adds something that the tool has to say about its run.
func (i *Invocation) Notify(level, text string) {
	i.Notifications = append(i.Notifications, Notification{Level: level, Message: Text{Text: text}})
}
