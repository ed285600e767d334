package events

// Run identifies a run in the facts of the pipeline and of deployment.
type Run struct {
	RunID      string `json:"runId"`
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	Commit     string `json:"commit"`
	Actor      string `json:"actor"`
}

// RunStarted says that a push was taken up.
type RunStarted struct {
	Run
}

// Source implements Data.
func (RunStarted) Source() string { return SourcePipeline }

// DetailType implements Data.
func (RunStarted) DetailType() string { return "RunStarted.v1" }

// Finding is one thing that validation found.
type Finding struct {
	File     string `json:"file"`     // path in the repository
	Line     int    `json:"line"`     // from 1
	Column   int    `json:"column"`   // from 1
	Rule     string `json:"rule"`     // "E3002"
	Severity string `json:"severity"` // error, warning, info
	Message  string `json:"message"`
}

// Validated is what validation found in the templates of a commit.
type Validated struct {
	Files      int       `json:"files"` // templates checked
	Errors     int       `json:"errors"`
	Warnings   int       `json:"warnings"`
	Suppressed int       `json:"suppressed"`        // findings that somebody switched off
	Findings   []Finding `json:"findings"`          // at most 50, errors first
	Refused    []string  `json:"refused,omitempty"` // stages that do not accept these findings
	Report     string    `json:"report,omitempty"`  // S3 key of the whole report, JSON
}

// TemplatesValidated says that the templates of a commit are good enough for
// the first stage that follows its branch.
type TemplatesValidated struct {
	Run
	Validated
}

// Source implements Data.
func (TemplatesValidated) Source() string { return SourcePipeline }

// DetailType implements Data.
func (TemplatesValidated) DetailType() string { return "TemplatesValidated.v1" }

// TemplatesRejected says that they are not: the run ends Rejected.
type TemplatesRejected struct {
	Run
	Validated
}

// Source implements Data.
func (TemplatesRejected) Source() string { return SourcePipeline }

// DetailType implements Data.
func (TemplatesRejected) DetailType() string { return "TemplatesRejected.v1" }

// The terminal states of a run. A run ends Rejected or Deferred before the
// stack at hand is touched; what earlier stacks and stages got stays, and is
// listed in RunFinished.Changed.
const (
	OutcomeSucceeded  = "Succeeded"
	OutcomeRejected   = "Rejected"   // the sender must change something, or a person said no
	OutcomeDeferred   = "Deferred"   // someone else held the lock, or a newer push took over
	OutcomeRolledBack = "RolledBack" // a stack failed and is back at its previous state
	OutcomeStuck      = "Stuck"      // a person is needed; raises an alarm
)

// RunFinished says how a run ended: the one terminal fact of every run.
type RunFinished struct {
	Run
	Outcome  string    `json:"outcome"`            // one of the Outcome constants
	Reason   string    `json:"reason"`             // one sentence for a person
	Findings []Finding `json:"findings,omitempty"` // why it was Rejected, at most 50
	Failure  *Failure  `json:"failure,omitempty"`  // why it was RolledBack or Stuck
	Changed  []string  `json:"changed"`            // "stage/stack" that were changed, in order
}

// Source implements Data.
func (RunFinished) Source() string { return SourcePipeline }

// DetailType implements Data.
func (RunFinished) DetailType() string { return "RunFinished.v1" }

// Failure names the first resource that failed.
type Failure struct {
	Stage        string `json:"stage"`
	Stack        string `json:"stack"`
	StackStatus  string `json:"stackStatus"`
	LogicalID    string `json:"logicalId"`
	ResourceType string `json:"resourceType"`
	Reason       string `json:"reason"`
}
