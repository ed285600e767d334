// Package response decides what is done about drift: how severe a difference
// is, whether somebody agreed to it, and whether it is ignored, told, opened as
// a case or wished back. The policy is data: a document in Parameter Store, or
// the default in this package. Every decision is a pure function and says why.
package response

import (
	"slices"
	"time"
)

// Severity is how much a difference matters.
type Severity string

// The severities, in rising order.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities returns all severities in rising order.
func Severities() []Severity { return []Severity{Low, Medium, High, Critical} }

// AtLeast reports whether s is as severe as other, or more. What is no
// severity is less than any.
func (s Severity) AtLeast(other Severity) bool { return s.rank() >= other.rank() }

func (s Severity) rank() int { return slices.Index(Severities(), s) }

// Response is what is done about a difference.
type Response string

// The responses, in rising order.
const (
	Ignore Response = "ignore" // it is in the report, and nobody is told
	Notify Response = "notify" // it is told once
	Open   Response = "open"   // it stays open until somebody accepts or reverts it
	Revert Response = "revert" // a wish: the guard of the revert decides
)

// Responses returns all responses in rising order.
func Responses() []Response { return []Response{Ignore, Notify, Open, Revert} }

func (r Response) rank() int { return slices.Index(Responses(), r) }

// Unknown is the class of a difference that nobody is known to have made.
const Unknown = "unknown"

// Classes returns the classes of an attribution, see events.Attribution.
func Classes() []string {
	return []string{"ownDeployment", "otherStack", "serviceManaged", "healer", "breakGlass", "person", Unknown}
}

// everyClass is the row of a policy for all classes that it does not name.
const everyClass = "default"

// Row is the response for each severity.
type Row map[Severity]Response

// Policy says what is done about drift.
type Policy struct {
	// Severities are asked in order before the built-in ones; the first that
	// fits decides.
	Severities []SeverityRule `json:"severities,omitempty"`
	// Responses by class, or "default". What is not named is as in Default.
	Responses map[string]Row `json:"responses,omitempty"`
	// Ignore are the exceptions.
	Ignore []Exception `json:"ignore,omitempty"`
}

// SeverityRule gives what it matches a severity. An empty glob matches all.
type SeverityRule struct {
	Type     string   `json:"type,omitempty"`     // glob of the resource type
	Property string   `json:"property,omitempty"` // glob of the JSON pointer; a whole that contains what it names matches too
	Severity Severity `json:"severity"`
	Why      string   `json:"why,omitempty"`
}

// Exception takes drift out of the account until it ends. Empty globs match
// all; at least one is given.
type Exception struct {
	Stack     string `json:"stack,omitempty"`     // glob of the stack's name
	Type      string `json:"type,omitempty"`      // glob of the resource type
	LogicalID string `json:"logicalId,omitempty"` // glob
	Property  string `json:"property,omitempty"`  // glob of the JSON pointer of the difference
	// Deleted says that the exception also hides that a resource is gone.
	Deleted bool      `json:"deleted,omitempty"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until"` // counts before this instant only
}

// Default is the policy without a document: nothing is ever reverted by
// itself, and what a service or the healer does on purpose is told, not opened.
func Default() Policy {
	return Policy{Responses: map[string]Row{
		everyClass:       {Low: Notify, Medium: Notify, High: Open, Critical: Open},
		"ownDeployment":  {Low: Notify, Medium: Notify, High: Notify, Critical: Open},
		"serviceManaged": {Low: Ignore, Medium: Notify, High: Open, Critical: Open},
		"healer":         {Low: Notify, Medium: Notify, High: Notify, Critical: Notify},
		"breakGlass":     {Low: Open, Medium: Open, High: Open, Critical: Open},
	}}
}

// response is the cell of a class and severity, and the row that it stands in.
// A document's default row counts before the built-in row of a class: whoever
// writes "default: open" means all that is not named.
func (p Policy) response(class string, severity Severity) (Response, string) {
	builtin := Default()
	for _, from := range []struct {
		row  Row
		name string
	}{
		{p.Responses[class], class}, {p.Responses[everyClass], everyClass},
		{builtin.Responses[class], class}, {builtin.Responses[everyClass], everyClass},
	} {
		if r, ok := from.row[severity]; ok {
			return r, from.name
		}
	}
	return Open, everyClass // a severity that is none: nothing is hidden
}

// Expired lists the exceptions that count no more, in the order of the policy.
func (p Policy) Expired(now time.Time) []Exception {
	var out []Exception
	for _, e := range p.Ignore {
		if !now.Before(e.Until) {
			out = append(out, e)
		}
	}
	return out
}
