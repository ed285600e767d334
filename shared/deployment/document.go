package deployment

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// Document is a plan as a person reads it: the rows of the change set with
// what they were rated. It is kept in S3 under DocumentKey.
type Document struct {
	Run         events.Run    `json:"run"`
	Target      events.Target `json:"target"`
	ChangeSetID string        `json:"changeSetId"`
	Digest      string        `json:"digest"`
	Empty       bool          `json:"empty"`
	Risk        string        `json:"risk"`
	Reasons     []string      `json:"reasons"`
	Gate        string        `json:"gate"`
	Planned     time.Time     `json:"planned"`
	Rows        []Row         `json:"rows"` // sorted by logical id
}

// Row is what happens to one resource.
type Row struct {
	Action       string     `json:"action"`
	LogicalID    string     `json:"logicalId"`
	PhysicalID   string     `json:"physicalId,omitempty"`
	Type         string     `json:"type"`
	Replacement  string     `json:"replacement,omitempty"`
	PolicyAction string     `json:"policyAction,omitempty"`
	Drift        string     `json:"drift,omitempty"`
	Properties   []Property `json:"properties"` // sorted by path
}

// Property is what happens to one attribute of a resource. An empty Before
// means that it is added, an empty After that it is removed.
type Property struct {
	Path       string `json:"path"`
	Before     string `json:"before,omitempty"`
	After      string `json:"after,omitempty"`
	Recreation string `json:"recreation,omitempty"` // Never, Conditionally, Always
	Cause      string `json:"cause,omitempty"`      // what makes it change
}

// DocumentKey is where the document of a plan is kept in the bucket.
func DocumentKey(runID, stage, stack string) string {
	return fmt.Sprintf("plans/%s/%s/%s.json", runID, stage, stack)
}

// rows turns changes into rows.
func rows(changes []Change) []Row {
	list := make([]Row, 0, len(changes))
	for _, c := range changes {
		list = append(list, Row{
			Action: c.Action, LogicalID: c.LogicalID, PhysicalID: c.PhysicalID, Type: c.Type,
			Replacement: c.Replacement, PolicyAction: c.PolicyAction, Drift: c.Drift, Properties: properties(c),
		})
	}
	slices.SortStableFunc(list, func(a, b Row) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return list
}

// properties reads the details of a change, or the whole resource when it is
// added or removed: then CloudFormation gives no details. The same path comes
// once for each of its causes; they are joined.
func properties(c Change) []Property {
	byPath := map[string]Property{}
	for _, d := range c.Details {
		path := d.where()
		p, seen := byPath[path]
		if !seen {
			p = Property{Path: path, Before: redact.Value(path, d.Before), After: redact.Value(path, d.After), Recreation: d.Recreation}
		}
		if cause := d.cause(); cause != "" && !strings.Contains(p.Cause, cause) {
			p.Cause = strings.TrimPrefix(p.Cause+", "+cause, ", ")
		}
		p.Recreation = stricter(p.Recreation, d.Recreation)
		byPath[path] = p
	}
	if len(c.Details) == 0 && c.Action == "Add" {
		for path, value := range contextOf(c.After) {
			byPath[path] = Property{Path: path, After: redact.Value(path, value)}
		}
	}
	if len(c.Details) == 0 && c.Action == "Remove" {
		for path, value := range contextOf(c.Before) {
			byPath[path] = Property{Path: path, Before: redact.Value(path, value)}
		}
	}
	list := make([]Property, 0, len(byPath))
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		list = append(list, byPath[path])
	}
	return list
}

// cause says what makes an attribute change, except the plain case that the
// template was edited.
func (d Detail) cause() string {
	switch {
	case d.Cause != "":
		return d.Cause
	case d.Source == "DirectModification":
		return ""
	default:
		return d.Source
	}
}

func stricter(a, b string) string {
	order := []string{"", "Never", "Conditionally", "Always"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// contextOf splits a resource's JSON into its top properties.
func contextOf(context string) map[string]string {
	var resource struct{ Properties map[string]json.RawMessage }
	if json.Unmarshal([]byte(context), &resource) != nil {
		return nil
	}
	values := map[string]string{}
	for name, raw := range resource.Properties {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		values["/Properties/"+name] = text
	}
	return values
}

// The limits of a plan inside a fact, which must fit an event of 256 KB; the
// document in S3 has everything.
const (
	factRows       = 50
	factProperties = 10
	factValue      = 120 // characters of a property line
)

// summary is the document's rows for a fact; a last row tells how many were
// left out.
func (d Document) summary() []events.Change {
	changes := make([]events.Change, 0, min(len(d.Rows), factRows))
	for i, row := range d.Rows {
		if i == factRows {
			changes = append(changes, events.Change{LogicalID: fmt.Sprintf("… and %d more", len(d.Rows)-factRows)})
			break
		}
		changes = append(changes, row.summary())
	}
	return changes
}

func (r Row) summary() events.Change {
	change := events.Change{
		Action: r.Action, LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, ResourceType: r.Type,
		Replacement: r.Replacement, PolicyAction: r.PolicyAction,
	}
	for i, p := range r.Properties {
		if i == factProperties {
			change.Properties = append(change.Properties, fmt.Sprintf("… and %d more", len(r.Properties)-factProperties))
			break
		}
		change.Properties = append(change.Properties, clip(p.line(), factValue))
	}
	return change
}

func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
