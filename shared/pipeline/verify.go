package pipeline

import (
	"encoding/json"
	"strings"
	"time"
)

// What a stage does when a verification failed.
const (
	OnFailureStop     = "stop"     // the run ends; what was deployed stays
	OnFailureRollback = "rollback" // the stack returns to its previous template
)

// What an alarm without data means for a verification.
const (
	NoDataWait = "wait" // the default: asked again, and a failure when the attempts are used up
	NoDataPass = "pass"
	NoDataFail = "fail"
)

// Defaults and limits of checks.
const (
	MaxAttempts     = 5 // without a warm-up, which takes one, and a build, which takes two each
	DefaultAttempts = 3 // a build has 1: it is a test suite of its own
	DefaultInterval = Duration(10 * time.Second)

	// MaxTogether bounds the time-outs of a list's checks, without builds: they
	// run one after another, in one invocation of a function.
	MaxTogether = Duration(90 * time.Second)
)

// Check is one verification after a deployment, of exactly one kind. Its texts
// may hold references to stack outputs, "${output.Name}" for the check's own
// stack and "${output.stack.Name}" for another.
type Check struct {
	Name   string       `json:"name"`
	HTTP   *HTTPCheck   `json:"http,omitempty"`
	Lambda *LambdaCheck `json:"lambda,omitempty"`
	Alarm  *AlarmCheck  `json:"alarm,omitempty"`
	Build  *BuildCheck  `json:"build,omitempty"`

	Attempts int      `json:"attempts"`         // 1 to MaxAttempts
	Interval Duration `json:"interval"`         // from one attempt to the next
	Timeout  Duration `json:"timeout"`          // of one attempt
	Warmup   Duration `json:"warmup,omitempty"` // before the first attempt

	at      Position
	outputs []outputRef
}

// At returns where the check stands in evenkeel.yaml. It is zero for a check
// that travelled as JSON.
func (c Check) At() Position { return c.at }

// Acts returns the function or the project that the check runs.
func (c Check) Acts() (name string, acts bool) {
	switch {
	case c.Lambda != nil:
		return c.Lambda.Function, true
	case c.Build != nil:
		return c.Build.Project, true
	default:
		return "", false
	}
}

// IsOutput reports whether a text is one reference to an output and nothing else.
func IsOutput(text string) bool {
	reference, ok := strings.CutPrefix(text, refBegin)
	reference, closed := strings.CutSuffix(reference, refEnd)
	return ok && closed && ownOutputPattern.matches(reference)
}

// Kind names what the check does: http, lambda, alarm or build.
func (c Check) Kind() string {
	switch {
	case c.HTTP != nil:
		return "http"
	case c.Lambda != nil:
		return "lambda"
	case c.Alarm != nil:
		return "alarm"
	case c.Build != nil:
		return "build"
	default:
		return ""
	}
}

// Rounds is how often the workflow comes back for the check at most: to make
// each attempt, to look at each build that ended, and after the warm-up. A
// list of checks has MaxAttempts rounds together.
func (c Check) Rounds() int {
	rounds := c.Attempts
	if c.Build != nil {
		rounds *= 2
	}
	if c.Warmup > 0 {
		rounds++
	}
	return rounds
}

// HTTPCheck asks a URL.
type HTTPCheck struct {
	URL        string           `json:"url"`
	Method     string           `json:"method"` // GET, HEAD, POST
	Headers    map[string]Value `json:"headers,omitempty"`
	Body       string           `json:"body,omitempty"`
	Status     []StatusRange    `json:"status"` // any of them
	Expect     Expect           `json:"expect,omitzero"`
	MaxLatency Duration         `json:"maxLatency,omitempty"` // until the whole answer was read
}

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Expect is what an answer must be like.
type Expect struct {
	Contains string                     `json:"contains,omitempty"`
	Matches  string                     `json:"matches,omitempty"` // RE2
	JSON     map[string]json.RawMessage `json:"json,omitempty"`    // path, such as $.status, and the scalar that stands there
	Headers  map[string]string          `json:"headers,omitempty"` // name, and what its value contains; HTTP only
}

// LambdaCheck invokes a function and waits for its answer.
type LambdaCheck struct {
	Function string          `json:"function"` // name or ARN
	Payload  json.RawMessage `json:"payload,omitempty"`
	Expect   Expect          `json:"expect,omitzero"`
}

// AlarmCheck asks for the states of CloudWatch alarms, which must be OK.
type AlarmCheck struct {
	Names            []string `json:"names"`
	InsufficientData string   `json:"insufficientData"` // one of the NoData constants
}

// BuildCheck runs a CodeBuild project.
type BuildCheck struct {
	Project   string           `json:"project"`
	Variables map[string]Value `json:"variables,omitempty"` // of the build's environment
}

// Value is a text of a check in exactly one of its forms. A value by reference
// is read by who needs it, and is never part of a document.
type Value struct {
	Text           string `json:"text,omitempty"`           // with output references
	Secret         string `json:"secret,omitempty"`         // Secrets Manager name or ARN, or name#jsonKey
	ParameterStore string `json:"parameterStore,omitempty"` // variables of a build only
}

// Duration is a time.Duration that is text in JSON: "1m30s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// String is the shortest way to write it: 5m and not 5m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// verified fills in what the stages of one branch do when a verification
// fails and they do not say so themselves: the last one, where people use the
// stacks, returns to what worked; the others stop, so that the failure can be
// looked at where it is.
func verified(stages []Stage) {
	for i := range stages {
		switch {
		case stages[i].OnVerificationFailure != "":
		case i == len(stages)-1:
			stages[i].OnVerificationFailure = OnFailureRollback
		default:
			stages[i].OnVerificationFailure = OnFailureStop
		}
	}
}
