// Package workflow holds the Step Functions definitions of the suite, checks
// them (Lint) and gives their model to the interpreter. It imports the standard
// library only, so that its tests run in milliseconds.
//
// The definitions are Amazon States Language in JSONPath mode. Source: the
// Amazon States Language specification, states-language.net/spec.html, and the
// Step Functions developer guide.
package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
)

// Machine is a state machine, or the inline processor of a Map.
type Machine struct {
	Comment         string
	StartAt         string
	States          map[string]*State
	TimeoutSeconds  *int
	ProcessorConfig *ProcessorConfig // of an inline processor only
}

// ProcessorConfig says how a Map runs its items.
type ProcessorConfig struct{ Mode string }

// State is a state of any type; the type says which fields it may have.
type State struct {
	Type    string
	Comment string
	Next    string
	End     bool

	InputPath      Path
	OutputPath     Path
	ResultPath     Path
	Parameters     json.RawMessage
	ResultSelector json.RawMessage
	Result         json.RawMessage

	Resource           string
	TimeoutSeconds     *int
	TimeoutSecondsPath string
	HeartbeatSeconds   *int
	Retry              []Retrier
	Catch              []Catcher

	Choices []Rule
	Default string

	Seconds       *int
	SecondsPath   string
	Timestamp     string
	TimestampPath string

	ItemsPath      Path
	ItemSelector   json.RawMessage
	MaxConcurrency *int
	ItemProcessor  *Machine

	Error     string
	ErrorPath string
	Cause     string
	CausePath string
}

// Path is a JSONPath field, which may be absent, null or a path.
type Path struct {
	Set  bool   // the field is there
	Null bool   // and is null
	Text string // or is this path
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Path) UnmarshalJSON(data []byte) error {
	p.Set = true
	if string(data) == "null" {
		p.Null = true
		return nil
	}
	return json.Unmarshal(data, &p.Text)
}

// Retrier says which errors a state tries again, and how often.
type Retrier struct {
	ErrorEquals     []string
	IntervalSeconds *int
	MaxAttempts     *int
	BackoffRate     *float64
	MaxDelaySeconds *int
	JitterStrategy  string
	Comment         string
}

// Catcher says where a state goes on an error.
type Catcher struct {
	ErrorEquals []string
	ResultPath  Path
	Next        string
	Comment     string
}

// Rule is a choice rule: a comparison of Variable, or And, Or, Not.
type Rule struct {
	Comment string
	Next    string
	And     []Rule
	Or      []Rule
	Not     *Rule

	Variable                 string
	BooleanEquals            *bool
	StringEquals             *string
	NumericEquals            *float64
	NumericGreaterThan       *float64
	NumericGreaterThanEquals *float64
	NumericLessThan          *float64
	NumericLessThanEquals    *float64
	IsPresent                *bool
	IsNull                   *bool
	IsString                 *bool
}

// Parse decodes a definition strictly: a field that this package does not know
// is an error, because nothing would check or interpret it.
func Parse(definition []byte) (*Machine, error) {
	decoder := json.NewDecoder(bytes.NewReader(definition))
	decoder.DisallowUnknownFields()
	var m Machine
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("definition: more follows the end of the document")
	}
	return &m, nil
}

var substitution = regexp.MustCompile(`\$\{([A-Za-z0-9]+)\}`)

// Substitutions returns the names of the ${Name} tokens in a definition,
// sorted. CloudFormation puts ARNs in their place.
func Substitutions(definition []byte) []string {
	var names []string
	for _, match := range substitution.FindAllSubmatch(definition, -1) {
		names = append(names, string(match[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
